from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from mi_sync.connector import SandboxOptions
from mi_sync_sandbox.adapter import WsgiAdapter
from mi_sync_sandbox.faults import Fault, Faults
from mi_sync_trello.sandbox.app import create_app
from mi_sync_trello.sandbox.gate import KEY, TOKEN
from mi_sync_trello.sandbox.seed import BOARD

BASE = "http://127.0.0.1:8377"


class Rig:
    """A sandbox in this process whose faults and pauses the test holds in its hand."""

    def __init__(self, state: Path) -> None:
        self.faults = Faults()
        self.slept: list[float] = []
        options = SandboxOptions(state, BASE, lambda: datetime(2026, 3, 2, tzinfo=UTC), 10**6)
        self.app = create_app(options, faults=self.faults, sleep=self.slept.append)
        self.adapter = WsgiAdapter(self.app)
        self.session = requests.Session()
        self.session.mount("http://", self.adapter)
        self.session.headers["Authorization"] = f'OAuth oauth_consumer_key="{KEY}", oauth_token="{TOKEN}"'
        self.list_id = self.call("GET", f"/boards/{BOARD}/lists").json()[0]["id"]

    def call(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        return self.session.request(method, f"{BASE}/1{path}", **{"timeout": (1, 5), **kwargs})

    def create(self, **kwargs: Any) -> requests.Response:
        return self.call("POST", "/cards", json={"idList": self.list_id, "name": "x"}, **kwargs)

    def cards(self) -> int:
        return len(self.call("GET", f"/boards/{BOARD}/cards").json())

    def control(self, method: str, **kwargs: Any) -> requests.Response:
        return self.session.request(method, f"{BASE}/trello/faults", timeout=5, **kwargs)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


@pytest.mark.parametrize(("kind", "cards"), [("fail_before", 0), ("fail_after", 1)])
def test_an_error_comes_before_or_after_the_effect(rig: Rig, kind: Any, cards: int) -> None:
    rig.faults.add(Fault(kind=kind, status=502))
    reply = rig.create()
    assert reply.status_code == 502
    assert reply.headers["Content-Type"].startswith("text/html")
    assert rig.cards() == cards


@pytest.mark.parametrize(("kind", "cards"), [("fail_before", 0), ("fail_after", 1)])
def test_a_connection_closes_before_or_after_the_effect(rig: Rig, kind: Any, cards: int) -> None:
    rig.faults.add(Fault(kind=kind, how="reset"))
    with pytest.raises(requests.ConnectionError):
        rig.create()
    assert rig.cards() == cards


def test_a_429_has_no_effect_and_the_headers_of_a_used_up_window(rig: Rig) -> None:
    rig.faults.add(Fault(kind="rate_limit"))
    reply = rig.create()
    assert (reply.status_code, reply.json()["error"]) == (429, "API_TOKEN_LIMIT_EXCEEDED")
    assert reply.headers["x-rate-limit-api-token-remaining"] == "0"
    assert reply.headers["x-rate-limit-api-token-interval-ms"] == "10000"
    assert rig.cards() == 0


def test_an_answer_that_comes_too_late_is_a_timeout_after_the_effect(rig: Rig) -> None:
    rig.faults.add(Fault(kind="slow", seconds=5))
    with pytest.raises(requests.ReadTimeout):
        rig.create()
    assert rig.cards() == 1
    assert rig.adapter.deliver_late() == 0


def test_a_request_that_arrives_too_late_has_its_effect_when_it_is_delivered(rig: Rig) -> None:
    rig.faults.add(Fault(kind="slow", when="before", seconds=60))
    with pytest.raises(requests.ReadTimeout):
        rig.create()
    assert rig.cards() == 0
    assert rig.adapter.deliver_late() == 1
    assert rig.cards() == 1


@pytest.mark.parametrize("timeout", [(1, 5), 5, None, (1, None)])
def test_a_client_that_waits_long_enough_gets_its_answer(rig: Rig, timeout: Any) -> None:
    rig.faults.add(Fault(kind="slow", seconds=4.9))
    assert rig.create(timeout=timeout).status_code == 200


def test_outside_this_process_the_pause_is_real(rig: Rig) -> None:
    rig.faults.add(Fault(kind="slow", seconds=7))
    rig.app.test_client().get(f"/1/boards/{BOARD}?key={KEY}&token={TOKEN}")
    assert rig.slept == [7]


def test_a_reply_that_is_cut_short_breaks_while_it_is_read(rig: Rig) -> None:
    rig.faults.add(Fault(kind="cut"))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        rig.create()
    assert rig.cards() == 1


def test_a_short_page_holds_less_than_it_could_and_never_nothing(rig: Rig) -> None:
    for _ in range(5):
        rig.create()
    rig.faults.add(Fault(kind="short_page", times=None))
    seen: list[str] = []
    params = {"sort": "-id", "limit": "4"}
    sizes = []
    for _ in range(5):
        page = rig.call("GET", f"/boards/{BOARD}/cards/all", params=params).json()
        sizes.append(len(page))
        seen += [card["id"] for card in page]
        params["before"] = seen[-1]
    assert sizes == [2, 1, 1, 1, 0]
    assert len(set(seen)) == len(seen) == 5


def test_a_fault_spares_the_first_and_strikes_as_often_as_asked(rig: Rig) -> None:
    rig.faults.add(Fault(kind="fail_before", method="POST", path="^/cards$", after=1, times=2))
    assert rig.call("PUT", f"/lists/{rig.list_id}", json={"name": "To Do"}).status_code == 200
    assert [rig.create().status_code for _ in range(4)] == [200, 500, 500, 200]


def test_the_first_fault_that_is_due_strikes_and_the_next_waits(rig: Rig) -> None:
    rig.faults.add(Fault(kind="rate_limit"))
    rig.faults.add(Fault(kind="fail_before"))
    assert [rig.create().status_code for _ in range(3)] == [429, 500, 200]


def test_requests_that_are_refused_anyway_use_up_no_fault(rig: Rig) -> None:
    rig.faults.add(Fault(kind="fail_before", method="GET"))
    assert rig.call("GET", "/members/me", headers={"Authorization": ""}).status_code == 401
    assert rig.call("GET", "/members/me").status_code == 500


def test_faults_are_added_listed_and_cleared_over_http(rig: Rig) -> None:
    added = rig.control("POST", json={"kind": "fail_before", "method": "POST", "times": None})
    assert added.status_code == 201
    assert rig.create().status_code == 500
    assert [(each["kind"], each["struck"]) for each in rig.control("GET").json()] == [("fail_before", 1)]
    assert rig.control("DELETE").json() == []
    assert rig.create().status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "explode"}, "kind"),
        ({"kind": "slow", "seconds": -1}, "seconds"),
        ({"kind": "slow", "path": "("}, "path"),
        ({"kind": "slow", "pth": "x"}, "pth"),
        ({}, "kind"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_by_field(rig: Rig, body: dict[str, Any], field: str) -> None:
    reply = rig.control("POST", json=body)
    assert reply.status_code == 400
    assert reply.json()["error"].startswith(f"{field}: ")
    assert rig.control("GET").json() == []


def test_the_control_takes_json_alone(rig: Rig) -> None:
    assert rig.control("POST", data='{"kind": "slow"}').status_code == 415
    assert rig.control("GET").json() == []


def test_the_adapter_remembers_what_was_sent(rig: Rig) -> None:
    rig.create()
    assert [(each.method, each.path_url) for each in rig.adapter.sent][-1] == ("POST", "/1/cards")


def test_a_token_is_revoked_on_request(rig: Rig) -> None:
    rig.faults.add(Fault(kind="revoked", after=1, times=None))
    assert rig.create().status_code == 200
    refused = rig.create()
    assert (refused.status_code, refused.text) == (401, "invalid token")


def test_a_fault_of_another_tool_is_refused(rig: Rig) -> None:
    refused = rig.control("POST", json={"kind": "lost_section"})
    assert refused.status_code == 400
    assert "fail_before" in refused.json()["error"]
