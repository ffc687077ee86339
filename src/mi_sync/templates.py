"""Sandboxed templates: text and conditions over records, of which a template sees only what it is allowed to see.

There are two walls. When a template is compiled, all that it names is checked: a field must exist and be of an allowed
privacy class, so that a mistake is found before a run and no loop or filter is a way round. When it is rendered, it is
given views that hold nothing but the allowed fields.

The syntax is a subset of Jinja2's: output, `if`, `for`, `set`, comparisons, `+`, `-`, `~`, filters and tests. There are
no calls, no imports and no macros; loops and sizes are bounded. Whatever a filter does not do is done in a mapping.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from datetime import date, datetime, time
from types import SimpleNamespace
from typing import Any, get_args, get_origin
from zoneinfo import ZoneInfo

from jinja2 import StrictUndefined, Template, TemplateRuntimeError, TemplateSyntaxError, UndefinedError, nodes
from jinja2.filters import FILTERS
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS
from pydantic import BaseModel

from mi_sync.model import Applicant, Application, Counts, Engagement, FeedbackKind, Posting, Privacy, Record, privacy_of

MAX_SOURCE = 20_000
"""Characters of a template."""

MAX_TEXT = 100_000
"""Characters of what a template makes, and of every text on the way."""

MAX_LOOP = 1_000
"""Turns of one loop; loops nest at most twice."""

MAX_WORK = 200_000
"""Steps of making one text: turns of loops, each counted by how much it holds, and what filters look at."""


class BadTemplate(ValueError):
    """A template cannot be used; `whys` are all the reasons, each with its line and a remedy."""

    def __init__(self, whys: Iterable[str]) -> None:
        self.whys = tuple(whys)
        super().__init__("; ".join(self.whys))


class CannotRender(ValueError):
    """A template does not fit this record; the message holds no value of it."""


# ------------------------------------------------------------------------------- what there is to name


@dataclass(frozen=True, slots=True)
class Variable:
    """A field that a template may name: its class, its own fields, or that it is looked up by any key."""

    privacy: Privacy = Privacy.PUBLIC
    fields: Mapping[str, Variable] | None = None
    keyed: bool = False


Names = Mapping[str, Mapping[str, Variable]]
"""What a template may name: for each root (`posting`) its fields."""


def _variables(record: type[Record]) -> dict[str, Variable]:
    return {name: _variable(info.annotation, privacy_of(record, name)) for name, info in record.model_fields.items()}


def _variable(annotation: Any, privacy: Privacy) -> Variable:  # noqa: ANN401  an annotation is of no one type
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return Variable(privacy, {name: Variable(privacy) for name in kind.model_fields})
    return Variable(privacy, keyed=get_origin(annotation) is dict)


def _public(*names: str) -> dict[str, Variable]:
    return {name: Variable() for name in names}


_BOTH: Names = {
    "posting": _variables(Posting),
    "programme": _public("name"),
    "dates": _public("start", "end", "midpoint"),
    "step": _public("key", "n"),
}

POSTING: Names = {**_BOTH, "counts": _public(*Counts.__slots__)}
"""For a step that is made once for each posting. `dates` are the anchors as resolved, `counts` its applications."""

ENGAGEMENT: Names = {
    **_BOTH,
    "applicant": _variables(Applicant),
    "application": _variables(Application),
    "dates": _public("start", "end", "midpoint", "accepted"),
    "feedback": _public(*get_args(FeedbackKind)),
}
"""For a step that is made for each engagement. `feedback.final` is true when there is feedback of that kind."""


def view(record: Record, allow: frozenset[Privacy]) -> SimpleNamespace:
    """The allowed fields of a record, as plain values, and nothing else of it."""
    kind = type(record)
    names = [name for name in kind.model_fields if privacy_of(kind, name) in allow]
    return SimpleNamespace(**{name: _plain(getattr(record, name)) for name in names})


def _plain(value: Any) -> Any:  # noqa: ANN401  a field is of any type
    return SimpleNamespace(**value.model_dump()) if isinstance(value, BaseModel) else value


def of_posting(posting: Posting, counts: Counts, allow: frozenset[Privacy]) -> dict[str, Any]:
    """What the templates of a posting are rendered with, as far as its records tell."""
    return {"posting": view(posting, allow), "counts": SimpleNamespace(**asdict(counts))}


def of_engagement(engagement: Engagement, allow: frozenset[Privacy]) -> dict[str, Any]:
    """What the templates of an engagement are rendered with, as far as its records tell.

    `applicant.label` is the name where names are allowed, else the label that was given.
    """
    it = engagement.applicant
    applicant = view(it, allow)
    name = it.name if Privacy.NAME in allow else None
    applicant.label = name or it.label or it.initials or "intern"
    application = view(engagement.application, allow)
    return {"posting": view(engagement.posting, allow), "applicant": applicant, "application": application}


# ------------------------------------------------------------------------------------------- compiling


class Text:
    """A compiled template that makes text."""

    def __init__(self, template: Template | str) -> None:
        self._template = template

    def render(self, variables: Mapping[str, Any]) -> str:
        """The text for these variables.

        Raises:
            CannotRender: a value is missing or of another kind, or the text is too long.
        """
        if isinstance(self._template, str):
            return self._template
        _work.set([MAX_WORK])
        try:
            return "".join(_limited(self._template.generate(variables)))
        except UndefinedError as error:  # Jinja2 names attributes and types here, never values
            raise CannotRender(f"{error.message}; guard it with {{% if … %}} or |default") from None
        except CannotRender:
            raise
        except _FAILURES as error:
            # Other messages may quote a value of the record, so only the kind of error is told.
            raise CannotRender(f"it fails with {type(error).__name__}; guard it with {{% if … %}}") from None


_FAILURES = (
    TemplateRuntimeError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError,
)  # fmt: skip
"""What an expression that does not fit its values can raise."""


class Condition:
    """A compiled expression that holds or does not."""

    def __init__(self, text: Text) -> None:
        self._text = text

    def holds(self, variables: Mapping[str, Any]) -> bool:
        """Whether it holds for these variables.

        Raises:
            CannotRender: as `Text.render`.
        """
        return bool(self._text.render(variables))


class Templates:
    """Compiles templates that may use fields of the classes in `allow`; instants are shown in `timezone`."""

    def __init__(self, allow: frozenset[Privacy], timezone: ZoneInfo) -> None:
        self._allow = allow
        self._environment = _environment(timezone)

    def text(self, source: str, names: Names) -> Text:
        """Compiles a template.

        Raises:
            BadTemplate: with every reason.
        """
        if "{" not in source:
            return Text(source)
        return self._compiled(source, names, self._environment.parse)

    def condition(self, source: str, names: Names) -> Condition:
        """Compiles an expression, such as `posting.remote and not feedback.final`.

        Raises:
            BadTemplate: with every reason.
        """
        return Condition(self._compiled(source, names, self._parse_expression))

    def _compiled(self, source: str, names: Names, parse: Callable[[str], nodes.Template]) -> Text:
        if len(source) > MAX_SOURCE:
            raise BadTemplate([f"it is longer than {MAX_SOURCE} characters; shorten it."])
        try:
            tree = _parsed(source, parse)
            self._check(tree, names)
            tree.set_environment(self._environment)
            return Text(self._environment.from_string(tree))
        except TemplateSyntaxError as error:
            raise BadTemplate([f"line {error.lineno}: {(error.message or '').rstrip('.')}."]) from None
        except (RecursionError, MemoryError, SyntaxError):
            raise BadTemplate(["it is nested too deeply; simplify it."]) from None

    def _check(self, tree: nodes.Template, names: Names) -> None:
        checker = _Checker(names, self._allow, self._environment, tree)
        checker.check(tree)
        if checker.complaints:
            raise BadTemplate(dict.fromkeys(checker.complaints))

    def _parse_expression(self, source: str) -> nodes.Template:
        parser = Parser(self._environment, source, state="variable")
        expression = parser.parse_expression()
        if not parser.stream.eos:
            raise TemplateSyntaxError("this is not one expression", parser.stream.current.lineno)
        chosen = nodes.CondExpr(expression, nodes.Const("1"), nodes.Const(""))
        tree = nodes.Template([nodes.Output([chosen])])
        tree.set_lineno(1)
        return tree


def _parsed(source: str, parse: Callable[[str], nodes.Template]) -> nodes.Template:
    try:
        return parse(source)
    except ValueError:  # a number of more digits than Python reads
        raise BadTemplate(["a number in it is too long; shorten it."]) from None


def paths(source: str) -> tuple[str, ...]:
    """What a compiled template names of its records, such as `posting.title`, each once, in the order of the text.

    What stands behind a keyed field or a part of a record (`posting.pay.min`) is left to the field.
    """
    tree = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).parse(source)
    fields = [it for it in tree.find_all(nodes.Expr) if isinstance(it, nodes.Getattr | nodes.Getitem)]
    found = [
        (it.lineno, f"{it.node.name}.{_leaf(it)}")
        for it in fields
        if isinstance(it.node, nodes.Name) and it.node.name in ENGAGEMENT
    ]
    return tuple(dict.fromkeys(path for _, path in sorted(found, key=lambda it: it[0])))


def _leaf(node: nodes.Getattr | nodes.Getitem) -> str:
    if isinstance(node, nodes.Getattr):
        return node.attr
    return str(node.arg.value) if isinstance(node.arg, nodes.Const) else ""


_work: ContextVar[list[int]] = ContextVar("work")
"""What is left of `MAX_WORK` for the text that is being made."""


def _charge(steps: int) -> None:
    left = _work.get()
    left[0] -= steps
    if left[0] < 0:
        raise CannotRender("it takes too much work; simplify its loops and filters")


def _metered(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter whose work counts by the size of what it is given."""

    @functools.wraps(function)
    def metered(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401  those of the filter
        _charge(1 + sum(_size(it) for it in (*arguments, *options.values()) if isinstance(it, str | list | tuple)))
        return function(*arguments, **options)

    return metered


def _size(value: Sized) -> int:
    """In steps: a text takes far less than so many values."""
    return len(value) // (64 if isinstance(value, str) else 1)


def _limited(pieces: Iterable[str]) -> Iterator[str]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_TEXT:
            raise CannotRender(f"it makes more than {MAX_TEXT} characters; shorten it")
        yield piece


# -------------------------------------------------------------------------------------------- checking

_SYNTAX = frozenset(
    {
        "Template", "TemplateData", "Output", "If", "For", "Assign", "Name", "Const", "Getattr", "Getitem", "Slice",
        "Filter", "Test", "Keyword", "CondExpr", "And", "Or", "Not", "Compare", "Operand", "Add", "Sub", "Neg",
        "Concat", "List", "Tuple",
    }
)  # fmt: skip
_LOOP = ("index", "index0", "revindex", "first", "last", "length")
_BOUNDED, _JOINED, _REPEATED = "(bounded)", "(joined)", "(repeated)"
"""Filters that no template can name: the check puts them where a size must be bounded or a value becomes text."""


class _Checker:
    """Walks a template's tree, collects what is wrong with it, and bounds its loops and variables."""

    def __init__(
        self, names: Names, allow: frozenset[Privacy], environment: ImmutableSandboxedEnvironment, tree: nodes.Template
    ) -> None:
        self._names = names
        self._allow = allow
        self._filters = environment.filters
        self._tests = environment.tests
        self._local = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}
        self.complaints: list[str] = []

    def check(self, node: nodes.Node, loops: int = 0) -> None:
        """Checks a node and all below it; `loops` are around it."""
        kind = type(node).__name__
        if kind not in _SYNTAX:
            remedy = "use a filter" if kind == "Call" else "templates know if, for, set, filters and simple expressions"
            self._complain(node, f"{kind.lower()} is not possible here; {remedy}.")
            return
        special = getattr(self, f"_{kind.lower()}", None)
        if special is not None and special(node, loops) is not None:
            return
        for child in node.iter_child_nodes():
            self.check(child, loops + (kind == "For"))

    # -- names: each returns True when nothing below needs another look -----------------------------------

    def _name(self, node: nodes.Name, loops: int) -> None:
        if node.name in self._names:
            what = "is taken; choose another name" if node.ctx != "load" else "is a record; use one of its fields"
            self._complain(node, f"{node.name} {what}{self._example(node.name)}.")
        elif node.name not in self._local and not (node.name == "loop" and loops):
            self._complain(node, f"there is no {node.name!r} here{close_to(node.name, self._names)}")

    def _example(self, root: str) -> str:
        return f", such as {root}.{next(n for n, v in self._names[root].items() if v.privacy in self._allow)}"

    def _getattr(self, node: nodes.Getattr, loops: int) -> bool:
        self._field(node, node.node, node.attr, loops)
        return True

    def _getitem(self, node: nodes.Getitem, loops: int) -> bool | None:
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            self._field(node, node.node, node.arg.value, loops)
            return True
        if isinstance(node.arg, nodes.Slice):
            return None
        number = node.arg.node if isinstance(node.arg, nodes.Neg) else node.arg
        if isinstance(number, nodes.Const) and type(number.value) is int:
            return None
        self._complain(node, "only a literal number or name may stand in [ ]; loop with {% for … %} instead.")
        return True

    def _field(self, node: nodes.Expr, owner: nodes.Expr, name: str, loops: int) -> None:
        if isinstance(owner, nodes.Name) and owner.name == "loop" and loops and name in _LOOP:
            return
        fields, path = self._fields(owner)
        if fields is None:
            found = len(self.complaints)
            self.check(owner, loops)
            if len(self.complaints) > found:  # what stands before the dot is the mistake
                return
            self._complain(node, f".{name} is not possible here; only records have fields, use a filter.")
        elif name not in fields:
            self._complain(node, f"{path} has no {name!r}{close_to(name, fields)}")
        elif fields[name].privacy not in self._allow:
            self._complain(node, _not_allowed(f"{path}.{name}", fields[name].privacy))

    def _fields(self, owner: nodes.Expr) -> tuple[Mapping[str, Variable] | None, str]:
        """The fields of what an expression stands for, and how it is written."""
        if isinstance(owner, nodes.Name):
            return self._names.get(owner.name), owner.name
        if isinstance(owner, nodes.Getattr):
            outer, path = self._fields(owner.node)
            variable = (outer or {}).get(owner.attr)
            if variable is not None and variable.privacy not in self._allow:
                self._complain(owner, _not_allowed(f"{path}.{owner.attr}", variable.privacy))
            if variable is not None and variable.keyed:
                return _AnyKey(variable), f"{path}.{owner.attr}"
            return (variable.fields if variable else None), f"{path}.{owner.attr}"
        return None, ""

    # -- other nodes ----------------------------------------------------------------------------------

    def _filter(self, node: nodes.Filter, loops: int) -> None:
        del loops
        if node.name not in self._filters:
            self._complain(node, f"there is no filter {node.name!r}{close_to(node.name, self._filters)}")

    def _test(self, node: nodes.Test, loops: int) -> None:
        del loops
        if node.name not in self._tests:
            self._complain(node, f"there is no test {node.name!r}{close_to(node.name, self._tests)}")

    def _for(self, node: nodes.For, loops: int) -> None:
        if loops == 2:
            self._complain(node, "loops nest at most twice; simplify it.")
        if node.recursive:
            self._complain(node, "a loop cannot call itself; simplify it.")
        held = [*node.body, *([node.test] if node.test else [])]
        turn = 1 + sum(1 for child in held for _ in child.find_all(nodes.Node))
        node.iter = _through(_REPEATED, node.iter, nodes.Const(turn))

    def _assign(self, node: nodes.Assign, loops: int) -> None:
        del loops
        node.node = _through(_BOUNDED, node.node, nodes.Const(MAX_TEXT))

    def _add(self, node: nodes.Add, loops: int) -> None:
        del loops
        node.left, node.right = (_through(_BOUNDED, it, nodes.Const(MAX_TEXT)) for it in (node.left, node.right))

    def _concat(self, node: nodes.Concat, loops: int) -> None:
        del loops
        node.nodes = [_through(_JOINED, nodes.List(node.nodes, lineno=node.lineno))]

    def _condexpr(self, node: nodes.CondExpr, loops: int) -> None:
        del loops
        if node.expr2 is None:  # `x if y` alone is nothing when y does not hold, and no error
            node.expr2 = nodes.Const("")

    def _complain(self, node: nodes.Node, why: str) -> None:
        self.complaints.append(f"line {node.lineno}: {why}")


class _AnyKey(dict[str, Variable]):
    """The fields of a keyed variable: all there may be."""

    def __init__(self, variable: Variable) -> None:
        super().__init__()
        self._variable = variable

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Variable:
        return self._variable


def _through(name: str, expression: nodes.Node, *arguments: nodes.Expr) -> nodes.Filter:
    filtered = nodes.Filter(expression, name, list(arguments), [], None, None)
    filtered.set_lineno(expression.lineno)
    return filtered


def _not_allowed(path: str, privacy: Privacy) -> str:
    remedy = "Write applicant.label for an intern" if privacy is Privacy.NAME else "Leave it out"
    why = f"{path} is of the class {privacy.value}, which is not allowed here."
    return f"{why} {remedy}, or add {privacy.value!r} to [privacy] allow."


def close_to(name: str, known: Iterable[str]) -> str:
    """How a message about an unknown name ends: with the name that was probably meant, or with all there are."""
    known = sorted(k for k in known if k[:1].isalnum())
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are: {', '.join(known) or 'none'}."


# --------------------------------------------------------------------------------------------- filters

_KEPT_FILTERS = (
    "count", "d", "default", "first", "int", "last", "length", "max", "min", "reverse", "sort", "unique",
)  # fmt: skip
_KEPT_TESTS = (
    "boolean", "defined", "eq", "equalto", "even", "false", "ge", "gt", "in", "le", "lt", "ne", "none", "number", "odd",
    "string", "true", "undefined",
)  # fmt: skip
_TEXT_FILTERS = {"capitalize": "capitalize", "lower": "lower", "title": "title", "trim": "strip", "upper": "upper"}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's, which takes the fields of a view as they are: a view holds nothing but allowed, plain values."""

    def getattr(self, obj: Any, attribute: str) -> Any:  # noqa: ANN401  as Jinja2's
        if type(obj) is SimpleNamespace and attribute in vars(obj):
            return vars(obj)[attribute]
        return super().getattr(obj, attribute)


def _environment(timezone: ZoneInfo) -> ImmutableSandboxedEnvironment:
    environment = _Sandbox(
        autoescape=False,  # the result is Markdown for a board, not HTML
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        optimized=False,  # nothing is computed before it was checked
    )
    environment.globals = {}
    environment.tests = {name: TESTS[name] for name in _KEPT_TESTS}
    filters: dict[str, Callable[..., Any]] = {
        **{name: FILTERS[name] for name in _KEPT_FILTERS},
        **{name: _of_text(getattr(str, method)) for name, method in _TEXT_FILTERS.items()},
        _BOUNDED: _within,
        _JOINED: _join,
        _REPEATED: _repeated,
        "bullets": bullets,
        "date": lambda value: nice_date(_local(value, timezone)),
        "join": _join,
        "lines": lines,
        "money": money,
        "replace": _replace,
        "section": section,
        "truncate": truncate,
    }
    environment.filters = {name: _metered(function) for name, function in filters.items()}
    return environment


def bullets(texts: Sequence[str] | None) -> str:
    """A Markdown list, one bullet for each text; empty for none."""
    return "\n".join(f"- {text}" for text in _each(texts))


def lines(texts: Sequence[str] | None) -> str:
    """One line for each text: in `checklist` or `labels`, one entry for each."""
    return "\n".join(_each(texts))


def section(text: str | None, heading: str) -> str:
    """A part of a body under a bold heading; nothing at all when the text is empty."""
    text = (text or "").strip()
    return f"\n\n**{heading}**\n\n{text}\n\n" if text else ""


def truncate(text: str | None, length: int = 250) -> str:
    """The text, cut between words to `length` characters and ended with an ellipsis."""
    text = text or ""
    if len(text) <= length:
        return text
    cut = text[: max(length - 1, 0)]
    return f"{cut.rpartition(' ')[0] or cut}…"


def nice_date(day: date | None) -> str:
    """A date as people write it, in any locale: "Mon 6 Apr 2026"; empty for none."""
    return "" if day is None else f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]} {day.year}"


def money(pay: Any) -> str:  # noqa: ANN401  a `model.Pay`, or a view of one
    """Pay as people write it: "USD 450 (fixed)", "USD 15 to 20 per hour"; empty for none."""
    if pay is None:
        return ""
    amount = _range(pay.min, pay.max)
    if not amount:
        return ""
    per = "(fixed)" if pay.per == "fixed" else f"per {pay.per}" if pay.per else ""
    return " ".join(part for part in (pay.currency, amount, per) if part)


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return "" if high is None else f"up to {_amount(high)}"
    if high is None:
        return f"from {_amount(low)}"
    return _amount(low) if low == high else f"{_amount(low)} to {_amount(high)}"


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def _each(texts: Sequence[str] | None) -> list[str]:
    found = [texts] if isinstance(texts, str) else list(texts or ())
    _fits(sum(len(str(it)) for it in found))
    return [text for it in found if (text := " ".join(str(it).split()))]


def _local(value: date | datetime | None, timezone: ZoneInfo) -> date | None:
    if isinstance(value, datetime):
        return (value.astimezone(timezone) if value.tzinfo else value).date()
    return value


def _of_text(method: Callable[[str], str]) -> Callable[[Any], str]:
    """A method of text as a filter to which nothing is no text, where Jinja2's would make "None"."""
    return lambda value: method(str(_shown(value)))


def _join(texts: Sequence[Any] | None, separator: str = "") -> str:
    found = [str(_shown(text)) for text in texts or ()]
    _fits(sum(map(len, found)) + len(found) * len(separator))
    return separator.join(found)


def _replace(text: str | None, old: str, new: str) -> str:
    text = text or ""
    _fits(len(text) + text.count(old) * len(new))
    return text.replace(old, new)


def _within(value: Any, limit: int) -> Any:  # noqa: ANN401  whatever a template sets or adds
    if hasattr(value, "__len__"):
        _fits(len(value), limit)
    return value


def _repeated(values: Any, turn: int) -> Any:  # noqa: ANN401  whatever a template loops over
    """The values of a loop, each of which costs `turn` steps."""
    if values is None or isinstance(values, StrictUndefined):
        return values
    values = values if hasattr(values, "__len__") else list(values)
    _fits(len(values), MAX_LOOP)
    _charge(len(values) * turn)
    return values


def _fits(size: int, limit: int = MAX_TEXT) -> None:
    if size > limit:
        raise CannotRender(f"it makes more than {limit} of something on the way; shorten it")


def _shown(value: Any) -> Any:  # noqa: ANN401  whatever a template writes
    """How a value looks that no filter has made into text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return re.sub(r"\.0+$", "", f"{value:.2f}")
    if isinstance(value, tuple | list):
        return ", ".join(_each(value))
    if isinstance(value, str | int | date | time | StrictUndefined):
        return value
    raise CannotRender("it shows something that is no text; use a field of it or a filter")
