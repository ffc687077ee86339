"""Mappings compiled for a header, and rows through them."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from mi_sync import language, loader, mapping
from mi_sync.fields import Options
from mi_sync.mapping import Draft, Mapped, Mapper, RowProblem
from mi_sync.values import DateOrder

NOWHERE = Path("/nonexistent")


def mapper(
    name_or_toml: str,
    header: Sequence[str],
    dates: DateOrder | None = None,
    values: Dict[str, Dict[str, str]] | None = None,
    programme: str = "spring",
    pay: Dict[str, str] | None = None,
) -> Mapper:
    if "\n" in name_or_toml:
        it = language.load(name_or_toml, "own", "mappings/own.toml")
    else:
        it = loader.find_mapping(name_or_toml, NOWHERE)
    options = Options(dates, ZoneInfo("America/Chicago"), values or {}, pay or {})
    return mapping.compile_mapping(it, header, options, programme=programme, file="exports/a.csv")


def mapped(it: Mapper, *cells: str) -> tuple[Draft, ...]:
    outcome = it.map(7, cells)
    assert isinstance(outcome, Mapped), outcome
    return outcome.drafts


def problem(it: Mapper, *cells: str) -> RowProblem:
    outcome = it.map(7, cells)
    assert isinstance(outcome, RowProblem), outcome
    return outcome
