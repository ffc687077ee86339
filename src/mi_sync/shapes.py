"""JSON of another tool, which is believed only after a look: shared by connectors, and pure."""

from __future__ import annotations

import re
from typing import Any

from mi_sync.errors import Unavailable

Json = dict[str, Any]


class Unreadable(Unavailable):
    """A reply that is JSON, but not what the tool's documentation says."""


class Shapes:
    """What one tool's replies must look like.

    Args:
        tool: its name, for messages.
        id_name: the property that holds an object's id.
        id_pattern: what such an id looks like, so that it may stand in a path.
    """

    def __init__(self, tool: str, id_name: str, id_pattern: str) -> None:
        self._tool, self._id_name, self._id = tool, id_name, re.compile(id_pattern)

    def unreadable(self, what: str) -> Unreadable:
        """The error for one part of a reply."""
        return Unreadable(
            f"{self._tool}'s answer holds no readable {what}.",
            remedy="Check api_url; if it is right, try again later.",
        )

    def an_object(self, raw: object, what: str) -> Json:
        """A JSON object.

        Raises:
            Unreadable: it is something else.
        """
        if isinstance(raw, dict):
            return raw
        raise self.unreadable(what)

    def thing(self, raw: object, what: str = "reply") -> Json:
        """A JSON object that has an id.

        Raises:
            Unreadable: it is something else.
        """
        found = self.an_object(raw, what)
        self.ident(found.get(self._id_name))
        return found

    def objects(self, raw: object, what: str) -> list[Json]:
        """A JSON array of objects that have an id.

        Raises:
            Unreadable: it is something else.
        """
        if not isinstance(raw, list):
            raise self.unreadable(what)
        return [self.thing(each, what) for each in raw]

    def ident(self, raw: object) -> str:
        """An id that may stand in a path.

        Raises:
            Unreadable: it is none.
        """
        if isinstance(raw, str) and self.is_id(raw):
            return raw
        raise self.unreadable(self._id_name)

    def is_id(self, text: str) -> bool:
        """Whether it may stand in a path as an id."""
        return self._id.fullmatch(text) is not None
