"""When somebody graduates, as far as a text says: a day, a month, a term or a year."""

from __future__ import annotations

import re

from mi_sync.values.dates import DateReader, month_of
from mi_sync.values.markup import text
from mi_sync.values.text import BadValue

_AROUND = re.compile(
    r"\b(?:class of|expected|anticipated|graduat(?:es?|ing|ion)|semester|term|quarter|in|on)\b|[()]", re.IGNORECASE
)
"""Words around what counts."""
_SEASONS = {"spring": "spring", "summer": "summer", "fall": "fall", "autumn": "fall", "winter": "winter"}
_YEAR = r"(?:(?P<year>(?:19|20|21)[0-9]{2})|(?P<quote>['\u2019])?(?P<short>[0-9]{2}))"
_YEAR_ALONE = re.compile(_YEAR)
_WORD_YEAR = re.compile(rf"(?P<word>[a-z]{{3,9}})\.?[\s,-]*{_YEAR}", re.IGNORECASE)
_YEAR_WORD = re.compile(rf"{_YEAR}[\s,-]+(?P<word>[a-z]{{3,9}})\.?", re.IGNORECASE)
_MONTH_YEAR = re.compile(r"(?P<month>[0-9]{1,2})[-/.](?P<year>(?:19|20|21)[0-9]{2})")
_YEAR_MONTH = re.compile(r"(?P<year>(?:19|20|21)[0-9]{2})[-/.](?P<month>[0-9]{1,2})")


def graduation(cell: str, dates: DateReader) -> str:
    """`2026-05-15`, `2026-05`, `2026 spring` or `2026`; any other text as it is written.

    Fall and autumn are one term. Nothing is refused: a text that says it otherwise, or not at all, is no mistake.
    """
    written = text(cell)
    core = " ".join(_AROUND.sub(" ", written).split()).strip(" ,:-")
    return _month(core) or _term(core) or _day(core, dates) or written


def _day(core: str, dates: DateReader) -> str | None:
    try:
        return dates.day(core)
    except BadValue:
        return None


def _month(core: str) -> str | None:
    found = _MONTH_YEAR.fullmatch(core) or _YEAR_MONTH.fullmatch(core)
    if found and 1 <= int(found["month"]) <= 12:
        return f"{found['year']}-{int(found['month']):02}"
    return None


def _term(core: str) -> str | None:
    """A year, alone or with a season or month; of two digits only where nothing else than a year can stand there."""
    if found := _YEAR_ALONE.fullmatch(core):
        return _year(found) if found["year"] or found["quote"] else None
    found = _WORD_YEAR.fullmatch(core) or _YEAR_WORD.fullmatch(core)
    if not found:
        return None
    word = found["word"].casefold()
    if season := _SEASONS.get(word):
        return f"{_year(found)} {season}"
    month = month_of(word) if found["year"] or found["quote"] else None
    return f"{_year(found)}-{month:02}" if month else None


def _year(found: re.Match[str]) -> str:
    return found["year"] or f"20{found['short']}"
