"""What may be shown: text and JSON without secrets, and without anything that gives a terminal or a runner an order."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

_hidden: set[str] = set()


def hide(secrets: Iterable[str]) -> None:
    """From now on these are never printed or logged."""
    _hidden.update(secret for secret in secrets if secret)


def redact(text: str) -> str:
    """The text without secrets; the longest first, because one may be a part of another."""
    for secret in sorted(_hidden, key=len, reverse=True):
        text = text.replace(secret, "…")
    return text


_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control characters, with which a terminal takes orders, and others that make a text look like another one."""


def visible(text: str) -> str:
    """The text without secrets, as it is shown: nothing in it gives a terminal or a runner an order."""
    text = _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), redact(text))
    if is_runner():  # it takes `##[…]` anywhere in a log, and a line that begins with `::`, for orders
        text = re.sub(r"(?m)^([ \t]*):(?=:)", r"\1\\x3a", text).replace("##[", r"##\x5b")
    return text


def one_line(text: str) -> str:
    """The same, where a line break would make it look like two."""
    return visible(text).replace("\n", "\\n")


def dumps(value: Any, default: Callable[[Any], Any] | None = None) -> str:  # noqa: ANN401  JSON is anything
    """JSON that says the same without secrets, and holds only what can be seen."""
    text = redact(json.dumps(_redacted(value), ensure_ascii=False, default=default))
    text = _UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], text)
    return text.replace("##[", r"##\u005b") if is_runner() else text


def word(value: Any) -> str:  # noqa: ANN401  a number or a truth
    """A count, or a yes or no, in a table."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _redacted(value: Any) -> Any:  # noqa: ANN401  as above
    """Before it is JSON: in there, a secret with a quotation mark looks otherwise."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {name: _redacted(each) for name, each in value.items()}
    return [_redacted(each) for each in value] if isinstance(value, list | tuple) else value


def is_runner() -> bool:
    """Whether this is a job of GitHub Actions, whose runner reads what is printed."""
    return os.environ.get("GITHUB_ACTIONS") == "true"
