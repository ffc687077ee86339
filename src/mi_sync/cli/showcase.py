"""The main job, shown from start to end with the real commands, against the local sandbox."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import tomllib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from mi_sync.cli import Settings, logs, project, reporting, serve, show
from mi_sync.cli.lobby import Exhibit, Lobby
from mi_sync.errors import ConfigError, ExitCode, Refused
from mi_sync.writing import write_atomically, write_new

_RATE_LIMIT = 3000
"""Higher than any real tool's: the demonstration shows what is written, not how long one waits."""

_PEOPLE = """\
[people] # e-mail in the exports -> member of the board
"kim.duarte@example.org" = { board = "kim_duarte" }
"priya.nair@greenfork.example" = { board = "priya_nair" }
"jonas.lind@rivershelter.example" = { board = "jonas_lind" }
"amara.osei@larkspur.example" = { board = "amara_osei" }"""
"""The invented members of the sandbox's board."""

_EXHIBITS = (
    ("report", "Report", "The programme on one page, to read, print or send.", reporting.NAME),
    ("calendar", "Calendar", "Every date of every milestone, for any calendar.", "shown/calendar.ics"),
    ("table", "Table", "How far each engagement has come, for any spreadsheet.", "shown/table.csv"),
)
"""What the project writes beside its boards: name, title, what it is, and where (see samples/shown.toml)."""

_MARK = ".mi-sync-demo"
"""The file that says that a folder may be made anew."""


def demo(settings: Settings, folder: Path, *, stay: bool) -> ExitCode:
    """Makes the sample project, runs it, and shows where to look."""
    logs.start(settings)
    _make_room(folder)
    with _sandbox(folder / "sandbox") as served:
        if not served.apps:
            raise ConfigError("no sandbox is installed.", remedy="pip install 'mi-sync[sandbox]'")
        targets = [serve.target_section(name, app) for name, app in served.apps.items()]
        text = "\n\n".join((*targets, project.sample("shown.toml").rstrip()))
        project.create(folder, {"ID": "demo-programme", "NAME": "Demo programme", "PEOPLE": _PEOPLE, "TARGET": text})
        _furnish(served.lobby, folder)
        stage = _Stage(folder, served, settings)
        code = _show(stage, served)
        if code is ExitCode.OK:
            _end(settings, stage, served, stay=stay)
    return code


def _furnish(lobby: Lobby, folder: Path) -> None:
    """Shows the project's files beside the boards, as soon as they are there."""
    programme = tomllib.loads((folder / "config.toml").read_text("utf-8"))["programme"]
    lobby.timezone, lobby.project = ZoneInfo(programme["timezone"]), str(folder)
    lobby.exhibits = tuple(Exhibit(name, title, about, folder / file) for name, title, about, file in _EXHIBITS)


def _sandbox(state: Path) -> AbstractContextManager[serve.Served]:
    """At the usual address, so that `mi-sync sandbox` serves the same boards again later; else at a free one."""
    try:
        socket.create_server(("127.0.0.1", serve.PORT)).close()
    except OSError:
        return serve.serving(state, rate_limit=_RATE_LIMIT)
    return serve.serving(state, port=serve.PORT, rate_limit=_RATE_LIMIT)


def _make_room(folder: Path) -> None:
    """An earlier demonstration is removed; anything else is not ours to touch."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).exists():
            raise Refused(
                "there is something in this folder that no demonstration made.",
                where=str(folder),
                remedy="Name another with --folder.",
            )
        _remove(folder)
    write_new(folder / _MARK, "")


def _remove(folder: Path) -> None:
    """Removes a folder; a link to one is not followed."""
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise ConfigError(
            f"the earlier demonstration cannot be removed: {error.strerror or error}.",
            where=str(folder),
            remedy="Name another with --folder.",
        ) from None


class _Stage:
    """Runs commands in the sample project and shows them as typed."""

    def __init__(self, folder: Path, served: serve.Served, settings: Settings) -> None:
        self.folder = folder
        # With --output json, stdout is for the one object at the end.
        self._stage = sys.stderr if settings.output == "json" else sys.stdout
        self.commands: list[dict[str, Any]] = []
        self._environ = dict(os.environ)
        for app in served.apps.values():
            self._environ.update(app.environ)
        self._environ.pop("MI_SYNC_CONFIG", None)
        if settings.no_color:
            self._environ["NO_COLOR"] = "1"

    def say(self, text: str) -> None:
        click.secho(f"\n# {text}", bold=True, file=self._stage)

    def run(self, *arguments: str, expect: ExitCode = ExitCode.OK) -> bool:
        """One real command; False when it does not end as it should."""
        click.echo(f"$ mi-sync {' '.join(arguments)}", file=self._stage)
        self._stage.flush()
        command = [sys.executable, "-m", "mi_sync", *arguments]
        ended = subprocess.run(  # noqa: S603  our own command line
            command, cwd=self.folder, env=self._environ, stdout=self._stage, check=False
        )
        self.commands.append({"command": list(arguments), "exit_code": ended.returncode})
        if ended.returncode != expect:
            click.echo(f"This should have ended with {int(expect)}, and ended with {ended.returncode}.", err=True)
        return ended.returncode == expect


def _show(stage: _Stage, served: serve.Served) -> ExitCode:
    stage.say(f"Watch it in a browser: {served.url}/")
    boards = "two boards" if len(served.apps) > 1 else "a board"
    stage.say(f"A posting export, an applicant export, and {boards} with nothing of ours on. First run:")
    ok = stage.run("run", expect=ExitCode.PARTIAL)
    stage.say("It ended with 3 because a row was left out. Which, and why?")
    ok = ok and stage.run("quarantine", "list")
    stage.say("Run it again: nothing changed, so nothing is written.")
    ok = ok and stage.run("run")
    stage.say("The address of one posting changes in the export. One card of each board shows it, and has to change.")
    _edit(
        stage.folder / "exports" / "postings.csv", "jobs.example.org/p-102", "jobs.example.org/p-102-clean-donor-list"
    )
    ok = ok and stage.run("run", "--dry-run") and stage.run("run")
    stage.say("What needs a manager's eye?")
    ok = ok and stage.run("status")
    stage.say("And the programme on one page, to read, print or send:")
    ok = ok and stage.run("report")
    return ExitCode.OK if ok else ExitCode.UNEXPECTED


def _edit(path: Path, before: str, after: str) -> None:
    write_atomically(path, path.read_bytes().decode("utf-8").replace(before, after))


def _end(settings: Settings, stage: _Stage, served: serve.Served, *, stay: bool) -> None:
    if settings.output == "json":
        pages = {name: served.page(name) for name in served.apps}
        show.json_object(
            {
                "url": f"{served.url}/",
                "board": next(iter(pages.values())),
                "boards": pages,
                **{it.name: str(it.file) for it in served.lobby.exhibits},
                "folder": str(stage.folder),
                "commands": stage.commands,
            }
        )
        return
    stage.say("Look at all of it, from one page:" if stay else "Look at what came of it:")
    for line in _places(served, stay=stay):
        click.echo(f"  {line}")
    click.echo(f"The project is in {stage.folder}{os.sep}, which the next demonstration makes anew.")
    if stay:
        click.echo("Press Ctrl-C to end the demonstration and its sandbox.")
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
        click.echo()
    port = served.url.rpartition(":")[2]
    click.echo(f"`mi-sync sandbox --state {stage.folder / 'sandbox'} --port {port}` serves the boards again.")


def _places(served: serve.Served, *, stay: bool) -> list[str]:
    """Where everything is: in the browser, and as files."""
    boards = [f"{served.page(name)}  ({name})" for name in served.apps]
    files = [str(it.file) for it in served.lobby.exhibits]
    return [f"{served.url}/", *boards, *files] if stay else [*boards, *files]
