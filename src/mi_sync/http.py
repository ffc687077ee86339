"""One HTTP session: pacing, repeats, budget and redaction. The only module that talks to the network.

A request has three outcomes, not two: done (it returns), refused (`RequestRefused` and its kin: nothing happened)
and unknown (`OutcomeUnknown`: nobody can tell). What is repeated follows from that:

- GET is always repeated; PUT and DELETE also after an unknown outcome, because they say the same thing twice;
- POST only when the answer proves that nothing happened: 429, or a connection that was never made.

Time, sleep and transport come in through `Wire`, so tests neither wait nor patch.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json as jsonlib
import logging
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

from mi_sync.errors import (
    BudgetReached,
    ConfigError,
    MiSyncError,
    NotAuthorised,
    NotFound,
    OutcomeUnknown,
    RequestRefused,
    Unavailable,
)

if TYPE_CHECKING:
    import requests
    from requests.adapters import BaseAdapter

log = logging.getLogger(__name__)

ATTEMPTS = 5
MAX_WAIT = 60.0
"""No single pause is longer, in seconds, whatever a server asks for."""
MAX_BODY = 64 * 1024 * 1024
"""No reply is read beyond this many bytes."""
MAX_REDIRECTS = 5
"""So often a download is sent elsewhere."""
SLOWEST = 1 << 16
"""A download that has used up its deadline must have come with so many bytes a second."""
MAX_LIMIT = 10_000
"""No window counts more requests, whatever a server says."""
# And all from 500 on. Trello was seen to answer 449 and 504 on large boards (GSGBen/t2md, pull request 63).
_TRANSIENT = frozenset({408, 425, 449})
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_REPEATABLE = frozenset({"GET", "PUT", "DELETE"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Got = TypeVar("Got")


def is_loopback(host: str) -> bool:
    """Whether a host is this computer, which alone may be spoken to without encryption."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Budget:
    """How many requests may still be sent, and for how long; shared by all sessions of a run.

    Args:
        requests: at most so many.
        seconds: counted from now on.
        monotonic: the clock of those seconds.
    """

    def __init__(
        self,
        requests: int | None = None,
        seconds: float | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit = requests
        self.spent = 0
        self.seconds = seconds
        self._monotonic = monotonic
        self._began = monotonic()
        self._lock = threading.Lock()

    def spend(self) -> None:
        """Takes one.

        Raises:
            BudgetReached: there is none left, or the time is up; nothing was sent.
        """
        with self._lock:
            if self.seconds is not None and self._monotonic() - self._began >= self.seconds:
                raise BudgetReached(
                    f"the budget of {self.seconds:g} seconds is used up.", remedy="The next run goes on from here."
                )
            if self.limit is not None and self.spent >= self.limit:
                raise BudgetReached(
                    f"the budget of {self.limit} requests is used up.",
                    remedy="The next run goes on from here.",
                )
            self.spent += 1


@dataclass(frozen=True, slots=True)
class Wire:
    """Everything about the outside that a test replaces: time, sleep, transport; and the request budget.

    `sleep` may raise to end the work, and is called only while nothing is on its way that could have an effect. So may
    `before_sending`, which is called right before each request. `take_turn(token, limit, seconds)` books one request
    where all who use the same token count, at most `limit` in any `seconds`, and tells how many seconds to wait before
    it; `token` is a digest. By itself nobody counts for all.

    `timeout` is (to connect, to read), in seconds; `deadline` bounds one whole reply. `about` names the target or
    source that its requests are for, in their log lines. `read_only` lets nothing out but GETs.
    """

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    transport: BaseAdapter | None = None
    budget: Budget = field(default_factory=Budget)
    timeout: tuple[float, float] = (10.0, 30.0)
    deadline: float = 120.0
    before_sending: Callable[[], None] = lambda: None
    take_turn: Callable[[str, int, float], float] = lambda *_: 0.0
    about: Mapping[str, str] = field(default_factory=dict)
    read_only: bool = False


def steady(now: Callable[[], datetime], monotonic: Callable[[], float]) -> Callable[[], datetime]:
    """A clock that begins as `now`, never goes back, and never runs slower than either of the two.

    What is old by one of them is old: somebody may put the clock back, and a computer that slept may not have counted.
    """
    at, wall, ticks = (first := now()), first, monotonic()
    lock = threading.Lock()

    def told() -> datetime:
        nonlocal at, wall, ticks
        with lock:
            wall_before, ticks_before = wall, ticks
            wall, ticks = now(), monotonic()
            at += max(wall - wall_before, timedelta(seconds=ticks - ticks_before))
            return at

    return told


class Window:
    """At most `limit` requests in any `seconds`: a sliding window, which learns from the server's own counting.

    `guard` seconds are added, because the two clocks and the way there differ. `headers` is the prefix of the headers
    in which the server counts (`…-max`, `…-remaining`, `…-interval-ms`), if it does.
    """

    def __init__(self, limit: int, seconds: float, guard: float = 0.25, headers: str = "") -> None:
        self.limit = limit
        self.seconds = seconds
        self.guard = guard
        self.headers = headers
        self._sent: deque[float] = deque()
        self._lock = threading.Lock()

    def reserve(self, now: float) -> float:
        """Books one request and tells how many seconds to wait before sending it."""
        with self._lock:
            span = self.seconds + self.guard
            while self._sent and self._sent[0] <= now - span:
                self._sent.popleft()
            earliest = now
            if len(self._sent) >= self.limit:
                earliest = max(now, self._sent[len(self._sent) - self.limit] + span)
            self._sent.append(earliest)
            return earliest - now

    def learn(self, now: float, limit: int, seconds: float, remaining: int) -> None:
        """Takes over what the server says; requests of others with the same token count as sent now."""
        with self._lock:
            if limit > 0 and seconds > 0:
                self.limit, self.seconds = min(limit, MAX_LIMIT), seconds
            self._sent.extend([now] * (self.limit - max(remaining, 0) - len(self._sent)))


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> Any:  # noqa: ANN401  JSON is anything
        """The body as JSON, without halves of characters, which no file and no database takes.

        Raises:
            ValueError: it is none; error bodies of Trello are plain text, gateways answer with HTML.
        """
        try:
            value = jsonlib.loads(self.text)
            if _HALF.search(self.text):
                value = jsonlib.loads(jsonlib.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        return value

    @property
    def message(self) -> str:
        """What the other side says about an error, short: its text, JSON message or messages, or just the status."""
        text = self.text.strip()
        try:
            parsed = self.json()
        except ValueError:
            parsed = None
        if isinstance(parsed, dict):
            text = _told(parsed) or text
        if not text or text.lstrip().startswith("<"):
            text = "no explanation"
        return f"{text[:200]} (HTTP {self.status})"


def _told(body: Mapping[str, Any]) -> str:
    """The message in a JSON body; Asana answers with a list of errors (developers.asana.com/docs/errors)."""
    errors = body.get("errors")
    listed = [str(each["message"]) for each in errors if _has_message(each)] if isinstance(errors, list) else []
    return str(body.get("message") or body.get("error") or " ".join(listed))


def _has_message(error: object) -> bool:
    return isinstance(error, dict) and bool(error.get("message"))


class _Again(Exception):
    """This attempt may be repeated after `wait` seconds (None: the usual back-off); at the end `final` is raised."""

    def __init__(self, final: MiSyncError, wait: float | None = None) -> None:
        super().__init__(str(final))
        self.final = final
        self.wait = wait


class Http:
    """A session with one API.

    Args:
        base_url: without a trailing slash.
        headers: sent with every request, credentials included.
        secrets: replaced by "…" wherever a message might repeat them.
        wire: time, sleep, transport and budget.
        window: the pacing to begin with.
        name: how messages call the other side.
        remedy: what to do about a refusal, by its status and what the other side says; "" where it does not know.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str],
        secrets: Sequence[str],
        wire: Wire,
        window: Window,
        name: str,
        remedy: Callable[[int, str], str] = lambda _status, _text: "",
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.requests = 0
        self._headers = dict(headers)
        # The longest first: one secret may be a part of another.
        self._secrets = tuple(sorted((s for s in secrets if s), key=len, reverse=True))
        self._wire = wire
        self._window = window
        self._name = name
        self._remedy = remedy
        self._session: requests.Session | None = None
        self._lock = threading.Lock()

    # -- the four verbs -----------------------------------------------------------------------------

    def get(self, path: str, **params: str | int) -> Any:  # noqa: ANN401  JSON is anything
        """Reads; repeated until it succeeds or the attempts are used up."""
        return self._call("GET", path, params, None)

    def post(self, path: str, body: Mapping[str, Any], **params: str | int) -> Any:  # noqa: ANN401  as above
        """Creates; repeated only when nothing happened."""
        return self._call("POST", path, params, body)

    def put(self, path: str, body: Mapping[str, Any], **params: str | int) -> Any:  # noqa: ANN401  as above
        """Sets; repeated also after an unknown outcome."""
        return self._call("PUT", path, params, body)

    def delete(self, path: str) -> Any:  # noqa: ANN401  as above
        """Removes; repeated also after an unknown outcome."""
        return self._call("DELETE", path, {}, None)

    def download(self, path: str, into: IO[bytes], limit: int) -> None:
        """Reads a file of at most `limit` bytes into another one, from its start; repeated as `get` is.

        It may be elsewhere: credentials stay with the host that they are for, and what began encrypted stays so.

        Raises:
            RequestRefused: it is too large, is sent on too often, or to where it must not go.
        """

        def attempt() -> None:
            into.seek(0)
            into.truncate()
            self._fetch(path, into, limit)

        self._repeated(attempt)

    def tell(self, path: str, text: str, params: Mapping[str, str], kind: str = "text/plain; charset=utf-8") -> Reply:
        """Posts a text, once and without repeats, and returns whatever is answered, without secrets.

        For what is worth no second try.

        Raises:
            MiSyncError: there is no answer.
        """
        plain = {"Content-Type": kind}
        url = f"{self.base_url}{path}"
        try:
            reply = self._send("POST", path, url, self._reply, params=params, data=text.encode(), headers=plain)
        except _Again as again:
            raise again.final from None
        return replace(reply, text=self.redact(reply.text))

    def redact(self, text: str) -> str:
        """The text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text

    # -- repeating ----------------------------------------------------------------------------------

    def _call(self, method: str, path: str, params: Mapping[str, str | int], body: Any) -> Any:  # noqa: ANN401
        return self._repeated(lambda: self._attempt(method, path, params, body))

    def _repeated(self, once: Callable[[], Got]) -> Got:
        import tenacity

        unknown: OutcomeUnknown | None = None

        def attempt() -> Got:
            nonlocal unknown
            try:
                return once()
            except _Again as again:
                unknown = again.final if isinstance(again.final, OutcomeUnknown) else unknown
                raise

        def pause(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.wait if isinstance(error, _Again) else None
            back_off: float = 2.0 ** (state.attempt_number - 1)
            return min(back_off if asked is None else asked, MAX_WAIT)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Again),
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=pause,
            sleep=self._wire.sleep,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except (_Again, RequestRefused, NotAuthorised, BudgetReached, Unavailable) as error:
            # What a later attempt proves, it does not prove of an earlier one that may have taken effect.
            raise unknown or (error.final if isinstance(error, _Again) else error) from None

    def _attempt(self, method: str, path: str, params: Mapping[str, str | int], body: Any) -> Any:  # noqa: ANN401
        url = f"{self.base_url}{path}"
        reply = self._send(method, path, url, self._reply, params=params or None, json=body)
        self._learn(reply)
        if 200 <= reply.status < 300:
            return self._parsed(method, path, reply)
        raise self._failure(method, path, reply)

    def _parsed(self, method: str, path: str, reply: Reply) -> Any:  # noqa: ANN401
        try:
            return reply.json() if reply.text.strip() else None
        except ValueError:
            raise self._unknown(method, path, "the reply is cut short or is no JSON") from None

    def _failure(self, method: str, path: str, reply: Reply) -> Exception:
        """What a reply that is no success means, as the exception to raise."""
        # Redacted before it is shortened, or a part of a secret might be left at its end.
        message = f"{self._name} answers {replace(reply, text=self.redact(reply.text)).message}"
        where = self.redact(f"{method} {path}")
        if reply.status == 429:
            busy = Unavailable(f"{message}; still too many requests after {ATTEMPTS} attempts.", where=where)
            return _Again(busy, self._asked_pause(reply))
        if reply.status in _TRANSIENT or reply.status >= 500:
            return self._unknown(method, path, message, self._retry_after(reply))
        remedy = self._remedy(reply.status, message)
        if reply.status == 401:
            return NotAuthorised(f"{message}.", where=where, remedy=remedy or "Check that the credentials are valid.")
        kind = NotFound if reply.status == 404 else RequestRefused
        return kind(f"{message}.", status=reply.status, where=where, remedy=remedy)

    def _unknown(self, method: str, path: str, why: str, wait: float | None = None) -> Exception:
        where = self.redact(f"{method} {path}")
        if method == "GET":
            return _Again(Unavailable(f"{why}.", where=where, remedy="Try again later."), wait)
        unknown = OutcomeUnknown(f"{why}; whether it happened is not known.", where=where)
        return _Again(unknown, wait) if method in _REPEATABLE else unknown

    # -- one request --------------------------------------------------------------------------------

    def _send(
        self,
        method: str,
        path: str,
        url: str,
        receive: Callable[[requests.Response, float], Reply],
        **options: Any,  # noqa: ANN401  those of requests
    ) -> Reply:
        """Sends one request; `path` is what messages call it, `receive` reads what comes."""
        import requests

        if self._wire.read_only and method != "GET":
            raise RequestRefused(
                f"{self._name} is only read here, so this was not sent.", where=self.redact(f"{method} {path}")
            )
        self._wire.budget.spend()
        wait = self._pace()
        if wait > 0:
            self._wire.sleep(wait)
        self._wire.before_sending()
        with self._lock:
            self.requests += 1
        started = self._wire.monotonic()
        try:
            with self._open().request(
                method,
                url,
                timeout=self._wire.timeout,
                allow_redirects=False,  # credentials go nowhere but to the configured host
                stream=True,
                **options,
            ) as response:
                reply = receive(response, started)
        except (requests.RequestException, ValueError) as error:  # ValueError: an address that is none, to go on to
            raise self._broken(method, path, error) from None
        took = self._wire.monotonic() - started
        log.debug("%s %s %s %.3fs", method, self.redact(path), reply.status, took, extra=self._wire.about)
        return reply

    def _reply(self, response: requests.Response, started: float) -> Reply:
        import requests

        chunks: list[bytes] = []
        size = 0
        for chunk in self._pieces(response, started):
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_BODY:
                raise requests.exceptions.ReadTimeout("the reply does not end")
        body = b"".join(chunks)
        try:
            text = body.decode(response.encoding or "utf-8", "replace")
        except LookupError:  # a charset that nobody knows
            text = body.decode("utf-8", "replace")
        return Reply(response.status_code, response.headers, text)

    def _pieces(self, response: requests.Response, started: float, slowest: float = float("inf")) -> Iterator[bytes]:
        """The body, as it comes: each piece is looked at, so that a server that drips cannot hold us for ever.

        It may take longer than the deadline by what its bytes need at `slowest` bytes a second.
        """
        import requests
        import urllib3

        size = 0
        try:
            while chunk := response.raw.read1(65536, decode_content=True):
                size += len(chunk)
                if self._wire.monotonic() - started > self._wire.deadline + size / slowest:
                    raise requests.exceptions.ReadTimeout("the reply does not end")
                yield chunk
        except urllib3.exceptions.ReadTimeoutError as error:
            raise requests.exceptions.ReadTimeout(error) from None
        except urllib3.exceptions.HTTPError as error:
            raise requests.exceptions.ChunkedEncodingError(error) from None

    def _broken(self, method: str, path: str, error: Exception) -> Exception:
        """What a request without a reply means. Only a connection that was never made proves anything."""
        why = self.redact(f"{self._name} at {self.base_url}: {_reason(error)}")
        if (distrust := _distrust(error)) is not None:
            return Unavailable(
                self.redact(f"{self._name} at {self.base_url}: its certificate is not trusted ({distrust})."),
                where=self.redact(f"{method} {path}"),
                remedy="Nothing was sent. Check the address and the clock; where your network inspects TLS,"
                " let REQUESTS_CA_BUNDLE name the file of its certificate authority.",
            )
        if _never_connected(error):
            down = Unavailable(f"{why}.", where=self.redact(f"{method} {path}"), remedy="Try again later.")
            return _Again(down)
        return self._unknown(method, path, why)

    def _open(self) -> requests.Session:
        import requests

        with self._lock:
            if self._session is None:
                self._check_headers()
                session = requests.Session()
                # Plain http is for this computer alone: a proxy would see the credentials, and could not reach it.
                session.trust_env = not self.base_url.startswith("http://")
                if session.trust_env:
                    _check_authorities()
                # An explicit auth object, or requests would let ~/.netrc replace our Authorization header.
                session.auth = _WithHeaders(self._headers)
                if self._wire.transport is not None:
                    session.mount("http://", self._wire.transport)
                    session.mount("https://", self._wire.transport)
                self._session = session
            return self._session

    def _check_headers(self) -> None:
        """Refuses what http.client would refuse with the credentials in its message."""
        if not all(value.isascii() and value.isprintable() for value in self._headers.values()):
            raise NotAuthorised(
                "the credentials hold a line break or another character that cannot be sent.",
                where=self._name,
                remedy="Copy the key and token again.",
            )

    # -- downloads ----------------------------------------------------------------------------------

    def _fetch(self, path: str, into: IO[bytes], limit: int) -> None:
        """One attempt, with all its redirections; a body that is not the file is not read."""

        def receive(response: requests.Response, started: float) -> Reply:
            if response.status_code == 200:
                self._save(self._pieces(response, started, SLOWEST), into, limit)
            return Reply(response.status_code, response.headers, "")

        url, path = f"{self.base_url}{path}", path.partition("?")[0]
        for _ in range(MAX_REDIRECTS + 1):
            foreign = {} if _origin(url) == _origin(self.base_url) else {"auth": _WithHeaders({})}
            # Bytes come as they are stored, so that their number is known.
            reply = self._send("GET", path, url, receive, headers={"Accept-Encoding": "identity"}, **foreign)
            if reply.status == 200:
                return
            if reply.status not in _REDIRECTS:
                raise self._failure("GET", path, reply)
            url = self._elsewhere(url, reply)
        raise RequestRefused(f"{self._name} sends it on more than {MAX_REDIRECTS} times.")

    def _save(self, pieces: Iterator[bytes], into: IO[bytes], limit: int) -> None:
        size = 0
        for piece in pieces:
            self._wire.sleep(0)  # whoever may end a pause may end this, too: nothing is in hand
            size += len(piece)
            if size > limit:
                raise RequestRefused(f"it has more than {limit:,} bytes.")
            into.write(piece)

    def _elsewhere(self, url: str, reply: Reply) -> str:
        """Where a redirection leads."""
        target = urljoin(url, reply.headers.get("Location", ""))
        parts = urlsplit(target)
        is_here = self.base_url.startswith("http://") and is_loopback(parts.hostname or "")
        if parts.scheme == "https" or (parts.scheme == "http" and is_here):
            return target
        raise RequestRefused(f"{self._name} sends it on to an address that is not encrypted.", status=reply.status)

    # -- the server's own counting ------------------------------------------------------------------

    def _learn(self, reply: Reply) -> None:
        limit, remaining, interval = (self._counted(reply, part) for part in ("max", "remaining", "interval-ms"))
        if limit is not None and remaining is not None and interval is not None:
            seconds = min(interval / 1000, MAX_WAIT)
            self._window.learn(self._wire.monotonic(), int(limit), seconds, int(remaining))

    def _counted(self, reply: Reply, part: str) -> float | None:
        return _number(reply.headers.get(f"{self._window.headers}-{part}")) if self._window.headers else None

    def _pace(self) -> float:
        """How long to wait before the next request, for ourselves and for all who share the token."""
        window = self._window
        wait = self._wire.take_turn(self._token, window.limit, window.seconds + window.guard)
        return wait + window.reserve(self._wire.monotonic() + wait)

    @cached_property
    def _token(self) -> str:
        """Whose requests these are, as a digest: the other side counts by its credentials."""
        return hashlib.sha256("\0".join(("mi-sync", *_origin(self.base_url), *self._secrets)).encode()).hexdigest()[:32]

    def _asked_pause(self, reply: Reply) -> float:
        """How long a 429 asks us to wait: Retry-After, else the rate interval, else the window."""
        interval = self._counted(reply, "interval-ms")
        fallback = interval / 1000 if interval else self._window.seconds
        return self._retry_after(reply) or fallback

    def _retry_after(self, reply: Reply) -> float | None:
        value = reply.headers.get("Retry-After")
        seconds = _number(value)
        if seconds is not None:
            return max(seconds, 0.0)
        at = _moment(value)
        if at is None:
            return None
        # By the server's own clock, if it tells the time: ours may be wrong.
        return max((at - (_moment(reply.headers.get("Date")) or self._wire.now())).total_seconds(), 0.0)


class _WithHeaders:
    """A requests auth object that only sets headers."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._headers)
        return request


def _check_authorities() -> None:
    """Refuses a bundle of certificates that is none, about which requests says nothing of use.

    The variables are those of requests (requests.readthedocs.io/en/latest/user/advanced/#ssl-cert-verification).
    """
    named = ((os.environ.get(name), name) for name in ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"))
    for path, name in {path: name for path, name in named if path}.items():  # one bundle is read once
        _check_authority(path, name)


def _check_authority(path: str, name: str) -> None:
    import ssl

    try:
        if Path(path).is_dir():
            ssl.create_default_context(capath=path)
        else:
            ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl's own errors are such, too
        raise ConfigError(
            f"it names no file of certificates: {error.strerror or error}.",
            where=name,
            remedy="Name the file of your network's certificate authority, or unset it.",
        ) from None


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2]


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and number == number and abs(number) < 1e9 else None  # noqa: PLR0124  NaN


def _moment(text: str | None) -> datetime | None:
    """A date of a header (RFC 9110), if it is one."""
    try:
        at = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError):
        return None
    return at.replace(tzinfo=at.tzinfo or UTC) if at else None


def _never_connected(error: Exception) -> bool:
    import requests
    from urllib3.exceptions import NewConnectionError

    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", cause), NewConnectionError)


def _distrust(error: Exception) -> str | None:
    """Why the other side's certificate does not prove who it is; None for any other failure."""
    import ssl

    # requests holds urllib3's error, which gives its reason, which holds that of ssl.
    cause = error.args[0] if error.args else None
    inner = getattr(getattr(cause, "reason", cause), "args", ())
    return inner[0].verify_message if inner and isinstance(inner[0], ssl.SSLCertVerificationError) else None


def _reason(error: Exception) -> str:
    """One plain line about a failure of the network; the library's own text repeats URLs and object addresses."""
    import requests

    for kind, text in (
        (requests.exceptions.ConnectTimeout, "no connection within the time allowed"),
        (requests.exceptions.ReadTimeout, "no answer within the time allowed"),
        (requests.exceptions.SSLError, "the TLS connection failed"),
        (requests.exceptions.ProxyError, "the proxy refused"),
        (requests.exceptions.ChunkedEncodingError, "the reply was cut short"),
    ):
        if isinstance(error, kind):
            return text
    return "the connection was refused" if _never_connected(error) else "the connection broke"
