"""Where an error is: the file, as people call it."""

from __future__ import annotations

from dataclasses import dataclass

from mi_sync.errors import EmptySource, SourceError


@dataclass(frozen=True, slots=True)
class Place:
    """A file, by the name that messages give it; `is_remote` when it came from a web address."""

    name: str
    is_remote: bool = False

    def error(self, why: str, remedy: str, line: int = 0) -> SourceError:
        """An error in this file; lines count from 1, 0 is the file as a whole."""
        return SourceError(why, where=f"{self.name}:{line}" if line else self.name, remedy=remedy)

    def empty(self, why: str) -> EmptySource:
        """There is nothing in this file."""
        return EmptySource(why, where=self.name, remedy="Export it again.")

    def unreadable(self, error: OSError) -> SourceError:
        """The system does not give its bytes."""
        return self.error(
            f"it cannot be read: {error.strerror or 'input/output error'}.", "See that the file is there."
        )
