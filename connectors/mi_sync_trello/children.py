"""Labels, checklist lines, custom fields and a comment, one by one, skipping what is already so.

Each step says how the card should be, so that it can be checked after any outcome and repeated without harm.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from mi_sync.errors import NotFound, OutcomeUnknown, RequestRefused
from mi_sync.http import Http, Wire
from mi_sync.model import CheckItem, Children, Remote
from mi_sync.shapes import Unreadable
from mi_sync.unmarked import Names, settle
from mi_sync_trello.cards import Card, Cards
from mi_sync_trello.custom import CustomFields
from mi_sync_trello.wire import CHECKLIST, Ours, an_object, check_item, ident, objects

LAG = 1.0
"""Seconds after which a card is looked for again: one made a moment ago is not found everywhere at once."""

PAGE, PAGES = 50, 20
"""Actions in one answer, and how many answers there are (api-group-actions)."""


class Step(NamedTuple):
    """One thing that should be so: about a label, a line, the checklist, a custom field's `value`, or a comment."""

    kind: Literal["make checklist", "add line", "remove line", "add label", "remove label", "set field", "say"]
    name: str
    value: str = ""


def steps(children: Children) -> Iterator[Step]:
    """What a change of children comes down to, in order."""
    if children.add_checks:
        yield Step("make checklist", CHECKLIST)
    yield from (Step("add line", text) for text in children.add_checks)
    yield from (Step("remove line", text) for text in children.remove_checks)
    yield from (Step("add label", name) for name in children.add_labels)
    yield from (Step("remove label", name) for name in children.remove_labels)
    if children.comment:
        yield Step("say", children.comment)
    # Last, because a value that Trello does not take should stop nothing else.
    yield from (Step("set field", name, value) for name, value in children.set_fields.items())


class ChildWriter:
    """Carries steps out on one board's cards."""

    def __init__(self, http: Http, cards: Cards, labels: Names, fields: CustomFields, wire: Wire) -> None:
        self._http, self._cards, self._labels, self._fields, self._wire = http, cards, labels, fields, wire

    def merge(self, remote: Remote, children: Children) -> None:
        """Makes all of it so.

        Raises:
            NotFound: the card is gone.
            RequestRefused: Trello refused a step twice, and the card shows that it did not happen.
            OutcomeUnknown: a step stayed without an answer, and the card does not show it.
        """
        card = self._existing(self._cards.current(remote))
        for step in steps(children):
            if step.kind == "say" and card.comments is None:
                card = self._listened(card)
            card = self._settle(card, step)

    def _settle(self, card: Card, step: Step) -> Card:
        return settle(
            card,
            holds=lambda card: self._holds(card, step),
            do=lambda card: self._do(card, step),
            look=lambda card: self._look(card, step),
            wire=self._wire,
        )

    def _look(self, card: Card, step: Step) -> Card:
        found = self._found(card.remote.id)
        return self._listened(found) if step.kind == "say" else found

    def _found(self, id_: str) -> Card:
        """The card as it is now, which was there a moment ago."""
        card = self._cards.read(id_)
        if card is None:
            self._wire.sleep(LAG)
            card = self._cards.read(id_)
        return self._existing(card)

    def _existing(self, card: Card | None) -> Card:
        if card is None:
            raise NotFound("the card is gone, or this token may no longer see it.", status=404)
        return card

    # -- each kind of step --------------------------------------------------------------------------

    def _holds(self, card: Card, step: Step) -> bool:
        there = card.remote
        match step.kind:
            case "make checklist":
                return card.checklist is not None
            case "add line":
                return any(line.text == step.name for line in there.checklist)
            case "remove line":
                return not _unticked(card, step.name)
            case "add label" | "remove label":
                return (step.name in there.labels) == (step.kind == "add label")
            case "set field":
                return there.fields.get(step.name, "") == step.value
            case "say":
                return step.name.strip() in (card.comments or ())

    def _do(self, card: Card, step: Step) -> Card:
        if step.kind == "set field":
            return self._cards.refill(card, self._fields.write(card.raw, step.name, step.value))
        if step.kind == "make checklist":
            return self._make_checklist(card)
        act = {
            "add line": self._add_line,
            "remove line": self._remove_lines,
            "add label": self._add_label,
            "remove label": self._remove_labels,
            "say": self._say,
        }[step.kind]
        return act(card, step.name)

    def _make_checklist(self, card: Card) -> Card:
        made = self._http.post("/checklists", {"idCard": card.remote.id, "name": CHECKLIST})
        return self._cards.relist(card, Ours(_made(made)))

    def _add_line(self, card: Card, text: str) -> Card:
        checklist = self._checklist(card)
        raw = self._http.post(f"/checklists/{checklist}/checkItems", {"name": text, "pos": "bottom"})
        line = CheckItem(_made(raw), text, check_item(raw).done)
        return self._cards.relist(card, Ours(checklist, (*card.remote.checklist, line)))

    def _remove_lines(self, card: Card, text: str) -> Card:
        checklist = self._checklist(card)
        for line in _unticked(card, text):
            self._http.delete(f"/checklists/{checklist}/checkItems/{ident(line.id)}")
            left = tuple(each for each in card.remote.checklist if each.id != line.id)
            card = self._cards.relist(card, Ours(checklist, left))
        return card

    def _add_label(self, card: Card, name: str) -> Card:
        label = self._labels.ensure(name)
        try:
            self._http.post(f"/cards/{ident(card.remote.id)}/idLabels", {"value": label})
        except RequestRefused:
            self._labels.forget()  # perhaps it is gone
            raise
        return self._cards.relabel(card, [*card.raw.get("idLabels", []), label])

    def _remove_labels(self, card: Card, name: str) -> Card:
        ids = list(card.raw.get("idLabels") or [])
        for label in [each for each in ids if name in self._labels.names([each])]:
            self._http.delete(f"/cards/{ident(card.remote.id)}/idLabels/{ident(label)}")
            ids.remove(label)
            card = self._cards.relabel(card, list(ids))
        return card

    def _say(self, card: Card, text: str) -> Card:
        self._http.post(f"/cards/{ident(card.remote.id)}/actions/comments", {"text": text})
        return self._cards.heard(card, (text.strip(), *(card.comments or ())))

    def _listened(self, card: Card) -> Card:
        """The card with all comments that Trello tells, which are its last thousand."""
        texts: list[str] = []
        path = f"/cards/{ident(card.remote.id)}/actions"
        for page in range(PAGES):
            actions = objects(self._http.get(path, filter="commentCard", page=page), "comments")
            texts += [str((each.get("data") or {}).get("text") or "").strip() for each in actions]
            if len(actions) < PAGE:
                break
        return self._cards.heard(card, tuple(texts))

    def _checklist(self, card: Card) -> str:
        if card.checklist is None:  # it was removed after this began
            raise RequestRefused("the checklist is gone.", remedy="The next run looks again.")
        return ident(card.checklist)


def _unticked(card: Card, text: str) -> list[CheckItem]:
    return [line for line in card.remote.checklist if line.text == text and not line.done]


def _made(raw: object) -> str:
    """The id of what was just made.

    Raises:
        OutcomeUnknown: the reply does not tell, so it has to be looked up.
    """
    try:
        return ident(an_object(raw, "reply").get("id"))
    except Unreadable as error:
        raise OutcomeUnknown(error.why) from None
