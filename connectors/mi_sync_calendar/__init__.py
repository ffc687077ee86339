"""The connector for calendars: the milestones' dates as an iCalendar file, which every calendar can subscribe to."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from mi_sync.connector import Connector, ConnectorConfig, Context, Publisher

__all__ = ["CalendarConfig", "connector"]


def _is_calendar(path: str) -> str:
    if not path.casefold().endswith(".ics"):
        raise ValueError("must end in .ics")
    return path


class CalendarConfig(ConnectorConfig):
    """The settings of a target with `connector = "calendar"`."""

    path: Annotated[str, AfterValidator(_is_calendar)] = Field(description="where to write, such as public/spring.ics")
    minutes: int = Field(default=30, ge=5, le=24 * 60, description="how long a call lasts; other dates have no length")


def _open(settings: CalendarConfig, context: Context) -> Publisher:
    from mi_sync_calendar.publisher import CalendarPublisher

    return CalendarPublisher(settings, context)


connector = Connector(
    name="calendar",
    kind="publisher",
    summary="an iCalendar file with the dates of all milestones, to be imported or subscribed to",
    config=CalendarConfig,
    open=_open,
    views=("milestones",),
    can=(
        "makes an event of each milestone that has a date, with the address of its card",
        "makes calls of those that name the posting's meeting_url, with that address to join",
        "keeps the identity of an event when it moves, and cancels what is archived or no longer wanted",
        "leaves a file alone that already says the same",
    ),
    cannot=(
        "send invitations, or write into a calendar of Google, Outlook or Apple: they subscribe to the file",
        "read a calendar back: what somebody moves in their own calendar stays theirs",
    ),
)
