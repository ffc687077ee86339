"""Faults on request: what a network and a busy server do to a client, on purpose and repeatably."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from socket import SHUT_RDWR
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

PATIENCE = "mi_sync.read_timeout"
"""The key of the WSGI environment by which an in-process client tells how many seconds it would wait."""


Kind = Literal[
    "fail_before",
    "fail_after",
    "rate_limit",
    "slow",
    "short_page",
    "cut",
    "revoked",
    "expired_offset",
    "lost_section",
    "announce",
    "unpaid",
    "new_at_end",
]

COMMON: frozenset[Kind] = frozenset[Kind](
    ("fail_before", "fail_after", "rate_limit", "slow", "short_page", "cut", "revoked"),
)
"""The faults that every tool has."""


STANDING: frozenset[Kind] = frozenset[Kind](("new_at_end",))
"""Those that are a way of the tool rather than a request's misfortune."""


class Fault(BaseModel):
    """One fault, and which requests it strikes.

    Attributes:
        kind: `fail_before`: no effect, and an error. `fail_after`: the effect, and an error all the same.
            `rate_limit`: 429 without an effect. `slow`: the answer comes late. `short_page`: a page of cards holds
            half of what it could. `cut`: the effect, and a reply that breaks off in its middle. `revoked`: the token
            is not accepted. Not every tool has the others; its control page refuses those that it has not:
            `expired_offset`: a page's offset is too old. `lost_section`: the section that is named was just deleted.
            `announce`: the reply announces a change of the API. `unpaid`: the domain has only what is free.
            `new_at_end`: a new item comes at the end of its list rather than on top; it strikes no request, but stands
            until the faults are ended, beside any other.
        how: what an error is: a reply with `status`, or `reset`, a connection that closes without a reply.
        status: of that reply.
        seconds: how late, for `slow`.
        when: for `slow`: whether the effect comes before the wait, or after it, when a client may be gone.
        method: only this one; empty for any.
        path: a regular expression that is searched in the path below the API's own, such as `^/cards$`; empty for any.
        after: how many matching requests are spared first.
        times: how many are struck then; null for all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Kind
    how: Literal["status", "reset"] = "status"
    status: int = Field(default=500, ge=400, le=599)
    seconds: float = Field(default=60.0, ge=0, le=3600, allow_inf_nan=False)
    when: Literal["before", "after"] = "after"
    method: Literal["", "GET", "POST", "PUT", "DELETE"] = ""
    path: str = ""
    after: int = Field(default=0, ge=0)
    times: int | None = Field(default=1, ge=1)

    @field_validator("path")
    @classmethod
    def _pattern(cls, path: str) -> str:
        try:
            re.compile(path)
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from None
        return path

    def matches(self, method: str, path: str) -> bool:
        """Whether it is meant for such a request."""
        return self.method in ("", method) and re.search(self.path, path) is not None


@dataclass(slots=True)
class _Count:
    number: int
    fault: Fault
    seen: int = 0
    struck: int = 0

    @property
    def due(self) -> bool:
        return self.seen > self.fault.after and (self.fault.times is None or self.struck < self.fault.times)


class Faults:
    """The faults that are in force, in the order in which they were added; forgotten when the process ends."""

    def __init__(self, *faults: Fault) -> None:
        self._counts = [_Count(number, fault) for number, fault in enumerate(faults, start=1)]
        self._added = len(faults)
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Puts one more in force."""
        with self._lock:
            self._added += 1
            self._counts.append(_Count(self._added, fault))

    def clear(self) -> None:
        """Ends all."""
        with self._lock:
            self._counts.clear()

    def end(self, number: int) -> None:
        """Ends one, by its number; nothing where it has ended already."""
        with self._lock:
            self._counts = [count for count in self._counts if count.number != number]

    def listed(self) -> list[dict[str, Any]]:
        """All of them, with a number of its own and how many requests each has seen and struck."""
        with self._lock:
            return [
                {**c.fault.model_dump(), "number": c.number, "seen": c.seen, "struck": c.struck} for c in self._counts
            ]

    def strike(self, method: str, path: str) -> Fault | None:
        """The fault for this request: the first one that is due. Every one that matches counts it."""
        with self._lock:
            striking = [count for count in self._counts if count.fault.kind not in STANDING]
            matching = [count for count in striking if count.fault.matches(method, path)]
            for count in matching:
                count.seen += 1
            chosen = next((count for count in matching if count.due), None)
            if chosen is None:
                return None
            chosen.struck += 1
            return chosen.fault

    def stands(self, kind: Kind) -> bool:
        """Whether this way of the tool is in force."""
        with self._lock:
            return any(count.fault.kind == kind for count in self._counts)


class Dropped(ConnectionResetError):
    """The connection closes without a reply; a WSGI server has nothing to send when this leaves the application."""


class TooLate(TimeoutError):
    """An in-process client would have gone by now; `arrived` tells whether the effect was there first."""

    def __init__(self, *, arrived: bool) -> None:
        super().__init__("the client did not wait")
        self.arrived = arrived


def drop(environ: MutableMapping[str, Any]) -> Dropped:
    """Closes the connection of a request, and gives the exception to raise."""
    connection = environ.get("werkzeug.socket")
    if connection is not None:  # werkzeug itself would leave it open for a next request
        connection.shutdown(SHUT_RDWR)
    return Dropped("dropped on request")


def delay(
    environ: MutableMapping[str, Any],
    seconds: float,
    *,
    arrived: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Waits, or pretends to, where an in-process client has said how long it would wait.

    Raises:
        TooLate: it would not wait that long.
    """
    if PATIENCE not in environ:
        sleep(seconds)
    elif environ[PATIENCE] is not None and seconds >= environ[PATIENCE]:
        raise TooLate(arrived=arrived)
