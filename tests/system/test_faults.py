"""Whatever networks, servers, people, disks and clocks do to a run: one item for each key, nothing lost, a plain word.

`docs/faults.md` lists the faults and names the tests of each.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from urllib3 import HTTPResponse

from faulty import Desk, Item, Meddler, Send, Tool, serving
from mi_sync.http import Budget

pytestmark = pytest.mark.system

ON_TRELLO = pytest.mark.parametrize("tool", ["trello"], indirect=True)
ON_ASANA = pytest.mark.parametrize("tool", ["asana"], indirect=True)

HANDFUL = 5
"""Requests inside a storm of 429: Trello locks a key out after 200 in ten seconds."""


def is_got_over(desk: Desk, tool: Tool) -> None:
    """One fault costs nothing, or, in the making of a list or label, which has no marker, what needs it in this run."""
    told = desk.attempt()
    assert tool.heal() <= 1
    if told["exit_code"] != 0:
        assert told["exit_code"] == 3
        assert (told["targets"][tool.target]["created"], told["targets"][tool.target]["failed"]) == (1, 1)
        assert "was made is not known" in desk.why(told)
        assert "the next run looks again" in desk.why(told)
    else:
        assert told["targets"][tool.target]["created"] == 2
    desk.converges(2)


# -------------------------------------------------------------------------------------- busy and broken


@pytest.mark.parametrize("after", [0, 2, 4, 7])
def test_a_storm_of_429_is_waited_out(desk: Desk, tool: Tool, after: int) -> None:
    tool.fault(kind="rate_limit", after=after, times=4)
    assert desk.run()["targets"][tool.target]["created"] == 2
    assert tool.heal() == 4
    assert desk.clock.slept >= 4 * 10.0
    desk.converges(2)


def test_a_storm_of_429_without_end_costs_a_handful_of_requests(desk: Desk, tool: Tool) -> None:
    tool.fault(kind="rate_limit", times=None)
    told = desk.run(code=5)
    assert tool.heal() <= HANDFUL
    assert desk.clock.slept <= HANDFUL * 60
    assert "too many requests" in desk.why(told)
    assert tool.items() == {}
    desk.converges(2)


def test_a_storm_of_429_without_end_in_the_middle_ends_the_target(desk: Desk, tool: Tool) -> None:
    desk.engage(4)
    tool.fault(kind="rate_limit", method="POST", path=tool.creation, after=3, times=None)
    told = desk.run(code=3)
    assert tool.heal() <= HANDFUL
    assert told["targets"][tool.target]["created"] == 3
    desk.converges(8)


@pytest.mark.parametrize(("kind", "status"), [("fail_before", 503), ("fail_after", 500)])
@pytest.mark.parametrize("after", [0, 3, 6, 9])
def test_a_short_trouble_of_the_server_is_got_over(desk: Desk, tool: Tool, kind: str, status: int, after: int) -> None:
    tool.fault(kind=kind, status=status, after=after)
    is_got_over(desk, tool)


@pytest.mark.parametrize("how", ["status", "reset"])
def test_a_server_in_trouble_for_ever_is_given_up_soon(desk: Desk, tool: Tool, how: str) -> None:
    tool.fault(kind="fail_before", how=how, status=503, times=None)
    told = desk.run(code=5)
    assert tool.heal() <= HANDFUL
    assert desk.clock.slept <= 60
    assert "Try again later" in desk.why(told)
    desk.converges(2)


@pytest.mark.parametrize("how", ["status", "reset"])
def test_a_server_that_goes_away_in_the_middle_is_given_up_soon(desk: Desk, tool: Tool, how: str) -> None:
    desk.engage(4)
    tool.fault(kind="fail_before", how=how, status=503, after=14, times=None)
    told = desk.run(code=3)
    assert tool.heal() <= 2 * HANDFUL
    assert len(tool.all()) == told["targets"][tool.target]["created"] > 0
    assert "ry again later" in desk.why(told)
    desk.converges(8)


def test_a_list_that_is_never_made_stops_only_what_needs_it_and_never_comes_twice(desk: Desk, tool: Tool) -> None:
    desk.engage(2)
    tool.fault(kind="fail_after", status=503, method="POST", path="/(lists|sections)$")
    lists = "/boards/[^/]*/lists$" if tool.name == "trello" else "/sections$"
    hidden = Meddler("GET", lists, lambda _, send: _without(send(), "Wrap-up"), times=1000)
    told = desk.run(code=3, transport=hidden)
    assert (told["targets"][tool.target]["created"], told["targets"][tool.target]["failed"]) == (2, 2)
    assert "whether the" in desk.why(told)
    assert "'Wrap-up' was made is not known" in desk.why(told)
    names = [path for method, path in tool.server.writes() if re.search("/(lists|sections)$", path)]
    assert len(names) == 1
    desk.converges(4)


def _without(reply: requests.Response, name: str) -> requests.Response:
    """What was made a moment ago does not stand in the listing yet."""
    raw = reply.json()
    listed = raw["data"] if isinstance(raw, dict) else raw
    listed[:] = [each for each in listed if each["name"] != name]
    reply.raw = HTTPResponse(BytesIO(json.dumps(raw).encode()), preload_content=False)
    return reply


def test_a_server_that_answers_no_creation_is_left_alone(desk: Desk, tool: Tool) -> None:
    desk.engage(4)
    tool.fault(kind="fail_before", status=503, method="POST", path=tool.creation, times=None)
    told = desk.run(code=3)
    assert tool.heal() == 5 * 2  # each of five is sent a second time, after two looks
    assert told["targets"][tool.target]["failed"] == 5
    assert f"{tool.target}: left alone after 5 failures in a row; the next run goes on." in desk.why(told)
    assert tool.items() == {}
    desk.converges(8)


@pytest.mark.parametrize("kind", ["fail_before", "fail_after"])
@pytest.mark.parametrize("after", range(8))
def test_a_connection_breaks_before_or_after_the_effect(desk: Desk, tool: Tool, kind: str, after: int) -> None:
    tool.fault(kind=kind, how="reset", after=after)
    is_got_over(desk, tool)


@pytest.mark.parametrize("after", range(8))
def test_a_reply_that_is_cut_short_is_no_answer(desk: Desk, tool: Tool, after: int) -> None:
    tool.fault(kind="cut", after=after)
    is_got_over(desk, tool)


# ------------------------------------------------------------------------------------------ late and slow


class Late(Meddler):
    """The first creation is on its way for so long that it lands after everybody has stopped waiting."""

    def __init__(self, tool: Tool) -> None:
        super().__init__("POST", tool.creation, self._hold)
        self._held: list[Send] = []

    def _hold(self, request: requests.PreparedRequest, send: Send) -> requests.Response:
        self._held.append(send)
        raise requests.ReadTimeout(request=request)

    def lands(self) -> None:
        for send in self._held:
            send()


def lost(desk: Desk, tool: Tool) -> tuple[Late, set[str]]:
    """A run whose first creation is given up and made again; what is held, and the ids of what was made."""
    late = Late(tool)
    told = desk.run(transport=late)
    assert told["targets"][tool.target]["created"] == 2
    assert late.seen == 3
    assert desk.clock.slept == 30  # one timeout, in which it might have landed
    return late, {item.id for item in tool.all()}


def twin(tool: Tool, original: set[str]) -> Item:
    (found,) = (item for item in tool.all() if item.id not in original)
    return found


@ON_TRELLO
def test_a_creation_that_lands_after_the_look_is_put_away_once_nobody_touched_it(desk: Desk, tool: Tool) -> None:
    late, original = lost(desk, tool)
    late.lands()
    second = twin(tool, original)
    assert desk.run()["targets"]["board"]["archived"] == 1
    assert [item.id for item in tool.all() if not item.open] == [second.id]
    desk.converges(2)


@ON_TRELLO
def test_a_creation_that_lands_late_and_that_somebody_touched_is_told_and_stays(desk: Desk, tool: Tool) -> None:
    late, original = lost(desk, tool)
    late.lands()
    second = twin(tool, original)
    tool.retitle(second.id, "Mine")
    for _ in range(2):
        told = desk.run()
        assert "created twice" in desk.why(told)
        assert told["targets"]["board"]["archived"] == 0
    assert all(item.open for item in tool.all())
    assert tool.title(second.id) == "Mine"


@ON_ASANA
def test_a_creation_that_lands_late_is_refused_where_names_are_unique(desk: Desk, tool: Tool) -> None:
    late, original = lost(desk, tool)
    late.lands()
    assert {item.id for item in tool.all()} == original
    desk.converges(2)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_answer_slower_than_the_timeout_is_looked_up(desk: Desk, tool: Tool, when: str) -> None:
    tool.fault(kind="slow", when=when, seconds=4.0, method="POST", path=tool.creation)
    told = desk.run(timeout=(10.0, 2.0))
    assert told["targets"][tool.target]["created"] == 2
    if when == "after":
        desk.converges(2)
    else:
        assert desk.clock.slept >= 2.0  # it had not happened yet, and was given another timeout


def test_a_server_that_is_always_slower_than_the_timeout_is_given_up(desk: Desk, tool: Tool) -> None:
    tool.fault(kind="slow", seconds=0.4, method="GET", times=None)
    told = desk.run(code=5, timeout=(10.0, 0.05))
    assert tool.heal() <= HANDFUL
    assert "no answer within the time allowed" in desk.why(told)
    desk.converges(2)


class Dripping:
    """A body that comes byte by byte, one each second."""

    def __init__(self, raw: Any, desk: Desk) -> None:
        self._raw, self._desk = raw, desk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def read1(self, amount: int, **options: Any) -> bytes:
        del amount
        self._desk.clock.sleep(1.0)
        data: bytes = self._raw.read1(1, **options)
        return data


@pytest.mark.parametrize("kind", ["reading", "writing"])
def test_a_reply_that_drips_is_given_up(desk: Desk, tool: Tool, kind: str) -> None:
    def drip(_: requests.PreparedRequest, send: Send) -> requests.Response:
        reply = send()
        reply.raw = Dripping(reply.raw, desk)
        return reply

    if kind == "writing":
        assert desk.run(transport=Meddler("POST", tool.creation, drip))["targets"][tool.target]["created"] == 2
    else:
        told = desk.run(code=5, transport=Meddler("GET", ".", drip, times=1000))
        assert desk.clock.slept < HANDFUL * (120 + 60)
        assert "no answer within the time allowed" in desk.why(told)
    desk.converges(2)


# ---------------------------------------------------------------------------------------- incomplete reads


def test_short_pages_hide_nothing(desk: Desk, tool: Tool) -> None:
    desk.engage(6)
    desk.run()
    tool.fault(kind="short_page", times=None)
    told = desk.run()
    assert told["targets"][tool.target]["unchanged"] == 12
    (desk.project.folder / "state.db").unlink()  # known by their marks alone
    assert desk.run()["targets"][tool.target]["created"] == 0
    assert tool.heal() > 0
    desk.converges(12)


def test_a_listing_that_is_not_whole_archives_nothing(desk: Desk, tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is between us and the tool gives the first page again and again."""
    from mi_sync_asana.api import Api
    from mi_sync_trello import reader

    desk.engage(3)
    desk.run()
    desk.engage(3, status="withdrawn")
    monkeypatch.setattr(reader, "PAGE", 2)
    monkeypatch.setitem(Api.all.__kwdefaults__ or {}, "limit", 2)

    def first_page(request: requests.PreparedRequest, send: Send) -> requests.Response:
        request.url = re.sub(r"&?(before|offset)=[^&]*", "", str(request.url))
        return send()

    meddler = Meddler("GET", tool.listing, first_page, times=1000)
    told = desk.attempt(transport=meddler)
    assert meddler.seen < 20
    if tool.name == "trello":
        assert (told["exit_code"], "nothing is made or archived until it can" in desk.why(told)) == (0, True)
        assert told["targets"]["board"]["archived"] == 0
    else:
        assert (told["exit_code"], "next page" in desk.why(told)) == (5, True)
    assert [item.open for item in tool.all()] == [True] * 6
    told = desk.run()
    assert told["targets"][tool.target]["archived"] == 6


@ON_ASANA
def test_an_offset_that_expires_begins_the_listing_anew_and_never_for_ever(
    desk: Desk, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mi_sync_asana.api import Api

    desk.engage(3)
    monkeypatch.setitem(Api.all.__kwdefaults__ or {}, "limit", 2)
    desk.run()
    tool.fault(kind="expired_offset", method="GET", path=tool.listing, after=1)
    assert desk.run()["targets"][tool.target]["unchanged"] == 6
    tool.fault(kind="expired_offset", method="GET", path=tool.listing, after=1, times=None)
    desk.engage(3, status="withdrawn")
    told = desk.run(code=5)
    assert "expired again and again" in desk.why(told)
    assert tool.heal() < 10
    assert all(item.open for item in tool.all())
    assert desk.run()["targets"][tool.target]["archived"] == 6


# ----------------------------------------------------------------------------- what goes away under us


def test_a_list_that_goes_away_in_the_middle_costs_this_run_at_most(desk: Desk, tool: Tool) -> None:
    desk.engage(3)
    desk.run()
    desk.engage(5)

    def gone(_: requests.PreparedRequest, send: Send) -> requests.Response:
        if tool.name == "trello":
            lists = {each["name"]: each["id"] for each in tool.server.call("GET", "/boards/DEMO2026/lists")}
            tool.server.call("PUT", f"/lists/{lists['Wrap-up']}", closed=True)
        else:
            with tool.person() as person:
                person.remove_list("Wrap-up")
        return send()

    told = desk.attempt(transport=Meddler("POST", tool.creation, gone, after=1))
    assert told["exit_code"] in {0, 3}
    assert told["targets"][tool.target]["failed"] <= 2
    desk.converges(10)


def test_a_board_that_goes_away_in_the_middle_is_left_alone(desk: Desk, tool: Tool) -> None:
    desk.engage(6)
    tool.fault(kind="fail_before", status=404, after=12, times=None)
    told = desk.run(code=3)
    assert told["targets"][tool.target]["failed"] <= 5
    assert tool.heal() < 30
    assert "It is gone, or this token may no longer see it." in desk.why(told)
    tool.fault(kind="fail_before", status=404, times=None)
    told = desk.run(code=2)
    assert f"targets.{tool.target}" in desk.why(told)
    tool.heal()
    desk.converges(12)


@pytest.mark.parametrize("after", [0, 3, 7, 9, 12])
def test_a_token_that_is_revoked_in_the_middle_ends_the_target(desk: Desk, tool: Tool, after: int) -> None:
    desk.engage(2)
    tool.fault(kind="revoked", after=after, times=None)
    told = desk.attempt()
    done = told["targets"][tool.target]["created"]
    assert told["exit_code"] == (3 if done else 6)
    assert tool.heal() <= 4
    assert len(tool.all()) == done
    assert "token" in desk.why(told)
    desk.converges(4)


@pytest.mark.parametrize("status", ["revoked", "down"])
def test_one_target_that_fails_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status: str
) -> None:
    with serving("trello", tmp_path / "trello") as trello, serving("asana", tmp_path / "asana") as asana:
        desk = Desk.make(tmp_path / "desk", monkeypatch, capsys, trello, asana)
        fault = {"revoked": {"kind": "revoked"}, "down": {"kind": "fail_before", "how": "reset"}}[status]
        trello.fault(**fault, times=None)
        told = desk.run(code=3)
        assert told["targets"]["board"]["created"] == 0
        assert told["targets"]["project"]["created"] == 2
        assert len(asana.all()) == 2
        trello.heal()
        asana.server.requests.clear()
        assert desk.run()["targets"]["board"]["created"] == 2
        assert asana.server.writes() == []
        desk.converges(2)


def test_of_each_kind_one_that_fails_stops_no_other_and_only_that_is_tried_again(desk: Desk, tool: Tool) -> None:
    """One source whose file is not there, one row, one change; the rest is done, and the next run does these."""
    desk.engage(4)
    desk.project.edit("config.toml", "[milestones]\n", _MORE)
    desk.project.edit("people.csv", "P-2,accepted", "P-2,promoted")
    tool.fault(kind="fail_before", status=400, method="POST", path=tool.creation, after=1)
    told = desk.run(code=3)
    assert (told["targets"][tool.target]["created"], told["targets"][tool.target]["failed"]) == (5, 1)
    assert told["sources"]["more"]["complete"] is False
    assert told["sources"]["people"]["quarantined"] == 1
    for place in ("more", "people.csv:3", ": Job"):
        assert any(place in problem["where"] for problem in told["problems"])
    assert len(tool.all()) == 5

    tool.server.requests.clear()
    told = desk.run(code=3)  # the source
    assert told["targets"][tool.target]["created"] == 1
    assert len([path for _, path in tool.server.writes() if re.search(tool.creation, path)]) == 1
    desk.project.write("more.csv", "id,title\nP-9,Another\n")
    desk.project.edit("people.csv", "P-2,promoted", "P-2,accepted")
    assert desk.run()["targets"][tool.target]["created"] == 2
    desk.converges(8)


_MORE = """\
[[sources]]
name = "more"
connector = "files"
path = "more.csv"
mapping = "generic_postings"

[milestones]
"""


def test_a_saved_plan_of_a_target_that_was_left_alone_goes_on_with_the_same_file(desk: Desk, tool: Tool) -> None:
    desk.engage(4)
    assert desk.start("plan", "--out", "spring.plan").code == 0
    tool.fault(kind="fail_before", status=400, method="POST", path=tool.creation, after=1, times=None)
    told = desk.start("apply", "spring.plan", "--output", "json")
    assert told.code == 3
    counts = told.json()["targets"][tool.target]
    assert (counts["created"], counts["failed"]) == (1, 5)
    assert tool.heal() == 5
    told = desk.start("apply", "spring.plan", "--output", "json")
    assert (told.code, told.json()["targets"][tool.target]["created"]) == (0, 7)
    desk.converges(8)


def test_how_many_failures_in_a_row_are_too_many_is_configured(desk: Desk, tool: Tool) -> None:
    desk.engage(3)
    config = (desk.project.folder / "config.toml").read_text("utf-8")
    desk.project.write("config.toml", f"{config}\n[safety]\nmax_failures = 2\n")
    tool.fault(kind="fail_before", status=400, method="POST", path=tool.creation, times=None)
    told = desk.run(code=3)
    assert told["targets"][tool.target]["failed"] == tool.heal() == 2
    assert f"{tool.target}: left alone after 2 failures in a row; the next run goes on." in desk.why(told)
    assert "Changes that were not tried: 4." in desk.why(told)
    assert "(HTTP 400). The next run tries it again." in desk.why(told)
    desk.converges(6)


_WEATHER: tuple[dict[str, Any], ...] = (
    {"kind": "fail_before", "status": 500},
    {"kind": "fail_after", "status": 503},
    {"kind": "fail_before", "how": "reset"},
    {"kind": "fail_after", "how": "reset"},
    {"kind": "fail_before", "status": 400},
    {"kind": "fail_before", "status": 404},
    {"kind": "rate_limit"},
    {"kind": "short_page"},
    {"kind": "revoked"},
    {"kind": "cut"},
)


@pytest.mark.parametrize("seed", range(5))
def test_after_any_weather_there_is_one_item_for_each_key(desk: Desk, tool: Tool, seed: int) -> None:
    """Several faults at once over several runs, while engagements end and come back."""
    chosen = random.Random(seed)  # noqa: S311  the same weather each time
    desk.engage(2)
    for _ in range(3):
        for _ in range(chosen.randint(1, 3)):
            tool.fault(**chosen.choice(_WEATHER), after=chosen.randint(0, 20), times=chosen.randint(1, 3))
        desk.attempt()
        desk.engage(2, status=chosen.choice(["accepted", "accepted", "withdrawn"]))
    tool.heal()
    desk.engage(2)
    desk.clock.sleep(60)
    desk.attempt()
    desk.converges(4)


# ------------------------------------------------------------------------------------------------- signals


def interrupting(*numbers: signal.Signals) -> Callable[[requests.PreparedRequest, Send], requests.Response]:
    """Signals that come when the server has done it, and before its answer is read."""

    def act(_: requests.PreparedRequest, send: Send) -> requests.Response:
        with contextlib.ExitStack() as undo:
            reply = undo.enter_context(contextlib.closing(send()))
            for number in numbers:
                os.kill(os.getpid(), number)
            undo.pop_all()
        return reply

    return act


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_in_the_middle_of_a_change_lets_it_be_recorded(
    desk: Desk, tool: Tool, number: signal.Signals, code: int
) -> None:
    told = desk.run(code=code, transport=Meddler("POST", tool.creation, interrupting(number)))
    assert told["targets"][tool.target]["created"] == 1
    assert len(tool.all()) == 1
    assert "the next run goes on from here" in desk.why(told)
    assert desk.run()["targets"][tool.target]["created"] == 1  # and so the lock was let go
    desk.converges(2)


@ON_ASANA
def test_a_signal_ends_a_pause(desk: Desk, tool: Tool) -> None:
    tool.fault(kind="rate_limit", method="POST", path=tool.creation, after=1)  # which asks for half a minute
    command = [sys.executable, "-m", "mi_sync", "run", "--output", "json"]
    environ = {**os.environ, **tool.server.environ}
    began = time.monotonic()
    with subprocess.Popen(command, cwd=desk.project.folder, env=environ, stdout=subprocess.PIPE) as running:
        while tool.server.requests.count(("POST", "/api/1.0/tasks")) < 2 and time.monotonic() < began + 60:
            os.sched_yield()
        asked = time.monotonic()
        running.send_signal(signal.SIGTERM)
        out, _ = running.communicate(timeout=60)
    assert time.monotonic() - asked < 25
    assert running.returncode == 143
    assert json.loads(out)["targets"]["project"]["created"] == 1
    desk.converges(2)


def test_a_second_interrupt_ends_it_at_once_and_the_next_run_looks_it_up(desk: Desk, tool: Tool) -> None:
    twice = Meddler("POST", tool.creation, interrupting(signal.SIGINT, signal.SIGINT))
    ended = desk.start("run", "--output", "json", transport=twice)
    assert ended.code == 130
    assert len(tool.all()) == 1
    (last,) = desk.start("history", "--output", "json").json()["runs"]
    assert last["exit_code"] == 130
    assert desk.run()["targets"][tool.target]["created"] == 1
    desk.converges(2)


# -------------------------------------------------------------------------------------------------- clocks


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_is_set_in_the_middle_costs_no_edit_of_a_person(desk: Desk, tool: Tool, jump: float) -> None:
    """What was seen longer ago than half a minute is seen again before it is written, whatever the wall says."""
    desk.run()
    desk.project.edit("jobs.csv", "Job 1", "Work 1")
    first, second = (next(item for item in tool.all() if item.title.startswith(name)) for name in ("Kick", "Final"))

    def set_clock(_: requests.PreparedRequest, send: Send) -> requests.Response:
        reply = send()
        desk.clock.jump(jump)
        desk.clock.sleep(31)
        tool.retitle(second.id, "A person's")
        return reply

    told = desk.attempt(transport=Meddler("PUT", tool.one(first.id), set_clock))
    assert told["targets"][tool.target]["updated"] == 1
    assert (told["exit_code"], told["targets"][tool.target]["failed"]) == (3, 1)
    assert "somebody changed it while this run was under way" in desk.why(told)
    assert tool.title(second.id) == "A person's"
    assert tool.title(first.id).startswith("Kickoff: Work 1")


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_is_set_between_two_runs_keeps_nobody_waiting(desk: Desk, tool: Tool, jump: float) -> None:
    desk.start("run", transport=Meddler("POST", tool.creation, interrupting(signal.SIGINT, signal.SIGINT)))
    desk.clock.jump(jump)
    assert desk.run()["targets"][tool.target]["created"] == 1
    assert desk.clock.slept <= 30
    desk.converges(2)


@pytest.mark.parametrize("jump", [-3600.0, 0.0, 3600.0])
def test_a_pause_until_a_date_is_counted_by_the_servers_clock(desk: Desk, tool: Tool, jump: float) -> None:
    desk.clock.jump(jump)

    def busy(_: requests.PreparedRequest, send: Send) -> requests.Response:
        reply = send()
        reply.status_code = 429
        reply.headers["Date"] = "Sun, 01 Mar 2026 12:00:00 GMT"
        reply.headers["Retry-After"] = "Sun, 01 Mar 2026 12:00:07 GMT"
        return reply

    desk.run(transport=Meddler("GET", tool.listing, busy))
    assert desk.clock.slept == 7


def test_a_budget_of_time_goes_by_no_clock_on_a_wall(desk: Desk, tool: Tool) -> None:
    def set_clock(_: requests.PreparedRequest, send: Send) -> requests.Response:
        desk.clock.jump(86400)
        return send()

    budget = Budget(seconds=60, monotonic=desk.clock.monotonic)
    desk.run(transport=Meddler("POST", tool.creation, set_clock), budget=budget)
    desk.converges(2)
