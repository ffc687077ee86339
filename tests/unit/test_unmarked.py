"""Steps that are settled by looking, and names that are made once, whatever becomes of the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync.errors import OutcomeUnknown, RequestRefused
from mi_sync.http import Wire
from mi_sync.unmarked import ATTEMPTS, OLD, Named, Names, settle

NOW = datetime(2026, 3, 2, tzinfo=UTC)


class Other:
    """The other side: one thing that is so or not, and what becomes of each attempt."""

    def __init__(self, *fates: str) -> None:
        self.fates: Iterator[str] = iter(fates)
        self.so, self.attempts, self.looks = False, 0, 0
        self.late: list[float] = []
        self.slept = 0.0

    def do(self, _: bool) -> bool:  # noqa: FBT001  the state is a truth
        self.attempts += 1
        fate = next(self.fates, "done")
        self.so |= fate in {"done", "lost after"}
        if fate == "late":
            self.late.append(self.slept + 10)
        if fate == "refused":
            raise RequestRefused("no.")
        if fate != "done":
            raise OutcomeUnknown("no answer.")
        return True

    def look(self, _: bool) -> bool:  # noqa: FBT001  as above
        self.looks += 1
        self.so |= any(at <= self.slept for at in self.late)
        return self.so

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def settle(self) -> bool:
        return settle(self.so, bool, self.do, self.look, Wire(sleep=self.sleep))


def test_what_is_so_is_left_alone() -> None:
    other = Other()
    other.so = True
    assert other.settle()
    assert (other.attempts, other.looks) == (0, 0)


@pytest.mark.parametrize(
    ("fates", "attempts"),
    [
        (["done"], 1),
        (["lost after"], 1),
        (["late"], 1),
        (["lost before"], 2),
        (["lost before", "lost after"], 2),
        (["refused"], 2),
        (["lost before", "refused"], 3),
    ],
)
def test_it_ends_where_it_should_with_as_few_attempts_as_can_be(fates: list[str], attempts: int) -> None:
    other = Other(*fates)
    assert other.settle()
    assert (other.so, other.attempts) == (True, attempts)


def test_two_refusals_are_final() -> None:
    other = Other("refused", "refused")
    with pytest.raises(RequestRefused):
        other.settle()
    assert other.attempts == 2


def test_silence_is_given_up_as_unknown() -> None:
    other = Other(*["lost before"] * 9)
    with pytest.raises(OutcomeUnknown):
        other.settle()
    assert other.attempts == ATTEMPTS


FATES = st.lists(st.sampled_from(["done", "lost before", "lost after", "late", "refused"]), max_size=5)


@given(FATES)
def test_nothing_is_done_again_that_was_seen_to_be_so(fates: list[str]) -> None:
    other = Other(*fates)
    try:
        assert other.settle() == other.look(True)
    except (OutcomeUnknown, RequestRefused):
        assert not other.so
    effects = [fate for fate in fates[: other.attempts] if fate in {"done", "lost after", "late"}]
    assert len(effects) <= 1


# ------------------------------------------------------------------------------------------------- names


class Shelf:
    """Names on the other side."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.listed = self.made = 0
        self.now = NOW
        self.fate: Callable[[str], None] = self.names.append

    def list(self) -> list[Named]:
        self.listed += 1
        return [Named(str(at), name, place=at) for at, name in enumerate(self.names)]

    def make(self, name: str) -> Named:
        self.made += 1
        self.fate(name)
        return Named(str(len(self.names) - 1), name, place=len(self.names))

    def open(self) -> Names:
        return Names("list", self.list, self.make, lambda: self.now)


def _vanish(_: str) -> None:
    raise OutcomeUnknown("no answer.")


def test_a_name_is_made_once_and_by_its_exact_spelling() -> None:
    shelf = Shelf("Week 1")
    names = shelf.open()
    assert [names.ensure(name) for name in ("Week 1", "week 1", "week 1", "Week 1")] == ["0", "1", "1", "0"]
    assert (shelf.made, shelf.listed) == (1, 1)


def test_another_who_made_it_meanwhile_is_seen_when_the_listing_is_old() -> None:
    shelf = Shelf("a")
    names = shelf.open()
    names.ensure("a")
    shelf.names.append("b")
    shelf.now += OLD + timedelta(seconds=1)
    assert names.ensure("b") == "1"
    assert shelf.made == 0


def test_a_creation_without_an_answer_is_looked_for() -> None:
    shelf = Shelf()

    def after(name: str) -> None:
        shelf.names.append(name)
        _vanish(name)

    shelf.fate = after
    assert shelf.open().ensure("a") == "0"
    shelf.fate = _vanish
    names = shelf.open()
    for _ in range(2):  # the second time nothing is made: there could be two of that name later
        with pytest.raises(RequestRefused, match="whether the list 'b' was made is not known"):
            names.ensure("b")
    assert shelf.made == 2
    shelf.names.append("b")  # it came late
    assert names.ensure("b") == "1"
    assert shelf.made == 2


def test_what_is_closed_or_nameless_is_not_used() -> None:
    shelf = Shelf()
    names = shelf.open()
    names.take([Named("1", "a", closed=True), Named("2", ""), Named("3", "b", place=2), Named("4", "c", place=1)])
    assert [each.id for each in names.usable()] == ["4", "3"]
    first = names.first()
    assert first is not None
    assert first.id == "4"
    assert names.names(["3", "2", "9", "4", "3"]) == ("b", "c")


def test_what_is_in_doubt_is_listed_again_first() -> None:
    shelf = Shelf("a")
    names = shelf.open()
    names.ensure("a")
    shelf.names[:] = ["z", "a"]
    assert names.ensure("a") == "0"
    names.forget()
    assert names.ensure("a") == "1"


def test_an_unknown_id_is_looked_up_once() -> None:
    shelf = Shelf("a")
    names = shelf.open()
    names.know(["0"])
    names.know(["0"])
    assert shelf.listed == 1
