"""A mapping for a file that nothing recognises: proposed from its header and from what its values look like.

    propose   a header and some cells of each column -> for each column a field with a confidence, or none
    bound     the same for a mapping that is known
    as_toml   the proposal as a commented mapping file

Every column gets one field at most, and every field one column. What is unsure is left out, and no cell is ever told.
Nothing here reads files, the clock or the network.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from mi_sync import values
from mi_sync.fields import (
    FieldSpec,
    FieldType,
    Options,
    column_pattern,
    field_types,
    is_blank,
    is_numbered,
    parser,
)
from mi_sync.language import Mapping
from mi_sync.model import Kind
from mi_sync.recognition import ENOUGH
from mi_sync.sensitive import is_eeo, looks_like
from mi_sync.values import BadValue, DateOrder, fold, line

SURE = 0.6
"""Below this confidence a column is left out."""
_MOST_SURE = 0.98
"""A proposal is never certain."""
READABLE = 0.8
"""The share of a column's cells that its field must be able to read."""
MOST = 400
"""So many columns are looked at; no table of people or postings has more."""
_NEVER = "never kept"
_LAYOUTS: tuple[tuple[Kind, ...], ...] = (("posting",), ("applicant", "application"), ("feedback",))
"""What a table may be about: postings, applicants and what they applied to, or feedback."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a file.

    Attributes:
        name: as the header spells it.
        field: dotted, with its record (`applicant.email`); None where nothing is sure enough.
        confidence: from 0 to 1.
        evidence: why, in words that hold nothing of a cell.
        spec: how the field would be filled.
    """

    name: str
    field: str | None = None
    confidence: float = 0.0
    evidence: str = "nothing is sure enough"
    spec: FieldSpec | None = None


class _Target(NamedTuple):
    """A field that a column may be for, and what such columns are called."""

    kind: Kind
    name: str
    type: FieldType
    spec: FieldSpec
    aliases: tuple[str, ...]


class _Pair(NamedTuple):
    """How well a column, by its position, fits a field."""

    score: float
    position: int
    target: _Target
    evidence: str


def sensitive(header: Sequence[str], samples: Sequence[Sequence[str]], labels: Sequence[str] = ()) -> list[str]:
    """The columns that are never kept: EEO data, IP addresses, coordinates, by name, label or what they look like."""
    columns = zip(header, labels or header, samples, strict=True)
    found = (name for name, label, cells in columns if is_eeo(name) or is_eeo(label) or looks_like(cells))
    return list(dict.fromkeys(map(line, found)))


def propose(
    header: Sequence[str],
    samples: Sequence[Sequence[str]],
    mappings: Iterable[Mapping],
    labels: Sequence[str] = (),
) -> list[Column]:
    """A field for each column, from its name and its cells.

    Args:
        header: the names of the columns.
        samples: for each column some of its cells.
        labels: what else the file says of each column, if anything.
        mappings: of which those without a signature of their own tell what columns are called.
    """
    names = [line(name) for name in header]
    never = set(sensitive(header, samples, labels))
    first = {name: p for p, name in reversed(list(enumerate(names)))}
    open_ = [p for name, p in sorted(first.items(), key=lambda item: item[1]) if fold(name) and name not in never]
    targets = _targets(mappings)
    both = zip(names, map(line, labels or header), strict=True)
    called = [tuple(dict.fromkeys(filter(None, pair))) for pair in both]
    tried = [_assigned(called, samples, open_[:MOST], [t for t in targets if t.kind in layout]) for layout in _LAYOUTS]
    best = max(tried, key=lambda found: sum(pair.score for pair in _with_identity(found)))
    columns = [Column(name, evidence=_left_out(name, p, first, never)) for p, name in enumerate(names)]
    kept = _with_identity(best)
    for pair in best:
        name = names[pair.position]
        made = _column(name, samples[pair.position], pair) if pair in kept else _lost(name, pair)
        columns[pair.position] = made
    return columns


def _lost(name: str, pair: _Pair) -> Column:
    """A column of a record that cannot be made."""
    kind, field = pair.target[:2]
    if kind == "feedback":
        return Column(name, evidence=f"it looks like feedback.{field}, but not all that feedback needs is there")
    other = "posting" if kind == "application" else kind
    return Column(name, evidence=f"it looks like {kind}.{field}, but no column tells which {other} is meant")


def _left_out(name: str, position: int, first: Dict[str, int], never: Collection[str]) -> str:
    if name in never:
        return _NEVER
    if name and first[name] != position:
        return "the header has this name before; the first counts"
    return Column("").evidence


def _column(name: str, cells: Sequence[str], pair: _Pair) -> Column:
    target = pair.target
    told: dict[str, object] = {"column": (name,), "values": target.spec.values}
    evidence = pair.evidence
    if target.type.shape in {"day", "moment"}:
        order, remark = _date_order(cells)
        told |= {"dates": order} if order else {}
        evidence += remark
    if target.type.many and any("," in cell for cell in cells) and not any(";" in cell for cell in cells):
        told["split"] = ","
    if target.spec.scale:
        told["scale"] = target.spec.scale
    spec = FieldSpec.model_validate(told)
    return Column(name, f"{target.kind}.{target.name}", round(min(pair.score, _MOST_SURE), 2), evidence, spec)


# ------------------------------------------------------------------------------------------- the fields there are


def _targets(mappings: Iterable[Mapping]) -> list[_Target]:
    """Every field of the layouts, with its own name and the names that mappings without a signature know."""
    known: dict[tuple[Kind, str], FieldSpec] = {}
    for it in mappings:
        if it.looks_like is None and not it.overlay:
            for record in it.records:
                for f in record.fields:
                    before = known.get((record.kind, f.name), FieldSpec())
                    known[record.kind, f.name] = _joined(before, f.spec)
    kinds: list[Kind] = [kind for layout in _LAYOUTS for kind in layout]
    return [
        _Target(kind, name, found, spec, tuple(dict.fromkeys((name, *spec.columns))))
        for kind in kinds
        for name, found in field_types(kind).items()
        if name not in {"answers", "initials"}
        for spec in [known.get((kind, name), FieldSpec())]
    ]


def _joined(one: FieldSpec, other: FieldSpec) -> FieldSpec:
    columns = (*one.columns, *other.columns)
    told = {"column": columns, "values": {**other.values, **one.values}, "scale": other.scale or one.scale}
    return FieldSpec.model_validate(told)


# ----------------------------------------------------------------------------------------------- the assignment


def _assigned(
    called: Sequence[Sequence[str]],
    samples: Sequence[Sequence[str]],
    positions: Sequence[int],
    targets: Sequence[_Target],
) -> list[_Pair]:
    """The best pairs first, each column and each field once."""
    pairs = [pair for p in positions for t in targets if (pair := _pair(p, called[p], samples[p], t)) is not None]
    chosen: list[_Pair] = []
    contested: set[tuple[str, str]] = set()
    for pair in sorted(pairs, key=lambda pair: -pair.score):
        field = (pair.target.kind, pair.target.name)
        if field in contested or any(_same(pair, other) for other in chosen):
            continue
        if _is_contested(pair, pairs, chosen):
            contested.add(field)
            continue
        chosen.append(pair)
    return chosen


def _same(one: _Pair, other: _Pair) -> bool:
    return one.position == other.position or one.target[:2] == other.target[:2]


def _is_contested(pair: _Pair, pairs: Iterable[_Pair], chosen: Collection[_Pair]) -> bool:
    """Whether another free column fits the same field as well, and neither by its very name."""
    taken = {other.position for other in chosen} | {pair.position}
    rivals = [o for o in pairs if o.target[:2] == pair.target[:2] and o.position not in taken]
    return pair.score < 0.9 and any(pair.score - rival.score < 0.02 for rival in rivals)


_FEEDBACK = (
    ("posting.id", "posting.title"),
    ("applicant.id", "applicant.email"),
    ("rating", "would_engage_again", "kind"),
)
"""Feedback says whom and what it is about, and has an answer that no other table has."""


def _with_identity(pairs: Sequence[_Pair]) -> list[_Pair]:
    """Without a record that nothing tells apart, and without what would refer to it."""
    fields = {(pair.target.kind, pair.target.name) for pair in pairs}
    kept: set[str] = set()
    if fields & {("posting", "id"), ("posting", "title")}:
        kept.add("posting")
    if fields & {("applicant", "id"), ("applicant", "email")}:
        kept.add("applicant")
        if fields & {("application", "posting.id"), ("application", "posting.title")}:
            kept.add("application")
    if all(any(("feedback", name) in fields for name in names) for names in _FEEDBACK):
        kept.add("feedback")
    return [pair for pair in pairs if pair.target.kind in kept]


def _pair(position: int, called: Sequence[str], cells: Sequence[str], target: _Target) -> _Pair | None:
    """How well a column, by what it is called (its name, its label), fits a field."""
    if target.kind == "application" and target.name.startswith("applicant."):
        return None  # the row's own applicant says which one it is
    is_address = (target.kind, target.name) in {("applicant", "email"), ("feedback", "applicant.email")}
    if (is_address and _is_anothers(called, target.aliases)) or (target.type.shape == "text" and _numbers(called[0])):
        return None
    if target.type.shape == "id" and (counted := _numbers(called[0])):
        called = (*called, f"{counted} id")
    likeness, alias = max((_likeness(name, alias), alias) for alias in target.aliases for name in called)
    if likeness < _FAINT and not is_address:
        return None
    score, evidence = likeness, f"its name is like {alias!r}"
    strict = target.type.shape in _READS or bool(target.type.choices)
    share = _share(cells, _reads(target)) if cells else 0.0
    if cells and share < READABLE:
        return None
    if strict and cells:
        evidence += " and its values fit"
        if target.type.shape in _TELLING and _FAINT <= likeness < 0.8:
            score = min(0.8, likeness + 0.15)
    else:
        score *= 0.95 if cells else 0.9
    if is_address and cells and score < SURE:
        score, evidence = 0.65, "its values are e-mail addresses"
    return _Pair(score, position, target, evidence) if score >= SURE else None


# ------------------------------------------------------------------------------------------------------- names

_SMALL = frozenset(
    {"a", "an", "and", "are", "at", "can", "did", "do", "does", "e", "enter", "for", "have", "i", "if", "in"}
    | {"is", "it", "my", "of", "on", "optional", "or", "our", "please", "provide", "required", "the", "this"}
    | {"to", "what", "when", "where", "which", "who", "will", "with", "you", "your"}
)  # fmt: skip
"""Words that say nothing of what a column holds."""
_VAGUE = frozenset({"end", "ends", "id", "link", "links", "start", "starts", "title", "url"})
"""Words that say what a column is about only where they stand alone."""
_SAME = {
    **dict.fromkeys(("vacancy", "internship", "placement", "opportunity", "jobs"), "job"),
    "emails": "email", "phones": "phone", "educations": "education", "websites": "website",
}  # fmt: skip
"""Words for what applicants apply to, besides those that the mappings know, and lists of what is one here."""
_ENDINGS = frozenset({"name", "names", "date", "address", "addresses", "number", "numbers", "text", "value"})
"""Words that end a column's name without being what it is about: in `School Name` that is the school."""


_OWN = frozenset(
    {"addr", "alumni", "alumnus", "applicant", "basics", "campus", "candidate", "college", "contact", "graduate"}
    | {"intern", "learner", "main", "member", "micro", "recipient", "respondent", "s", "student"}
    | {"mail", "participant", "person", "personal", "preferred", "primary", "private", "profile", "school", "trainee"}
    | {"uni", "university", "user", "work"}
)  # fmt: skip
"""Words beside `email` where the address is the person's own; any other (boss, customer, …) may mean anybody."""
_NUMBER = re.compile(r"(.*\w)[\s_.:-]*(?:#|(?<![^\W_])(?:number|num|no|nr)\.?)\s*", re.IGNORECASE | re.DOTALL)
"""A name such as `Project #` or `Job No.`: what it says before that has an id."""
_A_FEW = 4
"""A name of more words is a question, which may say anything of an address."""


def _is_anothers(called: Iterable[str], aliases: Iterable[str]) -> bool:
    """Whether a column of addresses is, by every name of it, not clearly about the person of the row."""
    own = _OWN | _ENDINGS | {word for alias in aliases for word in _words(alias)}
    names = [_words(name) for name in called]
    return all(len(words) <= _A_FEW and not own.issuperset(words) for words in names)


def _numbers(name: str) -> str:
    """What a column numbers, if that is what its name says."""
    found = _NUMBER.fullmatch(name)
    return found[1] if found else ""


def _likeness(name: str, alias: str) -> float:
    """How alike two names are: 1 for the same, less for one within the other, or for a slip of the pen."""
    if fold(name) == fold(alias):
        return 1.0
    words, wanted = _words(name), _words(alias)
    if not words or not wanted:
        return 0.0
    if sorted(words) == sorted(wanted):
        return 0.97
    return max(_within(words, wanted), _slip(words, wanted), _innermost(name, alias))


def _innermost(name: str, alias: str) -> float:
    """Of a nested name the last part, unless it could be that of anything."""
    outer, _, inner = name.rpartition(".")
    vague = _VAGUE | _ENDINGS
    return 0.9 * _likeness(inner, alias) if outer and not vague.issuperset(_words(inner)) else 0.0


def _slip(words: tuple[str, ...], wanted: tuple[str, ...]) -> float:
    """The same words, some of them misspelt."""
    if len(words) != len(wanted) or any(abs(len(a) - len(b)) > 3 for a, b in zip(words, wanted, strict=True)):
        return 0.0
    alike = [difflib.SequenceMatcher(None, a, b).ratio() for a, b in zip(words, wanted, strict=True)]
    return 0.95 * sum(alike) / len(alike) if min(alike) > 0.8 and max(map(len, wanted)) > 4 else 0.0


def _within(words: tuple[str, ...], wanted: tuple[str, ...]) -> float:
    """An alias whose words all stand in the name; more when the name ends with it."""
    if not set(wanted) < set(words) or _VAGUE.issuperset(wanted):
        return 0.0
    part = len("".join(wanted)) / len("".join(words))
    return (0.6 if _head(words) == _head(wanted) else 0.3) + 0.35 * part


def _head(words: tuple[str, ...]) -> str:
    return next((word for word in reversed(words) if word not in _ENDINGS), words[-1])


@lru_cache(maxsize=4096)
def _words(name: str) -> tuple[str, ...]:
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", name).casefold().replace("e-mail", "email").replace("e mail", "email")
    found: list[str] = re.findall(r"[^\W_]+", spaced)
    return tuple(_SAME.get(word, word) for word in found if word not in _SMALL and not word.isdigit())


# ------------------------------------------------------------------------------------------------------ values

_ORDERS: tuple[DateOrder, ...] = ("mdy", "dmy")
_FAINT = 0.45
"""A likeness that values of a telling shape make credible."""
_TELLING = frozenset({"email", "phone", "url", "day", "moment"})
"""Shapes that hardly anything else has."""
_WEB = re.compile(r"https?://\S+|(?!\S+\.(?:pdf|docx?|txt)$)(?:[\w-]+\.)+[a-z]{2,}(?:/\S*)?", re.IGNORECASE)
_PHONE = re.compile(r"'?\+?[0-9(][0-9 ().\-/]{5,}(?:\s*(?:x|ext)[.:]?\s*[0-9]+)?", re.IGNORECASE)
_PERSON = re.compile(r"[^\W\d_][^\d@:/]*")


def _tries(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def reads(cell: str) -> bool:
        try:
            parse(cell)
        except BadValue:
            return False
        return True

    return reads


def _reads_day(cell: str, order: DateOrder | None) -> bool:
    return _tries(values.DateReader(Options().timezone, order).day)(cell)


def _share(cells: Sequence[str], reads: Callable[[str], bool]) -> float:
    return sum(1 for cell in cells if reads(cell)) / len(cells) if cells else 0.0


def _is_person(cell: str) -> bool:
    return bool(_PERSON.fullmatch(cell.strip())) and len(cell.split()) < 6


def _is_web(cell: str) -> bool:
    return bool(_WEB.fullmatch(cell.strip()))


def _is_phone(cell: str) -> bool:
    return bool(_PHONE.fullmatch(cell.strip()))


def _is_day(cell: str) -> bool:
    return any(_reads_day(cell, order) for order in _ORDERS)


def _is_plain(cell: str) -> bool:
    """Whether a cell could be words or an id: it looks like nothing more special."""
    return not (_is_web(cell) or _tries(values.email)(cell) or _is_day(cell))


_READS: Dict[str, Callable[[str], bool]] = {
    "email": _tries(values.email),
    "url": _is_web,
    "phone": _is_phone,
    "day": _is_day,
    "moment": _is_day,
    "number": _tries(values.number),
    "integer": _tries(values.integer),
    "amount": _tries(values.amount),
    "hours": _tries(values.hours),
    "pay": _tries(values.pay),
    "boolean": _tries(values.boolean),
    "person": _is_person,
}
_PLAIN_SHAPES = frozenset({"text", "id"})


def _reads(target: _Target) -> Callable[[str], bool]:
    """Whether a cell is what the field holds; texts are told by not being anything more special."""
    if target.type.choices or target.spec.values:
        neutral = parser(target.type, target.spec, Options(), target.name, {})
        return _tries(neutral)
    if target.type.many and target.type.shape == "url":
        return lambda cell: all(map(_is_web, re.split(r"[;,\s]+", cell.strip())))
    return _READS.get(target.type.shape) or (_is_plain if target.type.shape in _PLAIN_SHAPES else bool)


def _date_order(cells: Sequence[str]) -> tuple[DateOrder | None, str]:
    """Which order a column's dates are in, where they need one, and a remark for people."""
    if all(_reads_day(cell, None) for cell in cells):
        return None, ""
    fitting: list[DateOrder] = [order for order in _ORDERS if all(_reads_day(cell, order) for cell in cells)]
    if len(fitting) == 1:
        return fitting[0], f"; the dates looked at can only be {fitting[0]}"
    return None, '; its dates do not tell day from month: set dates = "dmy" or "mdy"'


# ------------------------------------------------------------------------------------------------ a mapping file


def as_toml(columns: Sequence[Column], title: str) -> str:
    """The proposal as a mapping file, with a comment for each column; empty when nothing was sure enough."""
    mapped = [column for column in columns if column.field]
    if not mapped:
        return ""
    looks = ", ".join(map(_quoted, _signature(columns)))
    parts = [_HEAD, f"title = {_quoted(title)}", f"looks_like = [{looks}] # all must be there for it to be recognised"]
    for kind in dict.fromkeys(kind for layout in _LAYOUTS for kind in layout):
        parts += _record(kind, [c for c in mapped if c.field and c.field.startswith(f"{kind}.")])
    left = [column for column in columns if not column.field and column.name]
    parts += ["", "# Columns that are not mapped:"] if left else []
    parts += [f"#   {_quoted(column.name)}: {column.evidence}" for column in left]
    return "\n".join(parts) + "\n"


def _signature(columns: Sequence[Column]) -> list[str]:
    """By which columns the file is recognised: those that are mapped, and the next ones where these are too few."""
    mapped = dict.fromkeys(column.name for column in columns if column.field)
    others = dict.fromkeys(column.name for column in columns if column.name and column.evidence != _NEVER)
    enough = math.ceil(ENOUGH * len({fold(column.name) for column in columns if column.name}))
    more = [name for name in others if name not in mapped]
    return [*mapped, *more[: max(0, min(enough, MOST) - len(mapped))]]


_WHOLES = frozenset(
    name for layout in _LAYOUTS for kind in layout for name, it in field_types(kind).items() if it.parts
)
"""The fields that are filled as a whole or by parts."""
_HEAD = """\
# Proposed from the header and from what the values look like: check every line. The number is a confidence from 0 to 1.
# The mapping language is explained in mappings/README.md."""


def _record(kind: str, columns: Sequence[Column]) -> Iterator[str]:
    if not columns:
        return
    yield f"\n[{kind}]"
    fields = {column.field for column in columns}
    if kind == "feedback" and "feedback.kind" not in fields:
        yield '# No column says which kind of feedback it is; the source does: constants = { kind = "final" }'
    if "feedback.rating" in fields:
        yield "# The source says the scale of a rating: scale = [1, 5]"
    named = [(column, (column.field or "").removeprefix(f"{kind}."), column.spec or FieldSpec()) for column in columns]
    for column, name, spec in sorted(named, key=lambda each: bool(each[2].values)):
        remark = f"# {column.confidence:.2f}: {column.evidence}"
        if spec.values:
            yield f"\n[{kind}.{name}] {remark}\ncolumn = {_quoted(column.name)}\n[{kind}.{name}.values]"
            yield from (f"{_quoted(raw)} = {_quoted(meant)}" for raw, meant in spec.values.items())
        else:
            key = f"{name}.column" if name in _WHOLES else name  # beside which there may be parts
            yield f"{key} = {_filled(column.name, spec)} {remark}"


def _filled(column: str, spec: FieldSpec) -> str:
    texts = [(key, value) for key in ("split", "dates", "scale") if isinstance(value := getattr(spec, key), str)]
    more = [f"{key} = {_quoted(value)}" for key, value in texts]
    return f"{{ {', '.join((f'column = {_quoted(column)}', *more))} }}" if more else _quoted(column)


def _quoted(text: str) -> str:
    """A basic string of TOML, which JSON's are but for DEL, which no name holds."""
    return json.dumps(text, ensure_ascii=False)


# -------------------------------------------------------------------------------------------- what a mapping reads


def bound(header: Sequence[str], it: Mapping, labels: Sequence[str] = ()) -> list[Column]:
    """The columns of a file whose mapping is known: what each is read as."""
    read: dict[str, list[str]] = {}
    for record in it.records:
        for f in record.fields:
            for column in f.spec.columns:
                read.setdefault(fold(column), []).append(f"{record.kind}.{f.name}")
    skipping = {fold(rule.column) for rule in it.skip}
    named = zip(header, labels or [""] * len(header), strict=True)
    told = [(name, _fields_of(name, read) or read.get(fold(label) or name, [])) for name, label in named]
    return [_bound(line(name), fields, skips=fold(name) in skipping) for name, fields in told]


def _fields_of(name: str, read: Dict[str, Sequence[str]]) -> list[str]:
    """What a column is read as; the raw word of a status comes second to what it means."""
    folded = fold(name)
    numbered = [
        fields for column, fields in read.items() if is_numbered(column) and column_pattern(column).fullmatch(folded)
    ]
    found = chain(read.get(folded, ()), *numbered)
    return sorted(dict.fromkeys(found), key=lambda field: field.endswith(".source_status"))


def _bound(name: str, fields: Sequence[str], *, skips: bool) -> Column:
    if not fields or not name:
        unread = "it tells which rows are no records" if skips else "not mapped"
        return Column(name, evidence=_NEVER if is_eeo(name) else unread)
    more = f"; also {', '.join(fields[1:])}" if fields[1:] else ""
    return Column(name, fields[0], 1.0, f"the mapping says so{more}")


def samples(width: int, rows: Iterable[Sequence[str]], most: int = 200) -> list[list[str]]:
    """The first cells of each column that are not blank; memory does not grow with the rows."""
    found: list[list[str]] = [[] for _ in range(width)]
    for cells in rows:
        for column, cell in zip(found, cells, strict=True):
            if len(column) < most and not is_blank(cell):
                column.append(cell)
    return found
