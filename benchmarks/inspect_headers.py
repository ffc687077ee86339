"""How good the mappings are that `mi-sync inspect` proposes: precision and coverage on attested headers.

Run it with `python benchmarks/inspect_headers.py`. Shipped mappings for these formats are not used: only the names that
the generic ones know.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mi_sync import loader, proposal

HERE = Path(__file__).parent


class Score(NamedTuple):
    """How many columns of one header got a field, a right one, and should have got one."""

    name: str
    proposed: int
    right: int
    wanted: int
    wrong: tuple[str, ...]


def measure() -> Iterator[Score]:
    """The scores of all headers."""
    mappings = loader.find_all(HERE)
    for name, entry in tomllib.loads((HERE / "headers.toml").read_text("utf-8")).items():
        header: list[str] = entry["header"]
        fields: dict[str, str] = entry["fields"]
        columns = proposal.propose(header, [[] for _ in header], mappings)
        found = {column.name: column.field for column in columns if column.field}
        wrong = tuple(f"{column} is no {field}" for column, field in found.items() if fields.get(column) != field)
        yield Score(name, len(found), len(found) - len(wrong), len(fields), wrong)


def total(scores: list[Score]) -> tuple[float, float]:
    """Precision (right of the proposed) and coverage (right of the wanted) over all headers."""
    right = sum(score.right for score in scores)
    return right / sum(score.proposed for score in scores), right / sum(score.wanted for score in scores)


def main() -> None:
    """Prints a table for README.md."""
    scores = list(measure())
    print("| header | proposed | right | wanted |\n|---|---|---|---|")
    for score in scores:
        print(f"| {score.name} | {score.proposed} | {score.right} | {score.wanted} |")
    precision, coverage = total(scores)
    print(f"\nPrecision {precision:.0%}, coverage {coverage:.0%}.")
    for score in scores:
        print(*(f"  {score.name}: {wrong}" for wrong in score.wrong), sep="\n", end="\n" if score.wrong else "")


if __name__ == "__main__":
    main()
