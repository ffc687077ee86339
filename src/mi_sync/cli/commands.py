"""What each command does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mi_sync import config as configuration
from mi_sync import identity, linking, overview, pings, publishing, saved, sync
from mi_sync.cli import Settings, github, logs, show
from mi_sync.cli.session import Session
from mi_sync.cli.watching import watched
from mi_sync.comparison import Comparison
from mi_sync.config import SourceSpec
from mi_sync.connector import Board, Broken, Connector, Registry
from mi_sync.errors import ConfigError, ExitCode, MiSyncError, Problem, first_of
from mi_sync.events import Run
from mi_sync.http import Budget
from mi_sync.model import ENDED, PLURALS, Applicant, Record, jsonable
from mi_sync.opening import open_source
from mi_sync.plan import Plan
from mi_sync.reading import compile_for, mapping_for
from mi_sync.state import MIGRATIONS, Store
from mi_sync.writing import write_atomically


@dataclass(frozen=True, slots=True)
class Limits:
    """The options that `plan`, `apply` and `run` share."""

    force: tuple[str, ...] = ()
    recreate: tuple[str, ...] = ()
    adopt: bool = False
    max_requests: int | None = None
    max_seconds: float | None = None


def run(settings: Settings, limits: Limits) -> ExitCode:
    """Pull, plan, apply, publish; a dead man's switch is told, where there is one."""
    with watched(settings) as watch:
        session = Session(settings, with_secrets=True, budget=Budget(limits.max_requests, limits.max_seconds))
        watch.result = session.result
        with session.recorded("run", watch.start) as run:
            session.tell(sync.pull(run))
            plan_and_apply(session, run, limits, session.boards())
            session.tell(publishing.publish(run, session.publishers(run.store)))
        code = _finish(session, "run")
    watch.end(code)
    return code


def plan_and_apply(session: Session, run: Run, limits: Limits, boards: Mapping[str, Board]) -> None:
    """What `run` does on the boards once the exports are read."""
    recreate = frozenset(limits.recreate)
    snapshots = session.tell(sync.make_plan(run, boards, recreate=recreate, adopt=limits.adopt, settle_first=True))
    if run.result.plan is not None:
        session.tell(sync.apply(run, run.result.plan, snapshots, boards, force=limits.force))


def plan(settings: Settings, limits: Limits, *, out: Path | None = None, detailed: bool = False) -> ExitCode:
    """The same, without its last part, on a copy of the state."""
    session = Session(settings, with_secrets=True, budget=Budget(limits.max_requests, limits.max_seconds))
    with session.scratch() as run:
        session.tell(sync.pull(run))
        recreate = frozenset(limits.recreate)
        session.tell(sync.make_plan(run, session.boards(), recreate=recreate, adopt=limits.adopt, settle_first=False))
    made = session.result.plan
    changes = made.changes if made else ()
    code = session.result.exit_code
    if out is not None and made is not None and not session.result.target_failures:
        write_atomically(out, made.dumps())
    if detailed and changes and code is ExitCode.OK:
        code = ExitCode.CHANGES
    return _finish(session, "plan", code, made)


def apply(settings: Settings, limits: Limits, file: Path | None) -> ExitCode:
    """A saved plan; without one, what the records ask for as they were last pulled."""
    plan = _read_plan(file) if file else None
    session = Session(settings, with_secrets=True, budget=Budget(limits.max_requests, limits.max_seconds))
    with session.recorded("apply") as run:
        if plan is None:
            plan_and_apply(session, run, limits, session.boards())
        else:
            # The records that the plan was made from were never stored, and the next run compares with the stored ones.
            session.tell(sync.pull(run))
            session.tell(saved.apply(run, plan, str(file), session.boards(), force=limits.force))
        session.tell(publishing.publish(run, session.publishers(run.store)))
    return _finish(session, "apply")


def _finish(session: Session, command: str, code: ExitCode | None = None, plan: Plan | None = None) -> ExitCode:
    """Prints the result, also where a job's page is."""
    code = session.finish(code, plan=plan)
    github.show(github.Outcome.of(command, session.result, code, session.config.root))
    return code


def _read_plan(file: Path) -> Plan:
    try:
        return Plan.loads(file.read_text("utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the plan cannot be read: {getattr(error, 'strerror', None) or error}.",
            where=str(file),
            remedy="`mi-sync plan --out FILE` makes one.",
        ) from None


# ------------------------------------------------------------------------------------------------ pull


def pull(settings: Settings) -> ExitCode:
    """Sources into records; with `--output json` the records, as a stream."""
    session = Session(settings)
    printed = False
    with session.recorded("pull") as run:
        session.tell(sync.pull(run))
        if settings.output == "json":
            show.json_stream([*_records(run.store), ("milestones", _milestones(run))])
            printed = True
    return session.finish(printed=printed)


def _records(store: Store) -> Iterator[tuple[str, Iterator[Any]]]:
    for kind, plural in PLURALS.items():
        yield plural, (jsonable(record) for record in store.records(kind))
    yield (
        "quarantined",
        ({name: getattr(q, name) for name in ("source", "file", "line", "field", "why")} for q in store.quarantine()),
    )


def _milestones(run: Run) -> Iterator[Any]:
    """As the boards last showed them: what people do there is part of a milestone's record."""
    links = {spec.name: run.store.links(spec.name).values() for spec in run.config.boards}
    for it in overview.milestones(links, _owners(run.store), run.config.progress_from):
        yield asdict(it)


# ----------------------------------------------------------------------------------------------- check


def check(settings: Settings) -> ExitCode:
    """Everything that can be known before a run; the first failure by the contract's order decides the exit code."""
    session = Session(settings)
    checks: list[tuple[str, str, MiSyncError | None]] = [("configuration", str(settings.config), None)]
    for spec in session.config.sources:
        checks += _checked(f"source {spec.name}", lambda spec=spec: _check_source(session, spec))
    boards: dict[str, Board] = {}
    checks += _checked("secrets", lambda: _check_secrets(settings, boards))
    checks += _checked("ping", lambda: _check_ping(session))
    checks += _checked("state", lambda: _check_state(session))
    sound = checks[-1][2] is None
    found: dict[str, Comparison] = {}
    for name, board in boards.items():
        checks += _checked(
            f"target {name}", lambda board=board, name=name: _check_board(session, name, board, found, sound=sound)
        )
    code = first_of(error.exit_code for _, _, error in checks if error is not None)
    show.checks(settings, checks, code, found)
    problems = [problem for _, _, error in checks if error is not None for problem in error.all_problems()]
    github.show(github.Outcome("check", code, session.config.root, problems))
    return code


def _checked(what: str, work: Any) -> list[tuple[str, str, MiSyncError | None]]:  # noqa: ANN401  a callable of lines
    lines: list[tuple[str, str, MiSyncError | None]] = []
    try:
        lines += [(what, line, None) for line in work()]
    except MiSyncError as error:
        lines.append((what, str(error), error))
    return lines


def _check_secrets(settings: Settings, boards: dict[str, Board]) -> Iterator[str]:
    """Fills in the boards, which can be opened once all secrets are there."""
    session = Session(settings, with_secrets=True)
    boards.update(session.boards())
    yield f"{sum(len(target.secrets) for target in session.config.targets)} found"


def _check_ping(session: Session) -> Iterator[str]:
    """Only whether there is an address: a ping would count."""
    if session.config.ping is None:
        return
    url, why = configuration.resolve(session.config.ping)
    if not url:
        raise ConfigError([Problem(session.config.path.name, "schedule.ping", why)])
    try:
        pings.address(url)
    except MiSyncError as error:
        raise ConfigError([Problem(session.config.path.name, "schedule.ping", f"{error.why}.")]) from None
    yield "its address is there; only `run` pings it"


def _check_state(session: Session) -> Iterator[str]:
    place = session.config.state
    with session.scratch() as run:
        if not run.store.schema:
            yield f"{place}: none yet; the first run makes it"
            return
        if damage := run.store.damage():
            raise ConfigError(
                f"the state is damaged: {damage[0]}.",
                where=str(place),
                remedy="Put a backup in its place; or move it away, and run `mi-sync state rebuild`.",
            )
        yield f"{place}: sound, schema {run.store.schema} of {len(MIGRATIONS)}"
        yield from [f"the lock is held by {lease}" for lease in run.store.held(session.clock)[:1]]


def _check_source(session: Session, spec: SourceSpec) -> Iterator[str]:
    source = open_source(spec, session.config, session.outside.wire)
    for file in source.files():
        with file.open() as table:
            compile_for(spec, table, file.name, session.config.programme.id)
            delimiter = repr(table.delimiter) if table.delimiter else ""
            dialect = ", ".join(part for part in (table.format, table.encoding, delimiter) if part)
            recognised = "" if spec.mapping else ", recognised"
            yield f"{file.name}: {dialect}; mapping {mapping_for(spec, table, file.name).name}{recognised}"


def _check_board(
    session: Session, name: str, board: Board, found: dict[str, Comparison], *, sound: bool
) -> Iterator[str]:
    """Also fills in where it differs from the state, if that is sound."""
    identity = board.identity()
    yield f"{identity.name}: {identity.url}"
    snapshot = board.snapshot()
    if not snapshot.complete:
        yield f"it cannot be read completely: {snapshot.incomplete_because}"
    yield from (f"limit: {limit}" for limit in snapshot.limits if limit.near)
    if sound:
        with session.scratch() as run:
            it = found[name] = sync.compare(run, name, snapshot)
        yield f"{it.links} linked, {it.foreign} of other programmes, {len(it.differences)} that differ from the state"


# ------------------------------------------------------------------------------------------ connectors


def connectors(settings: Settings, name: str | None) -> ExitCode:
    """The installed connectors; a broken one is named and the others are shown."""
    logs.start(settings)
    registry = Registry()
    if name is None:
        show.connectors(settings, [_described(registry, each) for each in registry.names])
        return ExitCode.OK
    connector = registry.get(name, "", ("source", "board", "publisher"))
    show.connector(settings, {**_described(registry, name), **_detailed(connector)})
    return ExitCode.OK


def _described(registry: Registry, name: str) -> dict[str, Any]:
    loaded = registry.load(name)
    if isinstance(loaded, Broken):
        why = f"{loaded.distribution} cannot be loaded: {loaded.why}"
        return {"name": name, "kind": "broken", "summary": why}
    assert loaded is not None  # noqa: S101  the registry named it
    return {"name": name, "kind": loaded.kind, "summary": loaded.summary}


def _detailed(connector: Connector) -> dict[str, Any]:
    fields = connector.config.model_fields
    return {
        "can": list(connector.can),
        "cannot": list(connector.cannot),
        "capabilities": asdict(connector.capabilities) if connector.capabilities else None,
        "settings": [
            {
                "key": key,
                "required": field.is_required(),
                "default": None if field.is_required() else field.default,
                "what": field.description or "",
            }
            for key, field in fields.items()
        ],
    }


# --------------------------------------------------------------------------------- looking at the state


def status(settings: Settings) -> ExitCode:
    """The manager's questions, from what the last run saw."""
    session = Session(settings)
    with session.scratch() as run:
        store = run.store
        ended = {e.application.key for e in store.engagements() if e.application.status in ENDED}
        links = {
            spec.name: [
                link
                for link in store.links(spec.name).values()
                if link.owner not in ended and not identity.is_erased(link.owner)
            ]
            for spec in session.config.boards
        }
        alike = linking.look_alikes(it for it in store.records("applicant") if isinstance(it, Applicant))
        names = _owners(store)
        last = next((run for run in store.runs(100) if run.get("targets") and run["status"] in {"ok", "partial"}), None)
    today = session.outside.wire.now().astimezone(session.config.programme.timezone).date()
    counts = session.config.progress_from
    answers = overview.answer(links, names, today, counts)
    progress = overview.progress(overview.milestones(links, names, counts), today)
    show.status(settings, answers, progress, alike, today, last)
    return ExitCode.OK


def _owners(store: Store) -> dict[str, str]:
    """What people call each engagement and each posting, by key."""
    engagements = {e.application.key: f"{_called(e.posting)} ({e.applicant.label})" for e in store.engagements()}
    return engagements | {posting.key: _called(posting) for posting in store.records("posting")}


def _called(posting: Record) -> str:
    return str(getattr(posting, "title", None) or getattr(posting, "id", None) or posting.key)


def history(settings: Settings, limit: int) -> ExitCode:
    """The past runs."""
    session = Session(settings)
    with session.scratch() as run:
        show.history(settings, run.store.runs(limit))
    return ExitCode.OK
