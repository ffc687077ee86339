"""Trello as a board: one card for each item, over Trello's REST API.

This module stays light: it holds the settings and what the connector can do; the board itself is imported when opened.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field

from mi_sync.connector import Board, Connector, ConnectorConfig, Context, SecretRef
from mi_sync.model import Capabilities

CAPABILITIES = Capabilities(
    start=True,
    labels=True,
    checklist=True,
    assignees=1,
    due_time=True,
    due_day=False,
    max_title=16384,
    max_body=16384,
    create_lists=True,
    notes=(
        "The marker is the last line of the description, a link of which people see one word.",
        "Only the lines of the checklist named “Steps” are ours; other checklists belong to people.",
        "A new item never goes into an archived list: an open list of that name is made instead.",
    ),
)

_ID = re.compile(r"[0-9A-Za-z]{8,64}")  # an id (24 hexadecimal digits) or the short link of an address (8)
_BOARD_PATH = re.compile(r"/b/(?P<link>[0-9A-Za-z]{8})(?:/.*)?")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _board(value: str) -> str:
    """The id or short link in what a person copied."""
    text = value.strip()
    if _ID.fullmatch(text):
        return text
    parts = urlsplit(text)
    host = parts.hostname or ""
    path = _BOARD_PATH.fullmatch(parts.path)
    known = host.removeprefix("www.") == "trello.com" or _is_loopback(host)
    if parts.scheme in {"https", "http"} and known and path:
        return path["link"]
    raise ValueError("is no Trello board; copy the board's address, such as https://trello.com/b/AbCd1234")


def _api_url(value: str) -> str:
    """The address without a trailing slash; credentials only ever travel encrypted, or not at all."""
    parts = urlsplit(value.strip())
    host = parts.hostname or ""
    if parts.scheme not in {"https", "http"} or not host or not _port_is_sound(parts) or re.search(r"\s", parts.path):
        raise ValueError("is no address such as https://api.trello.com/1")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError("must hold neither credentials nor a query; credentials belong in key and token")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError("must start with https://; http:// is only for this computer, such as http://127.0.0.1:8377/1")
    return parts.geturl().rstrip("/")


def _port_is_sound(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


class TrelloConfig(ConnectorConfig):
    """The settings of a Trello target; `board` is kept as an id or short link."""

    board: Annotated[str, AfterValidator(_board)] = Field(description="the board's address, short link or id")
    key: SecretRef = Field(
        description='where the API key is: { env = "NAME" } or { keyring = … }; trello.com/power-ups/admin shows it'
    )
    token: SecretRef = Field(description="where the token that belongs to it is, likewise")
    api_url: Annotated[str, AfterValidator(_api_url)] = Field(
        default="https://api.trello.com/1", description="where the API is; plain http only on a loopback address"
    )


def _open(settings: TrelloConfig, context: Context) -> Board:
    from mi_sync_trello.board import TrelloBoard

    return TrelloBoard(settings, context)


connector = Connector(
    name="trello",
    kind="board",
    summary="A Trello board: one card for each milestone, with labels, a checklist and dates.",
    config=TrelloConfig,
    open=_open,
    capabilities=CAPABILITIES,
    can=(
        "creates, changes and archives cards: title, description, due time, start date, done",
        "creates missing lists and labels",
        "adds labels and checklist lines one by one, and leaves those of people alone",
        "assigns one member of the board when a card is created",
        "reads a board of 250 cards with three requests, archived cards included",
    ),
    cannot=(
        "invite people, or assign by e-mail address: Trello shows no addresses, so name members in [people]",
        "delete anything: cards are archived",
        "read or write custom fields, attachments and comments",
        "write to a closed board",
    ),
)
