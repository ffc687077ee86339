"""Reading exports: first, unchanged, re-exported, one row in a hundred changed; and workbooks, and a million rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.applicants import VARIANTS, Variant, bad_rows
from benchmarks.environments import Missing
from benchmarks.exports import Ourselves, Reader, export, reader
from benchmarks.measuring import Bench, Failed, Figure, Spent, turn

QUICK_ONES = ("mi-sync", "csv.reader", "dlt", "DuckDB", "pandas + SQLAlchemy", "sqlite-utils")
SLOW_ONES = ("mi-sync", "dlt, rows", "tap-csv into target-sqlite")


def pull(bench: Bench) -> Iterator[Figure]:
    """All variants, by us and by the peers that take seconds."""
    return _compared(bench, "pull", QUICK_ONES[:2] if bench.quick else QUICK_ONES)


def slow(bench: Bench) -> Iterator[Figure]:
    """The same by the peers that take a quarter of a minute and more, beside us."""
    return _compared(bench, "slow", SLOW_ONES[:1] if bench.quick else SLOW_ONES)


def _compared(bench: Bench, part: str, names: Sequence[str]) -> Iterator[Figure]:
    readers = _present(bench, part, names)
    for round_ in range(bench.rounds):
        for variant in VARIANTS:
            for name in turn(list(readers), round_):
                yield from _measured(bench, readers, name, variant, round_)


def _present(bench: Bench, part: str, names: Sequence[str]) -> dict[str, Reader]:
    """All of them that there are; the others are told on the page."""
    folder, found = bench.folder(part), {}
    for name in names:
        try:
            found[name] = reader(bench, name, folder / name)
        except Missing as missing:
            bench.environments.missing[name] = str(missing)
    return found


def _measured(bench: Bench, readers: dict[str, Reader], name: str, variant: Variant, round_: int) -> Iterator[Figure]:
    try:
        spent = _read(bench, readers[name], variant)
    except Failed as failed:
        if name == "mi-sync":
            raise
        bench.environments.missing[name] = str(failed).strip().splitlines()[-1]
        del readers[name]
        return
    yield spent.figure(variant, name, round_)


def _read(bench: Bench, it: Reader, variant: Variant) -> Spent:
    """One read of a variant, with the store as it was after the first read of the base."""
    path = export(bench, variant, bench.rows)
    if variant == "base":
        it.begin()
    elif it.keeps:
        it.go_back()
    spent = it.read(path)
    if isinstance(it, Ourselves):
        it.check(bad_rows(variant, bench.rows))
    if variant == "base":
        it.keep()
    return spent


def memory(bench: Bench) -> Iterator[Figure]:
    """The first pull of as many rows as the others have, and of ten times as many; once."""
    for rows in (bench.rows, 10 * bench.rows):
        it = reader(bench, "mi-sync", bench.folder("memory") / "mi-sync")
        it.begin()
        path = export(bench, "base", rows)
        yield it.read(path).figure("first", f"{rows} rows", 0)
        yield it.read(path).figure("again", f"{rows} rows", 0)


def xlsx(bench: Bench) -> Iterator[Figure]:
    """The first pull of a workbook, beside a pass over its rows."""
    path = export(bench, "base", bench.rows // 5, "xlsx")
    folder = bench.folder("xlsx")
    readers = {name: reader(bench, name, folder / name, ending="xlsx") for name in ("mi-sync", "openpyxl")}
    for round_ in range(bench.rounds):
        for name in turn(list(readers), round_):
            readers[name].begin()
            yield readers[name].read(path).figure("first", name, round_)
