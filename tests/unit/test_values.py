from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync import values
from mi_sync.sheets import defused
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


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Gesti&oacute;n", "Gesti\u00f3n"),
        ("R&amp;amp;D", "R&D"),
        ("&#38;#38;lt;b", "<b"),
        ("AT&T &copy &notit; &x; a&b;", "AT&T &copy &notit; &x; a&b;"),
        ("&#0;&#xD800;x", "\ufffd\ufffdx"),
        ("Data \u2013 cleaning", "Data \u2013 cleaning"),
        ('=HYPERLINK("https://x.example";"a")', '=HYPERLINK("https://x.example";"a")'),
    ],
)
def test_text_has_no_entities_and_keeps_everything_else(raw: str, clean: str) -> None:
    assert values.text(raw) == clean


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
        ("&amp;lt;p&amp;gt;R&amp;amp;amp;D&amp;lt;/p&amp;gt;", "R&D"),
        ("Gesti&oacute;n &amp; an\u00e1lisis", "Gesti\u00f3n & an\u00e1lisis"),
        ("Gesti&amp;oacute;n de datos", "Gesti\u00f3n de datos"),
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
        (" / Biceps / Deltoid", " / ", ["Biceps", "Deltoid"]),
        ("Engineering|Biology", "|", ["Engineering", "Biology"]),
        ('["SQL", "C; C++", 3.10]', ";", ["SQL", "C; C++", "3.10"]),
        (" [ ] ", ";", []),
        ("[draft] a;b", ";", ["[draft] a", "b"]),
    ],
)
def test_lists_are_split_and_quotes_protect(cell: str, separator: str, parts: list[str]) -> None:
    assert [p for p in values.split(cell, separator) if p] == parts


@pytest.mark.parametrize("cell", ['[{"name": "SQL"}]', "[[1]]", "[true]"])
def test_a_json_list_of_anything_else_is_refused(cell: str) -> None:
    with pytest.raises(BadValue, match="JSON list"):
        values.split(cell, ";")


@given(st.lists(st.text(min_size=1)), st.sampled_from([";", ",", "|"]))
def test_the_texts_of_a_json_list_come_back_exactly(parts: list[str], separator: str) -> None:
    assert values.split(json.dumps(parts), separator) == parts


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
        ("1\u202f200,5", ",", 1200.5),
        ("1\u2009234\u00a0567", ".", 1234567),
        ("0.30000000000000004", ".", 0.3),
        ("-2", ".", -2),
    ],
)
def test_numbers(raw: str, decimal: str, expected: float) -> None:
    assert values.number(raw, decimal) == pytest.approx(expected)


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


@pytest.mark.parametrize(("raw", "decimal"), [("1.200", "."), ("$45.000", "."), ("1,200", ","), ("999.999", ".")])
def test_an_amount_that_may_be_a_thousand_times_as_much_is_refused(raw: str, decimal: str) -> None:
    with pytest.raises(BadValue, match="could be thousands"):
        values.amount(raw, decimal)


@given(st.integers(min_value=-999_999_999, max_value=999_999_999))
def test_thousands_separators_change_nothing(n: int) -> None:
    assert values.number(f"{n:,}") == values.number(str(n)) == n


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("Yes", True), ("TRUE", True), ("1", True), ("x", True), ("no", False), ("F", False), ("0", False)],
)
def test_yes_and_no(raw: str, *, expected: bool) -> None:
    assert values.boolean(raw) is expected


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
    assert values.phone("'(657) 555-0168 ") == "(657) 555-0168"
    for written in ("(999)999-9999 Ext:9999", "657.555.0168 x9", "+15551234567"):
        assert values.phone(f" {written}") == written
    with pytest.raises(BadValue, match="spreadsheet"):
        values.phone("1.65755E+10")


@given(st.from_regex(r"\A[+(0-9][0-9 ().-]{3,14}(?: Ext:[0-9]{1,4})?\Z"))
def test_a_phone_that_we_wrote_reads_back(raw: str) -> None:
    assert values.phone(defused(values.phone(raw))) == values.phone(raw)


def test_an_id_loses_the_apostrophe_that_marks_it_as_text_and_nothing_else() -> None:
    assert values.identifier("'0012345678901234567") == "0012345678901234567"
    for plain in ("'tis", "0012", "7E3", "12E5", "1E15x", "1234567890123456"):
        assert values.identifier(plain) == plain


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


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("MCDONALD, RONALD", "Ronald McDonald"),
        ("O\u2019BRIEN, SAM, JR.", "Sam O\u2019Brien, Jr."),
        ("O'Brien, Sam, Jr.", "Sam O'Brien, Jr."),
        ("Smith, Jr., John", "John Smith, Jr."),
        ("Smith Jr., John", "John Smith Jr."),
        ("van der Berg, Anna", "Anna van der Berg"),
        ("ANNA VAN DER BERG", "Anna van der Berg"),
        ("VAN NGUYEN", "Van Nguyen"),
        ("HENRY FORD II", "Henry Ford II"),
        ("ANNA SMITH, PHD", "Anna Smith, PhD"),
        ("Anna Smith, MBA", "Anna Smith, MBA"),
        ("Rahman, Md", "Md Rahman"),
        ("Real\u00a0Name ", "Real Name"),
        ("Smith, Anna, Berta", "Smith, Anna, Berta"),
        (", Anna", ", Anna"),
        ("O&#39;Brien", "O'Brien"),
    ],
)
def test_names_in_other_orders_and_in_capitals(raw: str, name: str) -> None:
    assert values.person(raw) == name


def test_a_comma_tells_the_parts_of_a_name() -> None:
    assert values.name_parts("García López, Ana María") == ("Ana María", "García López")
    assert values.name_parts("VAN DER BERG, ANNA, JR.") == ("Anna", "van der Berg")
    assert values.name_parts("Smith Jr., John") == ("John", "Smith")
    assert values.name_parts("Anna Smith, PhD") == ("Anna", "Smith")


@given(st.text())
def test_the_parts_of_a_name_are_its_words_in_their_order(raw: str) -> None:
    parts = " ".join(part for part in values.name_parts(raw) if part)
    assert values.person(raw).startswith(parts)


def test_a_capital_particle_belongs_to_the_family_name() -> None:
    assert values.name_parts("Maria De La Cruz") == ("Maria", "De La Cruz")
    assert values.initials_of("Maria", "De La Cruz") == "MC"


# -- hours and ratings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "expected"), [("20", 20), ("20 hours", 20), ("7.5 hrs", 7.5), ("1,200 h", 1200), ("20\u202fHrs.", 20)]
)
def test_hours_may_have_their_word(raw: str, expected: float) -> None:
    assert values.hours(raw) == expected


@pytest.mark.parametrize("raw", ["5+ hrs", "10-15 hours", "10 \u2013 15", "10 to 15 hours", "5 hours +"])
def test_hours_that_are_no_single_number_are_refused_with_a_way_out(raw: str) -> None:
    with pytest.raises(BadValue, match=r"no single number of hours; .*`values`"):
        values.hours(raw)


@pytest.mark.parametrize("raw", ["10 hours per week", "two days", "hours", "-"])
def test_what_is_no_number_of_hours_is_refused(raw: str) -> None:
    with pytest.raises(BadValue):
        values.hours(raw)


STARS = "\u2605\u2605\u2605\u2605\u2606"


@pytest.mark.parametrize(
    "raw", ["4", "4.0", "4/5", "4 / 5", "4 out of 5", "4 of 5 stars", "4 stars", "4 points", STARS, STARS[:4], "75%"]
)
def test_a_rating_of_four_from_one_to_five(raw: str) -> None:
    assert values.rating(raw, (1, 5)) == 0.75


@pytest.mark.parametrize(("raw", "expected"), [("80%", 0.8), ("100 %", 1), ("0.8", 0.8), ("0", 0)])
def test_a_rating_that_needs_no_scale(raw: str, expected: float) -> None:
    assert values.rating(raw) == expected


@pytest.mark.parametrize("raw", ["4", "4/5", "4 stars", STARS, "-1"])
def test_a_rating_whose_lowest_is_unknown_needs_its_scale(raw: str) -> None:
    with pytest.raises(BadValue, match=r"scale = \[1, 5\]"):
        values.rating(raw)


@pytest.mark.parametrize("raw", ["6", "0", "4/10", "8 out of 10", "\u2605" * 6, "120%", "good", "4/", "/5", "4/5/5"])
def test_a_rating_beside_its_scale_is_refused(raw: str) -> None:
    with pytest.raises(BadValue):
        values.rating(raw, (1, 5))


@given(st.integers(0, 100), st.integers(1, 100), st.floats(0, 1))
def test_a_rating_keeps_its_place_on_any_scale(low: int, width: int, place: float) -> None:
    top, value = low + width, low + round(place * width)
    for text in (str(value), f"{value}/{top}", f"{value} out of {top}"):
        assert values.rating(text, (low, top)) == (value - low) / width


# -- every reader ----------------------------------------------------------------------------------------

READERS: list[Callable[[str], Any]] = [
    values.line, values.text, values.long_text, values.number, values.integer, values.amount, values.hours,
    values.rating, values.boolean, values.email, values.url, values.phone, values.identifier, values.initials,
    values.person, values.currency, reader().day, reader("dmy").moment, reader(None, "epoch_ms").moment,
]  # fmt: skip
NUMBERS_ABOUT = r"[0-9'+./, TZ:-]{1,30}|[$\u20ac]?[0-9.,kK]{1,12}[-+/%a-z .]{0,12}"
CELLS = st.text() | st.from_regex(NUMBERS_ABOUT, fullmatch=True)


@given(st.sampled_from([*READERS, values.pay]), CELLS, st.sampled_from(["", "Zq7Zq"]))
def test_a_cell_is_read_or_refused_without_being_repeated(read: Callable[[str], Any], cell: str, tail: str) -> None:
    try:
        json.dumps(read(f"{cell}{tail}"))
    except BadValue as error:
        said = str(error)
    else:
        said = ""
    assert "Zq7Zq" not in said


CANONICAL: list[Callable[[str], Any]] = [
    values.line, values.number, values.integer, values.amount, values.hours, values.rating, values.boolean,
    values.email, values.url, values.phone, values.identifier, values.initials, values.person, values.currency,
    reader().day, reader("dmy").day, reader("mdy").moment, lambda cell: values.graduation(cell, reader("mdy")),
]  # fmt: skip


@given(
    st.sampled_from(CANONICAL), CELLS | st.sampled_from(["SMITH, ANNA", "\u20ac", "Fall '26", "3/4/2026 5:00 PM EST"])
)
def test_what_is_canonical_reads_back_as_itself(read: Callable[[str], Any], cell: str) -> None:
    try:
        value = read(cell)
    except BadValue:
        return
    again = read(f"{value:.6f}" if isinstance(value, float) else str(value))
    assert again == pytest.approx(value, rel=1e-5, abs=1e-6) if isinstance(value, float) else again == value


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ["1", "1 ", "&amp;", "&", "#38;", "a ", "$", "1-", "1,", "/", "[", "\u2605", "Mc", "'"]
)
def test_a_hostile_cell_takes_bounded_time(piece: str) -> None:
    hostile = piece * (1_000_000 // len(piece))
    readers = [*READERS, values.pay, lambda cell: values.graduation(cell, reader())]
    for read in [*readers, lambda cell: values.split(cell, ";"), values.fold]:
        try:
            read(hostile)
        except BadValue:
            continue
