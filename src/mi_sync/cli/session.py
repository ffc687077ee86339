"""What every command needs: configuration, state, signals, the record of the run, and the way out."""

from __future__ import annotations

import contextlib
import logging
import secrets
import signal
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from mi_sync import config as configuration
from mi_sync import events, opening
from mi_sync.cli import Settings, forget_readers, logs, plain, show
from mi_sync.errors import STATUSES, ExitCode, MiSyncError
from mi_sync.http import Budget, Wire, steady
from mi_sync.leases import Clock
from mi_sync.state import Server, Store

if TYPE_CHECKING:
    from types import FrameType

    from mi_sync.connector import Board, Publisher
    from mi_sync.plan import Plan

T = TypeVar("T")
log = logging.getLogger(__name__)

WIRE: dict[str, Any] = {}
"""What tests put into `http.Wire` to break the connection, or not to wait."""


class Interrupted(MiSyncError):
    """A signal asked us to stop; what was in hand has been recorded."""

    exit_code = ExitCode.INTERRUPTED


class Terminated(Interrupted):
    """The same, by SIGTERM."""

    exit_code = ExitCode.TERMINATED


class Session:
    """One invocation of a command that works on a programme."""

    def __init__(self, settings: Settings, *, with_secrets: bool = False, budget: Budget | None = None) -> None:
        self.settings = settings
        self._signal = 0
        self._code = ExitCode.UNEXPECTED
        logs.start(settings)
        self.config = configuration.load(settings.config, with_secrets=with_secrets)
        plain.hide(secret.reveal() for target in self.config.targets for secret in target.secrets.values())
        if isinstance(self.config.state, Server) and (password := self.config.state.password):
            plain.hide([password.reveal()])
        self._locked_store: Store | None = None
        outside = {
            "sleep": self._sleep,
            "budget": budget or Budget(),
            "before_sending": self._keep_lock,
            "take_turn": self._take_turn,
        }
        wire = Wire(**{**outside, **WIRE})
        self.clock = Clock(wire.now, wire.monotonic)
        wire = replace(wire, now=steady(wire.now, wire.monotonic))
        self.outside = events.Outside(wire=wire, stopping=lambda: bool(self._signal))
        self.result = events.Result(_run_id(self.outside))
        logs.name_run(self.result.run_id)

    # -- running ------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def recorded(self, command: str, began: Callable[[], None] = lambda: None) -> Iterator[events.Run]:
        """A run on the store, which is locked, with its place in the history however it ends.

        `began` is called once it has the lock.

        An expected error ends the run and becomes part of its result: what was done before it still counts.
        """
        store = Store.open(self.config.state, self.config.programme.id)
        with contextlib.closing(store), store.telling(), self._locked(store, command), self._signals():
            store.start_run(self.result.run_id, command, self.outside.now())
            logs.began(command)
            began()
            try:
                with self._ending(), store.telling():
                    yield self._run(store)
            finally:
                self._name_titles(store)
                self._end(store)
                logs.ended(command, self.result, self._code)

    @contextlib.contextmanager
    def _ending(self) -> Iterator[None]:
        """An expected error ends the run and becomes part of its result."""
        try:
            with contextlib.suppress(BrokenPipeError):  # nobody reads on, after the work is done
                yield
            self._code = self.result.exit_code
        except MiSyncError as error:
            self._end_early(error)
        except KeyboardInterrupt:
            self._code = ExitCode.INTERRUPTED
            raise

    def _end_early(self, error: MiSyncError) -> None:
        """What was done before still counts, but for a signal, which is told as such."""
        partly = self.result.applied and not isinstance(error, Interrupted)
        self._code = ExitCode.PARTIAL if partly else error.exit_code
        self.result.note(*error.all_problems())

    def _end(self, store: Store) -> None:
        """Its place in the history; where that cannot be stored, what the run did is told all the same."""
        outcome = show.result_as_json(self.result, self._code)
        try:
            with store.telling():
                store.end_run(self.result.run_id, self.outside.now(), STATUSES[self._code], int(self._code), outcome)
        except MiSyncError as error:
            self._end_early(error)

    @contextlib.contextmanager
    def _locked(self, store: Store, command: str) -> Iterator[None]:
        """Nobody else works on the programme meanwhile; before each request it is made sure that this is still so."""
        with store.lock(*(spec.name for spec in self.config.targets), command=command, clock=self.clock):
            self._locked_store = store
            try:
                yield
            finally:
                self._locked_store = None

    def _keep_lock(self) -> None:
        if self._locked_store is not None:
            self._locked_store.keep_lock()

    def _take_turn(self, token: str, limit: int, seconds: float) -> float:
        """A request's turn among all who share the state; a copy of it is shared with nobody."""
        return 0.0 if self._locked_store is None else self._locked_store.take_turn(token, limit, seconds)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[events.Run]:
        """A run on a throw-away copy of the store, for commands that write nothing."""
        store = Store.scratch(self.config.state, self.config.programme.id)
        with contextlib.closing(store), store.telling(), self._signals():
            yield self._run(store)
            self._name_titles(store)

    @contextlib.contextmanager
    def rehearsed(self) -> Iterator[events.Run]:
        """As `scratch`, and it ends as one that is recorded does."""
        with self.scratch() as run, self._ending():
            yield run

    def _name_titles(self, store: Store) -> None:
        """A log for machines tells problems by key; what people read has titles."""
        if self.settings.log_format == "json" and self.result.problems:
            logs.know(self._run(store))

    def _run(self, store: Store) -> events.Run:
        return events.Run(self.config, store, self.outside, self.result)

    def tell(self, story: Generator[events.Event, None, T]) -> T:
        """Runs a part of the story to its end, shows its events, and stops between two of them when asked to."""
        with show.progress(self.settings) as shown, contextlib.closing(story):
            while True:
                try:
                    event = next(story)
                except StopIteration as end:
                    self._stop_if_asked()
                    value: T = end.value
                    return value
                shown(event)
                self._stop_if_asked()

    @property
    def code(self) -> ExitCode:
        """How the recorded run ended."""
        return self._code

    def boards(self) -> dict[str, Board]:
        """The boards of all targets; contacts nobody yet."""
        return {spec.name: opening.open_board(spec, self.config, self.outside.wire) for spec in self.config.boards}

    def publishers(self, store: Store) -> dict[str, Publisher]:
        """The publishers of all targets, with what they remember; contacts nobody yet."""
        wire, specs = self.outside.wire, self.config.publishers
        return {spec.name: opening.open_publisher(spec, self.config, wire, store.memory(spec.name)) for spec in specs}

    def finish(self, code: ExitCode | None = None, *, plan: Plan | None = None, printed: bool = False) -> ExitCode:
        """Prints the result, or what the plan would do, and returns the exit code (by default the recorded run's).

        `printed` leaves it at the problems, where the command has printed its own result.
        """
        code = self._code if code is None else code
        try:
            if printed:
                show.problems(self.settings, self.result)
            else:
                show.outcome(self.settings, self.result, code, plan=plan)
        except BrokenPipeError:  # nobody reads it; the outcome stays what it is
            forget_readers()
        return code

    # -- signals ------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """The first signal stops us after the change in hand; a second Ctrl-C at once."""
        before: dict[int, Any] = {}
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                before[number] = signal.signal(number, self._signalled)
        except ValueError:
            log.debug("not in the main thread: signals are left alone")
        try:
            yield
        finally:
            for restored, handler in before.items():
                signal.signal(restored, handler)

    def _signalled(self, number: int, _: FrameType | None) -> None:
        if self._signal and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._signal = number

    def _stop_if_asked(self) -> None:
        if self._signal:
            kind = Terminated if self._signal == signal.SIGTERM else Interrupted
            raise kind("stopped by a signal; what was in hand is recorded, and the next run goes on from here.")

    def _sleep(self, seconds: float) -> None:
        """Sleeps; nothing is on its way meanwhile, so that a signal may end it."""
        until = time.monotonic() + seconds
        while not self._signal and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.25))
        self._stop_if_asked()


def _run_id(outside: events.Outside) -> str:
    """Sorts by time, and is unique."""
    return f"{outside.wire.now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
