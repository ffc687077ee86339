"""How the connector reads delimited text: nothing is lost, moved or guessed in silence."""

from __future__ import annotations

import csv
import io
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mi_sync.connector import Context, Row, Table, distinct
from mi_sync.errors import EmptySource, SourceError
from mi_sync_files import FilesSource, Settings
from mi_sync_files import content as content_module
from mi_sync_files.cells import MAX_CELL, MAX_ROW
from mi_sync_files.content import DAMAGED, Fit

# A folder that all examples of a property share is what each example wants: it writes its file anew.
SHARED_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def read(root: Path, content: bytes, **configured: str) -> tuple[Table, list[Row]]:
    (root / "t.csv").write_bytes(content)
    source = FilesSource(
        Settings.model_validate({"path": "t.csv", **configured}), Context("jobs", root, ZoneInfo("UTC"))
    )
    with source.files()[0].open() as table:
        return table, list(table.rows)


def cells(rows: Sequence[Row]) -> list[list[str]]:
    assert not [row for row in rows if row.fault]
    return [list(row.cells) for row in rows]


def refusal(root: Path, content: bytes, **configured: str) -> str:
    with pytest.raises(SourceError) as caught:
        read(root, content, **configured)
    return str(caught.value)


# ------------------------------------------------------------------------------------------ properties

LINE_BREAKS = ("\n", "\r\n", "\r")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252")


def tables(alphabet: st.SearchStrategy[str], min_columns: int = 1) -> st.SearchStrategy[list[list[str]]]:
    cell = st.text(alphabet, max_size=12)
    return st.integers(min_columns, 6).flatmap(
        lambda width: st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=12)
    )


# U+FEFF at the start of a file is a mark, and NUL is refused.
ANY = st.characters(codec="utf-8", exclude_characters="\0\ufeff") | st.sampled_from("\"',;\t|\r\n =\x85\u2028")
CP1252 = st.sampled_from(
    [bytes([n]).decode("cp1252") for n in range(1, 256) if n not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}]
)


def write(rows: list[list[str]], delimiter: str, line_break: str, quoting: int, encoding: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=line_break, quoting=quoting).writerows(rows)  # type: ignore[arg-type]  # typeshed wants a literal
    return text.getvalue().encode(encoding)


def not_blank(rows: list[list[str]]) -> list[list[str]]:
    return [row for row in rows if any(cell.strip() for cell in row)]


@SHARED_FOLDER
@given(
    rows=st.one_of(*(st.tuples(st.just(e), tables(CP1252 if e == "cp1252" else ANY)) for e in ENCODINGS)),
    delimiter=st.sampled_from(",;\t|:~"),
    line_break=st.sampled_from(LINE_BREAKS),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_what_a_csv_writer_writes_is_read_back_exactly(
    tmp_path: Path, rows: tuple[str, list[list[str]]], delimiter: str, line_break: str, quoting: int
) -> None:
    encoding, (header, *body) = rows
    assume(sum(1 for cell in header if cell.strip()) >= min(2, len(header)))  # or it may be a title
    assume(not body or len(header) == 1 or any(cell.strip() for cell in body[-1][1:]))  # or it may be a note
    assume([cell.strip() for cell in header] not in [[cell.strip() for cell in row] for row in body])
    if line_break != "\r\n" and any(c in cell for row in (header, *body) for cell in row for c in "\r\n"):
        # Before Python 3.13 the writer quotes only the line breaks that it writes itself.
        quoting = csv.QUOTE_ALL
    content = write([header, *body], delimiter, line_break, quoting, encoding)
    table, got = read(tmp_path, content, delimiter=delimiter, encoding=encoding)
    assert table.header == distinct(header)
    assert cells(got) == not_blank(body)


@SHARED_FOLDER
@given(
    rows=tables(ANY, min_columns=2),
    delimiter=st.sampled_from(",;\t|"),
    line_break=st.sampled_from(LINE_BREAKS),
    encoding=st.sampled_from(ENCODINGS[:3]),
)
def test_delimiter_and_encoding_are_found_when_the_header_is_plain(
    tmp_path: Path, rows: list[list[str]], delimiter: str, line_break: str, encoding: str
) -> None:
    header = [f"column {n}" for n in range(len(rows[0]))]
    content = write([header, *rows], delimiter, line_break, csv.QUOTE_ALL, encoding)
    table, got = read(tmp_path, content)
    assert (table.delimiter, table.encoding) == (delimiter, encoding)
    assert cells(got) == not_blank(rows)


@SHARED_FOLDER
@given(rows=tables(CP1252, min_columns=2), delimiter=st.sampled_from(",;\t|"))
def test_cp1252_is_found_when_the_bytes_are_no_utf_8(tmp_path: Path, rows: list[list[str]], delimiter: str) -> None:
    header = ["née", *(f"column {n}" for n in range(1, len(rows[0])))]
    content = write([header, *rows], delimiter, "\r\n", csv.QUOTE_MINIMAL, "cp1252")
    assume(all(c.isascii() or DAMAGED.match(c) for c in content.decode("utf-8", "surrogateescape")))
    table, got = read(tmp_path, content)
    assert (table.encoding, table.delimiter, table.header) == ("cp1252", delimiter, header)
    assert cells(got) == not_blank(rows)


@SHARED_FOLDER
@given(rows=tables(CP1252, min_columns=2), line_break=st.sampled_from(LINE_BREAKS), data=st.data())
def test_the_line_of_a_row_is_the_first_line_that_it_stands_on(
    tmp_path: Path, rows: list[list[str]], line_break: str, data: st.DataObject
) -> None:
    rows = [[cell.replace("\r", "").replace("\n", line_break) for cell in row] for row in rows]
    blank_lines = data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)))
    content, number, lines = write([["a"] * len(rows[0])], ",", line_break, csv.QUOTE_ALL, "utf-8"), 2, []
    for row, blank in zip(rows, blank_lines, strict=True):
        content += line_break.encode() * blank + write([row], ",", line_break, csv.QUOTE_ALL, "utf-8")
        number += blank
        lines.append(number)
        number += 1 + sum(cell.count(line_break) for cell in row)
    expected = [line for line, row in zip(lines, rows, strict=True) if any(cell.strip() for cell in row)]
    _, got = read(tmp_path, content)
    assert [row.line for row in got] == expected


@SHARED_FOLDER
@given(content=st.binary(max_size=400) | st.text(st.sampled_from('"\r\n,;\t| ab\0é'), max_size=60).map(str.encode))
def test_arbitrary_bytes_are_a_table_or_a_clear_refusal(tmp_path: Path, content: bytes) -> None:
    try:
        table, rows = read(tmp_path, content)
    except (SourceError, EmptySource) as error:
        assert str(error).startswith("t.csv")  # noqa: PT017  either outcome is right, a third is not
        return
    lines = [row.line for row in rows]
    assert lines == sorted(set(lines))
    assert all(row.fault or len(row.cells) == len(table.header) for row in rows)


# -------------------------------------------------------------------------------------------- encodings


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("n\nZürich\n".encode(), "utf-8"),
        ("n\nZürich\n".encode("utf-8-sig"), "utf-8-sig"),
        ("n\nZürich\n".encode("cp1252"), "cp1252"),
        ("n\nZürich\n".encode("utf-16"), "utf-16"),
        (b"\xfe\xff" + "n\nZürich\n".encode("utf-16-be"), "utf-16"),
    ],
)
def test_the_encoding_is_found_and_told(tmp_path: Path, content: bytes, encoding: str) -> None:
    table, rows = read(tmp_path, content)
    assert (table.header, table.encoding, cells(rows)) == (["n"], encoding, [["Zürich"]])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_a_mark_is_no_text_where_the_encoding_is_configured_either(tmp_path: Path, encoding: str) -> None:
    table, rows = read(tmp_path, '\ufeff"n"\nx\n'.encode(encoding), encoding=encoding)
    assert (table.header, cells(rows)) == (["n"], [["x"]])


def test_a_character_that_crosses_chunks_is_still_utf_8(tmp_path: Path) -> None:
    for shift in range(4):
        table, _ = read(tmp_path, b"n\n" + b"x" * shift + "ü🙂\n".encode() * 60_000)
        assert table.encoding == "utf-8"


def test_one_late_byte_makes_plain_text_cp1252_and_its_line_is_told(tmp_path: Path) -> None:
    table, rows = read(tmp_path, b"n\n" + b"abc\n" * 200_000 + b"\x80\n")
    assert (table.encoding, rows[-1].cells, rows[-1].line) == ("cp1252", ["€"], 200_002)
    (note,) = table.notes
    assert note.where == "t.csv:200002"
    assert "read as Windows-1252" in note.why
    assert "encoding = " in note.why


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_plain_utf_8_needs_no_note(tmp_path: Path, encoding: str) -> None:
    assert not read(tmp_path, "n\nZürich\n".encode(encoding))[0].notes


def test_an_encoding_that_is_configured_needs_no_note_and_one_that_a_mark_tells_is_told(tmp_path: Path) -> None:
    assert not read(tmp_path, "n\nZürich\n".encode("cp1252"), encoding="cp1252")[0].notes
    assert not read(tmp_path, "n\nZürich\n".encode("utf-16"), encoding="utf-16")[0].notes
    (note,) = read(tmp_path, "n\nZürich\n".encode("utf-16"))[0].notes
    assert str(note) == "t.csv: it is read as UTF-16, as its byte order mark says."


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_damaged_byte_in_utf_8_costs_its_row_and_garbles_no_name(tmp_path: Path, mark: bytes) -> None:
    table, rows = read(tmp_path, mark + "n,m\nZürich,é\nJosé,ï\n".encode() + b"M\xfcller,x\n" + "Łódź,x\n".encode())
    assert (table.encoding.removesuffix("-sig"), table.notes) == ("utf-8", [])
    assert [list(row.cells) for row in rows] == [["Zürich", "é"], ["José", "ï"], [], ["Łódź", "x"]]
    assert (rows[2].line, "a byte that is no UTF-8" in rows[2].fault) == (4, True)


def test_a_damaged_header_is_refused(tmp_path: Path) -> None:
    content = b"n\xe9e,m\n" + "Zürich,éïü\n".encode()
    assert refusal(tmp_path, content).startswith("t.csv:1: the header row holds a byte that is no UTF-8.")


def test_a_text_that_is_partly_utf_8_and_partly_not_is_refused_with_its_line(tmp_path: Path) -> None:
    content = "n\nZürich\n".encode() + "Müller\nJosé\n".encode("cp1252")
    why = refusal(tmp_path, content)
    assert why.startswith("t.csv:3: it is no UTF-8 from this line on, but other parts of it are")
    assert 'encoding = "cp1252"' in why
    assert cells(read(tmp_path, content, encoding="cp1252")[1])[1:] == [["Müller"], ["José"]]


@given(st.text(max_size=60), st.binary(max_size=8), st.integers(1, 70))
def test_an_encoding_is_taken_only_where_it_garbles_nothing(text: str, more: bytes, chunk: int) -> None:
    """However the bytes come in chunks, what is taken decodes as it should, or the misfit is told."""
    content = text.encode("utf-8") + more + text.encode("utf-8")
    trials = [content_module._Trial("utf-8"), content_module._Trial("cp1252")]
    for trial in trials:
        for at in range(0, len(content), chunk):
            trial.feed(content[at : at + chunk])
        trial.feed(b"", final=True)
    escaped = content.decode("utf-8", "surrogateescape")
    damaged = len(DAMAGED.findall(escaped))
    if "\0" not in escaped:
        assert (trials[0].damaged, trials[0].decoded) == (damaged, sum(c > "\x7f" for c in escaped) - damaged)
    best, fit = content_module._best(*trials)
    assert (fit is Fit.WHOLE) == (not damaged)
    assert best.encoding == ("cp1252" if fit is Fit.FALLBACK else "utf-8")
    assert fit is not Fit.FALLBACK or trials[0].decoded == 0


def test_a_mark_is_no_part_of_the_header_when_utf_8_is_configured(tmp_path: Path) -> None:
    table, _ = read(tmp_path, "id,n\n".encode("utf-8-sig"), encoding="UTF8")
    assert table.header == ["id", "n"]


# ------------------------------------------------------------------------------------------- delimiter


@pytest.mark.parametrize(
    ("text", "delimiter", "header"),
    [
        ("a;b\n1,5;2\n3,5;4\n", ";", ["a", "b"]),
        ("a\tb, c\n1\t2\n", "\t", ["a", "b, c"]),
        ("a|b\n1|2\n", "|", ["a", "b"]),
        ("Skills (a; b),Name\npython,Ann\n", ",", ["Skills (a; b)", "Name"]),
        ('"Skills, tools";Name\n"x, y";Ann\n', ";", ["Skills, tools", "Name"]),
        ('"a;b","c\nd;e"\n1,2\n', ",", ["a;b", "c\nd;e"]),
        ("email\nann@example.org\n", ",", ["email"]),
        ("a,b;c,d\n1,2,3\n4,5,6\n", ",", ["a", "b;c", "d"]),
    ],
)
def test_the_delimiter_is_the_one_that_fits_the_rows(
    tmp_path: Path, text: str, delimiter: str, header: list[str]
) -> None:
    table, _ = read(tmp_path, text.encode())
    assert (table.delimiter, table.header) == (delimiter, header)


def test_two_delimiters_that_fit_equally_are_not_guessed_between(tmp_path: Path) -> None:
    why = refusal(tmp_path, b"Betrag, EUR;Name\n1,50;A\n")
    assert why.startswith("t.csv: comma and semicolon divide its rows equally well.")
    assert "delimiter = " in why


def test_the_configured_delimiter_wins(tmp_path: Path) -> None:
    table, rows = read(tmp_path, b"Betrag, EUR;Name\n1,50;A\n", delimiter=";")
    assert (table.header, cells(rows)) == (["Betrag, EUR", "Name"], [["1,50", "A"]])


@pytest.mark.parametrize("first", ["sep=;\r\n", "SEP=;\n", '"sep=;"\r', "sep=;  \n"])
def test_a_sep_line_tells_the_delimiter_and_is_no_row(tmp_path: Path, first: str) -> None:
    table, rows = read(tmp_path, (first + "a,b;c\n1;2\n").encode("utf-8-sig"))
    assert (table.header, table.header_line, table.delimiter) == (["a,b", "c"], 2, ";")
    assert rows == [Row(3, ["1", "2"])]


def test_tabs_make_a_tsv(tmp_path: Path) -> None:
    assert read(tmp_path, b"a\tb\n")[0].format == "tsv"
    assert read(tmp_path, b"a,b\n")[0].format == "csv"


# ------------------------------------------------------------------------------------------------ rows


def test_cells_come_as_they_stand(tmp_path: Path) -> None:
    _, rows = read(tmp_path, b'a,b,c\n  x ,"say ""hi""",\'+1 657\n5" pipe,=1+1,NULL\n')
    assert cells(rows) == [["  x ", 'say "hi"', "'+1 657"], ['5" pipe', "=1+1", "NULL"]]


def test_ragged_rows_are_filled_cut_or_at_fault(tmp_path: Path) -> None:
    _, rows = read(tmp_path, b"a,b\n1\n1,2,, \n1,Jane,invented\n3,4\n")
    assert [list(row.cells) for row in rows] == [["1", ""], ["1", "2"], [], ["3", "4"]]
    assert [row.line for row in rows] == [2, 3, 4, 5]
    assert "it has 3 cells, but the header has 2" in rows[2].fault
    assert "invented" not in rows[2].fault


def test_blank_and_spacer_rows_are_no_rows(tmp_path: Path) -> None:
    _, rows = read(tmp_path, b'a,b\n\n,,\n \t, \n1,2\n"",\n\n')
    assert rows == [Row(5, ["1", "2"])]


def test_duplicate_headers_are_told_apart_and_empty_ones_kept(tmp_path: Path) -> None:
    table, rows = read(tmp_path, b"Email, Email,,Email#2,Email,\nx,y,z,w,v,\n")
    assert table.header == ["Email", "Email#3", "", "Email#2", "Email#4", ""]
    assert cells(rows) == [["x", "y", "z", "w", "v", ""]]


@given(st.lists(st.sampled_from(["", " ", "a", "a ", "a#2", "a#3", "b", "B", "b#2"]) | st.text(max_size=3)))
def test_no_two_columns_have_the_same_name_and_the_first_keeps_its_own(names: list[str]) -> None:
    told = distinct(names)
    plain = [" ".join(name.split()) for name in told]
    assert len(told) == len(names)
    assert sorted(filter(None, plain)) == sorted({name for name in plain if name})
    assert [name == "" for name in plain] == [not name.split() for name in names]
    for at, name in enumerate(names):
        if not name.split() or name.split() not in [other.split() for other in names[:at]]:
            assert told[at] == name


@pytest.mark.parametrize(
    ("content", "line"), [(b"\na,b\n", 1), (b",,\na,b\n", 1), (b"sep=;\n", 2), (b"sep=;\n \na;b\n", 2)]
)
def test_a_blank_header_row_is_refused(tmp_path: Path, content: bytes, line: int) -> None:
    assert refusal(tmp_path, content).startswith(f"t.csv:{line}: the header row is blank. Make the row")


def test_a_header_without_rows_is_a_table_without_rows(tmp_path: Path) -> None:
    assert read(tmp_path, b"a,b")[1] == []


# ---------------------------------------------------------------------------------------------- quotes


def test_a_misquoted_row_that_ends_in_its_line_has_a_fault_and_the_next_is_read(tmp_path: Path) -> None:
    _, rows = read(tmp_path, b'a,b\n"Jo" invented,2\n3,4\n')
    assert [(row.line, list(row.cells)) for row in rows] == [(2, []), (3, ["3", "4"])]
    assert "a quote is not where it belongs" in rows[0].fault
    assert "invented" not in rows[0].fault


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'a,b\n1,"invented\n3,4\n5,6\n', 2),
        (b'a,b\n1,2\n"x\ny","invented\n3,4\n', 4),
        (b'a,b\n1,"x\n2,3\n4,"invented"\n5,6\n', 2),
        (b'a,b\n1,"x ""y""\n""invented""\n5,6\n', 2),
        (b'a,b\n"J" o,"x\n3,4\n', 2),
        (b'a,"b\n1,2\n', 1),
    ],
    ids=[
        "open at the end",
        "the line where it opened",
        "it met another quote",
        "doubled quotes",
        "two wrongs",
        "in the header",
    ],
)
def test_a_quote_that_swallows_lines_ends_the_reading_at_its_line(tmp_path: Path, content: bytes, line: int) -> None:
    why = refusal(tmp_path, content)
    assert why.startswith(f"t.csv:{line}: a quote that opens here is not closed")
    assert "invented" not in why


def test_a_misquoted_header_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, b'"Na"me,b\n1,2\n').startswith("t.csv:1: the header row cannot be read: a quote is not")


# ---------------------------------------------------------------------------------------------- bounds


def test_a_cell_has_a_bound_and_the_next_row_is_read(tmp_path: Path) -> None:
    fits, too_long = b"x" * MAX_CELL, b"x" * (MAX_CELL + 1)
    _, rows = read(tmp_path, b"a,b\n" + fits + b",1\n" + too_long + b",2\n3,4\n")
    assert [bool(row.fault) for row in rows] == [False, True, False]
    assert "a cell is longer than 1,048,576 characters" in rows[1].fault


def test_a_quote_that_is_never_closed_stops_at_the_bound_of_a_cell(tmp_path: Path) -> None:
    why = refusal(tmp_path, b'a,b\n1,"x\n' + b"2,y\n" * 1_000_000)
    assert why.startswith("t.csv:2: a quote that opens here is not closed")


def test_a_row_has_a_bound(tmp_path: Path) -> None:
    assert refusal(tmp_path, b"a,b\n" + b"x," * (MAX_ROW // 2 + 1)).startswith("t.csv:2: the row that begins here")


def test_very_many_columns_are_one_row_at_fault_and_no_hang(tmp_path: Path) -> None:
    started = time.monotonic()
    _, rows = read(tmp_path, b"a,b\n" + b"x," * 200_000 + b"\n1,2\n")
    table, _ = read(tmp_path, b"x," * 200_000 + b"\n1,2\n")
    assert (bool(rows[0].fault), list(rows[1].cells), len(table.header)) == (True, ["1", "2"], 200_001)
    assert time.monotonic() - started < 30


def peak_while_reading(path: Path, rows: int) -> int:
    with path.open("w", encoding="utf-8") as text:
        text.write("id,text\n")
        text.writelines(f"{n},{'x' * 180}\n" for n in range(rows))
    file = FilesSource(Settings(path=path.name), Context("jobs", path.parent, ZoneInfo("UTC"))).files()[0]
    tracemalloc.start()
    try:
        with file.open() as table:
            assert sum(1 for _ in table.rows) == rows
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    small, large = (peak_while_reading(tmp_path / f"{n}.csv", n) for n in (10_000, 100_000))
    assert (tmp_path / "100000.csv").stat().st_size > MAX_ROW
    assert large < small * 1.2
    assert large < 3_000_000
