"""Exports and boards that hold orders to terminals, runners, spreadsheets and templates: they stay text everywhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from programme import JOBS, Project, Server

pytestmark = pytest.mark.system

ESC = "\x1b]0;owned\x07\x1b[2J\x9b31m"
TURNED = "\u202egnp.exe\u202c"
TITLE = f"=HYPERLINK(1) {{{{ 7*7 }}}} <script>alert(1)</script> @everyone {ESC}{TURNED} [x](javascript:alert(1)) ##[error]no"
ORDERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
ALL = [
    ("plan",), ("run", "-vv"), ("run", "--log-format", "json", "-vv"), ("status",), ("history",), ("check",),
    ("quarantine", "list"), ("quarantine", "show", "1"), ("state", "show"), ("pull",),
    ("inspect", f"jobs{ESC}.csv"), ("inspect", "none{ESC}.csv"),
]  # fmt: skip


def hostile(project: Project) -> None:
    rows = JOBS.replace("Donor dashboard", TITLE.replace('"', ""))
    project.write("jobs.csv", f"{rows}P-2,Another,,not a date{ESC},\n")
    project.write(f"jobs{ESC}.csv", f"id,title,{ESC}column\nP-3,x,y\n")


def test_no_command_repeats_an_order(project: Project, server: Server) -> None:
    hostile(project)
    project.start("run")
    card = server.card("Kickoff")
    server.call("PUT", f"/cards/{card['id']}", name=f"A person's title\n::error::no {ESC}{TURNED}", dueComplete=True)
    server.call("PUT", f"/cards/{server.card('Final')['id']}", closed=True)
    for arguments in ALL:
        for output in ("text", "json"):
            ended = project.start(*arguments, "--output", output, GITHUB_ACTIONS="true")
            assert "Traceback" not in ended.err, arguments
            for text in (ended.out, ended.err):
                assert not ORDERS.search(text), (arguments, output)
                assert "##[" not in text
                assert not any(line.strip().startswith("::") for line in text.splitlines())
            if output == "json" and ended.out:
                json.loads(ended.out)


def test_a_board_receives_text_and_no_orders(project: Project, server: Server) -> None:
    hostile(project)
    project.start("run")
    name = server.card("Kickoff")["name"]
    assert "{{ 7*7 }}" in name
    assert "49" not in name
    assert "<script>alert(1)</script>" in name  # a title is text; who shows it must escape it, as the page below does
    assert not ORDERS.search(name)
    assert server.call("GET", f"/cards/{server.card('Kickoff')['id']}/actions?filter=commentCard") == []


def test_an_export_for_spreadsheets_holds_no_formula_and_no_order(project: Project) -> None:
    hostile(project)
    project.start("pull")
    project.start("quarantine", "list", "--export", "out.csv")
    text = Path(project.folder / "out.csv").read_text("utf-8-sig")
    assert not ORDERS.search(text.replace("\r\n", "\n"))
