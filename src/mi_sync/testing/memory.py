"""The reference implementations, in memory, with their labs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import TypeVar

from mi_sync.connector import Board, Publisher, Row, Source, SourceFile, Table, View, distinct, harvest, plant
from mi_sync.errors import (
    AlreadyThere,
    BudgetReached,
    EmptySource,
    MiSyncError,
    NotAuthorised,
    NotFound,
    OutcomeUnknown,
    RequestRefused,
    SourceError,
    Unavailable,
)
from mi_sync.identity import digest
from mi_sync.model import (
    BoardIdentity,
    Capabilities,
    CheckItem,
    Children,
    CustomField,
    FieldKind,
    Fields,
    Limit,
    Member,
    Patch,
    Remote,
    Snapshot,
    told_apart,
)
from mi_sync.testing.boards import Hand
from mi_sync.testing.suite import Clock, Fault

_T = TypeVar("_T")


@dataclass(slots=True)
class MemoryItem:
    """An item as the memory world keeps it: `text` is the body with the marker in it, as a tool would store it.

    `values` are those of its custom fields, by the fields' ids.
    """

    id: str
    title: str
    text: str = ""
    due: datetime | date | None = None
    start: date | None = None
    done: bool = False
    archived: bool = False
    labels: list[str] = field(default_factory=list)
    checklist: list[CheckItem] = field(default_factory=list)
    assignees: list[str] = field(default_factory=list)
    followers: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    position: float = 0.0
    list: str = ""
    unique: str = ""

    def remote(self, fields: Sequence[CustomField] = ()) -> Remote:
        """As a board with these custom fields shows it."""
        body, marker = harvest(self.text)
        return Remote(
            id=self.id,
            url=f"memory://item/{self.id}",
            title=self.title,
            body=body,
            marker=marker,
            due=self.due,
            start=self.start,
            done=self.done,
            archived=self.archived,
            list=self.list,
            labels=tuple(self.labels),
            checklist=tuple(self.checklist),
            assignees=tuple(self.assignees),
            fields={each.name: value for each in fields if (value := self.values.get(each.id))},
            followers=tuple(self.followers),
        )


def _failure(fault: Fault) -> MiSyncError:
    if fault is Fault.REFUSED:
        return RequestRefused("refused.", status=400)
    if fault is Fault.UNAUTHORISED:
        return NotAuthorised("the token has expired.")
    if fault is Fault.UNAVAILABLE:
        return Unavailable("nobody answers.")
    if fault is Fault.BUDGET:
        return BudgetReached("the budget is used up.")
    return OutcomeUnknown("no answer came.")


class MemoryWorld:
    """A board's other side: what every handle and every person sees. Ids count up; time is an argument.

    `arm` decides what becomes of writing requests; `cut` lets snapshots fall short; `most` is how many open items
    there may be.
    """

    late_by = timedelta(seconds=20)
    """How long a late request takes to show its effect."""

    def __init__(self, now: Callable[[], datetime] | None = None, members: Sequence[Member] = ()) -> None:
        self.now = now or Clock().now
        self.identity = BoardIdentity("memory-board", "Memory", "memory://board")
        self.members = list(members)
        self.items: dict[str, MemoryItem] = {}
        self.lists: list[str] = []
        self.labels: list[str] = []
        self.fields: list[CustomField] = []
        self.requests = 0
        self.writes = 0
        self.shown: int | None = None
        self.most: int | None = None
        self.trash: set[str] = set()
        self._number = 0
        self._armed: deque[Fault | None] = deque()
        self._late: list[tuple[datetime, Callable[[], object]]] = []

    def arm(self, fault: Fault, skip: int = 0) -> None:
        """Lets the next writing request, after `skip` others, meet this fault."""
        self._armed.extend([None] * skip)
        self._armed.append(fault)

    def disarm(self) -> None:
        """Forgets the faults that were not met."""
        self._armed.clear()

    def cut(self, shown: int | None) -> None:
        """From now on snapshots show only this many items, and say so; None heals it."""
        self.shown = shown

    def new_id(self) -> str:
        """The next id; ids sort as they were drawn."""
        self._number += 1
        return f"{self._number:08x}"

    def read(self) -> None:
        """Counts a reading request."""
        self.requests += 1
        self.land()

    def write(self, effect: Callable[[], _T]) -> _T:
        """A writing request: its effect, or what an armed fault makes of it."""
        fault = self._armed.popleft() if self._armed else None
        if fault is Fault.BUDGET:
            raise _failure(fault)
        self.requests += 1
        self.writes += 1
        self.land()
        if fault is None:
            return effect()
        if fault is Fault.LOST_AFTER:
            effect()
        if fault is Fault.LATE:
            self._late.append((self.now() + self.late_by, effect))
        raise _failure(fault)

    def add(self, item: MemoryItem, *, above: MemoryItem | None = None) -> MemoryItem:
        """Puts a new item at the bottom of its list, or just above another one, where there is room for it."""
        if self.most is not None and self._opened() >= self.most:
            raise RequestRefused("the board is full.", status=403)
        positions = sorted(each.position for each in self.items.values()) or [0.0]
        item.position = positions[-1] + 1.0
        if above is not None:
            at = positions.index(above.position)
            item.position = (positions[at - 1] + above.position) / 2 if at else above.position - 1.0
        self.items[item.id] = item
        return item

    def limits(self) -> tuple[Limit, ...]:
        """What a board tells of how much it holds."""
        return () if self.most is None else (Limit("open items", self.most, "open items", used={"": self._opened()}),)

    def _opened(self) -> int:
        return sum(not item.archived for item in self.items.values())

    def land(self) -> None:
        """Lets the late requests whose time has come take effect; every request does so, too."""
        landed = [effect for at, effect in self._late if at <= self.now()]
        self._late = [(at, effect) for at, effect in self._late if at > self.now()]
        for effect in landed:
            with suppress(MiSyncError):  # refused, and nobody is there to hear it
                effect()


class MemoryBoard:
    """The `Board` protocol in its plainest form: a reference for authors, and an adversary for the planner's tests."""

    def __init__(self, world: MemoryWorld, capabilities: Capabilities | None = None) -> None:
        self.world = world
        self.capabilities = capabilities or Capabilities(
            fields="one_by_one", followers=True, comments=True, notes=("it forgets everything with the process",)
        )
        self._requests_before = world.requests
        self._made: dict[str, MemoryItem] = {}

    @property
    def requests(self) -> int:
        """How many requests were sent; only one handle at a time may be counted."""
        return self.world.requests - self._requests_before

    def normal_body(self, body: str) -> str:
        """Bodies are kept as they are."""
        return body

    def identity(self) -> BoardIdentity:
        """Which board this is."""
        self.world.read()
        return self.world.identity

    def snapshot(self) -> Snapshot:
        """Everything on the board, or less when the world is cut."""
        self.world.read()
        remotes = tuple(map(self._shown, self.world.items.values()))
        shown = self.world.shown
        return Snapshot(
            board=self.world.identity,
            taken_at=self.world.now(),
            remotes=remotes[:shown],
            complete=shown is None,
            incomplete_because="" if shown is None else f"only {shown} items were shown",
            lists=tuple(self.world.lists),
            labels=tuple(self.world.labels),
            members=tuple(self.world.members),
            limits=self.world.limits(),
            fields=tuple(self._fields()),
        )

    def newest(self) -> Sequence[Remote]:
        """The last 100 items, newest first."""
        self.world.read()
        return [self._shown(it) for it in sorted(self.world.items.values(), key=lambda it: it.id, reverse=True)[:100]]

    def read(self, id: str) -> Remote | None:  # noqa: A002  the protocol's name
        """One item; None when it is gone."""
        self.world.read()
        item = self.world.items.get(id)
        return self._shown(item) if item else None

    def _fields(self) -> Sequence[CustomField]:
        return () if self.capabilities.fields == "none" else told_apart(self.world.fields)

    def _shown(self, item: MemoryItem) -> Remote:
        return item.remote(self._fields())

    def merge(self, patch: Patch) -> Remote:
        """One call for the item, and one before it for each missing list or label."""
        self._refuse_what_is_too_long(patch)
        if name := patch.fields.get("list"):
            self._ensure(self.world.lists, name)
        if patch.id is not None:
            return self._change(patch.id, patch)
        for name in patch.fields.get("labels", ()):
            self._ensure(self.world.labels, name)
        return self.world.write(lambda: self._add(patch))

    def _add(self, patch: Patch) -> Remote:
        if self.capabilities.unique and patch.unique in self.world.trash:
            raise AlreadyThere("an item of this name lies in the trash.", id=None)
        if self.capabilities.unique and patch.unique:
            for item in self.world.items.values():
                if item.unique == patch.unique:
                    raise AlreadyThere("there is an item of this name.", id=item.id)
        item = self._new(patch)
        above = self._made.get(item.list) if self.capabilities.new_items == "top" else None
        self._made[item.list] = self.world.add(item, above=above)
        return self._shown(item)

    def merge_children(self, remote: Remote, children: Children) -> None:
        """One call for each label, line, custom field and comment that is not yet so."""
        item = self._item(remote.id)
        for name in children.add_labels:
            self._add_label(item, name)
        for name in children.remove_labels:
            self._remove_label(item, name)
        for text in children.add_checks:
            self._add_check(item, text)
        for text in children.remove_checks:
            self._remove_check(item, text)
        if self.capabilities.fields == "one_by_one":
            for name, value in children.set_fields.items():
                self._set_field(item, name, value)
        if children.comment and self.capabilities.comments:
            self._say(item, children.comment)

    # -- one call each ------------------------------------------------------------------------------

    def _ensure(self, names: list[str], name: str) -> None:
        if name not in names:
            self.world.write(lambda: names.append(name))

    def _new(self, patch: Patch) -> MemoryItem:
        labels = list(dict.fromkeys(patch.fields.get("labels", ())))
        item = MemoryItem(self.world.new_id(), "", labels=labels, unique=patch.unique)
        self._apply(item, patch)
        return item

    def _change(self, id_: str, patch: Patch) -> Remote:
        item = self._item(id_)

        def effect() -> Remote:
            self._apply(item, patch)
            return self._shown(item)

        if self.capabilities.archive == "flag" or "archived" not in patch.fields:
            return self.world.write(effect)
        return self._put_away(item, patch)

    def _put_away(self, item: MemoryItem, patch: Patch) -> Remote:
        fields = patch.fields.copy()
        away = fields.pop("archived")
        fields.pop("list", None)  # it is known where the item came from
        fields["done"] = fields.get("done", away)
        calls = [
            lambda: self._apply(item, replace(patch, fields=fields)),
            lambda: setattr(item, "archived", away),
        ]
        for call in calls if away else reversed(calls):
            self.world.write(call)
        return self._shown(item)

    def _apply(self, item: MemoryItem, patch: Patch) -> None:
        item.text = plant(patch.body, patch.marker)
        for name, value in patch.fields.items():
            if name in {"title", "due", "start", "done", "archived", "list"}:
                setattr(item, name, value)
        if assignee := patch.fields.get("assignee"):
            item.assignees = [*item.assignees, assignee]
        if self.capabilities.followers:
            item.followers = [*item.followers, *patch.fields.get("followers", ())]
        if self.capabilities.fields == "with_item":
            for name, value in patch.fields.get("fields", {}).items():
                item.values[self._field(name)] = value

    def _add_label(self, item: MemoryItem, name: str) -> None:
        if name not in item.labels:
            self._ensure(self.world.labels, name)
            self.world.write(lambda: item.labels.append(name))

    def _remove_label(self, item: MemoryItem, name: str) -> None:
        if name in item.labels:
            self.world.write(lambda: item.labels.remove(name))

    def _add_check(self, item: MemoryItem, text: str) -> None:
        if all(line.text != text for line in item.checklist):
            self.world.write(lambda: item.checklist.append(CheckItem(self.world.new_id(), text)))

    def _remove_check(self, item: MemoryItem, text: str) -> None:
        for line in [each for each in item.checklist if each.text == text and not each.done]:
            self.world.write(partial(item.checklist.remove, line))

    def _set_field(self, item: MemoryItem, name: str, value: str) -> None:
        id_ = self._field(name)
        if item.values.get(id_, "") != value:
            self.world.write(lambda: item.values.update({id_: value}))

    def _field(self, name: str) -> str:
        found = next((each.id for each in self._fields() if each.name == name), None)
        if found is None:
            raise RequestRefused(f"there is no custom field {name!r}.", status=400)
        return found

    def _say(self, item: MemoryItem, text: str) -> None:
        if text not in item.comments:
            self.world.write(lambda: item.comments.append(text))

    def _item(self, id_: str) -> MemoryItem:
        if id_ not in self.world.items:
            raise NotFound("it is gone.", status=404)
        return self.world.items[id_]

    def _refuse_what_is_too_long(self, patch: Patch) -> None:
        title, text = patch.fields.get("title", ""), plant(patch.body, patch.marker)
        if len(title) > self.capabilities.max_title or len(text) > self.capabilities.max_body:
            raise RequestRefused("it is longer than the board holds.", status=400)


class MemoryHand:
    """`Hand` for a `MemoryWorld`, with a few more ways to meddle for adversarial tests."""

    def __init__(self, world: MemoryWorld) -> None:
        self._world = world

    def add(self, title: str, list: str) -> str:  # noqa: A002
        """Makes an item without a marker."""
        if list not in self._world.lists:
            self._world.lists.append(list)
        return self._world.add(MemoryItem(self._world.new_id(), title, list=list)).id

    def edit(self, id: str, fields: Fields) -> None:  # noqa: A002
        """Changes fields; a new body keeps the marker's line."""
        item = self._world.items[id]
        for name, value in fields.items():
            if name == "body":
                _, marker = harvest(item.text)
                item.text = plant(str(value), marker) if marker else str(value)
            elif name == "fields":
                ids = {each.name: each.id for each in told_apart(self._world.fields)}
                item.values |= {ids[each]: text for each, text in fields.get("fields", {}).items()}
            else:
                setattr(item, name, value)

    def erase_marker(self, id: str) -> None:  # noqa: A002
        """Takes the marker off."""
        item = self._world.items[id]
        item.text, _ = harvest(item.text)

    def delete(self, id: str) -> None:  # noqa: A002
        """Removes an item for good; moving it to another board looks the same from here."""
        del self._world.items[id]

    def throw_away(self, id: str) -> None:  # noqa: A002
        """Puts an item into the trash, which nobody sees and which keeps its name."""
        self._world.trash.add(self._world.items.pop(id).unique)

    def copy(self, id: str) -> str:  # noqa: A002
        """Copies an item with everything that is on it, the marker too, as tools do; returns the copy's id."""
        item = self._world.items[id]
        twin = replace(
            item,
            unique="",
            id=self._world.new_id(),
            labels=[*item.labels],
            checklist=[replace(line, id=self._world.new_id()) for line in item.checklist],
            assignees=[*item.assignees],
            followers=[*item.followers],
            comments=[],
            values={**item.values},
        )
        return self._world.add(twin).id

    def rename_list(self, name: str, to: str) -> None:
        """Gives a list another name."""
        self._world.lists[self._world.lists.index(name)] = to
        for item in self._world.items.values():
            item.list = to if item.list == name else item.list

    def remove_list(self, name: str) -> None:
        """Takes a list away, and archives what is on it."""
        self._world.lists.remove(name)
        for item in self._world.items.values():
            item.archived |= item.list == name

    def add_label(self, id: str, name: str) -> None:  # noqa: A002
        """Puts a label on."""
        if name not in self._world.labels:
            self._world.labels.append(name)
        labels = self._world.items[id].labels
        if name not in labels:
            labels.append(name)

    def remove_label(self, id: str, name: str) -> None:  # noqa: A002
        """Takes a label off, if it is there."""
        item = self._world.items[id]
        item.labels = [label for label in item.labels if label != name]

    def add_line(self, id: str, text: str, *, done: bool = False) -> None:  # noqa: A002
        """Adds a line to the checklist."""
        self._world.items[id].checklist.append(CheckItem(self._world.new_id(), text, done))

    def remove_line(self, id: str, text: str) -> None:  # noqa: A002
        """Removes a line of the checklist, ticked or not."""
        item = self._world.items[id]
        item.checklist = [line for line in item.checklist if line.text != text]

    def tick(self, id: str, text: str) -> None:  # noqa: A002
        """Ticks a line of the checklist."""
        item = self._world.items[id]
        item.checklist = [replace(line, done=line.done or line.text == text) for line in item.checklist]

    def assign(self, id: str, member: str) -> None:  # noqa: A002
        """Adds a member."""
        self._world.items[id].assignees.append(member)

    def add_field(self, name: str, kind: FieldKind, options: Sequence[str] = ()) -> None:
        """Gives the board a custom field."""
        self._world.fields.append(CustomField(self._world.new_id(), name, kind, tuple(options)))

    def comments(self, id: str) -> Sequence[str]:  # noqa: A002
        """What was said on an item."""
        return self._world.items[id].comments

    def raise_to_top(self, id: str) -> None:  # noqa: A002
        """Moves an item to the top of its list."""
        self._world.items[id].position = min(item.position for item in self._world.items.values()) - 1.0

    def order(self, list: str) -> Sequence[str]:  # noqa: A002
        """The ids of the open items of a list, from top to bottom."""
        there = [item for item in self._world.items.values() if item.list == list and not item.archived]
        return [item.id for item in sorted(there, key=lambda item: item.position)]


class MemoryLab:
    """The lab of the reference board; `board` is the class under test, so that a broken one can be put in."""

    member = "member-1"
    member_too = "member-2"

    def __init__(self, board: Callable[[MemoryWorld], Board] = MemoryBoard) -> None:
        self.clock = Clock()
        members = [Member("member-1", "kim", "Kim", "kim@example.org"), Member("member-2", "lee", "Lee")]
        self.world = MemoryWorld(self.clock.now, members)
        self.hand: Hand = MemoryHand(self.world)
        self._board = board

    def open(self) -> Board:
        """A new handle."""
        return self._board(self.world)

    def now(self) -> datetime:
        """The clock's time."""
        return self.clock.now()

    def sleep(self, seconds: float) -> None:
        """Moves the clock on."""
        self.clock.sleep(seconds)

    def replenish(self) -> None:
        """Disarms the world."""
        self.world.disarm()

    def fault(self, fault: Fault, skip: int = 0) -> None:
        """Arms the world."""
        self.world.arm(fault, skip)

    def shorten(self) -> None:
        """Cuts the world."""
        self.world.cut(1)

    def limit(self, most: int) -> bool:
        """Limits the world."""
        self.world.most = most
        return True

    def requests(self) -> int:
        """The world's count."""
        return self.world.requests

    def writes(self) -> int:
        """The world's count."""
        return self.world.writes

    def items(self) -> int:
        """The world's count."""
        return len(self.world.items)

    def lists(self) -> Sequence[str]:
        """The world's lists."""
        return self.world.lists

    def labels(self) -> Sequence[str]:
        """The world's labels."""
        return self.world.labels


@dataclass(slots=True)
class _MemoryFile:
    name: str
    table: Sequence[Sequence[str]]

    def digest(self) -> str:
        """Of all cells."""
        return digest(*(repr(tuple(row)) for row in self.table))

    @contextmanager
    def open(self) -> Iterator[Table]:
        """The first row is the header."""
        if not self.table:
            raise EmptySource("it has no rows.", where=self.name)
        yield Table(distinct(self.table[0]), 1, self._rows(), format="memory")

    def _rows(self) -> Iterator[Row]:
        width = len(self.table[0])
        for line, cells in enumerate(self.table[1:], start=2):
            if any(cell.strip() for cell in cells[width:]):
                yield Row(line, (), f"it has {len(cells)} cells under {width} headers.")
            elif any(cell.strip() for cell in cells):
                yield Row(line, [*cells[:width], *[""] * (width - len(cells))])


class MemorySource:
    """The `Source` protocol over rows in memory: file name → rows, the first of which is the header."""

    def __init__(self, files: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._files = files

    def files(self) -> Sequence[SourceFile]:
        """The files by name."""
        if not self._files:
            raise SourceError("there is no file.", remedy="Add one.")
        return [_MemoryFile(name, self._files[name]) for name in sorted(self._files)]


class MemorySourceLab:
    """The lab of `MemorySource`; `source` is the class under test."""

    def __init__(self, source: Callable[[Mapping[str, Sequence[Sequence[str]]]], Source] = MemorySource) -> None:
        self._source = source
        self._files: dict[str, Sequence[Sequence[str]]] = {}

    def open(self) -> Source:
        """A new source."""
        return self._source(self._files)

    def write(self, rows: Sequence[Sequence[str]]) -> None:
        """Two files, so that their order can be wrong: the one written, and an older one beside it."""
        self._files["rows"] = [list(row) for row in rows]

    def blank(self) -> None:
        """A file without rows."""
        self._files["rows"] = []

    def remove(self) -> None:
        """No file."""
        self._files.clear()

    def content(self) -> object:
        """All cells."""
        return {name: [list(row) for row in rows] for name, rows in self._files.items()}


class MemoryPublisher:
    """The `Publisher` protocol over a list of texts: the last one stands, the others show how often it was written."""

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts

    @property
    def requests(self) -> int:
        """None are needed."""
        return 0

    def publish(self, view: View) -> bool:
        """Writes the view unless it stands there already."""
        text = "\n".join(str(dict(row)) for row in view.rows)
        if self._texts and self._texts[-1] == text:
            return False
        self._texts.append(text)
        return True


class MemoryPublisherLab:
    """The lab of `MemoryPublisher`; `publisher` is the class under test."""

    view = "milestones"

    def __init__(self, publisher: Callable[[list[str]], Publisher] = MemoryPublisher) -> None:
        self._publisher = publisher
        self._texts: list[str] = []

    def open(self) -> Publisher:
        """A new publisher."""
        return self._publisher(self._texts)

    def published(self) -> str:
        """The last text."""
        return self._texts[-1] if self._texts else ""

    def writes(self) -> int:
        """The number of texts."""
        return len(self._texts)
