"""Every installed connector keeps its contract. One without a lab in this file fails by name."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from asana_lab import AsanaLab
from mi_sync.connector import (
    Board,
    Broken,
    Connector,
    Context,
    Registry,
    Source,
)
from mi_sync.testing import (
    BOARD_CHECKS,
    PUBLISHER_CHECKS,
    RUN_CHECKS,
    SOURCE_CHECKS,
    BoardLab,
    Engine,
    PublisherLab,
    SourceLab,
)
from mi_sync_files import Settings
from mi_sync_files import connector as files
from publisher_labs import CalendarLab, SlackLab, TableLab
from trello_lab import TrelloLab

ZONE = ZoneInfo("America/Chicago")

# ------------------------------------------------------------------------------------------------ files


class FilesLab:
    """One CSV file in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "rows.csv"

    def open(self) -> Source:
        return cast("Source", files.open(Settings(path="rows.csv"), Context("jobs", self._folder, ZONE)))

    def write(self, rows: Sequence[Sequence[str]]) -> None:
        with self._path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)

    def blank(self) -> None:
        self._path.write_text(" \n")

    def remove(self) -> None:
        self._path.unlink()

    def content(self) -> object:
        return [(file.name, file.read_bytes(), file.stat().st_mtime_ns) for file in sorted(self._folder.iterdir())]


# ----------------------------------------------------------------------------------------- all of them

LABS: Mapping[str, Callable[[Path], BoardLab | SourceLab | PublisherLab]] = {
    "asana": AsanaLab,
    "calendar": CalendarLab,
    "csv": lambda folder: TableLab(folder, "milestones.csv"),
    "files": FilesLab,
    "slack": lambda _: SlackLab(),
    "trello": TrelloLab,
}
"""Where each installed connector can be tried."""

CHECKS: Mapping[str, Mapping[str, Callable[[Any], None]]] = {
    "source": SOURCE_CHECKS,
    "board": BOARD_CHECKS,
    "publisher": PUBLISHER_CHECKS,
}
INSTALLED = Registry().names


def loaded(name: str) -> Connector:
    found = Registry().load(name)
    assert not isinstance(found, Broken), found
    assert found is not None
    return found


def every_check() -> Iterator[Any]:
    for name in sorted(set(INSTALLED) & set(LABS)):
        for check in CHECKS[loaded(name).kind]:
            yield pytest.param(name, check, id=f"{name}-{check}")


@pytest.mark.parametrize("name", sorted({*INSTALLED, *LABS}))
def test_every_installed_connector_loads_and_has_a_lab(name: str) -> None:
    assert loaded(name).name == name
    assert name in LABS, f"the connector {name!r} has no lab in this file, so nothing holds it to its contract"


@pytest.mark.parametrize(("name", "check"), list(every_check()))
def test_the_contract_is_kept(name: str, check: str, tmp_path: Path) -> None:
    CHECKS[loaded(name).kind][check](LABS[name](tmp_path))


@pytest.mark.parametrize("check", ["identity_is_one_cheap_read", "creation_reads_back", "children_are_added"])
def test_an_access_token_of_oauth_does_what_key_and_token_do(check: str, tmp_path: Path) -> None:
    BOARD_CHECKS[check](TrelloLab(tmp_path, access=True))


def boards() -> list[str]:
    return [name for name in sorted(set(INSTALLED) & set(LABS)) if loaded(name).kind == "board"]


@pytest.mark.parametrize("check", RUN_CHECKS)
@pytest.mark.parametrize("name", boards())
def test_whole_runs_keep_their_promises(name: str, check: str, tmp_path: Path) -> None:
    RUN_CHECKS[check](Engine(cast("BoardLab", LABS[name](tmp_path))))


@pytest.mark.parametrize("name", sorted(set(INSTALLED) & set(LABS)))
def test_what_a_board_declares_before_it_is_opened_is_what_it_can(name: str, tmp_path: Path) -> None:
    lab = LABS[name](tmp_path)
    opened = lab.open()
    found = opened.capabilities if isinstance(opened, Board) else None
    assert found == loaded(name).capabilities
