"""Text as it is compared and as it is kept; why a cell is refused."""

from __future__ import annotations

import re
import unicodedata


class BadValue(ValueError):
    """A cell that cannot be read; the message ends with a remedy and holds nothing of the cell."""


UNSEEN = re.compile(
    # Control characters but tab and newline; BOM; lone surrogates; overrides of the writing direction.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ud800-\udfff\u202a-\u202e\u2066-\u2069]"
)
"""What nobody sees."""
_SEPARATORS = re.compile(r"[\s_\-]+")


def fold(text: str) -> str:
    """Text as it is compared: without case, spaces, hyphens, underscores and invisible characters."""
    return _SEPARATORS.sub("", UNSEEN.sub("", unicodedata.normalize("NFKC", text))).casefold()


def line(text: str) -> str:
    """One line of clean text: NFC, white space as single spaces, no control characters."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return unicodedata.normalize("NFC", UNSEEN.sub("", " ".join(text.split()))).strip()
