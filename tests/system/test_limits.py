"""A board that is nearly full: said by `check`, and a plan that does not fit is refused before anything is written."""

from __future__ import annotations

import pytest

from programme import Project, Server

pytestmark = pytest.mark.system


def test_a_plan_that_does_not_fit_is_refused_whole(project: Project, server: Server) -> None:
    server.limit(cards={"openPerBoard": 1})
    planned = project.start("plan", "--output", "json")
    assert planned.json()["targets"]["board"]["created"] == 2
    for force in ((), ("--force=create", "--force=archive")):
        refused = project.start("run", "--output", "json", *force)
        assert refused.code == 4
        (problem,) = refused.json()["problems"]
        assert "room for 1 more open items (cards openPerBoard: 1), and the plan makes 2" in problem["why"]
    assert server.writes() == []
    server.call("POST", "/cards", name="theirs", idList=server.call("GET", "/boards/DEMO2026/lists")[0]["id"])
    checked = project.start("check")
    assert "limit: cards openPerBoard: 1 of 1" in checked.out


def test_a_saved_plan_is_refused_when_there_is_no_more_room_and_applied_when_there_is(
    project: Project, server: Server
) -> None:
    assert project.start("plan", "--out", "spring.plan").code == 0
    server.limit(cards={"openPerBoard": 1}, lists={"openPerBoard": 3})
    refused = project.start("apply", "spring.plan", "--output", "json", "--force=create")
    assert (refused.code, refused.json()["status"]) == (4, "refused")
    (problem,) = refused.json()["problems"]
    assert "room for 1 more open items" in problem["why"]
    assert "room for 0 more open lists" in problem["why"]
    assert server.writes() == []
    server.limit(cards={"openPerBoard": 2}, lists={"openPerBoard": 4})
    assert project.start("apply", "spring.plan").code == 0
    assert len(server.marked()) == 2


def test_a_plan_that_was_saved_when_it_did_not_fit_is_applied_once_it_does(project: Project, server: Server) -> None:
    server.limit(cards={"openPerBoard": 1})
    project.start("plan", "--out", "spring.plan")
    server.limit(cards={"openPerBoard": 2})
    assert project.start("apply", "spring.plan").code == 0
    assert len(server.marked()) == 2
