"""Replies that are not what Asana's documentation says: never taken for something else, never forgotten."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import responses

from mi_sync.connector import Context, Secret
from mi_sync.errors import OutcomeUnknown, RequestRefused, Unavailable
from mi_sync.http import Wire
from mi_sync.model import Patch
from mi_sync.shapes import Unreadable
from mi_sync_asana import AsanaConfig
from mi_sync_asana.board import AsanaBoard
from mi_sync_asana.wire import Place, day, due, instant, place, start

BASE = "https://app.asana.com/api/1.0"
PROJECT = "1200000000000001"
TASK: dict[str, Any] = {
    "gid": "1200000000000009",
    "name": "Kickoff",
    "memberships": [{"project": {"gid": PROJECT}, "section": {"gid": "5", "name": "To do"}}],
}


@pytest.fixture
def api() -> Any:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        mocked.get(
            f"{BASE}/projects/{PROJECT}", json={"data": {"gid": PROJECT, "name": "P", "workspace": {"gid": "1"}}}
        )
        mocked.get(f"{BASE}/projects/{PROJECT}/sections", json={"data": [{"gid": "5", "name": "To do"}]})
        mocked.get(f"{BASE}/workspaces/1/users", json={"data": [{"gid": "7", "name": "Kim"}]})
        yield mocked


def board() -> AsanaBoard:
    config = AsanaConfig.model_validate({"project": PROJECT, "token": {"env": "T"}})
    wire = Wire(now=lambda: datetime(2026, 3, 2, tzinfo=UTC), monotonic=lambda: 0.0, sleep=lambda _: None)
    return AsanaBoard(config, Context("project", Path(), ZoneInfo("America/Chicago"), wire, {"token": Secret("t")}))


@pytest.mark.parametrize(
    "reply",
    [
        [],
        {},
        {"data": None},
        {"data": {}},
        {"data": [1]},
        {"data": [{"name": "no gid"}]},
        {"data": [{"gid": 12}]},
        {"data": [{"gid": "../me"}]},
        {"data": [{**TASK, "due_at": "soon"}]},
        {"data": [{**TASK, "due_on": "2026-13-01"}]},
        {"data": [TASK], "next_page": {"offset": "again"}},
    ],
)
def test_a_listing_that_is_none_is_told(api: responses.RequestsMock, reply: Any) -> None:
    api.get(f"{BASE}/projects/{PROJECT}/tasks", json=reply)
    with pytest.raises(Unavailable, match="Asana's answer holds no readable"):
        board().snapshot()


def test_a_task_that_lacks_every_field_is_shown_all_the_same(api: responses.RequestsMock) -> None:
    api.get(f"{BASE}/projects/{PROJECT}/tasks", json={"data": [{"gid": "9"}]})
    (remote,) = board().snapshot().remotes
    assert (remote.id, remote.url, remote.title, remote.list) == ("9", "https://app.asana.com/0/0/9/f", "", "")


@pytest.mark.parametrize("reply", [[], {}, {"data": []}, {"data": {"name": "no gid"}}])
def test_a_creation_that_answers_nonsense_is_unknown(api: responses.RequestsMock, reply: Any) -> None:
    api.post(f"{BASE}/tasks", json=reply, status=201)
    with pytest.raises(OutcomeUnknown, match="no readable"):
        board().merge(Patch(None, "1.t", "", {"title": "Kickoff", "list": "To do"}))


@pytest.mark.parametrize("reply", [{}, {"data": []}])
def test_a_section_whose_creation_answers_nonsense_is_looked_for(api: responses.RequestsMock, reply: Any) -> None:
    api.post(f"{BASE}/projects/{PROJECT}/sections", json=reply, status=201)
    with pytest.raises(RequestRefused, match="whether the section 'Week 1' was made is not known"):
        board().merge(Patch(None, "1.t", "", {"title": "Kickoff", "list": "Week 1"}))
    assert not any(call.request.url == f"{BASE}/tasks" for call in api.calls)


def test_a_time_decides_over_the_day_beside_it() -> None:
    raw = {"due_on": "2026-03-03", "due_at": "2026-03-02T23:00:00.000Z"}
    assert due(raw) == datetime(2026, 3, 2, 23, tzinfo=UTC)
    assert due({"due_on": "2026-03-03", "due_at": None}) == date(2026, 3, 3)
    assert due({}) is None


def test_a_start_with_a_time_is_the_day_that_people_see() -> None:
    raw = {"start_at": "2026-03-03T03:00:00.000Z", "start_on": "2026-03-03"}
    assert start(raw, ZoneInfo("America/Chicago")) == date(2026, 3, 2)
    assert start({"start_on": "2026-03-03"}, ZoneInfo("America/Chicago")) == date(2026, 3, 3)


@pytest.mark.parametrize("text", ["soon", "2026-02-30", "9" * 40])
def test_a_date_that_is_none_is_unreadable(text: str) -> None:
    for read in (instant, day):
        with pytest.raises(Unreadable):
            read(text)


def test_only_the_place_in_this_project_counts() -> None:
    assert place(TASK, PROJECT) == Place("5", "To do")
    assert place(TASK, "1") is None
    assert place({"memberships": [{"project": {"gid": PROJECT}, "section": None}]}, PROJECT) == Place("", "")
