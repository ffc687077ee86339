from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from asana_rig import NOW, AsanaRig
from mi_sync_asana import ARCHIVED
from mi_sync_asana.sandbox.seed import PROJECT, WORKSPACE

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
RICH_EVIL = '<body>&lt;script&gt;alert(1)&lt;/script&gt; <a href="javascript:alert(1)">x</a> <a href="https://x/&quot;&gt;&lt;img">y</a></body>'
NAMED: dict[str, Any] = {"external": {"gid": "a"}}
MARKER = "https://mi-sync.invalid/1.prog.key.nonce.o.a"


@pytest.fixture
def rig(tmp_path: Path) -> AsanaRig:
    return AsanaRig(tmp_path)


def page(rig: AsanaRig, path: str = f"/0/{PROJECT}") -> str:
    reply = rig.app.test_client().get(path)
    assert reply.status_code == 200
    return reply.text


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def tile(html: str, gid: str) -> str:
    found = re.search(rf'<article class="card[^>]*id="card-{gid}">.*?</article>', html, re.DOTALL)
    assert found is not None
    return found[0]


def test_the_project_shows_its_sections_with_their_tasks_in_order(rig: AsanaRig) -> None:
    for name in ("first", "second"):
        rig.task(name)
    shown = page(rig)
    assert re.findall(r'aria-label="([^"]+)"', shown) == ["To Do", "Doing", "Done"]
    assert shown.index("first") < shown.index("second")
    assert "2 cards" in text(shown)


def test_archived_tasks_lie_apart(rig: AsanaRig) -> None:
    section = rig.ask("POST", f"/projects/{PROJECT}/sections", name=ARCHIVED)["gid"]
    task = rig.task("Old")["gid"]
    assert 'id="archive"' not in page(rig)
    rig.ask("POST", f"/sections/{section}/addTask", task=task)
    board, _, archive = page(rig).partition('<details class="archive"')
    assert task not in board
    assert "Old" in tile(archive, task)
    assert re.findall(r'aria-label="([^"]+)"', board) == ["To Do", "Doing", "Done"]


def test_a_tile_shows_tags_people_subtasks_comments_and_a_milestone(rig: AsanaRig) -> None:
    tag = rig.ask("POST", "/tags", name="draft", workspace=WORKSPACE, color="light-warm-gray")["gid"]
    task = rig.task("Brief", tags=[tag], assignee="amara.osei@larkspur.example", resource_subtype="milestone")["gid"]
    one = rig.ask("POST", f"/tasks/{task}/subtasks", name="one")["gid"]
    rig.ask("POST", f"/tasks/{task}/subtasks", name="two")
    rig.ask("PUT", f"/tasks/{one}", completed=True)
    rig.ask("POST", f"/tasks/{task}/stories", text="Hello")
    shown = tile(page(rig), task)
    assert 'class="label c-black shade-light">draft<' in shown
    assert '<abbr title="Amara Osei">AO</abbr>' in shown
    assert 'title="milestone">' in shown
    assert '<progress value="1" max="2">' in shown
    assert "1 comment" in text(shown)


@pytest.mark.parametrize(
    ("due", "done", "state"),
    [
        ({"due_on": "2026-03-01"}, False, "overdue"),
        ({"due_on": "2026-03-01"}, True, "done"),
        ({"due_on": "2026-03-02"}, False, "soon"),
        ({"due_on": "2026-03-09"}, False, "later"),
        ({"due_at": (NOW - timedelta(hours=1)).isoformat()}, False, "overdue"),
        ({"due_at": (NOW + timedelta(hours=1)).isoformat()}, False, "soon"),
    ],
)
def test_a_due_date_tells_how_near_it_is(rig: AsanaRig, due: dict[str, Any], state: str, *, done: bool) -> None:
    task = rig.task(completed=done, **due)["gid"]
    assert f'class="due {state}"' in tile(page(rig), task)


def test_days_are_written_in_one_way(rig: AsanaRig) -> None:
    task = rig.task(start_on="2026-03-02", due_on="2026-03-09")["gid"]
    shown = tile(page(rig), task)
    assert re.findall(r'<time datetime="([^"]+)"[^>]*>([^<]+)</time>', shown) == [
        ("2026-03-09", "9 Mar 2026"),
        ("2026-03-02", "2 Mar 2026"),
    ]


def test_a_task_that_is_done_says_so_without_a_due_date(rig: AsanaRig) -> None:
    task = rig.task(completed=True)["gid"]
    assert 'class="due done">done<' in tile(page(rig), task)


def test_the_marker_is_one_word(rig: AsanaRig) -> None:
    html = f'<body>The <strong>brief</strong>\n\n<a href="{MARKER}">mi-sync</a></body>'
    task, named, plain = (rig.task(**each)["gid"] for each in ({"html_notes": html}, NAMED, {"notes": "plain"}))
    shown = tile(page(rig), task)
    assert "<strong>brief</strong>" in shown
    assert "mi-sync.invalid" not in shown
    assert re.search(r'class="marker"[^>]*>mi-sync<', shown)
    assert 'class="marker"' in tile(page(rig), named)
    assert 'class="marker"' not in tile(page(rig), plain)


def test_one_task_shows_its_stories_and_attachments(rig: AsanaRig) -> None:
    task = rig.task("Draft")["gid"]
    rig.ask("POST", f"/tasks/{task}/stories", html_text="<body>See <em>this</em></body>")
    rig.ask("POST", f"/sections/{rig.sections()['Done']}/addTask", task=task)
    form = {"parent": task, "resource_subtype": "external", "url": "https://example.org/brief", "name": "Brief"}
    rig.send("POST", "/attachments", files={name: (None, value) for name, value in form.items()})
    shown = page(rig, f"/0/{PROJECT}/{task}")
    assert "moved this task from To Do to Done" in text(shown)
    assert "See <em>this</em>" in shown
    assert 'href="https://example.org/brief"' in shown


def test_a_subtask_has_a_page_though_it_is_in_no_project(rig: AsanaRig) -> None:
    child = rig.ask("POST", f"/tasks/{rig.task()['gid']}/subtasks", name="child")["gid"]
    assert "child" in page(rig, f"/0/0/{child}")


def test_what_is_not_there_is_a_404(rig: AsanaRig) -> None:
    task = rig.task()["gid"]
    rig.ask("DELETE", f"/tasks/{task}")
    client = rig.app.test_client()
    assert [client.get(path).status_code for path in ("/0/9", "/0/9/9", f"/0/{PROJECT}/{task}")] == [404] * 3


def test_the_index_lists_the_projects(rig: AsanaRig) -> None:
    rig.task()
    rig.ask("POST", "/projects", name="Second", workspace=WORKSPACE)
    shown = page(rig, "/asana")
    assert f'href="/0/{PROJECT}"' in shown
    assert "Second" in shown
    assert "1 open card" in text(shown)


def test_a_page_watches_its_own_tool(rig: AsanaRig) -> None:
    assert 'data-watch="/asana/version"' in page(rig)
    client = rig.app.test_client()
    before = client.get("/asana/version").json
    rig.task()
    assert client.get("/asana/version").json != before


@pytest.mark.parametrize("path", ["/asana", f"/0/{PROJECT}", f"/0/{PROJECT}/{{task}}"])
def test_nothing_that_somebody_wrote_becomes_code(rig: AsanaRig, path: str) -> None:
    tag = rig.ask("POST", "/tags", name=EVIL, workspace=WORKSPACE)["gid"]
    rig.ask("POST", f"/projects/{PROJECT}/sections", name=EVIL)
    rig.ask("PUT", f"/projects/{PROJECT}", name=EVIL)
    task = rig.task(EVIL, html_notes=RICH_EVIL, tags=[tag])["gid"]
    rig.ask("POST", f"/tasks/{task}/subtasks", name=EVIL)
    rig.ask("POST", f"/tasks/{task}/stories", text=EVIL)
    shown = page(rig, path.format(task=task))
    assert "alert(1)" in shown
    assert "<img" not in shown
    assert len(re.findall(r"<script", shown)) == 1
    assert not re.search(r'href="(?!https?://|/|mailto:)', shown)


def test_a_tile_shows_the_custom_fields_that_are_filled(rig: AsanaRig) -> None:
    given: dict[str, Any] = {"text": EVIL, "number": 12.5, "enum": "Open", "date": {"date": "2026-04-06"}}
    values = {}
    for kind in (*given, "multi_enum"):
        options = [{"name": "Open"}] if "enum" in kind else []
        about: dict[str, Any] = {
            "workspace": WORKSPACE,
            "name": f"A {kind}",
            "resource_subtype": kind,
            "enum_options": options,
        }
        field = rig.ask("POST", "/custom_fields", **about)
        rig.ask("POST", f"/projects/{PROJECT}/addCustomFieldSetting", custom_field=field["gid"])
        gids = [each["gid"] for each in field["enum_options"]]
        values[field["gid"]] = {"enum": gids[:1] and gids[0], "multi_enum": gids}.get(kind, given.get(kind))
    task = rig.task("Brief", custom_fields=values)["gid"]
    shown = tile(page(rig), task)
    for line in ("A number: 12.5", "A enum: Open", "A date: 2026-04-06", "A multi_enum: Open"):
        assert line in text(shown)
    assert "<script>alert" not in shown
