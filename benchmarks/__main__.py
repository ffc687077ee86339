"""`python -m benchmarks`: measures, keeps the figures of each part, and writes the page from all that are kept."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benchmarks import page, results
from benchmarks.environments import Environments
from benchmarks.measuring import Bench, Failed, Figure
from benchmarks.parts import boards, pull

HERE = Path(__file__).parent

PARTS: Mapping[str, Callable[[Bench], Iterator[Figure]]] = {
    "pull": pull.pull,
    "slow": pull.slow,
    "memory": pull.memory,
    "xlsx": pull.xlsx,
    "start": boards.start,
    "noop": boards.noop,
    "plan": boards.plan,
    "requests": boards.requests,
    "lowered": boards.lowered,
    "pace": boards.pace,
}
"""By the name that `--only` takes, in the order in which they are run."""


def main() -> None:
    """Runs the parts that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS, help="this part alone; may be given several times")
    parser.add_argument("--skip", action="append", choices=PARTS, default=[], help="all parts but this one")
    parser.add_argument("--rounds", type=int, default=5, help="of each part that is no count (5)")
    parser.add_argument("--rows", type=int, default=100_000, help="of the exports (100000)")
    parser.add_argument("--quick", action="store_true", help="1,000 rows, 1 round, no peers: does it still work?")
    parser.add_argument("--work", type=Path, default=HERE.parent / ".bench", help="where everything is kept (.bench)")
    parser.add_argument("--page", type=Path, metavar="DIR", help="where RESULTS.md goes (benchmarks; quick: .bench)")
    parser.add_argument("--page-only", action="store_true", help="measure nothing: the page from what is kept")
    given = parser.parse_args()
    work: Path = given.work.resolve()
    rows, rounds = (1000, 1) if given.quick else (given.rows, given.rounds)
    bench = Bench(work, rounds, rows, given.quick, Environments(work / "peers"))
    chosen = given.only or [each for each in PARTS if each not in given.skip]
    for part in [] if given.page_only else chosen:
        _run(bench, part)
    # Figures of a quick run are no results, and stay out of the folder that holds them.
    place = given.page or (work if given.quick else HERE)
    _tell(f"written: {page.write(place, page.parts_kept(work, PARTS, quick=given.quick))}")


def _run(bench: Bench, part: str) -> None:
    began, load = time.monotonic(), os.getloadavg()
    figures = []
    for figure in PARTS[part](bench):
        figures.append(figure)
        _tell(f"{part} {figure.round + 1}/{bench.rounds}: {figure.step}, {figure.subject}: {results.told(figure)}")
    results.keep(bench, part, figures, load)
    _tell(f"{part}: {time.monotonic() - began:.0f} s in all")


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(str(failed))
