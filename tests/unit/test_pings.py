"""Pings to a dead man's switch: what is sent, and that nothing that goes wrong with them matters."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from requests.adapters import BaseAdapter

from loopback import serving
from mi_sync.errors import ExitCode
from mi_sync.http import Budget, Wire
from mi_sync.pings import Pings

URL = "https://hc-ping.example/0d338dcc-a054-11ec-b909-0242ac120002"


class Switch(BaseAdapter):
    """A transport that notes what is sent and answers, or does whatever it is told to."""

    def __init__(self, answer: Callable[[], tuple[int, str]] = lambda: (200, "OK")) -> None:
        super().__init__()
        self.sent: list[requests.PreparedRequest] = []
        self._answer = answer

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        self.sent.append(request)
        reply = requests.Response()
        reply.status_code, text = self._answer()
        reply.raw = _Body(text.encode())
        return reply

    def close(self) -> None:
        pass

    @property
    def urls(self) -> list[str]:
        return [str(request.url).partition("?")[0] for request in self.sent]

    def queries(self) -> list[Mapping[str, list[str]]]:
        return [parse_qs(urlsplit(str(request.url)).query) for request in self.sent]


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def read1(self, *_: Any, **__: Any) -> bytes:
        content, self._content = self._content, b""
        return content

    def close(self) -> None:
        pass

    def release_conn(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("mi_sync"), "propagate", True)
    caplog.set_level(logging.DEBUG, "mi_sync")


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("code", "signal"),
    [(code, {0: "", 8: "", 7: "/log"}.get(int(code), "/fail")) for code in ExitCode if code is not ExitCode.CHANGES],
)
def test_how_a_run_ended_is_told(code: ExitCode, signal: str, caplog: pytest.LogCaptureFixture) -> None:
    switch = Switch()
    pings = Pings(URL, Wire(transport=switch))
    pings.start()
    pings.end(code, "3 created")
    assert switch.urls == [f"{URL}/start", f"{URL}{signal}"]
    assert [request.method for request in switch.sent] == ["POST", "POST"]
    assert [request.body for request in switch.sent] == [b"mi-sync: began", b"3 created"]
    (rid,) = {query["rid"][0] for query in switch.queries()}
    assert str(uuid.UUID(rid)) == rid
    assert warnings(caplog) == []


def test_two_runs_are_told_apart_and_a_query_of_the_address_stays() -> None:
    switch = Switch()
    for _ in range(2):
        Pings("https://hc-ping.example/key/slug/?create=1&rid=0", Wire(transport=switch)).end(ExitCode.PARTIAL, "")
    assert set(switch.urls) == {"https://hc-ping.example/key/slug/fail"}
    assert [query["create"] for query in switch.queries()] == [["1"], ["1"]]
    assert len({query["rid"][0] for query in switch.queries()}) == 2


def raising(error: Exception) -> Callable[[], tuple[int, str]]:
    def answer() -> tuple[int, str]:
        raise error

    return answer


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda: (500, "secret things"), "HTTP 500"),
        (lambda: (404, ""), "HTTP 404"),
        (lambda: (302, ""), "HTTP 302"),
        (lambda: (429, ""), "HTTP 429"),
        (lambda: (200, "OK (not found)"), "'not found'"),
        (raising(requests.exceptions.ConnectTimeout()), "no connection within the time allowed"),
        (raising(requests.exceptions.ReadTimeout()), "no answer within the time allowed"),
        (raising(requests.exceptions.SSLError()), "the TLS connection failed"),
        (raising(MemoryError()), "MemoryError"),
    ],
)
def test_whatever_goes_wrong_is_one_try_and_one_warning(
    answer: Callable[[], tuple[int, str]], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    switch = Switch(answer)
    Pings(URL, Wire(transport=switch)).end(ExitCode.OK, "")
    (told,) = warnings(caplog)
    assert why in told
    assert len(switch.sent) == 1
    assert not any(secret in caplog.text for secret in ("0d338dcc", "hc-ping.example", "secret things"))


@pytest.mark.parametrize(
    "url",
    [
        "http://hc-ping.example/uuid-1", "ftp://hc-ping.example/uuid-1", "hc-ping.example/uuid-1", "https:///uuid-1",
        "https://[uuid-1", "https://who:uuid-1@hc-ping.example/", "https://hc-ping.example:99999/uuid-1",
        "https://hc-ping.example/uuid-1 x", "https://hc-ping.example/uuid-1\nx", "uuid-1", "https://hc-ping.example/#uuid-1",
    ],
)  # fmt: skip
def test_an_address_that_is_none_or_not_encrypted_is_a_warning(url: str, caplog: pytest.LogCaptureFixture) -> None:
    switch = Switch()
    Pings(url, Wire(transport=switch)).start()
    (told,) = warnings(caplog)
    assert "address to ping" in told
    assert switch.sent == []
    assert "uuid-1" not in caplog.text


def test_a_switch_that_hangs_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    open_at_last = threading.Event()

    def answer() -> tuple[int, str]:
        open_at_last.wait(60)
        return 200, "OK"

    Pings(URL, Wire(transport=Switch(answer)), seconds=0.05).start()
    open_at_last.set()
    assert ["no answer within 0.05 s" in told for told in warnings(caplog)] == [True]


def test_a_switch_that_drips_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    ended = threading.Event()

    def dripping(_: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "1000000")])
        while not ended.wait(0.01):
            yield b"."

    with serving(dripping) as url:
        Pings(f"{url}/uuid-1", Wire(), seconds=0.2).start()
        ended.set()
    assert ["no answer within" in told for told in warnings(caplog)] == [True]


def test_pings_are_no_part_of_the_budget() -> None:
    switch = Switch()
    Pings(URL, Wire(transport=switch, budget=Budget(0))).start()
    assert len(switch.sent) == 1


def test_requests_are_logged_without_the_address(caplog: pytest.LogCaptureFixture) -> None:
    Pings(URL, Wire(transport=Switch())).start()
    assert any(record.getMessage().startswith("POST …/start 200") for record in caplog.records)
    assert "0d338dcc" not in caplog.text
