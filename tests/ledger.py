"""What a board should show: who touched which field last, and what a run may do about it.

A run is judged by the board before it and after it. Between runs people do what they like, so nothing of what they
do has to be foretold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adversary import ZONE, Held, Owner, Project, Wishes
from mi_sync import identity
from mi_sync.identity import MARKED, Marker
from mi_sync.model import Remote

Key = tuple[Owner, str]
OURS = identity.programme_short("spring-2026-7f3k9q")


@dataclass
class Card:
    """One item that was ours at some time.

    Attributes:
        key: what it is for.
        bases: for each field what may have been applied last; more than one after a run that was killed.
        ever: what was.
        ours: it was we who put it away.
        vague: nobody can say any more what was applied last: its marker is another's, and the state is lost.
    """

    key: Key
    bases: dict[str, set[Any]] = field(default_factory=dict)
    ever: dict[str, set[Any]] = field(default_factory=dict)
    ours: bool = False
    vague: bool = False

    def base(self, name: str) -> set[Any]:
        return self.bases.setdefault(name, {None})

    def applied(self, name: str, values: set[Any]) -> None:
        self.bases[name] = values
        self.ever.setdefault(name, set()).update(values)


def held(remote: Remote) -> Held:
    """The fields of an item as they are compared: days, and no difference between empty and none."""
    due = remote.due.astimezone(ZONE).date() if isinstance(remote.due, datetime) else remote.due
    fields: Held = {"title": remote.title, "body": remote.body.strip() or None, "due": due, "start": remote.start}
    fields |= {f"label {name}": True for name in remote.labels}
    return fields | {f"line {line.text}": True for line in remote.checklist}


def is_foreign(remote: Remote) -> bool:
    marker = Marker.decode(remote.marker)
    return marker is not None and marker.programme != OURS


def marked(remote: Remote) -> str:
    """The key in our mark, if it has one."""
    marker = Marker.decode(remote.marker)
    return marker.key if marker is not None and marker.programme == OURS else ""


Board = Mapping[str, Remote]


class Ledger:
    """All that was ever ours, and where each key's item is.

    Attributes:
        links: key → id of its item; "" where it is gone for good and nobody remembers where it was.
        keys: how marks call each key.
        remarked: items whose mark people changed.
    """

    def __init__(self, project: Project) -> None:
        self._project, self.conflicts = project, project.conflicts
        self.cards: dict[str, Card] = {}
        self.links: dict[Key, str] = {}
        self.keys: dict[Key, str] = {}
        self.remarked: set[str] = set()

    # -- what happened ------------------------------------------------------------------------------

    def lose_state(self) -> None:
        """Only the board remembers: what was applied last may be anything that ever was."""
        self.links.clear()
        for id_, card in self.cards.items():
            for name in card.bases:
                sets = {True, None} if " " in name else set()
                card.applied(name, card.ever.get(name, set()) | card.bases[name] | sets)
            card.vague |= id_ in self.remarked

    def know_again(self) -> None:
        """The state was rebuilt."""
        links = self._project.links()
        self.keys |= {key: link.key for key, link in links.items()}
        self.links = {key: link.id for key, link in links.items()}

    def judge(self, before: Board, after: Board, wishes: Wishes, *, clean: bool, certain: bool) -> None:
        """A run has ended; `clean` if nothing stopped it, `certain` if it may archive what is not asked for."""
        links, known = self._project.links(), dict(self.links)
        self.keys |= {key: link.key for key, link in links.items()}
        self.links = {key: link.id for key, link in links.items()}
        assert not before.keys() - after.keys(), "nothing is ever deleted"
        for id_ in sorted(after.keys() - before.keys()):
            self._is_new(id_, after[id_], before, wishes, known, clean=clean)
        linked = {id_: key for key, id_ in self.links.items() if id_}
        for id_ in sorted(before):
            if id_ in linked:
                run = _Run(self, id_, linked[id_], before[id_], after[id_], wishes, clean=clean, certain=certain)
                run.judge()
            else:
                self._is_let_alone(id_, before[id_], after[id_], clean=clean)
        if clean:
            self._has_one_each(wishes, known)

    def _is_new(
        self, id_: str, remote: Remote, before: Board, wishes: Wishes, known: Mapping[Key, str], *, clean: bool
    ) -> None:
        """Only what is asked for is made, and only where nothing of that key was."""
        names = {value: key for key, value in self.keys.items()}
        key = names.get(marked(remote))
        if key is None:
            key = next(k for k, wish in wishes.items.items() if wish["title"] == remote.title)
            self.keys[key] = marked(remote)
        assert key in wishes.items, f"nobody asks for {remote.title}"
        others = [r for i, r in before.items() if marked(r) == marked(remote)]
        if clean:
            assert key not in known, f"{key} was there"
            assert not others, f"{remote.title} is made a second time"
        self.cards[id_], there, wish = Card(key), held(remote), wishes.items[key]
        for name in {*there, *wish}:
            found, wished = there.get(name), wish.get(name)
            assert found == wished or not clean, f"{name} of a new one: {found!r}"
            # Lines come one by one after the item, and what was added last may not have been remembered.
            missing = name.startswith("line ") and found is None
            self.cards[id_].applied(
                name, {None} if missing else {wished} if clean or " " not in name else {wished, None}
            )

    def _is_let_alone(self, id_: str, before: Remote, after: Remote, *, clean: bool) -> None:
        """Not linked: a person's, another programme's, a copy, or a late second one, which alone may be put away."""
        if id_ in self.cards and not clean:
            return
        if id_ in self.cards and marked(before) and (after.archived, after.done) != (before.archived, before.done):
            self.cards[id_].ours = True
            return
        assert after == before, f"not ours, and changed: {before} -> {after}"

    def _has_one_each(self, wishes: Wishes, known: Mapping[Key, str]) -> None:
        for key in wishes.items:
            assert key in self.links, f"{key} has no item"
            id_ = self.links[key]
            if known.get(key):
                assert known[key] == id_, f"{key} is another item now"


@dataclass
class _Run:
    """What a run did to one item."""

    ledger: Ledger
    id: str
    key: Key
    before: Remote
    after: Remote
    wishes: Wishes
    clean: bool
    certain: bool

    def judge(self) -> None:
        card = self.ledger.cards.setdefault(self.id, Card(self.key, vague=True))
        card.vague |= card.key != self.key
        wish = self.wishes.items.get(self.key)
        if is_foreign(self.before) or (self.before.archived and not card.ours):
            assert self.after == self.before, "what a person put away, or gave to another programme, is let alone"
        elif wish is None:
            self._unwanted(card)
        else:
            self._merged(card, wish)

    def _unwanted(self, card: Card) -> None:
        away = self.before.archived or self.before.done or card.ours
        certain = self.certain and self.key[0] in self.wishes.settled
        assert held(self.after) == held(self.before), "what is not asked for keeps its fields"
        moved = (self.after.archived, self.after.done) != (self.before.archived, self.before.done)
        assert not moved or certain, "put away although that is not certain"
        assert not moved or not away or card.ours, "put away although it was done"
        if self.clean and certain and not away:
            assert self.after.archived, f"{self.before.title} is not asked for"
        card.ours |= moved

    def _merged(self, card: Card, wish: Held) -> None:
        """Each field is as the rules of the contract say, for one of the values that may have been applied last."""
        old, new = held(self.before), held(self.after)
        for name in {*old, *new, *wish, *card.bases}:
            possible = self._field(card, name, wish.get(name), old.get(name))
            if not self.clean:
                possible |= self._unwritten(card, name, wish.get(name), old.get(name))
            fits = {base for base, value in possible if value == new.get(name)}
            assert fits, f"{name} of {self.before.title!r}: {old.get(name)!r} -> {new.get(name)!r}; {possible}"
            # What comes in one request with its mark is known by it, though the run was killed.
            told = self.clean or (name in MARKED and new.get(name) != old.get(name))
            card.applied(name, fits if told else fits | card.base(name))
        assert not (self.clean and self.after.archived), f"{self.before.title} is asked for"
        self._theirs(card)
        if self.clean:
            card.ours, card.vague = False, False

    def _unwritten(self, card: Card, name: str, wanted: Any, there: Any) -> set[tuple[Any, Any]]:
        """The same where the run did not come so far: nothing is remembered as applied that is not there."""
        agreed = there == wanted or self.ledger.conflicts.get(name) == "theirs"
        return {(base, there) for base in card.base(name)} | ({(wanted, there)} if agreed else set())

    def _field(self, card: Card, name: str, wanted: Any, there: Any) -> set[tuple[Any, Any]]:
        """What may be remembered afterwards, and what may stand there."""
        bases = {wanted, there} if card.vague else card.base(name)
        how = self.ledger.conflicts.get(name, "ours")
        return {_merge(base, wanted, there, how, keep=self._keeps(card, name)) for base in bases}

    def _keeps(self, card: Card, name: str) -> bool:
        """Whether nothing is ever taken back here: a ticked line, or the dates of what is done."""
        done = self.before.done and not card.ours
        ticked = any(name == f"line {line.text}" and line.done for line in self.before.checklist)
        return ticked or (done and name in {"due", "start"})

    def _theirs(self, card: Card) -> None:
        """List, people, done and ticks are theirs, but for what it takes to bring back what we put away."""
        for name in ("list", "assignees", "done"):
            same = getattr(self.before, name) == getattr(self.after, name)
            assert same or (card.ours and name != "assignees"), f"{name} is theirs"
        ticks = {line.text: line.done for line in self.after.checklist}
        assert all(ticks.get(line.text) for line in self.before.checklist if line.done), "a tick is theirs"


def _merge(base: Any, wanted: Any, there: Any, how: str, *, keep: bool) -> tuple[Any, Any]:
    """What is remembered, and what stands there."""
    if there == wanted:
        return wanted, there
    if wanted == base or (keep and (wanted is None or there is not None)):
        return base, there
    if there != base and how != "ours":
        return (wanted if how == "theirs" else base), there
    return wanted, wanted
