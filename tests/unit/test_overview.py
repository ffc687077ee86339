from __future__ import annotations

from datetime import date
from typing import Any

from mi_sync.model import Link, Seen
from mi_sync.overview import answer, milestones, progress

TODAY = date(2026, 3, 10)


def link(key: str, *, archived_by_us: bool = False, **seen: Any) -> Link:
    shown = {"due": "2026-04-01", "assignees": ("Kim",), **seen}
    return Link(
        key,
        f"id-{key}",
        f"https://t/{key}",
        "n",
        "owner",
        "step",
        f"Title {key}",
        {},
        (),
        (),
        archived_by_us,
        Seen(**shown),
    )


NAMES = {"owner": "Donor dashboard (AL)"}


def asked(*links: Link) -> dict[str, list[str]]:
    answers = answer({"board": links}, NAMES, TODAY, "board")
    return {question: [line.key for line in lines] for question, lines in answers.items() if lines}


def test_dates_decide_what_is_late_and_what_comes() -> None:
    links = [link(day, due=f"2026-03-{day}") for day in ("09", "10", "17", "18")]
    assert asked(*links) == {"overdue": ["09"], "due_in_7_days": ["10", "17"]}


def test_what_is_missing() -> None:
    assert asked(link("a", due=None), link("b", assignees=())) == {"no_date": ["a"], "no_owner": ["b"]}


def test_done_and_archived_items_ask_for_nothing() -> None:
    late: dict[str, Any] = {"due": "2026-01-01", "assignees": ()}
    assert asked(link("a", done=True, **late), link("b", archived=True, archived_by_us=True, **late)) == {}


def test_what_a_person_archived_or_deleted_is_dismissed_and_nothing_else() -> None:
    late: dict[str, Any] = {"due": "2026-01-01", "assignees": ()}
    assert asked(link("a", archived=True, **late), link("b", gone=True, **late)) == {"dismissed": ["a", "b"]}


def test_conflicts_name_their_fields_even_on_done_items() -> None:
    (it,) = answer({"board": [link("a", done=True, conflicts=("body",))]}, {}, TODAY, "board")["conflicts"]
    assert (it.conflicts, it.url, it.engagement) == (("body",), "https://t/a", "")


def test_what_people_do_on_the_board_that_counts_is_the_record() -> None:
    links = {
        "project": [link("a", due="2026-01-01"), link("only here", list="Doing")],
        "board": [link("a", done=True, list="Done", assignees=("Kim", "Lee"))],
    }
    found = {it.key: (it.target, it.state, it.list, it.assignees) for it in milestones(links, NAMES, "board")}
    assert found == {
        "a": ("board", "done", "Done", ("Kim", "Lee")),
        "only here": ("project", "open", "Doing", ("Kim",)),
    }
    answers = answer(links, NAMES, TODAY, "board")
    assert not answers["overdue"]
    assert [it.key for it in answer(links, NAMES, TODAY, "project")["overdue"]] == ["a"]


def test_what_is_dismissed_is_told_for_each_board() -> None:
    links = {"board": [link("a")], "project": [link("a", archived=True)]}
    assert [it.target for it in answer(links, NAMES, TODAY, "board")["dismissed"]] == ["project"]


def test_what_we_completed_to_archive_it_is_no_work_done() -> None:
    archived = link("a", archived_by_us=True, done=True, archived=True)
    (it,) = milestones({"project": [archived]}, NAMES, "project")
    assert it.state == "archived"


def test_how_far_an_engagement_has_come() -> None:
    links = [link("a", done=True), link("b", due="2026-03-01"), link("c", due="2026-03-20"), link("d", due=None)]
    (it,) = progress(milestones({"board": links}, NAMES, "board"), TODAY)
    assert (it.engagement, it.done, it.open, it.overdue) == ("Donor dashboard (AL)", 1, 3, 1)
    assert it.next is not None
    assert it.next.key == "b"
