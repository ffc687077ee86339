"""The contract once more for the other ways to set up an Asana board."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import asana_lab
from asana_lab import AsanaLab
from mi_sync.testing import BOARD_CHECKS

OF_EXTERNAL = {"unique_is_as_claimed"}
"""What Asana can only do for a token that sees `external`."""


@pytest.mark.parametrize("check", [name for name in BOARD_CHECKS if name not in OF_EXTERNAL])
def test_the_contract_is_kept_without_external(check: str, tmp_path: Path) -> None:
    BOARD_CHECKS[check](asana_lab.oauth(tmp_path))


@pytest.mark.parametrize("check", BOARD_CHECKS)
def test_the_contract_is_kept_with_checklists_as_text(check: str, tmp_path: Path) -> None:
    BOARD_CHECKS[check](asana_lab.text(tmp_path))


@pytest.mark.parametrize("check", BOARD_CHECKS)
@pytest.mark.parametrize("kind", [AsanaLab])
def test_tmp(kind: Callable[[Path], AsanaLab], check: str, tmp_path: Path) -> None:
    BOARD_CHECKS[check](kind(tmp_path))
