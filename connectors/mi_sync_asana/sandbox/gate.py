"""Who may come in, how often, and how many at once."""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from mi_sync_asana.sandbox import seed
from mi_sync_asana.sandbox.values import ApiError
from mi_sync_sandbox.rates import Dial, Rates

# All of these are invented: they open the sandbox and nothing else.
TOKEN = "2/1100000000000010/1100000000000900:sandbox-personal-5f2a9c"  # noqa: S105
OAUTH_TOKEN = "sandbox-oauth-81d37b"  # noqa: S105
OTHER_APP_TOKEN = "sandbox-other-app-c07e11"  # noqa: S105
READ_ONLY_TOKEN = "sandbox-read-only-4c06e2"  # noqa: S105
GUEST_TOKEN = "sandbox-guest-b95f10"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows.

    Attributes:
        user: in whose name.
        app: whose `external` values it sees and sets; None for a token that has none: what it sends is dropped.
        write: also to change something (the scopes of an OAuth token).
    """

    user: str
    app: str | None = "personal"
    write: bool = True


TOKENS: Mapping[str, Grant] = {
    TOKEN: Grant(seed.OWNER),
    OAUTH_TOKEN: Grant(seed.OWNER, app=None),
    OTHER_APP_TOKEN: Grant(seed.OWNER, app="another"),
    READ_ONLY_TOKEN: Grant(seed.OWNER, write=False),
    GUEST_TOKEN: Grant(seed.GUEST),
}
"""A personal access token has everything. The documentation has `external` for OAuth alone (docs/custom-external-data),
yet it works for personal tokens in practice; so a client must bear either."""


def bearer(header: str) -> str:
    """The token of a request (docs/authentication-basics)."""
    scheme, _, token = header.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def admit(token: str, method: str) -> Grant:
    """What a token allows.

    Raises:
        ApiError: 401 for an unknown token, 403 for a scope that is missing.
    """
    grant = TOKENS.get(token)
    if grant is None:
        raise stranger()
    if method != "GET" and not grant.write:
        raise ApiError(403, "Your token does not have the scope that this request requires.")
    return grant


def stranger() -> ApiError:
    """The refusal of a token that is unknown or was revoked."""
    return ApiError(401, "Not Authorized")


DIALS: Mapping[str, Dial] = {
    "minute": Dial("requests of one token in a minute; a free domain has 150", 1500),
    "reads": Dial("GET requests of one token at the same time", 50),
    "writes": Dial("other requests of one token at the same time", 15),
}
"""Those of docs/rate-limits, the minute's of a paid domain."""

MINUTE = 60.0


class Throttled(Exception):
    """Too many requests; try again after `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"try again after {seconds} s")
        self.seconds = seconds

    @property
    def error(self) -> ApiError:
        """The 429 (docs/rate-limits)."""
        return ApiError(
            429, "You've made too many requests and hit a rate limit. Please retry after the given amount of time."
        )


class RateLimits:
    """Counts the requests of each token over the last minute, and those under way.

    A request that is refused counts all the same, so that a client which hammers stays out (docs/rate-limits).

    Args:
        now: the clock.
        per_minute: how many requests of a token; None for a paid domain's.
    """

    def __init__(self, now: Callable[[], datetime], per_minute: int | None = None) -> None:
        self._now = now
        self.rates = Rates(DIALS, {} if per_minute is None else {"minute": per_minute})
        self._seen: dict[str, deque[float]] = {}
        self._running: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def entering(self, token: str, method: str) -> Iterator[None]:
        """The time that a request is under way.

        Raises:
            Throttled: it is one too many.
        """
        pool = "reads" if method == "GET" else "writes"
        self.count(token)
        with self._lock:
            if self._running[token, pool] >= self.rates[pool]:
                raise Throttled(1)
            self._running[token, pool] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[token, pool] -= 1

    def count(self, token: str, times: int = 1) -> None:
        """Counts that many requests of a token.

        Raises:
            Throttled: there were too many within a minute.
        """
        at, most = self._now().timestamp(), self.rates["minute"]
        with self._lock:
            seen = self._seen.setdefault(token, deque())
            seen.extend([at] * times)
            # One more than may be is all that has to be known.
            while seen and (seen[0] <= at - MINUTE or len(seen) > most + 1):
                seen.popleft()
            if len(seen) > most:
                raise Throttled(max(1, math.ceil(seen[0] + MINUTE - at)))
