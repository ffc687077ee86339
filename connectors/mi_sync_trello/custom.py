"""The custom fields of a board, and what a card says of them.

Values are text in an object that names the field's kind, and the id of an option for a list
(developer.atlassian.com/cloud/trello/guides/rest-api/getting-started-with-custom-fields). A card says nothing of a
field that is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from math import isfinite
from zoneinfo import ZoneInfo

from mi_sync.errors import RequestRefused
from mi_sync.http import Http
from mi_sync.model import CustomField, FieldKind, number_text, told_apart
from mi_sync.shapes import Json
from mi_sync_trello.wire import ident, local_date, objects, start_stamp

NONE_THERE = "the board shows no custom fields (make them there, and switch its Custom Fields Power-Up on)"
CLOSED = "Trello shows custom fields to no OAuth 2 access token (use key and token)"
"""Their endpoints are closed to such a token (api-group-customfields)."""

_KINDS: Mapping[str, FieldKind] = {
    "text": "text",
    "number": "number",
    "date": "date",
    "checkbox": "checkbox",
    "list": "choice",
}
_KEYS: Mapping[FieldKind, str] = {"text": "text", "number": "number", "date": "date", "checkbox": "checked"}
"""What the object of a value names."""


@dataclass(frozen=True, slots=True)
class _Definition:
    """A field, and the names of its options by their ids."""

    about: CustomField
    options: Mapping[str, str] = field(default_factory=dict)


class CustomFields:
    """Those of one board, listed when one is met that is not known.

    Args:
        http: the session.
        board: tells the board's id.
        timezone: the programme's, in which a date is meant.
        readable: whether these credentials may see them.
    """

    def __init__(self, http: Http, board: Callable[[], str], timezone: ZoneInfo, *, readable: bool) -> None:
        self._http, self._board, self._timezone, self.readable = http, board, timezone, readable
        self._known: Mapping[str, _Definition] = {}
        self._is_listed = False

    # -- which there are ----------------------------------------------------------------------------

    @property
    def all(self) -> tuple[CustomField, ...]:
        """As far as they are known."""
        return tuple(each.about for each in self._known.values())

    @property
    def hidden_because(self) -> str:
        """Why there are none to be seen; empty when there are some."""
        return "" if self._known else NONE_THERE if self.readable else CLOSED

    def take(self, raw: object) -> None:
        """Takes over a complete listing."""
        raws = objects(raw, "custom fields")
        fields = told_apart(map(_field, raws))
        self._known = {it.id: _Definition(it, _options(each)) for it, each in zip(fields, raws, strict=True)}
        self._is_listed = True

    def know(self, cards: Iterable[Json]) -> None:
        """Lists them again, once, when a card says something that is not known."""
        if self.readable and not all(self._is_known(item) for card in cards for item in _items(card)):
            self._list()

    def _is_known(self, item: Json) -> bool:
        known = self._known.get(str(item.get("idCustomField")))
        return known is not None and (not item.get("idValue") or item["idValue"] in known.options)

    def _list(self) -> None:
        self.take(self._http.get(f"/boards/{self._board()}/customFields"))

    # -- what a card says ---------------------------------------------------------------------------

    def read(self, card: Json) -> Mapping[str, str]:
        """The fields that a card fills, by name."""
        found = ((self._known.get(str(item.get("idCustomField"))), item) for item in _items(card))
        return {known.about.name: text for known, item in found if known and (text := self._text(known, item))}

    def _text(self, known: _Definition, item: Json) -> str:
        kind, value = known.about.kind, item.get("value")
        if kind == "choice":
            return known.options.get(str(item.get("idValue")), "")
        text = str(value.get(_KEYS.get(kind, "")) or "") if isinstance(value, dict) else ""
        if kind == "date":
            day = local_date(text, self._timezone)
            return day.isoformat() if day else ""
        if kind == "checkbox":
            return "yes" if text == "true" else ""
        return _number(text) if kind == "number" else text

    def write(self, card: Json, name: str, text: str) -> Json:
        """Sets one field of a card by one request, and returns the card as it is then.

        Raises:
            RequestRefused: there is no field, or no option, of this name.
        """
        known = self._named(name)
        body = self._body(known, text)
        self._put(f"/cards/{ident(card.get('id'))}/customField/{known.about.id}/item", body, name)
        others = [item for item in _items(card) if item.get("idCustomField") != known.about.id]
        return {**card, "customFieldItems": [*others, *([{"idCustomField": known.about.id, **body}] if text else [])]}

    def _put(self, path: str, body: Json, name: str) -> None:
        try:
            self._http.put(path, body)
        except RequestRefused as error:
            if error.status != 403:
                raise
            remedy = "Check that the board's plan has custom fields, and that its Custom Fields Power-Up is on."
            raise RequestRefused(error.why, status=403, where=f"fields.{name}", remedy=remedy) from None

    def _named(self, name: str) -> _Definition:
        if not self._is_listed and self.readable:
            self._list()
        found = next((each for each in self._known.values() if each.about.name == name), None)
        if found is None or found.about.kind == "other":
            raise self._refused(f"the board has no custom field {name!r} that can be written.", name)
        return found

    def _body(self, known: _Definition, text: str) -> Json:
        kind = known.about.kind
        if not text:
            return {"value": "", "idValue": ""} if kind == "choice" else {"value": ""}
        if kind == "choice":
            return {"idValue": self._option(known, text)}
        if kind == "date":
            return {"value": {"date": start_stamp(date.fromisoformat(text), self._timezone)}}
        return {"value": {_KEYS[kind]: "true" if kind == "checkbox" else text}}

    def _option(self, known: _Definition, text: str) -> str:
        found = next((id_ for id_, name in known.options.items() if name == text), None)
        if found is None:
            name = known.about.name
            raise self._refused(f"the custom field {name!r} has no option {text!r}.", name)
        return found

    def _refused(self, why: str, name: str) -> RequestRefused:
        self._is_listed = False  # it was changed meanwhile
        return RequestRefused(why, where=f"fields.{name}", remedy="The next run looks again.")


def _items(card: Json) -> list[Json]:
    """What a card says of its fields; nothing where the reply did not tell."""
    return [item for item in card.get("customFieldItems") or [] if isinstance(item, dict)]


def _field(raw: Json) -> CustomField:
    kind = str(raw.get("type") or "")
    return CustomField(
        ident(raw.get("id")),
        str(raw.get("name") or ""),
        _KINDS.get(kind, "other"),
        tuple(dict.fromkeys(_options(raw).values())),
        tool_kind=kind,
    )


def _options(raw: Json) -> Mapping[str, str]:
    """The names of a list's options, by id."""
    found = objects(raw.get("options") or [], "options")
    return {ident(each.get("id")): str((each.get("value") or {}).get("text") or "") for each in found}


def _number(text: str) -> str:
    """A number in our form; what is none counts as nothing."""
    try:
        value = float(text)
    except ValueError:
        return ""
    return number_text(value) if isfinite(value) else ""
