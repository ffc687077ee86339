"""The figures of each part, kept as JSON, so that the page can be made from parts that were run one by one."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measuring import Bench, Figure

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """One part as it was measured last."""

    figures: Sequence[Figure]
    about: dict[str, Any]

    def of(self, step: str, subject: str) -> list[Figure]:
        """The figures of one subject at one step, by round."""
        return sorted((it for it in self.figures if (it.step, it.subject) == (step, subject)), key=lambda it: it.round)

    def median(self, step: str, subject: str, measure: str) -> float | None:
        """Over the rounds; None where there is no figure."""
        found = [value(it, measure) for it in self.of(step, subject)]
        return median(found) if found else None

    def ratio(self, step: str, ours: str, theirs: str, measure: str) -> float | None:
        """The median of the ratios within each round, which is what the machine's moods spare most."""
        by_round = {it.round: value(it, measure) for it in self.of(step, theirs)}
        found = [value(it, measure) / by_round[it.round] for it in self.of(step, ours) if by_round.get(it.round)]
        return median(found) if found else None


def value(figure: Figure, measure: str) -> float:
    """`wall`, `cpu` (seconds), `rss` (bytes) or something that was counted."""
    return float(figure.counts[measure] if measure in figure.counts else getattr(figure, measure))


def told(figure: Figure) -> str:
    """A figure in one line."""
    counted = [f"{name} {number:g}" for name, number in figure.counts.items()]
    timed = [f"{figure.wall:.3f} s, CPU {figure.cpu:.3f} s, {figure.rss / MIB:.0f} MiB"] if figure.wall else []
    return ", ".join([*timed, *counted])


def keep(bench: Bench, part: str, figures: Sequence[Figure], load: Sequence[float]) -> None:
    """Puts the figures of a part in the place of those of last time."""
    about = {
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "load": [round(each, 2) for each in (*load[:1], *os.getloadavg()[:1])],
        "rounds": bench.rounds,
        "rows": bench.rows,
        "quick": bench.quick,
        "machine": machine(),
        "versions": bench.environments.versions(),
        "missing": bench.environments.missing,
    }
    path = _path(bench.work, part)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"about": about, "figures": [asdict(it) for it in figures]}, indent=1)
    path.write_text(text + "\n", "utf-8")


def kept(work: Path, part: str) -> Part | None:
    """The figures of a part, if it was ever run."""
    path = _path(work, part)
    if not path.exists():
        return None
    found = json.loads(path.read_text("utf-8"))
    return Part([Figure(**each) for each in found["figures"]], found["about"])


def _path(work: Path, part: str) -> Path:
    return work / "results" / f"{part}.json"


def machine() -> str:
    """What it was measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / MIB / 1024
    cores = os.cpu_count()
    return (
        f"{cores} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    )
