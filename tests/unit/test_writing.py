"""Files that we make are there as a whole or not at all, and only their owner reads what may be about people."""

from __future__ import annotations

import ast
import errno
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mi_sync.cli import invoke, plain, show
from mi_sync.errors import ConfigError, MiSyncError, Unavailable
from mi_sync.writing import PRIVATE, SHARED, write_atomically, write_new

ROOT = Path(__file__).resolve().parents[2]
WRITERS: list[Callable[[Path, str], object]] = [write_atomically, write_new]


@pytest.fixture(autouse=True)
def _no_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_a_file_is_replaced_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "spring.plan"
    file.write_text("old", "utf-8")
    file.chmod(0o644)
    write_atomically(file, "Zoë\n")
    assert file.read_bytes() == "Zoë\n".encode()
    assert mode(file) == PRIVATE
    assert names(tmp_path) == ["spring.plan"]


def test_a_new_file_is_made_with_its_folders_and_what_is_there_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "mappings" / "ours.toml"
    assert write_new(file, "new")
    assert mode(file) == SHARED & ~0o022
    assert not write_new(file, "other")
    assert file.read_text("utf-8") == "new"
    assert names(file.parent) == ["ours.toml"]


def test_half_a_character_of_a_foreign_text_is_no_reason_to_fail(tmp_path: Path) -> None:
    write_atomically(tmp_path / "plan", "a\ud800b")
    assert (tmp_path / "plan").read_text("utf-8") == r"a\ud800b"


# ------------------------------------------------------------------------------- when it goes wrong

_DEADLY = """
import os, signal, sys
from pathlib import Path
from mi_sync import writing

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

owner, name = (os, "fsync") if sys.argv[2] == "fsync" else (Path, sys.argv[2])
setattr(owner, name, die)
getattr(writing, sys.argv[1])(Path(sys.argv[3]), "new " * 100_000)
"""


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_who_is_killed_in_the_middle_leaves_the_old_file(tmp_path: Path, moment: str) -> None:
    file = tmp_path / "plan"
    file.write_text("old", "utf-8")
    command = [sys.executable, "-c", _DEADLY, "write_atomically", moment, str(file)]
    assert subprocess.run(command, check=False, timeout=60).returncode == -signal.SIGKILL
    assert file.read_text("utf-8") == "old"
    write_atomically(file, "new")  # what the dead left is in nobody's way
    assert file.read_text("utf-8") == "new"


@pytest.mark.parametrize("moment", ["fsync", "hardlink_to"])
def test_who_is_killed_in_the_middle_leaves_no_half_new_file(tmp_path: Path, moment: str) -> None:
    file = tmp_path / "config.toml"
    command = [sys.executable, "-c", _DEADLY, "write_new", moment, str(file)]
    assert subprocess.run(command, check=False, timeout=60).returncode == -signal.SIGKILL
    assert not file.exists()
    assert write_new(file, "new")


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [(errno.ENOSPC, Unavailable, 5), (errno.EDQUOT, Unavailable, 5), (errno.EROFS, ConfigError, 2)],
)
def test_a_disk_that_takes_no_more_is_told_and_nothing_is_left_behind(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Path, str], object],
    number: int,
    kind: type[MiSyncError],
    code: int,
) -> None:
    def full(_: int) -> None:
        raise OSError(number, os.strerror(number))

    file = tmp_path / "plan"
    if write is write_atomically:
        file.write_text("old", "utf-8")
    before = names(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(kind, match=f"plan: it cannot be written: {os.strerror(number)}") as failed:
        write(file, "new")
    assert (failed.value.exit_code, names(tmp_path)) == (code, before)
    assert not file.exists() or file.read_text("utf-8") == "old"


def test_a_folder_that_is_not_there_or_is_a_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        write_atomically(tmp_path / "none" / "plan", "new")
    (tmp_path / "file").touch()
    for write in WRITERS:
        with pytest.raises(ConfigError, match=r"Not a directory|in the way"):
            write(tmp_path / "file" / "plan", "new")


def test_a_file_system_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(Path, "hardlink_to", none)
    assert write_new(tmp_path / "a", "new")
    assert not write_new(tmp_path / "a", "other")
    assert (tmp_path / "a").read_text("utf-8") == "new"
    assert names(tmp_path) == ["a"]


def test_who_comes_second_keeps_what_the_first_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a"
    fsync = os.fsync

    def slow(handle: int) -> None:
        file.write_text("of somebody quicker", "utf-8")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", slow)
    assert not write_new(file, "new")
    assert file.read_text("utf-8") == "of somebody quicker"


# ------------------------------------------------------------------------------------------ links


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs", "utf-8")
    link = tmp_path / "plan"
    link.symlink_to(theirs)
    assert not write_new(link, "new")
    write_atomically(link, "new")
    assert (theirs.read_text("utf-8"), link.read_text("utf-8"), link.is_symlink()) == ("theirs", "new", False)


def test_a_link_that_leads_nowhere_is_somebodys_too(tmp_path: Path) -> None:
    link = tmp_path / "config.toml"
    link.symlink_to(tmp_path / "none")
    assert not write_new(link, "new")
    assert not (tmp_path / "none").exists()


def test_what_is_no_regular_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "null").symlink_to(os.devnull)
    before = names(tmp_path)
    for name in before:
        with pytest.raises(ConfigError, match="no regular file"):
            write_atomically(tmp_path / name, "new")
    assert names(tmp_path) == before
    assert (tmp_path / "null").is_symlink()


# ------------------------------------------------------------------------------------ every file


def test_a_project_has_exports_for_their_owner_alone(tmp_path: Path) -> None:
    assert invoke(["init", str(tmp_path)]) == 0
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {file.suffix: mode(file) for file in files} == {".toml": 0o644, ".csv": PRIVATE}


def test_a_bug_is_told_also_where_no_log_can_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    monkeypatch.setattr(plain, "_hidden", {"t-456"})
    told = show.log_bug(ValueError("the token is t-456"))
    assert "no log file can be written" in told
    assert "ValueError: the token is …" in told


def test_a_sandbox_that_cannot_keep_its_boards_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert invoke(["sandbox", "--port", "0", "--state", str(tmp_path / "file" / "sandbox")]) == 2
    assert "it cannot be written" in capsys.readouterr().err


def test_the_demonstration_follows_no_link(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / ".mi-sync-demo").touch()
    (tmp_path / "demo").symlink_to(theirs)
    assert invoke(["demo", "--folder", str(tmp_path / "demo")]) == 2
    assert names(theirs) == [".mi-sync-demo"]


def written(path: Path) -> list[str]:
    """The calls of a module that may make or change a file."""
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    return [ast.unparse(call.func) for call in calls if _writes(call)]


def _writes(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "open" and ast.unparse(call.func) != "os.open":
        given = (*call.args[:2], *(keyword.value for keyword in call.keywords))
        modes = [str(arg.value) for arg in given if isinstance(arg, ast.Constant)]
        return any(re.fullmatch(r"[rb]*[wxa+][wxabt+]*", each) for each in modes)
    return name in {"open", "write_text", "write_bytes", "mkstemp", "NamedTemporaryFile", "copyfile"}


KNOWN = {
    "src/mi_sync/writing.py": "the one place",
    "src/mi_sync/state/sqlite.py": "the database, made empty and for its owner alone before SQLite opens it",
    "src/mi_sync/cli/github.py": "a job's summary, which belongs to the job and is added to",
    "src/mi_sync/cli/show.py": "the log of a bug, new under a name of its own",
    "src/mi_sync/cli/__init__.py": "the null device",
}


def test_every_file_is_written_in_one_place() -> None:
    files = [*(ROOT / "src").rglob("*.py"), *(ROOT / "connectors").rglob("*.py")]
    found = {path.relative_to(ROOT).as_posix() for path in files if written(path)}
    assert found == set(KNOWN)


def test_a_file_that_is_written_elsewhere_is_found(tmp_path: Path) -> None:
    for number, code in enumerate(
        ('open("a", "w")', 'p.open("xb")', "p.write_text('')", "os.open(p, 1)", 'p.open(mode="a")')
    ):
        (tmp_path / f"{number}.py").write_text(code, "utf-8")
        assert written(tmp_path / f"{number}.py")
    (tmp_path / "reads.py").write_text('p.open("rb"), open(p), source.open()', "utf-8")
    assert not written(tmp_path / "reads.py")
