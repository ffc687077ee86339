"""The contract of `Board` as checks, and the lab that they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from mi_sync.connector import Board, plant
from mi_sync.errors import (
    AlreadyThere,
    BudgetReached,
    MiSyncError,
    NotAuthorised,
    OutcomeUnknown,
    RequestRefused,
)
from mi_sync.model import Children, FieldKind, Fields, Item, Patch, Remote
from mi_sync.testing.suite import Fault, expect, failures, named, raises, report, same


class Hand(Protocol):
    """A person at the board, who does not go through the connector under test.

    Where the tool has no such thing, as a label, there is nothing to do.
    """

    def add(self, title: str, list: str) -> str:  # noqa: A002  as the field is called
        """Makes an item without a marker, and its list when it is missing; returns its id."""
        ...

    def edit(self, id: str, fields: Fields) -> None:  # noqa: A002
        """Changes title, body, due, start, done, archived, list or custom fields; a new body keeps the marker's line.

        Custom fields are named and written as in `model.CustomField`; an empty text clears one.
        """
        ...

    def erase_marker(self, id: str) -> None:  # noqa: A002
        """Takes the marker off and leaves the body."""
        ...

    def delete(self, id: str) -> None:  # noqa: A002
        """Removes an item for good."""
        ...

    def copy(self, id: str) -> str:  # noqa: A002
        """Copies an item as the tool does, with the marker if the tool copies that; returns the copy's id."""
        ...

    def rename_list(self, name: str, to: str) -> None:
        """Gives a list another name."""
        ...

    def remove_list(self, name: str) -> None:
        """Takes a list away as people of this tool do, with or without what is on it."""
        ...

    def add_label(self, id: str, name: str) -> None:  # noqa: A002
        """Puts a label on, and makes it when it is missing."""
        ...

    def add_line(self, id: str, text: str, *, done: bool = False) -> None:  # noqa: A002
        """Adds a line to the checklist that the connector keeps."""
        ...

    def tick(self, id: str, text: str) -> None:  # noqa: A002
        """Ticks a line of the checklist."""
        ...

    def assign(self, id: str, member: str) -> None:  # noqa: A002
        """Adds a member, by id."""
        ...

    def add_field(self, name: str, kind: FieldKind, options: Sequence[str] = ()) -> None:
        """Gives the board a custom field of this kind, a choice with these options."""
        ...

    def comments(self, id: str) -> Sequence[str]:  # noqa: A002
        """What was said on an item, as plain text, the oldest first."""
        ...

    def raise_to_top(self, id: str) -> None:  # noqa: A002
        """Moves an item to the top of its list."""
        ...

    def order(self, list: str) -> Sequence[str]:  # noqa: A002
        """The ids of the open items of a list, from top to bottom."""
        ...


class BoardLab(Protocol):
    """A board connector, aimed at an empty board that can be looked at and meddled with behind its back.

    Attributes:
        hand: a person at the same board.
        member: the id of somebody who can be assigned.
        member_too: the id of somebody else.
    """

    hand: Hand
    member: str
    member_too: str

    def open(self) -> Board:
        """A new handle on the board, which knows nothing of earlier ones."""
        ...

    def now(self) -> datetime:
        """The time that the connector believes it is."""
        ...

    def sleep(self, seconds: float) -> None:
        """Moves that time on."""
        ...

    def replenish(self) -> None:
        """Ends a fault of the kind `BUDGET`: there is a budget again, as in another run."""
        ...

    def fault(self, fault: Fault, skip: int = 0) -> None:
        """Lets the next writing request, after `skip` others, meet this fault; `LATE` is never asked for."""
        ...

    def shorten(self) -> None:
        """Lets the following reads of the whole board fall short, in any way that the tool is known for."""
        ...

    def limit(self, most: int) -> bool:
        """From now on the board holds at most so many open items; False where the tool tells no such limit."""
        ...

    def requests(self) -> int:
        """How many requests the connector sent so far, counted outside of it."""
        ...

    def writes(self) -> int:
        """How many of them were writing ones."""
        ...

    def items(self) -> int:
        """How many items the board holds, archived ones included, counted without the connector."""
        ...

    def lists(self) -> Sequence[str]:
        """The names of its lists, with repetitions, seen without the connector."""
        ...

    def labels(self) -> Sequence[str]:
        """The names of its labels, with repetitions, seen without the connector."""
        ...


_LIST = "To do"
_BODY = "First line\n\n- a point\n- **another** point, with a [link](https://example.org/a?b=c)"
_MARKS = "A *b* **c** ***d*** ~~e~~ `f < g` & h <i> &amp; \\*j\\*"
_BODIES = (
    "One line",
    _MARKS,
    "# One\n\n## Two\n\ntext\non two lines\n\n> quoted\n\n---\n\nend",
    "1. one\n2. two\n   - nested\n\n- three\n\n\n\nafter blank lines",
    "```\ncode = [1, 2]\n\nmore\n```\n\n<https://example.org/a?b=c&d=e> and https://example.org",
    "Żółć, 日本語, 🎓 and a tab:\tend",
)
"""Bodies that a board's own format may hold otherwise."""
_DUE = datetime(2026, 3, 20, 22, 30, tzinfo=UTC)
_DUE_TOO = datetime(2026, 4, 1, 15, 0, tzinfo=UTC)
_START = date(2026, 3, 16)
_START_TOO = date(2026, 3, 18)


def _token(number: int) -> str:
    """A marker in the form of a real one; to a connector it is just a token."""
    digests = ".".join(f"{name}{number}aaaaaaa" for name in "tbdslc")
    return f"1.suite234.key{number}abcdefgh.nonce{number}.o.{digests}"


def _patch(number: int = 1, id_: str | None = None, body: str = _BODY, fields: Fields | None = None) -> Patch:
    """A creation with title, body and list, or a change of just these fields."""
    given: Fields = {} if fields is None else fields
    unique = f"suite234.key{number}" if id_ is None else ""
    if id_ is None:
        made: Fields = {"title": f"Item {number}", "body": body, "list": _LIST}
        given = {**made, **given}
    return Patch(id_, _token(number), given.get("body", body), given, unique)


def _made(board: Board, number: int = 1, fields: Fields | None = None) -> Remote:
    return board.merge(_patch(number, fields=fields))


def _read(lab: BoardLab, id_: str) -> Remote:
    """The item through a new handle, so that nothing that a handle remembers can pass for the board."""
    remote = lab.open().read(id_)
    if remote is None:
        raise AssertionError(f"read({id_!r}) is None, although the item is there")
    return remote


def _lacks(lab: BoardLab, claim: str) -> bool:
    """Whether the board says that it has none of something, so that the check has nothing to look at."""
    return not getattr(lab.open().capabilities, claim)


def _day(remote: Remote) -> date | None:
    return remote.due.date() if isinstance(remote.due, datetime) else remote.due


def _texts(remote: Remote) -> list[str]:
    return [line.text for line in remote.checklist]


BoardCheck = Callable[[BoardLab], None]


def identity_is_one_cheap_read(lab: BoardLab) -> None:
    """`identity` names the board by one request; every handle and every snapshot names the same."""
    board = lab.open()
    before = lab.requests()
    identity = board.identity()
    same(lab.requests() - before, 1, "requests of identity()")
    expect(identity.id and identity.url, "identity() has an id and a URL")
    same(lab.open().snapshot().board.id, identity.id, "the snapshot's board")


def requests_are_counted(lab: BoardLab) -> None:
    """`requests` tells how many requests were sent so far, reads and writes."""
    before = lab.requests()
    board = lab.open()
    board.identity()
    board.snapshot()
    _made(board)
    same(board.requests, lab.requests() - before, "requests")


def snapshot_holds_everything(lab: BoardLab) -> None:
    """A snapshot holds all items, also a person's, with lists, labels and members, and the time of the read."""
    board, able = lab.open(), lab.open().capabilities
    ours, theirs = _made(board).id, lab.hand.add("A person's", "Ideas")
    lab.hand.add_label(theirs, "private")
    snapshot = lab.open().snapshot()
    expect(snapshot.complete, f"a full read says complete: {snapshot.incomplete_because}")
    same({r.id for r in snapshot.remotes}, {ours, theirs}, "the ids in the snapshot")
    expect({_LIST, "Ideas"} <= set(snapshot.lists), "the snapshot tells the lists")
    expect("private" in snapshot.labels or not able.labels, "the snapshot tells the labels")
    expect(lab.member in {m.id for m in snapshot.members} or not able.assignees, "the snapshot tells the members")
    expect(abs(snapshot.taken_at - lab.now()) < timedelta(minutes=5), "taken_at is the time of the read")


def short_snapshot_says_so(lab: BoardLab) -> None:
    """A snapshot in which items may be missing says `complete=False` and why, or the read fails."""
    board = lab.open()
    made = {_made(board, number).id for number in range(1, 6)}
    lab.shorten()
    try:
        snapshot = lab.open().snapshot()
    except MiSyncError:
        return
    whole = {r.id for r in snapshot.remotes} == made
    expect(whole or not snapshot.complete, "a snapshot without all the items claims to be complete")
    expect(snapshot.complete or snapshot.incomplete_because, "an incomplete snapshot says why")


def read_is_as_the_snapshot(lab: BoardLab) -> None:
    """`read` and `snapshot` show one item alike, or each plan would look stale."""
    board = lab.open()
    made = _made(board, fields={"due": _DUE, "start": _START, "labels": ("one", "two"), "assignee": lab.member})
    board.merge_children(made, Children(add_checks=("first", "second")))
    shown = next((r for r in lab.open().snapshot().remotes if r.id == made.id), None)
    same(shown, _read(lab, made.id), "the item in the snapshot")


def read_knows_what_is_gone(lab: BoardLab) -> None:
    """`read` is None for an item that is gone for good."""
    board = lab.open()
    made, other = _made(board, 1), _made(board, 2)
    lab.hand.delete(made.id)
    same(lab.open().read(made.id), None, "read() of a deleted item")
    same(_read(lab, other.id).id, other.id, "read() of another one")


def newest_come_first(lab: BoardLab) -> None:
    """`newest` shows at least the last 100 items, newest first, archived ones too."""
    board = lab.open()
    made = [_made(board, 1).id]
    made += [lab.hand.add(f"Number {number}", _LIST) for number in range(98)]
    made.append(_made(board, 2).id)
    lab.hand.edit(made[-1], {"archived": True})
    newest = lab.open().newest()
    same([r.id for r in newest[:100]], made[::-1], "the ids of newest()")


def newest_is_never_stale(lab: BoardLab) -> None:
    """`newest` is read now: it shows what another handle made a moment ago, with its marker."""
    board = lab.open()
    board.newest()
    made = _made(lab.open())
    found = next((r for r in board.newest() if r.id == made.id), None)
    same(found, _read(lab, made.id), "the item in newest()")


def creation_carries_the_marker(lab: BoardLab) -> None:
    """The marker is inside the creating request: an item whose creation lost its answer can be found by it."""
    board = lab.open()
    _made(board, 1)
    lab.fault(Fault.LOST_AFTER)
    raises(OutcomeUnknown, lambda: _made(board, 2), "a creation without an answer")
    markers = [r.marker for r in lab.open().newest()]
    same(markers.count(_token(2)), 1, "items with the marker")


def creation_is_one_call(lab: BoardLab) -> None:
    """A creation is one writing call, whatever it sets; the marker and its fields are there at once."""
    board = lab.open()
    _made(board, 1, {"labels": ("one",)})
    before = lab.writes()
    _made(board, 2, {"labels": ("one",), "due": _DUE, "start": _START, "done": True, "assignee": lab.member})
    same(lab.writes() - before, 1, "writing calls for an item on a list that exists")


def creation_tells_id_and_url(lab: BoardLab) -> None:
    """The result of `merge` tells `id` and `url`, for a creation and for a change."""
    board = lab.open()
    made = _made(board)
    seen = _read(lab, made.id)
    changed = board.merge(_patch(id_=made.id, fields={"title": "Other"}))
    expect(seen.url, "an item has a URL")
    same((made.id, made.url), (seen.id, seen.url), "what the creation tells")
    same((changed.id, changed.url), (seen.id, seen.url), "what the change tells")


def creation_reads_back(lab: BoardLab) -> None:
    """Title, body, due date, done and list of a new item are read back as they were written, the body unmarked."""
    made = _made(lab.open(), fields={"due": _DUE, "done": True})
    seen = _read(lab, made.id)
    same(seen.title, "Item 1", "title")
    same(seen.body, lab.open().normal_body(_BODY), "body")
    same(_day(seen), _DUE.date(), "due date (UTC)")
    same((seen.done, seen.archived, seen.list), (True, False, _LIST), "done, archived and list")


def bodies_read_back_in_normal_form(lab: BoardLab) -> None:
    """What `normal_body` says of a body is what is read back, and is normal itself, whatever Markdown it holds."""
    board = lab.open()
    for number, body in enumerate(_BODIES):
        normal = board.normal_body(body)
        same(board.normal_body(normal), normal, "the normal form of a normal form")
        made = board.merge(_patch(number, body=body))
        same(_read(lab, made.id).body, normal, f"body number {number}")


def changes_read_back(lab: BoardLab) -> None:
    """A change of title, body, due or done is read back."""
    board = lab.open()
    made = _made(board, fields={"due": _DUE})
    board.merge(_patch(2, made.id, fields={"title": "Other", "body": "New", "due": _DUE_TOO, "done": True}))
    seen = _read(lab, made.id)
    same((seen.title, seen.body, seen.done), ("Other", "New", True), "title, body and done")
    same(_day(seen), _DUE_TOO.date(), "due date (UTC)")


def changes_can_clear(lab: BoardLab) -> None:
    """None clears the due date, and an empty text the body; the marker stays."""
    board = lab.open()
    made = _made(board, fields={"due": _DUE})
    board.merge(_patch(2, made.id, fields={"due": None, "body": ""}))
    seen = _read(lab, made.id)
    same((seen.due, seen.body, seen.marker), (None, "", _token(2)), "due, body and marker")


def changes_are_one_call(lab: BoardLab) -> None:
    """A change of several fields and of the marker is one writing call."""
    board = lab.open()
    made = _made(board)
    before = lab.writes()
    board.merge(_patch(2, made.id, fields={"title": "Other", "due": _DUE, "done": True}))
    same(lab.writes() - before, 1, "writing calls")


def marker_follows_changes(lab: BoardLab) -> None:
    """Every change plants its marker, once, also where a person had removed it, and leaves the body as given."""
    board = lab.open()
    made, body = _made(board), board.normal_body(_BODY)
    board.merge(_patch(2, made.id, body, {"title": "Second"}))
    same((_read(lab, made.id).body, _read(lab, made.id).marker), (body, _token(2)), "body and marker")
    lab.hand.erase_marker(made.id)
    board.merge(_patch(3, made.id, body, {"title": "Third"}))
    same((_read(lab, made.id).body, _read(lab, made.id).marker), (body, _token(3)), "body and marker")


def bodies_belong_to_people(lab: BoardLab) -> None:
    """A change without `body` leaves a person's body as it was read, whatever our normal form would make of it."""
    made = _made(lab.open())
    lab.hand.edit(made.id, {"body": _MARKS})
    board, body = lab.open(), _read(lab, made.id).body
    board.merge(_patch(2, made.id, body, {"title": "Other"}))
    same((_read(lab, made.id).body, _read(lab, made.id).marker), (body, _token(2)), "body and marker")


def unmarked_items_have_no_marker(lab: BoardLab) -> None:
    """A person's item has no marker, and reading never gives it one."""
    theirs = lab.hand.add("A person's", _LIST)
    lab.open().snapshot()
    same(_read(lab, theirs).marker, None, "the marker of a person's item")


def foreign_markers_are_told(lab: BoardLab) -> None:
    """A marker is a token like any other: what was planted is harvested, whoever planted it."""
    token = "9.another.programme.with-other-parts.x"  # noqa: S105  no secret: the mark of a stranger
    made = lab.open().merge(Patch(None, token, "text", {"title": "Foreign", "body": "text", "list": _LIST}))
    same(_read(lab, made.id).marker, token, "the marker")


def archived_items_are_shown(lab: BoardLab) -> None:
    """Archiving keeps the item: the snapshot shows it as archived, with its marker; it can come back."""
    board = lab.open()
    made = _made(board)
    board.merge(_patch(2, made.id, fields={"archived": True}))
    shown = {r.id: (r.archived, r.marker) for r in lab.open().snapshot().remotes}
    same(shown, {made.id: (True, _token(2))}, "archived and marker of the items in the snapshot")
    board.merge(_patch(3, made.id, fields={"archived": False}))
    same(_read(lab, made.id).archived, False, "archived, once revived")


def only_given_fields_are_written(lab: BoardLab) -> None:
    """A change writes nothing that it was not given: what a person changed meanwhile survives."""
    board = lab.open()
    made = _made(board, fields={"due": _DUE})
    lab.hand.edit(made.id, {"title": "A person's", "due": _DUE_TOO})
    board.merge(_patch(2, made.id, fields={"done": True}))
    seen = _read(lab, made.id)
    same((seen.title, seen.done), ("A person's", True), "title and done")
    same(_day(seen), _DUE_TOO.date(), "due date (UTC)")


def done_belongs_to_people(lab: BoardLab) -> None:
    """A change without `done` or `archived` leaves both as a person set them."""
    board = lab.open()
    made = _made(board)
    lab.hand.edit(made.id, {"done": True, "archived": True})
    board.merge(_patch(2, made.id, fields={"title": "Other"}))
    seen = _read(lab, made.id)
    same((seen.title, seen.done, seen.archived), ("Other", True, True), "title, done and archived")


def list_and_position_belong_to_people(lab: BoardLab) -> None:
    """A change without `list` leaves the item on the list and at the place where a person put it."""
    board = lab.open()
    first, second = _made(board, 1), _made(board, 2)
    lab.hand.add("A person's", "Doing")
    for made in (first, second):
        lab.hand.edit(made.id, {"list": "Doing"})
    lab.hand.raise_to_top(second.id)
    before = list(lab.hand.order("Doing"))
    board.merge(_patch(2, second.id, fields={"title": "Other"}))
    board.merge(_patch(1, first.id, fields={"title": "Other", "due": _DUE}))
    same(list(lab.hand.order("Doing")), before, "the order of the list")


def sets_survive_changes(lab: BoardLab) -> None:
    """A change of fields leaves labels, checklist and members alone, whoever added them."""
    board = lab.open()
    made = _made(board, fields={"labels": ("ours",), "assignee": lab.member})
    board.merge_children(made, Children(add_checks=("ours",)))
    lab.hand.add_label(made.id, "theirs")
    lab.hand.add_line(made.id, "theirs", done=True)
    lab.hand.assign(made.id, lab.member_too)
    before = _read(lab, made.id)
    board.merge(_patch(2, made.id, fields={"title": "Other"}))
    after = _read(lab, made.id)
    for name in (name for name in ("labels", "checklist", "assignees") if getattr(board.capabilities, name)):
        same(sorted(map(str, getattr(after, name))), sorted(map(str, getattr(before, name))), name)


def missing_lists_are_made_once(lab: BoardLab) -> None:
    """A missing list is made by a call of its own and found by its exact name from then on."""
    if _lacks(lab, "create_lists"):
        return
    board = lab.open()
    before = lab.writes()
    made = [
        _made(board, 1, {"list": "Week 1"}),
        _made(board, 2, {"list": "Week 1"}),
        _made(board, 3, {"list": "week 1"}),
    ]
    same(lab.writes() - before, 5, "writing calls for three items on two missing lists")
    same([_read(lab, m.id).list for m in made], ["Week 1", "Week 1", "week 1"], "the lists")
    _made(lab.open(), 4, {"list": "Week 1"})
    same([list(lab.lists()).count(name) for name in ("Week 1", "week 1")], [1, 1], "lists of each name")


def missing_labels_are_made_once(lab: BoardLab) -> None:
    """A missing label is made by a call of its own and found by its exact name from then on, also for children."""
    if _lacks(lab, "labels"):
        return
    board = lab.open()
    made = _made(board, 1, {"labels": ("Check-in", "check-in")})
    _made(board, 2, {"labels": ("Check-in",)})
    board.merge_children(made, Children(add_labels=("later",)))
    _made(lab.open(), 3, {"labels": ("later",)})
    same(set(_read(lab, made.id).labels), {"Check-in", "check-in", "later"}, "labels")
    same(
        [list(lab.labels()).count(name) for name in ("Check-in", "check-in", "later")], [1, 1, 1], "labels of each name"
    )


def children_are_added(lab: BoardLab) -> None:
    """Labels and lines are added to what is there, one by one, lines in their order and unticked."""
    board, able = lab.open(), lab.open().capabilities
    made = _made(board, fields={"labels": ("one",)})
    board.merge_children(made, Children(add_labels=("two", "three"), add_checks=("first", "second")))
    seen = _read(lab, made.id)
    same(set(seen.labels), {"one", "two", "three"} if able.labels else set(), "labels")
    lines = [("first", False), ("second", False)] if able.checklist else []
    same([(line.text, line.done) for line in seen.checklist], lines, "lines")


def children_are_removed(lab: BoardLab) -> None:
    """Labels and lines are removed by exact name; all the others stay."""
    board, able = lab.open(), lab.open().capabilities
    made = _made(board, fields={"labels": ("one", "One", "two")})
    board.merge_children(made, Children(add_checks=("first", "First", "second")))
    board.merge_children(_read(lab, made.id), Children(remove_labels=("one",), remove_checks=("first",)))
    seen = _read(lab, made.id)
    same(set(seen.labels), {"One", "two"} if able.labels else set(), "labels")
    same(_texts(seen), ["First", "second"] if able.checklist else [], "lines")


def ticked_lines_stay(lab: BoardLab) -> None:
    """Only unticked lines are removed, and a line stays ticked."""
    if _lacks(lab, "checklist"):
        return
    board = lab.open()
    made = _made(board)
    board.merge_children(made, Children(add_checks=("done", "open")))
    lab.hand.tick(made.id, "done")
    board.merge_children(_read(lab, made.id), Children(add_checks=("done",), remove_checks=("done", "open")))
    same([(line.text, line.done) for line in _read(lab, made.id).checklist], [("done", True)], "lines")


def children_can_be_repeated(lab: BoardLab) -> None:
    """`merge_children` skips what is already so: repeated on what is there, it writes nothing."""
    board = lab.open()
    made = _made(board, fields={"labels": ("one", "old")})
    children = Children(add_labels=("two",), remove_labels=("old",), add_checks=("first",), remove_checks=("none",))
    board.merge_children(made, children)
    before = lab.writes()
    lab.open().merge_children(_read(lab, made.id), children)
    same(lab.writes() - before, 0, "writing calls of the repetition")


def children_survive_lost_answers(lab: BoardLab) -> None:
    """After a lost answer, `merge_children` either goes on or says that nobody knows; repeated, each is there once."""
    able = lab.open().capabilities
    children = Children(add_labels=("one", "two"), add_checks=("first", "second"))
    writes = 2 * able.labels + 2 * able.checklist
    for number, fault in enumerate((Fault.LOST_BEFORE, Fault.LOST_AFTER), start=1):
        for skip in range(writes):
            board = lab.open()
            made = _made(board, number * 10 + skip, {"labels": ("zero",)})
            board.merge_children(made, Children(add_labels=("one", "two"), add_checks=("zeroth",)))
            board.merge_children(_read(lab, made.id), Children(remove_labels=("one", "two")))
            lab.fault(fault, skip)
            _tolerating_unknown(board, _read(lab, made.id), children)
            lab.open().merge_children(_read(lab, made.id), children)
            seen = _read(lab, made.id)
            labels = ["one", "two", "zero"] if able.labels else []
            same(sorted(seen.labels), labels, f"labels ({fault.name}, {skip})")
            lines = ["zeroth", "first", "second"] if able.checklist else []
            same(_texts(seen), lines, f"lines ({fault.name}, {skip})")


def _tolerating_unknown(board: Board, remote: Remote, children: Children) -> None:
    try:
        board.merge_children(remote, children)
    except OutcomeUnknown:
        return
    except MiSyncError as error:
        raise AssertionError(f"a lost answer became {type(error).__name__}: {error}") from error


def lost_creation_is_unknown(lab: BoardLab) -> None:
    """A creation that never arrived and brought no answer is `OutcomeUnknown`, and is not repeated."""
    board = lab.open()
    _made(board, 1)
    before, writes = lab.items(), lab.writes()
    lab.fault(Fault.LOST_BEFORE)
    raises(OutcomeUnknown, lambda: _made(board, 2), "a creation without an answer")
    same(lab.items(), before, "items")
    expect(lab.writes() - writes <= 1, "a creation without an answer was sent again")


def unanswered_creation_is_not_repeated(lab: BoardLab) -> None:
    """A creation that took effect and whose answer was lost is `OutcomeUnknown`, and makes one item."""
    board = lab.open()
    _made(board, 1)
    before = lab.items()
    lab.fault(Fault.LOST_AFTER)
    raises(OutcomeUnknown, lambda: _made(board, 2), "a creation without an answer")
    same(lab.items(), before + 1, "items")


def unknown_changes_are_not_invented(lab: BoardLab) -> None:
    """A change without an answer may be repeated, because it says the same twice; what `merge` then tells is true."""
    board = lab.open()
    made = _made(board)
    for number, fault in enumerate((Fault.LOST_BEFORE, Fault.LOST_AFTER), start=2):
        title = f"After fault {number}"
        lab.fault(fault)
        try:
            board.merge(_patch(number, made.id, fields={"title": title}))
        except OutcomeUnknown:
            continue
        except MiSyncError as error:
            raise AssertionError(f"a lost answer became {type(error).__name__}: {error}") from error
        same(_read(lab, made.id).title, title, "the title after a change that is told to be done")


def refused_means_nothing_happened(lab: BoardLab) -> None:
    """A refusal is `RequestRefused`, and nothing happened."""
    board = lab.open()
    made = _made(board, 1)
    before = lab.items()
    lab.fault(Fault.REFUSED)
    raises(RequestRefused, lambda: _made(board, 2), "a refused creation")
    lab.fault(Fault.REFUSED)
    raises(RequestRefused, lambda: board.merge(_patch(3, made.id, fields={"title": "No"})), "a refused change")
    same((lab.items(), _read(lab, made.id).title), (before, "Item 1"), "items, and the title")


def changes_of_what_is_gone_are_refused(lab: BoardLab) -> None:
    """A change of an item that is gone is `RequestRefused`, and makes no other one."""
    board = lab.open()
    made = _made(board)
    lab.hand.delete(made.id)
    before = lab.items()
    raises(RequestRefused, lambda: board.merge(_patch(2, made.id, fields={"title": "No"})), "a change of nothing")
    same(lab.items(), before, "items")


def budget_stops_before_sending(lab: BoardLab) -> None:
    """`BudgetReached` comes instead of the request: nothing was sent."""
    board = lab.open()
    _made(board, 1)
    before = lab.writes()
    lab.fault(Fault.BUDGET)
    raises(BudgetReached, lambda: _made(board, 2), "a creation beyond the budget")
    same(lab.writes() - before, 0, "writing calls beyond the budget")


def lost_rights_are_told(lab: BoardLab) -> None:
    """Credentials that no longer suffice are `NotAuthorised`."""
    board = lab.open()
    _made(board, 1)
    lab.fault(Fault.UNAUTHORISED)
    raises(NotAuthorised, lambda: _made(board, 2), "a creation without rights")


def limits_are_told_and_kept(lab: BoardLab) -> None:
    """A snapshot tells the limit of open items and how many there are; a creation beyond it is `RequestRefused`."""
    board = lab.open()
    _made(board, 1)
    if not lab.limit(2):
        return
    told = [each for each in lab.open().snapshot().limits if (each.counts, each.per) == ("open items", "board")]
    same([(each.most, each.room()) for each in told], [(2, 1)], "the limit of open items, and the room that is left")
    _made(board, 2)
    raises(RequestRefused, lambda: _made(board, 3), "a creation on a full board")
    same(lab.items(), 2, "items")


def custom_fields_belong_to_people(lab: BoardLab) -> None:
    """A change that does not name a custom field leaves it as a person filled it, with whatever else it changes."""
    if lab.open().capabilities.fields == "none":
        return
    lab.hand.add_field("Intern", "text")
    lab.hand.add_field("Theirs", "text")
    made = _made(lab.open())
    lab.hand.edit(made.id, {"fields": {"Theirs": "A person's"}})
    board = lab.open()
    board.snapshot()
    board.merge(_patch(2, made.id, fields={"title": "Other"}))
    _fill(board, 3, _read(lab, made.id), {"Intern": "AL"})
    same(dict(_read(lab, made.id).fields), {"Intern": "AL", "Theirs": "A person's"}, "custom fields")


def custom_fields_are_set_once(lab: BoardLab) -> None:
    """Custom fields that are written one by one skip what is already so, and are right after any lost answer."""
    if lab.open().capabilities.fields != "one_by_one":
        return
    lab.hand.add_field("Intern", "text")
    lab.hand.add_field("Hours", "number")
    made, wanted = _made(lab.open()), {"Intern": "AL", "Hours": "12"}
    lab.open().merge_children(_read(lab, made.id), Children(set_fields=wanted))
    before = lab.writes()
    lab.open().merge_children(_read(lab, made.id), Children(set_fields=wanted))
    same(lab.writes() - before, 0, "writing calls of the repetition")
    for number, fault in enumerate((Fault.LOST_BEFORE, Fault.LOST_AFTER), start=1):
        for skip in range(2):
            wanted = {"Intern": f"{number}{skip}", "Hours": f"{number}{skip}"}
            lab.fault(fault, skip)
            children = Children(set_fields=wanted)
            _tolerating_unknown(lab.open(), _read(lab, made.id), children)
            lab.open().merge_children(_read(lab, made.id), children)
            same(dict(_read(lab, made.id).fields), wanted, f"custom fields ({fault.name}, {skip})")


def comments_are_said_once(lab: BoardLab) -> None:
    """After a lost answer, and when it is asked for again, a comment is there once, beside those of people."""
    if _lacks(lab, "comments"):
        return
    for number, fault in enumerate((Fault.LOST_BEFORE, Fault.LOST_AFTER), start=1):
        board = lab.open()
        made, children = _made(board, number), Children(comment=f"Welcome, number {number}")
        lab.fault(fault)
        _tolerating_unknown(board, made, children)
        for _ in range(2):
            lab.open().merge_children(_read(lab, made.id), children)
        same(list(lab.hand.comments(made.id)), [children.comment], f"comments ({fault.name})")


# -- what capabilities claim ---------------------------------------------------------------------------


def start_is_as_claimed(lab: BoardLab) -> None:
    """`start` True: a start date is created, changed, left alone and cleared; False: it is never shown."""
    board = lab.open()
    made = _made(board, fields={"start": _START, "due": _DUE})
    claimed = board.capabilities.start
    same(_read(lab, made.id).start, _START if claimed else None, "start")
    board.merge(_patch(2, made.id, fields={"start": _START_TOO}))
    board.merge(_patch(3, made.id, fields={"title": "Other"}))
    same(_read(lab, made.id).start, _START_TOO if claimed else None, "start, once changed")
    board.merge(_patch(4, made.id, fields={"start": None}))
    same(_read(lab, made.id).start, None, "start, once cleared")


def start_alone_is_as_claimed(lab: BoardLab) -> None:
    """`start_alone` True: a start date without a due date is read back; False: it is refused."""
    board = lab.open()
    if not board.capabilities.start:
        return
    if board.capabilities.start_alone:
        same(_read(lab, _made(board, fields={"start": _START}).id).start, _START, "start without a due date")
    else:
        raises(RequestRefused, lambda: _made(board, fields={"start": _START}), "a start date without a due date")


def start_after_due_is_as_claimed(lab: BoardLab) -> None:
    """`start_after_due` True: a start date after the due date is read back; False: it is refused."""
    board = lab.open()
    if not board.capabilities.start:
        return
    fields: Fields = {"start": _DUE_TOO.date(), "due": _DUE}
    if board.capabilities.start_after_due:
        same(_read(lab, _made(board, fields=fields).id).start, _DUE_TOO.date(), "start after the due date")
    else:
        raises(RequestRefused, lambda: _made(board, fields=fields), "a start date after the due date")


def labels_are_as_claimed(lab: BoardLab) -> None:
    """`labels` True: a new item has its labels; False: it has none."""
    board = lab.open()
    made = _made(board, fields={"labels": ("one", "two")})
    same(set(_read(lab, made.id).labels), {"one", "two"} if board.capabilities.labels else set(), "labels")


def checklists_are_as_claimed(lab: BoardLab) -> None:
    """`checklist` True: a first line can be added to an item that has none; False: it is never shown."""
    board = lab.open()
    made = _made(board)
    board.merge_children(made, Children(add_checks=("first",)))
    same(_texts(_read(lab, made.id)), ["first"] if board.capabilities.checklist else [], "lines")


def assignees_are_as_claimed(lab: BoardLab) -> None:
    """`assignees` above 0: a new item has its assignee; 0: it has none."""
    board = lab.open()
    made = _made(board, fields={"assignee": lab.member})
    same(_read(lab, made.id).assignees, (lab.member,) if board.capabilities.assignees else (), "assignees")


def due_time_is_as_claimed(lab: BoardLab) -> None:
    """`due_time` True: the due instant is read back to the minute, with a timezone; False: as a day without a time."""
    board = lab.open()
    due = _read(lab, _made(board, fields={"due": _DUE}).id).due
    if board.capabilities.due_time:
        expect(isinstance(due, datetime) and due.tzinfo is not None, "due is an instant with a timezone")
        same(due, _DUE, "due")
    else:
        expect(isinstance(due, date) and not isinstance(due, datetime), "due is a day without a time")


def due_day_is_as_claimed(lab: BoardLab) -> None:
    """`due_day` True: a due day without a time is read back as one; False: as an instant on about that day."""
    board = lab.open()
    seen = _read(lab, _made(board, fields={"due": _DUE.date()}).id).due
    if board.capabilities.due_day:
        same(seen, _DUE.date(), "due")
    else:
        expect(isinstance(seen, datetime), "due is an instant")
        expect(isinstance(seen, datetime) and abs(seen - _DUE) < timedelta(days=2), "due is on about that day")


def unique_is_as_claimed(lab: BoardLab) -> None:
    """`unique` True: a second item of one name is refused with the first one's id; False: nothing is refused."""
    board = lab.open()
    made = _made(board, 1)
    lab.hand.edit(made.id, {"title": "A person's"})
    again = replace(_patch(2), unique=_patch(1).unique)
    if not board.capabilities.unique:
        lab.open().merge(again)
        return
    try:
        lab.open().merge(again)
    except AlreadyThere as there:
        same(there.id, made.id, "the id of the item that is there")
    else:
        raise AssertionError("a second item of one name was made")
    same(lab.items(), 1, "items")
    _made(board, 2)


def archive_is_as_claimed(lab: BoardLab) -> None:
    """`archive` `flag`: archiving leaves done alone; `completed`: it completes, and reviving takes that back."""
    board = lab.open()
    made = _made(board)
    completes = board.capabilities.archive == "completed"
    board.merge(_patch(2, made.id, fields={"archived": True}))
    away = _read(lab, made.id)
    same((away.archived, away.done), (True, completes), "archived and done of what was archived")
    board.merge(_patch(3, made.id, fields={"archived": False, "list": _LIST}))
    back = _read(lab, made.id)
    same((back.archived, back.done, back.list), (False, False, _LIST), "archived, done and list of what was revived")


def new_items_are_as_claimed(lab: BoardLab) -> None:
    """A new item goes below what was in its list; `new_items` says where among those that the same handle made."""
    for title in ("A person's", "Another one"):
        lab.hand.add(title, _LIST)
    theirs, board = list(lab.hand.order(_LIST)), lab.open()
    made = [_made(board, number).id for number in (1, 2, 3)]
    wanted = made if board.capabilities.new_items == "bottom" else made[::-1]
    same(list(lab.hand.order(_LIST)), [*theirs, *wanted], "the order of the list")


_VALUES: Mapping[str, tuple[FieldKind, str, str]] = {
    "Intern": ("text", "Ada Lovelace & Żółć", "AL"),
    "Hours": ("number", "12.5", "40"),
    "Begins": ("date", "2026-04-06", "2026-12-31"),
    "Paid": ("checkbox", "yes", ""),
    "Phase": ("choice", "In review", "Done"),
}
"""By custom field: its kind, a value and another one."""


def _fill(board: Board, number: int, remote: Remote, values: Mapping[str, str]) -> None:
    """Sets custom fields of an item, in the way that the board claims."""
    if board.capabilities.fields == "one_by_one":
        board.merge_children(remote, Children(set_fields=values))
    else:
        board.merge(_patch(number, remote.id, remote.body, {"fields": values}))


def fields_are_as_claimed(lab: BoardLab) -> None:
    """`fields`: those of every kind that a board has are told, set, changed and cleared, together or one by one.

    `with_item` takes no call of its own, also with a new item; `one_by_one` is a call for each; `none` shows none.
    """
    for name, (kind, _, _) in _VALUES.items():
        lab.hand.add_field(name, kind, ("In review", "Done") if kind == "choice" else ())
    board, claimed = lab.open(), lab.open().capabilities.fields
    known = {each.name: each.kind for each in board.snapshot().fields}
    _made(board, 1)  # so that the list is there
    before = lab.writes()
    _made(board, 2)
    alone = lab.writes() - before  # more than one, where a second call puts a new item into its place
    first = {name: value for name, (kind, value, _) in _VALUES.items() if known.get(name) == kind}
    expect(claimed == "none" or "Intern" in first, "the snapshot tells the custom fields, a text among them")
    before = lab.writes()
    made = _made(board, 3, {} if claimed == "one_by_one" else {"fields": first or {"Intern": "AL"}})
    if claimed == "one_by_one":
        _fill(board, 3, made, first)
    same(lab.writes() - before, alone + (len(first) if claimed == "one_by_one" else 0), "writing calls")
    same(dict(_read(lab, made.id).fields), first, "custom fields")
    if claimed == "none":
        return
    _fill(board, 4, _read(lab, made.id), {name: _VALUES[name][2] for name in first})
    second = {name: value for name in first if (value := _VALUES[name][2])}
    same(dict(_read(lab, made.id).fields), second, "custom fields, once changed")
    shown = next(remote for remote in lab.open().snapshot().remotes if remote.id == made.id)
    same(shown, _read(lab, made.id), "the item in the snapshot")
    _fill(board, 5, _read(lab, made.id), dict.fromkeys(first, ""))
    same(dict(_read(lab, made.id).fields), {}, "custom fields, once cleared")


def followers_are_as_claimed(lab: BoardLab) -> None:
    """`followers` True: a new item has them, besides those whom the tool adds; False: it has none."""
    board = lab.open()
    seen = _read(lab, _made(board, fields={"followers": (lab.member_too,)}).id)
    same(lab.member_too in seen.followers, board.capabilities.followers, "whether somebody follows")


def comments_are_as_claimed(lab: BoardLab) -> None:
    """`comments` True: what is said is there, on its item alone; False: nothing is."""
    board = lab.open()
    made, other = _made(board, 1), _made(board, 2)
    board.merge_children(made, Children(comment="Welcome"))
    found = [list(lab.hand.comments(each.id)) for each in (made, other)]
    same(found, [["Welcome"] if board.capabilities.comments else [], []], "comments of both items")


def losses_are_named(lab: BoardLab) -> None:
    """`lossy` tells, for fields of an item, why the board does not hold them: each in a line."""
    for name, why in lab.open().capabilities.lossy.items():
        expect(name in Item.__dataclass_fields__, f"{name} is a field of an item")
        expect(why.strip() and "\n" not in why, "a loss is told in one line")


def longest_title_fits(lab: BoardLab) -> None:
    """A title of `max_title` characters is read back whole; a longer one is refused, never cut."""
    board = lab.open()
    title = "T" * board.capabilities.max_title
    same(len(_read(lab, _made(board, 1, {"title": title}).id).title), len(title), "length of the title")
    raises(RequestRefused, lambda: _made(board, 2, {"title": title + "T"}), "a title that is too long")


def longest_body_fits(lab: BoardLab) -> None:
    """A body that fills `max_body` characters with its marker is read back whole; a longer one is refused."""
    board = lab.open()
    body = "B" * (board.capabilities.max_body - len(plant("B", _token(1))) + 1)
    made = board.merge(_patch(1, body=body))
    same(
        (len(_read(lab, made.id).body), _read(lab, made.id).marker),
        (len(body), _token(1)),
        "length of the body, marker",
    )
    too_long = "B" * (board.capabilities.max_body + 1)
    raises(RequestRefused, lambda: board.merge(_patch(2, body=too_long)), "a body that is too long")


def new_lists_are_as_claimed(lab: BoardLab) -> None:
    """`create_lists` True: a new item stands on its list, although it was missing; False: it is refused."""
    board = lab.open()
    if board.capabilities.create_lists:
        same(_read(lab, _made(board, 1, {"list": "Never seen"}).id).list, "Never seen", "list")
    else:
        raises(RequestRefused, lambda: _made(board, 1, {"list": "Never seen"}), "a missing list")


def notes_are_lines(lab: BoardLab) -> None:
    """`notes` are for people: each a line of text."""
    for note in lab.open().capabilities.notes:
        expect(note.strip() and "\n" not in note, "a note is one line of text")


CAPABILITY_CHECKS: Mapping[str, BoardCheck] = {
    "start": start_is_as_claimed,
    "start_alone": start_alone_is_as_claimed,
    "start_after_due": start_after_due_is_as_claimed,
    "labels": labels_are_as_claimed,
    "checklist": checklists_are_as_claimed,
    "assignees": assignees_are_as_claimed,
    "due_time": due_time_is_as_claimed,
    "due_day": due_day_is_as_claimed,
    "unique": unique_is_as_claimed,
    "archive": archive_is_as_claimed,
    "new_items": new_items_are_as_claimed,
    "fields": fields_are_as_claimed,
    "followers": followers_are_as_claimed,
    "comments": comments_are_as_claimed,
    "lossy": losses_are_named,
    "max_title": longest_title_fits,
    "max_body": longest_body_fits,
    "create_lists": new_lists_are_as_claimed,
    "notes": notes_are_lines,
}
"""Which check proves which field of `Capabilities`; a claim that nothing checks would be no claim."""


BOARD_CHECKS: Mapping[str, BoardCheck] = named(
    identity_is_one_cheap_read,
    requests_are_counted,
    snapshot_holds_everything,
    short_snapshot_says_so,
    read_is_as_the_snapshot,
    read_knows_what_is_gone,
    newest_come_first,
    newest_is_never_stale,
    creation_carries_the_marker,
    creation_is_one_call,
    creation_tells_id_and_url,
    creation_reads_back,
    bodies_read_back_in_normal_form,
    changes_read_back,
    changes_can_clear,
    changes_are_one_call,
    marker_follows_changes,
    bodies_belong_to_people,
    unmarked_items_have_no_marker,
    foreign_markers_are_told,
    archived_items_are_shown,
    only_given_fields_are_written,
    done_belongs_to_people,
    list_and_position_belong_to_people,
    sets_survive_changes,
    missing_lists_are_made_once,
    missing_labels_are_made_once,
    children_are_added,
    children_are_removed,
    ticked_lines_stay,
    children_can_be_repeated,
    children_survive_lost_answers,
    lost_creation_is_unknown,
    unanswered_creation_is_not_repeated,
    unknown_changes_are_not_invented,
    refused_means_nothing_happened,
    changes_of_what_is_gone_are_refused,
    budget_stops_before_sending,
    lost_rights_are_told,
    limits_are_told_and_kept,
    custom_fields_belong_to_people,
    custom_fields_are_set_once,
    comments_are_said_once,
    *CAPABILITY_CHECKS.values(),
)
"""The contract of `Board`, clause by clause."""


def check_board(lab: Callable[[], BoardLab]) -> None:
    """Holds a board connector against the contract; `lab` makes a new lab for each check.

    Raises:
        AssertionError: with every clause that it breaks.
    """
    report(failures(BOARD_CHECKS, lab))
