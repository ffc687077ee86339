"""A way to a sandbox in this process that counts what a connector sends, and lets chosen requests fail."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import requests

from mi_sync.testing import Fault
from mi_sync_sandbox.adapter import WsgiAdapter

URL = "http://127.0.0.1:8377"
SERVER_FAULTS: Mapping[Fault, Mapping[str, Any]] = {
    Fault.LOST_BEFORE: {"kind": "fail_before", "how": "reset"},
    Fault.LOST_AFTER: {"kind": "fail_after", "how": "reset"},
    Fault.REFUSED: {"kind": "fail_before", "status": 400},
    Fault.UNAUTHORISED: {"kind": "fail_before", "status": 401},
}


class ArmedAdapter(WsgiAdapter):
    """Counts requests, and tells the sandbox which writing request is to fail and how.

    Args:
        wsgi: the sandbox.
        people: a session of another client, which sets the faults.
        faults: the sandbox's path for them.
    """

    def __init__(
        self,
        wsgi: Callable[..., Any],
        people: requests.Session,
        faults: str,
    ) -> None:
        super().__init__(wsgi)
        self._people, self._faults = people, faults
        self.armed: deque[Fault | None] = deque()
        self.requests = self.writes = 0

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  the options are passed on
        self.requests += 1
        # A batch of Asana's is a POST; ours only reads.
        if request.method != "GET" and not (request.url or "").endswith("/batch"):
            self.writes += 1
            fault = self.armed.popleft() if self.armed else None
            if fault is not None:
                self._people.post(f"{URL}{self._faults}", json=SERVER_FAULTS[fault]).raise_for_status()
        return super().send(request, **options)
