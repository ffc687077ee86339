"""Paths that are web addresses: what may be shown of one, and which member of an archive it names."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from mi_sync.http import is_loopback

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.:\-]*[A-Za-z0-9]://")
_MEMBER = re.compile(r"(.+?\.zip(?:\?[^!]*)?)!(.+)", re.IGNORECASE | re.DOTALL)
_CREDENTIALS = re.compile(r"(?<=://)[^/]*@")


class Address(NamedTuple):
    """Where a file is that has an address, and the member of an archive that is meant, if any."""

    url: str
    member: str = ""

    @property
    def protocol(self) -> str:
        """Such as https or s3, in lower case."""
        return self.url.partition("://")[0].lower()

    @property
    def shown(self) -> str:
        """What people may read: no query, fragment or credentials, which may be as good as a password."""
        return _CREDENTIALS.sub("", re.split(r"[?#]", self.url, maxsplit=1)[0])


def is_address(path: str) -> bool:
    """Whether a path is no file of this computer's own folders."""
    return _URL.match(path) is not None


def parse(path: str) -> Address:
    """The address that a path is."""
    found = _MEMBER.fullmatch(path)
    return Address(found[1], found[2]) if found else Address(path)


def checked(path: str) -> str:
    """The path, unless it is an address that cannot be meant.

    Raises:
        ValueError: with a remedy, and without the address.
    """
    if not is_address(path):
        return path
    if "::" in path:
        raise ValueError("is a chain of addresses; give that of the file alone, and a member as export.zip!Folder/file")
    address = parse(path)
    if address.protocol in {"http", "https"}:
        _check_host(address.url)
    return path


def _check_host(url: str) -> None:
    try:
        parts: SplitResult | None = urlsplit(url)
        is_sound = bool(parts and parts.hostname) and (parts is None or parts.port != 0)
    except ValueError:
        parts, is_sound = None, False
    if parts is None or not is_sound:
        raise ValueError("is no address such as https://example.org/jobs.csv")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError(
            "must start with https://; http:// is only for this computer, such as http://127.0.0.1:8377/a.csv"
        )
