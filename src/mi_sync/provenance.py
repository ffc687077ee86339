"""Where does a value come from? From a record's field back to file, row, column, mapping line and run; pure.

    came        a record -> for each of its fields, where its value comes from
    named       a step -> for each field of its items, what its templates and dates are made of
    pick        what a person typed -> the items that are meant

An item is explained by the records that its step names. Values are left to the caller, who knows what may be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from mi_sync import fields, language, milestones
from mi_sync.model import (
    RECORDS,
    Applicant,
    Application,
    Contribution,
    Item,
    Kind,
    Link,
    Posting,
    Privacy,
    Traced,
    privacy_of,
)

# ------------------------------------------------------------------------------------- a field of a record


class Source(Protocol):
    """What is known of a source: its mapping, and what its configuration adds."""

    @property
    def mapping(self) -> language.Mapping | None:
        """Its mapping as it is now; None where it is recognised from a file that cannot be read now."""
        ...

    @property
    def dates(self) -> str | None:
        """The order of numeric dates, where it is configured."""
        ...

    @property
    def values(self) -> Mapping[str, Mapping[str, str]]:
        """What raw words mean, for each field."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """A row that says something.

    Attributes:
        run: the run that first read it; empty where nobody knows, as for `content`.
        content: the digest of its file as last read.
        gone: the complete export no longer has it.
        unread: it cannot be read now, so what it said before still stands.
    """

    source: str
    file: str
    line: int
    run: str = ""
    content: str = ""
    gone: bool = False
    unread: bool = False


@dataclass(frozen=True, slots=True)
class Came:
    """Where the value of one field came from.

    Attributes:
        field: dotted, with its record: `posting.pay.min`.
        privacy: its class.
        value: as the record holds it, None for none; whether it may be shown is for the caller.
        place: the row; None for what no row says.
        column: as the file's header spells it; None for a constant of the mapping, and for what no column gives.
        mapping: the file of the mapping, and the `mapping_line` that fills the field.
        transform: what was done with the cell, step by step.
        overruled: the rows that say this field, too, and do not count, because their source comes later.
    """

    field: str
    privacy: Privacy
    value: Any
    place: Place | None = None
    column: str | None = None
    mapping: str | None = None
    mapping_line: int | None = None
    transform: tuple[str, ...] = ()
    overruled: tuple[Place, ...] = ()


NO_ROW = "no row gives it a value"
_LABEL = "given by mi-sync: the initials, with a suffix where they are not unique on a posting; it never changes"
_KEY = "made by mi-sync from the source's namespace and the id or the key fields; opaque"


def came(traced: Traced, sources: Mapping[str, Source]) -> list[Came]:
    """Where each field's value came from; fields without a value are told as such.

    Args:
        traced: the record.
        sources: the configured ones, by name.
    """
    return [it for name in RECORDS[traced.kind].model_fields for it in _field(traced, name, sources)]


def _field(traced: Traced, name: str, sources: Mapping[str, Source]) -> Iterator[Came]:
    kind, value = traced.kind, getattr(traced.record, name)
    plain = Came(f"{kind}.{name}", privacy_of(RECORDS[kind], name), value)
    origins = [field for field in traced.origins if field == name or field.startswith(f"{name}.")]
    if name == "key":
        yield replace(plain, transform=(_KEY,))
    elif name == "label" and kind == "applicant":
        yield replace(plain, transform=(_LABEL,) if value else (NO_ROW,))
    elif name in {"posting", "applicant"} and kind in fields.LINKED:
        yield _reference(plain, traced, name, sources)
    elif origins:
        yield from (_read(plain, traced, field, sources) for field in origins)
    else:
        yield replace(plain, transform=_unread(traced, name))


def _reference(plain: Came, traced: Traced, other: str, sources: Mapping[str, Source]) -> Came:
    """A posting or an applicant, as found by what the row says of it: by its id before anything else."""
    found = next((it for it in traced.contributions if getattr(it, other) == plain.value), None)
    if found is None:
        return plain
    named = sorted(n for n in found.origins if n.startswith(f"{other}."))
    by = f"{other}.id" if f"{other}.id" in named else next(iter(named), None)
    column, line = _ends(found.origins[by]) if by else (None, None)
    source = sources.get(found.source)
    return replace(
        plain,
        place=_place(traced, found),
        column=column,
        mapping=_file_of(source, _mapped(source, traced.kind, by or "", line)),
        mapping_line=line,
        transform=(f"found by {by}" if by else f"the {other} of the same row",),
    )


def _file_of(source: Source | None, mapped: language.FieldMap | None) -> str | None:
    """The file with the mapping's line: that of the mapping, or of one that it extends."""
    own = source.mapping.file if source and source.mapping else None
    return mapped.file if own and mapped and mapped.file else own


def _mapped(source: Source | None, kind: Kind, name: str, line: int | None) -> language.FieldMap | None:
    """How the mapping of a source fills a field, if it still does so in this line."""
    made = source.mapping.records if source and source.mapping else ()
    found = (f for record in made if record.kind == kind for f in record.fields if f.name == name)
    return next((f for f in found if f.line == line), None)


def _ends(origin: Sequence[Any]) -> tuple[str | None, int | None]:
    """Column and line of the mapping at the end of an origin; a person whom a row only names may have none."""
    return (origin[-2], origin[-1]) if len(origin) >= 2 else (None, None)


def _read(plain: Came, traced: Traced, name: str, sources: Mapping[str, Source]) -> Came:
    source_name, ref, *rest = traced.origins[name]
    column, line = _ends(rest)
    contribution = next((c for c in traced.contributions if (c.source, c.ref) == (source_name, ref)), None)
    source = sources.get(source_name)
    parent, _, leaf = name.partition(".")
    told = _transform(traced, name, line, column, source)
    if contribution is not None and not leaf and _changed_since(contribution, name, plain.value):
        told = (*told, f"then {plain.value}, because the complete export no longer has the row")
    if contribution is not None and _has_gone(traced, contribution, column):
        told = (*told, "kept, because the column has gone from the file")
    return replace(
        plain,
        field=f"{traced.kind}.{name}",
        value=_leaf(plain.value, leaf),
        place=_place(traced, contribution) if contribution else None,
        column=column,
        mapping=_file_of(source, _mapped(source, traced.kind, name, line)),
        mapping_line=line,
        transform=told,
        overruled=tuple(
            _place(traced, it) for it in traced.contributions if it is not contribution and parent in it.values
        ),
    )


def _has_gone(traced: Traced, contribution: Contribution, column: str | None) -> bool:
    parts = [] if column is None else [column, *column.split(" + ")]
    return any((contribution.source, contribution.file, part) in traced.lacking for part in parts)


def _changed_since(contribution: Contribution, name: str, value: Any) -> bool:  # noqa: ANN401  a field is of any type
    return name == "status" and contribution.values.get(name) != value


def _leaf(value: Any, leaf: str) -> Any:  # noqa: ANN401  as above
    if not leaf:
        return value
    return value.get(leaf) if isinstance(value, dict) else getattr(value, leaf, None)


def _unread(traced: Traced, name: str) -> tuple[str, ...]:
    if name == "status" and getattr(traced.record, name):
        return ("no row gives a status, and the complete export no longer has the row",)
    return (NO_ROW,)


def rows(traced: Traced) -> list[Place]:
    """The rows that speak of a record."""
    return [_place(traced, it) for it in traced.contributions]


def _place(traced: Traced, it: Contribution) -> Place:
    content, _ = traced.files.get((it.source, it.file), ("", ""))
    unread = (it.source, it.file, it.line) in traced.unread
    return Place(it.source, it.file, it.line, it.run, content, it.gone, unread)


# ------------------------------------------------------------------------------------------ what was done with a cell


def _transform(
    traced: Traced, name: str, line: int | None, column: str | None, source: Source | None
) -> tuple[str, ...]:
    if source is None:
        return ("its source is no longer in the configuration",)
    if source.mapping is None:
        return ("its mapping is recognised from the file, which cannot be read now",)
    whole = name.partition(".")[0]  # one cell may have said several parts of it
    made = [f for it in source.mapping.records if it.kind == traced.kind for f in it.fields if f.name in {name, whole}]
    mapped = next((f for f in made if f.line == line), None)
    if mapped is not None:
        return tuple(_steps(traced.kind, mapped, column, source))
    if column is None and line is None and name != whole:
        return (f"`{whole}` of the source in the configuration",)
    return (_CHANGED if made else _MADE_FROM.get(name, _CHANGED),)


_CHANGED = "the mapping has changed since; pull again"
_MADE_FROM = {
    "source_status": "the raw word of status",
    "email": "the address by which the row names the person",
    **dict.fromkeys(("name", "given_name", "family_name", "initials"), "made from the name in this column"),
}
"""What stands in fields that a mapping does not name."""


def _steps(kind: Kind, it: language.FieldMap, column: str | None, source: Source) -> Iterator[str]:
    """What the mapping does to a cell, in the words of its language."""
    found, spec = fields.type_of(kind, it.name), it.spec
    if column is None:
        yield "constant of the source in the configuration" if it.line is None else "default of the mapping"
        return
    if spec.template is not None:
        yield f"template {spec.template!r}"
    if found is not None and found.many:
        yield f"split at {spec.split or ';'!r}"
    words = source.values.get(it.name) or source.values.get(f"{kind}.{it.name}")
    if words:
        yield "values of the source in the configuration"
    if spec.values:
        yield "values of the mapping"
    if spec.other is not None:
        yield f"other words become {spec.other!r}"
    if found is not None:
        yield from _reading(found.shape, spec, source.dates or (source.mapping.dates if source.mapping else None))


def _reading(shape: str, spec: fields.FieldSpec, order: str | None) -> Iterator[str]:
    if shape in fields.DATES:
        formats = ", ".join(spec.dates) if isinstance(spec.dates, tuple) else order or spec.dates
        what = "a date" if shape != "graduation" else "a day, month, term or year"
        yield f"read as {what} ({formats})" if formats else f"read as {what}"
    elif shape in fields.NUMBERS:
        yield f"read as {_SHAPES.get(shape, 'a number')}" + (" with a decimal comma" if spec.decimal == "," else "")
        if spec.scale:
            told = "the source's scale" if spec.scale == "source" else f"{spec.scale[0]:g}…{spec.scale[1]:g}"
            yield f"scaled from {told} to 0…1"
    elif shape == "choice":
        yield "one of the canonical words"
    else:
        yield f"read as {_SHAPES.get(shape, shape)}"


_SHAPES = {
    "id": "an id", "email": "an e-mail address", "phone": "a phone number", "url": "a web address", "person": "a name",
    "long": "text of several lines", "boolean": "yes or no", "currency": "a currency code",
    "pay": "pay, in several parts",
}  # fmt: skip

# ------------------------------------------------------------------------------------------- a field of an item

ITEM_FIELDS = (
    "title", "body", "due", "start", "list", "labels", "checklist", "assignee", "followers", "comment", "done",
)  # fmt: skip
"""What a step says of an item, and what can be asked for."""


@dataclass(frozen=True, slots=True)
class Named:
    """What one field of an item is made of.

    Attributes:
        field: of the item.
        says: what the step says: templates, a date, a role, a condition.
        names: the fields that it names, such as `posting.title`; for a date those that gave the anchor.
        counted: for a date, what it is counted from.
    """

    field: str
    says: tuple[str, ...]
    names: tuple[str, ...] = ()
    counted: milestones.Counted | None = None


CUSTOM = "fields."
"""What stands before the name of a custom field."""


def named(
    step: milestones.Step,
    programme: milestones.Programme,
    posting: Posting,
    application: Application | None,
    fields: Mapping[str, str] | None = None,
) -> list[Named]:
    """What each field of a step's items is made of; fields that the step does not have are left out.

    `fields` are the templates of custom fields, which come last.
    """

    def count(moment: str) -> milestones.Counted:
        return milestones.counted(moment, programme, posting, application)

    found = [_text(name, says, count) for name, says in _templates(step)]
    if step.due:
        found.append(_due(step, step.due, count))
    if step.start:
        found.append(_date("start", (step.start,), count(step.start)))
    if step.assignee:
        found.append(Named("assignee", (step.assignee,), _addresses(step.assignee, posting, application)))
    following = (path for role in step.followers for path in _addresses(role, posting, application))
    found.append(Named("followers", step.followers, tuple(dict.fromkeys(following))))
    custom = [_text(f"{CUSTOM}{name}", (says,), count) for name, says in (fields or {}).items()]
    return sorted((it for it in found if it.says), key=lambda it: ITEM_FIELDS.index(it.field)) + custom


def _templates(step: milestones.Step) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "title", (step.title or "",)
    yield "body", tuple(text for text in (step.body, *step.links) if text)
    yield "list", (step.list,)
    yield "labels", step.labels
    yield "checklist", step.checklist
    yield "comment", tuple(text for text in (step.comment,) if text)
    if step.done_when:
        yield "done", (f"{{{{ {step.done_when} }}}}",)


def _text(name: str, says: tuple[str, ...], count: Callable[[str], milestones.Counted]) -> Named:
    from mi_sync import templates

    found: dict[str, None] = {}
    for path in (path for text in says for path in templates.paths(text)):
        root, _, anchor = path.partition(".")
        found.update(dict.fromkeys(count(anchor).fields if root == "dates" else (path,)))
    return Named(name, says, tuple(found))


def _due(step: milestones.Step, moment: str, count: Callable[[str], milestones.Counted]) -> Named:
    if not step.every:
        return _date("due", (moment,), count(moment))
    until = step.until or "end"
    says = (moment, f"every {step.every} until {until}")
    return _date("due", says, count(moment), count(until).fields)


def _date(name: str, says: tuple[str, ...], counted: milestones.Counted, more: tuple[str, ...] = ()) -> Named:
    return Named(name, says, tuple(dict.fromkeys((*counted.fields, *more))), counted)


def _addresses(role: str, posting: Posting, application: Application | None) -> tuple[str, ...]:
    if role == "intern":
        return ("applicant.email",)
    if role != "supervisor":
        return (f"roles.{role}",)
    if application is not None and application.supervisor_email:
        return ("application.supervisor_email",)
    return ("posting.supervisor_email",) if posting.supervisor_email else ("roles.supervisor",)


def answers(
    names: Iterable[str], records: Collection[Traced], sources: Mapping[str, Source], allow: Collection[Privacy]
) -> list[Came]:
    """Where the values of these fields came from; what no record holds came from the configuration.

    `allow` are the classes that the item's target sees: where names are allowed, a label is the name.
    """
    found = [it for traced in records for it in came(traced, sources)]
    wanted: list[Came] = []
    for name in names:
        meant = "applicant.name" if name == "applicant.label" and _is_name(records, allow) else name
        matching = [it for it in found if it.field == meant or it.field.startswith(f"{meant}.")]
        if name.startswith("feedback."):
            matching = [it for it in found if it.field == "feedback.kind" and it.value == name.partition(".")[2]]
        wanted += matching or [Came(name, Privacy.PUBLIC, None, transform=(_elsewhere(name),))]
    return list({(it.field, it.place): it for it in wanted}.values())


def _is_name(records: Iterable[Traced], allow: Collection[Privacy]) -> bool:
    named = any(isinstance(it.record, Applicant) and it.record.name for it in records)
    return Privacy.NAME in allow and named


def _elsewhere(name: str) -> str:
    root = name.partition(".")[0]
    if root == "step":
        return "the step itself: its key, or which of the series it is"
    if root == "counts":
        return "counted from the applications to the posting"
    if root == "feedback":
        return "there is no such feedback yet"
    return {"programme": "[programme] of the configuration", "roles": "[roles] of the configuration"}.get(root, NO_ROW)


# ------------------------------------------------------------------------------------------- which item is meant


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that somebody might mean: on a board (`link`), as the records ask for it (`item`), or both."""

    target: str
    key: str
    link: Link | None = None
    item: Item | None = None

    @property
    def title(self) -> str:
        """As it was last applied, or would be created."""
        return self.link.title if self.link else self.item.title if self.item else ""

    @property
    def owner(self) -> str:
        """The key of the application or posting."""
        return self.link.owner if self.link else self.item.owner if self.item else ""

    @property
    def step(self) -> str:
        """The key of its step."""
        return self.link.step if self.link else self.item.step if self.item else ""


def pick(typed: str, candidates: Iterable[Candidate]) -> list[Candidate]:
    """The items that are meant by a key, an address (also with what a browser appends) or a title, in any case."""
    known = list(candidates)
    for is_meant in (_by_key, _by_address, _by_title):
        if found := [it for it in known if is_meant(typed.strip(), it)]:
            return found
    return []


def _by_key(typed: str, it: Candidate) -> bool:
    return typed == it.key


def _by_address(typed: str, it: Candidate) -> bool:
    if it.link is None or not it.link.url:
        return False
    return typed == it.link.id or f"{typed}/".startswith(f"{it.link.url.rstrip('/')}/")


def _by_title(typed: str, it: Candidate) -> bool:
    return " ".join(typed.split()).casefold() == " ".join(it.title.split()).casefold()
