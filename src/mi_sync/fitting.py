"""What a board cannot hold is changed or taken off before anything is compared, and said before anything is written.

Without this, a field that the board drops would look changed by a person in every run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from mi_sync.custom_fields import DoesNotFit, meant, value_of
from mi_sync.errors import Problem
from mi_sync.model import Capabilities, CustomField, Item

_SHORTENED = "\n\n… (shortened: the board holds no more)"
_MARKER_ROOM = 256
"""Characters of a body that are left for the marker."""

_WORDS: Mapping[str, str] = {
    "start": "start date",
    "labels": "labels",
    "checklist": "checklist",
    "assignee": "assignee",
    "due": "due time",
    "followers": "followers",
    "comment": "comments",
    "fields": "custom fields",
}
_REMEDY: Mapping[str, str] = {
    "start": "it is left out",
    "labels": "they are left out",
    "checklist": "its lines stand in the body",
    "assignee": "nobody is assigned",
    "followers": "nobody follows",
    "comment": "none is said",
    "fields": "they are left out",
}


@dataclass(slots=True)
class Fitter:
    """Makes items fit one board, and remembers what was lost on the way.

    Attributes:
        capabilities: what the board can hold.
        normal_body: a body as the board gives it back; see `Board.normal_body`.
        timezone: the programme's.
        fields: the board's custom fields.
        hidden_because: why they could not be read, if so.
    """

    capabilities: Capabilities
    normal_body: Callable[[str], str]
    timezone: ZoneInfo
    fields: Sequence[CustomField] = ()
    hidden_because: str = ""
    _lost: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    _unfit: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    _meant: dict[str, CustomField | None] = field(default_factory=dict)

    def fit(self, items: Iterable[Item]) -> Iterator[Item]:
        """Each item as the board can hold it."""
        for item in items:
            yield self._title(self._body(self._checklist(self._due(self._custom(self._said(self._simple(item)))))))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """One for each kind of loss, and for each custom field that does not take its values, with an example."""
        lost = {(name, f"lossy: {why}"): titles for (name, why), titles in self._lost.items()}
        return tuple(
            Problem(titles[0], name, why + (f" ({len(titles)} items)." if titles[1:] else "."))
            for (name, why), titles in {**lost, **self._unfit}.items()
        )

    def _lose(self, item: Item, name: str, what: str) -> None:
        why = self.capabilities.lossy.get(name) or f"the board has no {_WORDS[name]}"
        self._lost[name, f"{why}, so {what}"].append(item.title)

    def _simple(self, item: Item) -> Item:
        able = self.capabilities
        if item.start and not able.start:
            self._lose(item, "start", _REMEDY["start"])
            item = replace(item, start=None)
        if item.start and (why := able.clash(item.start, item.due and self._day(item.due))):
            self._lost["start", f"{why}, so {_REMEDY['start']}"].append(item.title)
            item = replace(item, start=None)
        if item.labels and not able.labels:
            self._lose(item, "labels", _REMEDY["labels"])
            item = replace(item, labels=())
        if item.assignee and not able.assignees:
            self._lose(item, "assignee", _REMEDY["assignee"])
            item = replace(item, assignee=None)
        if item.followers and not able.followers:
            self._lose(item, "followers", _REMEDY["followers"])
            item = replace(item, followers=())
        return item

    def _said(self, item: Item) -> Item:
        if item.comment and not self.capabilities.comments:
            self._lose(item, "comment", _REMEDY["comment"])
            return replace(item, comment="")
        room = self.capabilities.max_body
        if len(item.comment) <= room:
            return item
        what = f"a comment that is longer than the board holds ({room} characters) is shortened"
        self._lost["comment", what].append(item.title)
        return replace(item, comment=item.comment[: room - len(_SHORTENED)] + _SHORTENED)

    # -- custom fields ------------------------------------------------------------------------------

    def _custom(self, item: Item) -> Item:
        """Values in the form of the board's fields; what does not fit, or has none there, is left out and told."""
        if not item.fields:
            return item
        if self.capabilities.fields == "none":
            self._lose(item, "fields", _REMEDY["fields"])
            return replace(item, fields={})
        found = (self._fitted(item, name, text) for name, text in item.fields.items())
        return replace(item, fields=dict(each for each in found if each is not None))

    def _fitted(self, item: Item, name: str, text: str) -> tuple[str, str] | None:
        if name not in self._meant:
            self._meant[name] = meant(name, self.fields)
        known = self._meant[name]
        if known is None:
            self._unfit[f"fields.{name}", self._missing()].append(item.title)
            return None
        try:
            return known.name, self._cut(item, known, value_of(known, text))
        except DoesNotFit as why:
            self._unfit[f"fields.{name}", f"{why}; until then it is left as it is"].append(item.title)
            return None

    def _cut(self, item: Item, known: CustomField, value: str) -> str:
        if known.most is None or len(value) <= known.most:
            return value
        what = f"a value that is longer than the field {known.name} holds ({known.most} characters) is shortened"
        self._lost[f"fields.{known.name}", what].append(item.title)
        return f"{value[: known.most - 1].rstrip()}…"

    def _missing(self) -> str:
        if self.hidden_because:
            return f"{self.hidden_because}, so it is not filled"
        names = ", ".join(each.name for each in self.fields) or "none"
        why = f"the board has no custom field of this name (there are: {names}), so it is not filled"
        return f"{why}; make it there, or correct the name"

    # -- dates and texts ----------------------------------------------------------------------------

    def _due(self, item: Item) -> Item:
        due, able = item.due, self.capabilities
        if isinstance(due, datetime) and not able.due_time:
            self._lose(item, "due", "only the day is kept")
            return replace(item, due=self._day(due))
        if due is not None and not isinstance(due, datetime) and not able.due_day:
            self._lost["due", "a due date always has a time there, so the board adds one"].append(item.title)
        return item

    def _day(self, due: datetime | date) -> date:
        return due.astimezone(self.timezone).date() if isinstance(due, datetime) else due

    def _checklist(self, item: Item) -> Item:
        if not item.checklist or self.capabilities.checklist:
            return item
        self._lose(item, "checklist", _REMEDY["checklist"])
        lines = "\n".join(f"- {text}" for text in item.checklist)
        return replace(item, checklist=(), body=f"{item.body.rstrip()}\n\n{lines}".strip())

    def _body(self, item: Item) -> Item:
        body, room = self.normal_body(item.body), self.capabilities.max_body - _MARKER_ROOM
        if len(body) > room:
            what = f"a body that is longer than the board holds ({room} characters) is shortened"
            self._lost["body", what].append(item.title)
        kept = room - len(_SHORTENED)
        while len(body) > room:  # more than once only where the normal form is longer than the text
            body = self.normal_body(item.body[:kept] + _SHORTENED)
            kept = max(0, kept - (len(body) - room))
        return item if body == item.body else replace(item, body=body)

    def _title(self, item: Item) -> Item:
        most = self.capabilities.max_title
        if len(item.title) <= most:
            return item
        what = f"a title that is longer than the board holds ({most} characters) is shortened"
        self._lost["title", what].append(item.title)
        return replace(item, title=item.title[: most - 1].rstrip() + "…")
