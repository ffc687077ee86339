"""Peers in environments of their own, from their releases on PyPI."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PEERS: Mapping[str, Sequence[str]] = {
    "dlt": ("dlt[duckdb]", "pyarrow"),
    "duckdb": ("duckdb",),
    "pandas": ("pandas", "sqlalchemy"),
    "sqlite-utils": ("sqlite-utils",),
    "octodns": ("octodns",),
    "openpyxl": ("openpyxl",),
}
"""What is installed for each of them."""

BY_HAND: Mapping[str, str] = {
    "tap-csv": "is not on PyPI (November 2026)",
    "target-sqlite": "0.2.0 of 2019, the newest on PyPI, does not import on Python 3.11 (November 2026)",
}
"""Why these are not installed. Who installs them into their place, with a file `installed` that names the version, has
them measured, too. A name that nobody holds on PyPI is never asked for: anybody may take it."""


class Missing(Exception):
    """A peer that could not be installed or does not start; the message says why."""


@dataclass(slots=True)
class Environments:
    """Makes each environment when it is asked for, once, and keeps it in `home`."""

    home: Path
    missing: dict[str, str] = field(default_factory=dict)

    def bin(self, peer: str) -> Path:
        """Where the programs of this peer are.

        Raises:
            Missing: it cannot be installed.
        """
        if peer in self.missing:
            raise Missing(self.missing[peer])
        home = self.home / peer
        if peer in BY_HAND and not (home / "installed").exists():
            raise Missing(f"{peer} {BY_HAND[peer]}")
        if not (home / "installed").exists():
            self._install(peer, home)
        return home / "bin"

    def versions(self) -> dict[str, str]:
        """What is installed where, for the page."""
        found = {}
        for path in sorted(self.home.glob("*/installed")):
            found[path.parent.name] = path.read_text("utf-8").strip()
        return found

    def _install(self, peer: str, home: Path) -> None:
        print(f"installing {' and '.join(PEERS[peer])} …", file=sys.stderr, flush=True)
        venv.create(home, with_pip=True, clear=True)
        python = [str(home / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        done = _told([*python, "install", "--quiet", *PEERS[peer]])
        if done.returncode:
            self.missing[peer] = f"{' and '.join(PEERS[peer])} cannot be installed: {_last_line(done.stderr)}"
            raise Missing(self.missing[peer])
        listed = _told([*python, "list", "--format=freeze"]).stdout.split()
        names = {name.partition("[")[0].lower() for name in PEERS[peer]} | ({"duckdb"} if peer == "dlt" else set())
        versions = [each.replace("==", " ") for each in listed if each.partition("==")[0].lower() in names]
        (home / "installed").write_text(", ".join(versions), "utf-8")


def _told(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, check=False)  # noqa: S603  our own commands


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith("ERROR")]
    return (lines or ["no reason given"])[-1].removeprefix("ERROR: ")
