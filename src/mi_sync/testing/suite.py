"""What all suites share: faults, a clock, and how a check fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from mi_sync.errors import MiSyncError

_T = TypeVar("_T")


class Fault(StrEnum):
    """What becomes of a writing request."""

    LOST_BEFORE = "it never arrives, and no answer comes"
    LOST_AFTER = "it takes effect, and the answer is lost"
    LATE = "no answer comes, and it takes effect a while later"
    REFUSED = "the other side says no"
    UNAUTHORISED = "the credentials do not suffice any more"
    UNAVAILABLE = "the other side cannot be reached"
    BUDGET = "the request budget is used up"


class Clock:
    """A clock that stands still until it is told to move; `sleep` moves it, so that no test waits."""

    def __init__(self, at: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)) -> None:
        self._at = at

    def now(self) -> datetime:
        """The time it shows."""
        return self._at

    def advance(self, seconds: float) -> None:
        """Moves it on."""
        self._at += timedelta(seconds=seconds)

    sleep = advance

    def monotonic(self) -> float:
        """The same time as seconds."""
        return self._at.timestamp()


def expect(condition: object, why: str) -> None:
    """Fails the check, with a sentence for the connector's author, unless the condition holds."""
    if not condition:
        raise AssertionError(why)


def same(got: object, wanted: object, what: str) -> None:
    """Fails the check unless both are equal."""
    expect(got == wanted, f"{what}: {wanted!r} was expected, and {got!r} was found.")


def raises(kind: type[MiSyncError], act: Callable[[], object], why: str) -> None:
    """Fails the check unless `act` raises this kind of error."""
    try:
        act()
    except kind:
        return
    except MiSyncError as error:
        raise AssertionError(f"{why}: {kind.__name__} was expected, not {type(error).__name__}: {error}") from error
    raise AssertionError(f"{why}: {kind.__name__} was expected, and nothing was raised.")


def named(*checks: Callable[[Any], None]) -> dict[str, Callable[[Any], None]]:
    """The checks by their names."""
    return {check.__name__: check for check in checks}


def failures(checks: Mapping[str, Callable[[_T], None]], lab: Callable[[], _T]) -> dict[str, str]:
    """The checks that fail, each on a lab of its own: name → why."""
    found = {}
    for name, check in checks.items():
        try:
            check(lab())
        except Exception as error:  # noqa: BLE001  a connector under test may fail in any way
            found[name] = f"{(check.__doc__ or '').strip()} But: {type(error).__name__}: {error}"
    return found


def report(found: Mapping[str, str]) -> None:
    """Raises one AssertionError for everything that `failures` found, if anything."""
    if found:
        raise AssertionError("\n".join(f"{name}: {why}" for name, why in found.items()))
