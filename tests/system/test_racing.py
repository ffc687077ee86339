"""Several runners at the same time: one of them works, the others say who it is, and nothing is made twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from programme import CONFIG, ON_BOTH, Finished, Project, Server

pytestmark = pytest.mark.system


def results(runs: list[Finished]) -> list[dict[str, Any]]:
    return [dict(json.loads(ended.out)) for ended in runs]


@ON_BOTH
def test_of_runners_that_start_together_one_works_at_a_time(project: Project, server: Server) -> None:
    server.fault(kind="slow", seconds=0.2, method="POST", path="/cards", times=2)  # so that they do meet
    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda _: project.start("run", "--output", "json"), range(4)))
    assert {ended.code for ended in runs} == {0, 7}, [ended.err for ended in runs]
    told = results(runs)
    assert sum(each["targets"].get("board", {}).get("created", 0) for each in told) == 2
    refused = [each["problems"][0]["why"] for each in told if each["exit_code"] == 7]
    assert all("another run holds the lock: process" in why and "(mi-sync run)" in why for why in refused)
    assert len(server.cards()) == len(server.marked()) == 2
    assert [path for _, path in server.writes()].count("/1/cards") == 2


def test_programmes_that_share_a_state_and_a_board_do_not_wait_for_each_other(
    project: Project, server: Server, tmp_path: Path
) -> None:
    shared = f"sqlite:///{(tmp_path / 'shared.db').as_posix()}"
    autumn = Project.make(tmp_path / "autumn", server, CONFIG.replace("spring-2026-7f3k9q", "autumn-2026-k2m4"))
    for each in (project, autumn):
        each.keep_state_at(shared)
    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda each: each.start("run", "--output", "json"), (project, autumn)))
    assert [ended.code for ended in runs] == [0, 0], [ended.err for ended in runs]
    assert len(server.marked()) == len(server.cards()) == 4
    assert [each.run()["targets"]["board"]["foreign"] for each in (project, autumn)] == [2, 2]


@ON_BOTH
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs POSIX signals")
def test_a_runner_that_hung_sends_nothing_once_its_lock_is_anothers(project: Project, server: Server) -> None:
    """Stopped in the middle of its work, its lease taken, and woken again: it must not go on where it was."""
    server.fault(kind="slow", seconds=1.0, method="POST", path="/cards", times=1)
    environ = {**os.environ, **server.environ}
    command = [sys.executable, "-m", "mi_sync", "run", "--output", "json"]
    with subprocess.Popen(command, cwd=project.folder, env=environ, stdout=subprocess.PIPE, text=True) as hung:
        wait_for(lambda: ("POST", "/1/cards") in server.requests)
        hung.send_signal(signal.SIGSTOP)
        assert project.start("run").code == 7
        assert project.start("state", "unlock", "--force").code == 0
        project.run()
        done = list(server.writes())
        hung.send_signal(signal.SIGCONT)
        out, _ = hung.communicate(timeout=60)
    assert (hung.returncode, "was taken away" in out) == (7, True)
    assert server.writes() == done
    assert len(server.cards()) == len(server.marked()) == 2


def wait_for(condition: Any) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.01)
