"""Markdown, as far as Asana's rich text has a word for it. Pure.

CommonMark and `~~struck~~`, without HTML. What Asana has no tag for becomes the nearest thing that it has: deeper
headings are its second kind, blocks inside lists and quotations are lines, pictures are links.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from mi_sync_asana.document import CODE, Block, Builder, Item, Kind, Line, Mark, Span, clean, code, flat, link

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

_MARKS: dict[str, frozenset[Mark]] = {
    "strong": frozenset({"strong"}),
    "em": frozenset({"em"}),
    "s": frozenset({"s"}),
}

_SIGNS: dict[Mark, str] = {"strong": "**", "em": "*", "s": "~~"}

_INLINE = re.compile(r"[\\`*\[\]~]|<(?=[A-Za-z/!?])|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])")
_AT_START = re.compile(r"#{1,6}(?=[ \t]|$)|[-+](?=[ \t]|$)|>|(?:=+|-+|(?:- *){3,}|(?:_ *){3,})$")
_NUMBER = re.compile(r"(?P<digits>[0-9]{1,9})(?=[.)](?:[ \t]|$))")

# -------------------------------------------------------------------------------------------------- reading


def parsed(markdown: str) -> tuple[Block, ...]:
    """The blocks of a text in Markdown."""
    from markdown_it.tree import SyntaxTreeNode

    builder = Builder()
    for node in SyntaxTreeNode(_parser().parse(clean(markdown))).children:
        _block(builder, node)
    return builder.done()


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("strikethrough")


def _block(builder: Builder, node: SyntaxTreeNode) -> None:
    if node.type == "paragraph":
        builder.text([Span("\n\n"), *_inline(node), Span("\n\n")])
    elif node.type == "heading":
        builder.block("h1" if node.tag == "h1" else "h2", flat(_paragraph(_inline(node))))
    elif node.type in {"fence", "code_block"}:
        builder.block("pre", code(node.content))
    elif node.type == "blockquote":
        builder.block("blockquote", flat(_blocks(node)))
    elif node.type in {"bullet_list", "ordered_list"}:
        builder.block("ul" if node.type == "bullet_list" else "ol", items=[_item(each) for each in node.children])
    elif node.type == "hr":
        builder.block("hr")


def _blocks(node: SyntaxTreeNode) -> tuple[Block, ...]:
    builder = Builder()
    for child in node.children:
        _block(builder, child)
    return builder.done()


def _paragraph(spans: Sequence[Span]) -> tuple[Block, ...]:
    builder = Builder()
    builder.text(spans)
    return builder.done()


def _item(node: SyntaxTreeNode) -> Item:
    blocks = _blocks(node)
    lists = tuple(block for block in blocks if block.is_list)
    return Item(flat([block for block in blocks if not block.is_list]), lists)


def _inline(node: SyntaxTreeNode) -> list[Span]:
    return [span for child in node.children for span in _spans(child, frozenset())]


def _spans(node: SyntaxTreeNode, marks: frozenset[Mark]) -> list[Span]:
    if node.type in {"softbreak", "hardbreak"}:
        return [Span("\n")]
    if node.type in {"text", "text_special"}:
        return [Span(node.content, marks)]
    if node.type == "code_inline":
        return [Span(node.content.strip() and node.content, marks | CODE)]
    if node.type == "image":
        return link([Span(node.content or "image", marks)], str(node.attrs.get("src", "")))
    marks |= _MARKS.get(node.type, frozenset())
    inside = [span for child in node.children for span in _spans(child, marks)]
    return link(inside, str(node.attrs.get("href", ""))) if node.type == "link" else inside


# -------------------------------------------------------------------------------------------------- writing


def written(blocks: Sequence[Block]) -> str:
    """The text in Markdown."""
    return "\n\n".join("\n".join(_lines(block)) for block in blocks)


def _lines(block: Block) -> Iterator[str]:
    if block.is_list:
        for number, item in enumerate(block.items, start=1):
            yield from _item_lines(item, "- " if block.kind == "ul" else f"{number}. ")
    elif block.kind == "pre":
        yield from _fenced([line[0].text if line else "" for line in block.lines])
    elif block.kind == "hr":
        yield "---"
    else:
        before = {"h1": "# ", "h2": "## ", "blockquote": "> "}.get(block.kind, "")
        yield from (f"{before}{_line(line, block.kind)}".rstrip() for line in block.lines)


def _item_lines(item: Item, bullet: str) -> Iterator[str]:
    inner = [_line(line, "text") for line in item.lines]
    inner += [line for below in item.below for line in _lines(below)]
    yield f"{bullet}{inner[0]}"
    yield from (" " * len(bullet) + line for line in inner[1:])


def _fenced(lines: Sequence[str]) -> Iterator[str]:
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from (fence, *lines, fence)


def _line(line: Line, kind: Kind) -> str:
    text = _marked(line, ("href", "strong", "em", "s"))
    if line and not (line[0].marks or line[0].href):
        text = _AT_START.sub(lambda found: "\\" + found[0], text, count=1) if _AT_START.match(text) else text
        text = _NUMBER.sub(r"\g<digits>\\", text, count=1) if _NUMBER.match(text) else text
    # A heading's closing signs are cut off; an escaped one is text.
    return re.sub(r"(#+)$", r"\\\1", text) if kind in {"h1", "h2"} else text


def _marked(spans: Sequence[Span], left: Sequence[str]) -> str:
    """Spans with the signs of their look, the outermost first."""
    if not left:
        return "".join(_code(span.text) if "code" in span.marks else _escaped(span.text) for span in spans)
    first, *others = left
    if first == "href":
        return "".join(_linked(href, list(group), others) for href, group in groupby(spans, key=lambda it: it.href))
    return "".join(
        _signed(first, list(group), others) if has else _marked(list(group), others)
        for has, group in groupby(spans, key=lambda it: first in it.marks)
    )


def _signed(mark: str, spans: Sequence[Span], left: Sequence[str]) -> str:
    sign = next(sign for name, sign in _SIGNS.items() if name == mark)
    return f"{sign}{_marked(spans, left)}{sign}"


def _linked(href: str, spans: Sequence[Span], left: Sequence[str]) -> str:
    if not href:
        return _marked(spans, left)
    if [(span.text, span.marks) for span in spans] == [(href, frozenset())]:
        return f"<{href}>"
    target = f"<{href}>" if re.search(r"[()\s]", href) else href
    return f"[{_marked(spans, left)}]({target})"


def _code(text: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _escaped(text: str) -> str:
    return _INLINE.sub(lambda found: "\\" + found[0], text)
