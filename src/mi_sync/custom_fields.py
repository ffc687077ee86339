"""The fields that people gave to a board: which one is meant, and a text in the form that its kind takes. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from mi_sync import values
from mi_sync.identity import canonical
from mi_sync.model import CustomField, number_text

_SHOWN = 40
"""Characters of a value in a message."""


class DoesNotFit(ValueError):
    """A text is no value of a field; its own text says why, and what to do about it."""


def meant(name: str, fields: Iterable[CustomField]) -> CustomField | None:
    """The field that goes by this id, this name, or, where there is only one, this name in any case."""
    fields = tuple(fields)
    exact = next((it for it in fields if name in {it.id, it.name}), None)
    alike = [it for it in fields if _folded(it.name) == _folded(name)]
    return exact or (alike[0] if len(alike) == 1 else None)


def value_of(field: CustomField, text: str) -> str:
    """The text as a value of the field, in the form that `CustomField` describes.

    Raises:
        DoesNotFit: it is none.
    """
    text = canonical(text)
    if not text:
        return ""
    match field.kind:
        case "text":
            return text
        case "number":
            return _number(field, text)
        case "date":
            return _date(text)
        case "checkbox":
            return _checkbox(text)
        case "choice":
            return _option(field, text)
        case "other":
            kind = field.tool_kind or "another kind"
            raise DoesNotFit(f"the field holds {kind}, which is never written; name a field of text, or leave it out")


def _number(field: CustomField, text: str) -> str:
    try:
        value = values.number(text)
    except values.BadValue:
        raise DoesNotFit(f"the field takes a number, and {_shown(text)} is none; correct the template") from None
    return number_text(value if field.places is None else round(value, field.places))


def _date(text: str) -> str:
    try:
        return datetime.fromisoformat(text).date().isoformat()
    except ValueError:
        why = f"the field takes a date, and {_shown(text)} is none; write {{{{ dates.start }}}} without a filter"
        raise DoesNotFit(why) from None


def _checkbox(text: str) -> str:
    try:
        return "yes" if values.boolean(text) else ""
    except values.BadValue:
        raise DoesNotFit(f"the field is a checkbox, and {_shown(text)} is neither yes nor no") from None


def _option(field: CustomField, text: str) -> str:
    if text in field.options:
        return text
    alike = [option for option in field.options if _folded(option) == _folded(text)]
    if len(alike) == 1:
        return alike[0]
    known = ", ".join(field.options) or "none"
    raise DoesNotFit(f"the field has no option {_shown(text)} (there are: {known}); add it there, or correct the value")


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line if len(line) <= _SHOWN else line[: _SHOWN - 1] + '…'}”"
