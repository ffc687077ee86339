"""The local sandbox: every installed stand-in, served side by side on a loopback address."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from mi_sync.cli import Settings, logs, show
from mi_sync.cli.lobby import Door, Lobby
from mi_sync.connector import SANDBOXES, Sandbox, SandboxApp, SandboxOptions
from mi_sync.errors import ConfigError, ExitCode
from mi_sync.http import is_loopback
from mi_sync.writing import cannot_write

PORT = 8377
"""Where the sandbox is served unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Served:
    """A running sandbox server."""

    url: str
    apps: Mapping[str, SandboxApp]
    lobby: Lobby

    def page(self, name: str) -> str:
        """Where people look at the board of one tool."""
        return f"{self.url}{self.apps[name].page}"


def sandbox(settings: Settings, host: str, port: int, state: Path, rate_limit: int | None) -> ExitCode:
    """Serves until Ctrl-C or SIGTERM."""
    logs.start(settings)
    with until_stopped() as wait, serving(state, host=host, port=port, rate_limit=rate_limit) as served:
        _announce(settings, served)
        wait()
    return ExitCode.OK


@contextlib.contextmanager
def until_stopped() -> Iterator[Callable[[], object]]:
    """What waits for Ctrl-C, SIGTERM or a closed terminal, each of which from now on means its end and nothing else."""
    stop = threading.Event()

    def stopped(_: int, __: FrameType | None) -> None:
        stop.set()

    numbers = [signal.SIGINT, signal.SIGTERM]
    closed = getattr(signal, "SIGHUP", None)
    if closed is not None and signal.getsignal(closed) is signal.SIG_DFL:  # else it is ignored, as by nohup
        numbers.append(closed)
    before = {number: signal.signal(number, stopped) for number in numbers}
    try:
        yield stop.wait
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _announce(settings: Settings, served: Served) -> None:
    if settings.output == "json":
        apps = {
            name: {
                "page": served.page(name),
                "control": f"{served.url}{app.control}" if app.control else None,
                "settings": app.settings,
                "environ": app.environ,
            }
            for name, app in served.apps.items()
        }
        show.json_object({"url": served.url, "sandboxes": apps})
        return
    show.echo(f"Everything is linked from {served.url}/\n")
    for name, app in served.apps.items():
        show.echo(f"The {name} sandbox; look at its board at {served.page(name)}\n")
        show.echo("In the shell that runs mi-sync:")
        for variable, value in app.environ.items():
            show.echo(f"  export {variable}={value}")
        show.echo("\nIn config.toml:")
        for line in target_section(name, app).splitlines():
            show.echo(f"  {line}")
        show.echo()
    show.echo("Press Ctrl-C to stop.")


def target_section(name: str, app: SandboxApp) -> str:
    """The `[[targets]]` section that aims at the sandbox, named after what it aims at: several fit into one file."""
    lines = ["[[targets]]", f"name = {json.dumps(next(iter(app.settings)))}", f"connector = {json.dumps(name)}"]
    for key, value in app.settings.items():
        text = f'{{ env = "{value["env"]}" }}' if isinstance(value, Mapping) else json.dumps(value)
        lines.append(f"{key} = {text}")
    return "\n".join(lines)


@contextlib.contextmanager
def serving(state: Path, *, host: str = "127.0.0.1", port: int = 0, rate_limit: int | None = None) -> Iterator[Served]:
    """All installed sandboxes, served for as long as the context lasts.

    Raises:
        ConfigError: the address is no loopback address or is taken, or the extra is not installed.
    """
    with listening(host, port) as stage:
        apps = {it.name: stage.mount(it, it.open, state / it.name, rate_limit) for it in installed()}
        yield Served(stage.url, apps, stage.lobby)


@contextlib.contextmanager
def listening(host: str = "127.0.0.1", port: int = 0) -> Iterator[Stage]:
    """A server in a thread of its own, for as long as the context lasts.

    Raises:
        ConfigError: as `serving`.
    """
    _check_loopback(host)
    try:
        from werkzeug.serving import WSGIRequestHandler, make_server
    except ImportError:
        raise ConfigError(
            "the sandbox is an extra that is not installed.", remedy="pip install 'mi-sync[sandbox]'"
        ) from None

    class Quiet(WSGIRequestHandler):
        """Our own log says enough."""

        def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002, ANN401  werkzeug's signature
            """Says nothing."""

    dispatcher = _Dispatcher()
    try:
        server = make_server(host, port, dispatcher, threaded=True, request_handler=Quiet)
    except (OSError, SystemExit) as error:
        raise ConfigError(
            f"port {port} of {host} cannot be used: {error}.", remedy="--port 0 takes a free one."
        ) from None
    with contextlib.closing(server.socket):
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield Stage(f"http://{host}:{server.server_port}", dispatcher)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@dataclass(frozen=True, slots=True)
class Stage:
    """A server at `url`, on which sandboxes are mounted."""

    url: str
    _dispatcher: _Dispatcher

    @property
    def lobby(self) -> Lobby:
        """The pages that lead to what is mounted."""
        return self._dispatcher.lobby

    def mount(
        self, it: Sandbox, opened: Callable[[SandboxOptions], SandboxApp], state: Path, rate_limit: int | None
    ) -> SandboxApp:
        """Serves a sandbox, as `opened` opens it, below its own paths.

        Raises:
            ConfigError: its files cannot be kept in `state`.
        """
        options = SandboxOptions(state, self.url, lambda: datetime.now(UTC), rate_limit)
        try:
            app = opened(options)
        except OSError as error:
            raise cannot_write(error, options.state) from None
        self._dispatcher.mounts.update((prefix, app.wsgi) for prefix in it.prefixes)
        door = Door(it.name.capitalize(), app.page, app.control, target_section(it.name, app), app.environ)
        self.lobby.doors.append(door)
        return app


def installed() -> list[Sandbox]:
    """The sandboxes that are installed and can be loaded, in their own order.

    Raises:
        ConfigError: one of ours cannot, for want of the extra.
    """
    found = []
    for entry in entry_points(group=SANDBOXES):
        loaded = entry.load()
        if isinstance(loaded, Sandbox):
            found.append(loaded)
    return sorted(found, key=lambda it: (it.order, it.name))


def _check_loopback(host: str) -> None:
    if is_loopback(host):
        return
    raise ConfigError(
        f"{host} is no loopback address.", where="--host", remedy="The sandbox is for this machine alone: 127.0.0.1."
    )


class _Dispatcher:
    """Sends a request to the application whose prefix is the longest that fits, and what fits none to the lobby."""

    def __init__(self) -> None:
        self.mounts: dict[str, Callable[..., Iterable[bytes]]] = {}
        self.lobby = Lobby()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not _is_of_this_machine(environ):
            return _plain(start_response, "403 Forbidden", b"The sandbox is for this machine alone.")
        path = str(environ.get("PATH_INFO", ""))
        fitting = [p for p in self.mounts if path == p or path.startswith(f"{p.rstrip('/')}/")]
        if fitting:
            return self.mounts[max(fitting, key=len)](environ, start_response)
        return self.lobby(environ, start_response)


def _is_of_this_machine(environ: Mapping[str, Any]) -> bool:
    """Whether it was meant for a loopback address and no page from elsewhere sends it.

    A web page that somebody visits meanwhile can reach a server on their machine, and read from it under a name of its
    own that leads here (DNS rebinding). A rehearsal keeps a copy of a real board.
    """
    addresses = [f"//{environ.get('HTTP_HOST', '')}", *filter(None, [environ.get("HTTP_ORIGIN")])]
    try:
        return all(is_loopback(urlsplit(each).hostname or "") for each in addresses)
    except ValueError:
        return False


def _plain(start_response: Callable[..., Any], status: str, body: bytes) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
