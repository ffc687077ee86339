"""Clients in other environments and another language, which nobody wrote for us, against the sandboxes.

Each is installed by its own package manager into a folder of the session, walks through a sandbox, and prints what it
saw there (`tests/clients`). They reach nothing but 127.0.0.1; only their installation asks a package index.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from asana_spec import SDK_HABITS, Judged
from loopback import serving
from mi_sync.connector import SandboxOptions
from mi_sync_asana.sandbox.app import create_app as asana_app
from mi_sync_asana.sandbox.gate import TOKEN as ASANA_TOKEN
from mi_sync_asana.sandbox.seed import PROJECT
from mi_sync_sandbox.store import Store
from mi_sync_trello.sandbox import effects
from mi_sync_trello.sandbox.app import create_app as trello_app
from mi_sync_trello.sandbox.gate import KEY, TOKEN
from mi_sync_trello.sandbox.layout import LAYOUT
from mi_sync_trello.sandbox.seed import BOARD, LISTS

PROGRAMS = Path(__file__).parent.parent / "clients"
CARDS = 1500
DUE = "2026-03-30T22:00:00.000Z"
WALK = {
    "board": "Spring 2026 micro-internships",
    "lists": list(LISTS),
    "card": ["Kickoff", "The *brief*, größer", DUE, True],
    "moved": "Doing",
    "comments": ["See you there"],
    "checklist": [["Outline", "complete"], ["Numbers", "incomplete"]],
    "archived": [[], True],
    "paged": CARDS,
}
"""What every walk sees, whoever goes it."""

Walk = Callable[..., dict[str, Any]]


def now() -> datetime:
    return datetime.now(UTC)


def install(tool: str, *command: str | Path, folder: Path) -> None:
    """Skips by name what cannot be had; where nothing may be skipped, that fails."""
    environment = {**os.environ, "npm_config_cache": str(folder / ".npm"), "PIP_NO_CACHE_DIR": "1"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    if done.returncode:
        pytest.skip(f"{tool} cannot be installed: {done.stderr.strip()[-500:]}")


def walk(program: str | Path, script: Path, *args: str, **environment: str) -> dict[str, Any]:
    """Runs a script; what it says where it fails is the failure."""
    command = (program, script, *args)
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{script.name}: {done.stderr[-4000:]}"
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """Runs a script with Node.js and the clients of `package.json`."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        pytest.skip("trello.js and asana for JavaScript need Node.js and npm")
    folder = tmp_path_factory.mktemp("node")
    for file in ("package.json", "loopback.mjs", "trello_js.mjs", "asana_js.mjs"):
        shutil.copy(PROGRAMS / file, folder)
    # No package may run anything; trello.js names a newer Node.js than Debian's, and works with this one.
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--engine-strict=false")
    install("trello.js", npm, "install", *quiet, folder=folder)
    return lambda script, *args, **environment: walk(found, folder / script, *args, **environment)


@pytest.fixture(scope="session")
def trello_0973(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """Runs the script of the package `trello` in its own environment."""
    folder = tmp_path_factory.mktemp("trello")
    install("a virtual environment", sys.executable, "-m", "venv", folder / "venv", folder=folder)
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    install("trello 0.9.7.3", *pip, "trello==0.9.7.3", folder=folder)
    return lambda *args: walk(python, PROGRAMS / "trello_0973.py", *args, PYTHONPATH="")


# ------------------------------------------------------------------------------------------------ Trello


@pytest.fixture
def trello(tmp_path: Path) -> Iterator[str]:
    """A Trello whose first board has 1,500 cards in its last list."""
    options = SandboxOptions(tmp_path, "http://127.0.0.1", now, 10**6)
    app = trello_app(options)
    with Store(tmp_path / "trello.db", LAYOUT, now).transaction() as db:
        me = effects.member_named(db, effects.OWNER)["id"]
        done = next(each["id"] for each in db.all("list") if each["name"] == LISTS[-1])
        for number in range(CARDS):
            effects.create_card(db, me, {"name": str(number), "desc": "One of many", "idList": done})
    with serving(app) as url:
        yield url


@pytest.mark.node
def test_trello_js_finds_only_what_it_knows_of_the_live_trello(node: Walk, trello: str) -> None:
    seen = node("trello_js.mjs", trello, KEY, TOKEN, BOARD, TRELLO_STRICT_SCHEMAS="true")
    assert seen.pop("refused") == "Request failed: 404 NOT FOUND - The requested resource was not found."
    assert seen.pop("dressed") == [["draft"], ["kim_duarte"], ["brief"]]
    assert seen.pop("open") == list(LISTS)
    assert seen == WALK | {"pages": [1000, CARDS - 1000, 0]}


def test_trello_0973_walks_through_the_sandbox(trello_0973: Walk, trello: str) -> None:
    seen = trello_0973(trello, KEY, TOKEN, BOARD)
    assert seen == WALK | {"pages": [1000, CARDS - 1000, 0], "refused": 404}


# ------------------------------------------------------------------------------------------------- Asana


@pytest.fixture
def asana(tmp_path: Path) -> Iterator[str]:
    """An Asana whose first project has 1,500 tasks, held against Asana's own document."""
    judged = Judged(asana_app(SandboxOptions(tmp_path, "http://127.0.0.1", now, 10**6)))
    with serving(judged) as url:
        for first in range(0, CARDS, 10):
            tasks = [{"name": str(number), "projects": [PROJECT]} for number in range(first, first + 10)]
            fill(f"{url}/api/1.0/batch", tasks)
        yield f"{url}/api/1.0"
    assert [problem for problem in judged.problems if not SDK_HABITS.fullmatch(problem)] == []
    assert judged.judged


def fill(batch: str, tasks: Sequence[Mapping[str, Any]]) -> None:
    actions = [{"relative_path": "/tasks", "method": "post", "data": task} for task in tasks]
    header = {"Authorization": f"Bearer {ASANA_TOKEN}"}
    reply = requests.post(batch, json={"data": {"actions": actions}}, headers=header, timeout=10)
    assert [each["status_code"] for each in reply.json()["data"]] == [201] * len(tasks)


@pytest.mark.node
def test_asana_for_javascript_walks_through_the_sandbox(node: Walk, asana: str) -> None:
    seen = node("asana_js.mjs", asana, ASANA_TOKEN, PROJECT)
    assert seen.pop("refused") == "task: Unknown object: 1"
    assert seen == WALK | {"pages": [100] * 15}
