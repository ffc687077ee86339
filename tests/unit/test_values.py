from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync import values
from mi_sync.values import BadValue, DateOrder, DateReader

CHICAGO = ZoneInfo("America/Chicago")


def reader(order: DateOrder | None = None, *formats: str) -> DateReader:
    return DateReader(CHICAGO, order, formats)


# -- text ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  Data   project \n", "Data project"),
        ("Real\u00a0State", "Real State"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("a\x00b\x07\ufeff", "ab"),
        ("pay\u202etxt.exe", "paytxt.exe"),
        ("x\ud800y", "xy"),
        ("\U0001f469\u200d\U0001f4bb", "\U0001f469\u200d\U0001f4bb"),  # a joined emoji stays joined
    ],
)
def test_text_is_one_clean_line(raw: str, clean: str) -> None:
    assert values.line(raw) == clean


@given(st.text())
def test_clean_text_stays_as_it_is_and_can_be_stored(raw: str) -> None:
    clean = values.line(raw)
    assert values.line(clean) == clean
    assert "\n" not in clean
    assert "\x00" not in clean
    assert clean.encode().decode() == clean
    assert unicodedata.is_normalized("NFC", clean)


@given(st.text())
def test_long_text_never_raises_and_can_be_stored(raw: str) -> None:
    clean = values.long_text(raw)
    assert clean == clean.strip()
    assert "\n\n\n" not in clean
    clean.encode()


@given(
    st.lists(
        st.sampled_from(
            [
                "<b>",
                "</b>",
                "<i>",
                "</i>",
                "<a href='https://x.org'>",
                "</a>",
                "<ul>",
                "<li>",
                "</ul>",
                "<p>",
                "text",
                " ",
                "&amp;",
                "<",
                "<!--",
                "-->",
                "<script>",
                "&lt;p&gt;",
            ]
        ),
        max_size=30,
    )
)
def test_broken_html_never_raises_and_leaves_no_known_tag(parts: list[str]) -> None:
    clean = values.long_text("<p>" + "".join(parts))
    assert not any(tag in clean for tag in ("<b>", "</b>", "<ul>", "<li>", "</a>"))


@pytest.mark.parametrize(
    ("raw", "markdown"),
    [
        ("a < b and List<String>", "a < b and List<String>"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<p>Clean <b> one </b>survey, <em>well</em></p>", "Clean **one** survey, *well*"),
        ("<ul><li>a</li><li>b <i>c</i></li></ul>end", "- a\n- b *c*\n\nend"),
        ("<ol><li>a<ul><li>x</li></ul></li><li>b</li></ol>", "1. a\n  - x\n2. b"),
        ("<p><b><b>twice</b></b></p>", "**twice**"),
        ("<h2>Goal</h2>Text", "### Goal\n\nText"),
        ('<a href="https://x.org/?a=1&amp;b=2">the page</a>', "[the page](https://x.org/?a=1&b=2)"),
        ('<a href="https://x.org/a_(b)">it</a>', "[it](https://x.org/a_%28b%29)"),
        ('<a href="javascript:alert(1)">click</a>', "click"),
        ("<b><p>one</p><p>two</p></b>", "**one**\n\n**two**"),
        ("<b><ul><li>x</li><li>y</li></ul></b>", "- **x**\n- **y**"),
        ("<p>R&amp;D &lt;now&gt;</p>", "R&D <now>"),
        ("&lt;p&gt;R&amp;amp;D&lt;/p&gt;", "R&D"),
        ("<p>x</p><script>alert(1)</script><!-- note -->", "x"),
        ("line one\r\nline two  \r\n\r\n\r\n\r\nend", "line one\nline two\n\nend"),
    ],
)
def test_html_becomes_markdown_and_plain_text_stays(raw: str, markdown: str) -> None:
    assert values.long_text(raw) == markdown


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ["<b>", "<td>", "<!--", "<a href=", "<b>x</b>", "<script>", "</b>", "<ul><li>", " ", '"";']
)
def test_hostile_text_takes_bounded_time(piece: str) -> None:
    hostile = piece * 50_000
    values.long_text(f"<p>{hostile}")
    values.split(hostile, ";")


@pytest.mark.parametrize(
    ("cell", "separator", "parts"),
    [
        ("a;b;c", ";", ["a", "b", "c"]),
        ('"a; b";"c"', ";", ["a; b", "c"]),
        ('"say ""hi""" ; plain', ";", ['say "hi"', " plain"]),
        ('5" pipe;x', ";", ['5" pipe', "x"]),
        ('"Smith, Jr.", Doe', ",", ["Smith, Jr.", " Doe"]),
        ("a / b", " / ", ["a", "b"]),
        ("<ul><li>Learn</li><li>Ship; test</li></ul>", ";", ["Learn", "Ship; test"]),
        ("&lt;p&gt;Plan&lt;/p&gt;&lt;p&gt;Do&lt;/p&gt;", ";", ["Plan", "Do"]),
        ("<p>Plan;Do</p>", ";", ["Plan", "Do"]),
        ("R&amp;D;Marketing", ";", ["R&D", "Marketing"]),
        ("a < b;c", ";", ["a < b", "c"]),
    ],
)
def test_lists_are_split_and_quotes_protect(cell: str, separator: str, parts: list[str]) -> None:
    assert [p for p in values.split(cell, separator) if p] == parts


@given(st.lists(st.text(min_size=1), min_size=1), st.sampled_from([";", ",", "|", " / "]))
def test_quoted_parts_come_back_exactly(parts: list[str], separator: str) -> None:
    cell = separator.join('"' + part.replace('"', '""') + '"' for part in parts)
    assert [p for p in values.split(cell, separator) if p] == parts


@given(st.lists(st.sampled_from(["posting", "ID", "by"]), min_size=1), st.sampled_from(["", " ", "_", "-", " - "]))
def test_folding_ignores_case_and_separators(words: list[str], separator: str) -> None:
    assert values.fold(separator.join(words).upper()) == "".join(words).lower()


# -- numbers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "decimal", "expected"),
    [
        ("450", ".", 450),
        ("1,200.50", ".", 1200.5),
        ("1 234 567", ".", 1234567),
        ("1.200,50", ",", 1200.5),
        ("1,5", ",", 1.5),
        ("1'000", ".", 1000),
        ("-2", ".", -2),
    ],
)
def test_numbers(raw: str, decimal: str, expected: float) -> None:
    assert values.number(raw, decimal) == expected


@pytest.mark.parametrize(
    "raw", ["1,5", "12,34,567", "nan", "inf", "1e9", "9" * 400, "ten", "10-20", "0x1f", "\u0661", "1.2.3", "$5"]
)
def test_what_is_no_plain_number_is_refused(raw: str) -> None:
    with pytest.raises(BadValue, match="is no plain number"):
        values.number(raw)


def test_whole_numbers_may_end_in_a_zero_fraction_only() -> None:
    assert values.integer("3.0") == 3
    with pytest.raises(BadValue, match="whole"):
        values.integer("3.5")


def test_an_amount_may_have_a_currency_sign() -> None:
    assert values.amount("$1,450") == values.amount("1,450 €") == 1450


@given(st.integers(min_value=-999_999_999, max_value=999_999_999))
def test_thousands_separators_change_nothing(n: int) -> None:
    assert values.number(f"{n:,}") == values.number(str(n)) == n


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("Yes", True), ("TRUE", True), ("1", True), ("x", True), ("no", False), ("F", False), ("0", False)],
)
def test_yes_and_no(raw: str, *, expected: bool) -> None:
    assert values.boolean(raw) is expected


# -- dates -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "order", "expected"),
    [
        ("2026-04-03", "mdy", "2026-04-03"),
        ("2026/4/3", None, "2026-04-03"),
        ("13/04/2026", None, "2026-04-13"),
        ("04/13/2026", None, "2026-04-13"),
        ("03/03/2026", None, "2026-03-03"),
        ("03/04/2026", "dmy", "2026-04-03"),
        ("03/04/2026", "mdy", "2026-03-04"),
        ("3.4.26", "dmy", "2026-04-03"),
        ("26-04-03", "ymd", "2026-04-03"),
        ("05 Mar 2024", None, "2024-03-05"),
        ("24th January 2023", None, "2023-01-24"),
        ("Sept. 9, 2026", None, "2026-09-09"),
        ("Tue, 29 Jun 2021 22:49:39 GMT", None, "2021-06-29"),
        ("2026-04-03T00:30:00Z", None, "2026-04-02"),  # still the evening before in Chicago
        ("11/20/24, 8:15 AM", "mdy", "2024-11-20"),
    ],
)
def test_dates(raw: str, order: DateOrder | None, expected: str) -> None:
    assert reader(order).day(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("2026-04-03", "2026-04-03"),
        ("2026-04-03 17:05", "2026-04-03T17:05:00-05:00"),
        ("2026/04/16 1:00:00 PM EST", "2026-04-16T13:00:00-05:00"),
        ("2026-01-16 12:30 am PST", "2026-01-16T02:30:00-06:00"),
        ("2026-04-03T10:00:00.123+02:00", "2026-04-03T03:00:00-05:00"),
        ("Thu, 31 Jul 2014 07:27:14 PDT", "2014-07-31T09:27:14-05:00"),
    ],
)
def test_moments_are_in_the_sources_time_zone(raw: str, expected: str) -> None:
    assert reader().moment(raw) == expected


@pytest.mark.parametrize("raw", ["03/04/2026", "1/2/26", "25/12/26"])
def test_a_date_that_could_be_read_in_two_ways_names_the_setting(raw: str) -> None:
    with pytest.raises(BadValue, match=r'set dates = "dmy" or "mdy"'):
        reader().day(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "soon",
        "45292",
        "31/02/2026",
        "2026-02-30",
        "2026-13-01",
        "21/07/2025x",
        "13 Foo 2026",
        "0206-04-03",
        "9999-12-31T23:59:59-12:00",
        "2026-04-03 25:00",
        "2026-04-03 13:00 PM",
        "1/2/3/4",
        "9" * 5000,
    ],
)
def test_what_is_no_date_is_refused(raw: str) -> None:
    with pytest.raises(BadValue):
        reader("mdy").moment(raw)


def test_the_configured_order_is_not_overruled_by_what_fits() -> None:
    with pytest.raises(BadValue):
        reader("mdy").day("21/07/2025")


def test_formats_come_first() -> None:
    assert reader(None, "%d.%m.%y").day("03.04.26") == "2026-04-03"
    assert reader(None, "%d.%m.%Y %H:%M").moment("03.04.2026 09:30") == "2026-04-03T09:30:00-05:00"


DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(2199, 12, 31))


@given(DAYS)
def test_every_iso_date_is_read_whatever_the_order(day: date) -> None:
    orders: tuple[DateOrder | None, ...] = (None, "dmy", "mdy", "ymd")
    assert {reader(order).day(day.isoformat()) for order in orders} == {day.isoformat()}


@given(DAYS)
def test_without_an_order_a_numeric_date_is_right_or_refused(day: date) -> None:
    for text in (f"{day.day}/{day.month}/{day.year}", f"{day.month}/{day.day}/{day.year}"):
        try:
            assert reader().day(text) == day.isoformat()
        except BadValue:
            assert day.day <= 12
            assert day.day != day.month


@given(st.datetimes(min_value=datetime(1901, 1, 1), max_value=datetime(2199, 1, 1)), st.integers(-12, 14))  # noqa: DTZ001  the zone is added below
def test_an_instant_keeps_its_instant(naive: datetime, hours: int) -> None:
    text = f"{naive.replace(microsecond=0).isoformat()}{'-' if hours < 0 else '+'}{abs(hours):02}:00"
    expected = datetime.fromisoformat(text)
    assert abs(datetime.fromisoformat(reader().moment(text)) - expected) < timedelta(seconds=1)


# -- addresses, names ------------------------------------------------------------------------------------


def test_an_email_loses_case_and_space_but_no_dots_and_plus() -> None:
    assert values.email(" Ana.M+x@Uni.Example ") == "ana.m+x@uni.example"


@pytest.mark.parametrize(
    "raw",
    [
        "ana",
        "ana@",
        "@x.org",
        "a@b@c.org",
        "Ana <a@x.org>",
        "a@x.org; b@x.org",
        "a b@x.org",
        "a@x",
        "n/a",
        "a" * 300 + "@x.org",
    ],
)
def test_what_is_no_email_is_refused(raw: str) -> None:
    with pytest.raises(BadValue, match="e-mail"):
        values.email(raw)


@pytest.mark.parametrize("raw", ["javascript:alert(1)", "file:///etc/passwd", "see the page", "data:text/html,x"])
def test_what_is_no_web_address_is_refused(raw: str) -> None:
    with pytest.raises(BadValue, match="web address"):
        values.url(raw)


def test_a_phone_loses_the_apostrophe_of_a_spreadsheet() -> None:
    assert values.phone("'+1 657 555 0168") == "+1 657 555 0168"
    assert values.phone("(999)999-9999 Ext:9999") == "(999)999-9999 Ext:9999"


@pytest.mark.parametrize("raw", ["1.21143E+15", "1E+20", "1,2e15"])
def test_an_id_that_a_spreadsheet_shortened_is_refused(raw: str) -> None:
    with pytest.raises(BadValue, match="spreadsheet"):
        values.identifier(raw)


def test_a_whole_name_does_not_pass_for_initials() -> None:
    for initials in ("A.L.", "AL", "A. L.", "al", "McD", "JvdB", "Ø"):
        assert values.initials(initials) == initials
    for name in ("Ana López", "Li Wei", "Bo Li", "Anna"):
        with pytest.raises(BadValue, match="6 characters"):
            values.initials(name)


@pytest.mark.parametrize(
    ("raw", "name", "given", "family", "initials"),
    [
        ("Ana María López", "Ana María López", "Ana María", "López", "AL"),
        ("ANNA O'BRIEN-SMITH", "Anna O'Brien-Smith", "Anna", "O'Brien-Smith", "AO"),
        ("O'Brien, Sam", "Sam O'Brien", "Sam", "O'Brien", "SO"),
        ("Anna van der Berg", "Anna van der Berg", "Anna", "van der Berg", "AB"),
        ("Sam Smith, Jr.", "Sam Smith, Jr.", "Sam", "Smith", "SS"),
        ("Sam Smith III", "Sam Smith III", "Sam", "Smith", "SS"),
        ("Madonna", "Madonna", "Madonna", None, "M"),
        ("éric blanc", "éric blanc", "éric", "blanc", "ÉB"),
        ("LI", "LI", "LI", None, "L"),
    ],
)
def test_names(raw: str, name: str, given: str, family: str | None, initials: str) -> None:
    assert values.person(raw) == name
    assert values.name_parts(name) == (given, family)
    assert values.initials_of(given, family) == initials


@given(st.text())
def test_initials_are_two_letters_at_most(raw: str) -> None:
    letters = values.initials_of(*values.name_parts(values.person(raw))) or ""
    assert len(letters) <= 2


READERS: list[Callable[[str], Any]] = [
    values.line, values.long_text, values.number, values.integer, values.amount, values.boolean, values.email,
    values.url, values.phone, values.identifier, values.initials, values.person, reader().day, reader("dmy").moment,
]  # fmt: skip


@given(st.sampled_from(READERS), st.text() | st.from_regex(r"[0-9'+./, TZ:-]{1,30}"))
def test_a_cell_is_read_or_refused_without_being_repeated(read: Callable[[str], Any], cell: str) -> None:
    try:
        json.dumps(read(f"{cell}Zq7Zq"))
    except BadValue as error:
        said = str(error)
    else:
        said = ""
    assert "Zq7Zq" not in said


def test_the_orders_are_all_used() -> None:
    orders: tuple[DateOrder, ...] = ("dmy", "mdy")
    read = {(o, t): reader(o).day(t) for o, t in product(orders, ("01/02/2026", "02/01/2026"))}
    assert read["dmy", "01/02/2026"] == read["mdy", "02/01/2026"] == "2026-02-01"


# -- the order of a column ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["03/04/2026", "13/04/2026"], "dmy"),
        (["03/04/2026", "Mon, 04/13/2026 10:00 PM EST"], "mdy"),
        (["13/04/2026", "04/13/2026"], None),
        (["03/04/2026", "2026-04-13", "13 April 2026"], None),
        (["03/04/2026", "13/04/26", "26/04/13"], None),
        (["03/04/2026", "31/02/2026", "13/14/2026", "13/04/2026 and so on"], None),
        ([], None),
    ],
)
def test_a_column_decides_only_where_its_dates_leave_one_reading(cells: list[str], order: str | None) -> None:
    assert values.column_order(cells) == order
    assert values.column_order(reversed(cells)) == order


@given(st.lists(st.dates(date(1990, 1, 1), date(2099, 12, 31)), min_size=1), st.sampled_from(["dmy", "mdy"]))
def test_a_column_is_never_decided_against_how_it_was_written(days: list[date], written: DateOrder) -> None:
    form = {"dmy": "%d/%m/%Y", "mdy": "%m/%d/%Y"}[written]
    expected = written if any(day.day > 12 for day in days) else None
    assert values.column_order(f"{day:{form}}" for day in days) == expected
