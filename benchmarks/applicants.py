"""Exports of applicants, made up from a seed: 20 columns in the shape that Handshake takes for students.

Run it as `python -m benchmarks.applicants --rows 100000 --variant base OUT.csv`. The same arguments always make the
same bytes. The header is attested (support.joinhandshake.com, articles 360012326194 and
233086688), the people are invented.

About 1 row in 100 cannot be read, 1 in 200 repeats the row before it, 1 in 3 holds a text of several lines. Three
columns hold several values, and one is of the kind that is never kept.
"""

from __future__ import annotations

import argparse
import csv
import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Literal, NamedTuple, get_args

HEADER = (
    "email_address",
    "username",
    "user_type",
    "auth_identifier",
    "first_name",
    "last_name",
    "school_year_name",
    "primary_education:education_level_name",
    "primary_education:cumulative_gpa",
    "primary_education:major_names",
    "primary_education:college_name",
    "primary_education:start_date",
    "primary_education:end_date",
    "primary_education:currently_attending",
    "gender",
    "bio",
    "skill_names",
    "external_link_urls",
    "mobile_number",
    "campus_name",
)

Variant = Literal["base", "again", "reexported", "in_place", "appended", "reordered"]
"""`again` has the bytes of `base`. `reexported` has its rows in other bytes: every cell quoted, other line endings and
a byte order mark. In the last three 1 row in 100 differs: changed in place, new at the end, or changed while all of the
rows stand in another order."""
VARIANTS: tuple[Variant, ...] = get_args(Variant)

GIVEN = "Ana Ben Chloé Dmitri Emeka Fatima Grace Hiro Inés Jamal Kofi Linh Mateo Noor Olga Priya Quinn Rosa Søren Tariq"
FAMILY = (
    "Adeyemi Brown Castro Dubois Eriksen Fischer García Haddad Ito Jones Kim López Müller Nguyen O'Brien Patel Reyes"
)
MAJORS = "Accounting;Biology;Computer Science;Data Science;Economics;English;Finance;History;Marketing;Nursing;Physics"
SKILLS = "Canva;Copywriting;Excel;Figma;Interviewing;Java;Python;R;Research;SQL;Spanish;Tableau;Video editing;WordPress"
LEVELS = ("Bachelors", "Masters", "Associates", "Doctorate")
YEARS = ("Freshman", "Sophomore", "Junior", "Senior")
COLLEGES = ("College of Business", "School of Engineering", "Arts, Letters and Sciences")
BIOS = (
    "Looks for a project of a few weeks beside courses; has worked in a shop and at the campus radio.",
    'Says "yes" to most things, and finishes them.',
    "Part-time this spring, free from June on.",
    "First in the family at college.\nWants to work with data about public health, and likes to write.",
    "Projects:\n- a survey of 400 commuters\n- a page for the food bank\nReferences on request.",
    "",
)


_BAD = 7
"""The place of the bad row in each hundred."""


class Row(NamedTuple):
    """One of them: its cells, and whether it can be read."""

    cells: list[str]
    good: bool


def rows(count: int, seed: int = 8, start: int = 0) -> Iterator[Row]:
    """So many rows, whose people are numbered from `start`."""
    chance = random.Random(seed * 1_000_003 + start)  # noqa: S311  invented people, no secrets
    people = _People(chance)
    row = Row([], good=True)
    for number in range(start, start + count):
        if number % 200 != 199 or not row.cells:
            row = people.row(number)
        yield row


class _People:
    """Makes them one after the other."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._given, self._family = GIVEN.split(), FAMILY.split()
        self._majors, self._skills = MAJORS.split(";"), SKILLS.split(";")

    def row(self, number: int) -> Row:
        cells = self._cells(number)
        if number % 100 != _BAD:
            return Row(cells, good=True)
        _SPOIL[number // 100 % len(_SPOIL)](cells)
        return Row(cells, good=False)

    def _cells(self, number: int) -> list[str]:
        chance = self._chance
        given, family, year = chance.choice(self._given), chance.choice(self._family), chance.randrange(4)
        name = f"{given}.{family}{number}".replace("'", "").lower()
        return [
            f"{name}@state-college.example",
            f"s{number:08d}",
            "Students",
            f"auth-{chance.getrandbits(40):010x}",
            given,
            family,
            YEARS[year],
            chance.choice(LEVELS),
            f"{2 + chance.random() * 2:.2f}",
            ";".join(chance.sample(self._majors, 1 + (number % 5 == 0))),
            chance.choice(COLLEGES),
            f"{2025 - year}-08-{15 + number % 15:02d}",
            f"{2029 - year}-05-{10 + number % 15:02d}",
            "TRUE" if number % 9 else "FALSE",
            chance.choice(("Female", "Male", "Non-binary", "")),
            chance.choice(BIOS),
            ";".join(chance.sample(self._skills, chance.randrange(2, 6))),
            f"https://www.linkedin.com/in/{name};https://portfolio.example/{number}",
            f"+1 312 555 {number % 10_000:04d}",
            "Main campus" if number % 3 else "North campus",
        ]


def _no_address(cells: list[str]) -> None:
    cells[0] = cells[0].replace("@", " at ")


def _address_missing(cells: list[str]) -> None:
    cells[0] = ""


def _id_missing(cells: list[str]) -> None:
    cells[1] = " "


def _too_many_cells(cells: list[str]) -> None:
    cells.append("a cell beyond the last column")


_SPOIL: tuple[Callable[[list[str]], None], ...] = (_no_address, _address_missing, _id_missing, _too_many_cells)


def variant_rows(variant: Variant, count: int, seed: int = 8) -> Iterator[list[str]]:
    """The cells of one variant, in the order of its file."""
    base = (row.cells for row in rows(count, seed))
    if variant == "appended":
        yield from base
        yield from (row.cells for row in rows(count // 100, seed, start=count))
    elif variant == "in_place":
        yield from map(_changed, base)
    elif variant == "reordered":
        shuffled = list(map(_changed, base))
        random.Random(seed).shuffle(shuffled)  # noqa: S311  as above
        yield from shuffled
    else:
        yield from base


def bad_rows(variant: Variant, count: int) -> int:
    """How many rows of a variant cannot be read."""
    total = count + count // 100 if variant == "appended" else count
    return len(range(_BAD, total, 100))


def _changed(cells: list[str]) -> list[str]:
    """One person in a hundred has another average and one skill more; others are as they were."""
    if not cells[1].endswith("50"):
        return cells
    return [*cells[:8], "3.99", *cells[9:16], f"{cells[16]};Negotiation", *cells[17:]]


def write(variant: Variant, count: int, file: IO[str], seed: int = 8) -> None:
    """Writes one variant into a file that was opened with `newline=""`."""
    if variant == "reexported":
        file.write("\N{ZERO WIDTH NO-BREAK SPACE}")
        written = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    else:
        written = csv.writer(file, lineterminator="\n")
    written.writerow(HEADER)
    written.writerows(variant_rows(variant, count, seed))


def write_workbook(cells: Iterable[list[str]], path: Path) -> None:
    """Writes rows as the only sheet of a workbook."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Students")
    sheet.append(list(HEADER))
    for row in cells:
        sheet.append(row)
    book.save(path)


def main() -> None:
    """Writes the file that the arguments name; a path that ends in .xlsx becomes a workbook."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--variant", choices=VARIANTS, default="base")
    parser.add_argument("--seed", type=int, default=8)
    given = parser.parse_args()
    if given.path.suffix == ".xlsx":
        write_workbook(variant_rows(given.variant, given.rows, given.seed), given.path)
        return
    with given.path.open("w", encoding="utf-8", newline="") as file:
        write(given.variant, given.rows, file, given.seed)


if __name__ == "__main__":
    main()
