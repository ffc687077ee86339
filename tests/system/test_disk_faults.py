"""What disks, rights, other programs and closed terminals do to a run: never a bug, never a second item.

`docs/faults.md` lists the faults and names the tests of each.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest
import requests

from faulty import Desk, Meddler, Send, Tool
from mi_sync.state import Store, sqlite
from mi_sync.state.sqlite import Sqlite
from programme import Finished

pytestmark = pytest.mark.system


@pytest.fixture
def mortal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run says that it is a process that is no more: a run that could not give its lock back has ended."""
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    monkeypatch.setattr(os, "getpid", lambda: int(gone.stdout))


ON_TRELLO = pytest.mark.parametrize("tool", ["trello"], indirect=True)


# ---------------------------------------------------------------------------------------------- the state


def opened_with(monkeypatch: pytest.MonkeyPatch, do: Callable[[sqlite3.Connection], object]) -> None:
    """Lets something be done to every connection to the state."""
    opening = Store.open

    def opened(path: Path, programme: str) -> Store:
        store = opening(path, programme)
        assert isinstance(store._db, Sqlite)
        do(store._db.connection)
        return store

    monkeypatch.setattr(Store, "open", opened)


def limited(room: int) -> Callable[[sqlite3.Connection], None]:
    def limit(db: sqlite3.Connection) -> None:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages + room}")

    return limit


@pytest.mark.parametrize("room", [0, 5, 6, 7, 8, 9, 10, 11, 12])
def test_a_disk_that_is_full_at_any_moment_costs_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    desk.engage(3)
    desk.project.edit("jobs.csv", "Text.", "word " * 600)
    with monkeypatch.context() as patch:
        opened_with(patch, limited(room))
        told = desk.attempt()
    assert told["exit_code"] in {0, 2, 3}
    if told["exit_code"]:
        assert "database or disk is full. Make room or mend the disk, and run again" in desk.why(told)
    desk.converges(6)


@ON_TRELLO
@pytest.mark.parametrize("size", [50_000, 150_000, 200_000, 250_000])
def test_a_file_that_cannot_grow_is_told(desk: Desk, size: int) -> None:
    """A quota, for real: the system itself refuses to write."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"
    ended = desk.project.start(
        "run", "--output", "json", program=("-c", f"{limit}; from mi_sync.cli import main; main()")
    )
    assert ended.code in {2, 3}
    assert "state.db" in ended.out
    assert "Traceback" not in ended.err
    assert "bug" not in ended.err
    desk.converges(2)


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Another program in the middle of a transaction."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@ON_TRELLO
def test_a_database_that_another_program_holds_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.run()
    monkeypatch.setattr(sqlite, "BUSY", 0.05)
    with held(desk.project.folder / "state.db"):
        told = desk.run(code=7)
        assert "another process has held the state for more than 0.05 seconds. End it" in desk.why(told)
        assert desk.start("status").code == 0
        assert desk.start("plan").code == 0
    desk.converges(2)


@pytest.mark.usefixtures("mortal")
@pytest.mark.parametrize(("after", "code"), [(0, 7), (1, 3)])
def test_a_database_that_another_program_takes_in_the_middle_is_told_and_what_was_done_counts(
    desk: Desk, tool: Tool, monkeypatch: pytest.MonkeyPatch, after: int, code: int
) -> None:
    monkeypatch.setattr(sqlite, "BUSY", 0.05)
    with contextlib.ExitStack() as other:

        def take(_: requests.PreparedRequest, send: Send) -> requests.Response:
            other.enter_context(held(desk.project.folder / "state.db"))
            return send()

        told = desk.run(code=code, transport=Meddler("POST", tool.creation, take, after=after))
    assert told["targets"][tool.target]["created"] == after
    assert len(tool.all()) == after + 1  # the last was made, and could not be recorded
    assert "another process has held the state" in desk.why(told)
    desk.converges(2)


@ON_TRELLO
def test_a_new_database_that_another_program_holds_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY", 0.05)
    with held(desk.project.folder / "state.db"):
        assert "End it" in desk.why(desk.run(code=7))
    desk.converges(2)


@ON_TRELLO
def test_a_folder_in_which_nothing_can_be_made_is_told(desk: Desk) -> None:
    before = (desk.project.folder / "config.toml").read_text("utf-8")
    desk.project.edit(
        "config.toml",
        '[[sources]]\nname = "jobs"',
        '[state]\nurl = "sqlite:////proc/x/state.db"\n\n[[sources]]\nname = "jobs"',
    )
    told = desk.run(code=2)
    assert "/proc/x/state.db: the state cannot be opened" in desk.why(told)
    assert "Check [state] url and the file's rights." in desk.why(told)
    assert desk.tool.server.requests == []
    desk.project.write("config.toml", before)
    desk.converges(2)


@ON_TRELLO
def test_a_state_that_may_not_be_written_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.run()
    with monkeypatch.context() as patch:
        opened_with(patch, lambda db: db.execute("PRAGMA query_only = ON"))
        told = desk.run(code=2)
    assert "readonly database. Check the rights of the file and its folder" in desk.why(told)
    desk.converges(2)


@pytest.mark.usefixtures("mortal")
def test_a_state_that_may_no_longer_be_written_is_told_and_what_was_done_counts(
    desk: Desk, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_now: list[sqlite3.Connection] = []

    def close_it(_: requests.PreparedRequest, send: Send) -> requests.Response:
        open_now[0].execute("PRAGMA query_only = ON")
        return send()

    with monkeypatch.context() as patch:
        opened_with(patch, open_now.append)
        told = desk.run(code=3, transport=Meddler("POST", tool.creation, close_it, after=1))
    assert told["targets"][tool.target]["created"] == 1
    assert len(tool.all()) == 2
    desk.converges(2)


@ON_TRELLO
@pytest.mark.parametrize("sound", [0.3, 0.5, 0.9])
def test_a_state_that_is_damaged_is_told(desk: Desk, sound: float) -> None:
    desk.run()
    database = desk.project.folder / "state.db"
    whole = database.read_bytes()
    database.write_bytes(whole[: int(len(whole) * sound)].ljust(len(whole), b"\0"))
    told = desk.run(code=2)
    assert "malformed" in desk.why(told)
    assert "mi-sync check" in desk.why(told)
    database.write_bytes(whole)
    desk.converges(2)


# ---------------------------------------------------------------------------------------------- our files


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is written reaches the disk."""

    def no_room(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_room)


@ON_TRELLO
@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("plan", "--out", "spring.plan"), "spring.plan"),
        (("quarantine", "list", "--export", "rows.csv"), "rows.csv"),
        (("inspect", "jobs.csv", "--write", "ours.toml"), "ours.toml"),
        (("init", "new"), "new"),
    ],
)
@pytest.mark.usefixtures("full")
def test_a_file_that_does_not_fit_on_the_disk_is_told_and_no_part_of_it_stays(
    desk: Desk, command: tuple[str, ...], name: str
) -> None:
    before = set(desk.project.folder.rglob("*"))
    ended = desk.start(*command)
    assert ended.code == 5
    assert "it cannot be written: No space left on device. Make room on the disk" in ended.err
    after = set(desk.project.folder.rglob("*")) - before
    assert {path for path in after if path.is_file() and not path.name.startswith("state.db")} == set()
    assert name in ended.err


@ON_TRELLO
def test_a_bug_on_a_full_disk_is_still_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from mi_sync.cli import invoke, show

    def no_room(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def bug(*_: object) -> None:
        raise LookupError

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", no_room)
    monkeypatch.setattr(show, "history", bug)
    assert invoke(["history"]) == 1
    told = desk.capsys.readouterr().err
    assert "this is a bug in mi-sync (LookupError)" in told
    assert "no log file can be written (No space left on device)" in told


# -------------------------------------------------------------------------------------- who listens to us


def run_in_shell(desk: Desk, redirection: str, *arguments: str, **environ: str) -> Finished:
    """`mi-sync`, with its streams redirected by a shell."""
    return desk.project.start(*arguments, program=("-c", _SHELL, redirection), **environ)


_SHELL = (
    "import os, sys; os.execv('/bin/sh', ['sh', '-c', 'exec \"$0\" -m mi_sync \"$@\" ' + sys.argv[1],"
    " sys.executable, *sys.argv[2:]])"
)


@ON_TRELLO
@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams_change_nothing(desk: Desk, redirection: str) -> None:
    ended = run_in_shell(desk, redirection, "run", "--output", "json", "-vv")
    assert (ended.code, "Traceback" in ended.err) == (0, False)
    if ">&-" not in redirection.split():
        assert ended.json()["targets"]["board"]["created"] == 2
    assert (desk.project.folder / "state.db").read_bytes().startswith(b"SQLite format 3\0")
    desk.converges(2)


@ON_TRELLO
@pytest.mark.parametrize("output", ["text", "json"])
def test_an_output_that_is_full_is_told_and_the_work_is_done(desk: Desk, output: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    ended = run_in_shell(desk, ">/dev/full", "run", "--output", output)
    assert ended.code == 2
    assert ended.err.splitlines()[-1].endswith(
        "output or a temporary file cannot be written: No space left on device."
        " Make room, and run again; `mi-sync history` tells what was done."
    )
    assert "Traceback" not in ended.err
    assert len(desk.tool.all()) == 2
    assert run_in_shell(desk, "2>/dev/full", "run", "--output", output, "-vv").code == 0
    desk.converges(2)


@ON_TRELLO
@pytest.mark.parametrize("output", ["text", "json"])
def test_a_reader_that_goes_away_changes_neither_the_work_nor_the_exit_code(desk: Desk, output: str) -> None:
    desk.project.edit("people.csv", "accepted", "promoted")
    desk.project.write(
        "people.csv", (desk.project.folder / "people.csv").read_text() + "S-2,Bo Li,b@s.example,P-1,accepted\n"
    )
    command = [sys.executable, "-m", "mi_sync", "run", "--output", output, "-vv"]
    environ = {**os.environ, **desk.project.server.environ}
    with subprocess.Popen(
        command, cwd=desk.project.folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        for stream in (running.stdout, running.stderr):
            _close(stream)
        assert running.wait(timeout=60) == 3
    assert len(desk.tool.all()) == 2
    (last,) = desk.start("history", "--output", "json").json()["runs"]
    assert (last["exit_code"], last["targets"]["board"]["created"]) == (3, 2)


def _close(stream: IO[Any] | None) -> None:
    assert stream is not None
    stream.close()
