"""Runs are killed at a selection of their moments, broken builds are noticed, and docs/proof.md tells of this version.

`make prove` takes all moments; see tests/system/prove.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from postgres_server import programs
from programme import Project, Server
from system.prove.proof import INVARIANTS
from system.prove.report import TOOLS

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

CHILD = str(Path(__file__).with_name("crash_child.py"))


def prove(repository: Path, *options: str) -> str:
    """The command, in a process with one thread, because it forks."""
    report = str(repository / "docs" / "proof.md")
    ended = subprocess.run(
        [sys.executable, "-m", "system.prove", "--short", "--jobs", "1", "--fits", report, *options],
        cwd=repository / "tests",
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.parametrize("boards", ["+".join(tools) for tools in TOOLS])
def test_a_run_that_is_killed_goes_on_and_the_report_has_its_moments(boards: str, repository: Path) -> None:
    assert "create" in prove(repository, "--boards", boards, "--mutants", "none", "--state", "sqlite")


def test_so_does_one_whose_state_is_on_a_server(repository: Path) -> None:
    if programs() is None:
        pytest.skip("PostgreSQL absent")
    assert "update" in prove(repository, "--only", "update", "--mutants", "none", "--state", "postgresql")


def test_each_invariant_fails_on_a_build_that_breaks_it(repository: Path) -> None:
    told = prove(repository, "--mutants", "only", "--state", "sqlite")
    assert "NOT NOTICED" not in told
    assert {name for name in INVARIANTS if f", {name} " not in told} == set()


@pytest.mark.parametrize("moment", ["before-send", "after-effect", "before-commit"])
@pytest.mark.parametrize("number", [2, 4])
def test_so_does_a_whole_process_that_is_killed_on_the_way_to_a_server(
    moment: str, number: int, project: Project, server: Server
) -> None:
    killed = project.start(moment, str(number), "run", program=(CHILD,))
    assert killed.code == -9, killed.err
    resumed = project.start("look", "0", "run", program=(CHILD,))  # the real one, but it does not wait
    assert resumed.code == 0, resumed.err
    assert [len(cards) for cards in server.marked().values()] == [1, 1]
    written = {int(count) for count in re.findall(r"writes: (\d+)", resumed.err)}
    assert max(written) <= 8
    server.requests.clear()
    project.run()
    assert server.writes() == []
