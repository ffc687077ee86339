"""`plan --out` and `apply FILE`: exactly that plan, resumed, or refused."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from programme import PEOPLE, Project, Server

pytestmark = pytest.mark.system


def save(project: Project) -> Path:
    ended = project.start("plan", "--out", "spring.plan", "--output", "json")
    assert ended.code == 0, ended.err
    return project.folder / "spring.plan"


def test_a_plan_writes_nothing_but_its_file(project: Project, server: Server) -> None:
    ended = project.start("plan", "--output", "json")
    assert ended.code == 0
    assert [(c["action"], c["title"]) for c in ended.json()["changes"]] == [
        ("create", "Kickoff: Donor dashboard (AL)"),
        ("create", "Final: Donor dashboard (AL)"),
    ]
    assert server.writes() == []
    assert not (project.folder / "state.db").exists()


def test_the_detailed_exit_code(project: Project) -> None:
    assert project.start("plan", "--detailed-exitcode").code == 9
    project.run()
    assert project.start("plan", "--detailed-exitcode").code == 0
    assert project.start("run", "--dry-run").code == 0


def test_a_saved_plan_is_applied_exactly_and_only_once(project: Project, server: Server) -> None:
    file = save(project)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    ended = project.start("apply", "spring.plan", "--output", "json")
    assert ended.code == 0, ended.err
    assert ended.json()["targets"]["board"]["created"] == 2
    server.requests.clear()
    again = project.start("apply", "spring.plan", "--output", "json")
    assert (again.code, again.json()["status"]) == (4, "refused")
    assert server.writes() == []
    project.run()
    assert server.writes() == []


def test_after_a_saved_plan_the_board_never_goes_back_in_time(project: Project, server: Server) -> None:
    project.run()
    project.edit("jobs.csv", "Two lines of it.", "Two other lines.")
    save(project)
    assert project.start("apply", "spring.plan").code == 0
    project.write("jobs.csv", "id,title\n")  # the next read fails, so the stored records speak
    assert project.start("run").code == 4
    assert "Two other lines." in server.card("Kickoff")["desc"]


def test_a_plan_of_a_world_that_moved_is_refused_and_nothing_is_done(project: Project, server: Server) -> None:
    project.run()
    project.edit("jobs.csv", "Donor dashboard", "Donor atlas")
    save(project)
    card = server.card("Final")
    server.call("PUT", f"/cards/{card['id']}", due="2026-04-01T12:00:00.000Z")
    server.requests.clear()
    ended = project.start("apply", "spring.plan")
    assert ended.code == 4
    assert "Final: Donor" in ended.err
    assert server.writes() == []


def test_a_plan_is_not_stale_because_something_else_moved(project: Project, server: Server) -> None:
    project.run()
    project.edit("jobs.csv", "Two lines of it.", "Two other lines.")
    save(project)
    card = server.card("Final")  # the plan changes the kickoff's body alone
    server.call("PUT", f"/cards/{card['id']}", name="Final, renamed by a person")
    assert project.start("apply", "spring.plan").code == 0
    assert "Two other lines." in server.card("Kickoff")["desc"]
    assert server.card("Final")["name"] == "Final, renamed by a person"


def test_a_plan_that_was_edited_is_refused(project: Project, server: Server) -> None:
    file = save(project)
    file.write_text(file.read_text("utf-8").replace("Donor dashboard", "Donor dash"), "utf-8")
    ended = project.start("apply", "spring.plan")
    assert ended.code == 4
    assert "spring.plan" in ended.err
    assert server.writes() == []


def test_a_saved_plan_holds_no_secret_and_no_personal_data(project: Project, server: Server) -> None:
    text = save(project).read_text("utf-8")
    json.loads(text)
    for value in (*server.environ.values(), "Ana", "Lopez", "students.example"):
        assert value not in text


@pytest.mark.parametrize(("term", "days", "code"), [("7d", 6, 0), ("7d", 8, 4), ("2w", 8, 0), ("2d", 3, 4)])
def test_a_plan_expires(project: Project, server: Server, term: str, days: int, code: int) -> None:
    config = (project.folder / "config.toml").read_text("utf-8")
    project.write("config.toml", f'{config}\n[safety]\nplan_expires = "{term}"\n')
    save(project)
    ended = project.start("apply", "spring.plan", program=("-c", _LATER.format(days)))
    assert ended.code == code, ended.err
    assert bool(server.writes()) == (code == 0)
    if code:
        assert "has expired" in ended.err
        assert "Make a new one; [safety] plan_expires" in ended.err


_LATER = """
from datetime import UTC, datetime, timedelta
from mi_sync.cli import main, session
session.WIRE["now"] = lambda: datetime.now(UTC) + timedelta(days={})
main()
"""


def test_a_plan_made_when_more_was_allowed_is_refused(project: Project, server: Server) -> None:
    config = (project.folder / "config.toml").read_text("utf-8")
    project.write("config.toml", f'{config}\n[privacy]\nallow = ["name"]\n')
    file = save(project)
    assert "Ana Lopez" in file.read_text("utf-8")
    project.write("config.toml", config)
    ended = project.start("apply", "spring.plan")
    assert ended.code == 4
    assert "target 'board' is no longer allowed: name. Make a new one." in ended.err
    assert server.writes() == []


def test_the_limits_hold_for_a_saved_plan(project: Project, server: Server) -> None:
    config = (project.folder / "config.toml").read_text("utf-8")
    project.write("config.toml", config + "\n[safety]\nmax_create = 1\n")
    save(project)
    assert project.start("apply", "spring.plan").code == 4
    assert server.writes() == []
    assert project.start("apply", "spring.plan", "--force", "create").code == 0
    assert len(server.cards()) == 2


@pytest.mark.parametrize(("content", "code"), [(None, 2), ("", 4), ("[]", 4), ("{}", 4), ("\x00", 4)])
def test_a_file_that_is_no_plan(project: Project, content: str | None, code: int) -> None:
    if content is not None:
        project.write("spring.plan", content)
    ended = project.start("apply", "spring.plan")
    assert ended.code == code
    assert "Traceback" not in ended.err
    assert "spring.plan" in ended.err


def test_a_saved_plan_binds_its_target_to_its_board(project: Project, server: Server) -> None:
    save(project)
    assert project.start("apply", "spring.plan").code == 0
    other = server.call("POST", "/boards", name="Another")
    project.edit("config.toml", 'board = "DEMO2026"', f'board = "{other["id"]}"')
    ended = project.start("run")
    assert ended.code == 4
    assert "another board" in ended.err


def test_a_saved_plan_that_adopts_resumes(project: Project, server: Server) -> None:
    project.run()
    (project.folder / "state.db").unlink()
    project.write("people.csv", PEOPLE + "S-2,Bo Li,bo.li@students.example,P-1,accepted\n")
    actions = [c["action"] for c in project.start("plan", "--out", "spring.plan", "--output", "json").json()["changes"]]
    assert sorted(actions) == ["adopt", "adopt", "create", "create"]
    assert project.start("apply", "spring.plan", "--max-requests", "5").code == 8
    assert project.start("apply", "spring.plan").code == 0
    assert [len(cards) for cards in server.marked().values()] == [1, 1, 1, 1]
    assert project.start("apply", "spring.plan").code == 4


def test_status_is_true_after_a_saved_plan(project: Project, server: Server) -> None:
    project.run()
    server.call("PUT", f"/cards/{server.card('Kickoff')['id']}", dueComplete=True)
    project.edit("jobs.csv", "Donor dashboard", "Donor atlas")
    save(project)
    assert project.start("apply", "spring.plan").code == 0
    answers = project.start("status", "--output", "json").json()
    assert [line["title"][:5] for line in answers["overdue"]] == ["Final"]
