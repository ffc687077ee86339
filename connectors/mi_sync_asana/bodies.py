"""Bodies between Markdown, which the core speaks, and Asana's rich text. Pure.

`normal` is what comes back of a body after it was written: the same, without what Asana cannot show.
"""

from __future__ import annotations

import functools
import re

from mi_sync.connector import harvest
from mi_sync_asana import markdown, richtext
from mi_sync_asana.document import Block, clean, flat

_ROUNDS = 4
"""Some Markdown reads otherwise once it was written; after so many rounds its signs become plain text."""

_SIGN = re.compile(r"([!-/:-@\[-`{-~])")


def to_notes(body: str, token: str) -> str:
    """A body and the marker's line, as rich text."""
    return richtext.written(markdown.parsed(normal(body)), token)


def from_notes(html: str) -> tuple[str, str | None]:
    """The body in Markdown without markers, and the token of the last marker."""
    blocks, token = richtext.parsed(html)
    body, typed = harvest(markdown.written(blocks))
    return normal(body), token or typed


def to_comment(comment: str) -> str:
    """A comment as rich text, which holds no headings and rules there (docs/rich-text)."""
    return richtext.written([_plainer(block) for block in markdown.parsed(normal(comment))])


def said(html: str) -> str:
    """A comment in Markdown, to be compared: the same for whatever Asana gives back of it."""
    blocks, _ = richtext.parsed(html)
    return markdown.written(blocks)


def _plainer(block: Block) -> Block:
    if block.kind in {"h1", "h2"}:
        lines = (tuple(span._replace(marks=span.marks | {"strong"}) for span in line) for line in block.lines)
        return Block("text", tuple(lines))
    return Block("text", flat([block])) if block.kind == "hr" else block


def normal(body: str) -> str:
    """The body as `from_notes` gives it back after `to_notes`; the second time it changes nothing."""
    for _ in range(_ROUNDS):
        once, body = body, _there_and_back(body)
        if body == once:
            return body
    return _there_and_back(_plain(body))


@functools.lru_cache(maxsize=8192)  # what is wished for and what a board shows are mostly the same
def _there_and_back(body: str) -> str:
    blocks, _ = richtext.parsed(richtext.written(markdown.parsed(body)))
    return harvest(markdown.written(blocks))[0]


def _plain(body: str) -> str:
    """The body with every sign escaped, so that nothing in it means anything."""
    return _SIGN.sub(r"\\\1", clean(body))
