"""Trello's short refusals, with what to do about them.

Its error bodies are plain text such as “invalid value for idList” (n8n-io/n8n #10189, mheap/trello-cli #241), or JSON
with a message. A right that is missing is a 401 like a wrong token, and a 403 speaks of limits.
"""

from __future__ import annotations

_REMEDIES: tuple[tuple[int, str, str], ...] = (
    (400, "for idlist", "The list was deleted or moved meanwhile; the next run looks again."),
    (400, "for idlabels", "A label was deleted meanwhile; the next run looks again."),
    (400, "for idmembers", "The member left the board; invite them, or name somebody else in [people]."),
    (400, "for name", "Trello takes names of 1 to 16384 characters."),
    (400, "custom field", "Trello does not take this value; check what kind of field it is on the board."),
    (400, "for desc", "Trello takes descriptions of up to 16384 characters, our last line included."),
    (401, "invalid key", "The API key is wrong; copy it again from trello.com/power-ups/admin."),
    (401, "invalid token", "The token is wrong, was revoked or has expired; make a new one that belongs to the key."),
    (401, "missing scopes", "The token lacks a right; make one that may read and write boards, and check the key."),
    (
        401,
        "permission requested",
        "The token needs scope=read,write, and its owner must be allowed to change the board.",
    ),
    (401, "", "Check that key and token are valid and may use this board."),
    (403, "too many", "Trello could not answer with so much at once; try again later."),
    (403, "", "The board may have reached one of Trello's limits, which `mi-sync check` shows; archiving frees room."),
    (404, "", "It is gone, or this token may no longer see it."),
    (409, "", "Something else changed it at the same moment; the next run looks again."),
    (413, "", "Trello takes no text of this length; shorten it."),
    (414, "", "Something on the way refuses the length of the address; check api_url and the proxy."),
)


def remedy(status: int, text: str) -> str:
    """What to do about a refusal; nothing where nothing is known about it."""
    said = text.casefold().replace("_", " ")
    return next((what for code, part, what in _REMEDIES if code == status and part in said), "")
