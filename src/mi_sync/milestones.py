"""Records and steps become desired items: pure, the same for the same input in any order.

A step says what an item looks like and when it is due; `Milestones` compiles all steps once and finds every mistake
in them. For each engagement (or posting) it then makes the items, and says whether these are all that its owner should
have.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mi_sync.errors import ConfigError, Problem
from mi_sync.identity import item_key
from mi_sync.model import (
    ENDED,
    ENGAGED,
    Application,
    Counts,
    Engagement,
    Feedback,
    FeedbackKind,
    Item,
    Posting,
    Privacy,
)

if TYPE_CHECKING:  # Jinja2 is slow to import, and most commands make no items
    from mi_sync.templates import Condition, Names, Templates, Text

MAX_SERIES = 400
"""Occurrences of one series; more are a mistyped date."""

MAX_LINE = 250
"""Characters of a title, a label or a line of a checklist; what is longer is cut."""

_FILE = "config.toml"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Programme:
    """What all engagements of a programme share.

    Attributes:
        id: keys everything; never shown.
        name: for display.
        timezone: every date and time is meant in it.
        starts_on, ends_on, default_duration: the last resort for an engagement without dates.
        due_time: the local time at which items are due; None for days without a time.
        holidays: no business days, besides Saturdays and Sundays.
    """

    id: str
    name: str
    timezone: ZoneInfo
    starts_on: date | None = None
    ends_on: date | None = None
    default_duration: timedelta | None = None
    due_time: time | None = time(17)
    holidays: frozenset[date] = frozenset()


# ----------------------------------------------------------------------------------------------- steps


class Step(BaseModel):
    """One step as it is written: `[[milestones.steps]]` of a configuration, or `[[steps]]` of a shipped template.

    `title`, `body`, `list`, `comment` and the entries of `labels`, `checklist` and `links` are templates; `when` and
    `done_when` are expressions. Each line that an entry of `labels` or `checklist` makes is one label or one line. A
    step that extends another by its key gives only what differs, so `title` and `due` may be missing here.

    Attributes:
        key: stable, part of the keys of the items.
        due: start, end, midpoint or accepted, then + or - a number and d, w or b (business days): "end-3b".
            "+3b" is the third business day after; "+0b" is the day itself or, if it is none, the next business day;
            "-0b" likewise backwards.
        start: the same for the item's start date; in a series it moves along with `due`.
        every: makes a series: first at `due`, again after this time, as long as not after `until`. Where `due` counts
            business days, so do its repetitions: one on a weekend or holiday moves to the business day before.
        assignee: a role: supervisor, intern (not per posting), coordinator or another of `[roles]`.
        followers: roles likewise; they are told of what happens to the item.
        comment: said once, when the item is made.
        per: what the step is made for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    title: str | None = None
    body: str = ""
    due: str | None = None
    start: str | None = None
    every: str | None = None
    until: str | None = None
    when: str | None = None
    list: str = "To Do"
    labels: tuple[str, ...] = ()
    checklist: tuple[str, ...] = ()
    assignee: str | None = None
    followers: tuple[str, ...] = ()
    comment: str = ""
    per: Literal["engagement", "posting"] = "engagement"
    links: tuple[str, ...] = ()
    done_when: str | None = None


class _Template(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    steps: tuple[Step, ...]


def load_steps(text: str, name: str) -> tuple[Step, ...]:
    """The steps of a template file (TOML with `[[steps]]`).

    Raises:
        ConfigError: with every problem of the file.
    """
    try:
        return _Template.model_validate(tomllib.loads(text)).steps
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"it is not valid TOML: {error}.", where=name) from None
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise ConfigError([Problem(name, ".".join(map(str, e["loc"])), f"{e['msg']}.") for e in found]) from None


def merge_steps(shipped: Sequence[Step], own: Sequence[Step], omit: Collection[str]) -> tuple[Step, ...]:
    """The shipped steps as extended by own ones, then the own ones that are new, without those in `omit`.

    Raises:
        ConfigError: a key occurs twice, `omit` names no step, or a step lacks its title or due.
    """
    merged = {step.key: step for step in shipped}
    for step in own:
        merged[step.key] = _extended(merged.get(step.key), step)
    chosen = tuple(step for step in merged.values() if step.key not in omit)
    problems = [*_repeated(own), *_unknown(omit, merged), *_incomplete(chosen)]
    if problems:
        raise ConfigError(problems)
    return chosen


def _extended(shipped: Step | None, own: Step) -> Step:
    if shipped is None:
        return own
    return shipped.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})


def _repeated(own: Sequence[Step]) -> Iterator[Problem]:
    for key, times in Counter(step.key for step in own).items():
        if times > 1:
            yield _problem(key, "key", "is used more than once; give each step a key of its own.")


def _unknown(omit: Collection[str], known: Collection[str]) -> Iterator[Problem]:
    from mi_sync.templates import close_to

    for key in sorted(set(omit) - set(known)):
        yield Problem(_FILE, "milestones.omit", f"{key!r} is no step{close_to(key, known)}")


def _incomplete(steps: Iterable[Step]) -> Iterator[Problem]:
    for step in steps:
        if not step.title:
            yield _problem(
                step.key, "title", "is missing; write what stands on the card, or name a shipped step in `key`."
            )
        if not step.due:
            yield _problem(step.key, "due", 'is missing; write when it is due, such as "end-3b".')


def _problem(step: str, name: str, why: str) -> Problem:
    return Problem(_FILE, f"milestones.steps[{step}].{name}", why)


# ----------------------------------------------------------------------------------------------- dates

Anchor = Literal["start", "end", "midpoint", "accepted"]
_MOMENT = re.compile(r"\s*(start|end|midpoint|accepted)\s*(?:([+-])\s*([0-9]{1,3})([dwb]))?\s*")
_PERIOD = re.compile(r"\s*([0-9]{1,3})([dwb])\s*")


@dataclass(frozen=True, slots=True)
class _Period:
    """So many days, weeks or business days, forwards (`sign` 1) or backwards (-1)."""

    count: int
    unit: str
    sign: int = 1


@dataclass(frozen=True, slots=True)
class _Moment:
    """An anchor and an offset."""

    anchor: Anchor
    offset: _Period

    @staticmethod
    def parse(text: str) -> _Moment:
        found = _MOMENT.fullmatch(text)
        if found is None:
            raise ValueError(
                f"{text!r} is no date; write start, end, midpoint or accepted, then + or - a number (up to 999) and "
                'd, w or b (days, weeks, business days), such as "end-3b".'
            )
        anchor, sign, count, unit = found.groups()
        known: Anchor = next(a for a in get_args(Anchor) if a == anchor)
        return _Moment(known, _Period(int(count or 0), unit or "d", -1 if sign == "-" else 1))


def _parse_period(text: str) -> _Period:
    found = _PERIOD.fullmatch(text)
    if found is None or not int(found[1]):
        raise ValueError(f'{text!r} is no period; write a number (1 to 999) and d, w or b, such as "1w".')
    return _Period(int(found[1]), found[2])


@dataclass(frozen=True, slots=True)
class _Calendar:
    """Counts days; a business day is no Saturday, no Sunday and no holiday."""

    holidays: frozenset[date]

    def shift(self, day: date, by: _Period) -> date:
        """The day that much later or earlier."""
        if by.unit != "b":
            return day + by.sign * timedelta(days=by.count * (7 if by.unit == "w" else 1))
        if not by.count:
            return self.roll(day, by.sign)
        for _ in range(by.count):
            day = self.roll(day + timedelta(days=by.sign), by.sign)
        return day

    def roll(self, day: date, sign: int) -> date:
        """The day itself, or the nearest business day in that direction."""
        while day.weekday() >= 5 or day in self.holidays:
            day += timedelta(days=sign)
        return day


@dataclass(frozen=True, slots=True)
class _Anchors:
    """The dates that an owner's items are counted from; `backwards` when it would end before it starts."""

    start: date | None
    end: date | None
    accepted: date | None
    backwards: bool

    @property
    def midpoint(self) -> date | None:
        """Halfway, rounded down."""
        if self.start is None or self.end is None:
            return None
        return self.start + timedelta(days=(self.end - self.start).days // 2)

    def missing(self, anchor: Anchor) -> Iterator[str]:
        """The fields without which the anchor has no date."""
        if anchor == "accepted":
            yield from () if self.accepted else ("accepted_on",)
        if anchor in {"start", "midpoint"} and self.start is None:
            yield "starts_on"
        if anchor in {"end", "midpoint"} and self.end is None:
            yield "ends_on"


def _anchors(programme: Programme, posting: Posting, application: Application | None = None) -> _Anchors:
    """From the application, then the posting, then the programme; at last the end from the start."""
    levels = (application, posting, programme)
    start = next((it.starts_on for it in levels if it and it.starts_on), None)
    end = next((it.ends_on for it in levels if it and it.ends_on), None)
    if end is None and start is not None:
        end = _later(start, programme.default_duration)
    backwards = bool(start and end and end < start)
    accepted = application.accepted_on if application else None
    return _Anchors(start, None if backwards else end, accepted, backwards)


def _later(start: date, duration: timedelta | None) -> date | None:
    if duration is None or duration > date.max - start:
        return None
    return start + duration


@dataclass(frozen=True, slots=True)
class Counted:
    """What a date of a step is counted from.

    Attributes:
        moment: as the step says it: "end-3b".
        anchor: of it, and `day`, its date; None where nothing gives one.
        fields: what gave it, such as `application.ends_on`, `programme.default_duration`.
    """

    moment: str
    anchor: Anchor
    day: date | None
    fields: tuple[str, ...]


def counted(moment: str, programme: Programme, posting: Posting, application: Application | None = None) -> Counted:
    """From which anchor a moment is counted, and which fields gave it its date.

    Raises:
        ValueError: it is no moment.
    """
    anchor = _Moment.parse(moment).anchor
    day: date | None = getattr(_anchors(programme, posting, application), anchor)
    levels = {"application": application, "posting": posting, "programme": programme}
    return Counted(moment, anchor, day, tuple(_giving(anchor, levels)))


def _giving(anchor: Anchor, levels: Mapping[str, Any]) -> Iterator[str]:
    """The fields that an anchor's date comes from, as `_anchors` takes them."""
    if anchor == "accepted":
        yield "application.accepted_on"
        return
    started = next((f"{name}.starts_on" for name, it in levels.items() if it and it.starts_on), None)
    ended = next((f"{name}.ends_on" for name, it in levels.items() if it and it.ends_on), None)
    if started and (anchor != "end" or not ended):
        yield started
    if ended and anchor != "start":
        yield ended
    if started and not ended and anchor != "start" and levels["programme"].default_duration:
        yield "programme.default_duration"


# ------------------------------------------------------------------------------------------- compiling


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A step, ready to be made."""

    step: Step
    title: Text
    body: Text
    list: Text
    due: _Moment
    start: _Moment | None
    every: _Period | None
    until: _Moment
    when: Condition | None
    done_when: Condition | None
    labels: tuple[Text, ...]
    checklist: tuple[Text, ...]
    links: tuple[Text, ...]
    comment: Text
    fields: Mapping[str, Text]

    @property
    def key(self) -> str:
        return self.step.key


class _Compiler:
    """Compiles one step, and collects what is wrong with it."""

    def __init__(
        self, step: Step, templates: Templates, names: Names, roles: Collection[str], fields: Mapping[str, Text]
    ) -> None:
        self._step, self._templates, self._names, self._fields = step, templates, names, fields
        self._roles = {*roles, "supervisor", "coordinator", *(("intern",) if step.per == "engagement" else ())}
        self.problems = list(_incomplete([step]))

    def compile(self) -> _Compiled | None:
        """The compiled step, or None when there are problems."""
        step = self._step
        title, body, list_, comment = (
            self._text(name, getattr(step, name)) for name in ("title", "body", "list", "comment")
        )
        due, start, until = (self._moment(name, getattr(step, name)) for name in ("due", "start", "until"))
        every = self._try("every", _parse_period, step.every) if step.every else None
        when, done_when = (self._condition(name, getattr(step, name)) for name in ("when", "done_when"))
        labels, checklist, links = (self._texts(name, getattr(step, name)) for name in ("labels", "checklist", "links"))
        self._check_use()
        if self.problems or due is None:
            return None
        until = until or _Moment.parse("end")
        return _Compiled(
            step, title, body, list_, due, start, every, until, when, done_when, labels, checklist, links, comment,
            self._fields,
        )  # fmt: skip

    def _check_use(self) -> None:
        from mi_sync.templates import close_to

        step = self._step
        if step.until and not step.every:
            self._complain("until", 'has no meaning without `every`; add every = "1w", or leave it out.')
        asked = [("assignee", step.assignee), *((f"followers[{i}]", role) for i, role in enumerate(step.followers))]
        for name, role in asked:
            if role and role not in self._roles:
                self._complain(name, f"{role!r} is no role; add it to [roles]{close_to(role, self._roles)}")

    def _text(self, name: str, source: str | None) -> Text:
        from mi_sync import templates

        compiled = self._try(name, lambda it: self._templates.text(it, self._names), source or "")
        return compiled or templates.Text("")

    def _texts(self, name: str, sources: Sequence[str]) -> tuple[Text, ...]:
        return tuple(self._text(f"{name}[{i}]", source) for i, source in enumerate(sources))

    def _condition(self, name: str, source: str | None) -> Condition | None:
        return self._try(name, lambda it: self._templates.condition(it, self._names), source) if source else None

    def _moment(self, name: str, text: str | None) -> _Moment | None:
        moment = self._try(name, _Moment.parse, text) if text else None
        if moment and moment.anchor == "accepted" and self._step.per == "posting":
            self._complain(name, "`accepted` is a date of an engagement; a posting has start, end and midpoint.")
        return moment

    def _try(self, name: str, parse: Callable[[str], _T], text: str) -> _T | None:
        from mi_sync.templates import BadTemplate

        try:
            return parse(text)
        except BadTemplate as bad:
            for why in bad.whys:
                self._complain(name, why)
        except ValueError as error:
            self._complain(name, str(error))
        return None

    def _complain(self, name: str, why: str) -> None:
        self.problems.append(_problem(self._step.key, name, why))


class _FieldCompiler:
    """Compiles the templates of a target's custom fields, for engagements and for postings, as far as they can be.

    A field whose template only makes sense for one of the two stays off the items of the other.
    """

    def __init__(self, templates: Templates, sources: Mapping[str, str], used: Collection[str]) -> None:
        self._templates, self._sources, self._used = templates, sources, used
        self.problems: list[Problem] = []

    def compile(self, names: Mapping[str, Names]) -> Mapping[str, Mapping[str, Text]]:
        """By what an item is made for, then by the field's name."""
        compiled: dict[str, dict[str, Text]] = {per: {} for per in names}
        for field_, source in self._sources.items():
            refused: dict[str, Sequence[str]] = {}
            for per in self._used or names:
                found = self._one(source, names[per])
                if isinstance(found, list):
                    refused[per] = found
                else:
                    compiled[per][field_] = found
            if len(refused) == len(self._used or names):
                whys = dict.fromkeys(why for each in refused.values() for why in each)
                self.problems += [Problem(_FILE, f"fields.{field_}", why) for why in whys]
        return compiled

    def _one(self, source: str, names: Names) -> Text | list[str]:
        from mi_sync.templates import BadTemplate

        try:
            return self._templates.text(source, names)
        except BadTemplate as bad:
            return list(bad.whys)


# --------------------------------------------------------------------------------------------- making


@dataclass(frozen=True, slots=True)
class Asked:
    """The items that the records ask for, for one owner.

    Attributes:
        items: in the order of the steps.
        settled: these are all that the owner should have, so another open item of the owner may be archived.
        problems: what a person should look at.
        problem_if_items: a problem only if the owner has items on a board.
    """

    items: tuple[Item, ...] = ()
    settled: bool = True
    problems: tuple[Problem, ...] = ()
    problem_if_items: Problem | None = None


class Milestones:
    """The steps of one target, compiled for what this target may see.

    Args:
        steps: merged; see `merge_steps`.
        programme: what all engagements share.
        roles: role → e-mail address, besides `supervisor` and `intern`, whom the records tell. `coordinator`, the
            programme's own, may be missing; its items are then unassigned.
        allow: the privacy classes that the templates may use. An address always serves to assign.
        fields: custom field → template of its value.

    Raises:
        ConfigError: with every problem of every step and field.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        programme: Programme,
        roles: Mapping[str, str],
        allow: frozenset[Privacy],
        fields: Mapping[str, str] | None = None,
    ) -> None:
        from mi_sync import templates

        self._programme = programme
        self._allow = allow
        self._roles = {role: email.strip().casefold() for role, email in roles.items()}
        compiler = templates.Templates(allow, programme.timezone)
        names = {"engagement": templates.ENGAGEMENT, "posting": templates.POSTING}
        self._fields = fields or {}
        of_fields = _FieldCompiler(compiler, self._fields, sorted({step.per for step in steps}))
        values = of_fields.compile(names)
        compilers = [_Compiler(step, compiler, names[step.per], roles, values[step.per]) for step in steps]
        compiled = [it.compile() for it in compilers]
        if problems := [*(problem for it in compilers for problem in it.problems), *of_fields.problems]:
            raise ConfigError(problems)
        self._steps = tuple(it for it in compiled if it is not None)

    @property
    def allow(self) -> frozenset[Privacy]:
        """The privacy classes that the target sees."""
        return self._allow

    @property
    def custom_fields(self) -> tuple[str, ...]:
        """What the target calls the custom fields that it fills."""
        return tuple(self._fields)

    def step(self, key: str) -> Step | None:
        """The step of this key, as this target gets it."""
        return next((it.step for it in self._steps if it.key == key), None)

    def fields(self, key: str) -> Mapping[str, str]:
        """The templates of the custom fields that the items of a step have, as this target gets them."""
        found = next((it for it in self._steps if it.key == key), None)
        return {name: self._fields[name] for name in found.fields} if found else {}

    def of_engagement(self, engagement: Engagement) -> Asked:
        """The items of an application: all while it is an engagement, none once it has ended."""
        from mi_sync import templates

        application, posting, applicant = engagement.application, engagement.posting, engagement.applicant
        where = f"{posting.title or posting.key} ({applicant.label or applicant.key})"
        if application.status in ENDED:
            return Asked()
        if application.status not in ENGAGED:
            return Asked(settled=False, problem_if_items=_neither(where, application.status))
        emails = {
            **self._roles,
            "supervisor": application.supervisor_email or posting.supervisor_email or self._roles.get("supervisor"),
            "intern": applicant.email or self._roles.get("intern"),
        }
        making = _Making(
            self._programme,
            application.key,
            where,
            templates.of_engagement(engagement, self._allow),
            _anchors(self._programme, posting, application),
            emails,
            _counted(engagement.feedback),
        )
        return making.make(step for step in self._steps if step.step.per == "engagement")

    def of_posting(self, posting: Posting, counts: Counts | None = None) -> Asked:
        """The items of a posting that is no longer a draft; `counts` are of its applications."""
        from mi_sync import templates

        if posting.status == "draft":
            return Asked()
        making = _Making(
            self._programme,
            posting.key,
            posting.title or posting.key,
            templates.of_posting(posting, counts or Counts(), self._allow),
            _anchors(self._programme, posting),
            {**self._roles, "supervisor": posting.supervisor_email or self._roles.get("supervisor")},
        )
        return making.make(step for step in self._steps if step.step.per == "posting")


def _neither(where: str, status: str | None) -> Problem:
    return Problem(
        where,
        "status",
        f"it has items, but its status is {status or 'empty'}, which is neither engaged nor ended; they are kept as "
        "they are. Set it to accepted to go on, or to withdrawn to archive what is open.",
    )


def _counted(feedback: Iterable[Feedback]) -> Mapping[str, int]:
    """How often there is feedback of each kind: intern and supervisor on the same occasion count once."""
    by_side = Counter((it.kind, it.by) for it in feedback)
    return {kind: max((n for (k, _), n in by_side.items() if k == kind), default=0) for kind in get_args(FeedbackKind)}


_NO_DATE = {
    "starts_on": "nothing says when it starts",
    "ends_on": "nothing says when it ends",
    "accepted_on": "nothing says when it was accepted",
}
_GIVE_DATE = {
    "starts_on": "Give starts_on in an export, in an engagements overlay, or under [programme].",
    "ends_on": "Give ends_on in an export or an engagements overlay, or ends_on or default_duration under [programme].",
    "accepted_on": "Give accepted_on in an export.",
}


class _Making:
    """Makes the items of one owner."""

    def __init__(
        self,
        programme: Programme,
        owner: str,
        where: str,
        variables: dict[str, Any],
        anchors: _Anchors,
        emails: Mapping[str, str | None],
        feedback: Mapping[str, int] | None = None,
    ) -> None:
        self._programme, self._owner, self._where = programme, owner, where
        self._calendar = _Calendar(programme.holidays)
        self._anchors, self._emails, self._feedback = anchors, emails, feedback
        dates = {anchor: getattr(anchors, anchor) for anchor in get_args(Anchor)}
        self._variables = {
            **variables,
            "programme": SimpleNamespace(name=programme.name),
            "dates": SimpleNamespace(**dates),
        }
        self._problems: list[Problem] = []
        self._undated: dict[str, list[str]] = {}
        self._settled = True

    def make(self, steps: Iterable[_Compiled]) -> Asked:
        """The items of these steps."""
        items = [item for step in steps for item in self._items(step)]
        if items and self._anchors.backwards:
            self._report("ends_on", "it ends before it starts, so the end is not used. Correct one of the two.")
        for name, keys in self._undated.items():
            if not (name == "ends_on" and self._anchors.backwards):
                self._report(
                    name, f"{_NO_DATE[name]}, so these items have no date: {', '.join(keys)}. {_GIVE_DATE[name]}"
                )
        return Asked(tuple(items), self._settled, tuple(self._problems))

    def _items(self, step: _Compiled) -> list[Item]:
        from mi_sync.templates import CannotRender

        try:
            if step.when is not None and not step.when.holds(self._with(step, None)):
                return []
            if step.every is None:
                made = [self._item(step, None, self._date(step, step.due), self._date(step, step.start))]
            else:
                made = [self._item(step, n, due, start) for n, (due, start) in enumerate(self._series(step), 1)]
            return [item for item in made if item is not None]
        except OverflowError:
            return self._fail(step, "due", "lies beyond the calendar; correct the dates of the record")
        except CannotRender as cannot:
            return self._fail(step, "when", str(cannot))

    # -- dates ----------------------------------------------------------------------------------------

    def _date(self, step: _Compiled, moment: _Moment | None) -> date | None:
        """The date of a moment, or None; a missing anchor is remembered as a problem."""
        if moment is None:
            return None
        anchor: date | None = getattr(self._anchors, moment.anchor)
        for name in self._anchors.missing(moment.anchor):
            keys = self._undated.setdefault(name, [])
            if step.key not in keys:
                keys.append(step.key)
        return None if anchor is None else self._calendar.shift(anchor, moment.offset)

    def _series(self, step: _Compiled) -> list[tuple[date | None, date | None]]:
        """Due and start of each occurrence. Where the dates are not known, there is one, and more may come."""
        first, start, until = (self._date(step, it) for it in (step.due, step.start, step.until))
        if first is None or until is None:
            self._settled = False
            return [(first, start)]
        dues = self._repeated(step, first, until)
        if len(dues) > MAX_SERIES:
            self._fail(step, "every", f"it would repeat more than {MAX_SERIES} times; correct the dates or `every`")
            return []
        return [(due, None if start is None else start + (due - first)) for due in dues]

    def _repeated(self, step: _Compiled, first: date, until: date) -> list[date]:
        assert step.every is not None  # noqa: S101  only a series comes here
        business = step.due.offset.unit == "b"
        dues: list[date] = []
        planned = first
        while planned <= until and len(dues) <= MAX_SERIES:
            due = self._calendar.roll(planned, -1) if business else planned
            if not dues or due > dues[-1]:  # two may meet on the business day before a weekend
                dues.append(due)
            planned = self._calendar.shift(planned, step.every)
        return dues

    # -- one item -------------------------------------------------------------------------------------

    def _item(self, step: _Compiled, n: int | None, due: date | None, start: date | None) -> Item | None:
        from mi_sync.templates import CannotRender

        variables = self._with(step, n)
        text = _Renderer(variables)
        try:
            title = _one_line(text.render("title", step.title))
            item = Item(
                key=item_key(self._programme.id, self._owner, step.key, n),
                owner=self._owner,
                step=step.key,
                n=n,
                title=title,
                body=_body(text.render("body", step.body), text.lines("links", step.links)),
                due=self._due(due),
                start=self._start(step, start, due),
                list=_one_line(text.render("list", step.list)) or "To Do",
                labels=_distinct(text.lines("labels", step.labels)),
                checklist=_distinct(text.lines("checklist", step.checklist)),
                assignee=self._emails.get(step.step.assignee or "") or None,
                role=step.step.assignee or "",
                fields={name: text.render(f"fields.{name}", it).strip() for name, it in step.fields.items()},
                followers=self._followers(step),
                comment=_body(text.render("comment", step.comment), ()),
            )
        except CannotRender as cannot:
            self._fail(step, text.at, str(cannot))
            return None
        if not title:
            self._fail(step, "title", "it makes no text")
            return None
        return replace(item, done=True) if self._done(step, variables) else item

    def _followers(self, step: _Compiled) -> tuple[str, ...]:
        return tuple(dict.fromkeys(email for role in step.step.followers if (email := self._emails.get(role))))

    def _with(self, step: _Compiled, n: int | None) -> dict[str, Any]:
        variables = {**self._variables, "step": SimpleNamespace(key=step.key, n=n)}
        if self._feedback is not None:
            there = {kind: count >= (n or 1) for kind, count in self._feedback.items()}
            variables["feedback"] = SimpleNamespace(**there)
        return variables

    def _due(self, day: date | None) -> datetime | date | None:
        at = self._programme.due_time
        return day if day is None or at is None else datetime.combine(day, at, self._programme.timezone)

    def _start(self, step: _Compiled, start: date | None, due: date | None) -> date | None:
        if start and due and start > due:
            self._report_step(step, "start", "it would start after it is due, so it has no start date")
            return None
        return start

    def _done(self, step: _Compiled, variables: Mapping[str, Any]) -> bool:
        from mi_sync.templates import CannotRender

        try:
            return step.done_when is not None and step.done_when.holds(variables)
        except CannotRender as cannot:
            self._report_step(step, "done_when", str(cannot))
            return False

    # -- problems -------------------------------------------------------------------------------------

    def _fail(self, step: _Compiled, name: str, why: str) -> list[Item]:
        """The step cannot be made now; what is on a board already stays as it is."""
        self._settled = False
        self._report_step(step, name, why)
        return []

    def _report_step(self, step: _Compiled, name: str, why: str) -> None:
        self._report(f"milestones.steps[{step.key}].{name}", f"{why}.")

    def _report(self, name: str, why: str) -> None:
        problem = Problem(self._where, name, why)
        if problem not in self._problems:
            self._problems.append(problem)


@dataclass(slots=True)
class _Renderer:
    """Renders the texts of one item and knows `at` which it is."""

    variables: Mapping[str, Any]
    at: str = field(default="")

    def render(self, name: str, text: Text) -> str:
        self.at = name
        return text.render(self.variables)

    def lines(self, name: str, texts: Sequence[Text]) -> list[str]:
        """Each line that a text makes is one entry."""
        return [line for i, text in enumerate(texts) for line in self.render(f"{name}[{i}]", text).splitlines()]


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_LINE else f"{text[: MAX_LINE - 1].rstrip()}…"


def _distinct(lines: Iterable[str]) -> tuple[str, ...]:
    """The lines in their order, without empty and repeated ones."""
    return tuple(dict.fromkeys(short for line in lines if (short := _one_line(line))))


def _body(text: str, links: Iterable[str]) -> str:
    urls = dict.fromkeys(link.strip() for link in links if re.fullmatch(r"\s*https?://[^\s<>]+\s*", link))
    if urls:
        text += "\n\n**Links**\n\n" + "\n".join(f"- {url}" for url in urls)
    return re.sub(r"\n[ \t]*(?:\n[ \t]*)+\n", "\n\n", text).strip()
