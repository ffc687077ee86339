"""How Trello names its documents, and which belongs to which."""

from __future__ import annotations

import hashlib

from mi_sync.connector import SandboxOptions
from mi_sync_sandbox.store import Layout, Store

_MACHINE = "5a1d0b0c5e"  # the ten digits of an ObjectId between its second and its counter
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _object_id(seconds: int, counter: int) -> str:
    """An id like MongoDB's: the second of creation in 8 digits, then 16 that grow.

    Its order is that of creation, as `before` and `since` rely on it
    (developer.atlassian.com/cloud/trello/guides/rest-api/object-definitions).
    """
    return f"{seconds:08x}{_MACHINE}{counter:06x}"


LAYOUT = Layout(
    key="id",
    new_id=_object_id,
    scopes=dict.fromkeys(("list", "label", "card", "checklist", "attachment", "action", "customField"), "idBoard"),
    parents={
        "list": "idBoard",
        "label": "idBoard",
        "card": "idList",
        "checklist": "idCard",
        "attachment": "idCard",
        "action": "idCard",
    },
    short="shortLink",
)


def open_store(options: SandboxOptions) -> Store:
    """What a sandbox with these options keeps."""
    return Store(options.state / "trello.db", LAYOUT, options.now)


def short_link(seed: str) -> str:
    """Eight letters and digits, the same for the same seed."""
    number = int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=8).digest())
    letters = []
    for _ in range(8):
        number, rest = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[rest])
    return "".join(letters)
