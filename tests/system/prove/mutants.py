"""mi-sync, broken on purpose: for each invariant a build that does not keep it, which the proof has to notice.

A mutant breaks the process that it is called in, which is a child of the driver and ends with its command.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from mi_sync import applying, http, plan, pulling, sync
from mi_sync.applying import Worker
from mi_sync.events import Event
from mi_sync.identity import field_digest
from mi_sync.model import Patch, Remote
from mi_sync.state import Store
from mi_sync.unmarked import Names
from mi_sync_trello import children
from mi_sync_trello.board import TrelloBoard
from mi_sync_trello.cards import Card
from mi_sync_trello.children import ChildWriter
from system.prove.world import Break


@dataclass(frozen=True, slots=True)
class Mutant:
    """A broken build.

    Attributes:
        what: is broken.
        invariant: that it does not keep.
        scenario, tool: where that shows.
        how: what is done to the run; see `proof`.
        quick: whether it is part of the short selection; each invariant has one that is.
    """

    what: str
    invariant: str
    scenario: str
    breaks: Break
    tool: str = "trello"
    how: Literal["killed", "overtaken", "lost", "raced"] = "killed"
    quick: bool = True


def _put(where: object, name: str, value: object) -> None:
    """In place of what must not be replaced."""
    setattr(where, name, value)


def _no_marks() -> None:
    _put(applying, "_landed", lambda *_: None)
    _put(plan._Planner, "_by_marked_key", lambda _: {})


def _never_landed() -> None:
    _put(applying, "_landed", lambda *_: None)
    _put(plan, "_caught_up", lambda link, _: link)


def _no_intent() -> None:
    _put(Worker, "_intend", lambda *_: 0)
    _put(plan, "_caught_up", lambda link, _: link)


def _no_patience() -> None:
    _put(applying, "_time_to_land", lambda *_: 0.0)


def _done_unseen() -> None:
    _put(applying, "_shows", lambda remote, intent: remote.marker == intent["token"])


def _no_settling() -> None:
    def unsettled(_run: Any, _target: Any, _board: Any, snapshot: Any, **_: Any) -> Generator[Event, None, Any]:
        yield from ()
        return snapshot

    _put(sync, "settle", unsettled)


def _base_first() -> None:
    _put(plan, "_caught_up", lambda link, _: link)
    intend = Worker._intend

    def early(self: Worker, change: Any, *rest: Any) -> int:
        number = intend(self, change, *rest)
        if (link := self._links.get(change.key)) is not None:
            with self._store.transaction():
                self._store.save_link(self._target, replace(link, base=change.base))
        return number

    _put(Worker, "_intend", early)


def _two_commits() -> None:
    _put(plan, "_caught_up", lambda link, _: link)
    record = Worker._record

    def twice(self: Worker, change: Any, nonce: str, remote: Remote, seq: int) -> Any:
        with self._store.transaction():
            self._store.advance(seq, "done")
        return record(self, change, nonce, remote, seq)

    _put(Worker, "_record", twice)


def _no_transactions() -> None:
    @contextlib.contextmanager
    def loose(_: Store) -> Iterator[None]:
        yield

    _put(Store, "transaction", loose)


def _anybodys_title() -> None:
    def namesakes(self: Any) -> dict[str, list[Remote]]:
        return {plan._title(remote.title): [remote] for remote in self._actual.remotes if not self._is_linked(remote)}

    _put(plan._Planner, "_is_linked", lambda self, remote: remote.id in {link.id for link in self._base.values()})
    _put(plan._Planner, "_namesakes", property(namesakes))


def _label_set() -> None:
    def set_labels(self: ChildWriter, card: Card, name: str) -> Card:
        label = self._labels.ensure(name)
        self._http.put(f"/cards/{card.remote.id}", {"idLabels": [label]})
        return self._cards.relabel(card, [label])

    _put(ChildWriter, "_add_label", set_labels)


def _lines_unseen() -> None:
    _put(children, "settle", lambda state, *, do, **_: do(state))


def _names_unseen() -> None:
    _put(Names, "find", lambda _self, _name: None)


def _deletes() -> None:
    update = TrelloBoard._update

    def deleting(self: TrelloBoard, id_: str, patch: Patch, texts: Any) -> Remote:
        remote = update(self, id_, patch, texts)
        if patch.fields.get("archived"):
            self._http.delete(f"/cards/{id_}")
        return remote

    _put(TrelloBoard, "_update", deleting)


def _posts_again() -> None:
    _put(http, "_REPEATABLE", frozenset({"GET", "PUT", "DELETE", "POST"}))


def _no_lock() -> None:
    _put(Store, "lock", lambda *_args, **_options: contextlib.nullcontext())


def _looks_each_time() -> None:
    current = Worker._current

    def looking(self: Worker, change: Any) -> Remote | None:
        self._board.snapshot()
        return current(self, change)

    _put(Worker, "_current", looking)


def _writes_again() -> None:
    def always(self: Any, name: str, item: Any, _link: Any, _remote: Remote, it: Any) -> None:
        ours = self._local(getattr(item, name))
        it.fields[name] = (None, plan._json(ours))
        it.base[name] = field_digest(ours)

    _put(plan._Planner, "_merge_scalar", always)


def _names_people() -> None:
    give = pulling.give_labels

    def telling(programme: str, store: Store) -> None:
        for applicant in store.records("applicant"):
            logging.getLogger("mi_sync.pulling").info("a label for %s", getattr(applicant, "name", ""))
        give(programme, store)

    _put(sync, "give_labels", telling)


def _unsafe_file() -> None:
    """What SQLite promises is given away: a commit is not followed by anything that could be read again."""
    begin = Store.begin

    def damaging(self: Store, *args: Any) -> int:
        number = begin(self, *args)
        self._db.execute("PRAGMA writable_schema = ON")
        self._db.execute("UPDATE sqlite_master SET rootpage = 2 WHERE name = 'journal_open'")
        return number

    _put(Store, "begin", damaging)


def _bug_after_death() -> None:
    entries = Store.open_entries

    def failing(self: Store, target: str) -> Any:
        if found := entries(self, target):
            raise RuntimeError(f"{len(found)} are open")
        return found

    _put(Store, "open_entries", failing)


MUTANTS: tuple[Mutant, ...] = (
    Mutant("marks on the board are not looked at", "one of each", "create", _no_marks),
    Mutant("marks are not looked at, Asana without `external`", "one of each", "create", _no_marks, "oauth", quick=False),
    Mutant("a write that took effect is taken for one that did not", "nothing lost", "update, people reword", _never_landed),
    Mutant("no intent is stored before the call", "nothing lost", "update, people reword", _no_intent, quick=False),
    Mutant("what is on its way is not waited for", "nothing lost", "create", _no_patience, how="overtaken", quick=False),
    Mutant("a line on its way is not waited for", "one of each", "checklist", _no_patience, how="overtaken"),
    Mutant("a marker that did not change is taken for a write", "nothing lost", "finish", _done_unseen),
    Mutant("open intents are not settled", "converged", "create", _no_settling),
    Mutant("the base moves before the call", "nothing lost", "update", _base_first, quick=False),
    Mutant("link and journal are stored in two commits", "nothing lost", "update, people reword", _two_commits, quick=False),
    Mutant("there are no transactions", "nothing lost", "update, people reword", _no_transactions, quick=False),
    Mutant("another programme's mark is no reason to leave an item alone", "nothing foreign touched", "adopt nothing", _anybodys_title),
    Mutant("labels are written as a set", "nothing lost", "labels", _label_set),
    Mutant("lines are added without looking", "one of each", "saved plan", _lines_unseen),
    Mutant("lists and labels are made without looking", "one of each", "create", _names_unseen, quick=False),
    Mutant("what is archived is deleted", "nothing deleted", "archive", _deletes),
    Mutant("a POST without an answer is sent again", "one of each", "create", _posts_again, how="lost"),
    Mutant("there is no lock", "one at a time", "create", _no_lock, how="raced"),
    Mutant("the whole board is read before each change", "few requests", "everything", _looks_each_time),
    Mutant("what is as it should be is written again", "converged", "update", _writes_again),
    Mutant("the log names people", "no personal data logged", "create", _names_people),
    Mutant("the state is damaged by a commit", "state whole", "update", _unsafe_file),
    Mutant("an open intent is a surprise", "orderly end", "create", _bug_after_death),
)  # fmt: skip
