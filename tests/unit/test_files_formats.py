"""How the connector reads every other format: what becomes a row, a column, a line, and what is refused."""

from __future__ import annotations

import gzip
import io
import json
import re
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mi_sync.connector import Context, Row, Table
from mi_sync.errors import EmptySource, SourceError
from mi_sync.values import BadValue, identifier
from mi_sync_files import FilesSource, Settings
from mi_sync_files.cells import MAX_ROW
from workbooks import number, text, workbook, zipped

SHARED_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
CSV = b"id,title\r\n1,Data\r\n"


def read(root: Path, name: str, content: bytes, path: str = "", **configured: str | int) -> tuple[Table, list[Row]]:
    (root / name).write_bytes(content)
    config = Settings.model_validate({"path": path or name, **configured})
    with FilesSource(config, Context("jobs", root, ZoneInfo("UTC"))).files()[0].open() as table:
        return table, list(table.rows)


def shown(root: Path, name: str, content: bytes, path: str = "", **configured: str | int) -> list[dict[str, str]]:
    table, rows = read(root, name, content, path, **configured)
    assert not [row for row in rows if row.fault]
    return [{n: c for n, c in zip(table.header, row.cells, strict=True) if c} for row in rows]


def refusal(root: Path, name: str, content: bytes, path: str = "", **configured: str | int) -> str:
    with pytest.raises(SourceError) as caught:
        read(root, name, content, path, **configured)
    assert str(caught.value).startswith(path or name)
    return str(caught.value)


# ------------------------------------------------------------------------------------------- what it is

ONE = [{"id": "1", "title": "Data"}]
FORMATS: Sequence[tuple[str, str, bytes]] = [
    ("csv", "t.csv", CSV),
    ("csv", "t.xlsx", CSV),
    ("csv", "t.json", CSV),
    ("tsv", "t.xml", b"id\ttitle\n1\tData\n"),
    ("xlsx", "t.csv", workbook({"S": [[text("id"), text("title")], [number("1"), text("Data")]]})),
    ("json", "t.csv", b'[\n  {"id": 1, "title": "Data"}]'),
    ("json", "t.json", b'\xef\xbb\xbf{"jobs": [{"id": 1, "title": "Data"}]}'),
    ("json", "t.json", '[{"id": 1, "title": "Data"}]'.encode("utf-16")),
    ("jsonl", "t.jsonl", b'{"id": 1, "title": "Data"}'),
    ("jsonl", "t.json", b'{"id": 1, "title": "Data"}\n{"id": ""}\n'),
    ("xml", "t.csv", b"<source><job><id>1</id><title>Data</title></job></source>"),
    ("xml", "t.txt", '\ufeff<?xml version="1.0"?><jobs><job id="1"/></jobs>'.encode()),
    ("html", "t.xml", b'<!DOCTYPE html><script type="application/ld+json">{"@type": "JobPosting", "id": 1}</script>'),
    ("csv", "t.csv", gzip.compress(CSV, mtime=0)),
    ("csv", "t.csv.gz", gzip.compress(CSV, mtime=0)),
    ("jsonl", "t.jsonl.gz", gzip.compress(b'{"id": 1}', mtime=0)),
    ("csv", "t.zip", zipped({"a/t.csv": CSV, "__MACOSX/t.csv": b"x", "readme.md": b"x"})),
    ("json", "t.zip", zipped({"t.json.gz": gzip.compress(b'[{"id": 1}]', mtime=0)})),
    ("xlsx", "t.zip", zipped({"t.xlsx": workbook({"S": [[text("id")], [number("1")]]})})),
]


@pytest.mark.parametrize(("kind", "name", "content"), FORMATS, ids=[f"{k}-{n}" for k, n, _ in FORMATS])
def test_the_format_is_found_by_content_and_a_lying_name_is_no_matter(
    tmp_path: Path, kind: str, name: str, content: bytes
) -> None:
    table, rows = read(tmp_path, name, content)
    assert table.format == kind
    assert rows
    assert rows[0].cells[0] == "1"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.json", b"[]"),
        ("t.json", b'{"jobs": [], "meta": {"total": 0}}'),
        ("t.jsonl", b"{}\n"),
        ("t.xml", b"<source><publisher>x</publisher></source>"),
        ("t.html", b'<html><script type="application/ld+json">{"@type": "Organization"}</script>'),
        ("t.xlsx", workbook({"S": []})),
        ("t.csv.gz", gzip.compress(b"", mtime=0)),
    ],
)
def test_a_file_without_records_is_an_empty_source(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(EmptySource, match=rf"^{name}"):
        read(tmp_path, name, content)


# ------------------------------------------------------------------------------------------------- json


def test_nested_objects_are_dotted_columns_and_lists_are_cells(tmp_path: Path) -> None:
    record = {
        "id": 12345678901234567890,
        "location": {"city": "Zürich", "geo": {"lat": 47.10}},
        "tags": ["a", "b;c", '"q"', None],
        "jobs": [{"name": "x"}, {"name": "y", "ids": [1, 2]}],
        "remote": True,
        "gone": None,
        "none": [],
        "empty": {},
    }
    table, (row,) = read(tmp_path, "t.json", json.dumps([record]).encode())
    assert dict(zip(table.header, row.cells, strict=True)) == {
        "id": "12345678901234567890",
        "location.city": "Zürich",
        "location.geo.lat": "47.1",
        "tags": 'a;"b;c";"""q""";',
        "jobs.0.name": "x",
        "jobs.1.name": "y",
        "jobs.1.ids": "1;2",
        "remote": "true",
        "gone": "",
        "none": "",
        "empty": "",
    }


def test_numbers_stay_as_they_are_written_and_a_name_that_comes_twice_is_two_columns(tmp_path: Path) -> None:
    rows = shown(tmp_path, "t.json", b'[{"a": 1.10, "b": 1e5, "c": -0, "d": 1, "d": 2}]')
    assert rows == [{"a": "1.10", "b": "1e5", "c": "-0", "d": "1", "d#2": "2"}]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b'{"jobs": [{"id": 1}, {"id": 2}], "meta": {"total": 2}}', [{"id": "1"}, {"id": "2"}]),
        (b'{"data": {"jobs": [{"id": 1}]}, "tags": ["x"]}', [{"id": "1"}]),
        (b'{"id": 7, "phones": [{"value": "x"}]}', [{"id": "7", "phones.0.value": "x"}]),
        (b'{"basics": {"name": "A"}, "work": [{"name": "W"}]}', [{"basics.name": "A", "work.0.name": "W"}]),
        (b'{"title": "x"}', [{"title": "x"}]),
        (b'{"@context": "https://schema.org", "@graph": [{"@type": "JobPosting", "title": "x"}]}', [{"title": "x"}]),
    ],
)
def test_which_objects_are_rows(tmp_path: Path, content: bytes, rows: list[dict[str, str]]) -> None:
    assert shown(tmp_path, "t.json", content) == rows


def test_two_lists_are_not_guessed_between(tmp_path: Path) -> None:
    content = b'{"data": {"jobs": [{"id": 1}], "people": [{"id": 2}]}}'
    why = refusal(tmp_path, "t.json", content)
    assert "there are: data.jobs, data.people. Say it: sheet" in why
    assert shown(tmp_path, "t.json", content, sheet="People") == [{"id": "2"}]
    assert shown(tmp_path, "t.json", content, sheet="data.jobs") == [{"id": "1"}]
    assert "not clear" in refusal(tmp_path, "t.json", content, sheet="applications")


def test_rows_go_by_the_number_of_their_record_and_errors_by_their_line(tmp_path: Path) -> None:
    _, rows = read(tmp_path, "t.json", b'{\n"jobs": [\n{"id": 1,\n"x": 2}\n,\n{}, {"id": 3}]\n}')
    assert [row.line for row in rows] == [1, 3]
    assert refusal(tmp_path, "t.json", b'[\n{"id": 1},\n{"id" 3}]').startswith("t.json:3: ")
    assert refusal(tmp_path, "t.xml", b"<s>\n<job>\n</jop>\n</s>").startswith("t.xml:3: ")


def test_a_record_that_cannot_be_read_is_at_fault_and_the_next_is_read(tmp_path: Path) -> None:
    deep = "[" * 70 + "]" * 70
    content = '[{"id": 1}, 2, ["x"], {"id": "\\ud800"}, {"id": "\\u0000"}, {"id": ' + deep + '}, {"id": 9}]'
    _, rows = read(tmp_path, "t.json", content.encode())
    assert [bool(row.fault) for row in rows] == [False, True, True, True, True, True, False]


def test_a_damaged_byte_costs_its_record(tmp_path: Path) -> None:
    content = '[{"n": "Zürich é ï ö"}, {"n": "M\udcfcller"}, {"n": "Łódź"}]'.encode("utf-8", "surrogateescape")
    table, rows = read(tmp_path, "t.json", content)
    assert (table.encoding, [list(row.cells) for row in rows]) == ("utf-8", [["Zürich é ï ö"], [], ["Łódź"]])
    assert "a byte that is no UTF-8" in rows[1].fault


def test_a_broken_line_of_json_lines_is_at_fault(tmp_path: Path) -> None:
    _, rows = read(tmp_path, "t.jsonl", b'{"id": 1}\n\n{"id": oops}\n' + b"[" * 100_000 + b'\n{"id": 4}\n')
    assert [(row.line, bool(row.fault)) for row in rows] == [(1, False), (3, True), (4, True), (5, False)]


# -------------------------------------------------------------------------------------------------- xml

FEED = b"""<?xml version="1.0" encoding="utf-8"?>
<source><publisher>P</publisher><lastBuildDate/>
<job id="7"><title><![CDATA[A <b>x</b>]]></title><location><city>Bern</city></location>
  <skill>a</skill><skill>b;c</skill><salaries><salary cur="USD"><low>1</low></salary><salary cur="EUR"><low>2</low></salary></salaries></job>
<job id="8"><title> B </title><empty/></job>
</source>
trailing junk <<<"""


def test_a_feeds_repeated_element_is_a_row_and_its_children_are_columns(tmp_path: Path) -> None:
    table, rows = read(tmp_path, "t.xml", FEED)
    assert [row.line for row in rows] == [1, 2]
    assert [{n: c for n, c in zip(table.header, row.cells, strict=True) if c} for row in rows] == [
        {
            "@id": "7",
            "title": "A <b>x</b>",
            "location.city": "Bern",
            "skill": 'a;"b;c"',
            "salaries.salary.@cur": "USD;EUR",
            "salaries.salary.low": "1;2",
        },
        {"@id": "8", "title": " B "},
    ]
    assert "empty" in table.header


@pytest.mark.parametrize(
    "content",
    [
        "<source><job><t>1</t></job></source>",
        "<source><jobs><job><t>1</t></job></jobs></source>",
        "<rss><channel><title>x</title><link>y</link><item><t>1</t></item></channel></rss>",
        "<feed><link rel='x'/><link rel='y'/><entry><t>1</t></entry></feed>",
        "<people><person><t>1</t></person></people>",
        "<people><head>x</head><person><t>1</t><a><b>2</b></a></person><person/></people>",
    ],
)
def test_which_element_is_a_row(tmp_path: Path, content: str) -> None:
    assert shown(tmp_path, "t.xml", content.encode())[0]["t"] == "1"


def test_two_elements_are_not_guessed_between(tmp_path: Path) -> None:
    content = b"<x><a><t>1</t></a><a/><b><t>2</t></b><b/></x>"
    assert "there are: a, b. Say it: sheet" in refusal(tmp_path, "t.xml", content)
    assert shown(tmp_path, "t.xml", content, sheet="B") == [{"t": "2"}]


def test_a_feed_says_its_own_encoding(tmp_path: Path) -> None:
    content = '<?xml version="1.0" encoding="iso-8859-1"?><s><job><t>Zürich</t></job></s>'.encode("latin-1")
    assert shown(tmp_path, "t.xml", content) == [{"t": "Zürich"}]


def test_text_beside_elements_is_kept(tmp_path: Path) -> None:
    assert shown(tmp_path, "t.xml", b"<s><job>x<p>y</p></job><job>z</job></s>") == [
        {"#text": "x", "p": "y"},
        {"#text": "z"},
    ]


# ------------------------------------------------------------------------------------------------- html


def test_every_posting_of_a_page_is_a_row(tmp_path: Path) -> None:
    page = """<html><head>
<SCRIPT type='application/ld+json'>[{"@type": "ItemList", "itemListElement": [{"item": {"@type": ["JobPosting"], "title": "a"}}]},
 {"@graph": [{"@type": "http://schema.org/JobPosting", "title": "b", "baseSalary": {"value": {"minValue": 20}}}]}]</SCRIPT>
<script>var x = "<b>"</script><script type="application/ld+json">// not JSON</script>
<script type="application/ld+json">{"@context": "x", "@type": "JobPosting", "title": "c\n"}</script></html>"""
    table, rows = read(tmp_path, "t.html", page.encode())
    assert table.header == ("title", "baseSalary.value.minValue")
    assert [(row.line, list(row.cells)) for row in rows] == [
        (1, ["a", ""]),
        (2, ["b", "20"]),
        (3, []),
        (4, ["c\n", ""]),
    ]
    assert "broken" in rows[2].fault


def test_a_page_without_json_ld_is_refused(tmp_path: Path) -> None:
    assert "no JSON-LD" in refusal(tmp_path, "t.html", b"<!DOCTYPE html><table><tr><td>x</td></tr></table>")


# ------------------------------------------------------------------------------------------------- xlsx


def test_cells_of_a_sheet_are_as_people_see_them(tmp_path: Path) -> None:
    header = [text(name) for name in ("n", "f", "d", "t", "s")]
    row = [number("450.0"), number("0.30000000000000004"), number("46083", 1), number("46083.75", 2), text("007")]
    big = [number("1211430000000000"), number("121143E+7"), number("61", 1), number("60", 1), number("1", 1)]
    table, rows = read(tmp_path, "t.xlsx", workbook({"S": [header, row, [], big]}))
    assert table.format == "xlsx"
    assert [(r.line, list(r.cells)) for r in rows] == [
        (2, ["450", "0.3", "2026-03-02", "2026-03-02T18:00:00", "007"]),
        (4, ["1.21143000000000E+15", "1211430000000", "1900-03-01", "60", "1900-01-01"]),  # 60 was no day
    ]


def test_a_formula_is_what_it_gave_or_its_text_and_never_nothing(tmp_path: Path) -> None:
    computed = '<c t="str"><f>HYPERLINK("https://x.example")</f><v>Data</v></c><c><f>1+1</f><v>2</v></c>'
    never = '<c><f>SUM(A1:A2)</f></c><c t="str"><f>""</f><v></v></c>'
    content = workbook({"S": [[text("a"), text("b"), text("c")], [computed, text("x")], [never, text("x")]]})
    _, rows = read(tmp_path, "t.xlsx", content)
    assert [list(r.cells) for r in rows] == [["Data", "2", "x"], ["=SUM(A1:A2)", "", "x"]]


def test_an_id_that_a_sheet_has_rounded_is_refused_and_one_that_is_text_is_kept(tmp_path: Path) -> None:
    ids = [number("1234567890123456"), number("123456789012345"), text("1234567890123456")]
    _, rows = read(tmp_path, "t.xlsx", workbook({"S": [[text("id")], *([each] for each in ids)]}))
    rounded, *kept = [row.cells[0] for row in rows]
    with pytest.raises(BadValue, match="spreadsheet"):
        identifier(rounded)
    assert [identifier(cell) for cell in kept] == ["123456789012345", "1234567890123456"]


def test_the_1904_system_gives_the_same_days(tmp_path: Path) -> None:
    content = workbook({"S": [[text("d")], [number("44621", 1)]]}, epoch_1904=True)
    assert shown(tmp_path, "t.xlsx", content) == [{"d": "2026-03-02"}]


def test_the_first_visible_sheet_or_the_one_that_is_named(tmp_path: Path) -> None:
    sheets = {name: [[text("a")], [text(name)]] for name in ("Lists", "Jobs", "More")}
    content = workbook(sheets, hidden=["Lists"])
    assert shown(tmp_path, "t.xlsx", content) == [{"a": "Jobs"}]
    assert shown(tmp_path, "t.xlsx", content, sheet="more") == [{"a": "More"}]
    assert "there are: Lists, Jobs, More." in refusal(tmp_path, "t.xlsx", content, sheet="x")


def test_a_workbook_of_another_writer_is_read_the_same(tmp_path: Path) -> None:
    """Prefixed elements, absolute targets, shared texts under a name of their own, and escaped characters."""
    archive = zipfile.ZipFile(io.BytesIO(workbook({"S": [[text("a"), number("46083", 1)], ["@"]]})))
    parts: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    shared = "<sst><si><r><t>x_x000D_</t></r><r><t>y</t></r><rPh><t>hint</t></rPh></si><si><t>_x0000_</t></si></sst>"
    cells = '<c r="A2" t="s"><v>0</v></c><c r="B2" t="s"><v>1</v></c>'
    sheet = archive.read("xl/worksheets/sheet1.xml").decode().replace("@", cells)
    parts["xl/worksheets/sheet1.xml"] = prefixed(sheet)
    parts["xl/Texts.xml"] = prefixed(shared)
    related = archive.read("xl/_rels/workbook.xml.rels").decode().replace('"styles.xml"', '"/xl/styles.xml"')
    parts["xl/_rels/workbook.xml.rels"] = related.replace(
        "</Rel", '<Relationship Id="rt" Type="x/sharedStrings" Target="Texts.xml"/></Rel'
    )
    table, rows = read(tmp_path, "t.xlsx", zipped(parts))
    assert (table.header, rows) == (["a", "2026-03-02"], [Row(2, ["x\ry", "_x0000_"])])


def prefixed(xml: str) -> str:
    return re.sub(r"<(/?)(\w)", r"<\1x:\2", xml).replace("xmlns=", "xmlns:x=")


def test_a_row_wider_than_the_header_is_at_fault(tmp_path: Path) -> None:
    _, rows = read(tmp_path, "t.xlsx", workbook({"S": [[text("a")], [text("1"), text("x")], [text("2")]]}))
    assert [(list(row.cells), bool(row.fault)) for row in rows] == [([], True), (["2"], False)]


# ----------------------------------------------------------------------------------------------- titles

CONNECTIONS = b"""\xef\xbb\xbfNotes:
"When exporting your data, some addresses may be missing; see help.
It spans lines."

First Name,Last Name,Company
Ann,Lee,"A, B"
Bo,Ray,C
"""


def test_lines_above_the_header_are_passed_over_when_they_can_only_be_titles(tmp_path: Path) -> None:
    table, rows = read(tmp_path, "t.csv", CONNECTIONS)
    assert (table.header, table.header_line) == (["First Name", "Last Name", "Company"], 5)
    assert [(row.line, list(row.cells)) for row in rows] == [(6, ["Ann", "Lee", "A, B"]), (7, ["Bo", "Ray", "C"])]


def test_titles_above_the_header_of_a_sheet(tmp_path: Path) -> None:
    rows = [[text("Spring report")], [], [text("Name"), text("Status")], [text("Ann"), text("open")]]
    table, got = read(tmp_path, "t.xlsx", workbook({"S": rows}))
    assert (table.header, table.header_line, got) == (["Name", "Status"], 3, [Row(4, ["Ann", "open"])])


@pytest.mark.parametrize(
    "content",
    [
        b"email\nann@example.org,x\nbo@example.org,y\n",
        b"email\nx\na,b\nc\n",
        b"email,,\nAnn,Lee,x\nBo,Ray,y\n",
        b"n\n1,2\n3,4\n",
    ],
)
def test_a_header_is_not_taken_for_a_title_when_that_is_not_clear(tmp_path: Path, content: bytes) -> None:
    assert read(tmp_path, "t.csv", content)[0].header_line == 1


def test_the_configured_header_row_wins(tmp_path: Path) -> None:
    table, rows = read(tmp_path, "t.csv", b"Report, of;today\n\nx;y\n1;2\n", header_row=3)
    assert (table.header, table.header_line, rows) == (["x", "y"], 3, [Row(4, ["1", "2"])])
    content = workbook({"S": [[text("x"), text("y")], [text("a"), text("b")], [text("1"), text("2")]]})
    table, rows = read(tmp_path, "t.xlsx", content, header_row=2)
    assert (table.header, table.header_line, rows) == (["a", "b"], 2, [Row(3, ["1", "2"])])


def test_a_header_row_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "header row is blank" in refusal(tmp_path, "t.csv", CSV, header_row=9)
    content = workbook({"S": [[text("x")], [text("1")]]})
    with pytest.raises((SourceError, EmptySource)):
        read(tmp_path, "t.xlsx", content, header_row=9)


# --------------------------------------------------------------------------------------------- archives


def test_the_member_of_an_archive_is_named_after_an_exclamation_mark(tmp_path: Path) -> None:
    content = zipped({"Jobs/Saved Jobs.csv": CSV, "Jobs/Job Applications.csv": b"id\n2\n"})
    assert shown(tmp_path, "t.zip", content, "t.zip!Jobs/Job Applications.csv") == [{"id": "2"}]
    assert 'Say which: path = "t.zip!Jobs/Saved Jobs.csv"' in refusal(tmp_path, "t.zip", content)
    why = refusal(tmp_path, "t.zip", content, "t.zip!Jobs/Saved Job.csv")
    assert "there is Jobs/Saved Jobs.csv" in why


def test_a_file_with_an_exclamation_mark_in_its_name_is_that_file(tmp_path: Path) -> None:
    assert shown(tmp_path, "t.zip!x.csv", CSV) == ONE


def test_a_glob_may_find_archives(tmp_path: Path) -> None:
    assert shown(tmp_path, "t.zip", zipped({"x.csv": CSV, "y.csv": CSV}), "*.zip!y.csv")[0] == ONE[0]


def test_only_an_archive_has_members(tmp_path: Path) -> None:
    assert "no ZIP archive" in refusal(tmp_path, "t.zip", CSV, "t.zip!x.csv")


@pytest.mark.parametrize("inner", [zipped({"t.csv": CSV}), gzip.compress(zipped({"t.csv": CSV}), mtime=0)])
def test_an_archive_within_an_archive_is_refused(tmp_path: Path, inner: bytes) -> None:
    assert "archive within an archive" in refusal(tmp_path, "t.zip", zipped({"t.csv": inner}))


# ---------------------------------------------------------------------------------------- hostile files

LAUGHS = b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><s><job><t>&b;</t></job></s>'
OUTSIDE = b'<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/hostname">]><s><job><t>&x;</t></job></s>'
FAR = workbook({"S": [[text("a")], [text("1")]]})


def with_texts(size: int) -> bytes:
    archive = zipfile.ZipFile(io.BytesIO(FAR))
    parts: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/_rels/workbook.xml.rels"] = archive.read("xl/_rels/workbook.xml.rels").replace(
        b"</Rel", b'<Relationship Id="rt" Type="x/sharedStrings" Target="texts.xml"/></Rel'
    )
    return zipped({**parts, "xl/texts.xml": bytes(size)})


HOSTILE: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "an XML bomb": ("t.xml", lambda: LAUGHS, "declares entities"),
    "an external entity": ("t.xml", lambda: b'<?xml version="1.0"?>' + OUTSIDE, "declares entities"),
    "deep XML": ("t.xml", lambda: b"<a>" * 500_000, "nested deeper"),
    "a long element": ("t.xml", lambda: b"<s><job><t>" + b"x" * (MAX_ROW + 1_000_000), "longer than"),
    "a long tag": ("t.xml", lambda: b"<s><job><t a='" + b"x" * (MAX_ROW + 1_000_000), "longer than"),
    "many columns in XML": ("t.xml", lambda: b"<s><job>" + b"".join(b"<c%d/>" % n for n in range(20_000)) + b"</job></s>", "more than 10,000 columns"),
    "truncated XML": ("t.xml", lambda: FEED[:-40], "cut short"),
    "XML in another encoding": ("t.xml", lambda: b"<s><job><t>\xff</t></job></s>", "no XML"),
    "deep JSON": ("t.json", lambda: b"[" * 1_000_000, "nested deeper"),
    "deep JSON objects": ("t.json", lambda: b'{"a":' * 1_000_000, "nested deeper"),
    "a long record": ("t.json", lambda: b'[{"a": "' + b"x" * (MAX_ROW + 1_000_000) + b'"}]', "longer than"),
    "a long line": ("t.jsonl", lambda: b'{"a": "' + b"x" * (MAX_ROW + 1_000_000) + b'"}', "longer than"),
    "truncated JSON": ("t.json", lambda: b'[{"a": 1}, {"a":', "cut short"),
    "truncated JSON Lines": ("t.jsonl", lambda: b'{"a": 1}\n{"a":', "it ends in the middle"),
    "JSON with junk behind it": ("t.json", lambda: b'[{"a": 1}] x', "no JSON"),
    "a script that does not end": ("t.html", lambda: b'<html><script type="application/ld+json">{}', "ends in the middle"),
    "a long script": ("t.html", lambda: b"<html><script>" + b"x" * (3 * MAX_ROW), "longer than"),
    "many openings": ("t.html", lambda: b"<html>" + b"<script " * 2_000_000, "no JSON-LD"),
    "a gzip bomb": ("t.csv.gz", lambda: gzip.compress(bytes(1 << 27), mtime=0), "expands to far more"),
    "a ZIP bomb": ("t.zip", lambda: zipped({"t.csv": bytes(1 << 27)}), "expands to far more"),
    "truncated gzip": ("t.csv.gz", lambda: gzip.compress(CSV * 999, mtime=0)[:-9], "damaged or cut short"),
    "a truncated ZIP": ("t.zip", lambda: zipped({"t.csv": CSV})[:-9], "is damaged"),
    "a ZIP of nothing": ("t.zip", lambda: zipped({"a.md": b"x"}), "holds no table"),
    "a truncated workbook": ("t.xlsx", lambda: FAR[:-9], "is damaged"),
    "a workbook with too many texts": ("t.xlsx", lambda: with_texts((1 << 27) + 1), "expands to too much"),
    "a workbook without sheets": ("t.xlsx", lambda: zipped({"[Content_Types].xml": b"<Types/>"}), "damaged"),
    "a workbook bomb": ("t.xlsx", lambda: zipped({"[Content_Types].xml": b"<Types/>", "xl/worksheets/sheet1.xml": bytes((1 << 29) + 1)}), "expands to too much"),
    "a binary that is named .json": ("t.json", lambda: b"\x89\0\x81" * 99, "its text is not"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_a_clear_refusal_in_bounded_time_and_memory(tmp_path: Path, what: str) -> None:
    name, content, why = HOSTILE[what]
    (tmp_path / name).write_bytes(content())
    started = time.monotonic()
    tracemalloc.start()
    try:
        file = FilesSource(Settings(path=name), Context("jobs", tmp_path, ZoneInfo("UTC"))).files()[0]
        with pytest.raises(SourceError, match=why), file.open() as table:
            for _ in table.rows:
                pass
        assert tracemalloc.get_traced_memory()[1] < 12 * MAX_ROW
    finally:
        tracemalloc.stop()
    assert time.monotonic() - started < 30


def far(rows: str) -> bytes:
    parts = workbook({"S": [[text("a")], ["@"]]})
    archive = zipfile.ZipFile(io.BytesIO(parts))
    members: dict[str, str | bytes] = {n: archive.read(n) for n in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    members[name] = archive.read(name).replace(b'<row r="2">@</row>', rows.encode())
    return zipped(members)


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="99999999999"><c t="str"><v>x</v></c></row>',
        '<row r="2"><c r="ZZZ2" t="str"><v>x</v></c></row>',
        "".join(f'<row r="{n}"><c r="XFD{n}" t="str"><v>x</v></c></row>' for n in range(2, 3_000)),
    ],
    ids=["a far row", "a column that there is not", "many far columns"],
)
def test_a_sheet_with_far_cells_is_bounded(tmp_path: Path, rows: str) -> None:
    started = time.monotonic()
    try:
        _, got = read(tmp_path, "t.xlsx", far(rows))
        assert all(row.fault for row in got)
    except SourceError as error:
        assert str(error).startswith("t.xlsx")  # noqa: PT017  either outcome is right, a third is not
    assert time.monotonic() - started < 30


# ------------------------------------------------------------------------------------------------- fuzz

SEEDS = [
    ("t.json", b'{"jobs": [{"id": 1, "a": [1, {"b": "x"}]}, {"id": 2}], "n": 1}'),
    ("t.jsonl", b'{"id": 1}\n{"id": "\\u00e9"}\n'),
    ("t.xml", FEED),
    ("t.html", b'<html><script type="application/ld+json">{"@type": "JobPosting", "a": 1}</script></html>'),
    ("t.xlsx", FAR),
    ("t.csv.gz", gzip.compress(CSV, mtime=0)),
    ("t.zip", zipped({"t.csv": CSV})),
]


def outcome(root: Path, name: str, content: bytes) -> None:
    """A table whose rows are whole, or a refusal that names the file; anything else is raised."""
    try:
        table, rows = read(root, name, content)
    except (SourceError, EmptySource) as error:
        assert str(error).startswith(name)  # noqa: PT017  either outcome is right, a third is not
        return
    assert all(row.fault or len(row.cells) == len(table.header) for row in rows)


@SHARED_FOLDER
@given(seed=st.sampled_from(SEEDS), data=st.data())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(
    tmp_path: Path, seed: tuple[str, bytes], data: st.DataObject
) -> None:
    name, content = seed
    at = data.draw(st.integers(0, len(content)))
    gone = data.draw(st.integers(0, 8) | st.just(len(content)))
    outcome(tmp_path, name, content[:at] + data.draw(st.binary(max_size=8)) + content[at + gone :])


BEGINNINGS = [
    b"",
    b"PK\x03\x04",
    b"\x1f\x8b\x08",
    b"<",
    b"<?xml ",
    b"<html><script",
    b"[",
    b'{"',
    b'[{"a": ',
    b"\xff\xfe",
]


@SHARED_FOLDER
@given(
    name=st.sampled_from([name for name, _ in SEEDS]),
    begin=st.sampled_from(BEGINNINGS),
    rest=st.binary(max_size=200) | st.text(st.sampled_from('<>/="[]{}:,.\\ab1 \n&;!-'), max_size=60).map(str.encode),
)
def test_arbitrary_bytes_are_read_or_refused_and_nothing_else(
    tmp_path: Path, name: str, begin: bytes, rest: bytes
) -> None:
    outcome(tmp_path, name, begin + rest)


JSON_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@SHARED_FOLDER
@given(rows=st.lists(st.dictionaries(JSON_TEXT.filter(lambda n: "." not in n), JSON_TEXT, min_size=1), min_size=1))
def test_what_a_json_writer_writes_is_read_back_exactly(tmp_path: Path, rows: list[dict[str, str]]) -> None:
    expected = [{n: c for n, c in row.items() if c} for row in rows if any(c.strip() for c in row.values())]
    assert shown(tmp_path, "t.json", json.dumps(rows, ensure_ascii=False, indent=1).encode()) == expected
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    assert shown(tmp_path, "t.jsonl", lines.encode()) == expected


# XML holds no other control characters, and a reader of XML sees a carriage return as a line feed.
XML_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="_\ufffe\uffff"), max_size=20
)


@SHARED_FOLDER
@given(rows=st.lists(st.tuples(XML_TEXT, XML_TEXT), min_size=1))
def test_texts_of_a_sheet_and_of_a_feed_are_read_back_exactly(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    assume(all((a.strip(), b.strip()) != ("a", "b") for a, b in rows))  # the header once more
    expected = [{n: c for n, c in zip("ab", row, strict=True) if c} for row in rows if any(c.strip() for c in row)]
    cells = [[text("a"), text("b")], *[[text(cell) for cell in row] for row in rows]]
    assert shown(tmp_path, "t.xlsx", workbook({"S": cells})) == expected
    jobs = "".join(f"<job><a>{escape(a)}</a><b>{escape(b)}</b></job>" for a, b in rows)
    assert shown(tmp_path, "t.xml", f"<s>{jobs}</s>".encode()) == expected
