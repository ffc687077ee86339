"""A state that is lost is restored from the marks on the boards, of both tools, through the real command line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from asana_lab import AsanaHand, task
from programme import Project, Server

pytestmark = pytest.mark.system


def lose_state(project: Project) -> None:
    for file in project.folder.glob("state.db*"):
        file.unlink()


def quiet(*servers: Server) -> None:
    for each in servers:
        each.requests.clear()


def rebuild(project: Project, *arguments: str, code: int = 0) -> dict[str, Any]:
    ended = project.start("state", "rebuild", "--output", "json", *arguments)
    assert ended.code == code, ended.err
    return dict(ended.json())


def test_a_lost_state_is_rebuilt_and_nothing_is_written_after(
    both: Project, server: Server, tasks: Server, person: AsanaHand
) -> None:
    both.run()
    server.call("PUT", f"/cards/{server.card('Kickoff')['id']}", name="Kickoff with cake")
    server.call("PUT", f"/cards/{server.card('Final')['id']}", closed=True)
    person.edit(task(person, "Kickoff")["gid"], {"title": "Kickoff with cake"})
    both.run()
    lose_state(both)
    quiet(server, tasks)
    told = rebuild(both)
    assert {name: counts["adopted"] for name, counts in told["targets"].items()} == {"board": 2, "tasks": 2}
    assert any("state forget" in problem["why"] for problem in told["problems"])
    result = both.run()
    assert server.writes() + tasks.writes() == []
    assert {name: (c["adopted"], c["unchanged"], c["dismissed"]) for name, c in result["targets"].items()} == {
        "board": (0, 1, 1), "tasks": (0, 2, 0),
    }  # fmt: skip
    # A person's edits are still told from ours.
    both.edit("jobs.csv", "Two lines of it.", "Two other lines.")
    both.run()
    assert "Two other lines." in server.card("Kickoff")["desc"]
    assert server.card("Kickoff with cake")["closed"] is False
    assert task(person, "Kickoff with cake")


def test_one_target_alone_and_again_without_effect(both: Project, server: Server, tasks: Server) -> None:
    both.run()
    lose_state(both)
    quiet(server, tasks)
    assert set(rebuild(both, "--target", "tasks")["targets"]) == {"tasks"}
    assert server.requests == []
    again = rebuild(both)["targets"]
    assert [(again[name]["adopted"], again[name]["unchanged"]) for name in ("board", "tasks")] == [(2, 0), (0, 2)]
    ended = both.start("state", "rebuild", "--target", "bord")
    assert (ended.code, "Did you mean 'board'?" in ended.err) == (2, True)


def test_what_differs_and_what_no_board_tells_is_listed(project: Project, server: Server) -> None:
    project.run()
    kickoff, final = server.card("Kickoff"), server.card("Final")
    server.call("DELETE", f"/cards/{final['id']}")
    server.call("POST", "/cards", name="A copy", desc=kickoff["desc"], idList=kickoff["idList"])
    told = [problem["why"] for problem in rebuild(project)["problems"]]
    assert any(why.startswith("Final") and "no such item" in why for why in told)
    assert any(why.startswith("A copy") and "copy of an item" in why for why in told)
    lose_state(project)
    told = [problem["why"] for problem in rebuild(project)["problems"]]
    assert any("does not have: 1; the next run makes them" in why for why in told)


def test_what_is_left_of_an_ended_engagement_is_known_again_and_archived(project: Project, server: Server) -> None:
    project.run()
    lose_state(project)
    project.edit("people.csv", "accepted", "withdrawn")
    assert rebuild(project)["targets"]["board"]["adopted"] == 2
    assert project.run()["targets"]["board"]["archived"] == 2
    assert all(card["closed"] for card in server.cards())


def test_an_emptied_card_of_an_erased_person_never_gets_the_name_back(project: Project, server: Server) -> None:
    project.run()
    assert project.start("state", "forget", "ana.lopez@students.example", "--items", "rewrite").code == 0
    lose_state(project)
    quiet(server)
    told = rebuild(project)
    assert [p["why"].startswith("it was emptied") for p in told["problems"]].count(True) == 2
    project.run()
    assert server.writes() == []
    assert {card["name"] for card in server.cards()} == {"Erased on request"}


def test_check_tells_where_state_and_board_differ(project: Project, server: Server) -> None:
    project.run()
    kickoff, final = server.card("Kickoff"), server.card("Final")
    server.call("DELETE", f"/cards/{final['id']}")
    server.call("POST", "/cards", name="A copy", desc=kickoff["desc"], idList=kickoff["idList"])
    quiet(server)
    ended = project.start("check", "--output", "json")
    assert (ended.code, server.writes()) == (0, [])
    found = ended.json()
    assert [(each["what"], each["title"]) for each in found["differences"]] == [
        ("gone", final["name"]), ("copy", "A copy"),
    ]  # fmt: skip
    assert "1 of other programmes" not in json.dumps(found["checks"])
    assert "≠ board: A copy: it is a copy of an item of ours" in project.start("check").out
    lose_state(project)
    assert [each["what"] for each in project.start("check", "--output", "json").json()["differences"]] == [
        "unlinked", "copy",
    ]  # fmt: skip


def test_a_damaged_state_is_told_by_check(project: Project) -> None:
    project.run()
    path = project.folder / "state.db"
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 6] = b"\xff" * (4096 * 3)
    path.write_bytes(content)
    ended = project.start("check")
    assert (ended.code, "✗ state" in ended.out, "Traceback" in ended.err) == (2, True, False)
