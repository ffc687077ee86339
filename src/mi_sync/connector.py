"""The plug-in seam: what a connector promises, and the registry that finds connectors.

A connector is one import package with one entry point in the group `mi_sync.connectors`, which resolves to a
`Connector`. The docstrings of `Source`, `Board` and `Publisher` are the contract; `mi_sync.testing` checks it.
Connectors import `connector`, `model`, `errors`, `http`, `shapes`, `unmarked`, `sheets` and `writing` of `mi_sync`, and
nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, model_validator

from mi_sync.errors import ConfigError, Problem
from mi_sync.http import Wire, is_loopback
from mi_sync.model import BoardIdentity, Capabilities, Children, Patch, Remote, Snapshot

GROUP = "mi_sync.connectors"
SANDBOXES = "mi_sync.sandboxes"

# ---------------------------------------------------------------------------------------------- sources


class Row(NamedTuple):
    """A row of a table: the line of the file that it begins on, and its cells by position.

    For a sheet the line is the row of the sheet; for JSON, XML and HTML the number of the record, from 1.

    A row that cannot be read at all has a `fault` instead of cells, and is quarantined. One that is surely no record,
    such as a total below the records, has `skip` instead: why it is none, without repeating a cell.
    """

    line: int
    cells: Sequence[str]
    fault: str = ""
    skip: str = ""

    @property
    def is_record(self) -> bool:
        """Whether there are cells to read."""
        return not (self.fault or self.skip)


@dataclass(frozen=True, slots=True)
class Table:
    """An opened file: its header and its rows, which stream and can be iterated once.

    No two columns have the same name (see `distinct`); a column without a name has an empty one.

    Blank rows are no rows. A row that is shorter than the header is filled up with empty cells; a longer one
    whose extra cells are empty is cut; a longer one with content there is a row with a fault, because nobody can
    know which cell moved.

    `labels` are what else the file says of each column, such as the question of a form; empty where there is nothing. A
    mapping may name a column by its label, and a label that tells of EEO data keeps the column from being read.

    `notes` are what its owner should know of how it is read; the reading went on.
    """

    header: Sequence[str]
    header_line: int
    rows: Iterator[Row]
    format: str = "csv"
    encoding: str = ""
    delimiter: str = ""
    labels: Sequence[str] = ()
    notes: Sequence[Problem] = ()


def distinct(names: Iterable[str]) -> list[str]:
    """The names of columns, told apart: a second `Email` is `Email#2`. White space makes no difference."""
    names = list(names)
    taken = {" ".join(name.split()) for name in names}
    times: dict[str, int] = {}
    told: list[str] = []
    for name in names:
        plain = " ".join(name.split())
        times[plain] = times.get(plain, 0) + 1
        if plain and times[plain] > 1:
            while (name := f"{plain}#{times[plain]}") in taken:
                times[plain] += 1
            taken.add(name)
        told.append(name)
    return told


class SourceFile(Protocol):
    """One file of a source."""

    @property
    def name(self) -> str:
        """What people call it in messages: the path as configured."""
        ...

    def digest(self) -> str:
        """A digest of the content, without parsing it: the same bytes give the same digest."""
        ...

    def open(self) -> AbstractContextManager[Table]:
        """Opens it for one pass.

        Raises:
            SourceError: it is not what it should be; the message names file, line and remedy.
            EmptySource: it has no bytes, or nothing but white space.
        """
        ...


@runtime_checkable
class Source(Protocol):
    """Somewhere that rows come from. Reading never changes it.

    Contract:
        - `files` lists the files in a stable order; the same content gives the same rows in the same order.
        - Rows stream: memory does not grow with the file.
        - Every row is returned, has a fault, or says why it is no record. A file that cannot be read to its end
          raises; it is never cut short in silence.
        - Cells are text as it stands in the file, unquoted and decoded, and nothing else is done to them.
    """

    def files(self) -> Sequence[SourceFile]:
        """The files there are now.

        Raises:
            SourceError: there is none; the message names the path and the remedy.
        """
        ...


# ----------------------------------------------------------------------------------------------- boards


@runtime_checkable
class Board(Protocol):
    """A board or project of one tool. It does what it is told; every decision is the core's.

    Contract:
        - Three outcomes of a write: it returns (done), it raises `RequestRefused` (nothing happened) or
          `OutcomeUnknown` (nobody knows). A connector never repeats a creation by itself after an unknown
          outcome, and never turns an unknown outcome into one of the other two.
        - `NotAuthorised`, `Unavailable` and `BudgetReached` mean that nothing more can be done now.
        - It never deletes an item, never writes a field that it was not given, and never changes a set
          (labels, members, followers, checklist) as a whole after creation.
        - What it writes it reads back: title, body, due, start, done, archived, list, labels, checklist, custom fields.
        - It makes no custom field, and no option of one.
        - It learns nothing about keys: a marker is a token that is planted and harvested.
    """

    capabilities: Capabilities

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        ...

    def normal_body(self, body: str) -> str:
        """A body as `read` gives it back after it was written: Markdown without what the board's format lacks.

        Pure, and the second time it changes nothing.
        """
        ...

    def identity(self) -> BoardIdentity:
        """Which board this is, by one cheap read that needs valid credentials."""
        ...

    def snapshot(self) -> Snapshot:
        """Everything on the board, archived items included, and whether that is all of it.

        Also the limits that it tells, and its custom fields, or why they cannot be seen.
        """
        ...

    def newest(self) -> Sequence[Remote]:
        """The items created last, newest first, at least the last 100, read now and from no index that lags."""
        ...

    def read(self, id: str) -> Remote | None:  # noqa: A002
        """One item as it is now; None when it is gone for good."""
        ...

    def merge(self, patch: Patch) -> Remote:
        """Creates or changes one item by one writing call that carries the marker.

        A board whose `archive` is `completed` puts the item away by a second call after that one. It brings it back by
        a call before that one, to the list that it came from where that is known, else to `list`; and what is brought
        back is not done unless the patch says so. So an item that was stopped half-way is completed and on its list,
        and its marker says that we archived it.

        A new item stands below what was in its list. Where the tool puts it elsewhere, a second call moves it; when
        that one fails, the item is made all the same.

        A missing list or label is created first, by a call of its own, found by its exact name. A body that the patch
        changes is written in normal form; one that stands in it for the marker's sake alone may be a person's, and is
        written as it was read. A field that the board lacks is left out. The result tells at least `id` and `url`.

        Raises:
            AlreadyThere: a creation, and the board holds an item of the name `patch.unique`.
        """
        ...

    def merge_children(self, remote: Remote, children: Children) -> None:
        """Adds and removes labels and checklist lines one by one, skipping what is already so.

        Likewise it sets custom fields, where the board writes them one by one, and says a comment: unless the item has
        one of just this text, for which it looks first. Only unticked lines of the checklist are removed. Safe to
        repeat after any outcome.
        """
        ...


# ------------------------------------------------------------------------------------------- publishers


@dataclass(frozen=True, slots=True)
class View:
    """What a publisher renders: rows of one kind, already cleared for the target (see `mi_sync.views`).

    `taken_at` is when the boards were looked at. It differs in every run and makes no other view of the same rows.
    Values are texts, numbers, dates, instants, True, False or None; `name` says which view it is, and `columns` what
    each row holds, also when there is none. With `as_is` these are the columns of an export, all of which are shown, in
    this order and by these names.
    """

    programme: str
    taken_at: datetime
    rows: Sequence[Mapping[str, Any]]
    name: str = "milestones"
    columns: Sequence[str] = ()
    as_is: bool = False


@runtime_checkable
class Publisher(Protocol):
    """Somewhere that whole views are published to, one after the other: a message, a calendar, a table.

    Contract:
        - The same view twice publishes once: `publish` returns False when nothing had to change.
        - A view without rows is one, too: it takes the place of what was published before.
        - Nothing but the view is published.
    """

    @property
    def requests(self) -> int:
        """How many requests were sent so far; 0 for one that writes files."""
        ...

    def publish(self, view: View) -> bool:
        """Publishes the view; True when something changed on the other side.

        Raises:
            MiSyncError: it could not; what was published before still stands.
        """
        ...


# -------------------------------------------------------------------------------------------- the marker

_MARKER_URL = "https://mi-sync.invalid/"  # RFC 2606: a name that will never resolve
_MARKER = re.compile(
    # Editors escape the brackets or the hyphen, show the address instead of the word, put it in angle brackets, or
    # append a title such as "smartCard-inline".
    r"(?<![ \t])[ \t]*(?P<link>\\?\[(?:mi\\?-sync|https://mi-sync\.invalid/[^\]\s]*)\\?\]\(\s*<?)?"
    r"https://mi-sync\.invalid/(?P<token>[A-Za-z0-9.\-]+)"
    r"(?(link)>?(?:\s+\"[^\n]*?\")?\s*\))[ \t]*"
)


def plant(body: str, token: str) -> str:
    """The body with the marker as its last line: a Markdown link of which people see one word."""
    text = body.rstrip()
    link = f"[mi-sync]({_MARKER_URL}{token})"
    return f"{text}\n\n{link}" if text else link


def harvest(text: str) -> tuple[str, str | None]:
    """The body without markers, and the token of the last one, however an editor rewrote it.

    What people wrote below a marker stays, as a paragraph of its own.
    """
    found = list(_MARKER.finditer(text))
    if not found:
        return text.rstrip(), None
    starts = [0, *(each.end() for each in found)]
    ends = [*(each.start() for each in found), len(text)]
    first, *below = (text[start:end] for start, end in zip(starts, ends, strict=True))
    kept = [first.rstrip(), *(part.strip() for part in below)]
    return "\n\n".join(part for part in kept if part), found[-1]["token"].rstrip(".-")


# ------------------------------------------------------------------------------------------- the registry


class SecretRef(BaseModel):
    """Where a secret is kept: an environment variable or the system's keyring; never the secret itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    env: str | None = None
    keyring: str | None = None

    @model_validator(mode="after")
    def _one_place(self) -> SecretRef:
        if (self.env is None) == (self.keyring is None):
            raise ValueError('a secret is { env = "NAME" } or { keyring = "NAME" }')
        return self


class Secret:
    """A resolved secret, which shows itself to nobody by accident."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret(…)"

    def reveal(self) -> str:
        """The secret itself, for the one line that sends it."""
        return self._value


class ConnectorConfig(BaseModel):
    """The base of every connector's own configuration: frozen, unknown keys refused, values never echoed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def api_address(value: str, example: str) -> str:
    """An API's address without a trailing slash; credentials only ever travel encrypted, or not at all.

    Raises:
        ValueError: it is none, holds credentials, or would send them in the clear; the message shows `example`.
    """
    parts = urlsplit(value.strip())
    host = parts.hostname or ""
    if parts.scheme not in {"https", "http"} or not host or not _port_is_sound(parts) or re.search(r"\s", parts.path):
        raise ValueError(f"is no address such as {example}")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError("must hold neither credentials nor a query; credentials have settings of their own")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("must start with https://; http:// is only for this computer, such as http://127.0.0.1:8377")
    return parts.geturl().rstrip("/")


def _port_is_sound(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


_HEADER_SAFE = re.compile(r"[!#-\[\]-~]+")
"""Printable ASCII that stands in a header as it is, also between quotes."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a connector gets from the core when it is opened.

    Attributes:
        name: the name of the source or target in the configuration.
        root: the folder of the configuration file; relative paths are meant from here.
        timezone: the programme's.
        wire: time, sleep, transport and budget for HTTP (see `mi_sync.http`).
        secrets: the resolved secrets, by configuration field.
        memory: texts that outlast the run, for publishers: which message was theirs. Nothing personal belongs there.
    """

    name: str
    root: Path
    timezone: ZoneInfo
    wire: Wire = field(default_factory=Wire)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    memory: MutableMapping[str, str] = field(default_factory=dict)

    def header_secret(self, name: str) -> str:
        """A secret as it goes into a header.

        Raises:
            ConfigError: it holds what no such secret has, so it was copied wrongly.
        """
        value = self.secrets[name].reveal().strip()
        if _HEADER_SAFE.fullmatch(value):
            return value
        why = "the secret holds a blank, a quote or an unusual character; copy it again, without quotes."
        raise ConfigError([Problem(f"targets.{self.name}", name, why)])


ConnectorKind = Literal["source", "board", "publisher"]


@dataclass(frozen=True, slots=True)
class Connector:
    """What an entry point resolves to.

    Attributes:
        name: as in `connector = "…"`.
        kind: which of the three protocols `open` returns.
        summary: one line for people.
        config: its settings, beyond those that every source or target has.
        open: builds the source, board or publisher; contacts nobody yet.
        capabilities: for boards.
        views: what of the programme it can show (see `mi_sync.views`); a board: milestones and postings.
        shown: which of them it shows without being asked.
        can, cannot: for people, one line each.
    """

    name: str
    kind: ConnectorKind
    summary: str
    config: type[ConnectorConfig]
    open: Callable[[Any, Context], Source | Board | Publisher]
    capabilities: Capabilities | None = None
    views: tuple[str, ...] = ("milestones", "postings")
    shown: tuple[str, ...] = ("milestones",)
    can: tuple[str, ...] = ()
    cannot: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SandboxApp:
    """A local stand-in for a tool, ready to be served.

    Attributes:
        wsgi: the web application.
        page: path of the page where people look at the board.
        control: path of the page where they throw faults and turn limits; empty where there is none.
        settings: what a target's section of the configuration needs besides name and connector; secrets as
            `{"env": NAME}`.
        environ: the invented credentials that those names stand for.
    """

    wsgi: Callable[..., Any]
    page: str
    settings: Mapping[str, Any]
    environ: Mapping[str, str]
    control: str = ""


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How a sandbox is opened.

    Attributes:
        state: the folder that it keeps its files in; it survives a restart.
        base_url: where it will be served, such as http://127.0.0.1:8377, without a trailing slash.
        now: its clock.
        rate_limit: requests for each token in the tool's own window; None for the tool's own number.
    """

    state: Path
    base_url: str
    now: Callable[[], datetime]
    rate_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What an entry point of the group `mi_sync.sandboxes` resolves to.

    Several sandboxes are served side by side under one address; `prefixes` are the paths that belong to this one.
    They are shown by `order`; the first is the one that a demonstration uses.

    `rehearse(settings, context, options)` opens it on a copy of the board that a target's settings name, in the place
    of the invented one; None for a sandbox that cannot. The board is read over the context's wire, by GETs alone, and
    the copy keeps all ids and marks. `page` of the result is the copy's, and `settings` are all that a target aimed at
    it needs, those of the real one that say how it is kept among them. The real credentials stay out of both.

    It raises what `Board.snapshot` raises, and `Refused` where not everything can be read.
    """

    name: str
    summary: str
    prefixes: tuple[str, ...]
    open: Callable[[SandboxOptions], SandboxApp]
    order: int = 100
    rehearse: Callable[[Any, Context, SandboxOptions], SandboxApp] | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """A connector that is installed and cannot be loaded."""

    name: str
    distribution: str
    why: str


class Registry:
    """The installed connectors, found by entry point and loaded when asked for."""

    def __init__(self, entries: Sequence[EntryPoint] | None = None) -> None:
        found = entry_points(group=GROUP) if entries is None else entries
        self._entries: dict[str, EntryPoint] = {entry.name: entry for entry in found}

    @property
    def names(self) -> Sequence[str]:
        """All names, loadable or not."""
        return sorted(self._entries)

    def load(self, name: str) -> Connector | Broken | None:
        """The connector; `Broken` when its package fails to import; None when there is none of that name."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        distribution = entry.dist.name if entry.dist is not None else "?"
        try:
            loaded = entry.load()
        except Exception as error:  # noqa: BLE001  a third-party package may fail in any way
            return Broken(name, distribution, f"{type(error).__name__}: {error}")
        if not isinstance(loaded, Connector):
            return Broken(name, distribution, f"{entry.value} is not a mi_sync.connector.Connector")
        return loaded

    def get(self, name: str, where: str, kinds: Sequence[ConnectorKind]) -> Connector:
        """The connector for a place in the configuration.

        Raises:
            ConfigError: it is not installed, is broken, or is of another kind.
        """
        loaded = self.load(name)
        if isinstance(loaded, Connector) and loaded.kind in kinds:
            return loaded
        if isinstance(loaded, Broken):
            why = f"connector {name!r} of {loaded.distribution} cannot be loaded: {loaded.why}"
        elif loaded is None:
            why = f"there is no connector {name!r}; installed: {', '.join(self.names) or 'none'}"
        else:
            why = f"connector {name!r} is a {loaded.kind}, and a {' or '.join(kinds)} is needed here"
        raise ConfigError([Problem(where, "connector", why)])
