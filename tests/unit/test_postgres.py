"""What is PostgreSQL's own: addresses and secrets, who is let in, lost connections, locks, snapshots, text."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mi_sync import leases
from mi_sync.connector import Secret
from mi_sync.errors import ConfigError, ExitCode, Locked, MiSyncError, NotAuthorised, Refused, Unavailable
from mi_sync.state import MIGRATIONS, Server, Store, locate, postgres, schema
from postgres_server import Cluster
from stores import LINK, content, fill, held, said
from world import World

pytestmark = pytest.mark.postgres
PASSWORD = "s3cret-of-guest"


@pytest.fixture
def store(server_place: Server) -> Iterator[Store]:
    with closing(Store.open(server_place, "spring")) as opened:
        yield opened


@pytest.fixture
def other(server_place: Server) -> Iterator[Store]:
    with closing(Store.open(server_place, "spring")) as opened:
        yield opened


def database(place: Server) -> str:
    return place.url.split("@/")[1].split("?")[0]


# --------------------------------------------------------------------------------- addresses and secrets


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hunter2@host/db",
        "postgres://u:hunter2@host:5432/db",
        "postgresql://host/db?password=hunter2",
        "postgresql://host/db?sslpassword=hunter2",
        "postgresql://u:hun/ter2@host/db",
        "postgresql://u:hun#ter2@host/db",
        "postgresql://u:hun?ter2@host/db",
        "postgresql://u:4?hunter2@host/db",
        "postgresql://u:4/hunter2@host/db",
        "postgresql://[hunter2/db",
        "postgresql://host:hunter2/db",
        "postgresql://host/db?hunter2",
    ],
)
def test_a_password_in_the_url_is_refused_and_never_repeated(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^state\.url: ") as refused:
        locate(url, Path())
    assert not any(part in str(refused.value) for part in ("hunter2", "ter2"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://mi_sync@db.school.example:6432/internships?sslmode=verify-full",
        "postgres:///db?host=%2Fvar%2Frun",
        "postgresql://a,b:5433/db",
        "postgresql://[::1]:5432/db",
        "postgresql://",
    ],
)
def test_what_libpq_reads_is_taken_as_it_is(url: str) -> None:
    place = locate(url, Path(), Secret("x"))
    assert place == Server(url)
    assert str(place) == url.partition("?")[0]


def test_a_file_has_no_password() -> None:
    with pytest.raises(ConfigError, match=r"state\.password"):
        locate("sqlite:///state.db", Path(), Secret("x"))


@pytest.mark.parametrize(
    ("url", "environ", "mode"),
    [
        ("postgresql://db.school.example/x", {}, "require"),
        ("postgresql://db.school.example/x?sslmode=verify-full", {}, "verify-full"),
        ("postgresql://db.school.example/x?sslmode=disable", {}, "disable"),
        ("postgresql://db.school.example/x", {"PGSSLMODE": "verify-ca"}, None),
        ("postgresql://127.0.0.1/x", {}, None),
        ("postgresql://[::1]/x", {}, None),
        ("postgresql://localhost/x", {}, None),
        ("postgresql:///x", {}, None),
        ("postgresql:///x?host=%2Fvar%2Frun", {}, None),
        ("postgresql:///x", {"PGHOST": "db.school.example"}, "require"),
        ("postgresql://localhost/x?hostaddr=192.0.2.1", {}, "require"),
        ("postgresql://localhost,db.school.example/x", {}, "require"),
        ("postgresql:///x?service=team", {}, "require"),
        ("postgresql://127.0.0.1.school.example/x", {}, "require"),
    ],
)
def test_over_a_network_there_is_tls_unless_somebody_says_otherwise(
    url: str, environ: dict[str, str], mode: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGSSLMODE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert postgres._settings(Server(url)).get("sslmode") == mode


def test_a_server_that_goes_away_without_a_word_is_noticed_within_a_minute_unless_somebody_says_otherwise() -> None:
    """What libpq is told: it takes a cut cable to see it. It was seen once: a minute with these, and without no end."""
    told = postgres._settings(Server("postgresql://db.school.example/x"))
    assert told["keepalives_idle"] + told["keepalives_interval"] * told["keepalives_count"] < 60
    assert 0 < told["tcp_user_timeout"] < 60_000
    told = postgres._settings(Server("postgresql://db.school.example/x?keepalives_idle=300"))
    assert int(told["keepalives_idle"]) == 300


def test_without_psycopg_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r"pip install 'mi-sync\[postgres\]'"):
        Store.open(Server("postgresql:///x"), "spring")


# ------------------------------------------------------------------------------------------ who is let in


@pytest.fixture
def guest(cluster: Cluster, server_place: Server) -> Iterator[Server]:
    """A user with a password and the right to read."""
    name = database(server_place)
    with suppress(Exception):
        cluster.execute("postgres", f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
    Store.open(server_place, "spring").close()
    cluster.execute(name, "GRANT USAGE ON SCHEMA mi_sync TO guest")
    cluster.execute(name, "GRANT SELECT ON ALL TABLES IN SCHEMA mi_sync TO guest")
    yield Server(cluster.url(name, "guest"), Secret(PASSWORD))
    cluster.execute(name, "DROP OWNED BY guest")


OPENINGS = pytest.mark.parametrize("opening", [Store.open, Store.scratch])


@OPENINGS
@pytest.mark.parametrize("password", [Secret("wr0ng"), None])
def test_a_wrong_password_is_told_and_not_repeated(opening: Any, password: Secret | None, guest: Server) -> None:
    with pytest.raises(NotAuthorised, match=r"does not let us in.*\[state\] password") as refused:
        opening(replace(guest, password=password), "spring")
    assert refused.value.exit_code is ExitCode.NOT_AUTHORISED
    assert "wr0ng" not in str(refused.value)


@OPENINGS
def test_an_unknown_user_is_not_let_in(opening: Any, cluster: Cluster, server_place: Server) -> None:
    with pytest.raises(NotAuthorised, match="does not exist"):
        opening(Server(cluster.url(database(server_place), "nobody_of_that_name")), "spring")


@OPENINGS
def test_a_database_that_is_not_there_is_a_mistake_in_the_configuration(opening: Any, cluster: Cluster) -> None:
    with pytest.raises(ConfigError, match="Create it with createdb"):
        opening(Server(cluster.url("there_is_none")), "spring")


@OPENINGS
def test_a_server_that_is_down_is_unavailable(opening: Any, tmp_path: Path) -> None:
    for url in (f"postgresql:///x?host={tmp_path}", "postgresql://127.0.0.1:1/x"):
        with pytest.raises(Unavailable, match=r"does not answer.*then run again") as refused:
            opening(Server(url), "spring")
        assert refused.value.exit_code is ExitCode.UNAVAILABLE


def test_a_url_that_libpq_cannot_read_is_not_repeated() -> None:
    with pytest.raises(ConfigError, match="libpq cannot read the URL") as refused:
        Store.open(Server("postgresql:///x?hunter=2"), "spring")
    assert "hunter" not in str(refused.value)


def test_the_right_to_read_is_enough_for_what_writes_nothing(guest: Server, store: Store) -> None:
    fill(store)
    with closing(Store.scratch(guest, "spring")) as copy:
        assert content(copy) == content(store)
        assert copy.next_number("read") == 2
    with (
        closing(Store.open(guest, "spring")) as reader,
        pytest.raises(NotAuthorised, match="permission denied"),
        reader.telling(),
    ):
        reader.next_number("read")


def test_whoever_may_not_make_the_schema_is_told(cluster: Cluster, server_place: Server, guest: Server) -> None:
    cluster.execute(database(server_place), "DROP SCHEMA mi_sync CASCADE")
    with pytest.raises(NotAuthorised, match="rights to create and use schema mi_sync"):
        Store.open(guest, "spring")


# ------------------------------------------------------------------------------------- a shared database


def test_it_lies_in_its_own_schema_beside_other_programs(cluster: Cluster, server_place: Server) -> None:
    name = database(server_place)
    cluster.execute(name, "CREATE TABLE public.links (url TEXT)")
    try:
        with closing(Store.open(server_place, "spring")) as store:
            fill(store)
            store.compact()
        assert cluster.execute(name, "SELECT * FROM public.links") == []
    finally:
        cluster.execute(name, "DROP TABLE public.links")


@OPENINGS
def test_a_schema_of_our_name_that_is_anothers_is_left_as_it_is(
    opening: Any, cluster: Cluster, server_place: Server
) -> None:
    name = database(server_place)
    cluster.execute(name, "CREATE SCHEMA mi_sync")
    cluster.execute(name, "CREATE TABLE mi_sync.theirs (x INT)")
    with pytest.raises(ConfigError, match="database of another program"):
        opening(server_place, "spring")
    assert cluster.execute(name, "SELECT tablename FROM pg_tables WHERE schemaname = 'mi_sync'") == [("theirs",)]


@OPENINGS
def test_a_newer_state_is_refused(opening: Any, server_place: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    Store.open(server_place, "spring").close()
    monkeypatch.setattr(schema, "MIGRATIONS", MIGRATIONS[:6])
    with pytest.raises(ConfigError, match="written by a newer mi-sync"):
        opening(server_place, "spring")


def test_a_later_migration_is_made_on_both_and_a_copy_of_an_older_state_gets_it(
    server_place: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Store.open(server_place, "spring")) as store:
        fill(store)
        before = content(store)
    added = ("more", "ALTER TABLE files ADD COLUMN more INTEGER NOT NULL DEFAULT 7; UPDATE files SET more = 8")
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, added))
    for opening in (Store.scratch, Store.open, Store.scratch):
        with closing(opening(server_place, "spring")) as opened:
            assert opened._db.execute("SELECT more FROM files").fetchall() == [(8,)]
            assert content(opened) == before


def test_those_who_open_it_first_at_the_same_time_make_it_once(server_place: Server) -> None:
    with ThreadPoolExecutor(8) as pool:
        for opened in pool.map(lambda _: Store.open(server_place, "spring"), range(8)):
            assert opened._db.execute("SELECT COUNT(*) FROM migrations").fetchone() == (len(MIGRATIONS),)
            opened.close()


# ------------------------------------------------------------------------------------- lost connections


def test_a_connection_that_is_lost_leaves_nothing_half_stored(
    cluster: Cluster, server_place: Server, store: Store, other: Store
) -> None:
    store.next_number("read")
    (pid,) = store._db.execute("SELECT pg_backend_pid()").fetchone()

    def stored() -> None:
        with store.lock("board"), store.transaction():
            store.begin("board", "k", "plan", "run", "now", {})
            cluster.execute(database(server_place), f"SELECT pg_terminate_backend({pid})")
            store.next_number("read")

    with pytest.raises(Unavailable, match="connection to the state was lost") as lost, store.telling():
        stored()
    assert lost.value.exit_code is ExitCode.UNAVAILABLE
    assert other.open_entries("board") == []
    assert other.next_number("read") == 2


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("DiskFull", Unavailable),
        ("OutOfMemory", Unavailable),
        ("AdminShutdown", Unavailable),
        ("ConnectionFailure", Unavailable),
        ("DataCorrupted", Unavailable),
        ("InsufficientPrivilege", NotAuthorised),
        ("ReadOnlySqlTransaction", ConfigError),
        ("ProgramLimitExceeded", Refused),
        ("LockNotAvailable", Locked),
        ("DeadlockDetected", Locked),
        ("UniqueViolation", None),
        ("UndefinedTable", None),
    ],
)
def test_what_somebody_can_put_right_is_told_and_a_mistake_of_ours_is_not(
    name: str, kind: type[MiSyncError] | None, store: Store
) -> None:
    from psycopg import errors

    told = store._db.told(getattr(errors, name)("what the server says\nDETAIL: Key (value)=(ana@s.example)"))
    assert type(told) is (kind or type(None))
    assert told is None or ("ana@" not in str(told) and "test_" in str(told))


# ------------------------------------------------------------------------------------------------- locks


def test_of_those_who_take_the_lock_at_the_same_time_one_gets_it(server_place: Server) -> None:
    stores = [Store.open(server_place, "spring") for _ in range(8)]
    start, end = threading.Barrier(8), threading.Barrier(8)

    def take(store: Store) -> bool:
        start.wait(30)
        try:
            with store.lock("board"):
                end.wait(30)
                return True
        except Locked:
            end.wait(30)
            return False

    for _ in range(5):
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(take, stores)) == 1
    for store in stores:
        store.close()


def test_a_lease_is_not_taken_away_in_the_middle_of_a_commit(store: Store, other: Store) -> None:
    other._db.execute("SET lock_timeout = '50ms'")
    with store.lock():
        with store.transaction():
            store.next_number("read")
            with pytest.raises(Locked, match="in the middle of storing"):
                other.unlock()
        assert held(other)
        other.unlock()
        with pytest.raises(Locked, match="was taken away"), store.transaction():
            pass


def test_a_lease_runs_out_by_the_servers_clock(store: Store, other: Store) -> None:
    wrong = leases.Clock(lambda: datetime(2001, 1, 1, tzinfo=UTC))
    with store.lock(clock=wrong):
        (lease,) = store.held(wrong)
        assert lease.holder is not None
        elsewhere = replace(lease.holder, host="elsewhere").dumps()
        store._db.execute("UPDATE leases SET holder = ?", (elsewhere,))
        assert held(other)
        store._db.execute("UPDATE leases SET expires_at = expires_at - ?", (round(leases.LEASE * 1000) + 1000,))
        assert other.held(wrong) == []
        with other.lock(clock=wrong), pytest.raises(Locked, match="was taken away"):
            store.keep_lock()


# ------------------------------------------------------------------------------------------------- turns


@pytest.mark.parametrize("limit", [1, 2, 7, 40])
def test_runners_that_share_a_token_never_ask_too_often(limit: int, server_place: Server) -> None:
    stores = [Store.open(server_place, programme) for programme in ("spring", "autumn", "spring", "summer")]
    began = time.monotonic()

    def book(store: Store) -> list[float]:
        return [time.monotonic() - began + store.take_turn("token", limit, 5.0) for _ in range(3 * limit)]

    with ThreadPoolExecutor(4) as pool:
        sent = sorted(at for booked in pool.map(book, stores) for at in booked)
    assert sum(at < 0.5 for at in sent) <= max(limit // 5, 1) + limit // 8 + 1
    assert all(later - earlier > 5.0 - 0.3 for earlier, later in zip(sent, sent[limit:], strict=False))
    assert stores[0].take_turn("of others", limit, 5.0) == 0.0
    for store in stores:
        store.close()


def test_a_state_in_a_file_lets_each_runner_count_for_itself(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path / "state.db", "spring")) as store:
        assert [store.take_turn("token", 1, 5.0) for _ in range(3)] == [0.0, 0.0, 0.0]


# ---------------------------------------------------------------------------------------------- snapshots


def rows(store: Store) -> dict[str, list[Any]]:
    return {name: sorted(store._db.execute(f"SELECT * FROM {name}"), key=repr) for name in store._db.tables()}  # noqa: S608


def test_a_copy_waits_for_nobody_and_writes_nothing(store: Store, server_place: Server, other: Store) -> None:
    fill(store)
    before = rows(store)
    with store.transaction():
        store.next_number("read")
        store._db.execute("LOCK TABLE contributions IN EXCLUSIVE MODE")
        with closing(Store.scratch(server_place, "spring")) as copy, copy.lock():
            assert copy.next_number("read") == 2
            copy.save_link("board", replace(LINK, id="changed"))
            assert other._db.execute("SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active'").fetchone()
        store._db.execute("UPDATE counters SET value = 1")
    assert rows(store) == before


def test_a_copy_holds_one_programme_alone(store: Store, server_place: Server) -> None:
    fill(store)
    with closing(Store.scratch(server_place, "autumn")) as copy:
        assert not any(content(copy).values())


def test_a_copy_of_nothing_is_empty_and_makes_nothing(cluster: Cluster, server_place: Server) -> None:
    with closing(Store.scratch(server_place, "spring")) as copy:
        assert (copy.schema, copy.next_number("read")) == (0, 1)
    assert cluster.execute(database(server_place), "SELECT 1 FROM pg_namespace WHERE nspname = 'mi_sync'") == []


# --------------------------------------------------------------------------------------------------- text


@settings(max_examples=30)
@given(st.sets(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5), max_size=12))
def test_text_is_ordered_as_sqlite_orders_it(session_store: Store, texts: set[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, closing(Store.open(Path(folder) / "state.db", "spring")) as file:
        for store in (file, session_store):
            store._db.execute("DELETE FROM links")
            for text in texts:
                store.save_link("board", replace(LINK, key=text))
        assert list(file.links("board")) == list(session_store.links("board")) == sorted(texts)


def test_every_text_is_ordered_by_bytes_whatever_the_servers_language(store: Store) -> None:
    others = store._db.execute(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'mi_sync'"
        " AND table_name <> 'migrations' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'"
    )
    assert others.fetchall() == []


@pytest.fixture(scope="module")
def session_store(cluster: Cluster) -> Iterator[Store]:
    with cluster.database() as place, closing(Store.open(place, "spring")) as store:
        yield store


def test_a_nul_is_stored_as_what_cannot_be_shown(store: Store) -> None:
    store.save_contribution(said(values={"title": "a\0b"}), 1)
    store.link_contributions([(said(), "key-1", None, None)])
    assert store.contributions("key-1")[0].values == {"title": "a\0b"}  # within JSON it is written out
    assert store.postings_titled("a\0b") == store.postings_titled("a\ufffdb") == ["key-1"]


def test_a_long_title_is_no_trouble_and_a_long_id_is_told(store: Store) -> None:
    import random

    long = "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=20_000))  # noqa: S311  no secret
    store.save_contribution(said(values={"title": long}), 1)
    store.link_contributions([(said(), "key-1", None, None)])
    assert store.postings_titled(long) == ["key-1"]
    with pytest.raises(Refused, match="has no room"), store.telling():
        store.save_contribution(said(long), 1)


def test_a_pull_lets_the_server_count_its_rows_before_they_are_sought(server_place: Server, tmp_path: Path) -> None:
    world = World(tmp_path, place=server_place)
    with closing(world.store):
        world.pull()
        counted = "SELECT reltuples FROM pg_class WHERE oid = 'mi_sync.contributions'::regclass"
        (rows,) = world.store._db.execute(counted).fetchone()
        assert rows > 0  # -1 where nobody counted
