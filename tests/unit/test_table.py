"""The tables that people read and upload again: the contract of publishers, and what stands in the cells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mi_sync.connector import Context, View
from mi_sync.errors import ConfigError
from mi_sync.testing import check_publisher
from mi_sync_table import TableConfig, connector
from mi_sync_table.publisher import TablePublisher
from publisher_labs import CHICAGO, TableLab, cells

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@pytest.fixture(params=["milestones.csv", "milestones.xlsx"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def lab(tmp_path_factory: pytest.TempPathFactory, name: str) -> Callable[[], TableLab]:
    return lambda: TableLab(tmp_path_factory.mktemp("table"), name)


def test_it_keeps_the_contract(lab: Callable[[], TableLab]) -> None:
    check_publisher(lab)


def view(*rows: dict[str, Any], name: str = "milestones") -> View:
    return View("Spring", NOW, rows, name)


ROW = {
    "key": "opaque", "title": "=HYPERLINK(1)", "due": datetime(2026, 3, 6, 23, 0, tzinfo=UTC), "starts_on": date(2026, 3, 2),
    "rating": 0.9, "late": False, "assignees": ("Kim", "Bo"), "url": None,
}  # fmt: skip


def test_cells_are_read_as_what_they_are_and_never_computed(tmp_path: Path) -> None:
    for file in ("t.csv", "t.xlsx"):
        TablePublisher(TableConfig(path=file), Context("t", tmp_path, CHICAGO)).publish(view(ROW))
    header, row = cells(tmp_path / "t.csv")
    assert dict(zip(header, row, strict=True)) == {
        "title": "'=HYPERLINK(1)", "due": "2026-03-06 17:00", "starts_on": "2026-03-02", "rating": "0.9", "late": "no",
        "assignees": "Kim; Bo", "url": "",
    }  # fmt: skip
    header, row = cells(tmp_path / "t.xlsx")
    assert dict(zip(header, row, strict=True)) == {
        "title": "'=HYPERLINK(1)", "due": datetime(2026, 3, 6, 17, 0), "starts_on": datetime(2026, 3, 2), "rating": 0.9,  # noqa: DTZ001  a workbook has no zones
        "late": False, "assignees": "Kim; Bo", "url": None,
    }  # fmt: skip


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.one_of(
    TEXTS, st.integers(-(10**9), 10**9), st.booleans(), st.none(), st.dates(date(1950, 1, 1), date(2100, 1, 1))
)


@given(rows=st.lists(st.fixed_dictionaries({"a": VALUES, "b": VALUES, "c": VALUES}), max_size=5))
def test_whatever_stands_in_a_view_is_written_once(
    rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("table")
    for file in ("t.csv", "t.xlsx"):
        table = TablePublisher(TableConfig(path=file), Context("t", folder, CHICAGO))
        assert table.publish(view(*rows))
        assert not table.publish(view(*rows))


def test_each_view_has_a_sheet_or_a_file_of_its_own(tmp_path: Path) -> None:
    book = TablePublisher(TableConfig(path="all.xlsx"), Context("t", tmp_path, CHICAGO))
    files = TablePublisher(TableConfig(path="{view}.csv"), Context("t", tmp_path, CHICAGO))
    for publisher in (book, files):
        publisher.publish(view({"title": "Kickoff"}))
        publisher.publish(view({"posting": "Donors"}, name="postings"))
    assert cells(tmp_path / "all.xlsx", "postings") == [["posting"], ["Donors"]]
    assert cells(tmp_path / "all.xlsx") == cells(tmp_path / "milestones.csv") == [["title"], ["Kickoff"]]


def test_two_views_never_share_a_file(tmp_path: Path) -> None:
    table = TablePublisher(TableConfig(path="t.csv"), Context("t", tmp_path, CHICAGO))
    table.publish(view({"title": "Kickoff"}))
    with pytest.raises(ConfigError, match="the same file"):
        table.publish(view({"title": "Kickoff"}, name="postings"))


def test_what_is_no_workbook_is_kept(tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").write_bytes(b"my notes")
    table = TablePublisher(TableConfig(path="t.xlsx"), Context("t", tmp_path, CHICAGO))
    with pytest.raises(ConfigError, match="no workbook"):
        table.publish(view({"title": "Kickoff"}))
    assert (tmp_path / "t.xlsx").read_bytes() == b"my notes"


def test_another_kind_of_file_is_refused_when_the_configuration_is_read() -> None:
    with pytest.raises(ValidationError, match=r"must end in \.csv or \.xlsx"):
        TableConfig(path="t.ods")
    assert connector.shown == ("engagements",)
