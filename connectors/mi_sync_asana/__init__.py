"""Asana as a board: one task for each item, over Asana's REST API.

This module stays light: it holds the settings and what the connector can do; the board itself is imported when opened.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from mi_sync.connector import (
    Board,
    Connector,
    ConnectorConfig,
    Context,
    SecretRef,
    api_address,
)
from mi_sync.http import is_loopback
from mi_sync.model import Capabilities

CAPABILITIES = Capabilities(
    start=True,
    start_alone=False,
    start_after_due=False,
    labels=True,
    checklist=True,
    assignees=1,
    due_time=True,
    due_day=True,
    # Asana documents no limit of either. A name is one line in its pages, which show about so much of it; the body is
    # as long as Trello's, and well below what notes were seen to hold.
    max_title=1024,
    max_body=16384,
    create_lists=True,
    unique=True,
    archive="completed",
    # Documented for a task that is moved to a section; a task that is made in one was seen to go the same way. `places`
    # does not rely on that.
    new_items="top",
    fields="with_item",
    followers=True,
    comments=True,
    notes=(
        "A task without a start date is a milestone.",
        "The marker is kept twice: out of sight in `external`, and as the last line of the description.",
        "A token that does not see `external` works, but with it Asana does not refuse a second task of one name.",
        "New tasks are made last first, and stand below what their section holds by a second request each.",
        "Archived tasks are completed and lie in the section “Archived”.",
        "Headings below the second kind, nested quotations and the like become what Asana's rich text has.",
    ),
)

ARCHIVED = "Archived"
"""The section for archived tasks."""

_GID = re.compile(r"[1-9][0-9]{0,30}")
_PATHS = (
    re.compile(r"/0/(?P<project>[1-9][0-9]{0,30})(?:/.*)?"),
    re.compile(r"/1/[1-9][0-9]{0,30}/project/(?P<project>[1-9][0-9]{0,30})(?:/.*)?"),
)


def _project(value: str) -> str:
    """The gid in what a person copied."""
    text = value.strip()
    if _GID.fullmatch(text):
        return text
    parts = urlsplit(text)
    host = parts.hostname or ""
    found = next((match for path in _PATHS if (match := path.fullmatch(parts.path))), None)
    if parts.scheme in {"https", "http"} and (host == "app.asana.com" or is_loopback(host)) and found:
        return found["project"]
    raise ValueError(
        "is no Asana project; copy the project's address, such as https://app.asana.com/0/1200000000000001/list"
    )


def _api_url(value: str) -> str:
    return api_address(value, example="https://app.asana.com/api/1.0")


class AsanaConfig(ConnectorConfig):
    """The settings of an Asana target; `project` is kept as a gid."""

    project: Annotated[str, AfterValidator(_project)] = Field(description="the project's address or gid")
    token: SecretRef = Field(
        description='where the access token is: { env = "NAME" } or { keyring = … }; '
        "app.asana.com/0/my-apps makes a personal one"
    )
    checklist: Literal["subtasks", "text"] = Field(
        default="subtasks", description="whether a checklist is subtasks, or lines of the description"
    )
    plan: Literal["free", "paid"] = Field(
        default="free", description="what the workspace pays for: 150 requests a minute are allowed, or 1500"
    )
    api_url: Annotated[str, AfterValidator(_api_url)] = Field(
        default="https://app.asana.com/api/1.0", description="where the API is; plain http only on a loopback address"
    )

    @property
    def capabilities(self) -> Capabilities:
        """What the board can hold, set up like this."""
        if self.checklist == "subtasks":
            return CAPABILITIES
        lossy = {"checklist": 'checklist = "text" is set'}
        return replace(CAPABILITIES, checklist=False, lossy=lossy)


def _open(settings: AsanaConfig, context: Context) -> Board:
    from mi_sync_asana.board import AsanaBoard

    return AsanaBoard(settings, context)


connector = Connector(
    name="asana",
    kind="board",
    summary="An Asana project: one task for each milestone, with tags, subtasks and dates.",
    config=AsanaConfig,
    open=_open,
    capabilities=CAPABILITIES,
    can=(
        "creates, changes and archives tasks: title, description, due date with or without a time, start date, done",
        "creates missing sections and tags",
        "adds tags and subtasks one by one, and leaves those of people alone",
        "assigns one person of the workspace, by e-mail address, when a task is created, and lets others follow it",
        "fills custom fields that the project has (text, number, date, single choice), together with the task",
        "says one comment on a new task",
        "keeps mentions, pictures and formats that it does not know in a description that it does not change",
        "reads a project of 100 tasks with four requests, and one for each ten tasks with subtasks",
    ),
    cannot=(
        "invite people, or change who follows a task that is there",
        "delete a task: it is completed and moved; of its subtasks, a line that nobody touched goes to the trash",
        "give a task a start date without a due date or after it, which Asana does not allow",
        "make custom fields or their options, or fill those of several choices, people or formulas",
        "read or write attachments, parents and dependencies, or keep a place in a section",
        "change a comment that was said",
    ),
)
