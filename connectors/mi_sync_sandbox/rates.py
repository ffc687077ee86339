"""How often a client may ask: the tool's own numbers, until somebody turns them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

MOST = 1_000_000
"""No limit goes beyond it."""


class Dial(NamedTuple):
    """A limit: what it counts, in words, and the tool's own number."""

    what: str
    usual: int


class Rates:
    """The limits that are in force; forgotten when the process ends.

    Args:
        dials: the limits of the tool, by name.
        turned: those that begin with another number than the tool's own.
    """

    def __init__(self, dials: Mapping[str, Dial], turned: Mapping[str, int] | None = None) -> None:
        self._dials = dials
        self._turned = dict(turned or {})
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> int:
        with self._lock:
            return self._turned.get(name, self._dials[name].usual)

    def turn(self, changes: Mapping[str, int | None]) -> None:
        """Sets some of them, all or none; None is the tool's own number.

        Raises:
            ValueError: there is no limit of this name, or the number is none between 1 and `MOST`.
        """
        for name, most in changes.items():
            if name not in self._dials:
                raise ValueError(f"{name}: there is no such limit here; there are {', '.join(self._dials)}")
            if most is not None and (type(most) is not int or not 1 <= most <= MOST):
                raise ValueError(f"{name}: must be a whole number from 1 to {MOST:,}, or nothing for the tool's own")
        with self._lock:
            for name, most in changes.items():
                self._turned.pop(name, None)
                if most is not None and most != self._dials[name].usual:
                    self._turned[name] = most

    def listed(self) -> list[dict[str, Any]]:
        """All of them, in the tool's order."""
        return [{"name": name, **dial._asdict(), "most": self[name]} for name, dial in self._dials.items()]
