from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from mi_sync.connector import SandboxOptions, plant
from mi_sync_sandbox.markup import render
from mi_sync_trello.sandbox.app import create_app
from mi_sync_trello.sandbox.gate import KEY, TOKEN
from mi_sync_trello.sandbox.seed import BOARD

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


class Site:
    """The pages of a sandbox, and its API to fill them."""

    def __init__(self, app: Flask) -> None:
        self._client = app.test_client()
        self.list_id = self.api("GET", f"/boards/{BOARD}/lists")[0]["id"]

    def api(self, method: str, path: str, **body: Any) -> Any:
        headers = {"Authorization": f'OAuth oauth_consumer_key="{KEY}", oauth_token="{TOKEN}"'}
        reply = self._client.open(f"/1{path}", method=method, headers=headers, json=body if method != "GET" else None)
        assert reply.status_code == 200, reply.text
        return reply.json

    def card(self, name: str, **fields: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.api("POST", "/cards", **{"idList": self.list_id, "name": name, **fields})
        return made

    def page(self, path: str = f"/b/{BOARD}") -> str:
        reply = self._client.get(path)
        assert reply.status_code == 200
        return reply.text

    def status(self, path: str) -> int:
        return self._client.get(path).status_code

    def headers(self, path: str) -> dict[str, str]:
        return dict(self._client.get(path).headers)

    def version(self) -> str:
        return str((self._client.get("/trello/version").json or {})["version"])


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def site(tmp_path: Path, clock: Clock) -> Site:
    return Site(create_app(SandboxOptions(tmp_path, "http://localhost", clock, 10**6)))


def tile(page: str, short: str) -> str:
    found = re.search(rf'<article class="card[^>]*id="card-{short}">.*?</article>', page, re.DOTALL)
    assert found is not None
    return found[0]


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_the_board_shows_its_lists_with_their_cards(site: Site) -> None:
    site.card("Kickoff call")
    page = site.page()
    assert re.findall(r'aria-label="([^"]+)"', page) == ["To Do", "Doing", "Done"]
    assert "Kickoff call" in page
    assert "1 card" in text(page)


def test_a_tile_shows_labels_members_progress_and_comments(site: Site) -> None:
    label = site.api("POST", "/labels", idBoard=BOARD, name="draft", color="yellow_dark")["id"]
    member = next(m["id"] for m in site.api("GET", f"/boards/{BOARD}/members") if m["username"] == "amara_osei")
    card = site.card("Draft", idLabels=[label], idMembers=[member])
    checklist = site.api("POST", "/checklists", idCard=card["id"], name="Checklist")["id"]
    lines = [site.api("POST", f"/checklists/{checklist}/checkItems", name=name)["id"] for name in ("one", "two")]
    site.api("PUT", f"/cards/{card['id']}/checkItem/{lines[0]}", state="complete")
    site.api("POST", f"/cards/{card['id']}/actions/comments", text="Hello")
    shown = tile(site.page(), card["shortLink"])
    assert 'class="label c-yellow shade-dark">draft<' in shown
    assert '<abbr title="Amara Osei">AO</abbr>' in shown
    assert '<progress value="1" max="2">' in shown
    assert "1 comment" in text(shown)
    assert '<li class="ticked">one</li>' in shown


@pytest.mark.parametrize(
    ("hours", "done", "state"),
    [(-1, False, "overdue"), (-1, True, "done"), (1, False, "soon"), (72, False, "later")],
)
def test_a_due_date_tells_how_near_it_is(site: Site, hours: int, state: str, *, done: bool) -> None:
    at = NOW + timedelta(hours=hours)
    card = site.card("Draft", due=at.isoformat(), dueComplete=done)
    shown = tile(site.page(), card["shortLink"])
    assert f'class="due {state}"' in shown
    assert f"{at.day} {at:%b %Y, %H:%M} UTC" in text(shown)


def test_a_card_becomes_overdue_as_time_passes_and_the_watcher_learns_it(site: Site, clock: Clock) -> None:
    card = site.card("Draft", due=(NOW + timedelta(hours=1)).isoformat())
    before = site.version()
    clock.now = NOW + timedelta(hours=2)
    assert site.version() != before
    assert "overdue" in tile(site.page(), card["shortLink"])


def test_the_version_grows_with_every_change_and_with_nothing_else(site: Site) -> None:
    label = site.api("GET", f"/boards/{BOARD}/labels")[0]["id"]
    versions = [site.version(), site.version()]
    assert versions[0] == versions[1]
    site.page()
    site.api("PUT", f"/labels/{label}", name="renamed")
    versions.append(site.version())
    site.card("New")
    versions.append(site.version())
    assert len(set(versions)) == 3
    assert f'data-version="{versions[-1]}"' in site.page()


def test_archived_cards_lie_behind_a_toggle(site: Site) -> None:
    card = site.card("Old")
    assert 'id="archive"' not in site.page()
    site.api("PUT", f"/cards/{card['id']}", closed=True)
    board, _, archive = site.page().partition('<details class="archive"')
    assert card["shortLink"] not in board
    assert "Old" in tile(archive, card["shortLink"])


def test_cards_of_an_archived_list_are_archived(site: Site) -> None:
    card = site.card("Old")
    site.api("PUT", f"/lists/{site.list_id}", closed=True)
    board, _, archive = site.page().partition('<details class="archive"')
    assert (card["shortLink"] in board, card["shortLink"] in archive) == (False, True)


def test_the_marker_is_one_word(site: Site) -> None:
    card = site.card("Draft", desc=plant("The **brief**", "1.prog.key.nonce.o.a"))
    shown = tile(site.page(), card["shortLink"])
    assert "<strong>brief</strong>" in shown
    assert "mi-sync.invalid" not in shown
    assert re.search(r'class="marker"[^>]*>mi-sync<', shown)


def test_one_card_shows_its_activity_and_attachments(site: Site) -> None:
    card = site.card("Draft", urlSource="https://example.org/brief")
    site.api("POST", f"/cards/{card['id']}/actions/comments", text="See **this**")
    done = site.api("GET", f"/boards/{BOARD}/lists")[2]["id"]
    site.api("PUT", f"/cards/{card['id']}", idList=done)
    page = site.page(f"/c/{card['shortLink']}")
    assert "moved it from To Do to Done" in text(page)
    assert "See <strong>this</strong>" in page
    assert 'href="https://example.org/brief"' in page
    assert "See <strong>this</strong>" in site.page(f"/c/{card['shortLink']}/1-draft")


def test_what_is_not_there_is_a_404(site: Site) -> None:
    assert site.status("/b/NOTTHERE") == site.status("/c/NOTTHERE") == 404


def test_the_index_lists_the_boards(site: Site) -> None:
    site.api("POST", "/boards", name="Second")
    page = site.page("/trello")
    assert f'href="/b/{BOARD}"' in page
    assert "Second" in page


@pytest.mark.parametrize("path", ["/trello", f"/b/{BOARD}", "/c/{card}"])
def test_nothing_that_somebody_wrote_becomes_code(site: Site, path: str) -> None:
    label = site.api("POST", "/labels", idBoard=BOARD, name=EVIL, color=None)["id"]
    site.api("POST", "/lists", idBoard=BOARD, name=EVIL, pos="bottom")
    site.api("PUT", f"/boards/{BOARD}", name=EVIL)
    card = site.card(
        EVIL, desc=f"{EVIL}\n# {EVIL}\n- {EVIL}\n[x](javascript:alert(1)) [{EVIL}](https://x/{EVIL})", idLabels=[label]
    )
    checklist = site.api("POST", "/checklists", idCard=card["id"], name=EVIL)["id"]
    site.api("POST", f"/checklists/{checklist}/checkItems", name=EVIL)
    site.api("POST", f"/cards/{card['id']}/actions/comments", text=EVIL)
    site.api("POST", f"/cards/{card['id']}/attachments", url=f"https://example.org/{EVIL}", name=EVIL)
    page = site.page(path.format(card=card["shortLink"]))
    assert "alert(1)" in page
    assert "<img" not in page
    assert len(re.findall(r"<script", page)) == 1
    assert not re.search(r'href="(?!https?://|/|mailto:)', page)


@pytest.mark.parametrize("path", ["/trello", f"/b/{BOARD}", "/b/NOTTHERE"])
def test_every_page_forbids_all_but_its_own_script_and_style(site: Site, path: str) -> None:
    first, second = (site.headers(path)["Content-Security-Policy"] for _ in range(2))
    assert first.startswith("default-src 'none'; script-src 'nonce-")
    assert "unsafe" not in first
    assert first != second


def test_the_page_carries_the_nonce_and_asks_nobody_else(site: Site) -> None:
    page = site.page()
    assert re.findall(r"<(?:script|style) nonce=\"[\w-]+\"", page)
    assert not re.findall(r'(?:src|srcset|@import|url\()=?"?https?:', page)


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("# One", "<h3>One</h3>"),
        ("one\ntwo\n\nthree", "<p>one<br>two</p>\n<p>three</p>"),
        ("- **a**\n- _b_\n  more", "<ul><li><strong>a</strong></li><li><em>b</em><br>more</li></ul>"),
        ("1. a\n2) b", "<ol><li>a</li><li>b</li></ol>"),
        ("text\n- a", "<p>text</p>\n<ul><li>a</li></ul>"),
        ("`<b>` \\*no\\*", "<p><code>&lt;b&gt;</code> *no*</p>"),
        ("```\n<b>\n# x\n```\nafter", "<pre>&lt;b&gt;\n# x</pre>\n<p>after</p>"),
        ("snake_case_name and 2 * 3 * 4", "<p>snake_case_name and 2 * 3 * 4</p>"),
        ("---", "<hr>"),
        ("<i> **b** <i>", "<p>&lt;i&gt; <strong>b</strong> &lt;i&gt;</p>"),
        (
            '[a](https://x.org/?a=1&b=2 "t")',
            '<p><a href="https://x.org/?a=1&amp;b=2" rel="noreferrer noopener" target="_blank">a</a></p>',
        ),
        ("[a](javascript:alert)", "<p>[a](javascript:alert)</p>"),
        ("", ""),
    ],
)
def test_markdown_is_rendered(source: str, html: str) -> None:
    assert str(render(source)) == html


@given(st.text(alphabet=st.sampled_from(list("<>\"'&*_`[]()#-1. \nahttps:/javscript")), max_size=80))
def test_markdown_is_safe_whatever_it_says(source: str) -> None:
    html = str(render(source))
    tags = set(re.findall(r"<[^>]*>", html))
    link = r'<a href="(?:https?://|mailto:)[^"<>]*" rel="noreferrer noopener" target="_blank">'
    assert all(
        re.fullmatch(rf"</?(?:h[3-6]|p|ul|ol|li|strong|em|code|pre|a)>|<br>|<hr>|{link}", tag, re.IGNORECASE)
        for tag in tags
    )
    assert re.sub(r"<[^>]*>", "", html).count("<") == 0


def test_a_page_shows_custom_fields_and_nothing_in_them_is_markup(site: Site) -> None:
    board, card = site.api("GET", f"/boards/{BOARD}")["id"], site.card("A card")
    for kind, value in (("text", {"text": EVIL}), ("checkbox", {"checked": "true"}), ("date", {"date": "2026-04-06"})):
        about = {"idModel": board, "modelType": "board", "name": f"A {kind}", "type": kind}
        field = site.api("POST", "/customFields", **about)
        site.api("PUT", f"/cards/{card['id']}/customField/{field['id']}/item", value=value)
    for page in (site.page(), site.page(f"/c/{card['shortLink']}")):
        assert "A checkbox: <strong>✓</strong>" in page
        assert "A date: <strong>2026-04-06</strong>" in page
        assert "<script>alert" not in page
