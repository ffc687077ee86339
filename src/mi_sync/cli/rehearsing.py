"""The main job on copies of the boards: the real settings, exports and HTTP, and nothing real is written.

Each board is read once, by GETs alone, into its connector's sandbox, which keeps all ids. From there on everything is
as in `mi-sync run`, on a throw-away copy of the state; but nothing is published, and no dead man's switch is told.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mi_sync import sync
from mi_sync.cli import Settings, forget_readers, serve, show
from mi_sync.cli.commands import Limits, plan_and_apply
from mi_sync.cli.session import Session
from mi_sync.config import TargetSpec
from mi_sync.connector import Board, Context, SandboxApp, Secret
from mi_sync.errors import ConfigError, ExitCode, MiSyncError
from mi_sync.events import Event, Looking, Result, Run
from mi_sync.http import Budget
from mi_sync.opening import open_board

_RATE_LIMIT = 10_000
"""Requests in the sandbox's own window: it is not the copy whose patience has to be tried."""


@dataclass(frozen=True, slots=True)
class _Copy:
    """A board's copy: the target as it is aimed at it, its page, and how many requests the real one was asked."""

    spec: TargetSpec
    page: str
    requests: int


def rehearse(settings: Settings, limits: Limits, *, stay: bool) -> ExitCode:
    """Copies, runs, shows; with `stay` the copies can be looked at until Ctrl-C."""
    with contextlib.ExitStack() as stack:
        session = Session(settings, with_secrets=True, budget=Budget(limits.max_requests, limits.max_seconds))
        rehearsal = _Rehearsal(session, stack)
        with session.rehearsed() as run:
            session.tell(sync.pull(run))
            copied = session.tell(rehearsal.copy(run))
            boards = {it.name: open_board(it, copied.config, session.outside.wire) for it in copied.config.boards}
            plan_and_apply(session, copied, limits, boards)
            rehearsal.look_again(copied, boards)
        stay = stay and bool(rehearsal.copies) and session.code not in {ExitCode.INTERRUPTED, ExitCode.TERMINATED}
        wait = stack.enter_context(serve.until_stopped()) if stay else lambda: None
        try:
            rehearsal.tell(limits, stay=stay)
        except BrokenPipeError:  # nobody reads it; the outcome stays what it is
            forget_readers()
        wait()
    return session.code


class _Rehearsal:
    """The copies, served for as long as the stack lasts, in a folder of their owner's alone that goes with it."""

    def __init__(self, session: Session, stack: contextlib.ExitStack) -> None:
        self._session, self._stack = session, stack
        self._folder = Path(stack.enter_context(TemporaryDirectory(prefix="mi-sync-rehearsal-")))
        self._sandboxes = {it.name: it for it in serve.installed()}
        self.copies: dict[str, _Copy] = {}
        self._left: int | None = None

    # -- copying ------------------------------------------------------------------------------------

    def copy(self, run: Run) -> Generator[Event, None, Run]:
        """The same run, aimed at copies; a board that cannot be copied is left out, and the others go on."""
        for spec in run.config.boards:
            yield Looking(spec.name)
            try:
                self.copies[spec.name] = self._copied(spec)
            except MiSyncError as error:
                run.result.fail_target(spec.name, error)
        return replace(run, config=replace(run.config, targets=tuple(it.spec for it in self.copies.values())))

    def _copied(self, spec: TargetSpec) -> _Copy:
        it = self._sandboxes.get(spec.connector.name)
        if it is None or it.rehearse is None:
            raise ConfigError(
                f"connector {spec.connector.name!r} brings no sandbox that can be a copy of its board.",
                where=f"targets.{spec.name}",
                remedy="`mi-sync plan` shows what would change on it.",
            )
        stage = self._stack.enter_context(serve.listening())
        asked = Budget()
        opened = partial(it.rehearse, spec.settings, self._context(spec, asked))
        app = stage.mount(it, opened, self._folder / spec.name, _RATE_LIMIT)
        return _Copy(_aimed(spec, app), f"{stage.url}{app.page}", asked.spent)

    def _context(self, spec: TargetSpec, asked: Budget) -> Context:
        """The real board's, over a wire that lets nothing out but GETs."""
        config, about = self._session.config, {"target": spec.name}
        wire = replace(self._session.outside.wire, read_only=True, budget=asked, about=about)
        return Context(spec.name, config.root, config.programme.timezone, wire, spec.secrets)

    # -- afterwards ---------------------------------------------------------------------------------

    def look_again(self, run: Run, boards: Mapping[str, Board]) -> None:
        """Learns how many changes another run would make."""
        second = replace(run, result=Result(run.result.run_id))
        self._session.tell(sync.make_plan(second, boards, settle_first=True))
        plan = second.result.plan
        self._left = None if plan is None or second.result.target_failures else len(plan.changes)

    def tell(self, limits: Limits, *, stay: bool) -> None:
        """Prints the plan, what came of it, where to look at it, and the command for the real thing."""
        session, command = self._session, _command(self._session.settings, limits)
        if session.settings.output == "json":
            self._tell_as_json(command, stay=stay)
            return
        show.echo("A rehearsal, on copies of the boards; nothing real is written.\n")
        if session.result.plan is not None:
            show.changes(session.settings, session.result.plan)
        show.outcome(session.settings, session.result, session.code)
        for line in (*self._about(stay=stay), "", "The real thing:", f"  {shlex.join(command)}"):
            show.echo(line)
        if stay:
            show.echo("\nPress Ctrl-C to end the rehearsal and its copies.")

    def _about(self, *, stay: bool) -> list[str]:
        if not self.copies:
            return ["", "Nothing was rehearsed: no board was copied."]
        lines = ["", "The real boards were only read:"]
        lines += [f"  {name}: {_count(it.requests)}, each a GET" for name, it in self.copies.items()]
        if self._left is not None:
            left = f"make {self._left} more" if self._left else "change nothing more"
            lines.append(f"Another run would {left}.")
        if hidden := [spec.name for spec in self._session.config.publishers]:
            lines.append(f"Nothing was published, so look at these after the real run: {', '.join(hidden)}.")
        if stay:
            return [*lines, "Look at the copies:", *(f"  {name}: {it.page}" for name, it in self.copies.items())]
        return [*lines, "The copies are gone; `--serve` keeps them to be looked at."]

    def _tell_as_json(self, command: Sequence[str], *, stay: bool) -> None:
        session, plan = self._session, self._session.result.plan
        rehearsal = {
            "targets": {
                name: {"read_requests": it.requests, "page": it.page if stay else None}
                for name, it in self.copies.items()
            },
            "left": self._left,
            "unpublished": [spec.name for spec in session.config.publishers],
            "command": list(command),
        }
        changes = [show.change_as_json(each) for each in plan.changes] if plan is not None else []
        outcome = show.result_as_json(session.result, session.code)
        show.json_object({**outcome, "changes": changes, "rehearsal": rehearsal})
        if session.settings.log_format == "json":
            show.problems(session.settings, session.result)


def _count(requests: int) -> str:
    return f"{requests} request{'' if requests == 1 else 's'}"


def _aimed(spec: TargetSpec, app: SandboxApp) -> TargetSpec:
    """The target, with the copy in the place of the real board, and invented credentials in that of the real ones."""
    settings: Mapping[str, Any] = app.settings
    secrets = {
        name: Secret(app.environ[value["env"]]) for name, value in settings.items() if isinstance(value, Mapping)
    }
    return replace(spec, settings=spec.connector.config.model_validate(settings), secrets=secrets)


def _command(settings: Settings, limits: Limits) -> Sequence[str]:
    """The run that was rehearsed, as one types it."""
    options = [("--force", each) for each in limits.force] + [("--recreate", each) for each in limits.recreate]
    if limits.max_requests is not None:
        options.append(("--max-requests", str(limits.max_requests)))
    if limits.max_seconds is not None:
        options.append(("--max-seconds", f"{limits.max_seconds:g}"))
    flat = [part for option in options for part in option]
    return ["mi-sync", "--config", str(settings.config), "run", *flat, *(["--adopt"] if limits.adopt else [])]
