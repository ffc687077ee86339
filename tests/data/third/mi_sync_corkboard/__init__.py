"""Corkboard as a board: one note for each item, in columns, in plain text.

Corkboard is made up. This is what a connector in a distribution of its own looks like; `connectors/README.md` of
mi-sync shows the way.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from mi_sync.connector import Board, Connector, ConnectorConfig, Context, SecretRef, api_address
from mi_sync.model import Capabilities

API_URL = "https://corkboard.example/v1"

CAPABILITIES = Capabilities(
    start=False,
    start_alone=False,
    start_after_due=False,
    labels=False,
    checklist=False,
    assignees=1,
    due_time=False,
    due_day=True,
    max_title=120,
    max_body=8000,
    lossy={
        "start": "Corkboard's notes have no start date",
        "labels": "Corkboard's notes have no labels",
        "checklist": "Corkboard's notes have no checklist",
        "due": "Corkboard's notes are due on a day, without a time",
        "fields": "Corkboard's notes have no custom fields",
        "followers": "Corkboard tells nobody what happens to a note",
        "comment": "Corkboard's notes have no comments",
    },
    notes=("Notes are plain text: of a link the address is shown, and Markdown's other marks are taken off.",),
)


def _api_url(value: str) -> str:
    return api_address(value, example=API_URL)


class CorkboardConfig(ConnectorConfig):
    """The settings of a Corkboard target."""

    board: str = Field(pattern=r"^[A-Za-z0-9]+$", description="the board's id, as in the address of its page")
    token: SecretRef = Field(description='where the token is, { env = "NAME" } or { keyring = "NAME" }')
    api_url: Annotated[str, AfterValidator(_api_url)] = Field(
        default=API_URL, description="where the API is; plain http only on a loopback address"
    )


def _open(settings: CorkboardConfig, context: Context) -> Board:
    from mi_sync_corkboard.board import CorkboardBoard

    return CorkboardBoard(settings, context)


connector = Connector(
    name="corkboard",
    kind="board",
    summary="A Corkboard: one note for each milestone, in plain text.",
    config=CorkboardConfig,
    open=_open,
    capabilities=CAPABILITIES,
    can=(
        "creates, changes and archives notes: title, text, due day, done",
        "creates missing columns",
        "assigns one of the board's people when a note is created",
    ),
    cannot=("delete anything: notes are archived",),
)
