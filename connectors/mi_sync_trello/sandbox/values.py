"""What parameters may say, and the plain-text refusals that Trello answers otherwise.

Parameters come from the query, a form or a JSON body alike ("Query parameters may also be replaced with a JSON
request body", developer.atlassian.com/cloud/trello/guides/rest-api), so each value may be text or already typed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any

Params = Mapping[str, Any]

MAX_TEXT = 16384
"""Names and descriptions (developer.atlassian.com/cloud/trello/rest/api-group-cards)."""

_SHADES = ("", "_dark", "_light")
COLOURS = frozenset(
    f"{colour}{shade}"
    for colour in ("yellow", "purple", "blue", "red", "green", "orange", "black", "sky", "pink", "lime")
    for shade in _SHADES
)
"""Thirty of them; the specification lists only ten (trello.js 2.1.6 changelog)."""

_ID = re.compile(r"[0-9a-f]{24}")
_SHORT = re.compile(r"[0-9A-Za-z]{8}")
_NOTHING = (None, "", "null")


class ApiError(Exception):
    """An answer other than 200, as text/plain: most of Trello's errors are (n8n-io/n8n #10189, mheap/trello-cli)."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.text = text
        super().__init__(f"{status} {text}")


def invalid(name: str) -> ApiError:
    """The refusal of one parameter, in Trello's words."""
    return ApiError(400, f"invalid value for {name}")


def missing() -> ApiError:
    """What an unknown id in a path gets."""
    return ApiError(404, "The requested resource was not found.")


def reference(ref: str, *, short: bool = False) -> str:
    """An id of a path; boards and cards may be named by short link too (api-group-boards, api-group-cards)."""
    if _ID.fullmatch(ref) or (short and _SHORT.fullmatch(ref)):
        return ref
    raise ApiError(400, "invalid id")


def text(params: Params, name: str, *, required: bool = False, most: int = MAX_TEXT) -> str:
    """Text of at most `most` characters; `required` refuses an empty one."""
    value = params.get(name)
    value = "" if value is None else value
    if isinstance(value, (dict, list, bool)):
        raise invalid(name)
    value = str(value)
    if len(value) > most or (required and not value.strip()):
        raise invalid(name)
    return value


def flag(params: Params, name: str, *, default: bool = False) -> bool:
    """True or false, as JSON or as a word."""
    value = params.get(name, default)
    known = {"true": True, "1": True, "false": False, "0": False}
    if isinstance(value, bool):
        return value
    if str(value).lower() not in known:
        raise invalid(name)
    return known[str(value).lower()]


def stamp(moment: datetime) -> str:
    """A date as Trello shows it: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(params: Params, name: str) -> str | None:
    """A date in ISO 8601; a date without a time is midnight UTC, and null or nothing clears (api-group-cards)."""
    value = params.get(name)
    if value in _NOTHING:
        return None
    try:
        parsed = datetime.fromisoformat(str(value).replace(" ", "T", 1))
        return stamp(parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise invalid(name) from error


def number(value: object, name: str) -> float:
    """A number of any spelling."""
    try:
        parsed = float(str(value))
    except ValueError as error:
        raise invalid(name) from error
    if not isfinite(parsed):
        raise invalid(name)
    return parsed


def names(params: Params, name: str) -> list[str]:
    """A list, given as a JSON array or as text with commas; without repeats, in order."""
    value = params.get(name)
    if value in _NOTHING:
        return []
    parts = value if isinstance(value, list) else str(value).split(",")
    return list(dict.fromkeys(str(part).strip() for part in parts if str(part).strip()))


def references(params: Params, name: str) -> list[str]:
    """A list of ids."""
    return [reference(ref) for ref in names(params, name)]


def choice(params: Params, name: str, allowed: Sequence[str], default: str) -> str:
    """One of a few words."""
    value = str(params.get(name) or default)
    if value not in allowed:
        raise invalid(name)
    return value


def colour(params: Params, name: str) -> str | None:
    """A label's colour, or none."""
    value = params.get(name)
    if value in _NOTHING:
        return None
    if value not in COLOURS:
        raise invalid(name)
    return str(value)


def web_address(params: Params, name: str) -> str:
    """The address of an attachment, which must start with http:// or https:// (api-group-cards)."""
    value = text(params, name, required=True)
    if not value.lower().startswith(("http://", "https://")):
        raise invalid(name)
    return value


def size(params: Params, name: str, *, default: int, most: int) -> int:
    """How many of something; more than `most` are capped, not refused (airbytehq/airbyte #22037 asked for 20000)."""
    value = params.get(name)
    if value in _NOTHING:
        return default
    count = number(value, name)
    if count < 0 or count != int(count):
        raise invalid(name)
    return min(int(count), most)


def boundary(params: Params, name: str) -> str | None:
    """`before` or `since` as an id: either is an id or a date, and speaks of creation (nested-resources guide)."""
    value = params.get(name)
    if value in _NOTHING:
        return None
    if _ID.fullmatch(str(value)):
        return str(value)
    parsed = moment(params, name)
    if parsed is None:
        return None
    seconds = int(datetime.fromisoformat(parsed).timestamp())
    return f"{min(max(seconds, 0), 0xFFFFFFFF):08x}{'0' * 16}"
