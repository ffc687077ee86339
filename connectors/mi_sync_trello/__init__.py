"""Trello as a board: one card for each item, over Trello's REST API.

This module stays light: it holds the settings and what the connector can do; the board itself is imported when opened.
"""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from mi_sync.connector import Board, Connector, ConnectorConfig, Context, SecretRef, api_address
from mi_sync.http import is_loopback
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
    fields="one_by_one",
    followers=False,
    comments=True,
    lossy={"followers": "Trello lets people watch a card only by themselves"},
    notes=(
        "The marker is the last line of the description, a link of which people see one word.",
        "Only the lines of the checklist named “Steps” are ours; their order and other checklists belong to people.",
        "A new item never goes into an archived list: an open list of that name is made instead.",
    ),
)

_ID = re.compile(r"[0-9A-Za-z]{8,64}")  # an id (24 hexadecimal digits) or the short link of an address (8)
_BOARD_PATH = re.compile(r"/b/(?P<link>[0-9A-Za-z]{8})(?:/.*)?")


def _board(value: str) -> str:
    """The id or short link in what a person copied."""
    text = value.strip()
    if _ID.fullmatch(text):
        return text
    parts = urlsplit(text)
    host = parts.hostname or ""
    path = _BOARD_PATH.fullmatch(parts.path)
    known = host.removeprefix("www.") == "trello.com" or is_loopback(host)
    if parts.scheme in {"https", "http"} and known and path:
        return path["link"]
    raise ValueError("is no Trello board; copy the board's address, such as https://trello.com/b/AbCd1234")


def _api_url(value: str) -> str:
    return api_address(value, example="https://api.trello.com/1")


class TrelloConfig(ConnectorConfig):
    """The settings of a Trello target; `board` is kept as an id or short link.

    Credentials are key and token together, or `access_token` alone.
    """

    board: Annotated[str, AfterValidator(_board)] = Field(description="the board's address, short link or id")
    key: SecretRef | None = Field(
        default=None,
        description='needed with token: where the API key is, { env = "NAME" } or { keyring = … }; '
        "trello.com/power-ups/admin shows it",
    )
    token: SecretRef | None = Field(default=None, description="needed with key: where the token that belongs to it is")
    access_token: SecretRef | None = Field(
        default=None,
        description="instead of key and token: where an OAuth 2 access token is, which somebody else renews",
    )
    api_url: Annotated[str, AfterValidator(_api_url)] = Field(
        default="https://api.trello.com/1", description="where the API is; plain http only on a loopback address"
    )

    @model_validator(mode="after")
    def _one_kind_of_credentials(self) -> TrelloConfig:
        pair = (self.key is not None, self.token is not None)
        if pair not in ({(False, False)} if self.access_token else {(True, True)}):
            raise ValueError("needs key and token, or access_token alone")
        return self


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
        "fills custom fields that the board has (text, number, date, checkbox, list), each by a request of its own",
        "says one comment on a new card",
        "tells the board's limits, so that a plan which exceeds one is refused before anything is written",
        "reads all cards, archived ones included: fewer than 250 with three requests, more page by page",
    ),
    cannot=(
        "invite people, or assign by e-mail address: Trello shows no addresses, so name members in [people]",
        "delete anything: cards are archived",
        "make custom fields or their options, or see them with an OAuth 2 access token, to which Trello closes them",
        "read or write attachments, link cards to each other, or keep a place in a list",
        "let somebody watch a card, or change a comment that was said",
        "write to a closed board",
        "get or renew an OAuth 2 access token, which is short-lived; key and token can last",
    ),
)
