"""A run that a dead man's switch watches: pinged at its start and its end, however it ends."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mi_sync import config as configuration
from mi_sync.cli import Settings, logs, plain, session
from mi_sync.errors import STATUSES, ExitCode, MiSyncError
from mi_sync.http import Wire
from mi_sync.pings import Pings

if TYPE_CHECKING:
    from mi_sync import events


class Watch:
    """What `[schedule] ping` asks for; nothing where it asks for nothing."""

    def __init__(self, settings: Settings) -> None:
        logs.start(settings)
        self.result: events.Result | None = None
        self._pings: Pings | None = None
        reference = configuration.find_ping(settings.config)
        if reference is None:
            return
        url, why = configuration.resolve(reference)
        plain.hide([url])
        if url:
            self._pings = Pings(url, Wire(**session.WIRE))
        else:
            logs.warn(f"nothing is pinged, because {why}")

    def start(self) -> None:
        """The run holds the lock and begins."""
        if self._pings is not None:
            self._pings.start()

    def end(self, code: ExitCode) -> None:
        """The run is over; a signal does not end us while this is told."""
        if self._pings is not None:
            with _deaf():
                self._pings.end(code, _told(code, self.result))


@contextlib.contextmanager
def watched(settings: Settings) -> Iterator[Watch]:
    """Tells the switch about a run that ends with an error, too; one that does not is told of by `Watch.end`."""
    watch = Watch(settings)
    try:
        yield watch
    except MiSyncError as error:
        watch.end(error.exit_code)
        raise
    except KeyboardInterrupt:
        watch.end(ExitCode.INTERRUPTED)
        raise
    except Exception:
        watch.end(ExitCode.UNEXPECTED)
        raise


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """SIGTERM waits for the seconds that a ping takes: the run is over, and its exit code stands."""
    try:
        before = signal.signal(signal.SIGTERM, lambda *_: None)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _told(code: ExitCode, result: events.Result | None) -> str:
    """The body of the last ping: counts and no names, because it leaves this machine for another company's."""
    lines = [f"mi-sync: {STATUSES[code]} (exit code {int(code)})"]
    if result is not None:
        lines.append(f"run: {result.run_id}")
        lines.append(f"sources: {_sums(result.counts['sources'])}")
        lines.append(f"targets: {_sums(result.counts['targets'])}")
        lines.append(f"problems: {len(result.problems) + result.problems_beyond}")
    return "\n".join(lines)


def _sums(counts: Mapping[str, Mapping[str, Any]]) -> str:
    names = [name for name in next(iter(counts.values()), {}) if name != "complete"]
    return ", ".join(f"{sum(each[name] for each in counts.values())} {name}" for name in names) or "none"
