"""Desired, base and actual become a plan: pure, the same for the same inputs in any order.

For each key there is at most one `Change`. What a person did on the board is found by comparing three values of
every field: what is desired, the base (what was last applied) and what the board holds now. Values are compared by
digest, as a reader would: a due time as the local date, a text without trailing blanks.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from mi_sync.errors import Problem, StalePlan
from mi_sync.identity import MARKED, Marker, canonical, digest, field_digest, is_erased
from mi_sync.model import Capabilities, Item, Link, Member, Remote, Seen, Snapshot

Action = Literal["create", "adopt", "update", "archive"]
Resolution = Literal["ours", "theirs", "ask"]
Withdrawal = Literal["archive", "rewrite"]

SCALARS = ("title", "body", "due", "start")
_DATES = ("due", "start")
_VERSION = 2
CLOCK_SKEW = timedelta(minutes=10)
"""So far the clocks of two machines that share a plan may differ."""
WITHDRAWN = "Erased on request"
"""What stands as the title of an item whose person was erased."""
PLAIN = Capabilities()
FIELD = "field:"
"""How a change, and the base, call a custom field: this and its name."""
_CHILDREN = frozenset({"labels", "checklist"})
"""What is written one by one, after the call for the item itself and without a new marker."""
COMMENT = "comment"
OWED = "owed"
"""What the base remembers of a comment from the creation of its item until it has been said."""
_WRITTEN = "written"
"""Under this name the base remembers which marker was written last."""
_SEEN_AWAY = "seen away"
"""Under this name the base remembers that the item was seen in the archive after we had put it there."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one item: everything that `apply` needs, and everything that a person wants to see.

    Attributes:
        target: the target's name.
        key: the item's key.
        action: `adopt` takes an item over that carries our marker, or one without any, which then gets it; it may
            change fields, too.
        title: as it will stand.
        fields: name → (from, to), as JSON values: instants and dates in ISO 8601, sets as sorted lists; custom fields
            by their name behind `FIELD`.
        id, url: of the item on the board; empty for a creation.
        nonce: of the item; empty where it has no marker yet, so that one is drawn.
        owner, step: whose milestone it is.
        base, labels, checklist: the base of the link once the change is done.
        apart: which fields, besides labels and checklist, are written after the item itself.
        conflicts: the fields that both sides changed and that are left as the board has them, to be asked about.
        expects: the fingerprint of the item and its link when this was planned.
    """

    target: str
    key: str
    action: Action
    title: str
    fields: Mapping[str, tuple[Any, Any]]
    id: str = ""
    url: str = ""
    nonce: str = ""
    owner: str = ""
    step: str = ""
    base: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    checklist: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    expects: str = ""
    apart: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """What is to be done at one target, and what was seen on the way.

    `bookkeeping` are links to be stored without any call: both sides converged, or the board showed something new.
    `violations` are safety limits that the plan exceeds, by what `--force` calls them. `allow` are the privacy classes
    that its texts may hold.
    """

    target: str
    board: str
    changes: tuple[Change, ...] = ()
    unchanged: int = 0
    dismissed: int = 0
    conflicts: int = 0
    foreign: int = 0
    problems: tuple[Problem, ...] = ()
    bookkeeping: tuple[Link, ...] = ()
    missing_lists: tuple[str, ...] = ()
    missing_labels: tuple[str, ...] = ()
    violations: Mapping[str, str] = field(default_factory=dict)
    allow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Desired:
    """What the records ask for at one target.

    `settled` are the owners whose items are all here, so that an item that is not may be archived. `ended` are items
    that engagements had before they ended: nobody asks for them, but their marks are known by them.
    """

    items: Mapping[str, Item]
    settled: frozenset[str] = frozenset()
    ended: Mapping[str, Item] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rules:
    """How one target is planned.

    Attributes:
        target: its name.
        programme: the programme's short id, as markers carry it.
        timezone: the programme's.
        conflicts: what wins when both sides changed a field.
        people: e-mail address → what this target calls the member.
        max_archive: share of the open items that may be archived, from 10 items on.
        max_create: how many items may be made.
        may_archive: False when a source could not be read to its end.
        recreate: keys of dismissed items to bring back.
        adopt: whether an item without a marker that has just the title of a missing one is taken over.
    """

    target: str
    programme: str
    timezone: ZoneInfo
    conflicts: Mapping[str, Resolution] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)
    max_archive: float = 0.3
    max_create: int = 2000
    may_archive: bool = True
    recreate: frozenset[str] = frozenset()
    adopt: bool = False


def make(
    desired: Desired, base: Mapping[str, Link], actual: Snapshot, rules: Rules, able: Capabilities = PLAIN
) -> TargetPlan:
    """The plan for one target, whose board is `able` to do so much."""
    return _Planner(desired, base, actual, rules, able).plan()


def rebuild(
    desired: Desired, base: Mapping[str, Link], actual: Snapshot, rules: Rules, able: Capabilities = PLAIN
) -> TargetPlan:
    """The links that the markers on a board tell of and nobody remembers, as bookkeeping; it changes no item."""
    return _Planner(desired, base, actual, rules, able).rebuild()


def make_withdrawal(
    links: Collection[Link],
    actual: Snapshot,
    rules: Rules,
    how: Withdrawal,
    able: Capabilities = PLAIN,
    fields: Collection[str] = (),
) -> TargetPlan:
    """The plan that takes the items of an erased person off a board: archived, or rewritten without a word of theirs.

    Also what is done or was changed by a person is; what is gone or carries another programme's mark is left alone.
    `fields` are the custom fields that this target fills, which are emptied: once the person is erased, nobody knows
    who filled them.
    """
    remotes = {remote.id: remote for remote in actual.remotes}
    found = [(link, remotes[link.id]) for link in links if link.id in remotes]
    ours = [(link, remote) for link, remote in found if _is_ours(remote, rules)]
    made = (
        _archived(link, remote, rules) if how == "archive" else _rewritten(link, remote, rules, fields)
        for link, remote in ours
    )
    changes = [replace(change, apart=_apart(change.fields, able)) for change in made if change is not None]
    return TargetPlan(rules.target, actual.board.id, tuple(changes), unchanged=len(links) - len(changes))


def _is_ours(remote: Remote, rules: Rules) -> bool:
    marker = Marker.decode(remote.marker)
    return marker is None or marker.programme == rules.programme


def _archived(link: Link, remote: Remote, rules: Rules) -> Change | None:
    if remote.archived:
        return None
    base = {**link.base, _WRITTEN: _written(link.base, archived=True)}
    return _withdrawn("archive", {"archived": (False, True)}, base, link, remote, rules)


def _rewritten(link: Link, remote: Remote, rules: Rules, custom: Collection[str]) -> Change | None:
    """What it says is taken away without being repeated in the plan; people's own labels and lines stay."""
    fields: dict[str, tuple[Any, Any]] = {}
    fields |= {"title": (None, WITHDRAWN)} if remote.title != WITHDRAWN else {}
    fields |= {"body": (None, "")} if remote.body else {}
    texts = [line.text for line in remote.checklist]
    for name, known, theirs in (("labels", link.labels, remote.labels), ("checklist", link.checklist, texts)):
        ours = _applied(name, known, theirs, remote)
        if not set(ours).isdisjoint(theirs):
            fields[name] = (list(theirs), [each for each in theirs if each not in ours])
    remembered = {name.removeprefix(FIELD) for name in link.base if name.startswith(FIELD)}
    filled = [f"{FIELD}{name}" for name in sorted({*remembered, *custom}) if remote.fields.get(name)]
    fields |= dict.fromkeys(filled, (None, ""))
    after: dict[str, Any] = {"title": WITHDRAWN, "body": "", "labels": (), "checklist": (), **dict.fromkeys(filled, "")}
    base = {**link.base, **{name: field_digest(value) for name, value in after.items()}}
    base[_WRITTEN] = _written(base)
    return _withdrawn("update", fields, base, link, remote, rules) if fields else None


def _applied(name: str, known: Sequence[str], theirs: Sequence[str], remote: Remote) -> Sequence[str]:
    """What we put into a set: as far as we know, or all of it where the item's own mark says so."""
    marker = Marker.decode(remote.marker)
    return theirs if marker and marker.digests[name] == field_digest(theirs) else known


def _withdrawn(
    action: Action,
    fields: Mapping[str, tuple[Any, Any]],
    base: Mapping[str, str],
    link: Link,
    remote: Remote,
    rules: Rules,
) -> Change:
    return Change(
        target=rules.target,
        key=link.key,
        action=action,
        title=WITHDRAWN,
        fields=fields,
        id=link.id,
        url=remote.url,
        nonce=link.nonce,
        owner=link.owner,
        step=link.step,
        base=base,
        expects=fingerprint(link, remote),
    )


# ------------------------------------------------------------------------------------------- deciding


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What was decided for one key; `conflicts` counts the fields that both sides changed."""

    change: Change | None = None
    link: Link | None = None
    dismissed: bool = False
    conflicts: int = 0


@dataclass(slots=True)
class _Merging:
    """One item while it is merged: what to write, the base afterwards, the conflicts, and which of them are open."""

    base: dict[str, str]
    fields: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


class _Sides(NamedTuple):
    """One field of an item: as it is wanted, as the board has it, the digests of both, and of what was last applied.

    `last` is None where that is not known.
    """

    ours: Any
    theirs: Any
    wanted: str
    held: str
    last: str | None

    @staticmethod
    def of(ours: Any, theirs: Any, last: str | None) -> _Sides:  # noqa: ANN401  a field's value
        """The sides of two values; dates are those of one time zone."""
        wanted = field_digest(ours)
        return _Sides(ours, theirs, wanted, wanted if theirs == ours else field_digest(theirs), last)


class _Planner:
    def __init__(
        self, desired: Desired, base: Mapping[str, Link], actual: Snapshot, rules: Rules, able: Capabilities
    ) -> None:
        self._desired = desired
        self._base = base
        self._actual = actual
        self._rules = rules
        self._able = able
        self._problems: dict[Problem, None] = {}  # each once, in their order
        self._by_id = {remote.id: remote for remote in actual.remotes}
        self._names = names_of(actual.members)
        self._markers = {remote.id: Marker.decode(remote.marker) for remote in actual.remotes}
        self._marked = self._by_marked_key()

    def plan(self) -> TargetPlan:
        if not self._actual.complete:
            why = f"the board could not be read completely: {self._actual.incomplete_because}"
            self._problem(self._actual.board.url, "", f"{why}; nothing is made or archived until it can.")
        outcomes = {key: self._decide(key) for key in sorted({*self._desired.items, *self._base, *self._marked})}
        changes = [o.change for o in outcomes.values() if o.change is not None]
        changes += self._duplicates()
        changes = self._in_order(changes)
        self._report_people(changes)
        return TargetPlan(
            target=self._rules.target,
            board=self._actual.board.id,
            changes=tuple(changes),
            unchanged=sum(
                1 for key, o in outcomes.items() if key in self._desired.items and not o.change and not o.dismissed
            ),
            dismissed=sum(o.dismissed for o in outcomes.values()),
            conflicts=sum(o.conflicts for o in outcomes.values()),
            foreign=sum(1 for m in self._markers.values() if m is not None and m.programme != self._rules.programme),
            problems=tuple(self._problems),
            bookkeeping=tuple(o.link for o in outcomes.values() if o.link is not None),
            missing_lists=_missing_lists(changes, self._actual),
            missing_labels=_missing_labels(changes, self._actual),
            violations=self._violations(changes),
        )

    def rebuild(self) -> TargetPlan:
        """What `plan` would adopt, as the markers remember it, before anything is compared."""
        items = {**self._desired.ended, **self._desired.items}
        unknown = {key: found[0] for key, found in self._marked.items() if key not in self._base}
        known = {key: self._known_again(items.get(key), remote) for key, remote in unknown.items()}
        links = [replace(link, seen=self._seen(self._by_id[link.id], ())) for link in known.values() if link]
        return TargetPlan(
            self._rules.target, self._actual.board.id, problems=tuple(self._problems), bookkeeping=tuple(links)
        )

    def _by_marked_key(self) -> dict[str, list[Remote]]:
        """What carries our mark, by its key; the oldest first, but what we put out of the way last."""
        linked = {link.id: key for key, link in self._base.items()}
        marked: dict[str, list[Remote]] = defaultdict(list)
        for remote in sorted(self._actual.remotes, key=lambda it: (self._put_away(it), it.id)):
            marker = self._markers[remote.id]
            if marker and marker.programme == self._rules.programme:
                # An item that we know keeps its key, even when somebody pasted another item's mark into it.
                marked[linked.get(remote.id, marker.key)].append(remote)
        return marked

    @cached_property
    def _namesakes(self) -> dict[str, list[Remote]]:
        """Open items that nobody's marker claims and that we do not know, by title."""
        linked = {link.id for link in self._base.values()}
        found: dict[str, list[Remote]] = defaultdict(list)
        for remote in self._actual.remotes:
            if remote.marker is None and not remote.archived and remote.id not in linked:
                found[_title(remote.title)].append(remote)
        return found

    @cached_property
    def _titles(self) -> Counter[str]:
        """How many wishes have each title."""
        return Counter(_title(item.title) for item in self._desired.items.values())

    def _put_away(self, remote: Remote) -> bool:
        marker = self._markers[remote.id]
        return marker is not None and marker.archived and remote.archived

    def _decide(self, key: str) -> _Outcome:
        """One key: what is wanted, what we remember, what is there."""
        item, link = self._desired.items.get(key), self._base.get(key)
        if link is None:
            return self._without_link(key, item)
        if item is None and is_erased(link.owner):
            return _Outcome()  # nothing is remembered of what the board shows of an erased person
        remote = self._by_id.get(link.id)
        if remote is None:
            return self._vanished(item, link)
        marker = self._markers[remote.id]
        if marker is not None and marker.programme != self._rules.programme:
            self._problem(remote.url, "", "it now carries the mark of another programme and is left alone.")
            return _Outcome(dismissed=item is not None)
        return self._with_remote(item, _caught_up(link, marker), remote)

    def _with_remote(self, item: Item | None, link: Link, remote: Remote) -> _Outcome:
        by_a_person = remote.archived and not link.archived
        if by_a_person and (item is None or link.key not in self._rules.recreate):
            return self._dismissed(item, link, remote)
        if item is None:
            return self._unwanted(link, remote)
        # Archived by us and wanted again: revived. Brought back by a person and wanted again: only remembered.
        return self._merge(item, link, remote)

    # -- no link ------------------------------------------------------------------------------------

    def _without_link(self, key: str, item: Item | None) -> _Outcome:
        if not self._actual.complete:
            return _Outcome()  # what was not shown might be there, or be the original of what was
        found = self._marked.get(key)
        if found:
            return self._adopt(item, found[0]) if item else self._let_go(self._desired.ended.get(key), found[0])
        if item is None:
            return _Outcome()
        namesake = self._namesake(item)
        return _Outcome(change=self._create(item, "")) if namesake is None else self._take_over(item, namesake)

    def _namesake(self, item: Item) -> Remote | None:
        """The one item of a person's that has the title of just this one; told where it is not taken."""
        found = self._namesakes.get(_title(item.title), [])
        if not found:
            return None
        only = len(found) == self._titles[_title(item.title)] == 1
        if self._rules.adopt and only:
            return found[0]
        why = "it has the title of an item that is missing, and no mark of ours; "
        if only:
            self._problem(found[0].url, "", f"{why}--adopt takes it over instead of making a second.")
        else:
            self._problem(found[0].url, "", f"{why}several are called so, so none is taken over.")
        return None

    def _take_over(self, item: Item, remote: Remote) -> _Outcome:
        """A person's item becomes ours: what is empty is filled, and what differs is a conflict like any other."""
        empty = field_digest(None)
        link = Link(
            key=item.key,
            id=remote.id,
            url=remote.url,
            nonce="",
            owner=item.owner,
            step=item.step,
            title=remote.title,
            base=dict.fromkeys(SCALARS, empty),
        )
        outcome = self._merge(item, link, remote)
        after = outcome.link or link
        change = outcome.change or self._change("adopt", item, remote, {}, after)
        return replace(outcome, change=replace(change, action="adopt", base=_remembered(change.base)), link=None)

    def _adopt(self, item: Item, remote: Remote) -> _Outcome:
        """An item with our marker of which we know nothing: the state was lost, or is another machine's."""
        link = self._known_again(item, remote)
        if link is None:
            return _Outcome(dismissed=True)
        if remote.archived and not link.archived:
            return self._dismissed(item, link, remote)
        outcome = self._merge(item, link, remote)
        known = outcome.change or self._change("adopt", item, remote, {}, outcome.link or link)
        return replace(outcome, change=replace(known, action="adopt"), link=None)

    def _let_go(self, ended: Item | None, remote: Remote) -> _Outcome:
        """The same, of which nothing is wanted: it is ours to archive where its engagement is known to have ended."""
        link = self._known_again(ended, remote)
        return _Outcome() if link is None else self._unwanted(link, remote)

    def _known_again(self, item: Item | None, remote: Remote) -> Link | None:
        """The link of an item with our marker; None, and told, for one that is left alone."""
        marker = self._markers[remote.id]
        if item is None or marker is None:
            if not remote.archived:
                self._problem(remote.url, "", "it carries our mark, but nothing asks for it; it is left alone.")
            return None
        if _is_withdrawn(marker):
            why = "it was emptied because its person was erased, which the state no longer knows; it is left alone. "
            self._problem(remote.url, "", f"{why}Erase the person again with `mi-sync state forget EMAIL`.")
            return None
        return _rebuilt(item, remote, marker, archived=marker.archived and self._is_put_away(remote))

    def _create(self, item: Item, expects: str) -> Change:
        values: dict[str, Any] = {"title": item.title, "body": item.body, "list": item.list}
        values |= {"due": self._local(item.due), "start": item.start}
        values |= {"labels": item.labels, "checklist": item.checklist, "done": item.done or None}
        values["assignee"] = self._member(item.assignee)
        values["followers"] = self._followers(item)
        values |= {**_custom(item), COMMENT: item.comment}
        fields = {name: (None, _json(value)) for name, value in values.items() if value not in (None, (), "")}
        return Change(
            target=self._rules.target,
            key=item.key,
            action="create",
            title=item.title,
            fields=fields,
            owner=item.owner,
            step=item.step,
            base=self._base_of(item),
            labels=item.labels,
            checklist=item.checklist,
            expects=expects,
            apart=_apart(fields, self._able),
        )

    # -- gone or dismissed --------------------------------------------------------------------------

    def _vanished(self, item: Item | None, link: Link) -> _Outcome:
        if not self._actual.complete:
            return _Outcome()
        if item is not None and link.key in self._rules.recreate:
            return _Outcome(change=self._create(item, fingerprint(link, None)))
        seen = replace(link.seen, gone=True)
        return _Outcome(link=_if_changed(link, replace(link, seen=seen)), dismissed=item is not None)

    def _dismissed(self, item: Item | None, link: Link, remote: Remote) -> _Outcome:
        stored = replace(link, seen=self._seen(remote, ()))
        return _Outcome(link=_if_changed(self._base.get(link.key), stored), dismissed=item is not None)

    def _unwanted(self, link: Link, remote: Remote) -> _Outcome:
        """Nothing asks for it any more: archive it if it is open, and if that is certain."""
        stored = seen_away(replace(link, seen=self._seen(remote, ())), remote)
        certain = link.owner in self._desired.settled and self._rules.may_archive and self._actual.complete
        away = remote.done or remote.archived or link.archived
        stopped = self._is_half_archived(link, remote) and _SEEN_AWAY not in link.base  # else a person took it out
        if not certain or (away and not stopped):
            return _Outcome(link=_if_changed(link, stored))
        change = Change(
            target=self._rules.target,
            key=link.key,
            action="archive",
            title=remote.title,
            fields={"archived": (False, True)},
            id=link.id,
            url=remote.url,
            nonce=link.nonce,
            owner=link.owner,
            step=link.step,
            base={**link.base, _WRITTEN: _written(link.base, archived=True)},
            labels=link.labels,
            checklist=link.checklist,
            expects=fingerprint(self._base.get(link.key), remote),
        )
        return _Outcome(change=change)

    def _is_half_archived(self, link: Link, remote: Remote) -> bool:
        """We completed it to archive it, and it is not in the archive: we were stopped, or a person took it out."""
        return link.archived and not remote.archived and self._is_put_away(remote)

    def _is_done(self, link: Link, remote: Remote) -> bool:
        """Whether a person's work is done, and not only completed by us to archive it."""
        return remote.done and not (self._able.archive == "completed" and link.archived)

    def _is_put_away(self, remote: Remote) -> bool:
        """Whether an item that we archived is out of the way still; some boards archive by completing."""
        return remote.archived or (self._able.archive == "completed" and remote.done)

    # -- three-way ----------------------------------------------------------------------------------

    def _merge(self, item: Item, link: Link, remote: Remote) -> _Outcome:
        it = _Merging({name: value for name, value in link.base.items() if name != _SEEN_AWAY})
        for name in SCALARS:
            self._merge_scalar(name, item, link, remote, it)
        for name, text in _custom(item).items():
            self._merge_custom(name, text, link, remote, it)
        self._report_asked(remote, it.asked)
        self._leave_out_what_clashes(link, remote, it)
        self._merge_children(item, link, remote, it)
        self._merge_comment(item, it)
        self._merge_done(item, link, remote, it)
        self._revive(item, link, remote, it)
        if it.fields.keys() - _CHILDREN - set(_apart(it.fields, self._able)):
            it.base[_WRITTEN] = _written(it.base)
        after = replace(
            link,
            base=it.base,
            labels=item.labels,
            checklist=item.checklist,
            owner=item.owner,
            archived=False,
            url=remote.url,
            title=it.fields["title"][1] if "title" in it.fields else remote.title,
            seen=self._seen(remote, it.asked),
        )
        if it.fields:
            known = self._base.get(link.key)
            looked = None if known is None else _if_changed(known, replace(known, seen=after.seen))
            change = self._change("update", item, remote, it.fields, after)
            return _Outcome(change, looked, conflicts=len(it.conflicts))
        return _Outcome(link=_if_changed(self._base.get(link.key), after), conflicts=len(it.conflicts))

    def _merge_done(self, item: Item, link: Link, remote: Remote, it: _Merging) -> None:
        if not item.done:
            return
        if not self._is_done(link, remote) and not it.base.get("done"):
            it.fields["done"] = (False, True)
        it.base["done"] = "1"  # once; whoever reopens it later keeps it open

    def _revive(self, item: Item, link: Link, remote: Remote, it: _Merging) -> None:
        if not (remote.archived or self._is_half_archived(link, remote)):
            return
        it.fields["archived"] = (True, False)
        if self._able.archive == "completed" and item.list and remote.archived:
            it.fields["list"] = (remote.list, item.list)  # unless the board knows where it came from

    def _merge_scalar(self, name: str, item: Item, link: Link, remote: Remote, it: _Merging) -> None:
        sides = _Sides.of(self._local(getattr(item, name)), self._local(getattr(remote, name)), link.base.get(name))
        if sides.held != sides.wanted and name in _DATES and self._is_done(link, remote):
            return  # the dates of what is done are history
        self._merge_value(name, sides, self._rules.conflicts.get(name, "ask"), it)

    def _merge_custom(self, name: str, ours: str, link: Link, remote: Remote, it: _Merging) -> None:
        """A custom field; where nobody knows what we wrote there, what is filled counts as a person's."""
        theirs = remote.fields.get(name.removeprefix(FIELD), "")
        last, resolution = link.base.get(name), self._rules.conflicts.get("fields", "ours")
        if last is None:
            last, resolution = field_digest(""), "theirs"
        self._merge_value(name, _Sides.of(ours, theirs, last), resolution, it)

    def _merge_value(self, name: str, sides: _Sides, resolution: Resolution, it: _Merging) -> None:
        wanted, held = sides.wanted, sides.held
        if held == wanted:
            it.base[name] = wanted  # both sides agree, whoever moved
            return
        if wanted == sides.last:
            return  # only theirs changed: kept
        if held != sides.last:
            it.conflicts.append(name)
            if resolution == "ask":
                it.asked.append(name)
            if resolution == "theirs":
                it.base[name] = wanted  # settled: from now on only theirs has changed
            if resolution != "ours":
                return
        it.fields[name] = (_json(sides.theirs), _json(sides.ours))
        it.base[name] = wanted

    def _leave_out_what_clashes(self, link: Link, remote: Remote, it: _Merging) -> None:
        """A date of ours that the board does not take beside one of a person's is not written, and the rest is."""
        ours = next((name for name in reversed(_DATES) if name in it.fields), None)
        due, start = (self._day_after(name, remote, it) for name in _DATES)
        why = self._able.clash(start, due) if start else ""
        if ours is None or not why:
            return
        del it.fields[ours]
        it.base[ours] = link.base.get(ours, field_digest(None))  # so it is written once the two fit
        it.conflicts += [ours] if ours not in it.conflicts else []
        it.asked += [ours] if ours not in it.asked else []
        other = "due date" if ours == "start" else "start date"
        why = f"{why}, so it is left as the board has it beside a person's {other}; make the two fit there."
        self._problem(remote.url, ours, why)

    def _day_after(self, name: str, remote: Remote, it: _Merging) -> date | None:
        """The day of a date as it will stand on the board."""
        value = it.fields[name][1] if name in it.fields else _json(self._local(getattr(remote, name)))
        return date.fromisoformat(value[:10]) if value else None

    def _merge_comment(self, item: Item, it: _Merging) -> None:
        """What was to be said when the item was made, and was not."""
        if it.base.pop(COMMENT, "") == OWED and item.comment:
            it.fields[COMMENT] = (None, item.comment)

    def _merge_children(self, item: Item, link: Link, remote: Remote, it: _Merging) -> None:
        labels = _merge_set(item.labels, link.labels, remote.labels)
        if labels is not None:
            it.fields["labels"] = (sorted(remote.labels), sorted(labels))
        ticked = {line.text for line in remote.checklist if line.done}
        texts = [line.text for line in remote.checklist]
        checklist = _merge_set(item.checklist, link.checklist, texts, keep=ticked)
        if checklist is not None:
            it.fields["checklist"] = (texts, checklist)
        it.base["labels"], it.base["checklist"] = field_digest(item.labels), field_digest(item.checklist)

    def _report_asked(self, remote: Remote, names: Sequence[str]) -> None:
        for name in names:
            why = "both sides changed it since it was last applied, so it is left as the board has it; "
            self._problem(remote.url, name, f"{why}make them agree, or decide it in [conflicts].")

    def _change(
        self,
        action: Action,
        item: Item,
        remote: Remote,
        fields: Mapping[str, tuple[Any, Any]],
        after: Link,
    ) -> Change:
        return Change(
            target=self._rules.target,
            key=item.key,
            action=action,
            title=after.title,
            fields=fields,
            id=remote.id,
            url=remote.url,
            nonce=after.nonce,
            owner=item.owner,
            step=item.step,
            base=after.base,
            labels=after.labels,
            checklist=after.checklist,
            conflicts=after.seen.conflicts,
            expects=fingerprint(self._base.get(after.key), remote),
            apart=_apart(fields, self._able),
        )

    # -- copies and late duplicates -----------------------------------------------------------------

    def _duplicates(self) -> Iterator[Change]:
        if not self._actual.complete:
            return
        for key, found in self._marked.items():
            link = self._base.get(key)
            original = link.id if link else found[0].id
            nonce = link.nonce if link else self._nonce(found[0])
            for remote in found:
                if remote.id != original and not remote.archived:
                    yield from self._duplicate(key, remote, link, same_nonce=self._nonce(remote) == nonce)

    def _duplicate(self, key: str, remote: Remote, link: Link | None, *, same_nonce: bool) -> Iterator[Change]:
        if same_nonce:
            self._problem(
                remote.url,
                "",
                "it is a copy of an item of ours and is left alone; remove its last line to silence this.",
            )
            return
        marker = self._markers[remote.id]
        if marker is None or not self._untouched(remote, marker, self._desired.items.get(key)):
            self._problem(
                remote.url,
                "",
                "it was created twice after a lost answer and has been edited since; keep one of the two.",
            )
            return
        if not self._rules.may_archive:
            why = "it was created twice after a lost answer; it is archived as soon as every source can be read."
            self._problem(remote.url, "", why)
            return
        yield Change(
            target=self._rules.target,
            key=key,
            action="archive",
            title=remote.title,
            fields={"archived": (False, True)},
            id=remote.id,
            url=remote.url,
            nonce=marker.nonce,
            owner=link.owner if link else "",
            base=marker.digests,
            expects=fingerprint(None, remote),
        )

    def _untouched(self, remote: Remote, marker: Marker, item: Item | None) -> bool:
        """Whether nobody but us had a hand in it: also not by bringing it back, ticking a line or moving it."""
        labels_as_made = not remote.labels or marker.digests["labels"] == field_digest(remote.labels)
        moved = item is not None and item.list and remote.list and remote.list != item.list
        theirs = remote.done and not (item is not None and item.done)  # else it was made done
        finished = (marker.archived or theirs) and not self._stopped_on_its_way(remote, marker, item)
        if finished or moved or not labels_as_made or any(line.done for line in remote.checklist):
            return False
        if any(value != (item.fields.get(name) if item else None) for name, value in remote.fields.items()):
            return False
        return all(marker.digests[name] == field_digest(self._local(getattr(remote, name))) for name in SCALARS)

    def _stopped_on_its_way(self, remote: Remote, marker: Marker, item: Item | None) -> bool:
        """Whether we completed it to put it away and were stopped: it still lies where it was made.

        Whoever takes something out of the archive puts it elsewhere, or opens it again.
        """
        completed = marker.archived and remote.done and self._able.archive == "completed"
        return completed and item is not None and bool(item.list) and remote.list == item.list

    def _nonce(self, remote: Remote) -> str:
        marker = self._markers[remote.id]
        return marker.nonce if marker else ""

    # -- values -------------------------------------------------------------------------------------

    def _local(self, value: Any) -> Any:  # noqa: ANN401  a field's value
        return value.astimezone(self._rules.timezone) if isinstance(value, datetime) else value

    def _base_of(self, item: Item) -> dict[str, str]:
        base = {name: field_digest(self._local(getattr(item, name))) for name in MARKED}
        base[_WRITTEN] = _written(base)
        base |= {name: field_digest(text) for name, text in _custom(item).items()}
        return {**base, "done": "1"} if item.done else base

    def _seen(self, remote: Remote, conflicts: Sequence[str]) -> Seen:
        return seen_of(remote, self._names, self._rules.timezone, conflicts)

    def _member(self, email: str | None) -> str | None:
        if email is None:
            return None
        address = email.strip().casefold()
        member = match_member(self._rules.people.get(address, address), self._actual.members)
        return member.id if member else None

    def _followers(self, item: Item) -> tuple[str, ...]:
        found = (self._member(email) for email in item.followers)
        return tuple(dict.fromkeys(each for each in found if each is not None))

    def _report_people(self, changes: Sequence[Change]) -> None:
        """One problem for each person whom the board does not know, and one for all interns together."""
        waiting: dict[tuple[str, str], list[str]] = defaultdict(list)
        for change in changes:
            item = self._desired.items.get(change.key)
            if change.action == "create" and item and item.assignee and "assignee" not in change.fields:
                waiting[item.role, "" if item.role == "intern" else item.assignee].append(change.title)
        self._report_followers(changes)
        for (role, _), titles in waiting.items():
            others = f" and {len(titles) - 1} more stay" if titles[1:] else " stays"
            self._problem(
                titles[0],
                "assignee",
                f"no member of the board matches the {role or 'person'} whom it is for, so it{others} unassigned; "
                "name the member in [people], or invite them.",
            )

    def _report_followers(self, changes: Sequence[Change]) -> None:
        """One problem for all followers whom the board does not know; an intern's address is nobody's to read."""
        new = [change for change in changes if change.action == "create"]
        items = [(change.title, self._desired.items.get(change.key)) for change in new]
        lacking = [title for title, item in items if item and any(not self._member(it) for it in item.followers)]
        if lacking:
            others = f" and {len(lacking) - 1} more" if lacking[1:] else ""
            why = f"no member of the board matches somebody who should follow it{others}, so they do not; "
            self._problem(lacking[0], "followers", f"{why}name the member in [people], or invite them.")

    # -- order and limits ---------------------------------------------------------------------------

    def _in_order(self, changes: Iterable[Change]) -> list[Change]:
        """By due date; new items the other way round where each goes above the one before."""
        ordered = sorted(changes, key=self._order)
        if self._able.new_items == "bottom":
            return ordered
        new = [change for change in ordered if change.action == "create"]
        return [change for change in ordered if change.action != "create"] + new[::-1]

    def _order(self, change: Change) -> tuple[Any, ...]:
        item = self._desired.items.get(change.key)
        due = item.due.isoformat() if item and item.due else "9999"
        return (due, (item.n or 0) if item else 0, change.title, change.key, change.id)

    def _violations(self, changes: Sequence[Change]) -> dict[str, str]:
        found = {}
        opened = sum(1 for link in self._base.values() if self._is_open(link))
        archives = sum(1 for c in changes if c.action == "archive")
        # Rounded, because 57% of 100 is a little less than 57 in floating point.
        if opened >= 10 and archives > round(opened * self._rules.max_archive, 6):
            found["archive"] = (
                f"{archives} of {opened} open items would be archived, more than {self._rules.max_archive:.0%}. "
                "Look at the plan; if it is right, use --force=archive."
            )
        creates = sum(1 for c in changes if c.action == "create")
        if creates > self._rules.max_create:
            found["create"] = (
                f"{creates} items would be created, more than {self._rules.max_create}. "
                "Look at the plan; if it is right, use --force=create."
            )
        return found

    def _is_open(self, link: Link) -> bool:
        remote = self._by_id.get(link.id)
        return remote is not None and not remote.archived and not remote.done

    def _problem(self, where: str, field_: str, why: str) -> None:
        self._problems.setdefault(Problem(where, field_, why))


def _rebuilt(item: Item, remote: Remote, marker: Marker, *, archived: bool) -> Link:
    """The link that the marker remembers.

    A set counts as applied where the marker has the digest of just this set, so that what a person took away stays
    away; else, what is there of it. Checklist lines come after the marker, one by one, so the last must be there, too.
    """
    texts = [line.text for line in remote.checklist]
    has_labels = marker.digests["labels"] == field_digest(item.labels)
    has_lines = marker.digests["checklist"] == field_digest(item.checklist) and set(item.checklist[-1:]) <= set(texts)
    return Link(
        key=item.key,
        id=remote.id,
        url=remote.url,
        nonce=marker.nonce,
        owner=item.owner,
        step=item.step,
        title=remote.title,
        base={**marker.digests, _WRITTEN: _written(marker.digests, archived=marker.archived)},
        labels=item.labels if has_labels else tuple(name for name in item.labels if name in remote.labels),
        checklist=item.checklist if has_lines else tuple(text for text in item.checklist if text in texts),
        archived=archived,
    )


def _custom(item: Item) -> dict[str, str]:
    """The custom fields of an item, as changes and bases call them."""
    return {f"{FIELD}{name}": text for name, text in item.fields.items()}


def _apart(fields: Iterable[str], able: Capabilities) -> tuple[str, ...]:
    """Which of them are written after the item itself."""
    custom = able.fields == "one_by_one"
    return tuple(name for name in fields if name == COMMENT or (custom and name.startswith(FIELD)))


def _is_withdrawn(marker: Marker) -> bool:
    """Whether what we wrote last was what stands in place of an erased person's words."""
    return marker.digests["title"] == field_digest(WITHDRAWN) and marker.digests["body"] == field_digest("")


def _title(text: str) -> str:
    """A title without regard to case and spacing."""
    return " ".join(text.split()).casefold()


def _remembered(base: Mapping[str, str]) -> Mapping[str, str]:
    """The base of an item whose marker is written now, whatever fields change with it."""
    return {**base, _WRITTEN: _written(base)}


def _written(base: Mapping[str, str], *, archived: bool = False) -> str:
    """Names the marker of a write, so that it is known again."""
    return digest("a" if archived else "o", *(base.get(name) or field_digest(None) for name in MARKED), size=5)


def _caught_up(link: Link, marker: Marker | None) -> Link:
    """The link, or what the marker tells where a write took effect that we had given up.

    Without this, such a late write would look like the work of a person.
    """
    if marker is None or (marker.key, marker.nonce) != (link.key, link.nonce):
        return link
    written = _written(marker.digests, archived=marker.archived)
    if link.base.get(_WRITTEN, written) == written:
        return link
    return replace(link, base={**link.base, **marker.digests, _WRITTEN: written}, archived=marker.archived)


def as_marked(base: Mapping[str, str], key: str, nonce: str, token: str | None) -> Mapping[str, str]:
    """The base after a write, which remembers the mark that the item has then.

    It may be an older one of ours: some boards cannot renew the mark in every text that a person wrote. Without this,
    the older mark would pass for a write that landed late, and what was written since for a person's change.
    """
    marker = Marker.decode(token)
    if marker is None or (marker.key, marker.nonce) != (key, nonce):
        return base
    return {**base, _WRITTEN: _written(marker.digests, archived=marker.archived)}


def still_marked(base: Mapping[str, str], carried: Mapping[str, str]) -> Mapping[str, str]:
    """The base once everything is written, with the mark that the item has had since its own call."""
    return {**base, **{name: carried[name] for name in (_WRITTEN,) if name in carried}}


def _if_changed(stored: Link | None, link: Link) -> Link | None:
    return None if link == stored else link


def _merge_set(
    ours: Sequence[str], base: Sequence[str], theirs: Sequence[str], keep: Collection[str] = ()
) -> list[str] | None:
    """The set that results when our additions and removals meet theirs; None when that is what is there."""
    add = [name for name in ours if name not in base and name not in theirs]
    remove = {name for name in base if name not in ours and name in theirs and name not in keep}
    if not add and not remove:
        return None
    return [name for name in theirs if name not in remove] + add


def names_of(members: Iterable[Member]) -> Mapping[str, str]:
    """What people call each member, by id."""
    return {member.id: member.name or member.username or member.id for member in members}


def seen_of(remote: Remote, names: Mapping[str, str], timezone: ZoneInfo, conflicts: Sequence[str] = ()) -> Seen:
    """What the board shows of an item now; `names` are the members', by id."""
    due = remote.due.astimezone(timezone) if isinstance(remote.due, datetime) else remote.due
    return Seen(
        done=remote.done,
        due=canonical(due) or None,
        list=remote.list,
        assignees=tuple(names.get(id_, "somebody who left") for id_ in remote.assignees),
        archived=remote.archived,
        conflicts=tuple(conflicts),
    )


def seen_away(link: Link, remote: Remote) -> Link:
    """The link; it remembers that the item was in the archive after we had put it there.

    From then on it is a person who takes it out of there, and no write that was stopped half-way.
    """
    return replace(link, base={**link.base, _SEEN_AWAY: "1"}) if link.archived and remote.archived else link


def match_member(name: str, members: Iterable[Member]) -> Member | None:
    """The one member that goes by this name: id, username or e-mail address; None when none or several do."""
    wanted = name.strip().lstrip("@").casefold()
    found = [m for m in members if wanted and wanted in {m.id, m.username.casefold(), m.email.casefold()}]
    return found[0] if len(found) == 1 else None


def fingerprint(link: Link | None, remote: Remote | None) -> str:
    """Of everything that a change was decided on: another fingerprint later means that the plan is stale."""
    if link is None and remote is None:
        return ""
    of_link = [] if link is None else [link.id, link.nonce, dict(link.base), link.labels, link.checklist, link.archived]
    of_remote: list[Any] = []
    if remote is not None:
        due = remote.due.isoformat() if remote.due else None
        of_remote = [
            remote.id, remote.title, canonical(remote.body), due, canonical(remote.start), remote.done,
            remote.archived, sorted(remote.labels), [(line.text, line.done) for line in remote.checklist],
            sorted(remote.fields.items()),
        ]  # fmt: skip
    return digest(json.dumps([of_link, of_remote], sort_keys=True))


def _json(value: Any) -> Any:  # noqa: ANN401  a field's value
    if isinstance(value, date):  # a datetime is one, too
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def _added(change: Change, name: str) -> list[str]:
    before, after = change.fields.get(name, (None, None))
    return [x for x in after or () if x not in (before or ())]


def remaining(target: TargetPlan, changes: Sequence[Change], actual: Snapshot) -> TargetPlan:
    """The plan with just these of its changes, and what they need on the board as it is now; no violation is known."""
    return TargetPlan(
        target.target,
        target.board,
        tuple(changes),
        missing_lists=_missing_lists(changes, actual),
        missing_labels=_missing_labels(changes, actual),
    )


def _missing_lists(changes: Iterable[Change], actual: Snapshot) -> tuple[str, ...]:
    return _missing((c.fields["list"][1] for c in changes if "list" in c.fields), actual.lists)


def _missing_labels(changes: Iterable[Change], actual: Snapshot) -> tuple[str, ...]:
    return _missing((name for c in changes for name in _added(c, "labels")), actual.labels)


def _missing(wanted: Iterable[str], present: Collection[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in wanted if name and name not in present))


# --------------------------------------------------------------------------------------------- the file


@dataclass(frozen=True, slots=True)
class Plan:
    """The plans for all targets; saved, it is a canonical JSON file with a digest that binds `apply` to it.

    `run` is the run that made it: the same changes, wanted again later, are another plan. The digest tells an edit or
    damage; it is no signature, because whoever can write the file can compute it, too.
    """

    programme: str
    run: str
    targets: tuple[TargetPlan, ...]
    made_at: datetime
    expires_at: datetime

    @property
    def changes(self) -> tuple[Change, ...]:
        """All changes in the order in which they are applied."""
        return tuple(change for target in self.targets for change in target.changes)

    @property
    def digest(self) -> str:
        """Of what is to be done, and by whom it was planned: what names this plan in the journal."""
        return digest(json.dumps(self._content(), sort_keys=True, ensure_ascii=False), size=20)

    def _content(self) -> dict[str, Any]:
        return {
            "version": _VERSION,
            "programme": self.programme,
            "run": self.run,
            "made_at": self.made_at.astimezone(UTC).isoformat(),
            "expires_at": self.expires_at.astimezone(UTC).isoformat(),
            "targets": [
                {
                    "target": t.target,
                    "board": t.board,
                    "changes": [change_as_json(c) for c in t.changes],
                    "violations": dict(t.violations),
                    "allow": list(t.allow),
                }
                for t in self.targets
            ],
        }

    def dumps(self) -> str:
        """The file."""
        return (
            json.dumps({**self._content(), "digest": self.digest}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        )

    @staticmethod
    def loads(text: str, file: str) -> Plan:
        """A saved plan.

        Raises:
            StalePlan: it is none, was changed by hand, or is of another version.
        """
        why = "this is no plan"
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
            raw = json.loads(text)
            why = _not_applied_here(raw["version"]) or "this plan was changed or damaged after it was made"
            plan = _plan_from_json(raw)
            if raw == json.loads(plan.dumps()):
                return plan
        raise StalePlan(f"{why}.", where=file, remedy="Make a new one.")

    def check_age(self, now: datetime, file: str) -> None:
        """Whether it may be applied at this time.

        Raises:
            StalePlan: it has expired; or it comes from the future, where nobody can tell how old it is.
        """
        if now > self.expires_at + CLOCK_SKEW:
            made, expired = (f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" for at in (self.made_at, self.expires_at))
            remedy = "Make a new one; [safety] plan_expires says how long one lasts."
            raise StalePlan(f"this plan of {made} has expired at {expired}.", where=file, remedy=remedy)
        if now < self.made_at - CLOCK_SKEW:
            why = "by this machine's clock this plan is made in the future, so that nobody can tell how old it is."
            raise StalePlan(why, where=file, remedy="Set the clock, or make a new plan.")


def _not_applied_here(version: int) -> str:
    """Why a plan of this version is not applied; empty for our own."""
    if version > _VERSION:
        return (
            f"this plan is of version {version}, from a newer mi-sync than this one, which applies version {_VERSION}"
        )
    if version < _VERSION:
        return f"this plan is of version {version}, from an older mi-sync, and says too little to be applied safely"
    return ""


def _plan_from_json(raw: Mapping[str, Any]) -> Plan:
    made, expires = (datetime.fromisoformat(raw[name]) for name in ("made_at", "expires_at"))
    return Plan(raw["programme"], raw["run"], tuple(_target_from_json(each) for each in raw["targets"]), made, expires)


def _target_from_json(raw: Mapping[str, Any]) -> TargetPlan:
    changes = tuple(change_from_json(change) for change in raw["changes"])
    return TargetPlan(raw["target"], raw["board"], changes, violations=raw["violations"], allow=tuple(raw["allow"]))


def change_as_json(change: Change) -> dict[str, Any]:
    """A change for a file or the journal."""
    raw = {name: getattr(change, name) for name in Change.__slots__}
    return {**raw, "fields": {k: {"from": a, "to": b} for k, (a, b) in change.fields.items()}}


def change_from_json(raw: Mapping[str, Any]) -> Change:
    """The change that `change_as_json` wrote."""
    fields = {name: (value["from"], value["to"]) for name, value in raw["fields"].items()}
    sets = {name: tuple(raw.get(name, ())) for name in ("labels", "checklist", "conflicts", "apart")}
    return Change(**{**raw, **sets, "fields": fields})
