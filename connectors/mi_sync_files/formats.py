"""What a file is: its content decides, and its name only where the content leaves it open."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import Literal

from mi_sync_files.content import Content

Format = Literal["xlsx", "json", "jsonl", "xml", "html", "text"]

_OTHERS = (
    (re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an old Excel file"),
    (re.compile(rb"BZh[1-9]1AY|\xfd7zXZ\0|\x28\xb5\x2f\xfd|7z\xbc\xaf"), "compressed in a way that is not read here"),
    (re.compile(rb"%PDF-"), "PDF"),
    (re.compile(rb"PAR1"), "Parquet"),
)
"""What is known and not read, by the first bytes."""
_HTML = re.compile(r"<(!doctype\s+html|html|head|body|script|table|meta)\b", re.IGNORECASE)
_ANY_XML = re.compile(r"<(table|head|body|meta)\b")
"""Tags of HTML that a feed may have, too."""
_XHTML = re.compile(r"<html\b", re.IGNORECASE)
_XML = re.compile(r"<\?xml\b|<!--|<[A-Za-z_][\w.:\-]*(\s[^<>]*)?>\s*<")
# No CSV writer leaves a cell with a quote in it unquoted, so none begins like this.
_JSON = re.compile(r'(\[\s*)?\{\s*("|\})|\[\s*(\]\s*$|\[)')


def other_format(content: Content) -> str:
    """What it is, if it is known and not read; else an empty string."""
    return next((kind for pattern, kind in _OTHERS if pattern.match(content.head)), "")


def find_format(content: Content, name: str) -> Format:
    """The format of a file with this content and name."""
    if content.head.startswith(b"PK"):
        return "xlsx"
    text = content.head.decode(content.encoding, "ignore").lstrip("\ufeff").lstrip()
    suffix = PurePosixPath(name.lower()).suffix
    if _HTML.match(text) and not (suffix == ".xml" and _ANY_XML.match(text)):
        return "html"
    if _XML.match(text) or (suffix == ".xml" and text.startswith("<")):
        return "html" if _XHTML.search(text) else "xml"
    if _JSON.match(text) or (suffix in {".json", ".jsonl", ".ndjson"} and text.startswith(("{", "["))):
        return "jsonl" if _are_lines(text, suffix) else "json"
    return "text"


def _are_lines(text: str, suffix: str) -> bool:
    """Whether each line is a record: by the name, or because a second one begins after a whole first one."""
    if suffix in {".jsonl", ".ndjson"}:
        return True
    first, _, rest = text.partition("\n")
    if not (text.startswith("{") and rest.lstrip().startswith("{")):
        return False
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return False
    return True
