"""Pay out of free text: read exactly, or refused; and how a mapping and a source say what is missing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync import values
from mi_sync.fields import FieldSpec
from mi_sync.model import Pay
from mi_sync.templates import money
from mi_sync.values import BadValue
from rows import mapped, mapper, problem


def one(amount: float, **more: str) -> dict[str, Any]:
    return {"min": amount, "max": amount, **more}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("$450 USD", one(450, currency="USD")),
        ("$50K per year", one(50000, per="year")),
        ("$10 - $20 / hour", {"min": 10, "max": 20, "per": "hour"}),
        ("$15-$25 per hour", {"min": 15, "max": 25, "per": "hour"}),
        ("$15/hr \u2013 $20/hr", {"min": 15, "max": 20, "per": "hour"}),
        ("$100,000", one(100000)),
        ("7,500", one(7500)),
        ("$350 - $550 stipend", {"min": 350, "max": 550}),
        ("\u20b915,000 / month", one(15000, currency="INR", per="month")),
        ("Fixed fee: $400", one(400, per="fixed")),
        ("USD 450 fixed", one(450, currency="USD", per="fixed")),
        ("$450 (USD), one-time", one(450, currency="USD", per="fixed")),
        ("$450 per project", one(450, per="fixed")),
        ("paid a $450 flat fee", one(450, per="fixed")),
        ("A$450", one(450, currency="AUD")),
        ("US $450", one(450, currency="USD")),
        ("450\u00a0\u20ac", one(450, currency="EUR")),
        ("450 euros", one(450, currency="EUR")),
        ("\u00a320/h", one(20, per="hour")),
        ("60k p.a.", one(60000, per="year")),
        ("Salary: $1 200.50 / month", one(1200.5, per="month")),
        ("$50K-$60K", {"min": 50000, "max": 60000}),
        ("$8.29K", one(8290)),
        ("$900 - 1K", {"min": 900, "max": 1000}),
        ("from $15 to $20 an hour", {"min": 15, "max": 20, "per": "hour"}),
        ("between $10 and $20", {"min": 10, "max": 20}),
        ("$15+ / hour", {"min": 15, "per": "hour"}),
        ("at least $20 per hour", {"min": 20, "per": "hour"}),
        ("up to $500", {"max": 500}),
        ("max. 500 CHF", {"max": 500, "currency": "CHF"}),
        ("Unpaid", one(0)),
        ("Competitive", None),
        ("DOE", None),
        ("tbd", None),
    ],
)
def test_pay_is_read_as_it_is_written(text: str, parts: dict[str, Any] | None) -> None:
    assert values.pay(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "$20 plus bonus",
        "2 x $450",
        "20 hours at $15",
        "20 hour",
        "$450 per 2 weeks",
        "$20 per project hour",
        "$50 - 60K",  # 50 or 50,000?
        "$20 - $10",
        "-500",
        "450 and 500",
        "10 - 20 - 30",
        "$20 / \u20ac18 per hour",
        "\u20ac450 USD",
        "$20 per hour, $800 per week",
        "\u20ac1.200",
        "\u20ac1.200,50",
        "per hour",
        "$",
        "450 Kronen",
        "top pay 450",
        "see description",
        "x" * 5000,
    ],
)
def test_what_is_not_wholly_understood_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        values.pay(text)


def test_a_decimal_comma_is_read_where_the_mapping_says_so() -> None:
    assert values.pay("\u20ac1.200,50 - 1.500 EUR fixed", ",") == {
        "min": 1200.5, "max": 1500, "currency": "EUR", "per": "fixed",
    }  # fmt: skip


AMOUNTS = st.decimals(1, 999_999, places=2).map(float)
PERIODS = st.sampled_from([None, "hour", "day", "week", "month", "year", "fixed"])


@given(AMOUNTS, AMOUNTS, st.sampled_from([None, "USD", "EUR", "INR"]), PERIODS)
def test_pay_as_we_write_it_reads_back(one_end: float, other: float, currency: str | None, per: Any) -> None:
    pay = Pay(min=min(one_end, other), max=max(one_end, other), currency=currency, per=per)
    assert Pay(**(values.pay(money(pay)) or {})) == pay


@given(AMOUNTS, st.sampled_from(["{}", "${}", "{} USD", "${} fixed", "{}/hr"]), st.text(max_size=8))
def test_an_amount_is_never_another_one(amount: float, form: str, more: str) -> None:
    try:
        parts = values.pay(f"{form.format(f'{amount:,.2f}')} {more}")
    except BadValue:
        return
    assert parts
    assert parts.get("min") == amount or parts["max"] == amount


# -- what a mapping and a source say ------------------------------------------------------------------------


def pay_of(toml: str, cells: dict[str, str], **meant: str) -> Any:
    it = mapper(f'[posting]\ntitle = "T"\n{toml}\n', ["T", *cells], pay=meant)
    return mapped(it, "x", *cells.values())[0].values.get("pay")


def test_one_column_says_all_or_what_others_do_not() -> None:
    assert pay_of('pay = "Fee"', {"Fee": "$450 fixed"}) == one(450, per="fixed")
    both = 'pay = { column = "Fee", currency = "Money", per = { default = "fixed" } }'
    assert pay_of(both, {"Fee": "$450", "Money": "cad"}) == one(450, currency="CAD", per="fixed")
    assert pay_of(both, {"Fee": "CAD 20 / hour", "Money": "CAD"}) == one(20, currency="CAD", per="hour")
    assert pay_of(both, {"Fee": "", "Money": ""}) is None


def test_the_order_of_the_lines_and_columns_changes_nothing() -> None:
    lines = ['pay.per = { default = "fixed" }', 'pay.column = "Fee"', 'pay.currency = "Money"']
    cells = {"Fee": "$20 an hour", "Money": "USD"}
    for turned in (lines, lines[::-1]):
        for each in (cells, dict(reversed(cells.items()))):
            assert pay_of("\n".join(turned), each) == one(20, currency="USD", per="hour")


def test_what_the_source_means_fills_what_no_cell_says() -> None:
    assert pay_of('pay = "Fee"', {"Fee": "$450"}, currency="USD", per="fixed") == one(450, currency="USD", per="fixed")
    assert pay_of('pay = "Fee"', {"Fee": "\u20ac20/h"}, currency="USD", per="fixed") == one(
        20, currency="EUR", per="hour"
    )
    mapping_says = 'pay = { column = "Fee", currency = { default = "EUR" } }'
    assert pay_of(mapping_says, {"Fee": "450"}, currency="USD") == one(450, currency="USD")
    assert pay_of('pay.min = "Fee"', {"Fee": "450"}, currency="USD") == {"min": 450, "currency": "USD"}


def test_what_the_source_means_is_nothing_without_an_amount() -> None:
    for cell in ("", "Competitive"):
        assert pay_of('pay = "Fee"', {"Fee": cell}, currency="USD", per="fixed") is None


def test_a_period_that_the_mapping_leaves_out_is_not_filled_by_the_source() -> None:
    toml = 'pay.min = "Fee"\npay.per = { column = "Unit", other = "" }'
    assert pay_of(toml, {"Fee": "450", "Unit": "SEMIMONTHLY"}, per="fixed") == {"min": 450}
    assert pay_of(toml, {"Fee": "450", "Unit": ""}, per="fixed") == {"min": 450, "per": "fixed"}


def test_two_columns_that_disagree_are_a_problem_that_names_both() -> None:
    it = mapper('[posting]\ntitle = "T"\npay = { column = "Fee", currency = "Money" }\n', ["T", "Fee", "Money"])
    found = problem(it, "x", "\u20ac450", "USD")
    assert found.field == "pay.currency"
    assert "'Fee'" in found.why
    assert "'Money'" in found.why
    assert problem(it, "x", "450 apples", "USD").field == "pay"
    assert "values = { pay =" in problem(it, "x", "450 apples", "USD").why


def test_unreadable_pay_may_be_left_empty_and_readable_pay_is_kept() -> None:
    toml = 'pay = { column = "Fee", other = "" }'
    assert pay_of(toml, {"Fee": "$20 plus bonus"}) is None
    assert pay_of(toml, {"Fee": "$20/hr"}) == one(20, per="hour")
    it = mapper(
        '[posting]\ntitle = "T"\npay = "Fee"\n', ["T", "Fee"], values={"pay": {"Standard fee": "USD 450 fixed"}}
    )
    assert mapped(it, "x", "standard fee")[0].values["pay"] == one(450, currency="USD", per="fixed")


def test_required_pay_must_say_something() -> None:
    it = mapper('[posting]\ntitle = "T"\npay = { column = "Fee", required = true }\n', ["T", "Fee"])
    assert problem(it, "x", "").field == "pay"
    assert problem(it, "x", "Competitive").field == "pay"
    assert mapped(it, "x", "450")[0].origins["pay.min"].column == "Fee"


def test_every_part_knows_the_column_and_the_line() -> None:
    it = mapper('[posting]\ntitle = "T"\n[posting.pay]\nper = { default = "fixed" }\ncolumn = "Fee"\n', ["T", "Fee"])
    origins = mapped(it, "x", "450 USD")[0].origins
    assert {name: (o.column, o.mapping_line) for name, o in origins.items() if name != "title"} == {
        "pay.min": ("Fee", 5), "pay.max": ("Fee", 5), "pay.currency": ("Fee", 5), "pay.per": (None, 4),
    }  # fmt: skip


def test_a_description_of_pay_cannot_be_mistaken_for_its_parts() -> None:
    """The keys of `pay = { … }` are either those of any field, or the parts of pay; none is both."""
    assert not set(FieldSpec.model_fields) & set(Pay.model_fields)


@pytest.mark.parametrize("code", ["usd", "EUR ", "\u20ac"])
def test_a_currency_is_a_code_or_a_sign_of_one_currency(code: str) -> None:
    assert values.currency(code) in {"USD", "EUR"}


@pytest.mark.parametrize("code", ["$", "\u00a3", "XYZ", "dollars", "US"])
def test_what_names_no_currency_is_refused(code: str) -> None:
    with pytest.raises(BadValue, match="ISO 4217"):
        values.currency(code)
