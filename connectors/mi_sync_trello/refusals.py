"""Trello's short refusals, with what to do about them.

Its error bodies are plain text such as “invalid value for idList” (n8n-io/n8n #10189, mheap/trello-cli #241).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mi_sync.errors import RequestRefused

_REMEDIES: tuple[tuple[int, str, str], ...] = (
    (400, "for idList", "The list was deleted or moved meanwhile; the next run looks again."),
    (400, "for idLabels", "A label was deleted meanwhile; the next run looks again."),
    (400, "for idMembers", "The member left the board; invite them, or name somebody else in [people]."),
    (400, "for name", "Trello takes names of 1 to 16384 characters."),
    (400, "for desc", "Trello takes descriptions of up to 16384 characters, our last line included."),
    (403, "", "The board may have reached one of Trello's limits, which `mi-sync check` shows; archiving frees room."),
    (404, "", "It is gone, or this token may no longer see it."),
)


@contextmanager
def explained() -> Iterator[None]:
    """Adds the remedy to a refusal that has none."""
    try:
        yield
    except RequestRefused as error:
        if error.remedy:
            raise
        raise type(error)(error.why, status=error.status, where=error.where, remedy=_remedy(error)) from None


def _remedy(error: RequestRefused) -> str:
    found = (remedy for status, part, remedy in _REMEDIES if error.status == status and part in error.why)
    return next(found, "")
