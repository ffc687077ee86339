"""`config.toml` becomes one frozen `Config`, or all of its problems at once, each with its key path and a remedy.

Nothing here echoes a value that was typed in the place of a secret.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from mi_sync import loader, values
from mi_sync.connector import Connector, ConnectorConfig, Registry, Secret, SecretRef
from mi_sync.errors import ConfigError, Problem, did_you_mean
from mi_sync.language import Mapping as RowMapping
from mi_sync.language import with_constants
from mi_sync.milestones import Milestones, Programme, Step, load_steps, merge_steps
from mi_sync.model import PayPer, Privacy
from mi_sync.state import Location, locate
from mi_sync.views import VIEWS, ViewName

Resolution = Literal["ours", "theirs", "ask"]
S = TypeVar("S", bound=BaseModel)
T = TypeVar("T")


def _shaped(pattern: str, why: str) -> AfterValidator:
    def check(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise ValueError(why)
        return text

    return AfterValidator(check)


Offset = Annotated[str, _shaped(r"[0-9]{1,4}[dw]", 'must be a number of days or weeks such as "10d" or "3w"')]
Age = Annotated[str, _shaped(r"[1-9][0-9]{0,3}[dw]", 'must be a number of days or weeks such as "400d" or "60w"')]
Percent = Annotated[str, _shaped(r"[0-9]{1,3}%", 'must be a percentage such as "30%"')]
Name = Annotated[str, _shaped(r"[A-Za-z0-9_.-]+", "may hold letters, digits, _, . and - only")]


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is no IANA time zone such as America/Chicago") from None
    return name


Timezone = Annotated[str, AfterValidator(_known_timezone)]


def _not_eeo(allowed: tuple[Privacy, ...]) -> tuple[Privacy, ...]:
    if Privacy.EEO in allowed:
        raise ValueError("eeo can never be allowed")
    return allowed


Allow = Annotated[tuple[Privacy, ...], AfterValidator(_not_eeo)]


def _ascending(scale: tuple[float, float]) -> tuple[float, float]:
    if scale[0] >= scale[1]:
        raise ValueError("must be [lowest, highest], such as [1, 5]")
    return scale


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _currency(code: str) -> str:
    try:
        return values.currency(code)
    except values.BadValue as error:
        raise ValueError(str(error)) from None


class ProgrammeSection(_Section):
    """`[programme]`."""

    id: Annotated[str, _shaped(r"\S+", "must be text without blanks")]
    name: str = ""
    timezone: Timezone
    starts_on: date | None = None
    ends_on: date | None = None
    default_duration: Offset | None = None
    progress_from: str | None = None


_NO_PROGRAMME = ProgrammeSection(id="?", timezone="UTC")
"""Stands in for one that could not be read, so that the rest is checked, too."""


class StateSection(_Section):
    """`[state]`."""

    url: str = "sqlite:///state.db"
    password: SecretRef | None = None


class PaySection(_Section):
    """`pay` of a source: what amounts mean where the file does not say it."""

    currency: Annotated[str, AfterValidator(_currency)] | None = None
    per: PayPer | None = None


class SourceSection(_Section):
    """`[[sources]]`; the other keys are the connector's."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)
    name: Name
    namespace: str | None = None
    connector: str
    mapping: str | None = None
    complete: bool = False
    dates: Literal["dmy", "mdy", "ymd"] | None = None
    timezone: Timezone | None = None
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
    constants: dict[str, Any] = Field(default_factory=dict)
    scale: Annotated[tuple[float, float], AfterValidator(_ascending)] | None = None
    pay: PaySection = PaySection()


def _time_or_none(value: Any) -> Any:  # noqa: ANN401  whatever stands in the TOML
    return None if value is False else value


DueTime = Annotated[time | None, BeforeValidator(_time_or_none)]
"""A time of day; `false` for none."""


class MilestonesSection(_Section):
    """`[milestones]`."""

    template: str | None = None
    omit: tuple[str, ...] = ()
    due_time: DueTime = time(17)
    holidays: tuple[date, ...] = ()
    steps: tuple[Step, ...] = ()


class ConflictsSection(_Section):
    """`[conflicts]`: what wins when both sides changed a field since it was last applied."""

    title: Resolution = "ours"
    body: Resolution = "ask"
    due: Resolution = "theirs"
    start: Resolution = "theirs"
    fields: Resolution = "ours"


class TargetConflicts(_Section):
    """`conflicts` of a target: only what differs."""

    title: Resolution | None = None
    body: Resolution | None = None
    due: Resolution | None = None
    start: Resolution | None = None
    fields: Resolution | None = None


class PrivacySection(_Section):
    """`[privacy]`."""

    allow: Allow = ()
    retain: Age | None = None


class SafetySection(_Section):
    """`[safety]`."""

    max_archive: Percent = "30%"
    max_create: int = Field(default=2000, ge=0)
    max_failures: int = Field(default=5, ge=1)
    plan_expires: Age = "7d"


class ScheduleSection(_Section):
    """`[schedule]`."""

    ping: SecretRef | None = None


class TargetSection(_Section):
    """`[[targets]]`; the other keys are the connector's."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)
    name: Name
    connector: str
    views: tuple[ViewName, ...] | None = None
    allow: Allow | None = None
    only: tuple[str, ...] | None = None
    omit: tuple[str, ...] = ()
    conflicts: TargetConflicts = TargetConflicts()
    fields: dict[str, str] = Field(default_factory=dict)
    like: Name | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """The whole file, as far as it could be read."""

    programme: ProgrammeSection
    state: StateSection
    sources: Mapping[int, SourceSection]
    milestones: MilestonesSection
    roles: Mapping[str, str]
    people: Mapping[str, Mapping[str, str]]
    conflicts: ConflictsSection
    privacy: PrivacySection
    safety: SafetySection
    schedule: ScheduleSection
    targets: Mapping[int, TargetSection]


# ------------------------------------------------------------------------------------------- the result


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A source, ready to be opened.

    `mapping` is None where each file is recognised, as one of `candidates`.
    """

    name: str
    namespace: str
    connector: Connector
    settings: ConnectorConfig
    mapping: RowMapping | None
    complete: bool
    dates: Literal["dmy", "mdy", "ymd"] | None
    timezone: ZoneInfo
    values: Mapping[str, Mapping[str, str]]
    candidates: tuple[RowMapping, ...] = ()
    scale: tuple[float, float] | None = None
    pay: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """A target, ready to be opened. `people` maps e-mail addresses to what this target calls them.

    `views` is what it shows of the programme; `like` names the source in whose shape it shows engagements, if any.

    `secrets` is empty unless the configuration was loaded with them.
    """

    name: str
    connector: Connector
    settings: ConnectorConfig
    milestones: Milestones
    conflicts: Mapping[str, Resolution]
    people: Mapping[str, str]
    secrets: Mapping[str, Secret]
    views: tuple[ViewName, ...] = ("milestones",)
    like: str = ""

    @property
    def is_board(self) -> bool:
        """Whether it holds items; else it publishes views of them."""
        return self.connector.kind == "board"


@dataclass(frozen=True, slots=True)
class Safety:
    """The limits of one run, for each target.

    `max_failures` is how many changes may fail in a row until the rest is left for the next run; `plan_expires` how
    long a saved plan may be applied.
    """

    max_archive: float
    max_create: int
    max_failures: int = 5
    plan_expires: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration that holds together.

    `allow` is `[privacy] allow`, with what is public; `retain` its age at which people are forgotten; `progress_from`
    the target whose done, due, list and assignee count, empty where there is none; `ping` names the address that a run
    pings, which is never loaded with the rest, because a ping that cannot be sent does not stop a run;
    `state_password` names that of the state's server, which `state` holds.
    """

    path: Path
    programme: Programme
    state: Location
    sources: tuple[SourceSpec, ...]
    targets: tuple[TargetSpec, ...]
    safety: Safety
    allow: frozenset[Privacy] = frozenset({Privacy.PUBLIC})
    retain: timedelta | None = None
    progress_from: str = ""
    ping: SecretRef | None = None
    state_password: SecretRef | None = None

    @property
    def root(self) -> Path:
        """The folder that relative paths are meant from."""
        return self.path.parent

    @property
    def boards(self) -> tuple[TargetSpec, ...]:
        """The targets that hold items."""
        return tuple(spec for spec in self.targets if spec.is_board)

    @property
    def publishers(self) -> tuple[TargetSpec, ...]:
        """The targets that views are published to."""
        return tuple(spec for spec in self.targets if not spec.is_board)


def load(path: Path, registry: Registry | None = None, *, with_secrets: bool = False) -> Config:
    """Reads and checks a configuration; `with_secrets` for what contacts a target, so that a missing one is told now.

    Raises:
        ConfigError: with every problem that it has.
    """
    reader = _Reader(path.name, _toml(path))
    builder = _Builder(path, reader.document(), registry or Registry(), reader.found, with_secrets=with_secrets)
    return builder.build()


def find_ping(path: Path) -> SecretRef | None:
    """What a configuration says of pings, whatever else is wrong with it; `load` tells what that is."""
    try:
        return ScheduleSection.model_validate(_toml(path).get("schedule", {})).ping
    except (ConfigError, ValidationError):
        return None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(
            "there is no such file.",
            where=str(path),
            remedy="`mi-sync init` makes one; --config names another.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"it cannot be read: {error}.", where=str(path)) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"it is not valid TOML: {error}.", where=str(path)) from None


_NAMES: TypeAdapter[Mapping[str, str]] = TypeAdapter(dict[str, str])
_PEOPLE: TypeAdapter[Mapping[str, Mapping[str, str]]] = TypeAdapter(dict[str, dict[str, str]])


class _Reader:
    """Reads each section by itself, so that a mistake in one hides none in another; `found` collects them."""

    def __init__(self, file: str, raw: Mapping[str, Any]) -> None:
        self._file = file
        self._raw = dict(raw)
        self.found: list[Problem] = []

    def document(self) -> Document:
        known = [field.name for field in fields(Document)]
        for name in self._raw:
            if name not in known:
                self._problem(name, f"unknown key.{did_you_mean(name, known)}")
        return Document(
            programme=self._programme(),
            state=self._section(StateSection, "state") or StateSection(),
            sources=self._sections(SourceSection, "sources"),
            milestones=self._milestones(),
            roles=self._table(_NAMES, "roles"),
            people=self._table(_PEOPLE, "people"),
            conflicts=self._section(ConflictsSection, "conflicts") or ConflictsSection(),
            privacy=self._section(PrivacySection, "privacy") or PrivacySection(),
            safety=self._section(SafetySection, "safety") or SafetySection(),
            schedule=self._section(ScheduleSection, "schedule") or ScheduleSection(),
            targets=self._sections(TargetSection, "targets"),
        )

    def _programme(self) -> ProgrammeSection:
        if "programme" not in self._raw:
            self._problem("programme", "is missing; `mi-sync init` shows what it holds.")
            return _NO_PROGRAMME
        return self._section(ProgrammeSection, "programme") or _NO_PROGRAMME

    def _milestones(self) -> MilestonesSection:
        """Its steps one by one, because each may have a mistake of its own."""
        raw = self._raw.get("milestones")
        if raw is None:
            return MilestonesSection(template="micro-internship")
        if not isinstance(raw, dict) or not isinstance(raw.get("steps", []), list):
            return self._validated(MilestonesSection, raw, "milestones") or MilestonesSection()
        steps = [
            self._validated(Step, step, f"milestones.steps[{_step_name(step, number)}]")
            for number, step in enumerate(raw.get("steps", []))
        ]
        rest = {name: value for name, value in raw.items() if name != "steps"}
        section = self._validated(MilestonesSection, rest, "milestones") or MilestonesSection()
        return section.model_copy(update={"steps": tuple(step for step in steps if step is not None)})

    def _section(self, model: type[S], name: str) -> S | None:
        return self._validated(model, self._raw[name], name) if name in self._raw else None

    def _sections(self, model: type[S], name: str) -> dict[int, S]:
        raw = self._raw.get(name, [])
        if not isinstance(raw, list):
            self._problem(name, f"must be tables, each headed [[{name}]].")
            return {}
        read = {number: self._validated(model, each, f"{name}[{number}]") for number, each in enumerate(raw)}
        return {number: section for number, section in read.items() if section is not None}

    def _validated(self, model: type[S], raw: Any, path: str) -> S | None:  # noqa: ANN401  whatever stands in the TOML
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            self.found.extend(_problems(error, self._file, (path,), model))
            return None

    def _table(self, adapter: TypeAdapter[T], name: str) -> T:
        try:
            return adapter.validate_python(self._raw.get(name, {}))
        except ValidationError as error:
            self.found.extend(_problems(error, self._file, (name,)))
            return adapter.validate_python({})

    def _problem(self, path: str, why: str) -> None:
        self.found.append(Problem(self._file, path, why))


def _step_name(raw: Any, number: int) -> str:  # noqa: ANN401  as above
    key = raw.get("key") if isinstance(raw, dict) else None
    return key if isinstance(key, str) else str(number)


class _Builder:
    """Puts the parts together and collects what does not fit."""

    def __init__(
        self, path: Path, document: Document, registry: Registry, found: list[Problem], *, with_secrets: bool
    ) -> None:
        self._path = path
        self._with_secrets = with_secrets
        self._doc = document
        self._registry = registry
        self._found = found

    def build(self) -> Config:
        programme = self._programme()
        self._unique("sources", [s.name for s in self._doc.sources.values()])
        self._unique("targets", [t.name for t in self._doc.targets.values()])
        sources = [self._source(i, s) for i, s in self._doc.sources.items()]
        steps = self._steps()
        targets = [self._target(i, t, programme, steps) for i, t in self._doc.targets.items()]
        if not self._doc.targets:
            self._compiled([step for view in steps.values() for step in view], programme, self._doc.privacy.allow)
        state = self._state()
        progress_from = self._progress_from([t for t in targets if t is not None])
        if self._found:
            raise ConfigError(list(dict.fromkeys(self._found)))
        return Config(
            self._path,
            programme,
            state,
            tuple(s for s in sources if s is not None),
            tuple(t for t in targets if t is not None),
            self._safety(),
            frozenset({Privacy.PUBLIC, *self._doc.privacy.allow}),
            _duration(self._doc.privacy.retain),
            progress_from,
            self._doc.schedule.ping,
            self._doc.state.password,
        )

    # -- parts --------------------------------------------------------------------------------------

    def _programme(self) -> Programme:
        section, milestones = self._doc.programme, self._doc.milestones
        return Programme(
            id=section.id,
            name=section.name or section.id,
            timezone=ZoneInfo(section.timezone),
            starts_on=section.starts_on,
            ends_on=section.ends_on,
            default_duration=_duration(section.default_duration),
            due_time=milestones.due_time,
            holidays=frozenset(milestones.holidays),
        )

    def _safety(self) -> Safety:
        section = self._doc.safety
        max_archive = int(section.max_archive.rstrip("%")) / 100
        return Safety(max_archive, section.max_create, section.max_failures, _term(section.plan_expires))

    def _progress_from(self, targets: Sequence[TargetSpec]) -> str:
        boards = [spec.name for spec in targets if spec.connector.kind == "board"]
        wanted = self._doc.programme.progress_from
        if wanted is None:
            return boards[0] if boards else ""
        if wanted not in boards and len(targets) == len(self._doc.targets):
            hint = did_you_mean(wanted, boards)
            self._problem("programme.progress_from", f"there is no board target {wanted!r}.{hint}")
        return wanted

    def _state(self) -> Location:
        try:
            return locate(self._doc.state.url, self._path.parent, self._state_password())
        except ConfigError as error:
            self._found.extend(error.problems)
            return self._path

    def _state_password(self) -> Secret | None:
        """Needed by whatever opens the state, so it is looked up for every command."""
        reference = self._doc.state.password
        if reference is None:
            return None
        value, why = resolve(reference)
        if not value:
            self._problem("state.password", why)
        return Secret(value)

    def _source(self, index: int, section: SourceSection) -> SourceSpec | None:
        where = f"sources[{index}]"
        connector = self._connector(where, section.connector, "source")
        settings = self._settings(where, connector, section.__pydantic_extra__ or {})
        mappings = self._with_constants(f"{where}.constants", section, self._mappings(section.mapping))
        if connector is None or settings is None or not mappings:
            return None
        return SourceSpec(
            section.name,
            section.namespace or section.name,
            connector,
            settings,
            mappings[0] if section.mapping is not None else None,
            section.complete,
            section.dates,
            ZoneInfo(section.timezone or self._doc.programme.timezone),
            section.values,
            () if section.mapping is not None else mappings,
            scale=section.scale,
            pay=section.pay.model_dump(exclude_none=True),
        )

    def _mappings(self, name: str | None) -> tuple[RowMapping, ...]:
        """The mapping of this name, or all that a file can be recognised as."""
        root = self._path.parent
        try:
            return loader.find_all(root) if name is None else (loader.find_mapping(name, root),)
        except ConfigError as error:
            self._found.extend(error.problems)
            return ()

    def _with_constants(
        self, where: str, section: SourceSection, mappings: Sequence[RowMapping]
    ) -> tuple[RowMapping, ...]:
        """The mappings with the source's constants; a file can be none of those that lack such a field."""
        fitting: list[RowMapping] = []
        problems: list[Problem] = []
        for it in mappings:
            try:
                fitting.append(with_constants(it, section.constants, self._path.name, where))
            except ConfigError as error:
                problems.extend(error.problems)
        if not fitting and section.mapping is not None:
            self._found.extend(problems)
        elif not fitting and mappings:
            names = ", ".join(section.constants)
            self._problem(where, f"no mapping has all of these fields with such values: {names}; correct them.")
        return tuple(fitting)

    def _steps(self) -> Mapping[str, tuple[Step, ...]]:
        """The steps of each view, before a target's `only` and `omit`."""
        section = self._doc.milestones
        try:
            shipped = self._shipped(section.template) if section.template else ()
            milestones = merge_steps(shipped, section.steps, section.omit)
            return {"milestones": milestones, "postings": self._shipped("postings")}
        except ConfigError as error:
            self._found.extend(replace(p, where=self._path.name) for p in error.problems)
            return {"milestones": (), "postings": ()}

    def _shipped(self, template: str) -> tuple[Step, ...]:
        try:
            text = loader.shipped(f"{template}.toml")
        except (FileNotFoundError, ValueError):
            raise ConfigError(
                [
                    Problem(
                        self._path.name,
                        "milestones.template",
                        "there is no such template; micro-internship is shipped.",
                    )
                ]
            ) from None
        return load_steps(text, template)

    def _target(
        self, index: int, section: TargetSection, programme: Programme, views: Mapping[str, tuple[Step, ...]]
    ) -> TargetSpec | None:
        where = f"targets[{index}]"
        connector = self._connector(where, section.connector, "board", "publisher")
        settings = self._settings(where, connector, section.__pydantic_extra__ or {})
        secrets = self._secrets(where, settings) if settings else {}
        allow = self._doc.privacy.allow if section.allow is None else section.allow
        shown = self._views(where, connector, section.views)
        # Every view of a publisher is made from the milestones; a board holds the items of the views that it shows.
        is_board = connector is None or connector.kind == "board"
        steps = [step for view in (shown if is_board else ("milestones",)) for step in views[view]]
        milestones = self._compiled(self._chosen(where, section, steps), programme, allow, section.fields, where)
        if section.fields and not is_board:
            self._problem(f"{where}.fields", "only a board has custom fields; leave it out here.")
        self._check_like(where, section.like, shown)
        if connector is None or settings is None or milestones is None:
            return None
        return TargetSpec(
            section.name,
            connector,
            settings,
            milestones,
            {**self._doc.conflicts.model_dump(), **section.conflicts.model_dump(exclude_none=True)},
            {
                email.strip().casefold(): names[section.name]
                for email, names in self._doc.people.items()
                if section.name in names
            },
            secrets,
            shown,
            section.like or "",
        )

    def _check_like(self, where: str, like: str | None, views: Sequence[ViewName]) -> None:
        """Engagements can be shown in the shape of a source that there is."""
        known = [source.name for source in self._doc.sources.values()]
        if like is None:
            return
        if like not in known:
            self._problem(f"{where}.like", f"there is no source {like!r}.{did_you_mean(like, known)}")
        if "engagements" not in views:
            why = "only the view engagements can have the shape of a source; add it to `views`, or leave `like` out."
            self._problem(f"{where}.like", why)

    def _views(
        self, where: str, connector: Connector | None, named: tuple[ViewName, ...] | None
    ) -> tuple[ViewName, ...]:
        """What the target shows; without being told, what its connector shows then."""
        able: list[ViewName] = [view for view in VIEWS if connector is None or str(view) in connector.views]
        for view in named or ():
            if connector is not None and view not in able:
                why = f"connector {connector.name!r} cannot show {view!r}; it can show {', '.join(able)}."
                self._problem(f"{where}.views", why)
        if named is None:
            return tuple(view for view in able if connector is not None and str(view) in connector.shown)
        return tuple(view for view in named if able.count(view))  # `in` would make its type any text

    def _chosen(self, where: str, section: TargetSection, steps: Sequence[Step]) -> list[Step]:
        """The steps that this target gets."""
        known = {step.key for step in steps}
        for name in (*(section.only or ()), *section.omit):
            if name not in known:
                self._problem(where, f"only/omit names {name!r}, which is no step; steps: {', '.join(sorted(known))}.")
        return [s for s in steps if s.key not in section.omit and (section.only is None or s.key in section.only)]

    def _compiled(
        self,
        steps: Sequence[Step],
        programme: Programme,
        allow: Iterable[Privacy],
        fields_: Mapping[str, str] | None = None,
        where: str = "",
    ) -> Milestones | None:
        """Steps for whoever may see these classes; also without a target, so that mistakes are found at once."""
        try:
            return Milestones(steps, programme, self._doc.roles, frozenset({Privacy.PUBLIC, *allow}), fields_)
        except ConfigError as error:
            for problem in error.problems:
                of_target = problem.field.startswith("fields.")
                path = f"{where}.{problem.field}" if of_target else problem.field
                self._found.append(replace(problem, where=self._path.name, field=path))
            return None

    def _secrets(self, where: str, settings: ConnectorConfig) -> dict[str, Secret]:
        """The secrets that the settings name, from the environment or the keyring."""
        found: dict[str, Secret] = {}
        for name in type(settings).model_fields if self._with_secrets else ():
            reference = getattr(settings, name)
            if isinstance(reference, SecretRef):
                value, why = resolve(reference)
                found[name] = Secret(value)
                if not value:
                    self._problem(f"{where}.{name}", why)
        return found

    def _connector(self, where: str, name: str, *kinds: Literal["source", "board", "publisher"]) -> Connector | None:
        try:
            return self._registry.get(name, where, kinds)
        except ConfigError as error:
            self._found.extend(Problem(self._path.name, f"{p.where}.{p.field}", p.why) for p in error.problems)
            return None

    def _settings(self, where: str, connector: Connector | None, extra: Mapping[str, Any]) -> ConnectorConfig | None:
        if connector is None:
            return None
        try:
            return connector.config.model_validate(extra)
        except ValidationError as error:
            section = SourceSection if connector.kind == "source" else TargetSection
            self._found.extend(_problems(error, self._path.name, (where,), connector.config, section))
            return None

    # -- problems -----------------------------------------------------------------------------------

    def _unique(self, where: str, names: Sequence[str]) -> None:
        for name in sorted({n for n in names if names.count(n) > 1}):
            self._problem(where, f"the name {name!r} is used more than once; names tell them apart in the state.")

    def _problem(self, where: str, why: str) -> None:
        self._found.append(Problem(self._path.name, where, why))


def _duration(text: str | None) -> timedelta | None:
    return None if text is None else _term(text)


def _term(text: str) -> timedelta:
    return timedelta(**{"weeks" if text[-1] == "w" else "days": int(text[:-1])})


_WORDS: Mapping[str, str] = {
    "missing": "is missing.",
    "string_type": 'must be text in quotes, such as "…".',
    "int_type": "must be a whole number.",
    "int_parsing": "must be a whole number.",
    "int_from_float": "must be a whole number.",
    "bool_type": "must be true or false.",
    "bool_parsing": "must be true or false.",
    "date_type": "must be a date such as 2026-04-03, without quotes.",
    "date_parsing": "must be a date such as 2026-04-03, without quotes.",
    "date_from_datetime_parsing": "must be a date such as 2026-04-03, without quotes.",
    "time_type": 'must be a time such as "17:00", or false for days without a time.',
    "time_parsing": 'must be a time such as "17:00", or false for days without a time.',
    "tuple_type": 'must be a list in brackets, such as ["…"].',
    "list_type": 'must be a list in brackets, such as ["…"].',
    "dict_type": "must be a table.",
    "model_type": "must be a table.",
    "model_attributes_type": "must be a table.",
    "string_too_short": "must not be empty.",
}
"""pydantic's types of errors in our words."""


def _problems(
    error: ValidationError, file: str, prefix: tuple[str, ...], *models: type[BaseModel]
) -> Iterator[Problem]:
    """Pydantic's findings in our words; values are never repeated, because one might be a secret."""
    for found in error.errors(include_url=False, include_input=False, include_context=False):
        path = _key_path((*prefix, *found["loc"]))
        if found["type"] == "extra_forbidden":
            known = {field for model in models for field in model.model_fields}
            yield Problem(file, path, f"unknown key.{did_you_mean(str(found['loc'][-1]), known)}")
        elif "SecretRef" in found["msg"]:
            why = 'a secret is never written here; use { env = "NAME" } or { keyring = "NAME" }.'
            yield Problem(file, path, why)
        else:
            plain = found["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
            yield Problem(file, path, _WORDS.get(found["type"], f"{plain}."))


def _key_path(loc: Sequence[str | int]) -> str:
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


# --------------------------------------------------------------------------------------------- secrets


def resolve(reference: SecretRef) -> tuple[str, str]:
    """The value of a secret, and what is wrong when it is empty."""
    if reference.env is not None:
        value = os.environ.get(reference.env, "").strip()
        # A name in another shape might be the secret itself, typed in the wrong place.
        name = reference.env if re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}", reference.env) else "that it names"
        return value, f"the environment variable {name} is not set; export it before running."
    import keyring
    import keyring.errors

    try:
        value = (keyring.get_password("mi-sync", reference.keyring or "") or "").strip()
    except keyring.errors.KeyringError as error:
        return (
            "",
            f"the keyring cannot be read ({type(error).__name__}); use {{ env = … }} where there is none.",
        )
    # Likewise. Keys and tokens are longer.
    shown = re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,23}", reference.keyring or "")
    remedy = f"store it with `keyring set mi-sync {shown[0] if shown else 'NAME'}`"
    return value, f"the keyring has no such secret; {remedy}."
