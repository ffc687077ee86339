"""A world in a folder: exports, configuration and state of a programme, and the boards of both tools.

All of it is files, so it is saved and put back by copying. A command runs in a process of its own, which is forked from
this one and so starts at once; the boards are in it, too, and what they hold is on the disk before they reply. So a
process that is killed loses of a board what a server would lose: nothing.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from asana_lab import AsanaHand
from mi_sync.connector import Sandbox, SandboxOptions, plant
from mi_sync.testing import Hand
from mi_sync_asana import bodies
from mi_sync_asana.sandbox import sandbox as asana
from mi_sync_asana.sandbox.gate import OAUTH_TOKEN, TOKEN
from mi_sync_asana.sandbox.layout import LAYOUT as ASANA
from mi_sync_asana.sandbox.seed import PROJECT
from mi_sync_sandbox.adapter import WsgiAdapter
from mi_sync_sandbox.store import Doc, Store
from mi_sync_trello.sandbox import sandbox as trello
from mi_sync_trello.sandbox.gate import KEY
from mi_sync_trello.sandbox.gate import TOKEN as TRELLO_TOKEN
from mi_sync_trello.sandbox.layout import LAYOUT as TRELLO
from postgres_server import Cluster
from system.prove.boundaries import Boundary, Deed, Watch, Watched, read, watch_replies
from system.prove.pictures import Picture, Shown, of_asana, of_trello
from system.prove.states import InFile, OnServer, State
from trello_hand import TrelloHand

TRELLO_URL, ASANA_URL = "http://127.0.0.1:8377", "http://127.0.0.1:8378"
BEGAN = datetime(2026, 2, 20, 15, 0, tzinfo=UTC)

SECRETS = {"TRELLO_KEY": KEY, "TRELLO_TOKEN": TRELLO_TOKEN}
TARGETS = {
    "trello": f"""
[[targets]]
name = "board"
connector = "trello"
board = "DEMO2026"
key = {{ env = "TRELLO_KEY" }}
token = {{ env = "TRELLO_TOKEN" }}
api_url = "{TRELLO_URL}/1"
""",
    "asana": f"""
[[targets]]
name = "project"
connector = "asana"
project = "{PROJECT}"
token = {{ env = "ASANA_TOKEN" }}
api_url = "{ASANA_URL}/api/1.0"
plan = "paid"
""",
}


for _module in (
    "mi_sync.cli.commands",
    "mi_sync.cli.recovery",
    "mi_sync.cli.forgetting",
    "mi_sync_asana.board",
    "mi_sync_files.delimited",
    "mi_sync_files.source",
    "mi_sync_trello.board",
    "rich.progress",
    "rich.table",
    "tenacity",
    "xml.sax",
):
    importlib.import_module(_module)  # what every run imports late, so that each need not do it anew


class Clock:
    """The time of a world: it goes on when somebody sleeps, and when the driver says so."""

    def __init__(self) -> None:
        self.at = BEGAN

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - BEGAN).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Router(HTTPAdapter):
    """To each board by its address."""

    def __init__(self, boards: Mapping[str, HTTPAdapter]) -> None:
        super().__init__()
        self._boards = {urlsplit(url).netloc: board for url, board in boards.items()}

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  the options are passed on
        return self._boards[urlsplit(str(request.url)).netloc].send(request, **options)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its exit code, or minus the signal; what it printed, and the moments that it passed."""

    code: int
    out: str
    err: str
    passed: Sequence[Boundary]

    @property
    def sent(self) -> list[str]:
        """Its requests."""
        return [each.about for each in self.passed if each.moment == "before send"]

    @property
    def effects(self) -> int:
        """How many requests changed something."""
        return sum(each.writes for each in self.passed if each.moment == "after effect")

    @property
    def writes(self) -> list[str]:
        """Those of them that change something."""
        return [each.about for each in self.passed if each.moment == "before send" and each.writes]


Break = Callable[[], None]
"""What breaks mi-sync in the process that it is called in."""


class World:
    """One programme on the boards of some tools.

    Args:
        folder: for all of it.
        tools: trello, asana, or oauth: Asana with a token that does not see `external`.
        cluster: a PostgreSQL server for the state; without one it lies in a file.
    """

    def __init__(self, folder: Path, tools: Sequence[str], cluster: Cluster | None = None) -> None:
        self.folder, self._saved, self.tools = folder / "world", folder / "saved", tools
        self.folder.mkdir(parents=True, exist_ok=True)
        self._program, self._logs = self.folder / "programme", folder / "logs"
        self._program.mkdir(exist_ok=True)
        self._logs.mkdir(exist_ok=True)
        self._late = self._logs / "late"
        self.state: State = InFile(self._program) if cluster is None else OnServer(cluster)
        self.clock = Clock()
        self._saved_at = self.clock.at
        self._boards: dict[str, HTTPAdapter] = {}
        for tool, url in (("trello", TRELLO_URL), ("asana", ASANA_URL)):
            self._open(tool, url)
        trello_board = BoardOf("trello", self._boards[TRELLO_URL], self._store("trello", TRELLO))
        asana_board = BoardOf("asana", self._boards[ASANA_URL], self._store("asana", ASANA))
        self.boards = [trello_board if tool == "trello" else asana_board for tool in tools]
        """Those that the programme has targets on."""
        self.strangers: dict[str, set[str]] = {board.target: set() for board in self.boards}

    def _open(self, tool: str, url: str) -> None:
        served: Sandbox = {"trello": trello, "asana": asana}[tool]
        app = served.open(SandboxOptions(self.folder / tool, url, self.clock.now, 100_000))
        self._boards[url] = WsgiAdapter(app.wsgi)

    def _store(self, tool: str, layout: Any) -> Store:
        return Store(self.folder / tool / f"{tool}.db", layout, self.clock.now)

    def foreign(self, board: BoardOf, *ids: str) -> None:
        """These are none of our business, for `strangers`, by target."""
        self.strangers[board.target] |= {*ids}

    # -- files --------------------------------------------------------------------------------------

    def save(self) -> None:
        """Remembers all of it as it is."""
        shutil.rmtree(self._saved, ignore_errors=True)
        shutil.copytree(self.folder, self._saved)
        self.state.save()
        self._saved_at = self.clock.at

    def restore(self) -> None:
        """Makes it as it was when it was saved."""
        shutil.rmtree(self.folder)
        shutil.copytree(self._saved, self.folder)
        self.state.restore()
        self.clock.at = self._saved_at

    def write(self, name: str, text: str) -> None:
        (self._program / name).write_text(text, "utf-8", newline="")

    def configure(self, text: str) -> None:
        """The configuration, with a target for each tool."""
        targets = "".join(TARGETS["trello" if tool == "trello" else "asana"] for tool in self.tools)
        self.write("config.toml", f'{text}\n[state]\nurl = "{self.state.url}"\n{targets}')

    def edit(self, name: str, before: str, after: str) -> None:
        text = (self._program / name).read_text("utf-8")
        assert before in text, f"{name} has no {before!r}"
        self.write(name, text.replace(before, after))

    def log_files(self) -> list[str]:
        """What was written for people who look for a mistake, and the plans."""
        return [
            file.read_text("utf-8") for kind in ("tmp/*.log", "programme/*.plan") for file in self.folder.glob(kind)
        ]

    # -- running ------------------------------------------------------------------------------------

    def run(self, *command: str, deed: Deed = "nothing", at: int = -1, broken: Break | None = None) -> Ended:
        """A command, to its end."""
        return self.wait(self.start(*command, deed=deed, at=at, broken=broken))

    def start(self, *command: str, deed: Deed = "nothing", at: int = -1, broken: Break | None = None) -> int:
        """Starts a command and tells its process."""
        sys.stdout.flush()
        process = os.fork()
        if process:
            return process
        code = 70
        try:
            code = self._child(command, deed, at, broken)
        except BaseException:  # noqa: BLE001  nothing of this process may go on in the driver's code
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def wait(self, process: int) -> Ended:
        """Waits for its end and reads what it left."""
        _, status = os.waitpid(process, 0)
        code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        out, err = ((self._logs / f"{process}.{name}") for name in ("out", "err"))
        trace = self._logs / f"{process}.trace"
        ended = Ended(code, out.read_text("utf-8"), err.read_text("utf-8"), read(trace))
        for file in (out, err, trace):
            file.unlink()
        return ended

    @contextmanager
    def stopped(self, process: int) -> Iterator[None]:
        """While a process stands still where it was told to."""
        _, status = os.waitpid(process, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        try:
            yield
        finally:
            os.kill(process, signal.SIGCONT)

    def _sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        if seconds > 1:
            self.deliver()

    def deliver(self) -> None:
        """Lets a request arrive that was under way when its sender died; nobody hears the answer."""
        if not self._late.exists():
            return
        letter = json.loads(self._late.read_text("utf-8"))
        self._late.unlink()
        Router(self._boards).send(requests.Request(**letter).prepare())

    def _child(self, command: Sequence[str], deed: Deed, at: int, broken: Break | None) -> int:
        from mi_sync.cli import invoke, session

        signal.signal(signal.SIGINT, signal.SIG_DFL)
        for name in ("stdout", "stderr"):
            stream = (self._logs / f"{os.getpid()}.{name[3:]}").open("w", encoding="utf-8")
            os.dup2(stream.fileno(), {"stdout": 1, "stderr": 2}[name])
            setattr(sys, name, stream)
        os.chdir(self._program)
        (self.folder / "tmp").mkdir(exist_ok=True)
        token = OAUTH_TOKEN if "oauth" in self.tools else TOKEN
        os.environ.update(SECRETS, ASANA_TOKEN=token, HOME=str(self.folder), TMPDIR=str(self.folder / "tmp"))
        watch = Watch(self._logs / f"{os.getpid()}.trace", self._late, deed, at)
        watch_replies(watch)
        self.state.watch(watch)
        transport = Watched(watch, Router(self._boards))
        clock = self.clock
        session.WIRE.update(now=clock.now, monotonic=clock.monotonic, sleep=self._sleep, transport=transport)
        if broken is not None:
            broken()
        return invoke(["-vv", "--log-format", "json", *command])


# ---------------------------------------------------------------------------------------------- boards


class BoardOf:
    """The board of one tool: a person at it, and what it holds.

    Attributes:
        hand: the person.
        target: what the configuration calls it.
    """

    def __init__(self, tool: str, adapter: HTTPAdapter, store: Store) -> None:
        self._store, self._tool = store, tool
        session = requests.Session()
        session.mount("http://", adapter)
        self.hand: Hand
        if tool == "trello":
            session.headers["Authorization"] = f'OAuth oauth_consumer_key="{KEY}", oauth_token="{TRELLO_TOKEN}"'
            self.hand, self.target = TrelloHand(session, "DEMO2026", TRELLO_URL), "board"
        else:
            session.headers["Authorization"] = f"Bearer {TOKEN}"
            self.hand, self.target = AsanaHand(session, ASANA_URL), "project"

    def mark(self, item: str, token: str) -> None:
        """Puts a mark on an item that has none, in place of its body."""
        if isinstance(self.hand, TrelloHand):
            self.hand.call("PUT", f"/cards/{item}", desc=plant("", token))
        else:
            cast("AsanaHand", self.hand).call("PUT", f"/tasks/{item}", html_notes=bodies.to_notes("", token))

    def documents(self) -> dict[str, list[Doc]]:
        """Everything there, by kind."""
        with self._store.transaction() as db:
            return {kind: db.all(kind) for kind in KINDS[self._tool]}

    def picture(self) -> Picture:
        """What people see of it."""
        shown = of_trello if self._tool == "trello" else of_asana
        return shown(self.documents())

    def item(self, title: str) -> Shown | None:
        """The first of our items whose title begins so."""
        return self.picture().of(title)

    @property
    def member(self) -> str:
        """Somebody who can be assigned: Kim Duarte."""
        who = "member" if self._tool == "trello" else "user"
        name, key = ("fullName", "id") if self._tool == "trello" else ("name", "gid")
        return next(str(each[key]) for each in self.documents()[who] if each[name] == "Kim Duarte")


KINDS = {
    "trello": ("card", "checklist", "list", "label", "attachment", "action", "member"),
    "asana": ("task", "section", "place", "tag", "external", "story", "user"),
}
