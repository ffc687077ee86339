"""Who may come in, and how often: credentials and rate limits."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from mi_sync_sandbox.rates import Dial, Rates
from mi_sync_trello.sandbox import effects, seed
from mi_sync_trello.sandbox.values import ApiError, Params

# All of these are invented: they open the sandbox and nothing else.
KEY = "sandbox-key-5f2a9c"
TOKEN = "sandbox-token-81d37b"  # noqa: S105
ACCESS_TOKEN = "sandbox-access-3e7b0d"  # noqa: S105
READ_ONLY_ACCESS_TOKEN = "sandbox-access-read-only-91ca4f"  # noqa: S105
READ_ONLY_TOKEN = "sandbox-token-read-only-4c06e2"  # noqa: S105
GUEST_TOKEN = "sandbox-token-guest-b95f10"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows: in whose name, and whether also to write (scopes `read` and `write`)."""

    username: str
    write: bool = True


TOKENS: Mapping[str, Grant] = {
    TOKEN: Grant(effects.OWNER),
    READ_ONLY_TOKEN: Grant(effects.OWNER, write=False),
    GUEST_TOKEN: Grant(seed.GUEST),
}


ACCESS_TOKENS: Mapping[str, Grant] = {
    ACCESS_TOKEN: Grant(effects.OWNER),
    READ_ONLY_ACCESS_TOKEN: Grant(effects.OWNER, write=False),
}
"""Those of OAuth 2, which need no key."""


# ------------------------------------------------------------------------------------------- credentials


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key and a token as they were sent, right or wrong; or an access token, which has `access`."""

    key: str
    token: str
    access: bool = False


_PAIR = re.compile(r'(\w+)="([^"]*)"')


def credentials(header: str, params: Params) -> Credentials:
    """The credentials of a request: the header's, or else those among the parameters.

    The header is `OAuth oauth_consumer_key="…", oauth_token="…"`, without a signature (as rwjdk/TrelloDotNet sends
    it) or with one (py-trello), which is not checked. Parameters are called `key` and `token`
    (developer.atlassian.com/cloud/trello/guides/rest-api/authorization). An access token of OAuth 2 comes as
    `Bearer …` (…/rest-api/oauth-2-getting-started).
    """
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() == "oauth":
        pairs = {name: unquote(value) for name, value in _PAIR.findall(rest)}
        return Credentials(pairs.get("oauth_consumer_key", ""), pairs.get("oauth_token", ""))
    if scheme.lower() == "bearer":
        return Credentials("", rest.strip(), access=True)
    return Credentials(str(params.get("key") or ""), str(params.get("token") or ""))


def admit(given: Credentials, method: str) -> Grant:
    """What these credentials allow.

    Raises:
        ApiError: always a 401, also for a right that is missing (mheap/trello-cli; n8n-io/n8n #10189).
    """
    if given.key != KEY and not given.access:
        raise ApiError(401, "invalid key")
    grant = (ACCESS_TOKENS if given.access else TOKENS).get(given.token)
    if grant is None:
        raise stranger()
    if given.access and method != "GET" and not grant.write:
        raise ApiError(401, '{"message":"missing scopes"}')  # as was seen where a scope is missing
    if method != "GET" and not grant.write:
        raise ApiError(401, "unauthorized permission requested")
    return grant


def stranger() -> ApiError:
    """The refusal of a token that is unknown or was revoked."""
    return ApiError(401, "invalid token")


# ------------------------------------------------------------------------------------------- rate limits


DIALS: Mapping[str, Dial] = {
    "token": Dial("requests of one token in 10 seconds", 100),
    "key": Dial("requests of one key in 10 seconds, of all its tokens together", 300),
    "members": Dial("requests below /1/members in 15 minutes", 100),
}
"""Those of the rate-limits guide (see `RateLimits`)."""


@dataclass(frozen=True, slots=True)
class Quota:
    """At most so many requests in each window of `seconds`, counted for each key or token.

    `dial` is the name of the limit that says how many.
    """

    dial: str
    header: str
    seconds: int
    error: str
    message: str = "Rate limit exceeded"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The rate headers of a reply, and the JSON body of the 429 that it has to be, if so."""

    headers: Mapping[str, str]
    refusal: Mapping[str, str] | None = None


class RateLimits:
    """Counts requests, those that are refused included.

    300 requests in 10 seconds for a key and 100 for a token, 100 in 900 seconds below /1/members, headers on every
    reply, no Retry-After, and a key that was refused more than 200 times in its window is refused altogether until
    the window ends (developer.atlassian.com/cloud/trello/guides/rest-api/rate-limits). Whether the windows slide is
    not documented; here they do not.
    """

    MAX_REFUSALS = 200

    def __init__(self, now: Callable[[], datetime], per_token: int | None = None) -> None:
        self._now = now
        self._key = Quota("key", "x-rate-limit-api-key", 10, "API_KEY_LIMIT_EXCEEDED")
        self._token = Quota("token", "x-rate-limit-api-token", 10, "API_TOKEN_LIMIT_EXCEEDED")
        # The texts of this one were seen in a question on laracasts.com.
        self._member = Quota(
            "members", "x-rate-limit-member", 900, "RATE_LIMIT_EXCEEDED", "Exceeded rate limit to /1/member"
        )
        # Whoever asks for another limit does not want to meet the next one instead.
        turned = {} if per_token is None else {"token": per_token, "key": max(300, 3 * per_token)}
        self.rates = Rates(DIALS, turned)
        self._used: dict[tuple[str, str], tuple[int, int]] = {}
        self._lock = threading.Lock()

    def count(self, given: Credentials, path: str) -> Verdict:
        """Counts one request to a path below /1."""
        quotas = [(self._token, given.token), (self._key, given.key)]
        if path.startswith(("/members/", "/member/")):
            quotas.append((self._member, given.token))
        with self._lock:
            left = {it: self.rates[it.dial] - self._use(it.header, it.seconds, who) for it, who in quotas}
            over = next((quota for quota in left if left[quota] < 0), None)
            if self._blocked(given.key, refused=over is not None):
                over = self._key
        headers = {name: value for quota in left for name, value in self._headers(quota, left[quota]).items()}
        return Verdict(headers, None if over is None else {"error": over.error, "message": over.message})

    def exhausted(self) -> Verdict:
        """The verdict on a token that has used up its window, for the fault that pretends so."""
        refusal = {"error": self._token.error, "message": self._token.message}
        return Verdict({**self._headers(self._key, 1), **self._headers(self._token, 0)}, refusal)

    def _blocked(self, key: str, *, refused: bool) -> bool:
        counted = self._use("refusals", self._key.seconds, key, 1 if refused else 0)
        return counted > self.MAX_REFUSALS

    def _use(self, what: str, seconds: int, who: str, more: int = 1) -> int:
        """Adds to a count and returns it; a new window begins at zero, and old ones are forgotten."""
        window = int(self._now().timestamp()) // seconds
        begun, used = self._used.get((what, who), (window, 0))
        used = used + more if begun == window else more
        if len(self._used) > 1000:
            self._used.clear()
        self._used[what, who] = (window, used)
        return used

    def _headers(self, quota: Quota, left: int) -> dict[str, str]:
        return {
            f"{quota.header}-interval-ms": str(quota.seconds * 1000),
            f"{quota.header}-max": str(self.rates[quota.dial]),
            f"{quota.header}-remaining": str(max(left, 0)),
        }
