"""Exports and boards that hold orders to terminals, runners, spreadsheets and templates: they stay text everywhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mi_sync.connector import harvest
from programme import JOBS, Project, Server

pytestmark = pytest.mark.system

ESC = "\x1b]0;owned\x07\x1b[2J\x9b31m"
TURNED = "\u202egnp.exe\u202c"
TITLE = f"=HYPERLINK(1) {{{{ 7*7 }}}} <script>alert(1)</script> @everyone {ESC}{TURNED} [x](javascript:alert(1)) ##[error]no"
ORDERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
ANNOTATION = re.compile(r"::(error|warning|notice) [^:]*title=mi-sync[^:]*::")
"""Our own words to the runner, which takes all that follows them for text."""
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
                theirs = [line for line in text.splitlines() if not ANNOTATION.match(line)]
                assert not [line for line in theirs if "##[" in line or line.strip().startswith("::")]
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


def test_a_mark_in_an_export_is_no_mark(project: Project, server: Server) -> None:
    """Also one that was copied from a card: it can neither claim an item nor make one ours."""
    project.run()
    before = {key: [card["id"] for card in cards] for key, cards in server.marked().items()}
    stolen = server.card("Final")["desc"].strip().replace('"', '""')
    project.edit("jobs.csv", "Two lines of it.", f"Two other lines.\n\n{stolen}")
    project.run()
    assert {key: [card["id"] for card in cards] for key, cards in server.marked().items()} == before
    text, marker = harvest(server.card("Kickoff")["desc"])
    assert "Two other lines." in text
    assert harvest(text) == (text, None)
    assert marker is not None
    server.requests.clear()
    project.run()
    assert server.writes() == []


def test_an_export_for_spreadsheets_holds_no_formula_and_no_order(project: Project) -> None:
    hostile(project)
    project.start("pull")
    project.start("quarantine", "list", "--export", "out.csv")
    text = Path(project.folder / "out.csv").read_text("utf-8-sig")
    assert not ORDERS.search(text.replace("\r\n", "\n"))


def test_no_secret_is_left_anywhere(project: Project, server: Server) -> None:
    """In the state and its companions, a plan, a log and all that is printed; also of a run that fails."""
    secrets = list(server.environ.values())
    said = []
    for arguments in (
        ("plan", "--out", "spring.plan"),
        ("apply", "spring.plan"),
        ("check",),
        ("run", "-vv"),
        ("history",),
    ):
        for log_format in ("text", "json"):
            ended = project.start(*arguments, "--log-format", log_format, "-vv")
            said += [ended.out, ended.err]
    server.fault(kind="fail_before", status=400, method="PUT", times=1)
    server.fault(kind="revoked", after=9, times=None)
    project.edit("jobs.csv", "Donor dashboard", "Donor atlas")
    said += [(ended := project.start("run", "-vv", "--output", "json")).out, ended.err]
    assert ended.code in {3, 6}
    files = [file for file in project.folder.rglob("*") if file.is_file()]
    assert {"state.db", "spring.plan"} <= {file.name for file in files}
    for secret in secrets:
        assert not [text for text in said if secret in text]
        assert not [file.name for file in files if secret.encode() in file.read_bytes()]
