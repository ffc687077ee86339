"""Where the state is: a file of SQLite's, or a database on a PostgreSQL server."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, TypeAlias
from urllib.parse import SplitResult, parse_qsl, urlsplit

from mi_sync.connector import Secret
from mi_sync.errors import ConfigError

FILE = "sqlite:///"
SERVERS = ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True)
class Server:
    """A database on a server, by its URL, which holds no secret.

    `password` is None where libpq finds one by itself (`PGPASSWORD`, `~/.pgpass`), or needs none.
    """

    url: str
    password: Secret | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.url.partition("?")[0]


Location: TypeAlias = Path | Server


def locate(url: str, root: Path, password: Secret | None = None) -> Location:
    """The place behind a URL; a file is relative to the configuration.

    Raises:
        ConfigError: there is no such place. The URL is not repeated, because a password may stand in it.
    """
    if url.startswith(FILE) and len(url) > len(FILE):
        if password is not None:
            _refuse("a file has no password.", "Take it out.", "state.password")
        return root / url.removeprefix(FILE)
    if not url.startswith(SERVERS):
        _refuse(
            "must be sqlite:///FILE or postgresql://USER@HOST/DATABASE.",
            'Use url = "sqlite:///state.db" on one computer, and PostgreSQL for a team.',
        )
    _check(url)
    return Server(url, password)


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        settings = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        _refuse("is no URL that can be read.", "It looks like postgresql://USER@HOST:5432/DATABASE?sslmode=require.")
    if parts.password is not None or any("password" in name for name in settings):
        _refuse(
            "a password is never written here.",
            'Use password = { env = "NAME" } in [state], or PGPASSWORD, or ~/.pgpass; and change this one.',
        )
    if _is_torn(parts) or not all(re.fullmatch(r"[a-z_]+", name) for name in settings):
        _refuse("is no URL that can be read.", "What is no letter or digit in a part of it is written as %40 for @.")


def _is_torn(parts: SplitResult) -> bool:
    """Whether it fell into other parts than were meant, as by a password with a slash in it."""
    hosts = parts.netloc.rpartition("@")[2]
    ports = re.findall(r":([^,:\]]*)(?=,|$)", hosts)
    return bool(parts.fragment or "@" in parts.path or any(not re.fullmatch(r"[0-9]{0,5}", port) for port in ports))


def _refuse(why: str, remedy: str, where: str = "state.url") -> NoReturn:
    raise ConfigError(why, where=where, remedy=remedy)
