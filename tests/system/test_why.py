"""`why` for a card on a board: by the address that a browser shows, before and after the records change."""

from __future__ import annotations

import pytest

from programme import Project, Server

pytestmark = pytest.mark.system


def test_a_card_is_explained_by_its_address_title_and_key(project: Project, server: Server) -> None:
    project.run()
    card = server.card("Kickoff")
    ended = project.start("why", f"{card['shortUrl']}/7-kickoff", "--output", "json")
    assert ended.code == 0, ended.err
    (found,) = ended.json()["found"]
    assert (found["title"], found["url"], found["step"]) == (card["name"], card["shortUrl"], "kickoff")
    values = {each["field"]: each for each in found["values"]}
    summary = values["posting.summary"]
    assert (summary["file"], summary["line"], summary["column"]) == ("jobs.csv", 2, "summary")
    for key in (card["name"], found["key"]):
        assert project.start("why", key, "--output", "json").json() == ended.json()
    assert "ana.lopez@students.example" not in ended.out
    assert "Ana" not in ended.out


def test_a_card_of_an_engagement_that_ended_is_explained_all_the_same(project: Project, server: Server) -> None:
    project.run()
    project.edit("people.csv", "accepted", "withdrawn")
    project.run()
    card = server.card("Kickoff")
    (found,) = project.start("why", card["shortUrl"], "title", "--output", "json").json()["found"]
    assert found["fields"][0]["names"] == ["posting.title", "applicant.label"]
    assert [each["field"] for each in found["values"]] == ["posting.title", "applicant.label"]


def test_a_date_that_a_person_set_is_told_beside_the_one_that_the_records_ask_for(
    project: Project, server: Server
) -> None:
    project.run()
    card = server.card("Kickoff")
    server.call("PUT", f"/cards/{card['id']}", due="2026-03-05T22:00:00.000Z")
    project.run()
    (found,) = project.start("why", card["shortUrl"], "due", "--output", "json").json()["found"]
    assert (found["due"], found["due_on_board"]) == ("2026-03-02", "2026-03-05")
    told = project.start("why", card["shortUrl"], "due").out
    assert "so the records ask for 2026-03-02\n    the board last showed 2026-03-05\n" in told


def test_a_card_whose_step_was_removed_says_so(project: Project, server: Server) -> None:
    project.run()
    project.edit("config.toml", 'key = "final"', 'key = "wrap-up"')
    ended = project.start("why", server.card("Final")["shortUrl"])
    assert ended.code == 0, ended.err
    assert "The step is no longer in the configuration" in ended.out
    shown = project.start("state", "show", "--output", "json").json()
    assert (shown["links"], shown["open_intents"]) == ({"board": 2}, {})
