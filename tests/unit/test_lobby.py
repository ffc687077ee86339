"""What a sandbox shows beside its boards: the index, and a project's files as they stand when they are asked for."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client, TestResponse

from mi_sync.cli.lobby import Door, Exhibit, Lobby, agenda, tables
from mi_sync.connector import Context, View
from mi_sync_calendar import CalendarConfig
from mi_sync_calendar.publisher import CalendarPublisher

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
NOW = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)  # still the 3rd in Chicago
CHICAGO = ZoneInfo("America/Chicago")


def row(key: str, due: Any, **more: Any) -> dict[str, Any]:
    return {"key": key, "title": f"Title of {key}", "state": "open", "due": due, "body": "", "url": None, **more}


def calendar(folder: Path, *rows: dict[str, Any], at: datetime = NOW) -> Path:
    publisher = CalendarPublisher(CalendarConfig(path="c.ics"), Context("calendar", folder, CHICAGO))
    publisher.publish(View("Spring", at, rows, "milestones"))
    return folder / "c.ics"


@pytest.fixture
def lobby(tmp_path: Path) -> Lobby:
    made = Lobby(now=lambda: NOW, timezone=CHICAGO)
    made.doors.append(Door("Trello", "/b/X", "/trello/control", "[[targets]]", {"KEY": "k"}))
    made.exhibits = tuple(
        Exhibit(name, name.title(), "About it.", tmp_path / file)
        for name, file in {"report": "r.html", "calendar": "c.ics", "table": "t.csv"}.items()
    )
    return made


def get(lobby: Lobby, path: str, method: str = "GET") -> TestResponse:
    return Client(lobby).open(path, method=method)


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


# ------------------------------------------------------------------------------------------------ index


def test_the_index_leads_to_each_board_and_tells_how_to_aim_at_it(lobby: Lobby) -> None:
    page = get(lobby, "/").text
    assert re.findall(r'href="(/[^"]*)"', page) == ["/b/X", "/trello/control"]
    assert "export KEY=k" in page
    assert "[[targets]]" in page


def test_a_file_is_linked_as_soon_as_it_stands_there(lobby: Lobby, tmp_path: Path) -> None:
    assert text(get(lobby, "/").text).count("Not written yet.") == 3
    assert (get(lobby, "/shown/table").status_code, get(lobby, "/shown/table.csv").status_code) == (404, 404)
    (tmp_path / "t.csv").write_text("a\n1\n")
    assert re.findall(r'href="(/shown[^"]*)"', get(lobby, "/").text) == ["/shown/table", "/shown/table.csv"]
    assert get(lobby, "/shown/table").status_code == 200


def test_the_files_themselves_are_handed_out_as_they_are(lobby: Lobby, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfa\r\n1\r\n")
    reply = get(lobby, "/shown/table.csv")
    assert reply.data == b"\xef\xbb\xbfa\r\n1\r\n"
    assert reply.headers["Content-Type"].startswith("text/csv")
    assert reply.headers["Content-Disposition"] == 'attachment; filename="table.csv"'


def test_nothing_but_the_named_files_is_handed_out(lobby: Lobby, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("secret")
    for path in (
        "/shown/config.toml",
        "/shown/../config.toml",
        "/shown/%2e%2e/config.toml",
        "/shown/",
        "/shown/table/..",
    ):
        assert get(lobby, path).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed(lobby: Lobby, method: str) -> None:
    assert get(lobby, "/", method).status_code == 405


@pytest.mark.parametrize("path", ["/", "/shown/calendar", "/shown/table"])
def test_a_page_runs_its_own_script_alone(lobby: Lobby, tmp_path: Path, path: str) -> None:
    calendar(tmp_path, row("a", datetime(2026, 3, 3, 23, 0, tzinfo=UTC)))
    (tmp_path / "t.csv").write_text("a\n1\n")
    reply = get(lobby, path)
    policy = reply.headers["Content-Security-Policy"]
    for tag, kind in (("script", "script-src"), ("style", "style-src")):
        (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", reply.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_the_report_is_shown_as_it_is_and_runs_nothing(lobby: Lobby, tmp_path: Path) -> None:
    (tmp_path / "r.html").write_text("<!DOCTYPE html><p>Report")
    reply = get(lobby, "/shown/report")
    assert reply.text == "<!DOCTYPE html><p>Report"
    assert "script-src" not in reply.headers["Content-Security-Policy"]
    assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'")


# ----------------------------------------------------------------------------------------------- agenda


def test_an_agenda_has_each_day_with_its_events_in_order(tmp_path: Path) -> None:
    file = calendar(
        tmp_path,
        row("late", datetime(2026, 3, 3, 23, 0, tzinfo=UTC)),
        row("early", datetime(2026, 3, 3, 15, 0, tzinfo=UTC)),
        row("whole", date(2026, 3, 2)),
        row("night", datetime(2026, 3, 5, 5, 0, tzinfo=UTC)),
    )
    read = agenda.read(file.read_bytes(), CHICAGO, NOW)
    shown = [(it.day.day, it.when, [(each.time, each.title) for each in it.entries]) for it in read.days]
    assert shown == [
        (2, "past", [("", "Title of whole")]),
        (3, "today", [("09:00", "Title of early"), ("17:00", "Title of late")]),
        (4, "ahead", [("23:00", "Title of night")]),
    ]
    assert (read.name, read.zone) == ("Spring", "America/Chicago")


def test_an_agenda_leaves_out_what_was_cancelled_and_marks_what_is_done(tmp_path: Path) -> None:
    due = datetime(2026, 3, 3, 23, 0, tzinfo=UTC)
    calendar(tmp_path, row("gone", due), row("done", due))
    file = calendar(tmp_path, row("done", due, state="done"))
    (day,) = agenda.read(file.read_bytes(), CHICAGO, NOW).days
    assert [(it.title, it.done) for it in day.entries] == [("Title of done", True)]


def test_an_agenda_leads_to_the_card_and_into_the_call(lobby: Lobby, tmp_path: Path) -> None:
    call = "https://meet.example.org/x"
    due = datetime(2026, 3, 3, 23, 0, tzinfo=UTC)
    calendar(tmp_path, row("a", due, url="http://127.0.0.1:8377/c/1", meeting_url=call, body=call, intern="AL"))
    page = get(lobby, "/shown/calendar").text
    assert '<a href="http://127.0.0.1:8377/c/1">Title of a</a>' in page
    assert f'href="{call}"' in page
    assert '<span class="about">AL</span>' in page


def test_a_file_that_is_no_calendar_shows_nothing(lobby: Lobby, tmp_path: Path) -> None:
    (tmp_path / "c.ics").write_text("this is no calendar")
    assert "Nothing has a date." in text(get(lobby, "/shown/calendar").text)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x"])
def test_an_agenda_and_a_table_lead_to_addresses_of_the_web_alone(lobby: Lobby, tmp_path: Path, url: str) -> None:
    calendar(tmp_path, row(EVIL, date(2026, 3, 3), url=url, title=EVIL))
    (tmp_path / "t.csv").write_text(f'url,x\n"{url}",<script>\n')
    for path in ("/shown/calendar", "/shown/table"):
        page = get(lobby, path).text
        assert f'href="{url}' not in page
        assert EVIL not in page
        assert page.count("<script") == 1


# ------------------------------------------------------------------------------------------------ table


def test_a_table_has_words_as_headings_and_no_column_without_a_value() -> None:
    shown = tables.read(b"\xef\xbb\xbfposting_id,stars,url\r\nP-1,,https://x.example/\r\n")
    assert (shown.headings, shown.empty) == (["Posting id", "Url"], 1)
    assert [[(cell.text, cell.url) for cell in cells] for cells in shown.rows] == [
        [("P-1", False), ("https://x.example/", True)]
    ]


def test_a_table_without_rows_keeps_its_headings() -> None:
    assert tables.read(b"a,b\r\n") == tables.Table(["A", "B"], [], 0)
    assert tables.read(b"") == tables.Table([], [], 0)


@given(st.binary(max_size=200))
def test_whatever_stands_in_a_file_is_shown(content: bytes) -> None:
    rows = tables.read(content)
    assert all(len(cells) == len(rows.headings) for cells in rows.rows)
    agenda.read(content, CHICAGO, NOW)
