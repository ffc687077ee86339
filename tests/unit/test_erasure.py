"""Erasing people: with age, by whatever name a row gives them, and so that they do not come back."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mi_sync import config, erasure, identity, sync
from mi_sync.events import Outside, Result, Run
from mi_sync.http import Wire
from mi_sync.model import PLURALS, Applicant, Contribution, Link, Record, Seen
from mi_sync.state import MIGRATIONS, Store, schema
from stores import connection

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
PROGRAMME = "spring-2026-7f3k9q"
CONFIG = """\
[programme]
id = "spring-2026-7f3k9q"
timezone = "America/Chicago"

[[sources]]
name = "overlay"
connector = "files"
path = "engagements.csv"
mapping = "engagements"

[[sources]]
name = "jobs"
connector = "files"
path = "jobs.csv"
mapping = "generic_postings"

[[sources]]
name = "people"
namespace = "jobs"
connector = "files"
path = "people.csv"
mapping = "generic_applicants"
complete = true

[privacy]
retain = "400d"

[[targets]]
name = "board"
connector = "trello"
board = "DEMO2026"
key = { env = "TRELLO_KEY" }
token = { env = "TRELLO_TOKEN" }
"""
JOBS = "id,title,starts_on,ends_on\nP-1,Donor dashboard,2026-03-02,2026-04-03\nP-2,Donor atlas,2026-03-09,2026-04-10\n"
PEOPLE = """\
id,name,email,posting_id,status,applied_at
S-1,Ana Lopez,ana@s.example,P-1,accepted,2026-02-01
S-2,Bo Li,bo@s.example,P-1,applied,2026-02-02
"""
OVERLAY = "posting_id,applicant_id,email,status\n"


def loaded(path: Path) -> config.Config:
    """The configuration; loading takes as long as everything else here, so each text is loaded once."""
    text = path.read_text("utf-8")
    if text not in _LOADED:
        _LOADED[text] = config.load(path)
    return replace(_LOADED[text], path=path)


_LOADED: dict[str, config.Config] = {}


class World:
    """A project on a real state, whose clock the test moves."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder, self.store, self.now = folder, store, START
        self.write("config.toml", CONFIG)
        self.write("engagements.csv", OVERLAY)
        self.write("jobs.csv", JOBS)
        self.write("people.csv", PEOPLE)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, "utf-8", newline="")

    def run(self) -> Run:
        outside = Outside(wire=Wire(now=lambda: self.now))
        return Run(loaded(self.folder / "config.toml"), self.store, outside, Result("run"))

    def pull(self) -> Result:
        run = self.run()
        for _ in sync.pull(run):
            pass
        for counts in run.result.sources.values():
            assert counts.rows == counts.mapped + counts.unchanged + counts.quarantined + counts.skipped
        return run.result

    def later(self, days: int) -> Result:
        self.now += timedelta(days=days)
        return self.pull()

    def forget(self, address: str) -> erasure.Erased:
        run = self.run()
        person = erasure.find(run, address)
        assert person is not None
        return erasure.forget(run, person)

    def people(self) -> list[str]:
        return sorted(str(it.id) for it in self.store.records("applicant") if isinstance(it, Applicant))

    def records(self) -> dict[str, Record]:
        return {record.key: record for kind in PLURALS for record in self.store.records(kind)}

    def give_item(self, person: str) -> None:
        """Something on a board for the application of a person."""
        (applicant,) = [r.key for r in self.store.records("applicant") if getattr(r, "id", None) == person]
        (owner,) = [key for key, kind in self.store.records_about(applicant).items() if kind == "application"]
        link = Link(
            "item", "1", "https://trello.com/c/1", "n", owner, "kickoff", "Kickoff (Ana Lopez)", {"title": "t"},
            seen=Seen(due="2026-03-02", assignees=("Ana Lopez",)),
        )  # fmt: skip
        self.store.save_link("board", link)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with closing(Store.open(tmp_path / "state.db", PROGRAMME)) as store:
        yield World(tmp_path, store)


# ----------------------------------------------------------------------------------------------------- with age


def test_people_age_out_once_their_engagement_has_ended_that_long_ago(world: World) -> None:
    world.pull()
    world.give_item("S-1")
    assert world.later(410).sources["people"].records > 0
    assert world.people() == ["S-1"]  # the engagement of S-1 ended on 3 April, S-2 has none
    result = world.later(30)
    assert world.people() == []
    (told,) = [p for p in result.problems if p.field == "privacy.retain"]
    assert "https://trello.com/c/1" in told.why
    link = world.store.links("board")["item"]
    assert (link.title, link.seen) == ("", Seen(due="2026-03-02"))


def test_who_aged_out_does_not_come_back_with_the_same_rows(world: World) -> None:
    world.pull()
    world.later(500)
    for _ in range(3):
        result = world.later(1)
        assert world.people() == []
        counts = result.sources["people"]
        assert (counts.rows, counts.skipped) == (2, 2)
        assert not [p for p in result.problems if p.field == "privacy.retain"]
    world.write("people.csv", "\n".join([PEOPLE.splitlines()[0], *reversed(PEOPLE.splitlines()[1:])]) + "\n")
    world.pull()
    assert world.people() == []


def test_who_aged_out_comes_back_with_news_and_stays(world: World) -> None:
    world.pull()
    world.later(500)
    world.write("people.csv", f"{PEOPLE}S-1,Ana Lopez,ana@s.example,P-2,applied,2027-07-01\n")
    for _ in range(3):
        world.later(10)
        assert world.people() == ["S-1"]
    assert world.later(400).problems
    assert world.people() == []


def test_news_of_a_person_keeps_them(world: World) -> None:
    world.pull()
    for day in range(5):
        world.write("people.csv", PEOPLE.replace("2026-02-02", f"2026-02-0{day + 3}"))
        world.later(300)
        assert "S-2" in world.people()


def test_who_aged_out_can_still_be_forgotten(world: World) -> None:
    world.pull()
    world.give_item("S-1")
    world.later(500)
    person = erasure.find(world.run(), "ana@s.example")
    assert person is not None
    assert [link.id for _, link in person.links] == ["1"]
    world.forget("ana@s.example")
    world.write("people.csv", f"{PEOPLE}S-7,Ana Lopez,ana@s.example,P-2,applied,2027-07-01\n")
    world.pull()
    assert world.people() == []


def test_nobody_ages_out_unless_it_is_configured(world: World) -> None:
    world.write("config.toml", CONFIG.replace('retain = "400d"', ""))
    world.pull()
    world.later(4000)
    assert world.people() == ["S-1", "S-2"]


def test_what_was_read_before_times_were_kept_counts_from_the_first_pull(world: World) -> None:
    world.pull()
    world.store._db.execute("UPDATE contributions SET changed_at = ''")
    world.later(2000)
    assert world.people() == ["S-1", "S-2"]


# --------------------------------------------------------------------------------------------------- on request


def test_a_person_is_skipped_by_id_in_an_overlay(world: World) -> None:
    world.pull()
    world.forget("ana@s.example")
    world.write("engagements.csv", f"{OVERLAY}P-1,S-1,,accepted\nP-1,S-2,,accepted\n")
    counts = world.pull().sources["overlay"]
    assert (counts.rows, counts.skipped, counts.mapped) == (2, 1, 1)
    assert world.people() == ["S-2"]


def test_a_row_that_could_not_be_linked_is_erased_with_its_person(world: World) -> None:
    world.write("people.csv", f"{PEOPLE}S-1,Ana Lopez,ana@s.example,P-9,applied,2026-02-03\n")
    world.pull()
    assert [q.stage for q in world.store.quarantine()] == ["link"]
    erased = world.forget("ana@s.example")
    assert [line for _, _, line in erased.rows] == [2, 4]
    assert list(world.store.quarantine()) == []
    assert not [
        it for linked in (True, False) for it in world.store.all_contributions(linked=linked) if "S-1" in str(it)
    ]


def test_a_bad_row_of_a_forgotten_person_is_skipped_and_not_left_out(world: World) -> None:
    world.pull()
    world.forget("ana@s.example")
    world.write("people.csv", PEOPLE.replace("accepted", "promoted"))
    counts = world.pull().sources["people"]
    assert (counts.quarantined, counts.skipped) == (0, 1)


def test_a_posting_that_only_the_row_of_a_forgotten_person_names_is_not_gone(world: World) -> None:
    (world.folder / "mappings").mkdir()
    world.write(
        "mappings/own.toml",
        '[posting]\nid = "job"\ntitle = "title"\n[applicant]\nemail = "email"\n[application]\nstatus = "status"\n',
    )
    world.write("config.toml", CONFIG.replace("generic_applicants", "own"))
    world.write(
        "people.csv",
        "job,title,email,status\nJ-1,One,ana@s.example,accepted\nJ-1,One,bo@s.example,applied\nJ-2,Two,ana@s.example,applied\n",
    )
    world.pull()
    world.forget("ana@s.example")
    world.write("people.csv", "job,title,email,status\nJ-1,One,bo@s.example,applied\nJ-2,Two,ana@s.example,applied\n\n")
    result = world.pull()
    assert not [p for p in result.problems if "repeats" in p.why]
    assert {getattr(p, "id", None): getattr(p, "status", None) for p in world.store.records("posting")} == {
        "P-1": None, "P-2": None, "J-1": None, "J-2": None,
    }  # fmt: skip


def test_a_kill_in_the_middle_leaves_the_whole_person(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.pull()
    before = "\n".join(connection(world.store).iterdump())

    def killed(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "rewrite_runs", killed)
    with pytest.raises(KeyboardInterrupt):
        world.forget("ana@s.example")
    assert "\n".join(connection(world.store).iterdump()) == before


def test_a_change_whose_outcome_is_in_doubt_is_told_and_goes(world: World) -> None:
    world.pull()
    world.give_item("S-1")
    (link,) = world.store.links("board").values()
    change = {"id": "", "owner": link.owner, "step": "final", "title": "Final (Ana Lopez)"}
    world.store.begin("board", "another", "plan", "run", "2026-03-02T12:00:00+00:00", {"change": change})
    person = erasure.find(world.run(), "ana@s.example")
    assert person is not None
    assert sorted(each.title for _, each in person.links) == ["Final (Ana Lopez)", "Kickoff (Ana Lopez)"]
    erasure.forget(world.run(), person)
    assert world.store.open_entries("board") == []


NOUNS = ("given", "family", "mail", "phone", "note", "school")


@settings(max_examples=25)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 3), st.sampled_from(["P-1", "P-2", "P-9"]), st.sampled_from(["accepted", "applied", "?"])
        ),
        min_size=1,
        max_size=8,
    ),
    again=st.lists(st.integers(0, 3), max_size=3),
    victim=st.integers(0, 3),
)
def test_whoever_is_forgotten_is_nowhere_and_the_others_are_as_they_were(
    rows: list[tuple[int, str, str]], again: list[int], victim: int
) -> None:
    def row(person: int, posting: str, status: str) -> str:
        given_, family, mail, phone, note, school = (f"{noun}q{person}q" for noun in NOUNS)
        return f"S-{person},{given_} {family},{mail}@s.example,{phone},{school},{posting},{status},{note}\n"

    header = "id,name,email,phone,school,posting_id,status,notes\n"
    with tempfile.TemporaryDirectory() as folder, closing(Store.open(Path(folder) / "state.db", PROGRAMME)) as store:
        world = World(Path(folder), store)
        export = header + row(victim, "P-1", "accepted") + "".join(row(*each) for each in rows)
        world.write("people.csv", export)
        world.write("engagements.csv", OVERLAY + "".join(f"P-2,,mailq{each}q@s.example,accepted\n" for each in again))
        world.pull()
        others = {key: r for key, r in world.records().items() if f"q{victim}q" not in r.model_dump_json()}
        others = {key: r for key, r in others.items() if getattr(r, "applicant", key) in others}
        world.forget(f"mailq{victim}q@s.example")
        for text in (export, export, header + row(victim, "P-2", "applied")):
            assert f"q{victim}q" not in "\n".join(connection(store).iterdump())
            assert world.records().keys() >= others.keys()
            world.write("people.csv", text)
            world.pull()
        assert f"q{victim}q" not in "\n".join(connection(store).iterdump())
        world.write("people.csv", export)
        world.pull()
        assert {key: record for key, record in world.records().items() if key in others} == others


def test_another_programme_in_the_same_state_keeps_the_person(tmp_path: Path, world: World) -> None:
    with closing(Store.open(tmp_path / "state.db", "autumn")) as other:
        other.save_contribution(
            Contribution(
                "people",
                "applicant",
                "id:S-1",
                "jobs",
                False,
                "f",
                2,
                "S-1",
                {"email": "ana@s.example"},
                {},
                {},
                "d",
                True,
            ),
            1,
        )
        world.pull()
        world.forget("ana@s.example")
        assert len(list(other.all_contributions(linked=False))) == 1
        assert other.erased() == {}


@given(st.text(), st.text(), st.text())
def test_what_is_remembered_of_a_person_is_keyed_and_says_nothing(address: str, one: str, other: str) -> None:
    name = ("email", address, "")
    digests = {erasure._digest(programme, name) for programme in (f"a{one}", f"a{one}", f"b{other}")}
    assert len(digests) == 2
    assert all(len(each) == 32 for each in digests)


# ------------------------------------------------------------------------------------------------- past runs


@given(st.text(alphabet="Wil ana.", max_size=60))
def test_words_are_taken_out_whole(text: str) -> None:
    said = Contribution(
        "s", "applicant", "r", "s", False, "f", 2, None,
        {"name": "Wil Ana", "given_name": "Wil", "family_name": "Ana", "email": "wil@ana.a"}, {}, {}, "d", True,
    )  # fmt: skip
    words = erasure._Words(erasure.Person("o", said=(said,), names=frozenset({("email", "wil@ana.a", "")})))
    after = words.taken_out(f"Wil Ana, wil@ana.a; Will wil {text}")
    assert after.startswith("(erased), (erased); Will wil ")
    assert "Wil Ana" not in after


# ----------------------------------------------------------------------------------------- an earlier version


def test_a_state_of_the_last_schema_learns_when_rows_said_something_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old.db"
    number = next(n for n, (name, _) in enumerate(MIGRATIONS) if name.startswith("people who were erased"))
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", MIGRATIONS[:number])
        with closing(Store.open(path, "spring")) as store:
            store.start_run("run-1", "pull", "2026-03-02T12:00:00.000+00:00")
    with closing(sqlite3.connect(path)) as db:
        for ref, run in (("1", "run-1"), ("2", "")):
            db.execute(
                "INSERT INTO contributions (programme, source, kind, ref, namespace, overlay, file, line, body, refs,"
                " origins, digest, is_primary, key, read_no, run) VALUES ('spring', 'people', 'applicant', ?, 'n', 0,"
                " 'f', 2, '{}', '{}', '{}', 'd', 1, ?, 1, ?)",
                (ref, f"key-{ref}", run),
            )
        db.commit()
    with closing(Store.open(path, "spring")) as store:
        told = {key: it.changed_at for key in ("key-1", "key-2") for it in store.contributions(key)}
        assert told == {"key-1": "2026-03-02T12:00:00.000+00:00", "key-2": ""}
        assert store.erased() == {}
        assert store.unchanged_since("2026-04-01", "2027-01-01T00:00:00.000+00:00") == ["key-1"]


def test_the_owner_of_erased_items_is_no_record() -> None:
    owner = identity.erased_owner(PROGRAMME, "applicant-abc")
    assert identity.is_erased(owner)
    assert not identity.is_erased("application-abc")
