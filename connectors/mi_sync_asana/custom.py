"""The custom fields of a project, and what a task says of them (docs/custom-fields-guide).

They are written together with the task, by gid: text, a number, a day in an object, the gid of an option; null clears.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from mi_sync.errors import RequestRefused
from mi_sync.model import CustomField, FieldKind, number_text, told_apart
from mi_sync.shapes import Json
from mi_sync_asana.wire import gid, instant

NONE_THERE = "the project shows no custom fields (add them there; Asana has them in its paid plans)"
MAX_TEXT = 1024
"""Characters of a text field (docs/custom-fields-guide)."""

SETTINGS = ",".join(
    f"custom_field_settings.custom_field.{name}"
    for name in (
        "name",
        "resource_subtype",
        "precision",
        "is_formula_field",
        "enum_options.name",
        "enum_options.enabled",
    )
)
"""What is asked of a project, to know its fields."""

_KINDS: Mapping[str, FieldKind] = {"text": "text", "number": "number", "date": "date", "enum": "choice"}


@dataclass(frozen=True, slots=True)
class _Definition:
    """A field, and the gids of the options that can be chosen, by their names."""

    about: CustomField
    options: Mapping[str, str] = field(default_factory=dict)


class CustomFields:
    """Those of one project.

    Args:
        ask: gives the project with its `SETTINGS`.
        timezone: the programme's.
    """

    def __init__(self, ask: Callable[[], Json], timezone: ZoneInfo) -> None:
        self._ask, self._timezone = ask, timezone
        self._known: Mapping[str, _Definition] | None = None

    @property
    def all(self) -> tuple[CustomField, ...]:
        """As they were seen last."""
        return tuple(each.about for each in self._seen().values())

    @property
    def hidden_because(self) -> str:
        """Why there are none to be seen; empty when there are some."""
        return "" if self._seen() else NONE_THERE

    def take(self, project: Json) -> None:
        """Takes over what a project says of its fields."""
        raws = [each["custom_field"] for each in project.get("custom_field_settings") or [] if each.get("custom_field")]
        fields = told_apart(map(_field, raws))
        self._known = {it.id: _Definition(it, _options(raw)) for it, raw in zip(fields, raws, strict=True)}

    def _seen(self) -> Mapping[str, _Definition]:
        if self._known is None:
            self.take(self._ask())
        return self._known or {}

    def read(self, task: Json) -> Mapping[str, str]:
        """The project's fields that a task fills, by name; it may have those of other projects, too."""
        raws = [each for each in task.get("custom_fields") or [] if isinstance(each, dict)]
        known = self._seen() if raws else {}
        found = ((known.get(str(raw.get("gid"))), raw) for raw in raws)
        return {it.about.name: text for it, raw in found if it and (text := self._text(it.about, raw))}

    def _text(self, known: CustomField, raw: Json) -> str:
        match known.kind:
            case "text":
                return str(raw.get("text_value") or "")
            case "number":
                value = raw.get("number_value")
                return number_text(value) if isinstance(value, int | float) else ""
            case "choice":
                return str((raw.get("enum_value") or {}).get("name") or "")
            case "date":
                return self._day(raw.get("date_value") or {})
            case _:
                return ""

    def _day(self, value: Json) -> str:
        at = instant(value.get("date_time"))
        return at.astimezone(self._timezone).date().isoformat() if at else str(value.get("date") or "")

    def sent(self, values: Mapping[str, str]) -> Json:
        """As a write sends them; nothing for none.

        Raises:
            RequestRefused: the project has no field, or a field no option, of such a name.
        """
        known = {each.about.name: each for each in self._seen().values()} if values else {}
        sent = {}
        for name, text in values.items():
            if name not in known or known[name].about.kind == "other":
                raise self._refused(f"the project has no custom field {name!r} that can be written.", name)
            sent[known[name].about.id] = self._value(known[name], text) if text else None
        return {"custom_fields": sent} if sent else {}

    def _value(self, known: _Definition, text: str) -> Any:  # noqa: ANN401  JSON is anything
        if known.about.kind == "number":
            return float(text)
        if known.about.kind == "date":
            return {"date": text}
        if known.about.kind == "choice" and text not in known.options:
            name = known.about.name
            raise self._refused(f"the custom field {name!r} has no option {text!r}.", name)
        return known.options[text] if known.about.kind == "choice" else text

    def _refused(self, why: str, name: str) -> RequestRefused:
        self._known = None  # it was changed meanwhile
        return RequestRefused(why, where=f"fields.{name}", remedy="The next run looks again.")


def _field(raw: Json) -> CustomField:
    kind = str(raw.get("resource_subtype") or "")
    precision = raw.get("precision")
    return CustomField(
        gid(raw),
        str(raw.get("name") or ""),
        "other" if raw.get("is_formula_field") else _KINDS.get(kind, "other"),
        tuple(_options(raw)),
        places=precision if isinstance(precision, int) else None,
        most=MAX_TEXT if kind == "text" else None,
        tool_kind="a formula" if raw.get("is_formula_field") else kind,
    )


def _options(raw: Json) -> Mapping[str, str]:
    """The gids of the options that are not switched off, by name; the first of those that share one."""
    found: dict[str, str] = {}
    for each in raw.get("enum_options") or []:
        if each.get("enabled") is not False:
            found.setdefault(str(each.get("name") or ""), gid(each))
    return found
