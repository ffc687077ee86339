"""What is to be reached, and what was: each goal as one line, from the figures that are kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks.parts.boards import PACES, TOOLS
from benchmarks.results import MIB, Part, value

Parts = Mapping[str, Part]
CHANGED = {"in_place": "changed in place", "appended": "new at the end", "reordered": "changed, all rows reordered"}


@dataclass(frozen=True, slots=True)
class Line:
    """One goal: what was measured of us and beside us, how they compare, and what the comparison may be at most."""

    what: str
    ours: str
    beside: str
    found: float | None
    most: float
    cpu: float | None = None
    """How the CPU times compare, which a busy machine moves less."""

    @property
    def met(self) -> str:
        """In words; a goal that was not measured is never met."""
        if self.found is None:
            return "not measured"
        return "yes" if self.found <= self.most else "**no**"


def lines(parts: Parts) -> Iterator[Line]:
    """All goals, in the order of the page."""
    for part, made in _GOALS:
        if part in parts:
            yield from made(parts[part])
        else:
            yield Line(f"all of `{part}`", "-", "-", None, 0)


def _compared(it: Part, what: str, step: str, beside: str, most: float, measure: str = "wall") -> Line:
    return Line(
        what,
        seconds(it.median(step, "mi-sync", measure)),
        f"{beside} {seconds(it.median(step, beside, measure))}",
        it.ratio(step, "mi-sync", beside, measure),
        most,
        it.ratio(step, "mi-sync", beside, "cpu"),
    )


def _pull(it: Part) -> Iterator[Line]:
    rows = f"{it.about['rows']:,} rows"
    yield _compared(it, f"`pull` of {rows}, new", "base", "dlt", 0.7)
    yield _compared(it, f"`pull` of {rows}, new", "base", "csv.reader", 5)
    yield _compared(it, "the same file again", "again", "dlt", 0.05)
    yield _compared(it, "the same rows, re-exported", "reexported", "dlt", 0.3)
    yield _compared(it, "the same rows, re-exported", "reexported", "csv.reader", 2.5)
    for step, told in CHANGED.items():
        yield _compared(it, f"1 % {told}", step, "dlt", 0.3)


def _memory(it: Part) -> Iterator[Line]:
    few, many = it.about["rows"], 10 * it.about["rows"]
    less, more = (it.median("first", f"{rows} rows", "rss") for rows in (few, many))
    ours = "-" if more is None else f"{more / MIB:.0f} MiB"
    yield Line(f"peak memory, first pull of {many:,} rows, in MB", ours, "-", more and more / 1e6, 150)
    theirs = "-" if less is None else f"{few:,} rows {less / MIB:.0f} MiB"
    yield Line("the same, flat", ours, theirs, more / less if more and less else None, 1.3)


def _xlsx(it: Part) -> Iterator[Line]:
    yield _compared(it, f"XLSX, {it.about['rows'] // 5:,} rows, new", "first", "openpyxl", 0.25)


def _start(it: Part) -> Iterator[Line]:
    for step in ("--help", "--version"):
        yield _compared(it, f"`mi-sync {step}`", step, "click hello", 2)
        yield _compared(it, f"`mi-sync {step}`", step, "octodns-sync", 0.6)


def _noop(it: Part) -> Iterator[Line]:
    yield _compared(it, "a `run` with nothing to do, CPU", "nothing to do", "imports", 2, "cpu")


def _plan(it: Part) -> Iterator[Line]:
    few, many = sorted({int(figure.step.split()[0]) for figure in it.figures})
    yield _compared(it, f"`plan` of {many:,} items, nothing to do, CPU", f"{many} items", "reading links", 2, "cpu")
    less, more = (it.median(f"{items} items", "mi-sync", "cpu") for items in (few, many))
    growth = more / less if more and less else None
    # Twice the items may take twice as long; a twentieth is what medians wobble.
    yield Line("the same, linear", seconds(more), f"{few:,} items {seconds(less)}", growth, 2.1)


def _requests(it: Part) -> Iterator[Line]:
    for tool in TOOLS:
        for step in ("first push", "nothing to do"):
            counts = it.of(step, tool)[0].counts
            wanted = _wanted(tool, step, int(counts["items"]))
            name = tool.capitalize()
            yield Line(f"{name}: {step}, requests", f"{counts['requests']:.0f}", "-", counts["requests"], wanted)
            if step == "nothing to do":
                yield Line(f"{name}: {step}, writes", f"{counts['writes']:.0f}", "-", counts["writes"], 0)


def _wanted(tool: str, step: str, items: int) -> int:
    """A snapshot of what was there before; at the first push also one for each item, the one list and the one label."""
    base, page = (2, 250) if tool == "trello" else (3, 100)
    return items + 2 + base if step == "first push" else base + math.ceil(items / page)


def _pace(it: Part) -> Iterator[Line]:
    for pace in PACES:
        for runners, most in ((1, 1.04), (3, 1.10)):
            found = it.of(f"{runners} on the token", pace.tool)
            what = (
                f"{pace.tool.capitalize()}: 1,000 creates, {runners} on the token ({pace.limit} in {pace.seconds:g} s)"
            )
            ratios = sorted(each.wall / value(each, "floor") for each in found if value(each, "floor"))
            if not ratios:
                yield Line(what, "-", "-", None, most)
                continue
            wall, floor = found[0].wall, value(found[0], "floor")
            yield Line(what, f"{wall:.1f} s", f"floor {floor:.0f} s", ratios[len(ratios) // 2], most)
            if runners == 1:
                refused = max(value(each, "refused") for each in found)
                yield Line("the same, refused by a 429", f"{refused:.0f}", "-", refused, 0)


def _lowered(it: Part) -> Iterator[Line]:
    for pace in PACES:
        refused = value(it.of("lowered", pace.tool)[0], "refused")
        name = pace.tool.capitalize()
        yield Line(f"{name}: a limit halved in mid-run, refused by a 429", f"{refused:.0f}", "-", refused, 4)


_GOALS: tuple[tuple[str, Callable[[Part], Iterator[Line]]], ...] = (
    ("pull", _pull),
    ("memory", _memory),
    ("xlsx", _xlsx),
    ("plan", _plan),
    ("requests", _requests),
    ("pace", _pace),
    ("lowered", _lowered),
    ("start", _start),
    ("noop", _noop),
)


def seconds(found: float | None) -> str:
    """Seconds with as many digits as they deserve."""
    if found is None:
        return "-"
    return f"{found:.1f} s" if found >= 10 else f"{found:.2f} s" if found >= 1 else f"{found * 1000:.0f} ms"
