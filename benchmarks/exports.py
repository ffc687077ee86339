"""The files that are read, made once and kept; and who reads them, ourselves and the peers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.applicants import Variant
from benchmarks.measuring import Bench, Command, Failed, Spent, our_cli, spend

PEERS = Path(__file__).with_name("peers")
ROOT = Path(__file__).parents[1]

CONFIG = """\
[programme]
id = "benchmark-7f3k9q"
name = "Benchmark"
timezone = "America/Chicago"

[state]
url = "sqlite:///state.db"

[[sources]]
name = "students"
connector = "files"
path = "exports/students.{ending}"
mapping = "handshake_student_import"
complete = true
"""


def export(bench: Bench, variant: Variant, rows: int, ending: str = "csv") -> Path:
    """The file of this variant, made by a process of its own: ours has to stay small while it measures others."""
    path = bench.work / "exports" / f"{variant}-{rows}.{ending}"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_name(f"half-{path.name}")
        made = [sys.executable, "-m", "benchmarks.applicants", "--rows", str(rows), "--variant", variant, str(half)]
        subprocess.run(made, check=True, cwd=ROOT)  # noqa: S603  our own command
        half.rename(path)
    return path


class Reader:
    """Someone who reads exports into a store of their own, again and again."""

    keeps = True
    """Whether it has a store, so that what was read before matters."""

    def __init__(self, name: str, folder: Path, *, ending: str = "csv") -> None:
        self.name = name
        self._folder = folder / "store"
        self._kept = folder / "kept"
        self._export = folder / f"students.{ending}"
        self._folder.mkdir(parents=True)

    def begin(self) -> None:
        """Forgets all that was read."""
        for path in (self._folder, self._kept):
            shutil.rmtree(path, ignore_errors=True)
        self._folder.mkdir()

    def keep(self) -> None:
        """Remembers the store as it is now."""
        shutil.copytree(self._folder, self._kept)

    def go_back(self) -> None:
        """Puts the store back as it was remembered, for the next step."""
        shutil.rmtree(self._folder)
        shutil.copytree(self._kept, self._folder)

    def read(self, path: Path) -> Spent:
        """One read of an export, as a whole process."""
        put(path, self._export)
        return spend(self._command(self._export))

    def _command(self, path: Path) -> Command:
        raise NotImplementedError


def put(path: Path, place: Path) -> None:
    """Puts a file where it is read from. A copy, and written out, so that nobody finds the disk busy with it."""
    place.parent.mkdir(exist_ok=True)
    shutil.copyfile(path, place)
    with place.open("rb") as file:
        os.fsync(file.fileno())


class Ourselves(Reader):
    """`mi-sync pull`, with a configuration and all of its safety."""

    def __init__(self, folder: Path, *, ending: str = "csv") -> None:
        super().__init__("mi-sync", folder, ending=ending)
        self._ending = ending
        self._export = self._folder / "exports" / f"students.{ending}"

    def begin(self) -> None:
        """Also writes the configuration."""
        super().begin()
        (self._folder / "config.toml").write_text(CONFIG.format(ending=self._ending), "utf-8")

    def check(self, bad: int) -> None:
        """That the last read told of so many bad rows: who is fast because they are not reported again is not fast.

        Raises:
            Failed: it told of others.
        """
        told = self._folder.with_name(f"{self._folder.name}.log").read_text("utf-8")
        line = next((line for line in told.splitlines() if line.startswith("students ")), "")
        if str(bad) not in line.split():
            raise Failed(f"mi-sync did not report {bad} bad rows again, but said: {line or told[-500:]}")

    def _command(self, path: Path) -> Command:  # noqa: ARG002  the configuration names it
        return Command([*our_cli(), "pull"], self._folder, codes=frozenset({0, 3}))  # 3: rows are left out


@dataclass(frozen=True, slots=True)
class Kind:
    """How a peer is run: in which environment, by which script, and whether it stores anything."""

    peer: str
    script: str
    keeps: bool = True


SCRIPTS: Mapping[str, Kind] = {
    "dlt": Kind("dlt", "dlt_arrow"),
    "dlt, rows": Kind("dlt", "dlt_rows"),
    "DuckDB": Kind("duckdb", "duckdb_replace"),
    "pandas + SQLAlchemy": Kind("pandas", "pandas_upsert"),
    "csv.reader": Kind("", "csv_reader", keeps=False),
    "openpyxl": Kind("openpyxl", "openpyxl_pass", keeps=False),
}


class Script(Reader):
    """A peer that is a library, and so has a script of ours."""

    def __init__(self, name: str, python: Path, folder: Path, *, ending: str = "csv") -> None:
        super().__init__(name, folder, ending=ending)
        self._python = python
        self._script = PEERS / f"{SCRIPTS[name].script}.py"
        self.keeps = SCRIPTS[name].keeps

    def _command(self, path: Path) -> Command:
        return Command([self._python, self._script, path, self._folder], self._folder, _quiet(self._folder))


class SqliteUtils(Reader):
    """`sqlite-utils upsert`, as its documentation has it."""

    def __init__(self, programs: Path, folder: Path) -> None:
        super().__init__("sqlite-utils", folder)
        self._program = programs / "sqlite-utils"

    def _command(self, path: Path) -> Command:
        db = self._folder / "peer.db"
        more = ["--csv", "--pk", "username", "--encoding", "utf-8-sig", "--silent"]
        return Command([self._program, "upsert", db, "applicants", path, *more], self._folder)


class Singer(Reader):
    """`tap-csv | target-sqlite`, two programs that speak over a pipe."""

    def __init__(self, tap: Path, target: Path, folder: Path) -> None:
        super().__init__("tap-csv into target-sqlite", folder)
        self._tap, self._target = tap / "tap-csv", target / "target-sqlite"

    def _command(self, path: Path) -> Command:
        tap, target = self._folder / "tap.json", self._folder / "target.json"
        tap.write_text(f'{{"files": [{{"entity": "applicants", "path": "{path}", "keys": ["username"]}}]}}', "utf-8")
        target.write_text(f'{{"database": "{self._folder / "peer.db"}"}}', "utf-8")
        line = f"set -o pipefail; '{self._tap}' --config '{tap}' | '{self._target}' --config '{target}'"
        return Command(["bash", "-c", line], self._folder, _quiet(self._folder))


def _quiet(folder: Path) -> Mapping[str, str]:
    """No settings of whoever measures, and no call home."""
    return {"HOME": str(folder), "RUNTIME__DLTHUB_TELEMETRY": "false", "PYTHONPATH": "", "RUNTIME__LOG_LEVEL": "ERROR"}


def reader(bench: Bench, name: str, folder: Path, *, ending: str = "csv") -> Reader:
    """Whoever has this name.

    Raises:
        Missing: a peer that cannot be installed.
    """
    made: Mapping[str, Callable[[], Reader]] = {
        "mi-sync": lambda: Ourselves(folder, ending=ending),
        "sqlite-utils": lambda: SqliteUtils(bench.environments.bin("sqlite-utils"), folder),
        "tap-csv into target-sqlite": lambda: Singer(
            bench.environments.bin("tap-csv"), bench.environments.bin("target-sqlite"), folder
        ),
    }
    if name in made:
        return made[name]()
    peer = SCRIPTS[name].peer
    own = peer and not bench.quick
    python = bench.environments.bin(peer) / "python" if own else Path(sys.executable)
    return Script(name, python, folder, ending=ending)
