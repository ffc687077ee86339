"""Every damage that exports really have, in files of our own making, from the file to the records.

`docs/nasty-exports.md` lists them by number and names the tests of each.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mi_sync.model import Kind
from workbooks import number, text, workbook
from world import World

PROGRAMME = '[programme]\nid = "spring-2026-7f3k9q"\ntimezone = "America/Chicago"\n'
KINDS: tuple[Kind, ...] = ("posting", "applicant", "application", "feedback")


@dataclass
class Pulled:
    """What `pull` made of a folder: records and rows left out, how rows were counted, and what was told."""

    records: dict[str, list[dict[str, Any]]]
    left_out: dict[tuple[str, int], str]
    counts: dict[str, tuple[int, int, int, int]]
    told: list[str]

    def __getattr__(self, kind: str) -> list[dict[str, Any]]:
        return self.records[kind]

    def tells(self, *words: str) -> bool:
        """Whether one of the notes has all these words."""
        return any(all(word in note for word in words) for note in self.told)


class Desk:
    """A folder in which every file is a source of its own, whose mapping nobody names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rounds = 0

    def pull(self, files: Mapping[str, str | bytes], **settings: str) -> Pulled:
        """Reads these files for the first time; `settings` are lines of TOML for their sources, by name."""
        self._rounds += 1
        folder = self._folder / str(self._rounds)
        folder.mkdir()
        world = World(folder, PROGRAMME + "".join(_source(name, settings) for name in files))
        for name, content in files.items():
            world.write(name, content)
        try:
            return _pulled(world)
        finally:
            world.store.close()


def _source(file: str, settings: Mapping[str, str]) -> str:
    name = Path(file).stem
    told = settings.get(name, "")
    return f'\n[[sources]]\nname = "{name}"\nnamespace = "jobs"\nconnector = "files"\npath = "{file}"\n{told}\n'


def _pulled(world: World) -> Pulled:
    result = world.pull()
    return Pulled(
        {kind: [record.model_dump(mode="json") for record in world.store.records(kind)] for kind in KINDS},
        {(q.file, q.line): q.field for q in world.store.quarantine()},
        {name: (c.mapped, c.unchanged, c.quarantined, c.skipped) for name, c in result.sources.items()},
        [f"{problem.where}: {problem.field} {problem.why}" for problem in result.problems],
    )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def table(rows: Sequence[Sequence[str]], delimiter: str = ",", end: str = "\r\n") -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows(rows)
    return out.getvalue()


JOBS = [["id", "title", "summary"], ["P-1", "Donor dashboard", "Who gives?"], ["P-2", "Größe, Maß", "Zwei\nZeilen"]]
SAVED = [
    ["Saved Date", "Job Url", "Job Title", "Company Name"],
    ["11/19/24, 9:40 PM", "https://www.linkedin.com/jobs/view/7", "Donor dashboard", "Müller"],
    ["1/2/26, 12:01 PM", "https://www.linkedin.com/jobs/view/9", "Größe, Maß", "Muestra"],
]
TITLES = ["Donor dashboard", "Größe, Maß"]


def titles(pulled: Pulled) -> list[str]:
    return sorted(record["title"] for record in pulled.posting)


# -- 1 to 3: bytes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [JOBS, SAVED], ids=["own", "linkedin"])
@pytest.mark.parametrize("delimiter", ["\t", ";"], ids=["tab", "semicolon"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_a_byte_order_mark_is_no_text(desk: Desk, rows: list[list[str]], delimiter: str, encoding: str) -> None:
    pulled = desk.pull({"jobs.csv": ("\ufeff" + table(rows, delimiter)).encode(encoding)})
    assert (titles(pulled), pulled.left_out) == (TITLES, {})
    assert pulled.tells("UTF-16") == ("16" in encoding)


@pytest.mark.parametrize("encoding", ["cp1252", "iso-8859-1"])
@pytest.mark.parametrize("delimiter", [";", ","])
def test_a_file_in_windows_letters_is_read_and_the_guess_is_told(desk: Desk, encoding: str, delimiter: str) -> None:
    pulled = desk.pull({"jobs.csv": table(JOBS, delimiter).encode(encoding)})
    assert titles(pulled) == TITLES
    assert pulled.tells("jobs.csv:3", "Windows-1252", "encoding =")


def test_text_that_was_garbled_before_stays_as_it_is_written(desk: Desk) -> None:
    pulled = desk.pull({"jobs.csv": table([JOBS[0], ["P-1", "GrÃ¶ÃŸe", "Ã¼"]])})
    assert titles(pulled) == ["GrÃ¶ÃŸe"]


@pytest.mark.parametrize(
    ("declared", "encoding", "end"),
    [
        ("sep=;", "utf-8-sig", "\r\n"),
        ("sep=;", "utf-16", "\r\n"),
        ('"sep=;"', "utf-8", "\n"),
        ("SEP=;", "cp1252", "\n"),
    ],
)
def test_a_sep_line_is_no_row_in_any_encoding(desk: Desk, declared: str, encoding: str, end: str) -> None:
    written = declared + end + table(JOBS, ";", end)
    assert titles(desk.pull({"jobs.csv": written.encode(encoding)})) == TITLES


# -- 4 to 8: rows ----------------------------------------------------------------------------------------

NOTES = 'Notes:\n"When exporting your connection data, you may notice; that some\nare missing."\n\n'
ABOVE = {
    "linkedin": NOTES,
    "sheets": "https://app.asana.com/0/1200/list?x=1\n\n\n",
    "tutor": "Tutor feedback\n",
}


@pytest.mark.parametrize("above", ABOVE.values(), ids=ABOVE)
@pytest.mark.parametrize(("mark", "delimiter"), [("", ","), ("", ";"), ("\ufeff", "\t")])
def test_what_stands_above_the_header_is_no_row(desk: Desk, above: str, mark: str, delimiter: str) -> None:
    pulled = desk.pull({"jobs.csv": mark + above + table(JOBS, delimiter, "\n")})
    assert (titles(pulled), pulled.counts["jobs"]) == (TITLES, (2, 0, 0, 0))


HEADER_ROWS = {
    "qualtrics": [
        ["StartDate", "EndDate", "Status", "IPAddress", "Finished", "RecordedDate", "ResponseId", "RecipientEmail", "Q1", "Q2"],
        ["Start Date", "End Date", "Response Type", "IP\nAddress", "Finished", "Recorded Date", "Response ID", "Recipient Email",
         "Which project is this about?", "How would you rate the project?"],
        [f'{{"ImportId":"{name}"}}' for name in ("a", "b", "c", "d", "e", "f", "g", "h", "i", "j")],
        ["2026-03-09", "2026-03-09", "IP Address", "192.0.2.1", "True", "2026-03-09", "R_1", "ana@s.example", "Donor dashboard", "5"],
    ],
    "qualtrics before 2016": [
        [*(f"V{n}" for n in range(1, 11)), "Q1", "Q2", "LocationLatitude", ""],
        ["ResponseID", "ResponseSet", "Name", "ExternalDataReference", "EmailAddress", "IPAddress", "Status", "StartDate",
         "EndDate", "Finished", "Which project is this about?", "How would you rate the project?", "LocationLatitude", ""],
        ["R_1", "Default", "Ana Lopez", "", "ana@s.example", "192.0.2.1", "0", "2026-03-09 10:00:00", "2026-03-09 10:05:00",
         "1", "Donor dashboard", "5", "33.6", ""],
    ],
    "surveymonkey": [
        ["Respondent ID", "Collector ID", "Start Date", "End Date", "IP Address", "Which project is this about?",
         "How would you rate the project?", "", "Your email"],
        ["", "", "", "", "", "Response", "Response", "Other", "Open-Ended Response"],
        ["11", "7", "03/09/2026", "03/19/2026", "192.0.2.1", "Donor dashboard", "5", "", "ana@s.example"],
    ],
}  # fmt: skip
APPLIED = "id,name,email,posting_id,status\nS-1,Ana Lopez,ana@s.example,P-1,accepted\n"
SAYS = 'constants = { kind = "final", by = "intern" }\nscale = [1, 5]'


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("rows", HEADER_ROWS.values(), ids=HEADER_ROWS)
def test_a_survey_with_several_header_rows_fills_the_record(desk: Desk, rows: list[list[str]], mark: str) -> None:
    files = {"jobs.csv": table(JOBS), "people.csv": APPLIED, "survey.csv": mark + table(rows)}
    pulled = desk.pull(files, survey=SAYS)
    (answer,) = pulled.feedback
    assert (answer["rating"], answer["kind"], pulled.counts["survey"]) == (1.0, "final", (1, 0, 0, 0))
    assert answer["submitted_at"][:7] == "2026-03"
    assert "192.0.2.1" not in repr(pulled)
    assert "33.6" not in repr(pulled)


def test_a_mark_behind_the_header_names_no_column(desk: Desk) -> None:
    pulled = desk.pull(
        {"people.txt": "First Name\tLast Name\tEmail\t**EndOfHeader**\nAda\tL\ta@x.example\nBo\tX\tb@x.example\t\n"}
    )
    assert sorted(it["name"] for it in pulled.applicant) == ["Ada L", "Bo X"]


def test_columns_of_one_name_are_all_kept(desk: Desk) -> None:
    forms = [
        ["Timestamp", "Email Address", "Which project is this about?", "Score", "How would you rate the project?", "Score", "Email Address"],
        ["9/6/2018 0:06:16", "", "Donor dashboard", "1", "5", "2", "ana@s.example"],
    ]  # fmt: skip
    files = {"jobs.csv": table(JOBS), "people.csv": APPLIED, "form.csv": table(forms)}
    pulled = desk.pull(files, form=f'{SAYS}\ndates = "mdy"')
    assert [it["submitted_at"][:10] for it in pulled.feedback] == ["2018-09-06"]
    # Of three columns called alike none is taken for another one.
    repeated = table([["Name", "Email", "School", "School", "School"], ["Ada", "a@x.example", "A", "B", "C"]])
    assert [it["school"] for it in desk.pull({"people.csv": repeated}).applicant] == ["A"]


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_newlines_in_headers_and_cells_are_text(desk: Desk, end: str) -> None:
    typeform = table(
        [
            ["#", "Your email", "Which project did\nyou work on?", "How would you rate your experience?", "Anything else?", "Submit Date (UTC)", "Ending"],
            ["0a1b", "ana@s.example", "Donor dashboard", "5", "Two\nlines.", "2026-03-31 02:30:00", "Thank you!\nBye."],
        ],
        end=end,
    )  # fmt: skip
    pulled = desk.pull({"jobs.csv": table(JOBS, end=end), "people.csv": APPLIED, "form.csv": typeform}, form=SAYS)
    assert ([it["comments"] for it in pulled.feedback], pulled.left_out) == (["Two\nlines."], {})
    assert {it["summary"] for it in pulled.posting} == {"Who gives?", "Zwei\nZeilen"}


def test_blank_short_and_wide_rows_and_totals_are_told_apart(desk: Desk) -> None:
    rows = (
        "id,title,summary,openings,\nP-1,Atlas,x,2,\n,,,,\n\nP-2,Index\nP-3,Map,a, b,1,9\nP-4,Plan,x,3,,,\nTotal,,,6,\n"
    )
    pulled = desk.pull({"jobs.csv": rows})
    assert titles(pulled) == ["Atlas", "Index", "Plan"]
    assert (set(pulled.left_out), pulled.counts["jobs"]) == ({("jobs.csv", 6)}, (3, 0, 1, 1))
    assert pulled.tells("jobs.csv:8", "total")


MONSTER = '''sep=;
Export of projects, 2026

id;title;summary;starts_on;pay
P-1;Größe \u2013 Maß;"Zwei
Zeilen; und ""Zitat""";13/04/2026;450
;;;;
P-2;Kurz
P-3;Drei;x;03/04/2026;7,500;
P-4;Vier;x;3/5/2026;1;2
1.21143E+15;Fünf;x;;
Total;;;;7950
End of report
'''


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_everything_at_once(desk: Desk, encoding: str, end: str) -> None:
    pulled = desk.pull({"jobs.csv": MONSTER.replace("\n", end).encode(encoding)})
    found = {it["id"]: (it["title"], it["summary"], it["starts_on"]) for it in pulled.posting}
    assert found == {
        "P-1": ("Größe \u2013 Maß", 'Zwei\nZeilen; und "Zitat"', "2026-04-13"),
        "P-2": ("Kurz", None, None),
        "P-3": ("Drei", "x", "2026-04-03"),
    }
    assert (pulled.left_out, pulled.counts["jobs"]) == ({("jobs.csv", 10): "", ("jobs.csv", 11): "id"}, (3, 0, 2, 2))
    assert pulled.tells("jobs.csv:5", "Windows-1252") == (encoding == "cp1252")


# -- 9 to 14: cells --------------------------------------------------------------------------------------


def values(desk: Desk, field: str, cells: Sequence[str], **settings: str) -> list[Any]:
    """What a column of postings becomes, cell by cell; "out" where the row is left out."""
    rows = [[f"P-{n}", "T", cell] for n, cell in enumerate(cells)]
    pulled = desk.pull({"jobs.csv": table([["id", "title", field], *rows])}, **settings)
    found = {it["id"]: it[field] for it in pulled.posting}
    assert len(found) + len(pulled.left_out) == len(cells)
    return [found.get(f"P-{n}", "out") for n in range(len(cells))]


DIALOG = "The value that you entered is not valid. A user has restricted values that can be entered into this cell."


def test_what_a_spreadsheet_did_to_cells_is_refused_and_its_text_is_text(desk: Desk) -> None:
    cells = ["#REF!", "#N/A", "#NAME?", "#BEZUG!", "########", "#1 in sales", "C#"]
    rows = [
        ["id", "title"],
        ["1.21143E+15", "x"],
        ["#REF!", "x"],
        ["'0012", "kept"],
        *[[f"P-{n}", it] for n, it in enumerate(cells)],
    ]
    pulled = desk.pull({"jobs.csv": table([*rows, ["P-9", DIALOG]])})
    assert titles(pulled) == ["#1 in sales", "C#", DIALOG, "kept"]
    assert list(pulled.left_out.values()) == ["id", "id", "title", "title", "title", "title", "title"]
    assert pulled.tells("#REF!", "mend it there")
    failed = workbook(
        {"S": [[text("id"), text("title")], ['<c t="e"><v>#REF!</v></c>', text("x")], [text("P-1"), text("y")]]}
    )
    pulled = desk.pull({"jobs.xlsx": failed})
    assert (titles(pulled), pulled.left_out) == (["y"], {("jobs.xlsx", 2): "id"})


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_header_that_comes_again_is_no_record(desk: Desk, mark: str) -> None:
    pulled = desk.pull({"jobs.csv": f"{table(JOBS)}\n{mark}{table([JOBS[0], ['P-3', 'title', 'summary']])}"})
    assert (titles(pulled), pulled.counts["jobs"]) == ([*TITLES, "title"], (3, 0, 0, 1))
    assert pulled.tells("jobs.csv:6", "the header once more")


def test_sheets_that_are_not_read_are_named(desk: Desk) -> None:
    rows = [[text("id"), text("title")], [text("P-1"), text("Atlas")]]
    book = workbook({"Spring": rows, "Blank": [[text("")]], "Fall": rows, "Old": rows}, hidden=["Old"])
    assert [note for note in desk.pull({"jobs.xlsx": book}).told if "Spring" in note and "'Fall'" in note]
    assert desk.pull({"jobs.xlsx": book}, jobs='sheet = "Fall"').told == []
    assert desk.pull({"jobs.xlsx": workbook({"Spring": rows, "Blank": []})}).told == []


def test_what_failed_in_a_spreadsheet_may_be_said_to_mean_nothing(desk: Desk) -> None:
    settings = 'values = { category = { "#N/A" = "" } }'
    assert values(desk, "category", ["#N/A", "#REF!", "Research"], jobs=settings) == [None, "out", "Research"]


@pytest.mark.parametrize("epoch_1904", [False, True])
def test_serial_dates_are_days_or_refused(desk: Desk, *, epoch_1904: bool) -> None:
    serials = [number("46083", 1), number("61", 1), number("60", 1), number("46083"), number("-1", 1), text("46083")]
    rows = [[text(f"P-{n}"), text("T"), cell] for n, cell in enumerate(serials)]
    data = workbook({"S": [[text(name) for name in ("id", "title", "starts_on")], *rows]}, epoch_1904=epoch_1904)
    pulled = desk.pull({"jobs.xlsx": data})
    found = {it["id"]: it["starts_on"] for it in pulled.posting}
    days = (
        {"P-0": "2030-03-03", "P-1": "1904-03-02", "P-2": "1904-03-01"}
        if epoch_1904
        else {"P-0": "2026-03-02", "P-1": "1900-03-01"}
    )
    assert found == days
    assert len(found) + len(pulled.left_out) == len(serials)


def test_a_merged_cell_says_only_what_its_first_row_says(desk: Desk) -> None:
    """A merged cell has its text in the first of its rows; the others are not filled in by a guess."""
    names = [
        [text("id"), text("title"), text("organization")],
        [text("P-1"), text("A"), text("Labs")],
        [text("P-2"), text("B"), "<c/>"],
    ]
    found = {it["id"]: it["organization"] for it in desk.pull({"jobs.xlsx": workbook({"S": names})}).posting}
    assert found == {"P-1": "Labs", "P-2": None}


DATES = {
    "05 Mar 2024": "2024-03-05",
    "7-Feb-22": "2022-02-07",
    "2026/04/16 1:00:00 PM EST": "2026-04-16",
    "Thu, 31 Jul 2014 07:27:14 PDT": "2014-07-31",
    "24th January 2023": "2023-01-24",
    "Tue, 29 Jun 2021 22:49:39 GMT": "2021-06-29",
    "2017-03-18T00:00": "2017-03-18",
}


def test_dates_are_read_as_people_and_systems_write_them(desk: Desk) -> None:
    assert values(desk, "posted_on", list(DATES)) == list(DATES.values())
    assert values(desk, "posted_on", ["9/6/2018 0:06:16", "21/07/2025 10:04:21"]) == ["2018-06-09", "2025-07-21"]
    assert values(desk, "posted_on", ["9/6/2018", "22/9/2025", "6/9/2018"]) == [
        "2018-06-09",
        "2025-09-22",
        "2018-09-06",
    ]
    assert values(desk, "posted_on", ["9/6/2018", "9/22/2025"]) == ["2018-09-06", "2025-09-22"]


def test_dates_that_nothing_decides_are_refused_until_the_source_says_how(desk: Desk) -> None:
    assert values(desk, "posted_on", ["9/6/2018", "5/6/2018", "2026-01-01"]) == ["out", "out", "2026-01-01"]
    assert values(desk, "posted_on", ["9/6/2018", "22/9/2025", "9/22/2025"]) == ["out", "2025-09-22", "2025-09-22"]
    assert values(desk, "posted_on", ["03/04/26", "1772442000000", "46083"]) == ["out", "out", "out"]
    assert values(desk, "posted_on", ["9/6/2018", "03/04/26"], jobs='dates = "mdy"') == ["2018-09-06", "2026-03-04"]


PAY = {
    "$450 USD": (450, 450, "USD", None),
    "$50K per year": (50000, 50000, None, "year"),
    "$10 - $20 / hour": (10, 20, None, "hour"),
    "$100,000": (100000, 100000, None, None),
    "7,500": (7500, 7500, None, None),
    "$350 - $550 stipend": (350, 550, None, None),
    "\u20b915,000 / month": (15000, 15000, "INR", "month"),
    "$15-$25 per hour": (15, 25, None, "hour"),
    "$15\u2013$25/hr": (15, 25, None, "hour"),
    "$450.00 fixed fee": (450, 450, None, "fixed"),
}


def test_pay_is_read_as_it_is_written_and_says_no_more(desk: Desk) -> None:
    found = [tuple(it.values()) if it != "out" else it for it in values(desk, "pay", list(PAY))]
    assert found == list(PAY.values())
    assert values(desk, "pay", ["1.200", "$20 plus bonus", "-450", "about 20"]) == ["out"] * 4
    assert values(desk, "pay", ["DOE", "TBD"]) == [None, None]


PEOPLE = ["Name", "Email", "Phone", "Majors", "Skills", "Graduation"]


def people(desk: Desk, *rows: Sequence[str]) -> list[dict[str, Any]]:
    """The applicants that rows of name, address, phone, majors, skills and graduation make, in their order."""
    pulled = desk.pull({"people.csv": table([PEOPLE, *[[*row, *[""] * len(PEOPLE)][: len(PEOPLE)] for row in rows]])})
    assert pulled.left_out == {}
    found = {it["email"]: it for it in pulled.applicant}
    return [found[row[1].strip().casefold()] for row in rows]


def test_lists_are_split_where_their_column_says_and_nowhere_else(desk: Desk) -> None:
    first, second, third = people(
        desk,
        ["Ana", "a@x.example", "", '"Maths; pure";"Art"', '["SQL","C; C++"]'],
        ["Bo", "b@x.example", "", "Engineering|Biology", "a; b"],
        ["Cy", "c@x.example", "", "Smith, Jr.", "x / y"],
    )
    assert (first["majors"], first["skills"]) == (["Maths; pure", "Art"], ["SQL", "C; C++"])
    assert (second["majors"], second["skills"]) == (["Engineering|Biology"], ["a", "b"])
    assert (third["majors"], third["skills"]) == (["Smith, Jr."], ["x / y"])


def test_names_are_people_and_keep_what_belongs_to_them(desk: Desk) -> None:
    names = ["WANDA EXAMPLE", "Ana Lopez  ", "Madonna", "O'Brien", "O'Brien, Sam", "Real\u00a0Name", "SMITH, ANNA, JR."]
    found = people(desk, *[[name, f"a{n}@x.example"] for n, name in enumerate(names)])
    assert [it["name"] for it in found] == [
        *("Wanda Example", "Ana Lopez", "Madonna", "O'Brien", "Sam O'Brien", "Real Name", "Anna Smith, Jr."),
    ]
    drifted = "Full\u00a0Name ,E-mail Address\nAna,a@x.example\n"
    assert [it["name"] for it in desk.pull({"people.csv": drifted}).applicant] == ["Ana"]
    assert titles(desk.pull({"jobs.csv": "id,title\nP-1,Data \u2013 cleaning\n"})) == ["Data \u2013 cleaning"]


# -- 15 to 19: texts, formulas, people, feeds ------------------------------------------------------------

JOB = """<job><title><![CDATA[{title}]]></title><date>{date}</date><referencenumber>{ref}</referencenumber>
<url>https://x.example/{ref}</url><company>{company}</company><city>Irvine</city><state>CA</state><country>US</country>
<description><![CDATA[{text}]]></description></job>"""


def job(
    title: str = "Atlas", ref: str = "R-1", company: str = "Labs", text: str = "x", date: str = "2026-03-02"
) -> str:
    return JOB.format(title=title, ref=ref, company=company, text=text, date=date)


def feed(*jobs: str, around: str = "source") -> str:
    head = "<publisher>x</publisher><lastBuildDate></lastBuildDate>"
    return f'<?xml version="1.0" encoding="utf-8"?>\n<{around}>{head}\n{"".join(jobs)}</{around}>'


def test_html_becomes_markdown_however_often_it_was_escaped(desk: Desk) -> None:
    pulled = desk.pull(
        {"feed.xml": feed(job("Gesti&oacute;n", text="<p>Dise&ntilde;o <b>one</b></p><ul><li>a</li></ul>"))}
    )
    (posting,) = pulled.posting
    assert (posting["title"], posting["summary"]) == ("Gesti\u00f3n", "Dise\u00f1o **one**\n\n- a")
    board = {"id": 1, "title": "T", "internal_job_id": 2, "requisition_id": "R", "location": {"name": "Basel"}, "metadata": None,
             "updated_at": "2026-03-02", "absolute_url": "https://x.example/1", "content": "&amp;lt;p&amp;gt;A &amp;amp;amp; b&amp;lt;/p&amp;gt;"}  # fmt: skip
    (posting,) = desk.pull({"board.json": json.dumps({"jobs": [board], "meta": {"total": 1}})}).posting
    assert posting["summary"] == "A & b"


def test_a_formula_is_text_and_an_apostrophe_before_a_phone_is_none(desk: Desk) -> None:
    first, second = people(
        desk, ["=cmd|x", "a@x.example", "'+1 657 555 0168"], ["O'Brien", "b@x.example", "+1 657 555 0143"]
    )
    assert (first["name"], first["phone"], second["phone"]) == ("=cmd|x", "+1 657 555 0168", "+1 657 555 0143")


INDEED = ["name", "email", "phone", "status", "candidate location", "relevant experience", "education", "job title",
          "job location", "date", "interest level", "source"]  # fmt: skip


def indeed(address: str, title: str) -> str:
    return table(
        [INDEED, ["ANA LOPEZ", address, "'+1 657 555 0168", "Hired", "", "", "", title, "", "2026-04-11", "", ""]]
    )


def test_addresses_join_people_and_relays_do_not(desk: Desk) -> None:
    office = [
        ["First Name", "Last Name", "Email Address", "Job Title", "Status"],
        ["Ana", "Lopez", "ana.l+x@uni.example", "Donor dashboard", "Hired"],
        ["Ana", "Lopez", " ANA.L+X@UNI.EXAMPLE ", "Größe, Maß", "Pending"],
        ["Ana", "Lopez", "anal+x@uni.example", "Donor dashboard", "Pending"],
    ]
    files = {"jobs.csv": table(JOBS), "office.csv": table(office), "one.csv": indeed("ana1_x@indeedemail.com", TITLES[0]),
             "two.csv": indeed("ana2_x@indeedemail.com", TITLES[1])}  # fmt: skip
    pulled = desk.pull(files)
    assert sorted(it["email"] for it in pulled.applicant) == [
        *("ana.l+x@uni.example", "ana1_x@indeedemail.com", "ana2_x@indeedemail.com", "anal+x@uni.example"),
    ]
    assert (len(pulled.application), pulled.left_out) == (5, {})


def test_people_without_an_address_go_by_their_profile(desk: Desk) -> None:
    rows = "Ada,L,https://www.linkedin.com/in/ada,,Corp,x,05 Mar 2024\nBo,X,,,Corp,x,05 Mar 2024\n"
    pulled = desk.pull(
        {"people.csv": f"{NOTES}First Name,Last Name,URL,Email Address,Company,Position,Connected On\n{rows}"}
    )
    assert [it["id"] for it in pulled.applicant] == ["https://www.linkedin.com/in/ada"]
    assert pulled.left_out == {("people.csv", 7): "email"}


def test_a_feed_that_repeats_itself_is_one_posting_for_each_reference(desk: Desk) -> None:
    pulled = desk.pull({"feed.xml": feed(*[job()] * 3, job("Other"), job("Index", "R-2", company=""))})
    assert (sorted(it["id"] for it in pulled.posting), pulled.counts["feed"]) == (["R-1", "R-2"], (2, 0, 0, 3))
    assert [sum(words in note for note in pulled.told) for words in ("says otherwise (title)", "repeats")] != [0, 0]
    assert len(pulled.told) == 3


def test_what_follows_a_feed_is_told_and_never_hides_postings(desk: Desk) -> None:
    whole = feed(job(), job("Index", "R-2"))
    pulled = desk.pull({"feed.xml": f"{whole}\n<!-- made by x -->\n\n"})
    assert (titles(pulled), pulled.told) == (["Atlas", "Index"], [])
    pulled = desk.pull({"feed.xml": f"{whole}\n</xml> junk & more <<<"})
    assert titles(pulled) == ["Atlas", "Index"]
    assert pulled.tells("feed.xml:8", "is not read")


@pytest.mark.parametrize("between", ["\n", "\njunk\n", " " * 70_000])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_second_feed_in_one_file_is_refused(desk: Desk, between: str, encoding: str) -> None:
    whole = feed(job()).replace("utf-8", encoding)
    pulled = desk.pull({"feed.xml": (whole + between + feed(job("Index", "R-2"))).encode(encoding)})
    assert pulled.posting == []
    assert pulled.tells("feed.xml:", "more elements follow", "a file of its own")


def test_postings_in_several_places_of_a_feed_are_refused(desk: Desk) -> None:
    scattered = feed(job(), f"<group>{job('Index', 'R-2')}</group>", job("Map", "R-3"))
    for settings in ("", 'sheet = "job"'):
        pulled = desk.pull({"feed.xml": scattered}, feed=settings)
        assert pulled.posting == []
        assert pulled.tells("source/job and source/group/job")
    related = feed(job().replace("</job>", f"<related>{job('Index', 'R-2')}</related></job>"))
    assert [it["id"] for it in desk.pull({"feed.xml": related}).posting] == ["R-1"]


def test_an_element_behind_a_feed_is_seen_wherever_the_reading_pauses(desk: Desk) -> None:
    whole = f"{feed(job())}\njunk"
    for paused in (65_534, 65_535, 65_536):
        pulled = desk.pull({"feed.xml": f"{whole.ljust(paused)}<job"})
        assert (pulled.posting, pulled.tells("more elements follow")) == ([], True)


def test_misspelt_cdata_and_other_case_of_elements_are_understood(desk: Desk) -> None:
    misspelt = feed(job()).replace("<![CDATA[Atlas]]>", "![CDATA[Atlas]]")
    assert titles(desk.pull({"feed.xml": misspelt})) == ["Atlas"]
    drifted = feed(job()).replace("title>", "TITLE>").replace("referencenumber", "ReferenceNumber")
    assert titles(desk.pull({"feed.xml": drifted})) == ["Atlas"]
    nested = feed(job()).replace("job>", "entry>")
    assert titles(desk.pull({"feed.xml": nested})) == ["Atlas"]
    unfinished = desk.pull({"feed.xml": feed(job()).replace("<![CDATA[Atlas]]>", "![CDATA[Atlas]]>")})
    assert unfinished.tells("feed.xml:3", "no XML")


def test_a_feed_has_the_day_first_where_its_column_says_so(desk: Desk) -> None:
    days = [job(date="3/4/2026"), job("Index", "R-2", date="19/4/2026")]
    assert {it["posted_on"] for it in desk.pull({"feed.xml": feed(*days)}).posting} == {"2026-04-03", "2026-04-19"}
    assert desk.pull({"feed.xml": feed(days[0])}).left_out == {("feed.xml", 1): "posted_on"}


def test_a_feed_that_declares_entities_is_refused(desk: Desk) -> None:
    secret = '<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    bomb = '<!DOCTYPE s [<!ENTITY a "ha"><!ENTITY x "&a;&a;&a;&a;">]>'
    for declared in (secret, bomb):
        pulled = desk.pull({"feed.xml": declared + feed(job("&x;")).split("\n", 1)[1]})
        assert (pulled.posting, pulled.tells("declares entities")) == ([], True)


def test_a_graduation_is_as_exact_as_it_is_written(desk: Desk) -> None:
    said = ["Spring 2026", "May 2027", "2027", "2026-05-15", "Junior", "Class of 2026"]
    found = people(desk, *[["A", f"a{n}@x.example", "", "", "", it] for n, it in enumerate(said)])
    assert [it["graduation"] for it in found] == ["2026 spring", "2027-05", "2027", "2026-05-15", "Junior", "2026"]


# -- 20: what is never kept ------------------------------------------------------------------------------

NEVER_KEPT = ["candidateEthnicity", "Race", "Gender", "gender identity", "First Gen", "Disability Status", "Veteran Status",
              "work_authorization_name", "Visa status", "IP Address", "Location Latitude"]  # fmt: skip


def test_what_is_never_kept_is_in_no_record_note_or_state(desk: Desk, tmp_path: Path) -> None:
    rows = [["Name", "Email", "Status", "Job Title", *NEVER_KEPT]]
    rows += [["Ana", "a@x.example", "Hired", TITLES[0], *["Sentinel"] * len(NEVER_KEPT)]]
    rows += [["Bo", "no address", "Hired", TITLES[0], *["Sentinel"] * len(NEVER_KEPT)]]  # is quarantined
    pulled = desk.pull({"jobs.csv": table(JOBS), "people.csv": table(rows)})
    assert (len(pulled.application), pulled.left_out) == (1, {("people.csv", 3): "applicant.email"})
    assert "Sentinel" not in repr(pulled)
    states = [path for path in tmp_path.rglob("state.db*") if path.is_file()]
    assert states
    assert [path for path in states if b"Sentinel" in path.read_bytes()] == []


# -- all of them, side by side ---------------------------------------------------------------------------

EXPORTS = Path(__file__).parents[1] / "data" / "exports"
ATTESTED = {
    "Handshake, student import": "handshake_student_import.csv",
    "Handshake, applicant list": "handshake_applicant_list.csv",
    "LinkedIn, job applications": "linkedin_job_applications.csv",
    "LinkedIn, saved jobs": "linkedin_saved_jobs.csv",
    "LinkedIn, connections": "linkedin_connections.csv",
    "LinkedIn, Talent Hub": "linkedin_talent_hub.csv",
    "LinkedIn, feed": "linkedin_xml.xml",
    "Indeed, candidates": "indeed_candidates.csv",
    "Indeed and ZipRecruiter, feed": "indeed_xml.xml",
    "Jobrapido, feed": "jobrapido_xml.xml",
    "Greenhouse, candidates": "greenhouse_candidates.json",
    "Greenhouse, applications": "greenhouse_applications.json",
    "Greenhouse, job board": "greenhouse_job_board.json",
    "Lever, postings": "lever_postings.json",
    "Lever, import template": "lever_import.csv",
    "SmartRecruiters, report": "smartrecruiters_applications.csv",
    "12twenty, outcomes": "twelve_twenty_outcomes.csv",
    "schema.org, job posting": "schema_org_jobposting.html",
    "JSON Resume": "json_resume.json",
    "Google Forms": "google_forms.csv",
    "Qualtrics": "qualtrics.csv",
    "SurveyMonkey": "surveymonkey.csv",
    "Typeform": "typeform.csv",
    "career fairs": "career_fair.csv",
    "our own, postings": "generic_postings.csv",
    "our own, feedback": "generic_feedback.csv",
    "our own, engagements": "engagements.csv",
}
"""Each attested format, and a file in its shape. Referrals look like any list of people, and Parker Dewey publishes none:
these two go by name."""
FORM = 'constants = {{ kind = "final", by = "{}" }}\nscale = [{}, {}]'
UNSAID = {
    "google_forms": FORM.format("intern", 1, 5),
    "qualtrics": FORM.format("intern", 1, 5),
    "surveymonkey": FORM.format("supervisor", 0, 10),
    "typeform": FORM.format("intern", 0, 10),
    "generic_feedback": "scale = [0, 1]",
    "smartrecruiters_applications": 'constants = { "posting.title" = "Data cleaning project" }',
}
"""What a file says nowhere, so that its source must."""


@contextmanager
def side_by_side(folder: Path, names: Sequence[str]) -> Iterator[World]:
    world = World(folder, PROGRAMME + "".join(_source(name, UNSAID) for name in names))
    for name in names:
        world.write(name, (EXPORTS / name).read_bytes())
    try:
        yield world
    finally:
        world.store.close()


def test_every_attested_format_is_read_without_being_named(tmp_path: Path) -> None:
    names = sorted(ATTESTED.values())
    assert names == sorted(path.name for path in EXPORTS.iterdir())
    with side_by_side(tmp_path, names) as world:
        assert world.pull().source_failures == []
        read = {name: world.store.file(Path(name).stem, name) for name in names}
        assert {name: it and it.how["mapping"] for name, it in read.items()} == {n: Path(n).stem for n in names}
        assert [name for name, it in read.items() if not it or not it.rows] == []
        # What is left out could be read, but means a posting that several of these exports have.
        assert [q.file for name in names for q in world.store.quarantine(Path(name).stem, "map")] == []
        assert {q.field for q in world.store.quarantine()} <= {"posting_title", "posting_id"}


def test_every_attested_format_finds_its_records(tmp_path: Path) -> None:
    others = [
        name
        for what, name in ATTESTED.items()
        if not re.search(r"post|feed$|job board|saved jobs|job applications", what)
    ]
    with side_by_side(tmp_path, ["generic_postings.csv", *others]) as world:
        left_out = {name: it.quarantined for name, it in world.pull().sources.items() if it.quarantined}
    assert left_out == {"linkedin_talent_hub": 2}  # whose projects have ids of their own
