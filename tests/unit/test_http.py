"""What is repeated and what never is, how fast, with which budget, and what no message may tell."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from hypothesis import given
from hypothesis import strategies as st
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from mi_sync import http as http_module
from mi_sync.errors import (
    BudgetReached,
    MiSyncError,
    NotAuthorised,
    NotFound,
    OutcomeUnknown,
    RequestRefused,
    Unavailable,
)
from mi_sync.http import ATTEMPTS, MAX_WAIT, SLOWEST, Budget, Http, Reply, Window, Wire, steady

BASE = "https://api.example.test/1"
URL = f"{BASE}/cards"
TOKEN = "invented-token-0123456789"
VERBS = ("GET", "POST", "PUT", "DELETE")
REPEATABLE = ("GET", "PUT", "DELETE")
TRANSIENT = (408, 425, 449, 500, 501, 502, 503, 504, 507, 520, 521, 522, 523, 524, 529, 530, 599)
BROKEN = (
    requests.exceptions.ConnectionError("Connection aborted"),
    requests.exceptions.ReadTimeout("read timed out"),
    requests.exceptions.ChunkedEncodingError("incomplete read"),
    requests.exceptions.SSLError("bad handshake"),
)
NEVER_CONNECTED = (requests.exceptions.ConnectTimeout("slow"), requests.exceptions.ProxyError("no"))


class Clock:
    """A clock that moves only while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime(2026, 3, 2, 12, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def session(clock: Clock, base: str = BASE, *, window: Window | None = None, rate: str = "", **wire: Any) -> Http:
    return Http(
        base,
        headers={"Authorization": f"Bearer {TOKEN}"},
        secrets=[TOKEN],
        wire=Wire(now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep, **wire),
        window=window or Window(1000, 10, headers=rate),
        name="Example",
    )


def call(http: Http, verb: str) -> Any:
    body = {"name": "x"}
    calls: dict[str, Callable[[str], Any]] = {
        "GET": http.get,
        "DELETE": http.delete,
        "PUT": lambda p: http.put(p, body),
        "POST": lambda p: http.post(p, body),
    }
    return calls[verb]("/cards")


def script(api: responses.RequestsMock, verb: str, *answers: int | Exception, **more: Any) -> None:
    """One answer after the other; the last one for ever."""
    for answer in answers:
        if isinstance(answer, Exception):
            api.add(verb, URL, body=answer)
        else:
            api.add(verb, URL, status=answer, json={"id": "1"} if answer == 200 else None, **more)


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_only_read_is_sent_nothing_but_gets(api: responses.RequestsMock, clock: Clock, verb: str) -> None:
    script(api, verb, 200)
    http = session(clock, read_only=True)
    if verb == "GET":
        assert call(http, verb) == {"id": "1"}
        return
    with pytest.raises(RequestRefused, match="Example is only read here"):
        call(http, verb)
    with pytest.raises(RequestRefused, match="only read"):
        http.tell("/cards", "text", {})
    assert (len(api.calls), http.requests) == (0, 0)


# -------------------------------------------------------------------------------------------- repeating


@pytest.mark.parametrize("verb", REPEATABLE)
@pytest.mark.parametrize("failure", [*TRANSIENT, *BROKEN, *NEVER_CONNECTED, 429], ids=repr)
def test_what_can_be_said_twice_is_repeated(
    api: responses.RequestsMock, clock: Clock, verb: str, failure: int | Exception
) -> None:
    script(api, verb, failure, failure, 200)
    assert call(session(clock), verb) == {"id": "1"}
    assert len(api.calls) == 3


@pytest.mark.parametrize("failure", [429, *NEVER_CONNECTED], ids=repr)
def test_a_creation_is_repeated_when_nothing_happened(
    api: responses.RequestsMock, clock: Clock, failure: int | Exception
) -> None:
    script(api, "POST", failure, 200)
    assert call(session(clock), "POST") == {"id": "1"}
    assert len(api.calls) == 2


@pytest.mark.parametrize("failure", [*TRANSIENT, *BROKEN], ids=repr)
def test_a_creation_with_unknown_outcome_is_sent_once(
    api: responses.RequestsMock, clock: Clock, failure: int | Exception
) -> None:
    script(api, "POST", failure, 200)
    with pytest.raises(OutcomeUnknown, match=r"^POST /cards: .*whether it happened is not known\.$"):
        call(session(clock), "POST")
    assert len(api.calls) == 1
    assert clock.pauses == []


@pytest.mark.parametrize(
    ("verb", "failure", "expected"),
    [
        ("GET", 503, Unavailable),
        ("GET", BROKEN[0], Unavailable),
        ("PUT", 503, OutcomeUnknown),
        ("DELETE", BROKEN[1], OutcomeUnknown),
        ("POST", 429, Unavailable),
        ("POST", NEVER_CONNECTED[0], Unavailable),
        ("PUT", NEVER_CONNECTED[0], Unavailable),
    ],
)
def test_attempts_are_bounded_and_the_last_outcome_is_told(
    api: responses.RequestsMock, clock: Clock, verb: str, failure: int | Exception, expected: type[MiSyncError]
) -> None:
    script(api, verb, failure)
    with pytest.raises(expected) as caught:
        call(session(clock), verb)
    assert type(caught.value) is expected
    assert len(api.calls) == ATTEMPTS


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, RequestRefused),
        (401, NotAuthorised),
        (403, RequestRefused),
        (404, NotFound),
        (409, RequestRefused),
        (422, RequestRefused),
    ],
)
def test_a_refusal_is_final_and_says_what_it_means(
    api: responses.RequestsMock, clock: Clock, verb: str, status: int, expected: type[MiSyncError]
) -> None:
    api.add(verb, URL, status=status, body="invalid value for due")
    with pytest.raises(expected) as caught:
        call(session(clock), verb)
    assert type(caught.value) is expected
    assert str(caught.value).startswith(f"{verb} /cards: Example answers invalid value for due (HTTP {status}).")
    assert getattr(caught.value, "status", status) == status
    assert len(api.calls) == 1


@pytest.mark.parametrize("verb", ["PUT", "DELETE"])
@pytest.mark.parametrize("later", [400, 401, 404, 429, NEVER_CONNECTED[0]], ids=repr)
def test_what_a_later_attempt_proves_says_nothing_about_an_earlier_one(
    api: responses.RequestsMock, clock: Clock, verb: str, later: int | Exception
) -> None:
    script(api, verb, BROKEN[1], later)
    with pytest.raises(OutcomeUnknown):
        call(session(clock), verb)


def test_a_budget_that_ends_between_two_attempts_leaves_the_outcome_unknown(
    api: responses.RequestsMock, clock: Clock
) -> None:
    script(api, "PUT", BROKEN[1])
    with pytest.raises(OutcomeUnknown):
        call(session(clock, budget=Budget(1)), "PUT")


def test_an_interruption_between_two_attempts_stays_one(
    api: responses.RequestsMock, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(MiSyncError):
        pass

    def sleep(_: float) -> None:
        raise Interrupted("stop")

    script(api, "PUT", BROKEN[1])
    monkeypatch.setattr(clock, "sleep", sleep)  # a signal comes while it waits
    with pytest.raises(Interrupted):
        call(session(clock), "PUT")


def test_a_redirect_is_a_refusal_and_is_not_followed(api: responses.RequestsMock, clock: Clock) -> None:
    api.get(URL, status=302, headers={"Location": "https://elsewhere.example.test/"})
    elsewhere = api.get("https://elsewhere.example.test/", json={})
    with pytest.raises(RequestRefused) as caught:
        session(clock).get("/cards")
    assert caught.value.status == 302
    assert elsewhere.call_count == 0


# --------------------------------------------------------------------------------------------- pausing


def test_pauses_double(api: responses.RequestsMock, clock: Clock) -> None:
    script(api, "GET", 500)
    with pytest.raises(Unavailable):
        session(clock).get("/cards")
    assert clock.pauses == [1, 2, 4, 8]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "pause"),
    [
        ("7", 7),
        ("0.5", 0.5),
        (format_datetime(datetime(2026, 3, 2, 12, 0, 21, tzinfo=UTC), usegmt=True), 21),
        ("Mon, 02 Mar 2026 14:00:09 +0200", 9),
        ("86400", MAX_WAIT),
    ],
)
def test_the_pause_that_a_server_asks_for_is_kept_within_reason(
    api: responses.RequestsMock, clock: Clock, status: int, asked: str, pause: float
) -> None:
    api.get(URL, status=status, headers={"Retry-After": asked})
    api.get(URL, json=[])
    session(clock).get("/cards")
    assert clock.pauses == [pause]


@pytest.mark.parametrize("asked", ["soon", "nan", "inf", "", "1e99", "Tue, 99 Foo 2026"])
def test_a_pause_that_makes_no_sense_is_replaced_by_the_usual_one(
    api: responses.RequestsMock, clock: Clock, asked: str
) -> None:
    api.get(URL, status=503, headers={"Retry-After": asked})
    api.get(URL, json=[])
    session(clock).get("/cards")
    assert clock.pauses == [1]


def test_no_pause_is_negative(api: responses.RequestsMock, clock: Clock) -> None:
    for asked in ("-5", "Mon, 02 Mar 2026 11:00:00 GMT"):
        api.get(URL, status=503, headers={"Retry-After": asked})
    api.get(URL, json=[])
    session(clock).get("/cards")
    assert clock.pauses == [0, 0]


@pytest.mark.parametrize(("headers", "pause"), [({"x-rate-interval-ms": "4000"}, 4), ({}, 10)])
def test_too_many_requests_without_an_asked_pause_wait_for_the_window(
    api: responses.RequestsMock, clock: Clock, headers: dict[str, str], pause: float
) -> None:
    api.get(URL, status=429, headers=headers)
    api.get(URL, json=[])
    session(clock, rate="x-rate").get("/cards")
    assert clock.pauses == [pause]


# ---------------------------------------------------------------------------------------------- window


@given(
    limit=st.integers(1, 6),
    seconds=st.floats(0.5, 20),
    gaps=st.lists(st.sampled_from([0, 0.1, 0.3, 0.5, 0.8, 0.95, 1, 1.1]), min_size=1, max_size=60),
    waits=st.booleans(),
)
def test_no_window_ever_holds_more_than_the_limit(limit: int, seconds: float, gaps: list[float], waits: bool) -> None:  # noqa: FBT001  drawn
    window, now, sent = Window(limit, seconds), 0.0, []
    for gap in gaps:
        now += gap * seconds
        wait = window.reserve(now)
        assert wait >= 0
        sent.append(now + wait)
        if waits:  # one thread sleeps before it goes on; several do not
            now += wait
    assert sent == sorted(sent)
    assert all(later - earlier >= seconds - 1e-9 for earlier, later in zip(sent, sent[limit:], strict=False))


@given(limit=st.integers(1, 6), count=st.integers(1, 30))
def test_the_window_waits_no_longer_than_it_must(limit: int, count: int) -> None:
    window = Window(limit, 10, guard=0)
    assert [window.reserve(0.0) for _ in range(count)] == [10.0 * (n // limit) for n in range(count)]


@given(limit=st.integers(1, 20), data=st.data())
def test_what_others_sent_with_the_same_token_counts(limit: int, data: st.DataObject) -> None:
    own = data.draw(st.integers(0, limit))
    remaining = data.draw(st.integers(0, limit - own))
    window = Window(1000, 60)
    for _ in range(own):
        window.reserve(0.0)
    window.learn(0.0, limit, 10, remaining)
    waits = [window.reserve(0.0) for _ in range(limit + 1)]
    assert [wait < 10 for wait in waits].count(True) == remaining


def test_the_servers_own_counting_paces_the_next_request(api: responses.RequestsMock, clock: Clock) -> None:
    api.get(URL, json=[], headers={"x-rate-max": "5", "x-rate-remaining": "0", "x-rate-interval-ms": "20000"})
    http = session(clock, rate="x-rate")
    http.get("/cards")
    http.get("/cards")
    assert clock.pauses == [pytest.approx(20.25)]


def test_a_servers_own_interval_never_holds_us_for_days(api: responses.RequestsMock, clock: Clock) -> None:
    api.get(URL, json=[], headers={"x-rate-max": "1", "x-rate-remaining": "0", "x-rate-interval-ms": "900000000"})
    http = session(clock, rate="x-rate")
    http.get("/cards")
    http.get("/cards")
    assert clock.pauses == [pytest.approx(MAX_WAIT + 0.25)]


@pytest.mark.parametrize(
    "headers", [{}, {"x-rate-max": "5"}, {"x-rate-max": "many", "x-rate-remaining": "0", "x-rate-interval-ms": "1"}]
)
def test_incomplete_counting_is_ignored(api: responses.RequestsMock, clock: Clock, headers: dict[str, str]) -> None:
    api.get(URL, json=[], headers=headers)
    http = session(clock, rate="x-rate")
    http.get("/cards")
    http.get("/cards")
    assert clock.pauses == []


def test_whoever_shares_a_token_waits_for_their_turn(api: responses.RequestsMock, clock: Clock) -> None:
    api.get(URL, json=[])
    turns, asked = [0.0, 2.5, 7.0], []

    def take_turn(token: str, limit: int, seconds: float) -> float:
        asked.append((token, limit, seconds))
        return turns[len(asked) - 1]

    http = session(clock, window=Window(2, 10), take_turn=take_turn)
    for _ in range(3):
        http.get("/cards")
    assert clock.pauses == [pytest.approx(2.5), pytest.approx(7.75)]  # our own window holds still
    assert {(limit, seconds) for _, limit, seconds in asked} == {(2, 10.25)}
    assert len({token for token, *_ in asked}) == 1


def test_a_token_is_shared_by_its_digest_alone(api: responses.RequestsMock, clock: Clock) -> None:
    api.get(URL, json=[])
    told: list[str] = []

    def take_turn(token: str, *_: float) -> float:
        told.append(token)
        return 0.0

    wire = Wire(now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep, take_turn=take_turn)
    for secrets in (["key-1", "token-1"], ["key-1", "token-1"], ["key-1", "token-2"]):
        Http(BASE, headers={}, secrets=secrets, wire=wire, window=Window(9, 1), name="Example").get("/cards")
    assert told[0] == told[1] != told[2]
    assert not any("key" in token or "token" in token for token in told)


def test_requests_are_spread_over_the_window(api: responses.RequestsMock, clock: Clock) -> None:
    api.get(URL, json=[])
    http = session(clock, window=Window(2, 10))
    for _ in range(5):
        http.get("/cards")
    assert clock.seconds == pytest.approx(20.5)


# ---------------------------------------------------------------------------------------------- budget


def test_the_budget_is_shared_and_nothing_is_sent_beyond_it(api: responses.RequestsMock, clock: Clock) -> None:
    api.get(URL, json=[])
    budget = Budget(3)
    first, second = session(clock, budget=budget), session(clock, budget=budget)
    for http in (first, second, first):
        http.get("/cards")
    with pytest.raises(BudgetReached, match="budget of 3 requests"):
        second.get("/cards")
    assert len(api.calls) == budget.spent == 3
    assert (first.requests, second.requests) == (2, 1)


def test_every_attempt_counts(api: responses.RequestsMock, clock: Clock) -> None:
    script(api, "GET", 500)
    http = session(clock, budget=Budget(3))
    with pytest.raises(BudgetReached):
        http.get("/cards")
    assert len(api.calls) == http.requests == 3


# ---------------------------------------------------------------------------------------- what is sent


def test_parameters_go_into_the_address_and_bodies_are_json(api: responses.RequestsMock, clock: Clock) -> None:
    api.get(URL, json=[])
    api.post(URL, json={})
    http = session(clock, f"{BASE}/")
    http.get("/cards", limit=5, fields="id,name")
    http.post("/cards", {"name": "Zürich"})
    assert api.calls[0].request.url == f"{URL}?limit=5&fields=id%2Cname"
    assert json.loads(api.calls[1].request.body or "") == {"name": "Zürich"}
    assert api.calls[1].request.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("verb", VERBS)
def test_timeouts_are_always_passed(api: responses.RequestsMock, clock: Clock, verb: str) -> None:
    script(api, verb, 200)
    call(session(clock), verb)
    call(session(clock, timeout=(1.5, 2.5)), verb)
    assert [sent.request.req_kwargs["timeout"] for sent in api.calls] == [(10.0, 30.0), (1.5, 2.5)]  # type: ignore[attr-defined]  # responses adds it


def test_netrc_does_not_replace_the_credentials(
    api: responses.RequestsMock, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.example.test login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert requests.utils.get_netrc_auth(URL) == ("somebody", "else")
    script(api, "GET", 200)
    session(clock).get("/cards")
    assert api.calls[0].request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in (api.calls[0].request.url or "")


def answered(api: responses.RequestsMock, clock: Clock, body: str) -> Any:
    api.add("GET", URL, body=body, status=200)
    return session(clock).get("/cards")


def test_half_a_character_of_a_reply_is_a_question_mark(api: responses.RequestsMock, clock: Clock) -> None:
    assert answered(api, clock, r'[{"name": "a\ud800b \uDFFF", "\udc00": "\ud83d\ude00"}]') == [
        {"name": "a?b ?", "?": "😀"}
    ]


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 100_000, "1" * 5_000])
def test_a_reply_that_no_reader_can_take_is_no_json(api: responses.RequestsMock, clock: Clock, body: str) -> None:
    with pytest.raises(Unavailable, match="no JSON"):
        answered(api, clock, body)


class Canned(BaseAdapter):
    """A transport that answers by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[requests.PreparedRequest] = []
        self.proxies: object = None

    def send(self, request: requests.PreparedRequest, *_: Any, **how: Any) -> requests.Response:
        self.sent.append(request)
        self.proxies = how.get("proxies")
        response = requests.Response()
        response.status_code = 200
        response.raw = HTTPResponse(BytesIO(b"[1]"), preload_content=False)
        return response

    def close(self) -> None:
        pass


@pytest.mark.parametrize("base", [BASE, "http://127.0.0.1:9/1"])
def test_the_transport_is_an_argument(clock: Clock, base: str) -> None:
    transport = Canned()
    assert session(clock, base, transport=transport).get("/cards") == [1]
    assert transport.sent[0].url == f"{base}/cards"


@pytest.mark.parametrize(("base", "through"), [(BASE, True), ("http://127.0.0.1:9/1", False)])
def test_plain_http_never_leaves_this_computer_through_a_proxy(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, base: str, *, through: bool
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://proxy.example.test:3128")
    transport = Canned()
    session(clock, base, transport=transport).get("/cards")
    assert bool(transport.proxies) is through


@given(st.lists(st.tuples(st.floats(-1e5, 1e5), st.floats(0, 1e5)), max_size=20))
def test_a_steady_clock_never_goes_back_and_is_never_slower_than_either(steps: list[tuple[float, float]]) -> None:
    wall, ticks = datetime(2026, 3, 1, tzinfo=UTC), 0.0
    told = steady(lambda: wall, lambda: ticks)
    before = told()
    assert before == wall
    for on_the_wall, passed in steps:
        wall, ticks = wall + timedelta(seconds=on_the_wall), ticks + passed
        gone = (told() - before).total_seconds()
        assert gone >= max(on_the_wall, passed, 0.0) - 1e-5
        before += timedelta(seconds=gone)


def test_time_is_a_budget_too(clock: Clock) -> None:
    budget = Budget(seconds=60, monotonic=clock.monotonic)
    budget.spend()
    clock.sleep(60)
    with pytest.raises(BudgetReached, match="60 seconds"):
        budget.spend()


# -------------------------------------------------------------------------------------------- replies


class Dripping(Canned):
    """A server that sends a byte, and then another, for ever."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        response = super().send(request)
        response.raw = Drip(self.clock)
        return response


class Drip:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def read1(self, *_: Any, **__: Any) -> bytes:
        self.clock.sleep(1.0)
        return b"["

    def close(self) -> None:
        pass

    release_conn = close


def test_a_reply_that_drips_does_not_hold_us_for_ever(clock: Clock) -> None:
    with pytest.raises(OutcomeUnknown):
        session(clock, transport=Dripping(clock)).post("/cards", {})


@pytest.mark.parametrize("body", ["", " \n"])
def test_an_empty_reply_is_nothing(api: responses.RequestsMock, clock: Clock, body: str) -> None:
    api.delete(URL, body=body)
    assert session(clock).delete("/cards") is None


@pytest.mark.parametrize("body", ['{"id": "1', "<html>Welcome</html>"])
def test_a_reply_that_is_no_json_is_no_success(api: responses.RequestsMock, clock: Clock, body: str) -> None:
    for verb in ("GET", "POST"):
        api.add(verb, URL, body=body)
    api.get(URL, json=[])
    http = session(clock)
    assert http.get("/cards") == []
    with pytest.raises(OutcomeUnknown, match="cut short or is no JSON"):
        http.post("/cards", {})
    assert len(api.calls) == 3


def test_a_reply_without_end_is_given_up(
    api: responses.RequestsMock, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_module, "MAX_BODY", 100_000)
    api.post(URL, body=b" " * 200_000)
    with pytest.raises(OutcomeUnknown, match="no answer within the time allowed"):
        session(clock).post("/cards", {})


def test_a_reply_that_takes_too_long_as_a_whole_is_given_up(api: responses.RequestsMock) -> None:
    class Slow(Clock):
        def monotonic(self) -> float:
            self.seconds += 50
            return self.seconds

    api.post(URL, body=b" " * 400_000)
    with pytest.raises(OutcomeUnknown, match="no answer within the time allowed"):
        session(Slow()).post("/cards", {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("invalid id\n", "invalid id (HTTP 400)"),
        ('{"message": "bad due", "error": "E"}', "bad due (HTTP 400)"),
        ('{"errors": [{"message": "a", "help": "h"}, {"message": "b"}, 1, {}]}', "a b (HTTP 400)"),
        ('{"errors": {"message": "a"}}', '{"errors": {"message": "a"}} (HTTP 400)'),
        ('{"error": "E"}', "E (HTTP 400)"),
        ("", "no explanation (HTTP 400)"),
        (" <html>Bad gateway</html>", "no explanation (HTTP 400)"),
        ("x" * 300, f"{'x' * 200} (HTTP 400)"),
    ],
)
def test_the_other_sides_explanation_is_short_and_plain(text: str, message: str) -> None:
    assert Reply(400, {}, text).message == message


# ------------------------------------------------------------------------------------------ real wires


@contextmanager
def server(reply: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Answers every connection with these bytes and hangs up."""
    requests_seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    requests_seen.append(connection.recv(65536))
                    if reply:
                        connection.sendall(reply)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", requests_seen
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)


CUT = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n{"id": "1"}'
CUT_CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nB\r\n{"id": "1"}\r\n'


@pytest.mark.parametrize(
    "reply", [CUT, CUT_CHUNKED, b"", b"HTTP/1.1 2"], ids=["length", "chunked", "nothing", "status"]
)
@pytest.mark.parametrize(("verb", "times", "expected"), [("POST", 1, OutcomeUnknown), ("GET", ATTEMPTS, Unavailable)])
def test_a_cut_reply_is_no_success_even_if_its_beginning_looks_whole(
    clock: Clock, reply: bytes, verb: str, times: int, expected: type[MiSyncError]
) -> None:
    with server(reply) as (base, seen), pytest.raises(expected):
        call(session(clock, base), verb)
    assert len(seen) == times


def test_a_refused_connection_proves_that_nothing_happened(clock: Clock) -> None:
    with socket.socket() as bound:  # it does not listen
        bound.bind(("127.0.0.1", 0))
        http = session(clock, f"http://127.0.0.1:{bound.getsockname()[1]}")
        with pytest.raises(Unavailable, match="the connection was refused"):
            http.post("/cards", {})
    assert http.requests == ATTEMPTS


# ------------------------------------------------------------------------------------------- redaction

TALKATIVE = [
    *[(status, f"the token {TOKEN} is bad") for status in (400, 401, 403, 404, 429, 500, 503)],
    (400, json.dumps({"message": f"no {TOKEN}"})),
    (200, f"not json {TOKEN}"),
    (0, f"HTTPSConnectionPool(host='x'): /1/cards?token={TOKEN}"),
]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(("status", "text"), TALKATIVE)
def test_no_message_and_no_log_tells_a_secret(
    api: responses.RequestsMock, clock: Clock, caplog: pytest.LogCaptureFixture, verb: str, status: int, text: str
) -> None:
    body = requests.exceptions.ConnectionError(text) if status == 0 else text
    api.add(verb, URL, status=status or 200, body=body)
    with caplog.at_level(logging.DEBUG, "mi_sync"), pytest.raises(MiSyncError) as caught:
        call(session(clock), verb)
    error = caught.value
    told = f"{error} {error!r} {error.args} {error.problem()} {caplog.text}"
    assert TOKEN not in told
    assert "Example" in told or status == 200


def test_redaction_covers_every_secret(clock: Clock) -> None:
    http = Http(BASE, headers={}, secrets=["key", "token", ""], wire=Wire(), window=Window(1, 1), name="Example")
    assert http.redact("key=key&token=token, no more") == "…=…&…=…, no more"
    assert session(clock).redact("nothing to hide") == "nothing to hide"


def test_redaction_of_a_secret_that_contains_another_leaves_nothing_of_it() -> None:
    http = Http(BASE, headers={}, secrets=["abc", "abcdef"], wire=Wire(), window=Window(1, 1), name="Example")
    assert http.redact("abcdef and abc") == "… and …"


def test_a_secret_at_the_end_of_a_shortened_message_is_not_told_in_part(
    api: responses.RequestsMock, clock: Clock
) -> None:
    api.get(URL, status=400, body="x" * 190 + TOKEN)
    with pytest.raises(RequestRefused) as caught:
        session(clock).get("/cards")
    assert TOKEN[:6] not in str(caught.value)


def test_a_secret_in_a_path_is_redacted(api: responses.RequestsMock, clock: Clock) -> None:
    api.delete(f"{BASE}/tokens/{TOKEN}", status=400)
    with pytest.raises(RequestRefused) as caught:
        session(clock).delete(f"/tokens/{TOKEN}")
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("damage", ["\n", "”"])
def test_a_secret_that_cannot_be_a_header_is_refused_without_showing_it(clock: Clock, damage: str) -> None:
    token = TOKEN + damage
    http = Http(
        "http://127.0.0.1:9",
        headers={"Authorization": token},
        secrets=[token],
        wire=Wire(sleep=clock.sleep),
        window=Window(9, 1),
        name="Example",
    )
    with pytest.raises(MiSyncError) as caught:
        http.post("/cards", {})
    assert TOKEN not in str(caught.value)


# -------------------------------------------------------------------------------- senseless replies


def test_an_unknown_charset_is_read_as_utf_8(api: responses.RequestsMock, clock: Clock) -> None:
    api.post(URL, body='{"name": "é"}'.encode(), content_type="application/json; charset=klingon")
    assert session(clock).post("/cards", {}) == {"name": "é"}


def test_a_date_with_an_impossible_zone_is_no_pause(api: responses.RequestsMock, clock: Clock) -> None:
    api.get(URL, status=503, headers={"Retry-After": "Tue, 29 Jun 2021 22:49:39 +99999999999999"})
    api.get(URL, json=[])
    assert session(clock).get("/cards") == []


@pytest.mark.parametrize("remaining", [-1_000_000, 0])
def test_a_senseless_count_costs_no_memory(remaining: int) -> None:
    window = Window(100, 10)
    window.learn(0.0, 1_000_000 if remaining == 0 else 100, 10, remaining)
    assert len(window._sent) <= 10_000


@pytest.mark.parametrize(("status", "kind"), [(400, RequestRefused), (401, NotAuthorised), (404, NotFound)])
def test_what_to_do_about_a_refusal_is_asked_of_the_connector(
    api: responses.RequestsMock, clock: Clock, status: int, kind: type[MiSyncError]
) -> None:
    api.get(f"{BASE}/cards", status=status, body="no")
    http = Http(
        BASE,
        headers={},
        secrets=[],
        wire=Wire(now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep),
        window=Window(1000, 10),
        name="Example",
        remedy=lambda code, text: f"Mend {code} {text}",
    )
    with pytest.raises(kind, match=rf"Mend {status} Example answers no"):
        http.get("/cards")


# -------------------------------------------------------------------------------------------- downloads


def test_a_download_is_the_file_and_nothing_of_an_attempt_before(api: responses.RequestsMock, clock: Clock) -> None:
    into = BytesIO(b"what was there before")
    answers: Iterator[Any] = iter([(500, {}, b"a long page"), (429, {}, b"wait"), (200, {}, b"id,title\n")])
    api.add_callback("GET", URL, callback=lambda _: next(answers))
    session(clock).download("/cards", into, 100)
    assert into.getvalue() == b"id,title\n"
    assert len(api.calls) == 3


def test_a_download_has_a_bound_and_is_not_repeated_for_it(api: responses.RequestsMock, clock: Clock) -> None:
    api.add("GET", URL, body=b"x" * 11)
    session(clock).download("/cards", BytesIO(), 11)
    with pytest.raises(RequestRefused, match="it has more than 10 bytes"):
        session(clock).download("/cards", BytesIO(), 10)
    assert len(api.calls) == 2


def test_credentials_do_not_follow_a_redirection_to_another_host(api: responses.RequestsMock, clock: Clock) -> None:
    api.add("GET", URL, status=302, headers={"Location": "/1/there"})
    api.add("GET", f"{BASE}/there", status=307, headers={"Location": "https://store.example.test/x?sig=1"})
    api.add("GET", "https://store.example.test/x", body=b"file")
    into = BytesIO()
    session(clock).download("/cards", into, 100)
    assert into.getvalue() == b"file"
    assert [TOKEN in str(call.request.headers) for call in api.calls] == [True, True, False]


@pytest.mark.parametrize("target", ["http://api.example.test/1/cards", "http://127.0.0.1/x", "file:///etc/passwd"])
def test_what_began_encrypted_stays_so(api: responses.RequestsMock, clock: Clock, target: str) -> None:
    api.add("GET", URL, status=302, headers={"Location": target})
    with pytest.raises(RequestRefused, match="sends it on to an address that is not encrypted"):
        session(clock).download("/cards", BytesIO(), 100)
    assert len(api.calls) == 1


def test_a_download_that_goes_on_may_take_longer_than_a_reply(api: responses.RequestsMock, clock: Clock) -> None:
    """The deadline bounds what drips, not what is large."""

    class Slow(BytesIO):
        def write(self, data: Any) -> int:
            clock.seconds += len(data) / SLOWEST * 0.9
            return super().write(data)

    api.add("GET", URL, body=b"x" * (1 << 24))
    session(clock, deadline=120).download("/cards", Slow(), 1 << 25)
    assert clock.seconds > 120


def test_a_signal_ends_a_download_as_it_ends_a_pause(api: responses.RequestsMock, clock: Clock) -> None:
    def stop(_: float) -> None:
        raise InterruptedError

    api.add("GET", URL, body=b"x" * 100)
    http = session(clock)
    http._wire = replace(http._wire, sleep=stop)
    into = BytesIO()
    with pytest.raises(InterruptedError):
        http.download("/cards", into, 1000)
    assert into.getvalue() == b""


def test_the_query_of_a_download_is_in_no_message_and_no_log(
    api: responses.RequestsMock, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "mi_sync")
    api.add("GET", URL, status=404)
    with pytest.raises(NotFound) as caught:
        session(clock).download("/cards?sig=invented", BytesIO(), 100)
    assert caught.value.where == "GET /cards"
    assert "invented" not in caplog.text + str(caught.value)
