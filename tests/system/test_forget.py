"""`mi-sync state forget`: nothing of a person is left in the state, and their rows do not bring them back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from programme import CONFIG, Project

NAMED = CONFIG.replace(
    "[milestones]\n", '[privacy]\nallow = ["name", "contact", "free_text"]\n\n[milestones]\n', 1
).replace(
    'checklist = ["Send the brief", "Give access"]',
    'checklist = ["Welcome {{ applicant.name }}", "Give access"]\nassignee = "intern"',
)
PEOPLE = """\
id,name,email,posting_id,status,notes
S-1,Ana Lopez,ana.lopez@students.example,P-1,accepted,Ana Lopez asks for Fridays
S-2,Bo Li,bo.li@students.example,P-1,accepted,
S-3,Cy Oz,cy.oz@students.example,P-1,accepted,works with Ana Lopez
"""
OTHERS_OWN = PEOPLE.replace("works with Ana Lopez", "")
WORDS = ("ana.lopez", "Ana", "Lopez")


@pytest.fixture
def named(project: Project) -> Project:
    project.write("config.toml", f'{NAMED}api_url = "{project.server.url}/1"\n')
    project.write("people.csv", OTHERS_OWN)
    project.run()
    return project


def left_of(project: Project, *words: str) -> list[str]:
    """Which of the words stand anywhere in the files of the state."""
    everything = b"".join(path.read_bytes() for path in sorted(project.folder.glob("state.db*")))
    return [word for word in words if word.encode() in everything]


def forget(project: Project, *arguments: str, code: int = 0) -> Any:
    ended = project.start("state", "forget", "--output", "json", *arguments)
    assert ended.code == code, ended.err
    return ended.json()


def cards_of_ana(project: Project) -> list[dict[str, Any]]:
    return [card for card in project.server.cards() if "Ana" in str(card)]


def tables(project: Project) -> Iterator[tuple[str, list[Any]]]:
    with closing(sqlite3.connect(project.folder / "state.db")) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall():
            yield name, db.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608


def test_nothing_of_the_person_is_left_and_the_rows_are_named(named: Project) -> None:
    assert left_of(named, "ana.lopez", "Ana Lopez") == ["ana.lopez", "Ana Lopez"]
    told = forget(named, " Ana.Lopez@students.example ")
    assert left_of(named, *WORDS) == []
    assert left_of(named, "bo.li@students.example", "Bo Li") == ["bo.li@students.example", "Bo Li"]
    assert told["rows"] == [{"source": "people", "file": "people.csv", "line": 2}]
    assert sorted(item["title"] for item in told["items"]) == [
        "Final: Donor dashboard (Ana Lopez)",
        "Kickoff: Donor dashboard (Ana Lopez)",
    ]
    assert all(item["url"] for item in told["items"])
    assert len(cards_of_ana(named)) == 2  # only listed
    assert "Ana Lopez" in (named.folder / "people.csv").read_text("utf-8")


def test_the_rows_are_skipped_from_then_on_also_from_a_new_export(named: Project) -> None:
    before = named.server.cards()
    forget(named, "ana.lopez@students.example")
    for people in (
        OTHERS_OWN,
        OTHERS_OWN,
        OTHERS_OWN.replace("Ana Lopez,ana.lopez@", "Anna Lopez,anna@").replace("P-1,accepted,Ana", "P-1,completed,Ana"),
    ):
        named.write("people.csv", people)
        result = named.run()
        counts = result["sources"]["people"]
        assert (counts["rows"], counts["skipped"], counts["quarantined"]) == (3, 1, 0)
        assert result["targets"]["board"]["created"] == result["targets"]["board"]["archived"] == 0
        assert left_of(named, *WORDS) == []
    assert named.server.cards() == before


def test_one_note_tells_that_rows_are_skipped(named: Project) -> None:
    forget(named, "ana.lopez@students.example")
    (problem,) = named.run()["problems"]
    assert problem["where"] == "people.csv"
    assert problem["why"].startswith("1 row is about people who were erased")


@pytest.mark.parametrize(("how", "action"), [("archive", "archived"), ("rewrite", "updated")])
def test_items_are_taken_off_the_boards_on_request(named: Project, how: str, action: str) -> None:
    first, second = cards_of_ana(named)
    named.server.call("PUT", f"/cards/{first['id']}", desc=f"Ana Lopez said so\n{first['desc']}", dueComplete=True)
    told = forget(named, "ana.lopez@students.example", "--items", how)
    assert told["targets"]["board"][action] == 2
    cards = [named.server.call("GET", f"/cards/{each['id']}?checklists=all") for each in (first, second)]
    if how == "archive":
        assert all(card["closed"] for card in cards)
    else:
        assert not [card for card in cards if "Ana" in str(card) or "Lopez" in str(card)]
        assert {card["name"] for card in cards} == {"Erased on request"}
        assert not any(card["closed"] for card in cards)
    assert left_of(named, *WORDS) == []
    writes = len(named.server.writes())
    result = named.run()
    assert len(named.server.writes()) == writes
    assert result["targets"]["board"]["foreign"] == result["targets"]["board"]["conflicts"] == 0


def test_items_can_be_rewritten_later_by_any_address(named: Project) -> None:
    named.write("people.csv", OTHERS_OWN.replace("ana.lopez@students.example", "ana@home.example"))
    named.run()
    forget(named, "ana.lopez@students.example")
    named.run()
    told = forget(named, "ana@home.example", "--items", "rewrite")
    assert told["targets"]["board"]["updated"] == 2
    assert {card["name"] for card in named.server.cards()} >= {"Erased on request"}
    assert cards_of_ana(named) == []


def test_a_dry_run_changes_nothing(named: Project) -> None:
    before, cards = list(tables(named)), named.server.cards()
    told = forget(named, "ana.lopez@students.example", "--dry-run", "--items", "rewrite")
    assert told["erased"]["records"] == 2
    assert {change["action"] for change in told["changes"]} == {"update"}
    assert (list(tables(named)), named.server.cards()) == (before, cards)


def test_rows_of_others_that_mention_the_person_are_named_and_kept(named: Project) -> None:
    named.write("people.csv", PEOPLE)
    named.run()
    told = forget(named, "ana.lopez@students.example")
    assert told["mentioned"] == [{"source": "people", "file": "people.csv", "line": 4}]


def test_an_unknown_address_is_refused(named: Project) -> None:
    ended = named.start("state", "forget", "nobody@students.example")
    assert ended.code == 2
    assert "nobody is known by this address" in ended.err


def test_a_board_out_of_reach_does_not_keep_the_person_in_the_state(named: Project) -> None:
    named.server.fault(kind="fail_before", status=401, times=None)
    told = forget(named, "ana.lopez@students.example", "--items", "rewrite", code=6)
    assert told["erased"]["records"] == 2
    assert left_of(named, *WORDS) == []


def test_a_saved_plan_does_not_bring_the_person_back(project: Project) -> None:
    assert project.start("pull").code == 0
    assert project.start("plan", "--out", "spring.plan").code == 0
    forget(project, "ana.lopez@students.example")
    assert project.start("apply", "spring.plan").code == 4
    assert project.server.cards() == []


def test_a_lifted_person_comes_back_to_the_same_items(named: Project) -> None:
    before = {card["id"]: card["name"] for card in named.server.cards()}
    forget(named, "ana.lopez@students.example")
    named.run()
    assert named.start("state", "forget", "ana.lopez@students.example", "--lift").code == 0
    result = named.run()
    assert result["sources"]["people"]["skipped"] == 0
    assert {card["id"]: card["name"] for card in named.server.cards()} == before
    assert [card["closed"] for card in named.server.cards()] == [False] * len(before)


def test_a_person_is_found_by_a_relay_address(named: Project) -> None:
    named.write(
        "people.csv", OTHERS_OWN.replace("ana.lopez@students.example", "ana_6hp@indeedemail.com").replace("S-1", "S-9")
    )
    named.run()
    forget(named, "ana_6hp@indeedemail.com")
    result = named.run()
    assert result["sources"]["people"]["skipped"] == 1
    assert left_of(named, "indeedemail") == []


def test_custom_fields_are_emptied_also_once_nothing_of_the_person_is_known(named: Project) -> None:
    board = named.server.call("GET", "/boards/DEMO2026")["id"]
    for name in ("Intern", "Theirs"):
        named.server.call("POST", "/customFields", idModel=board, modelType="board", name=name, type="text")
    config = (named.folder / "config.toml").read_text("utf-8")
    fields = 'connector = "trello"\nfields = { Intern = "{{ applicant.name }}" }\n'
    named.write("config.toml", config.replace('connector = "trello"\n', fields))
    named.run()
    paths = [f"/cards/{card['id']}/customFieldItems" for card in cards_of_ana(named)]
    assert [each["value"]["text"] for path in paths for each in named.server.call("GET", path)] == ["Ana Lopez"] * 2
    named.write("people.csv", OTHERS_OWN.replace("ana.lopez@students.example", "ana@home.example"))
    named.run()
    forget(named, "ana.lopez@students.example")
    assert left_of(named, *WORDS) == []
    forget(named, "ana@home.example", "--items", "rewrite")
    assert [named.server.call("GET", path) for path in paths] == [[], []]
