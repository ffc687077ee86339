"""Something in every table of a store, and all that it shows."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Any

from mi_sync.errors import Locked
from mi_sync.model import Applicant, Application, Contribution, Link, Posting, Quarantined, Seen
from mi_sync.state import FileRead, Store
from mi_sync.state.sqlite import Sqlite

LINK = Link(
    "k", "id-1", "url", "n1", "app-1", "kickoff", "Kickoff", {"title": "d"}, ("a",), ("b", "c"), archived=True,
    seen=Seen(done=True, due="2026-03-20", list="Doing", assignees=("Kim",), archived=True, conflicts=("body",)),
)  # fmt: skip


def held(store: Store) -> bool:
    try:
        with store.lock():
            return False
    except Locked:
        return True


def left_out(line: int, digest: str, **changes: Any) -> Quarantined:
    return replace(Quarantined("jobs", "jobs.csv", line, "apply_by", "is no date", digest), **changes)


def said(ref: str = "1", **changes: Any) -> Contribution:
    values = {"title": "Data"}
    made = Contribution("jobs", "posting", ref, "jobs", False, "jobs.csv", 2, ref, values, {}, {}, "d1", True)
    return replace(made, **changes)


def fill(store: Store) -> None:
    """Something in every table."""
    store.save_file("jobs", "jobs.csv", FileRead("f", 1, 1, 0), 1)
    store.save_contribution(said(), read_no=1)
    store.link_contributions([(said(), "key-1", None, None)])
    applied = said("2", kind="application")
    store.save_contribution(applied, read_no=1)
    store.link_contributions([(applied, "a", "p", "s")])
    store.add_alias("key-1", "posting", "id", "1", "jobs")
    store.save_records([(Posting(key="p", title="Data"), "posting", {})])
    store.save_records([(Applicant(key="s", initials="KL"), "applicant", {})])
    store.save_records([(Application(key="a", posting="p", applicant="s", status="accepted"), "application", {})])
    store.save_labels({"s": "KL"})
    store.replace_quarantine("jobs", "jobs.csv", "map", [left_out(2, "q")], "now")
    store.bind_target("board", "b1")
    store.save_link("board", LINK)
    store.begin("board", "k", "plan", "run", "now", {})
    store.advance(store.begin("board", "k", "plan", "run", "now", {"change": {"id": "1", "action": "update"}}), "done")
    store.next_number("read")


def content(store: Store) -> dict[str, Any]:
    """What a store shows through every reading method."""
    return {
        "file": store.file("jobs", "jobs.csv"),
        "state": store.contribution_state("jobs", "posting", "1"),
        "contributions": store.contributions("key-1"),
        "by_source": store.applications_by_source(),
        "by_channel": store.applications_by_channel(),
        "changes": store.changes(10),
        "of": store.contributions_of("jobs", "posting", "1"),
        "titled": store.postings_titled("Data"),
        "alias": store.alias("posting", "id", "1", "jobs"),
        "records": [*store.records("posting"), *store.records("applicant"), *store.records("application")],
        "record": store.record("p"),
        "labels": store.labels(),
        "engagements": list(store.engagements()),
        "quarantine": list(store.quarantine()),
        "board": store.board_of("board"),
        "links": store.links("board"),
        "journal": store.open_entries("board"),
        "plan": store.entries_of_plan("plan"),
        "had rows": store.had_rows("jobs"),
        "count": store.count_records_of("jobs"),
        "runs": store.runs(5),
        "traced": store.traced("p"),
        "counts": {name: counts for name, counts in store.counts().items() if counts},
    }


def connection(store: Store) -> sqlite3.Connection:
    """What is behind a store that is a file."""
    assert isinstance(store._db, Sqlite)
    return store._db.connection


def touched(store: Store, it: Contribution, read_no: int) -> bool:
    """Says again in a read what was said before; True when it had been gone."""
    saying = store.saying(it.source, read_no)
    found = saying.touch(it)
    saying.flush()
    return found
