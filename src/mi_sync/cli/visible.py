"""Text of others as it is shown: nothing in it gives a terminal, a log or GitHub's runner an order."""

from __future__ import annotations

import json
import os
import re

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control characters, with which a terminal takes orders, and others that make a text look like another one."""


def visible(text: str) -> str:
    """The text with escapes for what is not seen; line breaks stay."""
    text = _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    if _is_runner():  # it takes `##[…]` anywhere in a log, and a line that begins with `::`, for orders
        text = re.sub(r"(?m)^([ \t]*):(?=:)", r"\1\\x3a", text).replace("##[", r"##\x5b")
    return text


def one_line(text: str) -> str:
    """The same, where a line break would make it look like two."""
    return visible(text).replace("\n", "\\n")


def in_json(text: str) -> str:
    """A text in JSON that says the same and holds only what is seen."""
    text = _UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], text)
    return text.replace("##[", r"##\u005b") if _is_runner() else text


def _is_runner() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"
