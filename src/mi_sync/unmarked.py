"""What carries no marker: found by its exact name, listed again before it is made, looked at after every outcome.

Lists, labels, sections, tags and the lines of checklists have no place for a marker. So each step about one of them
says how things should be, which can be checked after any outcome and repeated without harm.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from mi_sync.errors import OutcomeUnknown, RequestRefused
from mi_sync.http import Wire

State = TypeVar("State")

ATTEMPTS = 3
"""So often one step is tried; between two attempts it is looked at."""

OLD = timedelta(minutes=5)
"""Names that were listed longer ago are listed again before one is made."""

# ------------------------------------------------------------------------------------------------- steps


def settle(
    state: State,
    holds: Callable[[State], bool],
    do: Callable[[State], State],
    look: Callable[[State], State],
    wire: Wire,
) -> State:
    """Makes one thing so, and returns the state in which it is.

    Args:
        state: as last seen.
        holds: whether it is so already.
        do: one attempt.
        look: the state as it is now.
        wire: for the time that a lost request may still take.

    Raises:
        RequestRefused: it was refused twice, and a look shows that it is not so.
        OutcomeUnknown: every attempt stayed without an answer, and a look shows that it is not so.
    """
    error: RequestRefused | OutcomeUnknown | None = None
    for _ in range(ATTEMPTS):
        if holds(state):
            return state
        try:
            return do(state)
        except OutcomeUnknown as unknown:
            error = unknown
            state = _looked(state, holds, look, wire)
        except RequestRefused as refused:  # nothing happened; perhaps because it is so already
            error, again = refused, isinstance(error, RequestRefused)
            state = look(state)
            if again:
                break
    if error is not None and not holds(state):
        raise error
    return state


def _looked(state: State, holds: Callable[[State], bool], look: Callable[[State], State], wire: Wire) -> State:
    """Looks whether it happened; if not, once more after the time in which it still may."""
    state = look(state)
    if not holds(state):
        wire.sleep(wire.timeout[1])
        state = look(state)
    return state


# ------------------------------------------------------------------------------------------------- names


@dataclass(frozen=True, slots=True)
class Named:
    """One thing with a name; `closed` when nothing new may go there, `place` is its place among the others."""

    id: str
    name: str
    closed: bool = False
    place: float = 0.0


class Names:
    """All things of one kind on one board, by exact name: found, or made when missing.

    Args:
        kind: how messages call it.
        list_: lists all of them.
        make: makes one of this name.
        now: the clock.
    """

    def __init__(
        self,
        kind: str,
        list_: Callable[[], Iterable[Named]],
        make: Callable[[str], Named],
        now: Callable[[], datetime],
    ) -> None:
        self._kind, self._list, self._make, self._now = kind, list_, make, now
        self._entries: dict[str, Named] = {}
        self._listed_at: datetime | None = None
        self._in_doubt = False
        self._unanswered: dict[str, OutcomeUnknown] = {}

    # -- what is there ------------------------------------------------------------------------------

    def take(self, entries: Iterable[Named]) -> None:
        """Takes over a complete listing."""
        self._entries = {each.id: each for each in entries}
        self._listed_at, self._in_doubt = self._now(), False

    def learn(self, found: Named) -> Named:
        """Takes over a single one."""
        self._entries[found.id] = found
        return found

    def forget(self) -> None:
        """What is known may be wrong: list again before it is next relied on."""
        self._in_doubt = True

    def know(self, ids: Collection[str]) -> None:
        """Lists again, once, when one of the ids is unknown."""
        if any(each not in self._entries for each in ids):
            self.take(self._list())

    def get(self, id: str) -> Named | None:  # noqa: A002  the field's name in the model
        """The one with this id."""
        return self._entries.get(id)

    def names(self, ids: Iterable[str]) -> tuple[str, ...]:
        """The names of some of them, in that order; what has no name is left out."""
        found = (self._entries.get(each) for each in ids)
        return tuple(dict.fromkeys(each.name for each in found if each is not None and each.name))

    def usable(self) -> list[Named]:
        """Those that are open and have a name, in their order."""
        return sorted((e for e in self._entries.values() if e.name and not e.closed), key=lambda e: (e.place, e.id))

    # -- what is wanted -----------------------------------------------------------------------------

    def first(self) -> Named | None:
        """The first that is usable."""
        if self._listed_at is None or self._in_doubt:
            self.take(self._list())
        return next(iter(self.usable()), None)

    def find(self, name: str) -> Named | None:
        """The first that is usable and has exactly this name, as far as is known."""
        return next((each for each in self.usable() if each.name == name), None)

    def ensure(self, name: str) -> str:
        """The id of the one with exactly this name; made when there is none.

        One that is closed does not count: what is put there is not seen. One whose creation was not answered is not
        made again, because it may still appear: a second one of its name would stay.

        Raises:
            RequestRefused: its creation was not answered; nothing was done for the item that needs it.
        """
        if self._in_doubt:
            self.take(self._list())
        found = self.find(name)
        if found is None and self._is_old():
            self.take(self._list())
            found = self.find(name)
        if found is None and name in self._unanswered:
            raise self._not_known(name)
        return (found or self._made(name)).id

    def _is_old(self) -> bool:
        return self._listed_at is None or self._now() - self._listed_at > OLD

    def _made(self, name: str) -> Named:
        try:
            return self.learn(self._make(name))
        except OutcomeUnknown as unknown:
            self._unanswered[name] = unknown
        self.take(self._list())
        found = self.find(name)
        if found is None:
            raise self._not_known(name)
        return found

    def _not_known(self, name: str) -> RequestRefused:
        self.forget()  # it may still appear
        return RequestRefused(
            f"whether the {self._kind} {name!r} was made is not known: {self._unanswered[name].why}",
            remedy="Nothing was sent for the item itself; the next run looks again.",
        )
