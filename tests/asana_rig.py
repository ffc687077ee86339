"""A sandbox of Asana in this process, whose every request and reply is held against Asana's OpenAPI document."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

from asana_spec import check_reply, check_request
from mi_sync.connector import SandboxOptions
from mi_sync_asana.sandbox.app import PREFIX, create_app
from mi_sync_asana.sandbox.gate import TOKEN
from mi_sync_asana.sandbox.seed import PROJECT, WORKSPACE
from mi_sync_sandbox.adapter import WsgiAdapter
from mi_sync_sandbox.faults import Faults

BASE = "http://127.0.0.1:8377"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class AsanaRig:
    """A sandbox, and somebody with a token who asks it."""

    def __init__(self, state: Path, *, token: str = TOKEN, rate_limit: int | None = 10**6) -> None:
        self.clock = Clock()
        self.faults = Faults()
        self.slept: list[float] = []
        self.token = token
        options = SandboxOptions(state, BASE, self.clock, rate_limit)
        self.app = create_app(options, faults=self.faults, sleep=self.slept.append)
        self.adapter = WsgiAdapter(self.app)
        self._session = requests.Session()
        self._session.mount("http://", self.adapter)

    def send(self, method: str, path: str, **sent: Any) -> requests.Response:
        """One request as it is, with whatever `requests` takes; only its reply is checked."""
        headers = {"Authorization": f"Bearer {self.token}", **sent.pop("headers", {})}
        reply = self._session.request(method, f"{BASE}{PREFIX}{path}", headers=headers, **{"timeout": (1, 5), **sent})
        if reply.headers["Content-Type"].startswith("application/json") and reply.status_code < 500:
            known = path.partition("?")[0]
            if reply.json().get("errors", [{}])[0].get("message") != "No matching route for request":
                check_reply(method, known, reply.status_code, reply.json())
        return reply

    def ask(self, method: str, path: str, *, fields: str = "", query: Any = None, **data: Any) -> Any:
        """The `data` of the answer to a request that is right."""
        query = {**(query or {}), **({"opt_fields": fields} if fields else {})}
        body = {"data": data} if data or method in {"POST", "PUT"} else None
        check_request(method, path, query, body)
        reply = self.send(method, f"{path}?{urlencode(query)}" if query else path, json=body)
        assert reply.ok, f"{method} {path}: {reply.status_code} {reply.text}"
        return reply.json()["data"]

    def refused(self, method: str, path: str, **data: Any) -> tuple[int, str]:
        """Status and message of a refusal."""
        reply = self.send(method, path, json={"data": data} if data or method in {"POST", "PUT"} else None)
        assert not reply.ok, reply.text
        return reply.status_code, reply.json()["errors"][0]["message"]

    def task(self, name: str = "x", section: str = "", fields: str = "", **data: Any) -> Any:
        """A new task of the project."""
        home: dict[str, Any] = {"projects": [PROJECT]}
        if section:
            home = {"workspace": WORKSPACE, "memberships": [{"project": PROJECT, "section": section}]}
        return self.ask("POST", "/tasks", fields=fields, name=name, **home, **data)

    def sections(self) -> dict[str, str]:
        """The gid of each section."""
        return {each["name"]: each["gid"] for each in self.ask("GET", f"/projects/{PROJECT}/sections")}

    def names(self, path: str = f"/projects/{PROJECT}/tasks") -> list[str]:
        """What a listing holds, in its order."""
        return [each["name"] for each in self.ask("GET", path, fields="name")]

    def offset_of(self, path: str) -> str:
        """The offset of the page after this one."""
        return str(self.send("GET", path).json()["next_page"]["offset"])


def path_of(uri: str) -> str:
    """A path below the API's own."""
    parts = urlsplit(uri)
    return f"{parts.path.removeprefix(PREFIX)}?{parts.query}"
