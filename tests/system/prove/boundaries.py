"""Every moment of a run at which it may die: around each request, and around each commit of the state.

`Watch` is put into a process that runs a command. It writes each moment into a file as it comes, and does at one of
them what it was told: it kills the process, stops it, or loses the reply.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from mi_sync.http import Http

Moment = Literal["before send", "after effect", "after reply", "before commit", "after commit"]
MOMENTS: tuple[Moment, ...] = ("before send", "after effect", "after reply", "before commit", "after commit")
Deed = Literal["kill", "delay", "stop", "lose", "nothing"]

_ID = re.compile(r"\b(?:[0-9a-f]{24}|1[12][0-9]{14})\b")
_READS = ("GET", "POST /api/1.0/batch")  # a batch of Asana's is a POST; ours only reads


@dataclass(frozen=True, slots=True)
class Boundary:
    """The `number`th moment of a run, from 0 on; `about` is the request, or how often was committed."""

    number: int
    moment: Moment
    about: str

    @property
    def writes(self) -> bool:
        """Whether something changes here: the board by a request, or the state by a commit."""
        return self.moment.endswith("commit") or not self.about.startswith(_READS)

    def __str__(self) -> str:
        return f"{self.number} {self.moment} {_ID.sub('…', self.about)}"


def told_apart(moments: Iterable[Boundary]) -> Iterator[Boundary]:
    """Those at which the world differs: of the moments around reads between two changes, the first."""
    changed = True
    for each in moments:
        if each.writes or changed:
            yield each
        changed = each.writes


class Watch:
    """Counts the moments of this process.

    Args:
        trace: the file that they are written into.
        late: the file for a request that is under way when the process dies.
        deed: what is done at the moment `at`.
    """

    def __init__(self, trace: Path, late: Path, deed: Deed = "nothing", at: int = -1) -> None:
        self._late = late
        self._file = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self._deed, self._at, self._count = deed, at, 0
        self.commits = 0

    def passed(self, moment: Moment, about: str, request: requests.PreparedRequest | None = None) -> None:
        """Here we are, with the request that is to be sent next.

        Raises:
            ConnectionError: the reply is lost.
        """
        number, self._count = self._count, self._count + 1
        os.write(self._file, f"{number}\t{moment}\t{about}\n".encode())
        if number != self._at:
            return
        if self._deed == "delay" and request is not None:
            body = request.body.decode() if isinstance(request.body, bytes) else request.body
            letter = {"method": request.method, "url": request.url, "headers": dict(request.headers), "data": body}
            self._late.write_text(json.dumps(letter), "utf-8")
        if self._deed in {"kill", "delay"}:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._deed == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        if self._deed == "lose":
            raise requests.ConnectionError("the reply was lost")


def read(trace: Path) -> list[Boundary]:
    """What a watch wrote."""
    lines = (line.split("\t") for line in trace.read_text("utf-8").splitlines())
    return [Boundary(int(number), cast("Moment", moment), about) for number, moment, about in lines]


# ------------------------------------------------------------------------------------------- requests


class Watched(HTTPAdapter):
    """A transport that passes each request on, and tells the watch."""

    def __init__(self, watch: Watch, inner: HTTPAdapter) -> None:
        super().__init__()
        self._watch, self._inner = watch, inner

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  the options are passed on
        about = f"{request.method} {urlsplit(str(request.url)).path}"
        self._watch.passed("before send", about, request)
        response = self._inner.send(request, **options)
        self._watch.passed("after effect", about)
        return response


def watch_replies(watch: Watch) -> None:
    """Also tells when a reply has been read to its end; this process is there to be broken."""
    send = Http._send

    def watched(self: Http, method: str, path: str, url: str, *rest: Any, **options: Any) -> Any:
        reply = send(self, method, path, url, *rest, **options)
        watch.passed("after reply", f"{method} {urlsplit(url).path}")
        return reply

    Http._send = watched  # type: ignore[method-assign]


# -------------------------------------------------------------------------------------------- commits


def watch_commits(watch: Watch, database: Path) -> None:
    """Tells before and after each commit of this SQLite database."""
    connect: Callable[..., Any] = sqlite3.connect

    class WatchedConnection(sqlite3.Connection):
        known = 0

        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if not self._commits(sql):
                return super().execute(sql, *parameters)
            watch.passed("before commit", str(watch.commits + 1))
            cursor = super().execute(sql, *parameters)
            watch.commits += 1
            self.known = self.total_changes
            watch.passed("after commit", str(watch.commits))
            return cursor

        def _commits(self, sql: str) -> bool:
            """A transaction that changed something, or a change outside of one."""
            verb = sql.lstrip().partition(" ")[0]
            if verb == "COMMIT":
                return self.total_changes != self.known
            return not self.in_transaction and verb in {"INSERT", "UPDATE", "DELETE", "VACUUM"}

    def watched(path: Any, *args: Any, **options: Any) -> Any:
        if Path(str(path)).resolve() == database.resolve():
            options["factory"] = WatchedConnection
        return connect(path, *args, **options)

    sqlite3.connect = watched  # type: ignore[assignment]


def watch_server(watch: Watch) -> None:
    """Tells before and after each commit on a PostgreSQL server."""
    from mi_sync.state.postgres import Postgres

    execute, executemany = Postgres.execute, Postgres.executemany
    under_way: dict[int, bool] = {}  # by connection, while it is in a transaction: whether that has changed anything

    def watched(self: Postgres, sql: str, values: Any = ()) -> Any:
        verb, here = sql.lstrip().partition(" ")[0], id(self)
        changes = verb in {"INSERT", "UPDATE", "DELETE", "CREATE"}
        if verb == "BEGIN" or (verb == "ROLLBACK" and sql == verb):
            under_way.pop(here, None)
            if verb == "BEGIN":
                under_way[here] = False
        elif here in under_way and verb != "COMMIT":
            under_way[here] |= changes
        commits = under_way.pop(here, False) if verb == "COMMIT" else changes and here not in under_way
        if not commits:
            return execute(self, sql, values)
        watch.passed("before commit", str(watch.commits + 1))
        cursor = execute(self, sql, values)
        watch.commits += 1
        watch.passed("after commit", str(watch.commits))
        return cursor

    def watched_many(self: Postgres, sql: str, rows: Any) -> None:
        if id(self) in under_way:
            under_way[id(self)] = True
        executemany(self, sql, rows)

    Postgres.execute, Postgres.executemany = watched, watched_many  # type: ignore[method-assign]
