"""Keys, aliases and markers: what makes a thing the same thing tomorrow, on another machine, on a board.

All keys are digests, keyed by the programme's id: opaque, without personal data, and different in every programme.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from mi_sync.model import Kind

RELAY_DOMAINS = ("indeedemail.com",)
"""Mail domains whose addresses stand for an application, not for a person, and differ for each job."""


def digest(*parts: str, key: str = "", size: int = 10) -> str:
    """A short, lower-case, unambiguous digest of the parts."""
    hashed = hashlib.blake2b(_as_json(parts).encode("utf-8", "surrogatepass"), digest_size=size, key=_hashed(key))
    return base64.b32encode(hashed.digest()).decode().rstrip("=").lower()


_as_json = json.JSONEncoder(ensure_ascii=False).encode
"""As `json.dumps`, which makes an encoder each time."""


@lru_cache(maxsize=16)
def _hashed(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def record_key(programme: str, namespace: str, kind: Kind, id: str) -> str:  # noqa: A002
    """The key of a record: (namespace, kind, id) within the programme."""
    return f"{kind}-{digest(namespace, kind, id, key=programme)}"


def item_key(programme: str, owner: str, step: str, n: int | None) -> str:
    """The key of an item: (application or posting, step, n) within the programme."""
    return digest(owner, step, "" if n is None else str(n), key=programme)


def programme_short(programme: str) -> str:
    """How a marker names the programme."""
    return digest("programme", key=programme, size=5)


def is_relay(email: str) -> bool:
    """Whether the address is a relay's, which never joins people."""
    return email.rpartition("@")[2].casefold() in RELAY_DOMAINS


def erased_owner(programme: str, applicant: str) -> str:
    """Who owns the items of a person who was erased: a name that is no record's."""
    return f"{_ERASED}{digest('erased', applicant, key=programme)}"


def is_erased(owner: str) -> bool:
    """Whether the owner of an item was erased."""
    return owner.startswith(_ERASED)


_ERASED = "erased-"

# ---------------------------------------------------------------------------------------------- markers

MARKED = ("title", "body", "due", "start", "labels", "checklist")
"""The fields whose last applied values a marker remembers, in its order."""

_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Marker:
    """What an item on a board says about itself.

    Attributes:
        programme: `programme_short` of the programme that it belongs to.
        key: the item's key.
        nonce: of the attempt that created it: a late duplicate has another, a person's copy has the same.
        digests: of the fields of `MARKED` as last applied.
        archived: that it was we who archived it.
    """

    programme: str
    key: str
    nonce: str
    digests: Mapping[str, str]
    archived: bool = False

    def encode(self) -> str:
        """The token for `connector.plant`: letters, digits, dots."""
        state = "a" if self.archived else "o"
        return ".".join((_VERSION, self.programme, self.key, self.nonce, state, *(self.digests[f] for f in MARKED)))

    @staticmethod
    def decode(token: str | None) -> Marker | None:
        """The marker, or None for something that is no marker of a version we know."""
        parts = (token or "").split(".")
        if len(parts) != 5 + len(MARKED) or parts[0] != _VERSION or not all(parts):
            return None
        _, programme, key, nonce, state, *digests = parts
        return Marker(programme, key, nonce, dict(zip(MARKED, digests, strict=True)), state == "a")


def field_digest(value: Any) -> str:  # noqa: ANN401  a field's value is text, a date, a set of texts or None
    """The digest of one value; `due` is compared as the local date of the instant that it is given as."""
    return _of_set(value) if type(value) is tuple else _of_text(canonical(value))


@lru_cache(maxsize=1024)
def _of_text(text: str) -> str:
    """Remembered for a while: most items share their dates with others."""
    return digest("value", text, size=5)


@lru_cache(maxsize=1024)
def _of_set(texts: tuple[str, ...]) -> str:
    """Remembered for a while: the items of a step have the same labels and lines."""
    return digest("value", canonical(texts), size=5)


def canonical(value: Any) -> str:  # noqa: ANN401  as above
    """A value as text, so that equal means: nobody would call it changed."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return "\n".join(line.rstrip() for line in value.replace("\r\n", "\n").strip().split("\n"))
    if isinstance(value, Iterable):
        return json.dumps(sorted({canonical(v) for v in value}), ensure_ascii=False)
    return str(value)
