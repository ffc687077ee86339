from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mi_sync.connector import Registry, SecretRef
from mi_sync_trello import TrelloConfig, connector
from mi_sync_trello.names import COLOURS, colour
from mi_sync_trello.wire import due_stamp, instant, local_date, stamp, start_stamp

KEY, TOKEN = SecretRef(env="K"), SecretRef(env="T")
ZONES = st.sampled_from(["America/Chicago", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/Sao_Paulo", "UTC"])


def settings(board: str = "AbCd1234", api_url: str = "https://api.trello.com/1") -> TrelloConfig:
    return TrelloConfig(board=board, key=KEY, token=TOKEN, api_url=api_url)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("AbCd1234", "AbCd1234"),
        ("65f0c0ffee65f0c0ffee65f0", "65f0c0ffee65f0c0ffee65f0"),
        ("https://trello.com/b/AbCd1234", "AbCd1234"),
        (" https://www.trello.com/b/AbCd1234/spring-2026?filter=x#top ", "AbCd1234"),
        ("http://127.0.0.1:8377/b/DEMO2026", "DEMO2026"),
    ],
)
def test_a_board_is_an_id_a_short_link_or_an_address(written: str, kept: str) -> None:
    assert settings(board=written).board == kept


@pytest.mark.parametrize(
    "board",
    [
        "",
        "my board",
        "AbCd123",
        "AbCd1234/../members/me",
        "https://trello.com/c/AbCd1234",
        "https://trello.com/b/AbCd123",
        "https://trello.com.evil.example/b/AbCd1234",
        "ftp://trello.com/b/AbCd1234",
    ],
)
def test_a_board_that_is_none_is_refused_with_an_example(board: str) -> None:
    with pytest.raises(ValidationError, match=r"https://trello\.com/b/AbCd1234"):
        settings(board=board)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://trello.example.org/1/", "https://trello.example.org/1"),
        ("http://127.0.0.1:8377/1", "http://127.0.0.1:8377/1"),
        ("http://127.9.9.9/1", "http://127.9.9.9/1"),
        ("http://localhost:1/1", "http://localhost:1/1"),
        ("http://[::1]:8377/1", "http://[::1]:8377/1"),
    ],
)
def test_an_api_address_is_kept_without_a_trailing_slash(written: str, kept: str) -> None:
    assert settings(api_url=written).api_url == kept


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://api.trello.com/1", "must start with https://"),
        ("http://localhost.evil.example/1", "must start with https://"),
        ("http://128.0.0.1/1", "must start with https://"),
        ("https://me:secret@api.trello.com/1", "neither credentials nor a query"),
        ("http://127.0.0.1@evil.example/1", "neither credentials nor a query"),
        ("https://api.trello.com/1?key=secret", "neither credentials nor a query"),
        ("https://api.trello.com:port/1", "is no address"),
        ("api.trello.com/1", "is no address"),
        ("", "is no address"),
    ],
)
def test_an_api_address_that_would_give_credentials_away_is_refused_unseen(address: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why) as caught:
        settings(api_url=address)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("names", [(), ("key",), ("token",), ("key", "access_token"), ("key", "token", "access_token")])
def test_credentials_are_key_and_token_or_an_access_token_alone(names: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="needs key and token, or access_token alone"):
        TrelloConfig.model_validate({"board": "AbCd1234", **{name: {"env": "X"} for name in names}})
    assert TrelloConfig(board="AbCd1234", access_token=KEY).key is None


def test_a_secret_is_never_a_literal() -> None:
    with pytest.raises(ValidationError) as caught:
        TrelloConfig.model_validate({"board": "AbCd1234", "key": "sesame", "token": {"env": "T"}})
    assert "sesame" not in str(caught.value)
    with pytest.raises(ValidationError, match="SecretRef"):  # by which the configuration's own message is chosen
        TrelloConfig.model_validate({"board": "AbCd1234", "access_token": "sesame"})


def test_the_registry_finds_the_connector() -> None:
    assert Registry().load("trello") is connector


def test_importing_the_connector_imports_neither_the_board_nor_the_network() -> None:
    script = "import sys, mi_sync_trello; print([m for m in ('requests', 'mi_sync_trello.board') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), ZONES)
def test_a_start_date_is_read_back_as_the_same_day(day: date, zone: str) -> None:
    assert local_date(start_stamp(day, ZoneInfo(zone)), ZoneInfo(zone)) == day


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), ZONES)
def test_a_day_alone_is_due_at_five_in_the_afternoon_of_the_programme(day: date, zone: str) -> None:
    due = instant(due_stamp(day, ZoneInfo(zone)))
    assert due is not None
    assert due.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == datetime.combine(day, time(17))


@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)), ZONES)  # noqa: DTZ001  Hypothesis wants naive bounds
def test_a_due_time_is_read_back_to_the_millisecond(at: datetime, zone: str) -> None:
    at = at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=ZoneInfo(zone))
    assert instant(stamp(at)) == at.astimezone(UTC)


@given(st.text())
def test_a_label_has_the_same_basic_colour_every_time(name: str) -> None:
    assert colour(name) == colour(name)
    assert colour(name) in COLOURS


def test_labels_do_not_all_look_the_same() -> None:
    assert len({colour(name) for name in ("kickoff", "check-in", "feedback", "payment")}) > 1
