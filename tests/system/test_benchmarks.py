"""The harness of the benchmarks still works: all of its parts, with few rows, one round and no peers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("pull", "slow", "memory", "xlsx", "start", "noop", "plan", "requests", "lowered", "pace")

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bench")
    command = [sys.executable, "-m", "benchmarks", "--quick", "--work", str(place)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    return place


def figures(work: Path, part: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((work / "results" / f"{part}.json").read_text("utf-8"))["figures"]
    return found


@pytest.mark.parametrize("part", PARTS)
def test_every_part_measures_something(work: Path, part: str) -> None:
    assert all(it["wall"] > 0 and it["cpu"] > 0 and it["rss"] > 2**20 for it in figures(work, part))
    assert figures(work, part)


def test_every_variant_is_pulled_by_us_and_beside_us(work: Path) -> None:
    from_us = [(it["step"], it["subject"]) for it in figures(work, "pull")]
    variants = ("base", "again", "reexported", "in_place", "appended", "reordered")
    assert sorted(from_us) == sorted((step, who) for step in variants for who in ("mi-sync", "csv.reader"))


def test_the_last_pull_of_the_quick_run_told_of_every_bad_row(work: Path) -> None:
    said = (work / "runs" / "memory" / "mi-sync" / "store.log").read_text("utf-8")
    counts = next(line.split() for line in said.splitlines() if line.startswith("students "))
    assert counts[1:] == ["10000", "9850", "100", "50", "9850", "yes"]


def test_bad_rows_that_are_not_reported_again_end_the_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks.exports import Ourselves
    from benchmarks.measuring import Failed

    it, log = Ourselves(tmp_path), tmp_path / "store.log"
    log.write_text("students   1000   980   10   10   980   yes\n", "utf-8")
    it.check(10)
    with pytest.raises(Failed, match="did not report 11 bad rows"):
        it.check(11)


def test_requests_are_those_that_the_server_counted(work: Path) -> None:
    counted = {(it["subject"], it["step"]): it["counts"] for it in figures(work, "requests")}
    assert counted["trello", "nothing to do"] == {"requests": 3, "writes": 0, "items": 20}
    assert counted["asana", "nothing to do"] == {"requests": 4, "writes": 0, "items": 20}
    assert counted["trello", "first push"]["writes"] == counted["asana", "first push"]["writes"] == 22


def test_the_page_has_a_line_for_each_goal_and_stays_out_of_the_repository(work: Path) -> None:
    page = (work / "RESULTS.md").read_text("utf-8")
    for goal in ("`pull` of 1,000 rows", "re-exported", "reordered", "peak memory", "XLSX", "`plan` of 200 items"):
        assert goal in page
    for goal in ("first push", "nothing to do", "1,000 creates", "halved", "--help", "--version", "`run`"):
        assert goal in page
    assert "all of `" not in page
    assert (work / "results.svg").read_text("utf-8").startswith("<?xml")


def test_what_was_not_measured_is_not_called_met(work: Path) -> None:
    lines = [line for line in (work / "RESULTS.md").read_text("utf-8").splitlines() if "dlt -" in line]
    assert lines
    assert all("| not measured |" in line for line in lines)
