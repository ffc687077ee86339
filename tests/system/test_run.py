"""The main job through the real command line, over real HTTP, against a real server."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from programme import CONFIG, JOBS, ON_BOTH, PEOPLE, Project, Server

pytestmark = pytest.mark.system


@ON_BOTH
def test_one_card_for_each_milestone_and_one_request_for_each_card(project: Project, server: Server) -> None:
    result = project.run()
    assert result["targets"]["board"]["created"] == 2
    assert [card["name"] for card in server.cards()] == [
        "Kickoff: Donor dashboard (AL)",
        "Final: Donor dashboard (AL)",
    ]
    writes = [re.sub(r"/[0-9a-f]{24}", "/ID", path) for _, path in server.writes()]
    assert sorted(writes) == sorted(
        ["/1/labels"] * 2  # one for each missing label
        + ["/1/lists"]  # Wrap-up; To do is there
        + ["/1/cards"] * 2  # one for each card
        + ["/1/checklists", "/1/checklists/ID/checkItems", "/1/checklists/ID/checkItems"]
    )
    assert len(server.requests) == len(server.writes()) + 2  # the snapshot: the board, and a page that is empty
    assert result["targets"]["board"]["requests"] == len(server.requests)


def test_a_card_holds_what_the_step_says(project: Project, server: Server) -> None:
    project.run()
    card = server.card("Kickoff")
    assert card["due"] == "2026-03-02T23:00:00.000Z"  # 17:00 in Chicago
    assert [label["name"] for label in card["labels"]] == ["kickoff"]
    assert [line["name"] for line in card["checklists"][0]["checkItems"]] == ["Send the brief", "Give access"]
    assert card["desc"].startswith("Find out who gives.\nTwo lines of it.\n")
    assert card["desc"].splitlines()[-1].startswith("[mi-sync](")


@ON_BOTH
def test_the_second_run_writes_nothing_and_asks_three_times(project: Project, server: Server) -> None:
    project.run()
    server.requests.clear()
    result = project.run()
    assert server.writes() == []
    assert len(server.requests) == 3
    assert result["targets"]["board"]["unchanged"] == 2
    assert result["sources"]["jobs"]["unchanged"] == 1


@ON_BOTH
def test_a_changed_row_is_one_update(project: Project, server: Server) -> None:
    project.run()
    server.requests.clear()
    project.edit("jobs.csv", "Two lines of it.", "Two other lines.")
    assert project.run()["targets"]["board"]["updated"] == 1
    assert [method for method, _ in server.writes()] == ["PUT"]
    assert "Two other lines." in server.card("Kickoff")["desc"]


@ON_BOTH
def test_a_persons_edit_is_kept_and_the_rest_still_syncs(project: Project, server: Server) -> None:
    project.run()
    card = server.card("Kickoff")
    server.call("PUT", f"/cards/{card['id']}", name="Kickoff with cake")
    project.edit("jobs.csv", "Two lines of it.", "Two other lines.")
    project.run()
    after = server.card("Kickoff")
    assert after["name"] == "Kickoff with cake"
    assert "Two other lines." in after["desc"]


def test_nothing_personal_but_label_and_initials_reaches_the_board(project: Project, server: Server) -> None:
    project.run()
    held = json.dumps(server.cards()) + json.dumps(server.call("GET", "/boards/DEMO2026/actions?limit=1000"))
    for personal in ("Ana", "Lopez", "students.example"):
        assert personal not in held


@ON_BOTH
def test_an_open_conflict_is_named_and_shown_by_status(project: Project, server: Server) -> None:
    project.run()
    card = server.card("Kickoff")
    server.call("PUT", f"/cards/{card['id']}", desc="A person's text\n\n" + card["desc"].splitlines()[-1])
    project.edit("jobs.csv", "Two lines of it.", "Two other lines.")
    project.edit("jobs.csv", "Donor dashboard", "Donor atlas")  # the same card is updated, too
    result = project.run()
    assert result["targets"]["board"] | {"conflicts": 1, "updated": 2} == result["targets"]["board"]
    assert [(problem["field"], problem["where"]) for problem in result["problems"]] == [("body", card["shortUrl"])]
    (line,) = project.start("status", "--output", "json").json()["conflicts"]
    assert (line["conflicts"], line["url"]) == (["body"], card["shortUrl"])
    assert server.card("Kickoff")["desc"].startswith("A person's text")


def test_a_key_that_no_item_has_is_refused(project: Project) -> None:
    ended = project.start("run", "--recreate", "nokey")
    assert ended.code == 2
    assert "nokey" in ended.err


@ON_BOTH
def test_an_ended_engagement_is_archived_and_comes_back(project: Project, server: Server) -> None:
    project.run()
    done = server.card("Kickoff")
    server.call("PUT", f"/cards/{done['id']}", dueComplete=True)
    project.edit("people.csv", "accepted", "withdrawn")
    assert project.run()["targets"]["board"]["archived"] == 1
    assert {card["name"][:5]: card["closed"] for card in server.cards()} == {"Kicko": False, "Final": True}
    project.edit("people.csv", "withdrawn", "accepted")
    project.run()
    assert not any(card["closed"] for card in server.cards())
    assert len(server.cards()) == 2


@ON_BOTH
def test_a_dismissed_card_stays_away_until_it_is_recreated(project: Project, server: Server) -> None:
    project.run()
    server.call("DELETE", f"/cards/{server.card('Kickoff')['id']}")
    assert project.run()["targets"]["board"]["dismissed"] == 1
    (dismissed,) = project.start("status", "--output", "json").json()["dismissed"]
    assert len(server.cards()) == 1
    assert project.start("apply", "--recreate", dismissed["key"]).code == 0
    assert len(server.cards()) == 2


def test_another_programmes_cards_are_left_alone(project: Project, server: Server, tmp_path: Path) -> None:
    project.run()
    before = [(card["desc"], card["dateLastActivity"]) for card in server.cards()]
    other = Project.make(tmp_path / "other", server, CONFIG.replace("spring-2026-7f3k9q", "summer-2026-abcdef"))
    result = other.run()
    assert result["targets"]["board"]["foreign"] == 2
    assert [(card["desc"], card["dateLastActivity"]) for card in server.cards()][:2] == before


@ON_BOTH
def test_a_bad_row_is_left_out_once_and_reported_again(project: Project, server: Server) -> None:
    project.write("people.csv", PEOPLE + "S-2,Bo Li,bo.li@students.example,P-1,promoted\n")
    first = project.start("run", "--output", "json")
    assert first.code == 3
    (problem,) = first.json()["problems"]
    assert (problem["where"], problem["field"]) == ("people.csv:3", "status")
    assert "promoted" not in problem["why"]
    again = project.start("run", "--output", "json")
    assert again.code == 0
    assert again.json()["problems"] == [problem]
    assert len(server.cards()) == 2


@ON_BOTH
def test_rows_are_always_accounted_for(project: Project) -> None:
    project.write(
        "people.csv",
        PEOPLE
        + PEOPLE.splitlines()[1]
        + "\nS-2,Bo Li,bo.li@students.example,P-9,accepted\nS-3,Cy Oz,not an address,P-1,applied\n",
    )
    counts = project.start("run", "--output", "json").json()["sources"]["people"]
    assert counts["rows"] == 4
    assert counts["rows"] == counts["mapped"] + counts["unchanged"] + counts["quarantined"] + counts["skipped"]
    assert (counts["mapped"], counts["quarantined"], counts["skipped"]) == (1, 2, 1)


def test_an_emptied_source_is_refused_and_nothing_is_archived(project: Project, server: Server) -> None:
    project.run()
    project.write("people.csv", PEOPLE.splitlines()[0] + "\n")
    project.write("jobs.csv", JOBS.splitlines()[0] + "\n")
    ended = project.start("run", "--output", "json")
    assert (ended.code, ended.json()["status"]) == (4, "refused")
    assert not any(card["closed"] for card in server.cards())


def test_the_board_is_unreachable(project: Project) -> None:
    config = (project.folder / "config.toml").read_text("utf-8")
    project.write("config.toml", re.sub(r"api_url = .*", 'api_url = "http://127.0.0.1:9/1"', config))
    ended = project.start("run", "--output", "json", program=("-c", _NO_WAITING))
    assert (ended.code, ended.json()["status"]) == (5, "failed")


_NO_WAITING = "from mi_sync.cli import main, session; session.WIRE['sleep'] = lambda s: None; main()"


def test_wrong_credentials(project: Project) -> None:
    ended = project.start("run", "--output", "json", TRELLO_TOKEN="nobody")
    assert ended.code == 6
    assert "nobody" not in ended.out + ended.err


@ON_BOTH
def test_a_budget_stops_cleanly_and_the_next_run_goes_on(project: Project, server: Server) -> None:
    ended = project.start("run", "--output", "json", "--max-requests", "8")
    assert (ended.code, ended.json()["status"]) == (8, "partial")
    project.run()
    assert [len(cards) for cards in server.marked().values()] == [1, 1]
    project.run()
    lines = [line["name"] for line in server.card("Kickoff")["checklists"][0]["checkItems"]]
    assert lines == ["Send the brief", "Give access"]


def test_a_time_budget_sends_nothing_more_and_the_next_run_goes_on(project: Project, server: Server) -> None:
    server.fault(kind="slow", seconds=3.5, method="POST", path="/cards", times=1)
    ended = project.start("run", "--output", "json", "--max-seconds", "3")
    assert (ended.code, ended.json()["status"]) == (8, "partial")
    assert ended.json()["targets"]["board"]["created"] == 1
    assert len(server.cards()) == 1
    assert project.run()["targets"]["board"]["created"] == 1


def test_too_many_creations_are_refused_unless_forced(project: Project, server: Server) -> None:
    project.write("config.toml", (project.folder / "config.toml").read_text("utf-8") + "\n[safety]\nmax_create = 1\n")
    assert project.start("run").code == 4
    assert server.cards() == []
    assert project.start("run", "--force=create").code == 0
    assert len(server.cards()) == 2


_UNLOCKED_AT = """
import sys
from pathlib import Path
from requests.adapters import HTTPAdapter
from mi_sync.cli import invoke, session
from mi_sync.state import Store

class Unlocking(HTTPAdapter):
    def send(self, request, **options):
        response = super().send(request, **options)
        if request.method == "POST" and request.path_url.endswith(sys.argv[1]):
            Store.open(Path("state.db"), "spring-2026-7f3k9q").unlock()
            sys.argv[1] = "never again"
        return response

session.WIRE["transport"] = Unlocking()
sys.exit(invoke(["run", "--output", "json"]))
"""


@pytest.mark.parametrize(("path", "code"), [("/cards", 7), ("/checkItems", 3)])
def test_a_run_whose_lock_is_taken_away_sends_nothing_more(
    path: str, code: int, project: Project, server: Server
) -> None:
    ended = project.start(path, program=("-c", _UNLOCKED_AT))
    assert (ended.code, "was taken away" in ended.out) == (code, True), ended.err
    assert server.writes()[-1][1].endswith(path)
    assert project.run()["exit_code"] == 0
    assert sorted(card["name"] for card in server.cards()) == sorted({card["name"] for card in server.cards()})


def test_a_second_run_at_the_same_time_is_locked_out(project: Project) -> None:
    script = (
        "import sys; from pathlib import Path; from mi_sync.state import Store; from mi_sync.cli import invoke\n"
        "store = Store.open(Path('state.db'), 'spring-2026-7f3k9q')\n"
        "with store.lock(): sys.exit(invoke(['run', '--output', 'json']))"
    )
    ended = project.start(program=("-c", script))
    assert (ended.code, ended.json()["status"]) == (7, "refused")
