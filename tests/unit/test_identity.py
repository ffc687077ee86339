"""Keys that stay, digests that notice what a reader notices, and markers that survive an editor."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync.connector import harvest, plant
from mi_sync.identity import (
    MARKED,
    Marker,
    digest,
    field_digest,
    is_relay,
    item_key,
    programme_short,
    record_key,
)

CHICAGO = ZoneInfo("America/Chicago")
TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
WORD = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=1, max_size=16)
MARKERS = st.builds(
    Marker, WORD, WORD, WORD, st.fixed_dictionaries(dict.fromkeys(MARKED, WORD)), st.booleans()
)  # fmt: skip
BODIES = st.text(st.characters(codec="utf-8") | st.sampled_from('[](){}\\"\n \t-*#'), max_size=80)


# ------------------------------------------------------------------------------------------------ keys


@given(parts=st.lists(TEXT, max_size=4), other=st.lists(TEXT, max_size=4), key=TEXT)
def test_a_digest_tells_its_parts_apart(parts: list[str], other: list[str], key: str) -> None:
    assert (digest(*parts, key=key) == digest(*other, key=key)) == (parts == other)


def test_where_one_part_ends_matters() -> None:
    assert len({digest("ab", "c"), digest("a", "bc"), digest("abc"), digest("a", "b", "c")}) == 4


def test_keys_are_the_same_in_every_version() -> None:
    """A change here makes every board of every programme start anew."""
    assert record_key("spring-2026", "jobs", "posting", "P-1") == "posting-awjrshjiv75sh72v"
    assert item_key("spring-2026", "posting-awjrshjiv75sh72v", "check-in", 2) == "akmaaq4npuoxhubf"
    assert programme_short("spring-2026") == "zq2a6ltb"
    assert field_digest("Kick-off") == "m75boom3"


@given(programmes=st.lists(WORD, min_size=2, max_size=2, unique=True), ref=TEXT)
def test_keys_differ_in_every_programme(programmes: list[str], ref: str) -> None:
    one, other = programmes
    assert record_key(one, "jobs", "posting", ref) != record_key(other, "jobs", "posting", ref)
    assert item_key(one, "owner", "step", None) != item_key(other, "owner", "step", None)
    assert programme_short(one) != programme_short(other)


def test_keys_differ_by_namespace_kind_step_and_number() -> None:
    records = {record_key("p", n, k, "1") for n in ("jobs", "forms") for k in ("posting", "applicant")}
    items = {item_key("p", "owner", step, n) for step in ("a", "a/1") for n in (None, 1, 11)}
    assert (len(records), len(items)) == (4, 6)


@given(email=st.emails())
def test_a_key_holds_nothing_of_what_it_is_made_from(email: str) -> None:
    key = record_key("p", "jobs", "applicant", email)
    assert email not in key
    assert key.removeprefix("applicant-").isalnum()


@pytest.mark.parametrize(
    ("email", "relay"),
    [
        ("a_6hp@indeedemail.com", True),
        ("a@IndeedEmail.com", True),
        ("a@example.org", False),
        ("a@notindeedemail.com", False),
        ("", False),
    ],
)
def test_a_relays_address_is_known(email: str, relay: bool) -> None:  # noqa: FBT001  a case
    assert is_relay(email) is relay


# ----------------------------------------------------------------------------------------------- digests


def at(hour: int, zone: str, day: int = 6) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A line\nand one", "  A line  \r\nand one\t\r\n"),
        ("", None),
        ("", " \n "),
        (at(17, "America/Chicago"), at(9, "America/Chicago")),
        (at(17, "America/Chicago"), date(2026, 3, 6)),
        (("b", "a"), ["a", "b", "a"]),
        (("a ",), {"a"}),
        ((), []),
    ],
)
def test_what_looks_the_same_on_a_board_has_the_same_digest(one: Any, other: Any) -> None:
    assert field_digest(one) == field_digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A line", "a line"),
        ("A\nline", "A line"),
        ("A\n\nline", "A\nline"),
        ("A", None),
        (at(17, "America/Chicago"), at(17, "America/Chicago", day=7)),
        (at(0, "UTC"), at(0, "UTC").astimezone(CHICAGO)),
        (("a", "b"), ("a", "c")),
        (("a, b",), ("a", "b")),
        (("a",), ()),
    ],
)
def test_what_looks_different_on_a_board_has_another_digest(one: Any, other: Any) -> None:
    assert field_digest(one) != field_digest(other)


@given(text=TEXT, blanks=st.text(" \t", max_size=3))
def test_blanks_at_the_ends_of_lines_do_not_count(text: str, blanks: str) -> None:
    lines = text.replace("\r", "").split("\n")
    assert field_digest(text.replace("\r", "")) == field_digest("\r\n".join(line + blanks for line in lines) + "\n\n")


# ----------------------------------------------------------------------------------------------- markers


@given(marker=MARKERS)
def test_a_marker_is_read_back(marker: Marker) -> None:
    token = marker.encode()
    assert Marker.decode(token) == marker
    assert all(c.isalnum() or c == "." for c in token)


@given(token=TEXT | st.lists(WORD | st.just(""), max_size=13).map(".".join) | st.none())
def test_anything_else_is_no_marker(token: str | None) -> None:
    marker = Marker.decode(token)
    assert marker is None or token is not None
    assert marker is None or (token.split(".")[0] == "1" and token.count(".") == 10)  # type: ignore[union-attr]  # a marker has a token


def test_a_marker_of_another_version_is_not_understood() -> None:
    token = Marker("p", "k", "n", dict.fromkeys(MARKED, "d")).encode()
    assert Marker.decode(token) is not None
    assert Marker.decode(f"2{token[1:]}") is None
    assert Marker.decode(f"{token}.more") is None
    assert Marker.decode(token.replace(".k.", "..")) is None


# ------------------------------------------------------------------------------------- on an item's body

LINK = "[mi-sync](https://mi-sync.invalid/{0})"
REWRITES = [
    LINK,
    r"\[mi-sync\](https://mi-sync.invalid/{0})",
    '[mi-sync](https://mi-sync.invalid/{0} "smartCard-inline")',
    r'\[mi-sync\](https://mi-sync.invalid/{0} "smartCard-inline")',
    "[mi-sync](\nhttps://mi-sync.invalid/{0})",
    "https://mi-sync.invalid/{0}",
    "  " + LINK + "  \n\n",
]


@given(body=BODIES, marker=MARKERS, rewrite=st.sampled_from(REWRITES))
def test_a_planted_marker_is_harvested_however_an_editor_rewrote_it(body: str, marker: Marker, rewrite: str) -> None:
    token = marker.encode()
    planted = plant(body, token)
    rewritten = planted.replace(LINK.format(token), rewrite.format(token))
    assert harvest(rewritten) == (body.rstrip(), token)


@given(body=BODIES, marker=MARKERS)
def test_planting_again_after_harvesting_changes_nothing(body: str, marker: Marker) -> None:
    planted = plant(body, marker.encode())
    assert plant(harvest(planted)[0], marker.encode()) == planted


@given(body=BODIES)
def test_a_body_without_a_marker_is_left_as_it_is(body: str) -> None:
    assert harvest(body) == (body.rstrip(), None)


@pytest.mark.timeout(20)
def test_blanks_that_lead_to_no_marker_take_bounded_time() -> None:
    body = "x" + " " * 200_000 + "y"
    assert harvest(body) == (body, None)


def test_the_last_of_several_markers_counts_and_none_is_left_in_the_body() -> None:
    text = plant(plant("Body", "1.old"), "1.new")
    body, token = harvest(text)
    assert token == "1.new"
    assert "mi-sync" not in body


def test_what_a_person_wrote_after_the_marker_stays() -> None:
    assert harvest(plant("Body", "1.a") + " and (more)\n\nA line (below)")[0].split() == [
        "Body", "and", "(more)", "A", "line", "(below)",
    ]  # fmt: skip


def test_a_marker_that_became_a_sentence_is_read_without_its_full_stop() -> None:
    assert harvest("See https://mi-sync.invalid/1.a.b.")[1] == "1.a.b"


def test_people_see_one_word() -> None:
    assert plant("Body\n\n", "1.a") == "Body\n\n[mi-sync](https://mi-sync.invalid/1.a)"
    assert plant(" \n", "1.a") == "[mi-sync](https://mi-sync.invalid/1.a)"


@pytest.mark.parametrize(
    ("rewritten", "body"),
    [
        ('[https://mi-sync.invalid/1.a](https://mi-sync.invalid/1.a "smartCard-inline")', "Body"),
        ("[mi-sync](<https://mi-sync.invalid/1.a>)", "Body"),
        (r"[mi\-sync](https://mi-sync.invalid/1.a)", "Body"),
        ('[mi-sync](https://mi-sync.invalid/1.a "a (b) c")', "Body"),
        ("https://mi-sync.invalid/1.a and (more) here", "Body\n\nand (more) here"),
    ],
)
def test_other_ways_to_write_the_same_link_leave_nothing_and_take_nothing(rewritten: str, body: str) -> None:
    text, token = harvest(f"Body\n\n{rewritten}")
    assert token == "1.a"
    assert [line.strip() for line in text.split("\n")] == body.split("\n")
