"""Dates as sources write them, and when somebody graduates."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync import values
from mi_sync.values import BadValue, DateOrder, DateReader

CHICAGO = ZoneInfo("America/Chicago")


def reader(order: DateOrder | None = None, *formats: str, zone: str = "America/Chicago") -> DateReader:
    return DateReader(ZoneInfo(zone), order, formats)


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
        ("11/20/24, 8:15\u202fAM", "mdy", "2024-11-20"),
        ("7-Feb-22", None, "2022-02-07"),
        ("22-Feb-07", "ymd", "2022-02-07"),
        ("29 Jun 21 22:49:39 GMT", None, "2021-06-29"),
        ("9/6/2018 0:06:16", "mdy", "2018-09-06"),
        ("21/07/2025 10:04:21", None, "2025-07-21"),
        ("19/10/2018", None, "2018-10-19"),
        ("2017-03-18T00:00", None, "2017-03-18"),
        ("2015-12-28T00:00:00", None, "2015-12-28"),
        ("April 3, 2026 at 5:00 PM", None, "2026-04-03"),
        ("Tue Nov 10 2026 23:00:00 GMT-0600 (Central Standard Time)", None, "2026-11-10"),
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
        ("Thu, 31 Jul 2014 07:27:14 -0700 (PDT)", "2014-07-31T09:27:14-05:00"),
        ("2026-04-03 10:00+02", "2026-04-03T03:00:00-05:00"),
        ("2026-04-03 10:00 UTC+2", "2026-04-03T03:00:00-05:00"),
        ("2026-04-03 10:00 ut", "2026-04-03T05:00:00-05:00"),
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
        "2026-04-03 10:00 soon",
        "2026-04-03 10:00+25:00",
        "5 Mar 20:00",
        "Mar-24",
        "2023-04",
        "1775225400000",
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


# -- time zones ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "zone", "offset"),
    [
        ("CET", "Europe/Berlin", "+01:00"),
        ("CEST", "Europe/Berlin", "+02:00"),
        ("bst", "Europe/London", "+01:00"),
        ("IST", "Asia/Kolkata", "+05:30"),
        ("IST", "Europe/Dublin", "+01:00"),
        ("IST", "Asia/Jerusalem", "+02:00"),
        ("AEST", "Australia/Sydney", "+10:00"),
        ("EST", "Europe/Berlin", "-05:00"),
        ("EST", "America/New_York", "-05:00"),
        ("CST", "America/Chicago", "-06:00"),
    ],
)
def test_a_zone_means_what_the_mail_standard_says_or_what_it_means_at_the_source(
    name: str, zone: str, offset: str
) -> None:
    read = datetime.fromisoformat(reader(zone=zone).moment(f"2026-07-14 10:00 {name}"))
    assert read == datetime.fromisoformat(f"2026-07-14T10:00:00{offset}")


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("CST", "Asia/Shanghai"),
        ("PST", "Asia/Manila"),
        ("IST", "America/Chicago"),
        ("CET", "America/Chicago"),
        ("LMT", "UTC"),
    ],
)
def test_a_zone_that_is_not_certain_is_refused_with_a_way_out(name: str, zone: str) -> None:
    with pytest.raises(BadValue, match=r"write an offset such as \+01:00"):
        reader(zone=zone).moment(f"2026-07-14 10:00 {name}")


def test_the_hour_that_comes_twice_is_told_by_the_name_of_its_zone() -> None:
    twice = [reader(zone="Europe/Berlin").moment(f"2026-10-25 02:30 {name}") for name in ("CEST", "CET")]
    assert twice == ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]


# -- counted dates, every attested way of writing ---------------------------------------------------------


@given(st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 30)))  # noqa: DTZ001  the zone is added below
def test_counted_seconds_and_milliseconds_are_instants(naive: datetime) -> None:
    when = naive.replace(tzinfo=UTC, microsecond=0)
    seconds = int(when.timestamp())
    assert datetime.fromisoformat(reader(None, "epoch_s").moment(str(seconds))) == when
    assert datetime.fromisoformat(reader(None, "epoch_ms").moment(f"{seconds}000")) == when
    assert reader(None, "epoch_ms", "%d.%m.%Y").day("03.04.2026") == "2026-04-03"


@pytest.mark.parametrize("raw", ["9999999999999", "-1", "1775225400.5", "99999999999999"])
def test_a_count_that_is_no_date_is_refused(raw: str) -> None:
    with pytest.raises(BadValue):
        reader(None, "epoch_s").moment(raw)


WRITTEN: list[tuple[str, DateOrder | None]] = [
    ("%Y-%m-%d", None), ("%Y/%m/%d %I:%M:%S %p EST", None), ("%Y-%m-%dT%H:%M:%S", None), ("%Y-%m-%dT%H:%M", None),
    ("%d %b %Y", None), ("%d-%b-%y", None), ("%dth %B %Y", None), ("%a, %d %b %Y %H:%M:%S GMT", None),
    ("%a, %d %b %Y %H:%M:%S PDT", None), ("%d/%m/%Y", "dmy"), ("%d/%m/%Y %H:%M:%S", "dmy"), ("%m/%d/%Y %H:%M:%S", "mdy"),
    ("%m/%d/%y, %I:%M %p", "mdy"), ("%Y-%m-%d %H:%M:%S", None),
]  # fmt: skip


@given(st.datetimes(datetime(2000, 1, 2), datetime(2068, 12, 30)), st.sampled_from(WRITTEN))  # noqa: DTZ001  as above
def test_a_date_survives_every_attested_way_of_writing(when: datetime, written: tuple[str, DateOrder | None]) -> None:
    form, order = written
    text = when.strftime(form)
    naive = datetime.strptime(text, form)  # noqa: DTZ007  what the text still says
    zone = next((it for it in (" EST", " GMT", " PDT") if form.endswith(it)), "")
    hours = {" EST": -5, " GMT": 0, " PDT": -7, "": None}[zone]
    aware = naive.replace(tzinfo=CHICAGO if hours is None else timezone(timedelta(hours=hours)))
    read = reader(order).moment(text)
    if "%H" in form or "%I" in form:
        assert datetime.fromisoformat(read) == aware.astimezone(UTC)
    else:
        assert read == naive.date().isoformat()


# -- graduation ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("2027-05-15", "2027-05-15"),
        ("2027-05-15T00:00:00", "2027-05-15"),
        ("15 May 2027", "2027-05-15"),
        ("13/05/2027", "2027-05-13"),
        ("May 2027", "2027-05"),
        ("Sept. 2027", "2027-09"),
        ("Expected: May, 2027", "2027-05"),
        ("05/2027", "2027-05"),
        ("2027-05", "2027-05"),
        ("May '27", "2027-05"),
        ("Spring 2026", "2026 spring"),
        ("2026 Fall", "2026 fall"),
        ("Autumn 2026", "2026 fall"),
        ("Spring semester 2026", "2026 spring"),
        ("Fall '26", "2026 fall"),
        ("Winter 26", "2026 winter"),
        ("2026", "2026"),
        ("Class of 2026", "2026"),
        ("class of \u201926", "2026"),
        ("2026 (expected)", "2026"),
        ("Graduating in 2026", "2026"),
        # not certain, or nothing of the kind: as written
        ("03/04/2027", "03/04/2027"),
        ("May 27", "May 27"),
        ("27-May", "27-May"),
        ("26", "26"),
        ("13/2027", "13/2027"),
        ("Junior", "Junior"),
        ("2026 or 2027", "2026 or 2027"),
        ("Spring/Summer 2026", "Spring/Summer 2026"),
    ],
)
def test_a_graduation_is_as_exact_as_its_text(raw: str, canonical: str) -> None:
    assert values.graduation(raw, reader()) == canonical


def test_a_graduation_day_is_read_as_the_source_writes_dates() -> None:
    assert values.graduation("03/04/2027", reader("dmy")) == "2027-04-03"


@given(st.text() | st.from_regex(r"[A-Za-z]{3,9}[ ,'-]{0,2}[0-9]{2,4}"))
def test_a_graduation_is_never_refused_and_stays_as_it_is(raw: str) -> None:
    once = values.graduation(raw, reader())
    assert values.graduation(once, reader()) == once
