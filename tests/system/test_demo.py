"""`mi-sync demo`, `mi-sync sandbox`, and signals: real processes, looked at from outside."""

from __future__ import annotations

import json
import os
import re
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
    for said in ("$ mi-sync run", "quarantine list", "2 changes to be made.", "exports/applicants.csv:8", "/b/", "/0/"):
        assert said in shown.stdout
    assert "Traceback" not in shown.stderr
    command += ["--output", "json"]
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert again.returncode == 0, again.stderr  # its own folder is made anew
    told = json.loads(again.stdout)
    assert [each["exit_code"] for each in told["commands"]] == [3, 0, 0, 0, 0, 0, 0]
    assert (tmp_path / told["report"]).read_text("utf-8").startswith("<!DOCTYPE html>")
    assert (tmp_path / told["calendar"]).read_bytes().count(b"BEGIN:VEVENT") == 29
    assert len((tmp_path / told["table"]).read_text("utf-8-sig").splitlines()) == 1 + 3
    assert told["board"] == told["boards"]["trello"]


def test_a_demonstration_that_stays_serves_both_boards_and_all_that_came_of_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mi_sync", "demo", "--stay"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        lines = iter(demo.stdout.readline, "Press Ctrl-C to end the demonstration and its sandbox.\n")
        url = next(line.split()[-1] for line in lines if line.startswith("# Watch it in a browser: "))
        assert f"  {url}\n" in list(lines)
        index = requests.get(url, timeout=30).text
        paths = re.findall(r'href="(/[^"]+)"', index)
        replies = {path: requests.get(f"{url}{path[1:]}", timeout=30) for path in paths}
        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=30) == 0
    assert {path: reply.status_code for path, reply in replies.items()} == dict.fromkeys(paths, 200)
    boards = [path for path in paths if path.startswith(("/b/", "/0/"))]
    assert [replies[path].text.count('<article class="card') for path in boards] == [29, 29]
    shown = ["report", "calendar", "calendar.ics", "table", "table.csv"]
    assert [path for path in paths if path.startswith("/shown/")] == [f"/shown/{name}" for name in shown]
    assert replies["/shown/calendar"].text.count('class="entry') == 29
    assert replies["/shown/calendar.ics"].content.startswith(b"BEGIN:VCALENDAR")
    assert [path for path in paths if path.endswith("/control")] == ["/trello/control", "/asana/control"]


def test_the_sandbox_serves_and_stops(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mi_sync", "sandbox", "--port", "0", "--output", "json"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        told = json.loads(server.stdout.readline())
        pages = [requests.get(each["page"], timeout=30).status_code for each in told["sandboxes"].values()]
        pages += [requests.get(each["control"], timeout=30).status_code for each in told["sandboxes"].values()]
        start = requests.get(told["url"], timeout=30, allow_redirects=False)
        assert (list(told["sandboxes"]), pages, start.status_code) == (["trello", "asana"], [200] * 4, 200)
        assert all(each["page"].removeprefix(told["url"]) in start.text for each in told["sandboxes"].values())
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
