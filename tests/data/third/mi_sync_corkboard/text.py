"""Markdown as plain text, which is all that a note holds."""

from __future__ import annotations

import re

_RULES = (
    (re.compile(r"^```.*\n?", re.MULTILINE), ""),
    (re.compile(r"^(?:#{1,6} +)+", re.MULTILINE), ""),
    (re.compile(r"(?<!\\)\[([^\[\]\n]+)\]\(([^()\s]+)\)"), r"\1 (\2)"),
    (re.compile(r"(?<![\w\\])(\*{1,3}|_{1,3}|~~|`)(?=\S)(.+?)(?<![\s\\])\1(?!\w)"), r"\2"),
    (re.compile(r"\s+\Z"), ""),
)
"""What is taken off: fences, the marks of headings, of links and of emphasis and code, and blanks at the end."""


def plain(markdown: str) -> str:
    """The text without Markdown's marks. What is escaped, and lists and quotes, read well as they stand.

    Each rule makes a text shorter, so this ends; and it ends only where no rule finds anything, so that the plain form
    of a plain text is the text itself, as `Board.normal_body` must have it.
    """
    before = None
    while markdown != before:
        before = markdown
        for pattern, kept in _RULES:
            markdown = pattern.sub(kept, markdown)
    return markdown
