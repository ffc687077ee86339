"""The calendar that people subscribe to: the contract of publishers, and what an independent parser reads from it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mi_sync.connector import View
from mi_sync.errors import ConfigError
from mi_sync_calendar import CalendarConfig
from publisher_labs import calendar, events

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
CALL = "https://meet.example.org/a"
ROW: Mapping[str, Any] = {
    "key": "k1", "engagement": "e1", "posting": "Donor dashboard", "organization": "Riverside", "intern": "AL",
    "step": "kickoff", "title": "Kickoff; Donors, and more", "body": f"Join the call: {CALL}", "state": "open",
    "late": False, "start": None, "due": datetime(2026, 3, 6, 23, 0, tzinfo=UTC), "list": "To do", "owner": True,
    "url": "https://board.example.org/k1", "meeting_url": CALL,
}  # fmt: skip


def view(*rows: Mapping[str, Any], later: timedelta = timedelta(0)) -> View:
    return View("Spring 2026", NOW + later, [{**ROW, **row} for row in rows])


def test_a_call_has_a_time_a_length_and_an_address_to_join(tmp_path: Path) -> None:
    calendar(tmp_path, minutes=45).publish(view({}))
    (event,) = events(tmp_path / "public" / "spring.ics").values()
    assert (event["summary"], event["uid"]) == ("Kickoff; Donors, and more", "k1@mi-sync")
    assert (event["dtstart"], event["dtend"] - event["dtstart"]) == (ROW["due"], timedelta(minutes=45))
    assert (event["location"], event["conference"], event["url"]) == (CALL, CALL, "https://board.example.org/k1")
    assert event["description"] == "Donor dashboard · Riverside · AL\nhttps://board.example.org/k1"


def test_another_date_is_a_day_or_a_moment_that_blocks_nothing(tmp_path: Path) -> None:
    calendar(tmp_path).publish(
        view({"key": "day", "due": date(2026, 3, 9)}, {"key": "moment", "body": ""}, {"key": "never", "due": None})
    )
    found = events(tmp_path / "public" / "spring.ics")
    assert {uid: event["dtstart"] for uid, event in found.items()} == {
        "day@mi-sync": date(2026, 3, 9),
        "moment@mi-sync": ROW["due"],
    }
    assert found["moment@mi-sync"]["transp"] == "TRANSPARENT"
    assert not {"dtend", "location", "conference"} & set(found["moment@mi-sync"])


def test_what_moves_keeps_its_identity_and_what_is_gone_is_cancelled_without_a_word(tmp_path: Path) -> None:
    file = tmp_path / "public" / "spring.ics"
    calendar(tmp_path).publish(view({}, {"key": "k2", "title": "Final (Ana Lopez)"}))
    calendar(tmp_path).publish(view({"due": date(2026, 3, 12)}, later=timedelta(days=1)))
    found = events(file)
    assert (found["k1@mi-sync"]["sequence"], found["k1@mi-sync"]["dtstart"]) == ("1", date(2026, 3, 12))
    assert (found["k2@mi-sync"]["sequence"], found["k2@mi-sync"]["status"]) == ("1", "CANCELLED")
    assert "Ana Lopez" not in file.read_text("utf-8")
    before = file.read_bytes()
    assert not calendar(tmp_path).publish(view({"due": date(2026, 3, 12)}, later=timedelta(days=2)))
    assert file.read_bytes() == before
    calendar(tmp_path).publish(view({"due": date(2026, 3, 12)}, {"key": "k2"}, later=timedelta(days=3)))
    assert (events(file)["k2@mi-sync"]["sequence"], events(file)["k2@mi-sync"]["status"]) == ("2", "CONFIRMED")
    assert events(file)["k1@mi-sync"]["dtstamp"] == NOW + timedelta(days=1)  # nothing happened to it since


@pytest.mark.parametrize("state", ["archived", "dismissed"])
def test_what_was_put_away_is_cancelled_and_what_is_done_is_ticked(state: str, tmp_path: Path) -> None:
    calendar(tmp_path).publish(view({}, {"key": "k2"}))
    calendar(tmp_path).publish(view({"state": state}, {"key": "k2", "state": "done"}))
    found = events(tmp_path / "public" / "spring.ics")
    assert found["k1@mi-sync"]["status"] == "CANCELLED"
    assert found["k2@mi-sync"]["summary"] == "✓ Kickoff; Donors, and more"


@pytest.mark.parametrize(
    "content", ["my notes", "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Somebody//EN\nEND:VCALENDAR\n", ""]
)
def test_a_file_of_somebody_elses_is_kept(content: str, tmp_path: Path) -> None:
    file = tmp_path / "public" / "spring.ics"
    file.parent.mkdir()
    file.write_text(content, "utf-8")
    with pytest.raises(ConfigError, match="has not made"):
        calendar(tmp_path).publish(view({}))
    assert file.read_text("utf-8") == content


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=90)


@given(titles=st.lists(TEXTS, max_size=4), note=TEXTS)
def test_whatever_a_title_holds_is_read_back_and_written_once(
    titles: list[str], note: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("calendar")
    shown = view(*({"key": f"k{n}", "title": title, "posting": note} for n, title in enumerate(titles)))
    assert calendar(folder).publish(shown)
    assert not calendar(folder).publish(shown)
    assert [event["summary"] for event in events(folder / "public" / "spring.ics").values()] == titles


def test_another_kind_of_file_is_refused_when_the_configuration_is_read() -> None:
    with pytest.raises(ValidationError, match=r"must end in \.ics"):
        CalendarConfig(path="spring.txt")
