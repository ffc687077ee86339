"""Where an error is: the file, as people call it."""

from __future__ import annotations

from dataclasses import dataclass

from mi_sync.errors import EmptySource, SourceError


@dataclass(frozen=True, slots=True)
class Place:
    """A file, by the name that messages give it."""

    name: str

    def error(self, why: str, remedy: str, line: int = 0) -> SourceError:
        """An error in this file; lines count from 1, 0 is the file as a whole."""
        return SourceError(why, where=f"{self.name}:{line}" if line else self.name, remedy=remedy)

    def empty(self, why: str) -> EmptySource:
        """There is nothing in this file."""
        return EmptySource(why, where=self.name, remedy="Export it again.")
