"""RESULTS.md and its chart, made from whatever parts are kept."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks import goals, results
from benchmarks.applicants import VARIANTS
from benchmarks.results import MIB, Part

CHART = "results.svg"
INTRODUCTION = """\
# Results

Written by `make bench`; [README.md](README.md) says what is measured, and how. A ratio is the median of the ratios
within each round, so it says more than the two medians beside it, which the load of the machine moves. Seconds are
those of whole processes, start-up included. Goals are ratios unless they say otherwise.
"""


def write(folder: Path, parts: Mapping[str, Part]) -> Path:
    """Writes the page, and the chart if there is something to be drawn."""
    page = folder / "RESULTS.md"
    folder.mkdir(parents=True, exist_ok=True)
    drawn = "pull" in parts and _chart(parts["pull"], folder / CHART)
    page.write_text("\n".join(_page(parts, drawn=drawn)) + "\n", "utf-8")
    return page


def _page(parts: Mapping[str, Part], *, drawn: bool) -> Iterator[str]:
    yield INTRODUCTION
    yield from _goals(parts)
    if drawn:
        yield f"\n![Seconds of each pull, by who does it]({CHART})"
    yield from _measured(parts)
    for name, part in parts.items():
        yield from _figures(name, part)


def _goals(parts: Mapping[str, Part]) -> Iterator[str]:
    yield "## Goals\n"
    yield "| what | mi-sync | beside | ratio or number | at most | met | ratio of CPU |\n|---|---|---|---|---|---|---|"
    for it in goals.lines(parts):
        cells = [it.what, it.ours, it.beside, _number(it.found), f"{it.most:g}", it.met, _number(it.cpu)]
        yield f"| {' | '.join(cells)} |"


def _number(found: float | None) -> str:
    if found is None:
        return "-"
    return f"{found:.3f}" if found < 10 and found % 1 else f"{found:.0f}"


def _measured(parts: Mapping[str, Part]) -> Iterator[str]:
    yield "\n## When, and on what\n"
    yield "| part | at (UTC) | rounds | rows of an export | load before, after | machine |\n|---|---|---|---|---|---|"
    for name, part in parts.items():
        about = part.about
        load = ", ".join(f"{each:g}" for each in about["load"])
        rounds = "counted once" if name in {"requests", "lowered"} else about["rounds"]
        yield f"| {name} | {about['at'][:16]} | {rounds} | {about['rows']:,} | {load} | {about['machine']} |"
    versions = {text for part in parts.values() for text in part.about["versions"].values()}
    yield f"\nPeers: {'; '.join(sorted(versions)) or 'none were needed'}."
    missing = {name: why for part in parts.values() for name, why in part.about["missing"].items()}
    for name, why in sorted(missing.items()):
        yield f"\nMissing: {name}: {why.rstrip('.')}."


def _figures(name: str, part: Part) -> Iterator[str]:
    counted = sorted({count for figure in part.figures for count in figure.counts})
    yield f"\n## {name}: medians\n"
    yield "| " + " | ".join(["step", "who", "seconds", "CPU seconds", "peak MiB", *counted]) + " |"
    yield "|---" * (5 + len(counted)) + "|"
    for step, subject in dict.fromkeys((it.step, it.subject) for it in part.figures):
        wall, cpu, rss = (part.median(step, subject, each) or 0 for each in ("wall", "cpu", "rss"))
        counts = [f"{part.median(step, subject, each) or 0:g}" for each in counted]
        yield "| " + " | ".join([step, subject, f"{wall:.3f}", f"{cpu:.3f}", f"{rss / MIB:.0f}", *counts]) + " |"


def _chart(part: Part, path: Path) -> bool:
    """Bars of seconds for each step of `pull`, on a logarithmic scale: who is ten times slower is seen to be."""
    import pygal
    from pygal.style import CleanStyle

    # It looks for maps of its own at every import, in a way that Python no longer knows; we draw none.
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]
    subjects = list(dict.fromkeys(it.subject for it in part.figures))
    if not subjects:
        return False
    chart = pygal.Bar(
        js=[],
        no_prefix=True,
        style=CleanStyle,
        logarithmic=True,
        width=1000,
        height=480,
        title="Seconds, whole process (log scale)",
    )
    chart.x_labels = list(VARIANTS)
    for subject in subjects:
        chart.add(subject, [part.median(step, subject, "wall") for step in VARIANTS])
    path.write_bytes(chart.render() + b"\n")
    return True


def parts_kept(work: Path, names: Mapping[str, object], *, quick: bool) -> dict[str, Part]:
    """All parts that were run, in their order: those of quick runs, whose figures are no results, or the others."""
    found = {name: results.kept(work, name) for name in names}
    return {name: part for name, part in found.items() if part is not None and part.about["quick"] == quick}
