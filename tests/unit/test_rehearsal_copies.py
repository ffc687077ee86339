"""A sandbox that begins as a copy of a board: to the connector it is that board, which was read by GETs alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from armed import URL
from asana_lab import AsanaHand
from mi_sync.connector import Board, Connector, Context, Sandbox, SandboxApp, SandboxOptions, Secret
from mi_sync.errors import Refused
from mi_sync.http import Wire
from mi_sync.model import Snapshot
from mi_sync.testing import Clock, Hand
from mi_sync_asana import connector as asana
from mi_sync_asana.board import AsanaBoard
from mi_sync_asana.project import Project
from mi_sync_asana.sandbox import sandbox as asana_sandbox
from mi_sync_asana.sandbox.layout import open_store as asana_store
from mi_sync_asana.sandbox.seed import PROJECT
from mi_sync_sandbox.adapter import WsgiAdapter
from mi_sync_trello import connector as trello
from mi_sync_trello.reader import Everything, Reader
from mi_sync_trello.sandbox import sandbox as trello_sandbox
from mi_sync_trello.sandbox.gate import ACCESS_TOKEN
from trello_hand import TrelloHand

ZONE = ZoneInfo("America/Chicago")
DUE = datetime(2026, 3, 20, 23, tzinfo=UTC)
TOOLS = pytest.mark.parametrize("tool", ["trello", "asana"])


@dataclass
class Rig:
    """A real board, a person at it, and what makes copies of it."""

    connector: Connector
    sandbox: Sandbox
    folder: Path
    clock: Clock
    app: SandboxApp
    adapter: WsgiAdapter
    person: Any

    @property
    def hand(self) -> Hand:
        return cast("Hand", self.person)

    def options(self, name: str) -> SandboxOptions:
        return SandboxOptions(self.folder / name, URL, self.clock.now, 100_000)

    def context(self, app: SandboxApp, adapter: WsgiAdapter, *, read_only: bool = False) -> Context:
        wire = Wire(self.clock.now, self.clock.monotonic, self.clock.sleep, transport=adapter, read_only=read_only)
        given = {name: value["env"] for name, value in app.settings.items() if isinstance(value, dict)}
        secrets = {name: Secret(app.environ[variable]) for name, variable in given.items()}
        return Context("board", self.folder, ZONE, wire, secrets)

    def copy(self, **more: Any) -> tuple[SandboxApp, WsgiAdapter]:
        """The copy, and what was sent to the real board meanwhile."""
        reading = WsgiAdapter(self.app.wsgi)
        assert self.sandbox.rehearse is not None
        told = self.connector.config.model_validate({**self.app.settings, **more})
        context = self.context(self.app, reading, read_only=True)
        return self.sandbox.rehearse(told, context, self.options("copy")), reading

    def open(self, app: SandboxApp, adapter: WsgiAdapter | None = None) -> Board:
        told = self.connector.config.model_validate(app.settings)
        opened = self.connector.open(told, self.context(app, adapter or WsgiAdapter(app.wsgi)))
        return cast("Board", opened)


@contextmanager
def rig(tool: str) -> Iterator[Rig]:
    connector, sandbox = {"trello": (trello, trello_sandbox), "asana": (asana, asana_sandbox)}[tool]
    with TemporaryDirectory() as folder:
        clock = Clock()
        app = sandbox.open(SandboxOptions(Path(folder, "real"), URL, clock.now, 100_000))
        session = requests.Session()
        session.mount(URL, WsgiAdapter(app.wsgi))
        if tool == "trello":
            key, token = app.environ.values()
            session.headers["Authorization"] = f'OAuth oauth_consumer_key="{key}", oauth_token="{token}"'
            person: Any = TrelloHand(session, str(app.settings["board"]))
        else:
            session.headers["Authorization"] = f"Bearer {next(iter(app.environ.values()))}"
            person = AsanaHand(session)
        yield Rig(connector, sandbox, Path(folder), clock, app, WsgiAdapter(app.wsgi), person)


def plain(snapshot: Snapshot) -> Snapshot:
    """What was read, but for when and at which address; who has the token is on the board of every copy."""
    remotes = tuple(replace(each, url="") for each in snapshot.remotes)
    members = tuple(sorted(snapshot.members, key=lambda member: member.id))
    limits = tuple(replace(each, used={}) for each in snapshot.limits)
    board = replace(snapshot.board, url="")
    return replace(snapshot, board=board, remotes=remotes, members=members, limits=limits, taken_at=DUE)


TEXTS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)
CLICKS = st.one_of(
    st.tuples(st.just("title"), TEXTS),
    st.tuples(st.just("body"), TEXTS),
    st.tuples(st.just("due"), st.sampled_from([DUE, None])),
    st.tuples(st.just("done"), st.booleans()),
    st.tuples(st.just("list"), st.sampled_from(["Doing", "Elsewhere"])),
    st.tuples(st.just("archived"), st.just(True)),
    st.tuples(st.just("fields"), st.fixed_dictionaries({"Said": TEXTS})),
    st.tuples(st.just("label"), st.sampled_from(["red", "ours"])),
    st.tuples(st.just("line"), TEXTS),
)


def click(hand: Hand, item: str, name: str, value: Any) -> None:
    if name == "label":
        hand.add_label(item, value)
    elif name == "line":
        hand.add_line(item, value, done=len(value) > 3)
    else:
        hand.edit(item, cast("Any", {name: value}))


@TOOLS
# An example opens two sandboxes, so one that fails is told as it is: to make it smaller would take minutes.
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.generate])
@given(items=st.lists(st.tuples(TEXTS, st.lists(CLICKS, max_size=4)), max_size=4))
def test_the_copy_is_the_board_and_only_gets_were_sent(
    tool: str, items: Sequence[tuple[str, Sequence[tuple[str, Any]]]]
) -> None:
    with rig(tool) as it:
        it.hand.add_field("Said", "text")
        for title, clicks in items:
            item = it.hand.add(title, "To Do")
            for name, value in clicks:
                click(it.hand, item, name, value)
        before = plain(it.open(it.app, it.adapter).snapshot())
        app, reading = it.copy()
        assert plain(it.open(app).snapshot()) == before
        assert {each.method for each in reading.sent} == {"GET"}


@TOOLS
def test_a_new_item_of_the_copy_takes_no_id_of_the_board(tool: str) -> None:
    """Both sandboxes count alike, and their clocks stand still."""
    with rig(tool) as it:
        item = it.hand.add("One", "To Do")
        it.hand.add_line(item, "A line")
        app, _ = it.copy()
        before = {each.id for each in it.open(app).snapshot().remotes}
        session = it.person._session if tool == "asana" else it.person.session
        session.mount(URL, WsgiAdapter(app.wsgi))
        made = it.hand.add("Two", "A new list")
        assert made not in before
        assert {each.title for each in it.open(app).snapshot().remotes} == {"One", "Two"}


def test_the_limits_of_a_real_board_hold_for_its_copy() -> None:
    with rig("trello") as it:
        it.hand.add("One", "To Do")
        address = f"{URL}/trello/limits/DEMO2026"
        it.person.session.put(address, json={"cards": {"openPerBoard": 1}}).raise_for_status()
        app, _ = it.copy()
        it.person.session.mount(URL, WsgiAdapter(app.wsgi))
        with pytest.raises(requests.HTTPError, match="403"):
            it.hand.add("Two", "To Do")


def test_an_access_token_is_rehearsed_with_one() -> None:
    """Trello shows it no custom fields, and neither does the copy."""
    with rig("trello") as it:
        it.hand.add_field("Said", "text")
        settings_ = {"board": "DEMO2026", "access_token": {"env": "REAL"}, "api_url": f"{URL}/1"}
        it.app = replace(it.app, settings=settings_, environ={"REAL": ACCESS_TOKEN})
        app, _ = it.copy()
        assert set(app.settings) == {"board", "access_token", "api_url"}
        assert "no OAuth 2 access token" in it.open(app).snapshot().fields_hidden_because


def test_an_option_that_is_gone_is_not_copied() -> None:
    with rig("trello") as it:
        it.hand.add_field("Phase", "choice", ("Open", "Shut"))
        item = it.hand.add("One", "To Do")
        (field,) = it.person.call("GET", "/boards/DEMO2026/customFields")
        path = f"/cards/{item}/customField/{field['id']}/item"
        it.person.call("PUT", path, idValue=field["options"][1]["id"])
        with closing(sqlite3.connect(it.folder / "real" / "trello.db")) as connection, connection:
            connection.execute(
                "UPDATE doc SET body = json_set(body, '$.options[1].id', ?) WHERE kind = 'customField'", ("a" * 24,)
            )
        app, _ = it.copy()
        assert it.open(app).snapshot().remotes[0].fields == {}
        it.person.session.mount(URL, WsgiAdapter(app.wsgi))
        assert it.person.session.get(f"{URL}{app.page}").ok


def test_a_board_that_cannot_be_read_completely_is_not_rehearsed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with rig("trello") as it:
        whole = Reader.everything

        def cut(reader: Reader) -> Everything:
            found = whole(reader)
            found.gap = "too many cards"
            return found

        monkeypatch.setattr(Reader, "everything", cut)
        with pytest.raises(Refused, match="cannot be copied completely: too many cards"):
            it.copy()


# ------------------------------------------------------------------------------ what Asana alone has


def change(it: Rig, task: str, **fields: Any) -> None:
    """Something at the real project that no request of the sandbox can bring about."""
    with asana_store(it.options("real")).transaction() as db:
        doc = db.get("task", task)
        assert doc is not None
        db.put("task", {**doc, **fields})


def test_headings_between_subtasks_and_what_lies_below_one_stay_what_they_are() -> None:
    with rig("asana") as it:
        task = it.hand.add("One", "To Do")
        for text in ("A heading:", "A line", "A touched one"):
            it.hand.add_line(task, text)
        heading, _, touched = it.person.subtasks(task)
        change(it, heading["gid"], separator=True)
        it.hand.add_line(touched["gid"], "Deeper")
        app, _ = it.copy()
        board = cast("AsanaBoard", it.open(app))
        assert [line.text for line in board.snapshot().remotes[0].checklist] == ["A line", "A touched one"]
        assert [each.touched for each in board._tasks._known[task].subtasks] == [False, True]


def test_checklists_in_the_text_leave_subtasks_alone() -> None:
    with rig("asana") as it:
        it.hand.add_line(it.hand.add("One", "To Do"), "A line")
        app, reading = it.copy(checklist="text")
        assert app.settings["checklist"] == "text"
        assert not any("subtasks" in str(each.url).partition("?")[0] for each in reading.sent)


def test_somebody_who_left_still_has_their_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workspace lists them no more; what was theirs names them."""
    with rig("asana") as it:
        it.hand.assign(it.hand.add("One", "To Do"), "1100000000000015")
        (before,) = it.open(it.app, it.adapter).snapshot().remotes
        monkeypatch.setattr(Project, "members", lambda _: ())
        app, _ = it.copy()
        (after,) = it.open(app).snapshot().remotes
        assert (after.assignees, after.followers) == (before.assignees, before.followers) != ((), ())
        it.person._session.mount(URL, WsgiAdapter(app.wsgi))
        assert it.person._session.get(f"{URL}{app.page}").ok


def test_a_description_that_asana_gives_and_does_not_take_is_copied() -> None:
    with rig("asana") as it:
        task = it.hand.add("One", "To Do")
        change(it, task, html_notes="<body>Costs: <table><tr><td>5</td></tr></table></body>")
        app, _ = it.copy()
        assert it.open(app).snapshot().remotes[0].body == it.open(it.app, it.adapter).snapshot().remotes[0].body
        it.person._session.mount(URL, WsgiAdapter(app.wsgi))
        assert it.person._session.get(f"{URL}/0/{PROJECT}").ok
