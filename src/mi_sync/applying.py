"""One plan's changes are carried out, one recorded step at a time; what an earlier run left open is settled first.

The parts of `sync.apply`. For each change: the intent is committed, then one call carries the marker, then link and
"done" are stored in one commit. So whatever is killed where, the journal and the marker tell what happened.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from mi_sync import identity
from mi_sync import plan as planning
from mi_sync.connector import Board
from mi_sync.errors import (
    AlreadyThere,
    BudgetReached,
    NotAuthorised,
    OutcomeUnknown,
    Problem,
    RequestRefused,
    Unavailable,
)
from mi_sync.events import Done, Event, Run, Waiting
from mi_sync.http import Wire
from mi_sync.identity import MARKED, Marker, canonical
from mi_sync.model import Children, Fields, Link, Patch, Remote, Seen, Snapshot
from mi_sync.plan import Change, TargetPlan
from mi_sync.state import Entry

FRESH = timedelta(seconds=30)
"""An item is read again before a write when the snapshot is older than this."""

# ----------------------------------------------------------------------------------------------- settle


def settle(
    run: Run, target: str, board: Board, snapshot: Snapshot, *, wait: bool, resuming: str = ""
) -> Generator[Event, None, Snapshot]:
    """Finds out what became of every open intent, by its marker; writes nothing to the board.

    What landed gets its link; what did not is void, and is planned anew. An intent that is younger than one timeout
    may still land, and so may the line or label that was last sent for an item: then we wait and look again.
    `resuming` is the plan whose half-done changes will be finished.
    """
    entries = run.store.open_entries(target)
    if wait and any(e.state == "carried" or _landed(e.intent, snapshot) is None for e in entries):
        wire = run.outside.wire
        pause = _time_to_land(entries, wire)
        if pause > 0:
            yield Waiting(pause, "a request of an interrupted run may still take effect")
            wire.sleep(pause)
            snapshot = board.snapshot()
    links, names = run.store.links(target), planning.names_of(snapshot.members)
    for entry in entries:
        with run.store.transaction():
            _settle_one(run, entry, links.get(entry.key), snapshot, names, resuming)
    return snapshot


def _settle_one(
    run: Run, entry: Entry, old: Link | None, snapshot: Snapshot, names: Mapping[str, str], resuming: str
) -> None:
    change = planning.change_from_json(entry.intent["change"])
    # What is missing on an item is planned anew, unless the very plan that it is of goes on.
    after = "carried" if entry.plan == resuming and _children(change) else "done"
    if entry.state == "carried":
        run.store.advance(entry.seq, after)
        return
    remote = _landed(entry.intent, snapshot)
    if remote is None:
        run.store.advance(entry.seq, "void")
        return
    if not _is_stray(change, old):
        link = _carried(change, entry.intent["nonce"], remote, old, run, names)
        run.store.save_link(entry.target, link)
    run.store.advance(entry.seq, after)


def _time_to_land(entries: Sequence[Entry], wire: Wire) -> float:
    """Seconds until the youngest open intent is older than one timeout."""
    ages = [(wire.now() - datetime.fromisoformat(e.at)).total_seconds() for e in entries]
    return max(0.0, min(wire.timeout[1], wire.timeout[1] - min(ages)))


def _landed(intent: Mapping[str, Any], snapshot: Snapshot) -> Remote | None:
    """The item that shows that an intended write took effect: it carries exactly the marker of that write."""
    wanted = Marker.decode(intent["token"])
    if wanted is None:
        return None
    # The oldest first: a person's copy of a card has the same marker, and is younger.
    for remote in sorted(snapshot.remotes, key=lambda it: it.id):
        marker = Marker.decode(remote.marker)
        if marker is None or (marker.key, marker.nonce) != (wanted.key, wanted.nonce):
            continue
        # A creation is known by its nonce alone: a person may have edited the item since.
        if not intent["change"]["id"] or (remote.id == intent["change"]["id"] and _shows(remote, intent)):
            return remote
    return None


def _shows(remote: Remote, intent: Mapping[str, Any]) -> bool:
    """Whether an existing item shows an intended write: by its marker, if that is another one than before.

    A write that changes nothing that the marker tells of, such as `done`, is known by what it changes.
    """
    if remote.marker != intent["token"]:
        return False
    if intent.get("before") != intent["token"]:
        return True
    fields = planning.change_from_json(intent["change"]).fields
    untold = {name: after for name, (_, after) in fields.items() if name not in MARKED}
    return all(getattr(remote, name, None) == after for name, after in untold.items())


# ------------------------------------------------------------------------------------------------ apply


class Worker:
    """Applies the changes of one target.

    `journal` names the plan in the journal: what it says is done under this name is not done again.
    """

    def __init__(self, run: Run, target: TargetPlan, journal: str, board: Board, snapshot: Snapshot) -> None:
        self._run, self._target, self._journal, self._board = run, target.target, journal, board
        self._programme = identity.programme_short(run.config.programme.id)
        self._store = run.store
        self._bookkeeping = target.bookkeeping
        self._counts = run.result.targets[target.target]
        self._taken_at = snapshot.taken_at
        self._remotes = {remote.id: remote for remote in snapshot.remotes}
        self._links = self._store.links(target.target)
        self._names = planning.names_of(snapshot.members)
        self._earlier = {
            (e.key, e.intent["change"]["id"]): e
            for e in self._store.entries_of_plan(journal)
            if e.target == self._target
        }

    def keep_books(self) -> None:
        """Stores what was seen and needs no call."""
        with self._store.transaction():
            for link in self._bookkeeping:
                self._store.save_link(self._target, link)
                self._links[link.key] = link

    def apply(self, change: Change) -> Generator[Event, None, str]:
        """One change: intent, call, link, children, done. Returns done or failed."""
        earlier = self._earlier.get((change.key, change.id))
        try:
            if earlier is not None and earlier.state == "done":
                return "done"  # an interrupted apply of the same plan did it
            if earlier is not None and earlier.state == "carried":
                self._finish(change, self._links[change.key], earlier.seq)
            else:
                yield from self._carry_out(change)
        except AlreadyThere as error:
            self._dismiss(change, error)
            return "dismissed"
        except (RequestRefused, OutcomeUnknown) as error:
            # Also what stays unknown fails alone: a server may choke on one item, and the looks have shown that it
            # answers others.
            self._counts.failed += 1
            remedy = "" if error.remedy else " The next run tries it again."
            self._run.result.note(Problem(change.url or change.title, "", f"{error.problem().why}{remedy}"))
            return "failed"
        return "done"

    def _carry_out(self, change: Change) -> Generator[Event, None, None]:
        remote = self._current(change)
        if change.action == "adopt" and change.nonce and not change.fields:
            assert remote is not None  # noqa: S101  an adoption is of an item that was seen
            seq = self._intend(change, change.nonce, self._token(change, change.nonce), remote)
            self._record(change, change.nonce, remote, seq)  # no call; journalled, so that a saved plan can resume
            return
        nonce = change.nonce or self._run.outside.nonce()
        token = self._token(change, nonce)
        seq = self._intend(change, nonce, token, remote)
        if not _patched(change):  # labels and checklist alone need no call for the item itself
            assert remote is not None  # noqa: S101  only an existing item has children to change
        else:
            after = yield from self._merge(change, nonce, token, seq, remote)
            seq, nonce, remote = after
        link = self._record(change, nonce, remote, seq)
        self._finish(change, link, seq, remote)

    def _merge(
        self, change: Change, nonce: str, token: str, seq: int, remote: Remote | None
    ) -> Generator[Event, None, tuple[int, str, Remote]]:
        """The one call. After an unknown outcome: look, wait one timeout, look again, then try with a new nonce."""
        for last in (False, True):
            try:
                return seq, nonce, self._board.merge(self._patch(change, token, remote))
            except OutcomeUnknown as unknown:
                found = yield from self._look(change, _intent(change, nonce, token, remote), unknown)
                if found is not None:
                    return seq, nonce, found
                self._store.advance(seq, "void")
                if last or change.id:
                    raise OutcomeUnknown(unknown.why, remedy="The next run looks again.") from None
                nonce = self._run.outside.nonce()
                token = self._token(change, nonce)
                seq = self._intend(change, nonce, token, remote)
            except AlreadyThere as there:
                self._store.advance(seq, "void")
                return self._taken_over(change, there)
            except (RequestRefused, NotAuthorised, Unavailable, BudgetReached):
                self._store.advance(seq, "void")  # the answer proves that nothing happened
                raise
        raise AssertionError  # pragma: no cover  the loop returns or raises

    def _taken_over(self, change: Change, there: AlreadyThere) -> tuple[int, str, Remote]:
        """The item that was there already, made by an earlier attempt or by another run.

        Raises:
            AlreadyThere: it is not to be seen.
        """
        remote = self._board.read(there.id) if there.id else None
        marker = Marker.decode(remote.marker) if remote else None
        if remote is None or marker is None or remote.marker is None or marker.key != change.key:
            raise there
        return self._intend(change, marker.nonce, remote.marker, remote), marker.nonce, remote

    def _dismiss(self, change: Change, there: AlreadyThere) -> None:
        """A person put it into the trash, where no snapshot shows it: remembered, so that no run tries again."""
        link = Link(
            key=change.key,
            id="",
            url="",
            nonce="",
            owner=change.owner,
            step=change.step,
            title=change.title,
            base=change.base,
            seen=Seen(gone=True),
        )
        with self._store.transaction():
            self._store.save_link(self._target, link)
        self._counts.dismissed += 1
        why = f"{there.why} It counts as dismissed; `mi-sync apply --recreate {change.key}` makes it anew."
        self._run.result.note(Problem(change.title, "", why))

    def _look(
        self, change: Change, intent: Mapping[str, Any], unknown: OutcomeUnknown
    ) -> Generator[Event, None, Remote | None]:
        for pause in (0.0, self._run.outside.wire.timeout[1]):
            if pause:
                yield Waiting(pause, unknown.why)
                self._run.outside.wire.sleep(pause)
            if change.id:
                remote = self._board.read(change.id)
                found = remote if remote is not None and _shows(remote, intent) else None
            else:
                found = next((r for r in self._board.newest() if r.marker == intent["token"]), None)
            if found is not None:
                return found
        return None

    # -- before the call ----------------------------------------------------------------------------

    def _current(self, change: Change) -> Remote | None:
        """The item as it is now, if the snapshot is old; a change of it since then stops this change.

        Raises:
            RequestRefused: it moved meanwhile.
        """
        if not change.id:
            return None
        remote: Remote | None = self._remotes.get(change.id)
        if self._run.outside.wire.now() - self._taken_at > FRESH:
            remote = self._board.read(change.id)
        if remote is None or planning.fingerprint(self._expected_link(change), remote) != change.expects:
            why = "somebody changed it while this run was under way."
            raise RequestRefused(why, remedy="The next run looks again.")
        return remote

    def _expected_link(self, change: Change) -> Link | None:
        link = self._links.get(change.key)
        return link if link is not None and link.id == change.id else None

    def _token(self, change: Change, nonce: str) -> str:
        digests = {name: change.base.get(name) or identity.field_digest(None) for name in MARKED}
        return Marker(self._programme, change.key, nonce, digests, archived=change.action == "archive").encode()

    def _intend(self, change: Change, nonce: str, token: str, remote: Remote | None) -> int:
        intent = _intent(change, nonce, token, remote)
        with self._store.transaction():
            return self._store.begin(
                self._target, change.key, self._journal, self._run.result.run_id, self._run.outside.now(), intent
            )

    def _patch(self, change: Change, token: str, remote: Remote | None) -> Patch:
        fields = _fields(change)
        body = fields.get("body", remote.body if remote else "")
        return Patch(change.id or None, token, body, fields, unique=self._unique(change, token))

    def _unique(self, change: Change, token: str) -> str:
        """The same in every attempt and every run, but for an item that is made again after a person removed it."""
        if change.nonce:
            return ""  # it has its name
        again = change.action == "create" and change.expects
        return f"{self._programme}.{change.key}" + (f".{identity.digest(change.expects, token)}" if again else "")

    # -- after the call -----------------------------------------------------------------------------

    def _record(self, change: Change, nonce: str, remote: Remote, seq: int) -> Link:
        """Link and journal in one commit."""
        old = self._links.get(change.key)
        link = _carried(change, nonce, remote, old, self._run, self._names)
        children = bool(_children(change))
        if not children:
            link = replace(link, labels=change.labels, checklist=change.checklist)
        with self._store.transaction():
            if not _is_stray(change, old):
                self._store.save_link(self._target, link)
                self._links[change.key] = link
            self._store.advance(seq, "carried" if children else "done")
        if _patched(change) or not children:
            self._count(change, remote.url)
        return link

    def _count(self, change: Change, url: str) -> None:
        self._counts.count(change.action)
        self._run.result.applied += 1
        if change.fields or not change.nonce:  # to remember an item by its mark again is no news of it
            self._run.result.done.append(Done(self._target, change.key, change.action, url))

    def _finish(self, change: Change, link: Link, seq: int, remote: Remote | None = None) -> None:
        """What is written one by one; what is already there is skipped, so an interrupted one resumes."""
        children = _children(change)
        if not children:
            return
        remote = remote or self._remotes.get(link.id) or self._board.read(link.id)
        if remote is None:
            raise RequestRefused("it is gone.")
        self._board.merge_children(remote, children)
        with self._store.transaction():
            base = planning.still_marked(change.base, link.base)
            done = replace(link, base=base, labels=change.labels, checklist=change.checklist)
            self._store.save_link(self._target, done)
            self._store.advance(seq, "done")
        if not _patched(change):
            self._count(change, remote.url)


def _intent(change: Change, nonce: str, token: str, remote: Remote | None) -> dict[str, Any]:
    """What the journal keeps of a change: enough to find out later whether it took effect."""
    before = remote.marker if remote else None
    return {"change": planning.change_as_json(change), "nonce": nonce, "token": token, "before": before}


def _is_stray(change: Change, old: Link | None) -> bool:
    """A late duplicate that only goes out of the way: it gets no link."""
    return change.action == "archive" and (old is None or old.id != change.id)


def _carried(change: Change, nonce: str, remote: Remote, old: Link | None, run: Run, names: Mapping[str, str]) -> Link:
    """The link after the call for the item itself; what is written one by one follows with the children."""
    after = {name: value for name, (_, value) in change.fields.items()}
    timezone = run.config.programme.timezone
    same = old if old is not None and old.id == remote.id else None
    if same:
        seen = same.seen
    elif change.action == "adopt":
        seen = planning.seen_of(remote, names, timezone)
    else:
        seen = Seen(list=str(after.get("list", remote.list)))
    due = _local_day(after["due"], timezone) if "due" in after else seen.due
    link = Link(
        key=change.key,
        id=remote.id,
        url=remote.url,
        nonce=nonce,
        owner=change.owner,
        step=change.step,
        title=change.title,
        base=planning.as_marked(_base_meanwhile(change, same), change.key, nonce, remote.marker),
        labels=same.labels if same else (change.labels if change.action == "create" else ()),
        checklist=same.checklist if same else (),
        archived=change.action == "archive",
        seen=replace(
            seen,
            due=due,
            done=bool(after.get("done", seen.done)),
            archived=change.action == "archive",
            assignees=seen.assignees or tuple(names.get(id_, id_) for id_ in [after.get("assignee")] if id_),
            gone=False,
            conflicts=change.conflicts,
        ),
    )
    return planning.seen_away(link, remote)


def _base_meanwhile(change: Change, old: Link | None) -> Mapping[str, str]:
    """The base while the children are still to be written: what is written apart counts as it was before."""
    base = {name: value for name, value in change.base.items() if name not in change.apart}
    base |= {name: old.base[name] for name in change.apart if old is not None and name in old.base}
    owed = planning.COMMENT in change.fields
    return {**base, planning.COMMENT: planning.OWED} if owed else base


def _patched(change: Change) -> bool:
    """Whether the item itself is written, and not only its children."""
    return not change.nonce or any(name not in {"labels", "checklist", *change.apart} for name in change.fields)


def _fields(change: Change) -> Fields:
    """The JSON values of a change as what a board is given."""
    after = {name: value for name, (_, value) in change.fields.items() if name not in {"checklist", *change.apart}}
    custom = {name: after.pop(name) for name in list(after) if name.startswith(planning.FIELD)}
    for name in ("due", "start"):
        if after.get(name):
            after[name] = _day_or_instant(after[name])
    labels, followers = after.pop("labels", ()), after.pop("followers", ())
    fields = cast("Fields", after)  # the planner's names are the fields' names
    if change.action == "create":
        fields["labels"] = tuple(labels)
    if followers:
        fields["followers"] = tuple(followers)
    if custom:
        fields["fields"] = {name.removeprefix(planning.FIELD): value for name, value in custom.items()}
    return fields


def _day_or_instant(text: str) -> date | datetime:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def _local_day(text: str | None, timezone: ZoneInfo) -> str | None:
    when = _day_or_instant(text) if text else None
    return canonical(when.astimezone(timezone) if isinstance(when, datetime) else when) or None


def _children(change: Change) -> Children:
    before, after = change.fields.get("checklist", ((), ()))
    add, remove = _difference(before, after)
    apart = {name: change.fields[name][1] for name in change.apart}
    comment = apart.pop(planning.COMMENT, "")
    fields = {name.removeprefix(planning.FIELD): value for name, value in apart.items()}
    if change.action == "create":
        return Children(add_checks=add, set_fields=fields, comment=comment)
    labels_add, labels_remove = _difference(*change.fields.get("labels", ((), ())))
    return Children(labels_add, labels_remove, add, remove, fields, comment)


def _difference(before: Sequence[str] | None, after: Sequence[str] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    before, after = before or (), after or ()
    return tuple(x for x in after if x not in before), tuple(x for x in before if x not in after)
