"""Trello's JSON and our nouns, both ways. Pure.

Shapes and values are those of developer.atlassian.com/cloud/trello/rest, and of trello.js 2.2.0, whose schemas are
audited against the live service. Every field of a reply is treated as optional, because old cards lack some.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from mi_sync.errors import NotAuthorised, NotFound, RequestRefused
from mi_sync.model import CheckItem, Fields, Member
from mi_sync.shapes import Json, Shapes

CHECKLIST = "Steps"
"""Our checklist on a card. Not “Checklist”: that is how Trello names one that a person adds."""

CARD_FIELDS = "name,desc,due,start,dueComplete,closed,idBoard,idList,idLabels,idMembers,url,shortUrl"

_FAR = re.compile(r"(?P<sign>[+-])[0-9]{6}-")
_EARLIEST, _LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


_SHAPES = Shapes("Trello", "id", r"[0-9A-Za-z_-]+")
an_object, objects, ident, is_id, unreadable = (
    _SHAPES.an_object,
    _SHAPES.objects,
    _SHAPES.ident,
    _SHAPES.is_id,
    _SHAPES.unreadable,
)


def authorization(secrets: Mapping[str, str]) -> str:
    """The header that proves who asks: secrets never stand in a URL.

    Key and token as in the authorization guide and TrelloDotNet; an access token as in the guide to OAuth 2.0.
    """
    if "access_token" in secrets:
        return f"Bearer {secrets['access_token']}"
    return f'OAuth oauth_consumer_key="{secrets["key"]}", oauth_token="{secrets["token"]}"'


def too_much(error: RequestRefused) -> bool:
    """Whether Trello refused because too much was asked for at once, which is not about permission.

    API_TOO_MANY_CARDS_REQUESTED is a 403 (rate-limits guide) and was seen as 400; its text may be
    “Too many checklists” (airbytehq/airbyte #22037).
    """
    text = error.why.casefold().replace("_", " ")
    return error.status == 403 or "too many" in text


def is_missing(error: RequestRefused) -> bool:
    """Whether there is no such thing; an id that cannot be one is a 400: “invalid id”."""
    return isinstance(error, NotFound) or (error.status == 400 and "invalid id" in error.why)


def is_hidden(error: NotAuthorised) -> bool:
    """Whether one card alone is refused, as is a card on a board that the token's owner may not see."""
    return "card permission requested" in error.why


# ----------------------------------------------------------------------------------------------- instants


def instant(text: str | None) -> datetime | None:
    """An ISO 8601 instant in UTC.

    A mistyped year must not make the whole board unreadable: what lies beyond our calendar (ECMAScript writes such a
    year with a sign and six digits) becomes its first or last day that has a date in every timezone.

    Raises:
        Unreadable: it is none.
    """
    if not text:
        return None
    try:
        if far := _FAR.match(text):
            return _LATEST if far["sign"] == "+" else _EARLIEST
        parsed = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise unreadable("date") from None
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return min(max(aware, _EARLIEST), _LATEST).astimezone(UTC)


def due_stamp(due: datetime | date | None, timezone: ZoneInfo) -> str | None:
    """A due date, which at Trello is always an instant: a day alone is due at five in the afternoon."""
    if due is None or isinstance(due, datetime):
        return stamp(due)
    return stamp(datetime.combine(due, time(17), timezone))


def stamp(at: datetime | None) -> str | None:
    """An instant as Trello writes it: UTC, milliseconds, Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def local_date(text: str | None, timezone: ZoneInfo) -> date | None:
    """The day that people in the timezone see for an instant."""
    at = instant(text)
    return at.astimezone(timezone).date() if at else None


def start_stamp(day: date | None, timezone: ZoneInfo) -> str | None:
    """A start date as an instant: noon, so that people some zones away see the same day."""
    return stamp(datetime.combine(day, time(12), timezone)) if day else None


# ---------------------------------------------------------------------------------------------- to Trello


def written(fields: Fields, timezone: ZoneInfo) -> Json:
    """What a write sends for the simple fields; None clears."""
    sent: Json = {}
    if "title" in fields:
        sent["name"] = fields["title"]
    if "due" in fields:
        sent["due"] = due_stamp(fields["due"], timezone)
    if "start" in fields:
        sent["start"] = start_stamp(fields["start"], timezone)
    if "done" in fields:
        sent["dueComplete"] = fields["done"]
    if "archived" in fields:
        sent["closed"] = fields["archived"]
    return sent


# -------------------------------------------------------------------------------------------- from Trello


@dataclass(frozen=True, slots=True)
class Ours:
    """Our checklist on a card: its id, None when there is none, and its lines in order."""

    id: str | None = None
    lines: tuple[CheckItem, ...] = ()


def our_checklist(checklists: Iterable[Json]) -> Ours:
    """The oldest checklist with our name; a second one is a person's copy."""
    named = [each for each in checklists if each.get("name") == CHECKLIST]
    if not named:
        return Ours()
    first = min(named, key=lambda each: ident(each.get("id")))
    lines = sorted(objects(first.get("checkItems") or [], "checklist"), key=_place)
    return Ours(first["id"], tuple(check_item(line) for line in lines))


def _place(raw: Json) -> tuple[float, str]:
    pos = raw.get("pos")
    return (pos if isinstance(pos, int | float) else 0.0, raw["id"])


def check_item(raw: Json) -> CheckItem:
    """A line of a checklist."""
    return CheckItem(ident(raw.get("id")), str(raw.get("name") or ""), raw.get("state") == "complete")


def member(raw: Json) -> Member:
    """Someone on the board; Trello shows an e-mail address to almost nobody."""
    username, name, email = (str(raw.get(key) or "") for key in ("username", "fullName", "email"))
    return Member(ident(raw.get("id")), username, name, email)
