"""The report: one page with everything that may be shown, nothing that may not, and nothing that runs or fetches."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import stat
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync import config, report
from mi_sync.cli import invoke
from mi_sync.events import Outside, Result, Run
from mi_sync.http import Wire
from mi_sync.model import Item, Link, Privacy, Quarantined, Seen
from mi_sync.report import Facts
from reports import EMPTY, ENGAGED, ITEMS, POSTING, SAID, everywhere, facts, material
from world import CONFIG, NOW, PEOPLE, World


class Page(HTMLParser):
    """What a browser makes of it, as far as it matters here."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, name: str) -> set[str]:
        return {value for attribute, value in self.attributes if attribute == name}


# ------------------------------------------------------------------------------------------ what it tells


def test_the_glance_counts_openings_people_and_milestones() -> None:
    late = Item("k4", "e1", "report", None, "Report (AL)", due=date(2026, 3, 9))
    assert report.glance(facts(material(items={**ITEMS, "k4": late}))) == {
        "postings": 1, "openings": 2, "places_left": 1, "applicants": 4, "applications": 5, "accepted": 1, "completed": 0,
        "on_time": 0, "late": 1, "milestones_done": 1, "milestones": 4, "milestones_late": 1, "due_in_7_days": 1,
        "left_out": 1,
    }  # fmt: skip
    assert (report.glance(facts())["on_time"], report.glance(facts())["late"]) == (1, 0)


def test_openings_of_a_draft_are_none() -> None:
    numbers = report.glance(facts(material(POSTING.model_copy(update={"status": "draft"}))))
    assert (numbers["openings"], numbers["places_left"], numbers["applications"]) == (0, 0, 5)


def test_the_page_tells_everything_that_was_asked_for() -> None:
    page = Page(report.render(facts()))
    for told in (
        "Spring 2026", "Due within seven days", "Check-in 1 (AL)", "Ana Lopez", "Know our donors", "Secret praise", "91 %",
        "University", "people.csv:8", "write it as YYYY-MM-DD", "Final (AL)", "10 Mar 2026, 07:00 CDT", "made", "17",
    ):  # fmt: skip
        assert told in page.text, told
    assert {"https://board.example.org/k1", "https://meet.example.org/a"} <= page.all("href")
    assert "Not on the page" not in page.text


def test_an_empty_programme_has_a_page_that_says_so() -> None:
    page = Page(report.render(EMPTY))
    for told in (
        "No board has been looked at yet",
        "Nobody has applied yet",
        "There was no run yet",
        "No row is left out",
    ):
        assert told in page.text
    assert "svg" not in page.tags


def test_behind_each_chart_stands_a_table() -> None:
    html = report.render(facts())
    figures = re.findall(r"<figure.*?</figure>", html, re.DOTALL)
    assert len(figures) == html.count("<svg") == 6
    assert all(figure.count("<svg") == figure.count("<table>") == 1 for figure in figures)
    regions = re.findall(r'role="region"[^>]*aria-label="([^"]*)"', html)
    assert len(regions) == len(set(regions))


def test_projects_of_one_title_are_judged_apart() -> None:
    second = POSTING.model_copy(update={"key": "p2", "id": "P-2"})
    said = SAID[0].model_copy(update={"key": "f2", "posting": "p2", "rating": 0.5})
    other = replace(ENGAGED, posting=second, feedback=(said,))
    html = report.render(facts(replace(material(), engagements=[ENGAGED, other])))
    section = html.partition('id="feedback"')[2].partition("</section>")[0]
    assert re.findall(r'class="value">(\d+)<', section) == ["50", "91"]


def test_many_engagements_share_several_timelines() -> None:
    engaged = [replace(ENGAGED, application=ENGAGED.application.model_copy(update={"key": f"e{n}"})) for n in range(90)]
    items = {f"k{n}": Item(f"k{n}", f"e{n}", "final", None, f"Final {n}", due=date(2026, 3, 27)) for n in range(90)}
    html = report.render(facts(replace(material(), engagements=engaged, items=items, progress={})))
    assert [f"({number} of 3)" in html for number in range(1, 5)] == [True, True, True, False]
    assert html.count('class="dot reactive') == 90


def test_what_is_shown_stays_bounded_and_says_what_is_left() -> None:
    rows = [Quarantined("s", "f.csv", n, "", "mend it") for n in range(2, 202)]
    text = Page(report.render(facts(quarantine=rows, left_out=5000))).text
    assert "The first 200; mi-sync quarantine list has all." in text
    assert "190 more" in text


# ------------------------------------------------------------------------------------ what it never does

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><script>alert(1)</script>",
    "]]></svg><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "\u202egpj.exe\x00\x1b[31m\ud800",
]
texts = st.sampled_from(HOSTILE) | st.text(max_size=60)


NORMAL = Page(report.render(everywhere("Quiet", "https://example.org")))


@given(text=texts, url=texts)
def test_no_value_becomes_a_tag_an_attribute_or_an_address(text: str, url: str) -> None:
    page = Page(report.render(everywhere(text, url)))
    assert {tag for tag in page.tags if tag != "a"} == {tag for tag in NORMAL.tags if tag != "a"}
    assert {name for name, _ in page.attributes} <= {name for name, _ in NORMAL.attributes}
    assert all(re.match(r"#|https?://", href) for href in page.all("href"))
    assert not {"script", "img", "iframe", "object", "link", "base", "form"} & set(page.tags)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page.text)


def test_only_our_own_stylesheet_is_let_through() -> None:
    html = report.render(facts())
    page, style = Page(html), html.partition("<style>")[2].partition("</style>")[0]
    (policy,) = [value for value in page.all("content") if "default-src" in value]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert page.tags.count("style") == 1
    assert not page.all("style") | page.all("src") | page.all("id") - {"main", *re.findall('href="#([a-z-]+)"', html)}
    assert "url(" not in style
    assert "@import" not in style


PERSONAL = {
    Privacy.NAME: ("Ana Lopez", "Boss Bossy", "Uncle Bob"),
    Privacy.CONTACT: ("ana@example.edu", "boss@example.org", "555-0100"),
    Privacy.ACADEMIC: ("State University",),
    Privacy.FREE_TEXT: ("Secret praise", "91 %", "A note"),
}


@given(allowed=st.sets(st.sampled_from(sorted(PERSONAL))))
def test_no_value_of_a_class_that_is_not_allowed_is_on_the_page(allowed: set[Privacy]) -> None:
    html = report.render(facts(material(allow=frozenset({Privacy.PUBLIC, *allowed}))))
    for privacy in set(PERSONAL) - allowed:
        assert [value for value in PERSONAL[privacy] if value in html] == []
    assert ("Secret praise" in html) == (Privacy.FREE_TEXT in allowed)


def test_the_same_state_and_clock_give_the_same_page() -> None:
    other = replace(material(), items=dict([*ITEMS.items()][::-1]))
    assert report.render(facts()) == report.render(facts(other))


# ----------------------------------------------------------------------------------- from a real state

TARGET = """
[[targets]]
name = "board"
connector = "trello"
board = "AbCd1234"
key = { env = "TRELLO_KEY" }
token = { env = "TRELLO_TOKEN" }
"""
STEPS = """
[[milestones.steps]]
key = "check-in"
title = "Check-in {{ step.n }} of {{ applicant.name }}"
due = "start+1w"
every = "1w"
until = "start+2w"
"""


def gathered(world: World) -> Facts:
    loaded = config.load(world.folder / "config.toml")
    return report.gather(Run(loaded, world.store, Outside(wire=Wire(now=lambda: NOW)), Result("now")))


def applied(world: World, facts_: Facts, *, action: str = "create") -> None:
    """As if its items stood on the board, each under the title that was written there."""
    for item in facts_.material.items.values():
        link = Link(item.key, f"c-{item.key}", f"https://trello.com/c/{item.key}", "n", item.owner, item.step,
                    "Check-in 1 of Ana Lopez", {}, seen=Seen(due="2026-03-09", conflicts=("title",)))  # fmt: skip
        with world.store.transaction():
            world.store.save_link("board", link)
            seq = world.store.begin(
                "board", item.key, "plan", "r1", NOW.isoformat(), {"change": {"id": "", "action": action}}
            )
            world.store.advance(seq, "done")


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path, CONFIG + STEPS + TARGET)
    (tmp_path / "config.toml").write_text(f"{CONFIG}{STEPS}{TARGET}allow = ['name']\n", "utf-8")
    world.pull()
    return world


def test_a_title_that_a_target_may_see_and_the_report_may_not_is_not_shown(world: World) -> None:
    applied(world, gathered(world))
    found = gathered(world)
    page = report.render(found)
    assert {item.title for item in found.material.items.values()} == {"check-in 1", "check-in 2"}
    assert (sorted(row["title"] for row in found.conflicts), len(found.changes)) == (["check-in 1", "check-in 2"], 2)
    assert {row["title"] for row in found.changes} == {"check-in 1", "check-in 2"}
    assert "Lopez" not in page
    path = world.folder / "config.toml"
    path.write_text(f"{path.read_text('utf-8')}\n[privacy]\nallow = ['name']\n", "utf-8")
    assert "Check-in 1 of Ana Lopez" in report.render(gathered(world))


def test_without_a_board_the_milestones_are_as_they_are_published(world: World) -> None:
    table = '[[targets]]\nname = "table"\nconnector = "csv"\npath = "table.csv"\nallow = ["name"]\n'
    world.write("config.toml", f"{CONFIG}{STEPS}{table}")
    found = gathered(world)
    assert {item.title for item in found.material.items.values()} == {"check-in 1", "check-in 2"}
    assert (found.as_of, found.conflicts, found.changes) == (None, [], [])


def test_applications_are_counted_by_source_and_by_channel(world: World) -> None:
    world.write(
        "people.csv", PEOPLE.replace("status\n", "status,channel\n").replace("accepted\n", "accepted,referral\n")
    )
    world.write("engagements.csv", "posting_id,email,status\nP-1,bo@s.example,in_progress\n")
    world.pull()
    found = gathered(world)
    assert found.by_source == {"people": {"New": 0, "In review": 0, "Accepted": 2, "Completed": 0, "Ended": 0}}
    assert {name: sum(stages.values()) for name, stages in found.by_channel.items()} == {"Import": 1, "Referral": 1}
    assert found.applicants == 2


def test_changes_tell_what_was_done_the_newest_first(world: World) -> None:
    facts_ = gathered(world)
    applied(world, facts_)
    applied(world, facts_, action="archive")
    changes = gathered(world).changes
    assert [it["action"] for it in changes] == ["archive", "archive", "create", "create"]
    assert all(it["url"] == f"https://trello.com/c/{it['key']}" for it in changes)


# -------------------------------------------------------------------------------------- the command line


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    assert invoke(["init", str(tmp_path / "spring")]) == 0
    monkeypatch.chdir(tmp_path / "spring")
    return tmp_path / "spring"


def test_the_report_stands_beside_the_configuration_for_its_owner_alone(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert invoke(["pull"]) == 3
    before = (folder / "state.db").read_bytes()
    capsys.readouterr()
    monkeypatch.chdir(folder.parent)
    assert invoke(["report", "--config", "spring/config.toml", "--output", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["status"], told["exit_code"], Path(told["file"])) == ("ok", 0, Path("spring/report.html"))
    assert (told["glance"]["openings"], told["glance"]["accepted"], told["glance"]["left_out"]) == (6, 3, 1)
    file = folder / "report.html"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "exports/applicants.csv:8" in file.read_text("utf-8")
    assert "Lopez" not in file.read_text("utf-8")
    assert (folder / "state.db").read_bytes() == before
    assert list(folder.glob(".mi-sync-*")) == []


def test_it_goes_where_it_is_asked_for_and_says_why_it_cannot(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["report", "--out", "pages/spring.html"]) == 0
    assert "pages/spring.html" in capsys.readouterr().out
    assert (folder / "pages" / "spring.html").exists()
    assert not (folder / "state.db").exists()  # it reads, and makes no state
    assert invoke(["report", "--out", "config.toml/spring.html"]) == 2
    assert "in the way" in capsys.readouterr().err
