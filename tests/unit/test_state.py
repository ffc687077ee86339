"""The store: opening, migrations, the lock, transactions, crashes, and what each table promises."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import IO, Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync import leases
from mi_sync.errors import ConfigError, ExitCode, Locked
from mi_sync.model import Applicant, Application, Posting
from mi_sync.state import MIGRATIONS, FileRead, Keys, Location, Store, locate, schema, sqlite
from stores import LINK, connection, content, fill, held, left_out, said, touched


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


ON_SQLITE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
"""For what is about a file, or moves the clock of this computer."""


@pytest.fixture
def store(place: Location) -> Iterator[Store]:
    with closing(Store.open(place, "spring")) as opened:
        yield opened


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as db:
        return {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def another_process(script: str, *arguments: object) -> Iterator[IO[str]]:
    """A Python process that has printed its first line; its output is given, and it is killed in the end."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process.stdout
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


# ----------------------------------------------------------------------------------------------- opening


def test_a_new_database_is_for_its_owner_alone_with_its_companions(path: Path) -> None:
    before = os.umask(0)
    try:
        with closing(Store.open(path, "spring")) as opened, opened.lock():
            opened.next_number("read")
            found = {file.name: mode(file) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    names = ("state.db", "state.db-wal", "state.db-shm")
    assert found == dict.fromkeys(names, 0o600)


def test_a_database_that_was_readable_for_others_is_closed_to_them(path: Path) -> None:
    path.touch(0o644)
    Store.open(path, "spring").close()
    assert mode(path) == 0o600


def test_missing_folders_are_made(tmp_path: Path) -> None:
    Store.open(tmp_path / "a" / "b" / "state.db", "spring").close()
    assert (tmp_path / "a" / "b" / "state.db").is_file()


@pytest.mark.parametrize("content", [b"this is no database, it is a letter of some length", b"SQLite format 3\0broken"])
def test_what_is_no_database_is_refused_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for opening in (Store.open, Store.scratch):
        with pytest.raises(ConfigError, match=r"state\.db: the state cannot be opened: .*Check \[state\] url"):
            opening(path, "spring")
    assert path.read_bytes() == content


def test_a_folder_in_its_place_is_refused(path: Path) -> None:
    path.mkdir()
    with pytest.raises(ConfigError, match="the state cannot be opened"):
        Store.open(path, "spring")


def test_the_database_of_another_program_is_refused_and_left_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")
    for opening in (Store.open, Store.scratch):
        with pytest.raises(ConfigError, match=r"state\.db: it is a database of another program"):
            opening(path, "spring")
    assert tables(path) == {"bookmarks"}


@pytest.mark.parametrize("url", ["mysql://host/db", "sqlite://state.db", "sqlite:///", "state.db", ""])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"state\.url: must be sqlite:///FILE or postgresql://"):
        locate(url, Path())


def test_an_address_is_relative_to_the_configuration() -> None:
    assert locate("sqlite:///a/state.db", Path("/project")) == Path("/project/a/state.db")
    assert locate("sqlite:////var/state.db", Path("/project")) == Path("/var/state.db")


# -------------------------------------------------------------------------------------------- migrations


def migrations(path: Path) -> list[tuple[int, str]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT number, name FROM migrations ORDER BY number").fetchall()


def test_migrations_are_numbered_and_recorded_once(path: Path) -> None:
    for _ in range(2):
        Store.open(path, "spring").close()
    assert migrations(path) == [(number, name) for number, (name, _) in enumerate(MIGRATIONS, start=1)]


def test_an_older_state_is_brought_up_to_date(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Store.open(path, "spring")) as old:
        assert old.next_number("read") == 1
    added = ("add a table", "CREATE TABLE added (x); CREATE INDEX added_x ON added (x);")
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, added))
    with closing(Store.open(path, "spring")) as new:
        assert new.next_number("read") == 2
    assert "added" in tables(path)
    assert migrations(path)[-1] == (len(MIGRATIONS) + 1, "add a table")


def test_what_was_read_before_contents_and_runs_were_kept_is_kept_without_them(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", MIGRATIONS[:2])
        Store.open(path, "spring").close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO files VALUES ('spring', 'jobs', 'jobs.csv', 'f1', 3, 2, 1, 1, 0)")
        db.execute(
            "INSERT INTO contributions VALUES ('spring', 'jobs', 'posting', '1', 'jobs', 0, 'jobs.csv', 2, '1', 'One',"
            " '{\"title\":\"One\"}', '{}', '{\"title\":[\"Project\",4]}', 'd', 1, 'key-1', NULL, NULL, 1, 0)"
        )
        db.commit()
    with closing(Store.open(path, "spring")) as new:
        assert new.schema == 2
        assert new.file("jobs", "jobs.csv") == FileRead("f1", 3, 2, 1)
        (kept,) = new.contributions("key-1")
        assert (kept.values, kept.run) == ({"title": "One"}, "")
        new.save_file("jobs", "jobs.csv", FileRead("f2", 3, 3, 0, content="c", run="r"), 2)
        assert new.file("jobs", "jobs.csv") == FileRead("f2", 3, 3, 0, content="c", run="r")
    with closing(Store.open(path, "spring")) as again:
        assert again.schema == len(MIGRATIONS)


def test_a_migration_that_fails_leaves_the_old_state(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store.open(path, "spring").close()
    before = tables(path), migrations(path)
    broken = ("break", "CREATE TABLE half (x); CREATE TABLE half (x);")
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, broken))
    with pytest.raises(ConfigError, match="already exists"):
        Store.open(path, "spring")
    assert (tables(path), migrations(path)) == before


def test_a_newer_state_is_refused_and_left_as_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store.open(path, "spring").close()
    before = migrations(path)
    monkeypatch.setattr(schema, "MIGRATIONS", ())
    for opening in (Store.open, Store.scratch):
        with pytest.raises(ConfigError, match=r"state\.db: the state was written by a newer mi-sync.*Upgrade"):
            opening(path, "spring")
    assert migrations(path) == before


def test_a_state_that_is_up_to_date_opens_while_another_process_writes(store: Store, place: Location) -> None:
    with store.transaction():
        store.next_number("read")
        with closing(Store.open(place, "spring")) as reader:
            assert reader.runs(1) == []


# --------------------------------------------------------------------------------------------- scratch


@ON_SQLITE
def test_a_scratch_copy_sees_everything_and_writes_nothing(store: Store, path: Path) -> None:
    assert store.next_number("read") == 1  # still in the WAL
    before = {file.name: file.read_bytes() for file in path.parent.iterdir() if not file.name.endswith("-shm")}
    with closing(Store.scratch(path, "spring")) as copy, copy.lock():
        assert copy.next_number("read") == 2
    after = {file.name: file.read_bytes() for file in path.parent.iterdir() if not file.name.endswith("-shm")}
    assert after == before
    assert store.next_number("read") == 2


def test_a_scratch_copy_of_a_closed_state_leaves_no_file_behind(path: Path) -> None:
    Store.open(path, "spring").close()
    before = path.read_bytes()
    Store.scratch(path, "spring").close()
    assert ([file.name for file in path.parent.iterdir()], path.read_bytes()) == (["state.db"], before)


def test_a_scratch_copy_is_right_when_another_process_opens_the_state_meanwhile(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store.open(path, "spring").close()
    backup = sqlite._backup
    opened: list[Store] = []

    def meanwhile(address: str, into: sqlite3.Connection) -> None:
        backup(address, into)
        if not opened:
            opened.append(Store.open(path, "spring"))
            opened[0].next_number("read")

    monkeypatch.setattr(sqlite, "_backup", meanwhile)
    with closing(Store.scratch(path, "spring")) as copy:
        assert copy.next_number("read") == 2
    opened[0].close()


def test_a_scratch_copy_of_nothing_is_empty_and_makes_no_file(path: Path) -> None:
    with closing(Store.scratch(path, "spring")) as copy:
        assert copy.next_number("read") == 1
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("folder", ["a b", "50%", "what?", "no #1", "mode=ro", "Zoë"])
def test_a_scratch_copy_is_of_the_right_file_whatever_its_folder_is_called(tmp_path: Path, folder: str) -> None:
    path = tmp_path / folder / "state.db"
    with closing(Store.open(path, "spring")) as opened:
        opened.next_number("read")
    with closing(Store.scratch(path, "spring")) as copy:
        assert copy.next_number("read") == 2


# ------------------------------------------------------------------------------------------------- lock

HOLDS_THE_LOCK = """
import sys
from itertools import chain
from pathlib import Path
from mi_sync.state import Store
store = Store.open(Path(sys.argv[1]), "spring")
with store.lock():
    print("ready", flush=True)
    sys.stdin.read()
"""


def fail_after(step: object, error: BaseException) -> NoReturn:
    """Fails when the step was done."""
    assert step is not None
    raise error


@dataclass
class Hands:
    """A clock whose hands are moved."""

    at: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    uptime: float = 0.0

    def clock(self) -> leases.Clock:
        return leases.Clock(lambda: self.at, lambda: self.uptime)

    def pass_by(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.uptime += seconds


@pytest.fixture
def other(place: Location) -> Iterator[Store]:
    """The same programme, opened by somebody else."""
    with closing(Store.open(place, "spring")) as opened:
        yield opened


def elsewhere(store: Store) -> None:
    """Whoever holds it seems to be on another machine, where nobody sees whether they are alive."""
    (lease, *_) = store.leases()
    assert lease.holder is not None
    store._db.execute("UPDATE leases SET holder = ?", (replace(lease.holder, host="elsewhere").dumps(),))


@ON_SQLITE
def test_a_second_process_does_not_get_the_lock_and_a_kill_drops_it(store: Store, path: Path) -> None:
    with another_process(HOLDS_THE_LOCK, path):
        with pytest.raises(Locked, match=r"state\.db: another run holds the lock") as refused, store.lock():
            pass
        assert refused.value.exit_code is ExitCode.LOCKED
    assert not held(store)


def test_the_lock_is_given_back_after_the_block_however_it_ends(store: Store, other: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.lock():
        fail_after(held(other) or pytest.fail("not locked"), ZeroDivisionError())
    assert not held(other)


@ON_SQLITE
def test_who_holds_it_is_told_and_until_when(store: Store, other: Store) -> None:
    clock = Hands().clock()
    told = rf"process {os.getpid()} on \S+ \(mi-sync run\) since 2026-03-02T09:00:00\.000\+00:00"
    with (
        store.lock(command="run", clock=clock),
        pytest.raises(Locked, match=told) as refused,
        other.lock(clock=clock),
    ):
        pass
    assert "free at 2026-03-02T09:02:00+00:00" in refused.value.problem().why
    assert [lease.expires_at for lease in store.leases()] == [0]


def test_a_lease_is_of_one_programme_and_one_target(store: Store, other: Store, place: Location) -> None:
    with closing(Store.open(place, "autumn")) as autumn, store.lock("board"), autumn.lock("board"):
        with pytest.raises(Locked), other.lock("project"):  # the records are one for all targets
            pass
        assert [lease.target for lease in store.leases()] == ["", "board"]


def test_either_all_leases_are_taken_or_none(store: Store, other: Store) -> None:
    store._db.execute(
        "INSERT INTO leases VALUES ('spring', 'board', 1, '', ?)", (leases.Clock().milliseconds() + 9000,)
    )
    with pytest.raises(Locked), other.lock("project", "board"):
        pass
    assert [lease.target for lease in store.leases()] == ["board"]


@ON_SQLITE
def test_a_lease_runs_out_by_itself_whoever_took_it(store: Store, other: Store) -> None:
    hands = Hands()
    with store.lock(clock=hands.clock()):
        elsewhere(store)
        hands.pass_by(leases.LEASE - 1)
        with pytest.raises(Locked), other.lock(clock=hands.clock()):
            pass
        hands.pass_by(1)
        with other.lock(clock=hands.clock()):
            with pytest.raises(Locked, match="was taken away"):
                store.keep_lock()
            with pytest.raises(Locked, match="was taken away"), store.transaction():
                pass


@ON_SQLITE
def test_a_lease_is_renewed_once_half_of_it_is_over_before_a_request_and_with_a_commit(
    store: Store, other: Store
) -> None:
    hands = Hands()

    def stored() -> None:
        with store.transaction():
            store.next_number("read")

    with store.lock("board", clock=hands.clock()):
        elsewhere(store)
        for renew in (store.keep_lock, stored) * 3:
            before = {lease.expires_at for lease in store.leases()}
            hands.pass_by(leases.LEASE / 2 - 1)
            renew()
            assert {lease.expires_at for lease in store.leases()} == before  # not for every request
            hands.pass_by(1)
            renew()
            hands.pass_by(leases.LEASE - 1)
            with pytest.raises(Locked), other.lock(clock=hands.clock()):
                pass
            renew()


@ON_SQLITE
def test_a_lease_that_ran_out_unnoticed_goes_on_when_nobody_else_took_it(store: Store, other: Store) -> None:
    hands = Hands()
    with store.lock(clock=hands.clock()):
        hands.pass_by(10 * leases.LEASE)
        store.keep_lock()
        with pytest.raises(Locked), other.lock(clock=hands.clock()):
            pass


@pytest.mark.parametrize("hour", [3600, -3600])
@ON_SQLITE
def test_a_clock_that_jumps_neither_loses_nor_keeps_a_lease_for_ever(store: Store, other: Store, hour: int) -> None:
    hands = Hands()
    with store.lock(clock=hands.clock()):
        elsewhere(store)
        hands.at += timedelta(seconds=hour)
        with other.lock(clock=hands.clock()):  # an hour ahead it has run out, an hour behind no lease lasts so long
            hands.uptime += leases.LEASE / 2
            with pytest.raises(Locked, match="was taken away"):
                store.keep_lock()


@ON_SQLITE
def test_a_lease_is_renewed_in_time_when_the_clock_is_put_back(store: Store) -> None:
    hands = Hands()
    with store.lock(clock=hands.clock()):
        (before,) = store.leases()
        hands.at -= timedelta(seconds=leases.LEASE)
        hands.uptime += leases.LEASE / 2
        store.keep_lock()
        (after,) = store.leases()
        assert after.expires_at == before.expires_at - leases.LEASE * 1000


@ON_SQLITE
def test_who_holds_it_is_gone_only_where_that_is_certain(store: Store, path: Path) -> None:
    with another_process(HOLDS_THE_LOCK, path):
        (lease,) = store.leases()
        assert lease.is_held(leases.Clock().milliseconds())
    assert lease.holder is not None
    assert lease.holder.is_gone
    assert not replace(lease.holder, host="elsewhere").is_gone
    assert not replace(lease.holder, space="a container, or another machine, of the same name").is_gone
    assert not leases.Holder.here("", "").is_gone


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells")
def test_who_ended_and_was_not_waited_for_is_gone() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert replace(leases.Holder.here("", ""), pid=ended.pid).is_gone
    ended.wait()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}'])
def test_whoever_cannot_be_told_still_holds_it(store: Store, other: Store, content: str) -> None:
    with store.lock():
        store._db.execute("UPDATE leases SET holder = ?", (content,))
        with pytest.raises(Locked, match="nobody knows who"), other.lock():
            pass


def test_whose_lock_was_taken_away_commits_nothing_more_and_leaves_the_new_one_alone(
    store: Store, other: Store
) -> None:
    with store.lock(command="old"):
        with store.transaction():
            store.next_number("read")
        other.unlock()
        with other.lock(command="new"):
            with pytest.raises(Locked, match="was taken away"), store.transaction():
                store.next_number("read")
            with other.transaction():
                other.next_number("read")
            assert other.next_number("read") == 3
        with pytest.raises(Locked, match="was taken away"), store.transaction():
            pass
    assert store.next_number("read") == 4


@ON_SQLITE
def test_a_lock_is_not_taken_away_in_the_middle_of_a_commit(store: Store, other: Store) -> None:
    with store.lock():
        other._db.execute("PRAGMA busy_timeout = 0")
        with store.transaction():
            store.next_number("read")
            with pytest.raises(Locked, match="has held the state"):
                other.unlock()
        assert held(other)


def test_letting_a_lost_lock_go_does_not_touch_the_next_ones(store: Store, other: Store) -> None:
    with contextlib.ExitStack() as stack:
        stack.enter_context(store.lock(command="old"))
        other.unlock()
        with other.lock(command="new"):
            stack.close()
            assert held(store)


# ----------------------------------------------------------------------------------------- transactions


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt), store.transaction():
        fail_after(store.next_number("read"), KeyboardInterrupt())
    assert store.next_number("read") == 1


def test_a_commit_that_fails_leaves_nothing_open(store: Store) -> None:
    store._db.execute("CREATE TABLE whole (id INTEGER PRIMARY KEY)")
    store._db.execute("CREATE TABLE part (of INTEGER REFERENCES whole DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(Exception, match=r"(?i)foreign key"), store.transaction():
        store._db.execute("INSERT INTO part VALUES (1)")  # which is looked at when it is committed
    with store.transaction():
        assert store.next_number("read") == 1


def test_a_savepoint_that_fails_undoes_its_part_alone(store: Store) -> None:
    with store.transaction():
        store.next_number("kept")
        with pytest.raises(ZeroDivisionError), store.savepoint():
            fail_after(store.next_number("undone"), ZeroDivisionError())
    assert (store.next_number("kept"), store.next_number("undone")) == (2, 1)


IN_A_TRANSACTION = """
import sys
from itertools import chain
from pathlib import Path
from mi_sync.state import Store
store = Store.open(Path(sys.argv[1]), "spring")
store.next_number("committed")
with store.transaction():
    for _ in range(2000):
        store.begin("board", "k", "plan", "run", "now", {"padding": "x" * 500})
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_a_kill_in_a_transaction_leaves_the_state_before_it(path: Path) -> None:
    with another_process(IN_A_TRANSACTION, path):
        pass
    with closing(Store.open(path, "spring")) as store:
        assert store.open_entries("board") == []
        assert store.next_number("committed") == 2
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


AFTER_A_COMMIT = """
import sys
from itertools import chain
from pathlib import Path
from mi_sync.state import Store
store = Store.open(Path(sys.argv[1]), "spring")
with store.transaction():
    store.begin("board", "k", "plan", "run", "now", {"token": "t"})
print("ready", flush=True)
sys.stdin.read()
"""


def test_an_intent_survives_a_kill_right_after_its_commit(path: Path) -> None:
    with another_process(AFTER_A_COMMIT, path):
        pass
    with closing(Store.open(path, "spring")) as store:
        assert [(e.key, e.state, e.intent) for e in store.open_entries("board")] == [("k", "open", {"token": "t"})]


# --------------------------------------------------------------------------------------------- aliases


def test_the_first_alias_wins_for_ever(store: Store) -> None:
    store.add_alias("key-1", "applicant", "email", "kim@example.org")
    store.add_alias("key-2", "applicant", "email", "kim@example.org")
    assert store.alias("applicant", "email", "kim@example.org") == "key-1"
    assert (store.has_alias("key-1", "email"), store.has_alias("key-2", "email")) == (True, False)


def test_an_alias_counts_within_its_kind_type_and_namespace(store: Store) -> None:
    store.add_alias("key-1", "applicant", "id", "7", "jobs")
    store.add_alias("key-2", "applicant", "id", "7", "school")
    assert store.alias("applicant", "id", "7", "jobs") == "key-1"
    assert store.alias("applicant", "id", "7") is None
    assert store.alias("posting", "id", "7", "jobs") is None
    assert set(store.alias_anywhere("applicant", "id", "7")) == {"key-1", "key-2"}


@ON_SQLITE
def test_looking_a_name_up_costs_no_more_when_there_are_many_names(store: Store) -> None:
    def steps() -> int:
        """Steps of SQLite's machine, in hundreds; a count does not wobble as seconds do."""
        counted = []
        connection(store).set_progress_handler(lambda: counted.append(1), 100)
        store.alias_anywhere("posting", "id", "P-7")
        store.postings_titled("Data")
        connection(store).set_progress_handler(None, 0)
        return len(counted)

    few = steps()
    with store.transaction():
        for number in range(2000):
            store.add_alias(f"key-{number}", "applicant", "id", f"S-{number}", "people")
    assert steps() <= few + 1


# ------------------------------------------------------------------------------------------ quarantine


def test_known_trouble_keeps_its_date_and_new_trouble_gets_its_own(store: Store) -> None:
    store.replace_quarantine("jobs", "jobs.csv", "map", [left_out(2, "a"), left_out(3, "b")], "monday")
    store.replace_quarantine("jobs", "jobs.csv", "map", [left_out(5, "a"), left_out(6, "c")], "tuesday")
    assert [(q.line, q.digest, q.since) for q in store.quarantine()] == [(5, "a", "monday"), (6, "c", "tuesday")]
    assert store.quarantine_digests("jobs", None, "map") == {"a", "c"}


def test_each_file_and_each_stage_is_replaced_by_itself(store: Store) -> None:
    store.replace_quarantine("jobs", "a.csv", "map", [left_out(2, "a", file="a.csv")], "now")
    store.replace_quarantine("jobs", "b.csv", "map", [left_out(2, "b", file="b.csv")], "now")
    store.replace_quarantine("jobs", None, "link", [left_out(2, "c", file="a.csv", stage="link")], "now")
    store.replace_quarantine("jobs", "a.csv", "map", [], "later")
    assert [(q.file, q.stage) for q in store.quarantine("jobs")] == [("a.csv", "link"), ("b.csv", "map")]
    assert [q.file for q in store.quarantine(stage="map")] == ["b.csv"]
    store.replace_quarantine("jobs", None, "link", [], "later")
    assert [q.stage for q in store.quarantine()] == ["map"]


# ----------------------------------------------------------------------------------- links and journal


def test_a_link_comes_back_as_it_was(store: Store) -> None:
    store.save_link("board", LINK)
    assert store.links("board") == {"k": LINK}
    store.save_link("board", replace(LINK, id="id-2"))
    assert store.links("board")["k"].id == "id-2"
    assert store.links("other") == {}


def test_a_target_is_bound_to_its_first_board(store: Store) -> None:
    assert store.board_of("board") is None
    store.bind_target("board", "b1")
    store.bind_target("board", "b2")
    assert store.board_of("board") == "b1"


def test_the_journal_shows_what_is_open_until_it_is_done_or_void(store: Store) -> None:
    first, second, third = (
        store.begin("board", key, "plan", "run", "now", {"change": {"id": key, "body": "text"}}) for key in "abc"
    )
    assert [e.key for e in store.open_entries("board")] == ["a", "b", "c"]
    store.advance(first, "carried")
    store.advance(second, "done")
    store.advance(third, "void")
    (entry,) = store.open_entries("board")
    assert (entry.key, entry.state, entry.intent) == ("a", "carried", {"change": {"id": "a", "body": "text"}})
    assert [(e.key, e.state) for e in store.entries_of_plan("plan")] == [("a", "carried"), ("b", "done"), ("c", "void")]
    assert store.entries_of_plan("plan")[1].intent == {"change": {"id": "b"}}
    assert (store.open_entries("other"), store.entries_of_plan("other")) == ([], [])


def test_a_run_that_never_ended_shows_as_interrupted(store: Store) -> None:
    store.start_run("r1", "run", "2026-03-01")
    store.start_run("r2", "run", "2026-03-02")
    store.end_run("r2", "2026-03-02", "ok", 0, {"targets": {}})
    assert [(r["run_id"], r["status"], r["exit_code"]) for r in store.runs(9)] == [
        ("r2", "ok", 0),
        ("r1", "interrupted", None),
    ]
    assert [r["run_id"] for r in store.runs(1)] == ["r2"]


# ---------------------------------------------------------------------------------- files and contributions


def test_a_file_is_remembered_by_what_its_last_read_gave(store: Store) -> None:
    assert store.file("jobs", "jobs.csv") is None
    store.save_file("jobs", "jobs.csv", FileRead("f1", 3, 2, 1), 1)
    store.save_file("jobs", "jobs.csv", FileRead("f2", 4, 4, 0), 2)
    assert store.file("jobs", "jobs.csv") == FileRead("f2", 4, 4, 0)


def test_what_a_complete_read_did_not_show_is_gone_until_it_comes_back(store: Store) -> None:
    for ref in ("1", "2"):
        store.save_contribution(said(ref), read_no=1)
        store.link_contributions([(said(ref), f"key-{ref}", None, None)])
    assert touched(store, said("1", line=9), 2) is False
    assert store.mark_gone("jobs", 2) == ["key-2"]
    assert [c.gone for ref in "12" for c in store.contributions(f"key-{ref}")] == [False, True]
    assert store.contributions("key-1")[0].line == 9
    assert store.mark_gone("jobs", 2) == []
    assert touched(store, said("2", line=3), 3) is True
    assert store.contributions("key-2")[0].gone is False


def test_an_unchanged_file_keeps_everything_that_it_said(store: Store) -> None:
    store.save_contribution(said(), read_no=1)
    store.touch_file("jobs", "jobs.csv", 2)
    assert store.mark_gone("jobs", 2) == []


def test_what_is_not_linked_streams_by_reference_while_it_is_linked(store: Store) -> None:
    refs = [f"r{n:04}" for n in range(1100, 0, -1)]
    with store.transaction():
        for ref in refs:
            store.save_contribution(said(ref), read_no=1)
        seen = []
        for it in chain.from_iterable(store.unlinked("jobs", "posting", overlay=False)):
            store.link_contributions([(it, f"key-{it.ref}", None, None)])
            seen.append(it.ref)
    assert seen == sorted(refs)
    assert list(store.unlinked("jobs", "posting", overlay=False)) == []


def test_a_changed_row_is_linked_anew(store: Store) -> None:
    store.save_contribution(said(), read_no=1)
    store.link_contributions([(said(), "key-1", None, None)])
    store.save_contribution(said(digest="d2"), read_no=2)
    assert [[it.digest for it in some] for some in store.unlinked("jobs", "posting", overlay=False)] == [["d2"]]
    assert store.had_rows("jobs")
    assert not store.had_rows("other")


# --------------------------------------------------------------------------------------------- programmes


def test_programmes_in_one_database_see_nothing_of_each_other(store: Store, place: Location) -> None:
    with closing(Store.open(place, "autumn")) as autumn:
        empty = content(autumn)
        fill(store)
        store.start_run("r1", "run", "now")
        assert content(autumn) == empty
        assert not any(content(autumn).values())
        before = content(store)
        assert all(before.values())
        fill(autumn)
        autumn.advance(store.open_entries("board")[0].seq, "done")
        autumn.mark_gone("jobs", 9)
        autumn.replace_quarantine("jobs", None, "map", [], "now")
        autumn.end_run("r1", "now", "ok", 0, {})
        assert content(store) == before


# ------------------------------------------------------------------------------------ records and labels


def test_a_record_is_as_it_was_last_stored(store: Store) -> None:
    store.save_records([(Posting(key="p", title="One"), "posting", {})])
    store.save_records([(Posting(key="p", title="Two"), "posting", {})])
    assert store.record("p") == Posting(key="p", title="Two")
    assert store.record("none") is None


def test_a_label_that_was_given_never_changes(store: Store) -> None:
    store.save_labels({"s": "KL"})
    store.save_labels({"s": "KL-7f"})
    assert store.labels() == {"s": "KL"}


def test_initials_that_two_applicants_of_a_posting_share_are_told(store: Store) -> None:
    for name, initials in (("s1", "KL"), ("s2", "KL"), ("s3", "MN")):
        store.save_records([(Applicant(key=name, initials=initials), "applicant", {})])
        store.save_records([(Application(key=f"a-{name}", posting="p", applicant=name), "application", {})])
    assert store.shared_initials() == {("p", "KL")}
    store.save_labels({"s1": "KL"})
    assert [name for name, _, _ in store.unlabelled()] == ["s2", "s3"]


@pytest.mark.parametrize(
    ("status", "linked", "engaged"),
    [("accepted", False, True), ("in_progress", False, True), ("completed", False, True), ("applied", False, False),
     ("withdrawn", False, False), ("withdrawn", True, True)],
)  # fmt: skip
def test_an_engagement_is_engaged_or_owns_an_item(store: Store, status: Any, linked: bool, engaged: bool) -> None:  # noqa: FBT001
    store.save_records([(Posting(key="p"), "posting", {})])
    store.save_records([(Applicant(key="s", initials="KL"), "applicant", {})])
    store.save_records([(Application(key="a", posting="p", applicant="s", status=status), "application", {})])
    if linked:
        store.save_link("board", replace(LINK, owner="a"))
    assert [(e.application.key, e.applicant.label) for e in store.engagements()] == ([("a", "KL")] if engaged else [])


# ------------------------------------------------------------------------------------- earlier versions


def test_a_state_of_the_first_schema_is_brought_up_to_date(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(schema, "MIGRATIONS", MIGRATIONS[:1])
        with closing(Store.open(path, "spring")) as old:
            old._db.execute("INSERT INTO files VALUES ('spring', 'jobs', 'jobs.csv', 'f', 2, 2, 0, 3)")
            for ref, read_no in (("gone", 5), ("there", 8)):
                old._db.execute(
                    "INSERT INTO contributions VALUES ('spring', 'jobs', 'posting', ?, 'jobs', 0, 'jobs.csv', 2, NULL,"
                    " NULL, '{}', '{}', '{}', 'd', 1, ?, NULL, NULL, ?, 0)",
                    (ref, ref, read_no),
                )
    with closing(Store.open(path, "spring")) as store:
        assert migrations(path)[-1][0] == len(MIGRATIONS)
        known = store.file("jobs", "jobs.csv")
        assert known is not None
        assert (known.rows, known.keyless) == (2, False)
        store.touch_file("jobs", "jobs.csv", 9)  # unchanged: what it still showed is still there, the rest is not
        assert store.mark_gone("jobs", 9) == ["gone"]


# ----------------------------------------------------------------------------- what publishers remember


def test_what_a_publisher_remembers_is_its_targets_alone_and_outlasts_the_run(place: Location) -> None:
    with closing(Store.open(place, "spring")) as store:
        memory = store.memory("chat")
        memory.update(week="2026-03-02", ts="1.0")
        memory["ts"] = "2.0"
        del memory["week"]
        with pytest.raises(KeyError):
            del memory["week"]
    with closing(Store.open(place, "spring")) as store, closing(Store.open(place, "autumn")) as other:
        assert dict(store.memory("chat")) == {"ts": "2.0"}
        assert dict(store.memory("board")) == dict(other.memory("chat")) == {}


# ----------------------------------------------------------------------------------------------- sets of keys


@given(st.lists(st.text("abc", min_size=1, max_size=3)), st.integers(1, 9))
def test_a_set_of_keys_is_one_however_little_of_it_is_in_memory(given_keys: list[str], most: int) -> None:
    with closing(Keys(given_keys, most=most)) as keys:
        assert list(chain.from_iterable(keys.in_order())) == sorted(set(given_keys))


def test_a_large_set_of_keys_comes_some_at_a_time() -> None:
    with closing(Keys(map(str, range(2000)), most=300)) as keys:
        assert [len(some) for some in keys.in_order()] == [500] * 4
        assert keys._rest is not None, "or nothing was put away"
