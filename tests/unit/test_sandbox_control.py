"""The control of both sandboxes, for people and for programs: faults, rate limits, and what was asked."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from mi_sync.connector import SandboxOptions
from mi_sync_asana.sandbox import app as asana
from mi_sync_asana.sandbox.gate import TOKEN as ASANA_TOKEN
from mi_sync_sandbox.faults import COMMON, Dropped
from mi_sync_sandbox.rates import MOST, Dial, Rates
from mi_sync_trello.sandbox import app as trello
from mi_sync_trello.sandbox.gate import KEY, TOKEN

BASE = "http://127.0.0.1:8377"
EVIL = "<script>alert(1)</script>"


class Desk:
    """One tool's sandbox, as a browser and as a client see it."""

    def __init__(self, tool: str, state: Path) -> None:
        self.tool, self.now = tool, datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        create = trello.create_app if tool == "trello" else asana.create_app
        self.client: FlaskClient = create(SandboxOptions(state, BASE, lambda: self.now)).test_client()

    def page(self) -> str:
        reply = self.client.get(f"/{self.tool}/control", base_url=BASE)
        assert reply.status_code == 200
        return reply.text

    def version(self) -> str:
        return str((self.client.get(f"/{self.tool}/control/version", base_url=BASE).json or {})["version"])

    def post(self, form: str, headers: Any = None, /, **fields: Any) -> TestResponse:
        """A form of the page, as the browser sends it."""
        found = re.search(r'name="ticket" value="([^"]+)"', self.page())
        assert found is not None
        sent = {"ticket": found[1], **fields}
        where = f"/{self.tool}/control/{form}"
        return self.client.post(where, data=sent, headers={"Origin": BASE, **(headers or {})}, base_url=BASE)

    def ask(self, path: str = "") -> TestResponse:
        """A request of a client."""
        if self.tool == "trello":
            header = f'OAuth oauth_consumer_key="{KEY}", oauth_token="{TOKEN}"'
            where = f"/1{path or '/boards/DEMO2026'}"
        else:
            header, where = f"Bearer {ASANA_TOKEN}", f"/api/1.0{path or '/workspaces'}"
        return self.client.get(where, headers={"Authorization": header}, base_url=BASE)

    def faults(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get(f"/{self.tool}/faults", base_url=BASE).get_json()
        return found

    def rates(self, **changes: Any) -> TestResponse:
        return self.client.put(f"/{self.tool}/rates", json=changes, base_url=BASE)


@pytest.fixture(params=["trello", "asana"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    return Desk(request.param, tmp_path)


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


# ------------------------------------------------------------------------------------------ faults


def test_a_fault_is_thrown_by_the_form_strikes_and_is_told(desk: Desk) -> None:
    reply = desk.post("faults", kind="fail_before", status="502", method="GET", path="", after="1", times="1")
    assert (reply.status_code, reply.headers["Location"]) == (303, f"/{desk.tool}/control#armed")
    assert [desk.ask().status_code for _ in range(3)] == [200, 502, 200]
    shown = text(desk.page())
    assert "Error, nothing done, 502" in shown
    assert "GET, after 1 1 of 1, over" in shown
    assert "3 requests" in shown
    assert "1 struck by a fault" in shown


def test_a_form_without_a_number_of_times_strikes_always(desk: Desk) -> None:
    desk.post("faults", kind="revoked", times="")
    assert {desk.ask().status_code for _ in range(5)} == {401}
    assert desk.faults()[0]["times"] is None


def test_every_fault_that_a_tool_has_can_be_thrown_and_no_other(desk: Desk) -> None:
    offered = re.findall(r'<option value="(\w+)"[^>]*>[^<]*: ', desk.page())
    kinds = COMMON if desk.tool == "trello" else asana.FAULTS
    assert set(offered) == set(kinds)
    assert [desk.post("faults", kind=kind).status_code for kind in offered] == [303] * len(offered)
    assert desk.post("faults", kind="explode").status_code == 400
    assert len(desk.faults()) == len(offered)


def test_every_preset_is_a_fault(desk: Desk) -> None:
    forms = re.findall(r'<form method="post" action="[^"]*/control/faults">(.*?)</form>', desk.page(), re.DOTALL)
    assert len(forms) >= 6
    for form in forms:
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        assert desk.post("faults", **fields).status_code == 303
    assert [each["kind"] for each in desk.faults()][-1] == "revoked"


def test_one_fault_is_ended_or_all(desk: Desk) -> None:
    for kind in ("cut", "slow", "revoked"):
        desk.post("faults", kind=kind)
    desk.post("faults/end", number=str(desk.faults()[1]["number"]))
    assert [each["kind"] for each in desk.faults()] == ["cut", "revoked"]
    desk.post("faults", kind="slow")
    assert len({each["number"] for each in desk.faults()}) == 3
    desk.post("faults/end")
    assert desk.faults() == []
    assert "Everything works" in desk.page()


def test_what_makes_no_sense_is_told_and_nothing_of_it_happens(desk: Desk) -> None:
    reply = desk.post("faults", kind="slow", path=f"({EVIL}", seconds="1")
    assert reply.status_code == 400
    assert "path: " in text(reply.text)
    assert EVIL not in reply.text
    assert desk.faults() == []


# --------------------------------------------------------------------------------------- rate limits


def test_a_limit_is_turned_down_while_it_runs_and_back(desk: Desk) -> None:
    name = "token" if desk.tool == "trello" else "minute"
    assert desk.post("rates", **{name: "2"}).headers["Location"].endswith("#limits")
    assert [desk.ask().status_code for _ in range(4)] == [200, 200, 429, 429]
    assert "2 answered with 429" in text(desk.page())
    desk.post("rates", **{name: ""})
    assert desk.ask().status_code == 200


def test_the_limits_begin_as_the_tools_have_them(desk: Desk) -> None:
    found = {each["name"]: (each["usual"], each["most"]) for each in desk.client.get(f"/{desk.tool}/rates").get_json()}
    own = (
        {"token": 100, "key": 300, "members": 100}
        if desk.tool == "trello"
        else {"minute": 1500, "reads": 50, "writes": 15}
    )
    assert found == {name: (most, most) for name, most in own.items()}


def test_the_longer_window_of_members_is_turned_too(tmp_path: Path) -> None:
    desk = Desk("trello", tmp_path)
    assert desk.rates(members=1).status_code == 200
    assert [desk.ask("/members/me").status_code for _ in range(2)] == [200, 429]
    desk.now += timedelta(seconds=10)
    assert (desk.ask("/members/me").status_code, desk.ask().status_code) == (429, 200)
    desk.now += timedelta(seconds=900)
    assert desk.ask("/members/me").status_code == 200


def test_a_limit_that_was_turned_up_lets_more_in_within_the_window(tmp_path: Path) -> None:
    desk = Desk("asana", tmp_path)
    desk.rates(minute=2)
    assert [desk.ask().status_code for _ in range(5)] == [200, 200, 429, 429, 429]
    desk.rates(minute=10)
    assert desk.ask().status_code == 200
    desk.rates(minute=None)
    assert desk.client.get("/asana/rates").get_json()[0]["most"] == 1500


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "many", "9999999999"])
def test_a_limit_that_makes_no_sense_is_refused(desk: Desk, number: str) -> None:
    before = desk.client.get(f"/{desk.tool}/rates").get_json()
    name = before[0]["name"]
    assert desk.post("rates", **{name: number}).status_code == 400
    assert desk.client.get(f"/{desk.tool}/rates").get_json() == before


@pytest.mark.parametrize(
    "given", [{"nothing": 3}, {"token": "3", "minute": "3"}, {"token": True, "minute": True}, {"token": 0, "minute": 0}]
)
def test_programs_are_told_what_is_wrong_with_a_limit(desk: Desk, given: dict[str, Any]) -> None:
    reply = desk.rates(**given)
    assert reply.status_code == 400
    assert reply.get_json()["error"]


def test_programs_send_limits_as_json_alone(desk: Desk) -> None:
    for sent in ({"data": '{"token": 3}'}, {"json": [3]}):
        assert desk.client.put(f"/{desk.tool}/rates", base_url=BASE, **sent).status_code == 415


@given(
    st.dictionaries(
        st.sampled_from(["token", "key", "members", "none"]), st.integers(-2, 2 * MOST) | st.none(), max_size=4
    )
)
def test_limits_are_turned_all_or_none(changes: dict[str, int | None]) -> None:
    rates = Rates({"token": Dial("a", 100), "key": Dial("b", 300), "members": Dial("c", 100)}, {"key": 7})
    before = {each["name"]: each["most"] for each in rates.listed()}
    usual = {each["name"]: each["usual"] for each in rates.listed()}
    valid = "none" not in changes and all(most is None or 1 <= most <= MOST for most in changes.values())
    try:
        rates.turn(changes)
    except ValueError:
        assert not valid
        changes = {}
    wanted = {name: usual[name] if most is None else most for name, most in changes.items()}
    assert {each["name"]: each["most"] for each in rates.listed()} == before | wanted


# ------------------------------------------------------------------------------------ what was asked


def test_the_page_tells_what_was_asked_without_secrets(tmp_path: Path) -> None:
    desk = Desk("trello", tmp_path)
    before = desk.version()
    desk.client.get(f"/1/boards/DEMO2026?key={KEY}&token={TOKEN}", base_url=BASE)
    shown = desk.page()
    assert "GET /1/boards/DEMO2026" in text(shown)
    assert KEY not in shown
    assert TOKEN not in shown
    assert desk.version() != before


def test_a_closed_connection_is_told_as_such(desk: Desk) -> None:
    desk.post("faults", kind="fail_after", how="reset")
    with pytest.raises(Dropped):
        desk.ask()
    shown = text(desk.page())
    assert "closed GET" in shown
    assert "Done, answer lost" in shown


def test_the_version_stands_still_while_nothing_happens(desk: Desk) -> None:
    first = desk.version()
    desk.page()
    assert desk.version() == first
    desk.post("faults", kind="cut")
    assert desk.version() != first


# ------------------------------------------------------------------------------------------- safety


@pytest.mark.parametrize("form", ["faults", "faults/end", "rates"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "https://127.0.0.1:8377"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_page_does_nothing(desk: Desk, form: str, headers: dict[str, str]) -> None:
    desk.post("faults", kind="cut")
    reply = desk.post(form, headers, kind="revoked", token="1", minute="1")
    assert reply.status_code == 403
    assert [each["kind"] for each in desk.faults()] == ["cut"]
    assert all(each["most"] == each["usual"] for each in desk.client.get(f"/{desk.tool}/rates").get_json())


@pytest.mark.parametrize("ticket", ["", "guess", "ü" * 32])
def test_a_form_without_the_pages_ticket_does_nothing(desk: Desk, ticket: str) -> None:
    assert desk.post("faults", kind="cut", ticket=ticket).status_code == 403
    assert desk.faults() == []


def test_another_host_is_not_answered(desk: Desk) -> None:
    reply = desk.client.get(f"/{desk.tool}/control", base_url="http://rebound.evil.example")
    assert reply.status_code == 400


def test_the_page_lets_nothing_in_but_its_own(desk: Desk) -> None:
    headers = desk.client.get(f"/{desk.tool}/control", base_url=BASE).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["Referrer-Policy"] == "same-origin"  # else a browser calls the origin of its own forms "null"
