"""Whole runs with the state on a PostgreSQL server: its password, its end, and what is told of it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from mi_sync.state import Server
from postgres_server import Cluster
from programme import Project
from programme import Server as Sandbox

pytestmark = [pytest.mark.system, pytest.mark.postgres]
PASSWORD = "s3cret-of-guest"


def database(place: Server) -> str:
    return place.url.split("@/")[1].split("?")[0]


@pytest.fixture
def guarded(cluster: Cluster, server_place: Server, tmp_path: Path, server: Sandbox) -> Project:
    """A project whose state takes a password, which its configuration names."""
    with suppress(Exception):
        cluster.execute("postgres", f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
    name = database(server_place)
    cluster.execute(name, f"GRANT CREATE ON DATABASE {name} TO guest")
    project = Project.make(tmp_path / "project", server)
    config = (project.folder / "config.toml").read_text("utf-8")
    url = cluster.url(name, "guest")
    project.write("config.toml", f'state = {{ url = "{url}", password = {{ env = "STATE_PASSWORD" }} }}\n{config}')
    return project


def test_a_password_from_the_environment_opens_it_and_stands_nowhere(guarded: Project) -> None:
    commands = (["run", "-vv"], ["plan"], ["check"], ["state", "show"], ["status", "--output", "json"])
    for command in commands:
        ended = guarded.start(*command, STATE_PASSWORD=PASSWORD)
        assert ended.code == 0, ended.err
        assert PASSWORD not in ended.out + ended.err
    assert not any(
        PASSWORD in path.read_text("utf-8", "ignore") for path in guarded.folder.rglob("*") if path.is_file()
    )
    shown = guarded.start("state", "show", "--output", "json", STATE_PASSWORD=PASSWORD).json()
    assert shown["file"].startswith("postgresql://guest@/")
    assert shown["schema"] == shown["newest_schema"]
    assert shown["bytes"] > 0


def test_a_missing_password_and_a_wrong_one_are_told_apart(guarded: Project) -> None:
    missing = guarded.start("run")
    assert (missing.code, "STATE_PASSWORD is not set" in missing.err) == (2, True)
    wrong = guarded.start("run", "--output", "json", STATE_PASSWORD="wr0ng")
    assert (wrong.code, wrong.json()["status"]) == (6, "failed")
    assert "wr0ng" not in wrong.out + wrong.err


@pytest.mark.parametrize("url", ["postgresql://u:hunter2@127.0.0.1/x", "postgresql://127.0.0.1/x?password=hunter2"])
def test_a_password_in_the_url_is_refused(url: str, project: Project) -> None:
    project.keep_state_at(url)
    ended = project.start("run", "--output", "json")
    assert (ended.code, "hunter2" in ended.out + ended.err) == (2, False)
    assert "password = { env" in ended.json()["problems"][0]["why"]


def test_a_server_that_is_down_ends_every_command_with_the_same_code(project: Project, server: Sandbox) -> None:
    project.keep_state_at("postgresql://127.0.0.1:1/x")
    for command in ("run", "plan", "status"):
        ended = project.start(command, "--output", "json")
        assert (ended.code, ended.json()["exit_code"]) == (5, 5)
        assert "does not answer" in ended.json()["problems"][0]["why"]
    assert server.requests == []


LOSES_IT = """
import sys
from requests.adapters import HTTPAdapter
import psycopg
from mi_sync.cli import invoke, session

class Ending(HTTPAdapter):
    def send(self, request, **options):
        response = super().send(request, **options)
        if request.method == "POST" and request.path_url.endswith(sys.argv[2]):
            with psycopg.connect(sys.argv[1], autocommit=True) as db:
                db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mi-sync'"
                           " AND datname = current_database()")
        return response

session.WIRE["transport"] = Ending()
sys.exit(invoke(["run", "--output", "json"]))
"""


@pytest.mark.parametrize("path", ["/lists", "/cards", "/checkItems"])
def test_a_connection_that_is_lost_in_the_middle_ends_the_run_and_the_next_one_settles(
    path: str, project: Project, server: Sandbox, server_place: Server
) -> None:
    project.keep_state_at(server_place.url)
    ended = project.start(server_place.url, path, program=("-c", LOSES_IT))
    assert ended.code in {3, 5}, ended.err
    assert "connection to the state was lost" in ended.out
    assert "Traceback" not in ended.err
    project.run()
    assert len(server.cards()) == len(server.marked()) == 2
    assert project.run()["targets"]["board"]["created"] == 0


CRASHES = [("before-send", 2), ("after-effect", 4), ("before-commit", 1), ("before-commit", 4)]


@pytest.mark.parametrize(("moment", "number"), CRASHES)
def test_a_killed_run_leaves_one_card_for_each_key(
    moment: str, number: int, project: Project, server: Sandbox, server_place: Server
) -> None:
    project.keep_state_at(server_place.url)
    child = str(Path(__file__).with_name("crash_child.py"))
    assert project.start(moment, str(number), "run", program=(child,)).code == -9
    resumed = project.start("look", "0", "run", program=(child,))
    assert resumed.code == 0, resumed.err
    assert len(server.cards()) == len(server.marked()) == 2


def test_a_plan_writes_nothing_there(cluster: Cluster, project: Project, server_place: Server) -> None:
    project.keep_state_at(server_place.url)
    assert project.start("plan").code == 0
    assert cluster.execute(database(server_place), "SELECT 1 FROM pg_namespace WHERE nspname = 'mi_sync'") == []
    project.run()
    written = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables WHERE schemaname = 'mi_sync'"
    before = cluster.execute(database(server_place), written)
    project.edit("jobs.csv", "Donor dashboard", "Donor atlas")
    assert "update" in project.start("plan").out
    assert cluster.execute(database(server_place), written) == before


def test_a_plan_that_was_saved_is_applied(project: Project, server: Sandbox, server_place: Server) -> None:
    project.keep_state_at(server_place.url)
    project.run()
    project.edit("jobs.csv", "Donor dashboard", "Donor atlas")
    assert project.start("plan", "--out", "plan.json").code == 0
    assert project.start("apply", "plan.json").code == 0
    assert len(server.marked()) == 2
    assert server.card("Kickoff")["name"].startswith("Kickoff: Donor atlas")


def test_help_does_not_load_the_driver() -> None:
    script = "import sys; import mi_sync.state, mi_sync.cli.session; sys.exit('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], env=os.environ, check=False).returncode == 0
