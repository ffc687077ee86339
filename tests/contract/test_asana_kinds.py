"""The contract once more for the other ways to set up an Asana board."""

from __future__ import annotations

from pathlib import Path

import pytest

import asana_lab
from mi_sync.testing import BOARD_CHECKS, RUN_CHECKS, Engine

OF_EXTERNAL = {"unique_is_as_claimed"}
"""What Asana can only do for a token that sees `external`."""


OF_ONE_CALL = {"creation_is_one_call", "missing_lists_are_made_once"}
"""What needs a second call where new tasks do not pile up: a creation cannot name its place."""


@pytest.mark.parametrize("check", [name for name in BOARD_CHECKS if name not in OF_EXTERNAL])
def test_the_contract_is_kept_without_external(check: str, tmp_path: Path) -> None:
    BOARD_CHECKS[check](asana_lab.oauth(tmp_path))


@pytest.mark.parametrize("check", BOARD_CHECKS)
def test_the_contract_is_kept_with_checklists_as_text(check: str, tmp_path: Path) -> None:
    BOARD_CHECKS[check](asana_lab.text(tmp_path))


@pytest.mark.parametrize("check", RUN_CHECKS)
def test_whole_runs_keep_their_promises_without_external(check: str, tmp_path: Path) -> None:
    RUN_CHECKS[check](Engine(asana_lab.oauth(tmp_path)))


@pytest.mark.parametrize("check", RUN_CHECKS)
def test_whole_runs_keep_their_promises_with_checklists_as_text(check: str, tmp_path: Path) -> None:
    RUN_CHECKS[check](Engine(asana_lab.text(tmp_path)))


@pytest.mark.parametrize("check", [name for name in BOARD_CHECKS if name not in OF_ONE_CALL])
def test_the_contract_is_kept_where_new_tasks_come_last(check: str, tmp_path: Path) -> None:
    BOARD_CHECKS[check](asana_lab.new_at_end(tmp_path))


@pytest.mark.parametrize("check", RUN_CHECKS)
def test_whole_runs_keep_their_promises_where_new_tasks_come_last(check: str, tmp_path: Path) -> None:
    RUN_CHECKS[check](Engine(asana_lab.new_at_end(tmp_path)))
