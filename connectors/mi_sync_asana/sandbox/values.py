"""What a value has to look like, and Asana's words for one that does not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

Data = Mapping[str, Any]

ZONE = ZoneInfo("America/New_York")
"""Where the invented people live: `due_on` of a task with a time is the day there (spec, TaskBase.due_on)."""

MAX_TEXT = 65_535
"""Characters of notes; not documented, so that a client which relies on more is told."""

MAX_NAME = 1024

_HELP = "For more information on API status codes and how to handle them, read the docs on errors: https://developers.asana.com/docs/errors"


class ApiError(Exception):
    """An answer that is none of the 2xx, as `{"errors": [{"message", "help"}]}` (docs/errors)."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message
        super().__init__(f"{status} {message}")

    @property
    def body(self) -> dict[str, Any]:
        """The JSON of the reply."""
        return {"errors": [{"message": self.message, "help": _HELP}]}


def bad(message: str) -> ApiError:
    """The refusal of a request that is wrong by itself."""
    return ApiError(400, message)


def missing_input(name: str) -> ApiError:
    """The refusal of a required field that is not there (docs/errors)."""
    return bad(f"{name}: Missing input")


def unwritable(name: str) -> ApiError:
    """The refusal of a field that this operation does not take (forum/77626)."""
    return bad(f"{name}: Cannot write this property")


def gid(value: object, name: str) -> str:
    """A gid, as digits in a string (forum/19570, forum/1108779)."""
    if not isinstance(value, str):
        raise bad(f"{name}: Not a valid GID type: {type(value).__name__}")
    if not value.isascii() or not value.isdigit():
        raise bad(f"{name}: Not a recognized ID: {value}")
    return value


def gids(data: Data, name: str) -> list[str]:
    """A list of gids, also as text with commas, without repeats."""
    value = data.get(name) or []
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list):
        raise bad(f"{name}: Not an array: {value}")
    return list(dict.fromkeys(str(part) for part in parts))


def text(data: Data, name: str, *, most: int = MAX_TEXT) -> str:
    """Text of at most `most` characters."""
    value = data.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise bad(f"{name}: Not a string: {value}")
    if len(value) > most:
        raise bad(f"{name}: Too long: at most {most} characters")  # not Asana's words; its limits are not documented
    return value


def given(data: Data, name: str) -> Any:  # noqa: ANN401  a gid, or something wrong
    """What a field that has to be there holds."""
    if data.get(name) is None:
        raise missing_input(name)
    return data[name]


def required(data: Data, name: str) -> str:
    """Text that is not blank."""
    found = text(data, name, most=MAX_NAME)
    if not found.strip():
        raise missing_input(name)
    return found


def flag(data: Data, name: str, *, default: bool = False) -> bool:
    """A JSON boolean (docs/… updatetask); a word in a query."""
    value = data.get(name, default)
    known = {"true": True, "false": False}
    if isinstance(value, str) and value in known:
        return known[value]
    if not isinstance(value, bool):
        raise bad(f"{name}: Not a boolean: {value}")
    return value


def choice(data: Data, name: str, allowed: Collection[str], default: str | None) -> str | None:
    """One of a few words."""
    value = data.get(name, default)
    if value is not None and value not in list(allowed):  # a list, which JSON may hold as well, is in no set
        raise bad(f"{name}: Not a valid option: {value}")
    return None if value is None else str(value)


def stamp(moment: datetime) -> str:
    """An instant as Asana shows it: UTC, milliseconds, Z (docs/dates-and-times)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(data: Data, name: str) -> str | None:
    """An instant in ISO 8601, or null."""
    value = data.get(name)
    if value is None:
        return None
    try:
        parsed = datetime.fromisoformat(str(value) if "T" in str(value) else "")  # a day alone is no instant
        return stamp(parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise bad(f"{name}: Datetime must be in ISO-8601 format, not: {value}") from None


def day(data: Data, name: str) -> str | None:
    """A date, or null (forum/69643)."""
    value = data.get(name)
    if value is None:
        return None
    try:
        return datetime.strptime(str(value), "%Y-%m-%d").replace(tzinfo=UTC).date().isoformat()
    except ValueError:
        raise bad(f"{name}: Date must be in ISO-8601 (yyyy-mm-dd) format, not: {value}") from None


def local_day(stamp: str | None) -> str | None:
    """The day of an instant where the invented people live."""
    return None if stamp is None else datetime.fromisoformat(stamp).astimezone(ZONE).date().isoformat()
