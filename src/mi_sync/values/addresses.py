"""Addresses, phone numbers and ids."""

from __future__ import annotations

import re

from mi_sync.values.text import BadValue, line

_NOT_IN_ADDRESS = r"\s@<>()\[\],;:\"\\"
_EMAIL = re.compile(rf"[^{_NOT_IN_ADDRESS}]+@[^{_NOT_IN_ADDRESS}]+\.[^{_NOT_IN_ADDRESS}.]{{2,}}")
_URL = re.compile(r"https?://\S+|[^\s:]+", re.IGNORECASE)
_SHORTENED = re.compile(r"[0-9](?:[.,][0-9]+E\+?|E\+)[0-9]+", re.IGNORECASE)
"""How spreadsheets write a long number; `7E3` may be an id."""
_MARKED_AS_TEXT = re.compile(r"^'\s*(?=[+\-=@(0-9])")
"""The apostrophe that keeps a spreadsheet from computing a cell, or from taking it for a number."""


def email(text: str) -> str:
    """An e-mail address, without the case of its letters; dots and plus parts are kept."""
    address = line(text).casefold()
    if len(address) > 254 or not _EMAIL.fullmatch(address):  # RFC 5321: a path has at most 254 characters
        raise BadValue("is no e-mail address; write one address such as name@example.org")
    return address


def url(text: str) -> str:
    """A web address; `javascript:`, `file:` and the like are refused."""
    address = line(text)
    if not _URL.fullmatch(address):
        raise BadValue("is no web address; write one that begins with https://")
    return address


def identifier(text: str) -> str:
    """An id as written, without the apostrophe that a spreadsheet needs; refuses a number that it has shortened."""
    clean = _MARKED_AS_TEXT.sub("", line(text))
    if _SHORTENED.fullmatch(clean):
        raise BadValue("was shortened by a spreadsheet (such as 1.2E+15); export it again and keep the column as text")
    return clean


def phone(text: str) -> str:
    """A phone number as written, with its extension; otherwise as an id is read."""
    return identifier(text)
