"""`config.toml` becomes one frozen `Config`, or all of its problems at once, each with its key path and a remedy.

Nothing here echoes a value that was typed in the place of a secret.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from mi_sync import loader
from mi_sync.connector import Connector, ConnectorConfig, Registry, Secret, SecretRef
from mi_sync.errors import ConfigError, Problem
from mi_sync.language import Mapping as RowMapping
from mi_sync.milestones import Milestones, Programme, Step, load_steps, merge_steps
from mi_sync.model import Privacy
from mi_sync.state import state_path

Resolution = Literal["ours", "theirs", "ask"]
Offset = Annotated[str, Field(pattern=r"^[0-9]+[dw]$")]
Percent = Annotated[str, Field(pattern=r"^[0-9]{1,3}%$")]


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("is no IANA time zone such as America/Chicago") from None
    return name


Timezone = Annotated[str, AfterValidator(_known_timezone)]


def _not_eeo(allowed: tuple[Privacy, ...]) -> tuple[Privacy, ...]:
    if Privacy.EEO in allowed:
        raise ValueError("eeo can never be allowed")
    return allowed


Allow = Annotated[tuple[Privacy, ...], AfterValidator(_not_eeo)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ProgrammeSection(_Section):
    """`[programme]`."""

    id: str = Field(min_length=1, pattern=r"^\S+$")
    name: str = ""
    timezone: Timezone
    starts_on: date | None = None
    ends_on: date | None = None
    default_duration: Offset | None = None
    progress_from: str | None = None


class StateSection(_Section):
    """`[state]`."""

    url: str = "sqlite:///state.db"


class SourceSection(_Section):
    """`[[sources]]`; the other keys are the connector's."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)
    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    namespace: str | None = None
    connector: str
    mapping: str | None = None
    complete: bool = False
    dates: Literal["dmy", "mdy", "ymd"] | None = None
    timezone: Timezone | None = None
    values: dict[str, dict[str, str]] = Field(default_factory=dict)


class MilestonesSection(_Section):
    """`[milestones]`."""

    template: str | None = None
    omit: tuple[str, ...] = ()
    due_time: time = time(17)
    holidays: tuple[date, ...] = ()
    steps: tuple[Step, ...] = ()


class ConflictsSection(_Section):
    """`[conflicts]`: what wins when both sides changed a field since it was last applied."""

    title: Resolution = "ours"
    body: Resolution = "ask"
    due: Resolution = "theirs"
    start: Resolution = "theirs"


class TargetConflicts(_Section):
    """`conflicts` of a target: only what differs."""

    title: Resolution | None = None
    body: Resolution | None = None
    due: Resolution | None = None
    start: Resolution | None = None


class PrivacySection(_Section):
    """`[privacy]`."""

    allow: Allow = ()


class SafetySection(_Section):
    """`[safety]`."""

    max_archive: Percent = "30%"
    max_create: int = Field(default=2000, ge=0)


class TargetSection(_Section):
    """`[[targets]]`; the other keys are the connector's."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)
    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    connector: str
    views: tuple[Literal["milestones", "postings"], ...] = ("milestones",)
    allow: Allow | None = None
    only: tuple[str, ...] | None = None
    omit: tuple[str, ...] = ()
    conflicts: TargetConflicts = TargetConflicts()


class Document(_Section):
    """The whole file."""

    programme: ProgrammeSection
    state: StateSection = StateSection()
    sources: tuple[SourceSection, ...] = ()
    milestones: MilestonesSection = MilestonesSection(template="micro-internship")
    roles: dict[str, str] = Field(default_factory=dict)
    people: dict[str, dict[str, str]] = Field(default_factory=dict)
    conflicts: ConflictsSection = ConflictsSection()
    privacy: PrivacySection = PrivacySection()
    safety: SafetySection = SafetySection()
    targets: tuple[TargetSection, ...] = ()


# ------------------------------------------------------------------------------------------- the result


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A source, ready to be opened."""

    name: str
    namespace: str
    connector: Connector
    settings: ConnectorConfig
    mapping: RowMapping
    complete: bool
    dates: Literal["dmy", "mdy", "ymd"] | None
    timezone: ZoneInfo
    values: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """A target, ready to be opened. `people` maps e-mail addresses to what this target calls them.

    `secrets` is empty unless the configuration was loaded with them.
    """

    name: str
    connector: Connector
    settings: ConnectorConfig
    milestones: Milestones
    conflicts: Mapping[str, Resolution]
    people: Mapping[str, str]
    secrets: Mapping[str, Secret]


@dataclass(frozen=True, slots=True)
class Safety:
    """The limits of one run, for each target."""

    max_archive: float
    max_create: int


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration that holds together."""

    path: Path
    programme: Programme
    state: Path
    sources: tuple[SourceSpec, ...]
    targets: tuple[TargetSpec, ...]
    safety: Safety

    @property
    def root(self) -> Path:
        """The folder that relative paths are meant from."""
        return self.path.parent


def load(path: Path, registry: Registry | None = None, *, with_secrets: bool = False) -> Config:
    """Reads and checks a configuration; `with_secrets` for what contacts a target, so that a missing one is told now.

    Raises:
        ConfigError: with every problem that it has.
    """
    registry = registry or Registry()
    document = _document(path)
    return _Builder(path, document, registry, with_secrets=with_secrets).build()


def _document(path: Path) -> Document:
    try:
        raw = tomllib.loads(path.read_text("utf-8-sig"))
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
    try:
        return Document.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(list(_problems(error, path.name, (), Document))) from None


class _Builder:
    """Puts the parts together and collects what does not fit."""

    def __init__(self, path: Path, document: Document, registry: Registry, *, with_secrets: bool) -> None:
        self._path = path
        self._with_secrets = with_secrets
        self._doc = document
        self._registry = registry
        self._found: list[Problem] = []

    def build(self) -> Config:
        programme = self._programme()
        self._unique("sources", [s.name for s in self._doc.sources])
        self._unique("targets", [t.name for t in self._doc.targets])
        sources = [self._source(i, s) for i, s in enumerate(self._doc.sources)]
        steps = self._steps()
        targets = [self._target(i, t, programme, steps) for i, t in enumerate(self._doc.targets)]
        state = self._state()
        if self._found:
            raise ConfigError(list(dict.fromkeys(self._found)))
        safety = Safety(int(self._doc.safety.max_archive.rstrip("%")) / 100, self._doc.safety.max_create)
        return Config(
            self._path,
            programme,
            state,
            tuple(s for s in sources if s is not None),
            tuple(t for t in targets if t is not None),
            safety,
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

    def _state(self) -> Path:
        try:
            return state_path(self._doc.state.url, self._path.parent)
        except ConfigError as error:
            self._found.extend(error.problems)
            return self._path

    def _source(self, index: int, section: SourceSection) -> SourceSpec | None:
        where = f"sources[{index}]"
        connector = self._connector(where, section.connector, "source")
        settings = self._settings(where, connector, section.__pydantic_extra__ or {})
        mapping = self._mapping(where, section.mapping)
        if connector is None or settings is None or mapping is None:
            return None
        return SourceSpec(
            section.name,
            section.namespace or section.name,
            connector,
            settings,
            mapping,
            section.complete,
            section.dates,
            ZoneInfo(section.timezone or self._doc.programme.timezone),
            section.values,
        )

    def _mapping(self, where: str, name: str | None) -> RowMapping | None:
        if name is None:
            known = ", ".join(sorted(loader.available(self._path.parent)))
            self._problem(
                f"{where}.mapping",
                f"is missing; name one of {known}, or a file in mappings/ beside this one.",
            )
            return None
        try:
            return loader.find_mapping(name, self._path.parent)
        except ConfigError as error:
            self._found.extend(error.problems)
            return None

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
        steps = [step for view in section.views for step in views[view]]
        known = {step.key for step in steps}
        for name in (*(section.only or ()), *section.omit):
            if name not in known:
                self._problem(where, f"only/omit names {name!r}, which is no step; steps: {', '.join(sorted(known))}.")
        chosen = [s for s in steps if s.key not in section.omit and (section.only is None or s.key in section.only)]
        allow = frozenset(self._doc.privacy.allow if section.allow is None else section.allow)
        try:
            milestones = Milestones(chosen, programme, self._doc.roles, allow | {Privacy.PUBLIC})
        except ConfigError as error:
            self._found.extend(replace(p, where=self._path.name) for p in error.problems)
            return None
        if connector is None or settings is None:
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
            self._secrets(where, settings),
        )

    def _secrets(self, where: str, settings: ConnectorConfig) -> dict[str, Secret]:
        """The secrets that the settings name, from the environment or the keyring."""
        found: dict[str, Secret] = {}
        for name in type(settings).model_fields if self._with_secrets else ():
            reference = getattr(settings, name)
            if isinstance(reference, SecretRef):
                value, why = _secret(reference)
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
    if text is None:
        return None
    return timedelta(**{"weeks" if text[-1] == "w" else "days": int(text[:-1])})


def _problems(
    error: ValidationError, file: str, prefix: tuple[str, ...], *models: type[BaseModel]
) -> Iterator[Problem]:
    """Pydantic's findings in our words; values are never repeated, because one might be a secret."""
    for found in error.errors(include_url=False, include_input=False, include_context=False):
        path = _key_path((*prefix, *found["loc"]))
        last = str(found["loc"][-1]) if found["loc"] else ""
        if found["type"] == "extra_forbidden":
            yield Problem(file, path, f"unknown key.{_did_you_mean(last, models)}")
        elif found["type"] == "missing":
            yield Problem(file, path, "is missing.")
        elif "SecretRef" in found["msg"]:
            yield Problem(file, path, 'a secret is never written here; use { env = "NAME" } or { keyring = "NAME" }.')
        else:
            yield Problem(file, path, f"{found['msg'].removeprefix('Value error, ')}.")


def _key_path(loc: Sequence[str | int]) -> str:
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def _did_you_mean(name: str, models: Sequence[type[BaseModel]]) -> str:
    known = sorted({field for model in models for field in _all_fields(model)})
    close = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _all_fields(model: type[BaseModel]) -> Iterator[str]:
    for name, info in model.model_fields.items():
        yield name
        for nested in re.findall(r"mi_sync\.[\w.]+", str(info.annotation)):
            found = globals().get(nested.rpartition(".")[2]) or (Step if nested.endswith(".Step") else None)
            if isinstance(found, type) and issubclass(found, BaseModel) and found is not model:
                yield from _all_fields(found)


# --------------------------------------------------------------------------------------------- secrets


def _secret(reference: SecretRef) -> tuple[str, str]:
    """The value, and what is wrong when it is empty."""
    if reference.env is not None:
        value = os.environ.get(reference.env, "").strip()
        return value, f"the environment variable {reference.env} is not set; export it before running."
    import keyring
    import keyring.errors

    try:
        value = (keyring.get_password("mi-sync", reference.keyring or "") or "").strip()
    except keyring.errors.KeyringError as error:
        return (
            "",
            f"the keyring cannot be read ({type(error).__name__}); use {{ env = … }} where there is none.",
        )
    return (
        value,
        f"the keyring has no {reference.keyring!r}; store it with `keyring set mi-sync {reference.keyring}`.",
    )
