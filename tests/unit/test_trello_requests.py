"""Every request of the connector holds to the names in Trello's own specification.

Connector and sandbox have the same authors and could share a misreading; this file is where neither is asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest
import requests
from urllib3 import HTTPResponse

from mi_sync.connector import Context, SandboxOptions, Secret, SecretRef
from mi_sync.errors import NotAuthorised, OutcomeUnknown
from mi_sync.http import Wire
from mi_sync.model import Children, Fields, Patch
from mi_sync.testing import Clock
from mi_sync_sandbox.adapter import WsgiAdapter
from mi_sync_sandbox.faults import Fault, Faults
from mi_sync_trello import TrelloConfig
from mi_sync_trello.board import TrelloBoard
from mi_sync_trello.sandbox.app import create_app
from mi_sync_trello.sandbox.gate import KEY, TOKEN
from mi_sync_trello.sandbox.seed import BOARD

BASE = "http://127.0.0.1:8377"
NAMES = Path(__file__).parents[1] / "data" / "trello_endpoints.json"

# The specification names no nested parameters, and none at all for listing cards (it is known to be incomplete).
DOCUMENTED_ELSEWHERE = {
    # developer.atlassian.com/cloud/trello/guides/rest-api/nested-resources
    ("GET", "/boards/{id}"): {"list_fields", "label_fields", "labels_limit", "member_fields"},
    # The same guide for fields, checklists, limit and before; sort and before: rwjdk/TrelloDotNet,
    # TrelloClient.Cards.cs, GetCardsNormalOrViaPagination.
    ("GET", "/boards/{id}/cards/{filter}"): {
        *("fields", "checklists", "limit", "before", "sort"),
        "customFieldItems",  # guides/rest-api/getting-started-with-custom-fields
    },
}

Request = tuple[str, str, frozenset[str]]


class Bare(WsgiAdapter):
    """A Trello that leaves nested collections out of a board and of a card."""

    bare = False

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        response = super().send(request, *args, **kwargs)
        if self.bare and re.search(r"/1/(boards|cards)/\w+\?", str(request.url)):
            nested = {"lists", "labels", "members", "checklists", "customFields"}
            kept = {k: v for k, v in response.json().items() if k not in nested}
            response.raw = HTTPResponse(BytesIO(json.dumps(kept).encode()), preload_content=False)
        return response


FIELDS = [
    ("text", "Intern", "AL"),
    ("number", "Hours", "12.5"),
    ("date", "Begins", "2026-04-06"),
    ("checkbox", "Paid", "yes"),
    ("list", "Phase", "Open"),
]


def made_field(wsgi: Callable[..., Any], kind: str, name: str) -> None:
    """A person makes a custom field, by another session."""
    people = requests.Session()
    people.mount(BASE, WsgiAdapter(wsgi))
    people.headers["Authorization"] = f'OAuth oauth_consumer_key="{KEY}", oauth_token="{TOKEN}"'
    board = people.get(f"{BASE}/1/boards/{BOARD}").json()["id"]
    about = {"idModel": board, "modelType": "board", "name": name, "type": kind, "pos": "bottom"}
    options = [{"value": {"text": "Open"}, "pos": "bottom"}] if kind == "list" else []
    people.post(f"{BASE}/1/customFields", json={**about, "options": options}).raise_for_status()


def exercise(folder: Path) -> list[requests.PreparedRequest]:
    """Everything that the protocol can be asked for, with the detours that trouble leads to."""
    clock, faults = Clock(), Faults()
    app = create_app(SandboxOptions(folder, BASE, clock.now), faults=faults, sleep=clock.sleep)
    transport = Bare(app)

    def board() -> TrelloBoard:
        config = TrelloConfig(board=BOARD, key=SecretRef(env="K"), token=SecretRef(env="T"), api_url=f"{BASE}/1")
        wire = Wire(now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep, transport=transport)
        secrets = {"key": Secret(KEY), "token": Secret(TOKEN)}
        return TrelloBoard(config, Context("board", Path(), ZoneInfo("America/Chicago"), wire, secrets))

    first = board()
    first.identity()
    kim = first.snapshot().members[0].id
    everything = Fields(
        title="T", due=clock.now(), start=date(2026, 3, 3), done=True, list="New", labels=("a",), assignee=kim
    )
    made = first.merge(Patch(None, "1.a", "B", everything))
    first.merge(Patch(made.id, "1.a", "B", Fields(title="U", due=None, start=None, done=False, list="Doing")))
    first.merge(Patch(made.id, "1.a", "B", Fields(archived=True)))
    first.merge_children(made, Children(add_labels=("b",), add_checks=("x", "y")))
    first.merge_children(made, Children(remove_labels=("b",), remove_checks=("x",)))
    for kind, name, value in FIELDS:
        made_field(app, kind, name)
        board().merge_children(made, Children(set_fields={name: value}, comment=name))
        board().merge_children(made, Children(set_fields={name: ""}))
    faults.add(Fault(kind="fail_before", method="POST", path="^/cards$"))
    with pytest.raises(OutcomeUnknown):
        first.merge(Patch(None, "1.b", "B", Fields(title="T", list="To Do")))
    faults.add(Fault(kind="fail_before", method="POST", status=401, path="^/cards$"))
    with pytest.raises(NotAuthorised):
        first.merge(Patch(None, "1.c", "B", Fields(title="T", list="To Do", assignee=kim)))
    first.newest()
    first.read(made.id)
    faults.add(Fault(kind="fail_before", method="GET", status=403, path="^/boards/[^/]+$"))
    board().snapshot()
    faults.add(Fault(kind="fail_before", method="GET", status=403, path="^/boards/[^/]+$"))
    faults.add(Fault(kind="fail_before", method="GET", status=403, path="^/boards/[^/]+/checklists$"))
    board().snapshot()
    transport.bare = True
    bare = board()
    bare.snapshot()
    bare.read(made.id)
    return transport.sent


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> list[requests.PreparedRequest]:
    return exercise(tmp_path_factory.mktemp("sandbox"))


def endpoints() -> dict[tuple[str, str], set[str]]:
    listed = json.loads(NAMES.read_text("utf-8"))["endpoints"]
    return {(each["method"], each["path"]): set(each["parameters"]) for each in listed}


def endpoint_of(request: requests.PreparedRequest) -> tuple[str, str] | None:
    path = urlsplit(str(request.url)).path.removeprefix("/1")
    for method, pattern in endpoints():
        if method == request.method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path):
            return method, pattern
    return None


def parameters(request: requests.PreparedRequest) -> Iterator[str]:
    yield from (name for name, _ in parse_qsl(urlsplit(str(request.url)).query, keep_blank_values=True))
    yield from json.loads(request.body or "{}")


def test_every_request_goes_to_an_endpoint_that_trello_names(sent: list[requests.PreparedRequest]) -> None:
    unknown = [f"{request.method} {request.url}" for request in sent if endpoint_of(request) is None]
    assert unknown == []


def test_every_parameter_is_one_that_trello_names(sent: list[requests.PreparedRequest]) -> None:
    official = endpoints()
    unknown = {
        (*endpoint, name)
        for request in sent
        if (endpoint := endpoint_of(request))
        for name in parameters(request)
        if name not in official[endpoint] | DOCUMENTED_ELSEWHERE.get(endpoint, set())
    }
    assert unknown == set()


def test_the_exercise_reaches_every_endpoint_and_every_exception(sent: list[requests.PreparedRequest]) -> None:
    reached = {endpoint_of(request) for request in sent}
    assert reached == set(endpoints())
    used = {(endpoint_of(request), name) for request in sent for name in parameters(request)}
    assert {(at, name) for at, names in DOCUMENTED_ELSEWHERE.items() for name in names} <= used


def test_no_exception_is_one_that_the_specification_names_after_all() -> None:
    official = endpoints()
    assert all(not names & official[endpoint] for endpoint, names in DOCUMENTED_ELSEWHERE.items())


def test_what_is_written_travels_in_the_body_and_credentials_in_the_header(
    sent: list[requests.PreparedRequest],
) -> None:
    for request in sent:
        address = str(request.url)
        assert KEY not in address
        assert TOKEN not in address
        assert request.headers["Authorization"].startswith("OAuth oauth_consumer_key=")
        if request.method != "GET":
            assert "?" not in address
        if request.method in {"POST", "PUT"}:
            assert request.headers["Content-Type"] == "application/json"
