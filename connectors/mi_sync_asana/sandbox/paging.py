"""Pages of a listing: 1 to 100 at a time, and an offset that only the server can make (docs/pagination)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from mi_sync_asana.sandbox.values import bad
from mi_sync_sandbox.store import Doc

MOST = 100
UNPAGED = 1000
"""A longer listing without `limit` is refused (forum/21374, forum/29153)."""

LIFE = timedelta(minutes=10)
"""How long an offset is good for. Not documented; clients that kept one for 15 minutes found it expired."""

Rank = list[Any]
"""What a listing is sorted by; an offset holds the last one that was shown, so that changes shift no page."""

_HEADER = base64.urlsafe_b64encode(b'{"typ":"JWT","alg":"HS256"}').decode().rstrip("=")
_SECRET = b"no secret: it only tells an offset of ours from a made-up one"
_OUTSIDE = ("limit", "offset", "opt_fields", "opt_pretty")


@dataclass(frozen=True, slots=True)
class Request:
    """A listing that was asked for: where, with what, when; `short` is the fault of a page that holds too little."""

    base: str
    path: str
    query: Mapping[str, str]
    now: datetime
    short: bool = False

    @property
    def digest(self) -> str:
        """What an offset is bound to: the same listing with the same filters."""
        filters = sorted((name, value) for name, value in self.query.items() if name not in _OUTSIDE)
        return _digest(json.dumps([self.path, filters]).encode())


def page(ranked: Sequence[tuple[Rank, Doc]], request: Request) -> tuple[list[Doc], Doc | None]:
    """One page, and where the next one is, if there is one.

    Raises:
        ApiError: 400 for a limit out of range, for an offset that is expired, made up or of another listing, and for
            a listing that is too long without a limit.
    """
    limit = _limit(request.query.get("limit"))
    if limit is None and len(ranked) > UNPAGED:
        raise bad("The result is too large. You should use pagination (may require specifying a workspace)!")
    rest = sorted(ranked, key=lambda each: each[0])
    if "offset" in request.query:
        last = _border(request.query["offset"], request)
        rest = [each for each in rest if each[0] > last]
        limit = limit or MOST
    if limit is not None and request.short:
        limit = max(1, limit // 2)
    shown = rest if limit is None else rest[:limit]
    return [doc for _, doc in shown], _next(shown[-1][0], request) if len(shown) < len(rest) else None


def _limit(value: str | None) -> int | None:
    if value is None:
        return None
    if not value.isdigit() or not 1 <= int(value) <= MOST:
        raise bad(f"limit: Must be between 1 and {MOST}: {value}")
    return int(value)


def _next(last: Rank, request: Request) -> Doc:
    query = {**request.query, "offset": _token(last, request)}
    path = f"{request.path}?{urlencode(query)}"
    return {"offset": query["offset"], "path": path, "uri": f"{request.base}{path}"}


def _token(last: Rank, request: Request) -> str:
    payload = {
        "border_rank": last,
        "listing": request.digest,
        "iat": request.now.timestamp(),
        "exp": (request.now + LIFE).timestamp(),
    }
    inner = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    return f"{_HEADER}.{inner}.{_digest(inner.encode())}"


def _border(token: str, request: Request) -> Rank:
    """The rank that an offset stands for (forum/538741 has the words)."""
    _, _, rest = token.partition(".")
    inner, _, signature = rest.partition(".")
    if signature != _digest(inner.encode()):
        raise bad("offset: Your pagination token is invalid.")
    payload = json.loads(base64.urlsafe_b64decode(inner + "=" * (-len(inner) % 4)))
    if payload["listing"] != request.digest:
        raise bad("offset: Your pagination token is invalid.")
    if payload["exp"] < request.now.timestamp():
        raise expired()
    rank: Rank = payload["border_rank"]
    return rank


def expired() -> Exception:
    """The refusal of an offset that is too old, in the words that clients have seen."""
    return bad("offset: Your pagination token has expired.")


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, key=_SECRET, digest_size=16).hexdigest()
