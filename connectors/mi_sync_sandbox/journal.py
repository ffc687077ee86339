"""What clients asked of late, and what became of it: for the people who watch a sandbox."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Flask, Response, g, request

KEPT = 40
"""Requests that are remembered."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to the tool's API; never its query or its headers, where secrets are.

    Attributes:
        at: when it was answered, in UTC.
        status: of the answer; 0 where the connection was closed without one.
        fault: the kind of the fault that struck it; empty for none.
    """

    at: datetime
    method: str
    path: str
    status: int
    fault: str = ""


class Journal:
    """The latest requests, and counts of all since the process began."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._latest: deque[Asked] = deque(maxlen=KEPT)
        self._lock = threading.Lock()
        self.total = self.throttled = self.struck = 0

    def watch(self, app: Flask, prefix: str) -> None:
        """Keeps what the application answers below a path."""

        @app.after_request
        def answered(reply: Response) -> Response:
            if request.path.startswith(prefix):
                self._note(reply.status_code)
            return reply

        @app.teardown_request
        def dropped(error: BaseException | None) -> None:
            if error is not None and request.path.startswith(prefix):
                self._note(0)

    def _note(self, status: int) -> None:
        at, fault = self._now().astimezone(UTC), str(g.pop("struck", ""))
        asked = Asked(at, request.method, request.path, status, fault)
        with self._lock:
            self._latest.appendleft(asked)
            self.total += 1
            self.throttled += status == 429
            self.struck += bool(fault)

    @property
    def latest(self) -> list[Asked]:
        """Newest first."""
        with self._lock:
            return list(self._latest)
