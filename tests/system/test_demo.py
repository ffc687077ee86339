"""`mi-sync demo`, `mi-sync sandbox`, and signals: real processes, looked at from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from programme import Project, Server

pytestmark = pytest.mark.system


def test_the_demonstration_runs_from_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mi_sync", "demo", "--no-stay"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    for said in ("$ mi-sync run", "quarantine list", "1 change to be made.", "exports/applicants.csv:8", "/b/"):
        assert said in shown.stdout
    assert "Traceback" not in shown.stderr
    command += ["--output", "json"]
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert again.returncode == 0, again.stderr  # its own folder is made anew
    assert [each["exit_code"] for each in json.loads(again.stdout)["commands"]] == [3, 0, 0, 0, 0, 0, 0]
    assert (tmp_path / json.loads(again.stdout)["report"]).read_text("utf-8").startswith("<!DOCTYPE html>")


def test_the_sandbox_serves_and_stops(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mi_sync", "sandbox", "--port", "0", "--output", "json"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        told = json.loads(server.stdout.readline())
        pages = [requests.get(each["page"], timeout=30).status_code for each in told["sandboxes"].values()]
        start = requests.get(told["url"], timeout=30, allow_redirects=False)
        assert (list(told["sandboxes"]), pages, start.status_code) == (["trello", "asana"], [200, 200], 302)
        assert start.headers["Location"].startswith("/b/")
        assert requests.get(f"{told['url']}/nowhere", timeout=30).status_code == 404
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=30) == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_run_after_the_change_in_hand(
    project: Project, server: Server, number: signal.Signals, code: int
) -> None:
    server.fault(kind="slow", seconds=1.0, method="POST", path="/cards", times=1)
    environ = {**os.environ, **server.environ}
    command = [sys.executable, "-m", "mi_sync", "run", "--output", "json"]
    with subprocess.Popen(
        command, cwd=project.folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        deadline = time.monotonic() + 60
        while ("POST", "/1/cards") not in server.requests and time.monotonic() < deadline:
            os.sched_yield()
        running.send_signal(number)
        out, err = running.communicate(timeout=60)
    assert running.returncode == code, err
    told = json.loads(out)
    assert (told["exit_code"], told["targets"]["board"]["created"]) == (code, 1)
    assert len(server.cards()) == 1  # the first was recorded, the second not begun
    lines = server.cards()[0]["checklists"][0]["checkItems"]
    assert len(lines) == 2
    (last,) = project.start("history", "--output", "json").json()["runs"]
    assert (last["exit_code"], last["targets"]["board"]["created"]) == (code, 1)
    assert project.run()["targets"]["board"]["created"] == 1
    assert [len(cards) for cards in server.marked().values()] == [1, 1]
