"""What may be going on when a run dies: from what world, which command, what people do meanwhile, and how to go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mi_sync.identity import MARKED, Marker, field_digest
from system.prove.pictures import PROGRAMME_ID, Shown
from system.prove.world import BoardOf, World

CONFIG = f"""\
[programme]
id = "{PROGRAMME_ID}"
timezone = "America/Chicago"

[[sources]]
name = "jobs"
connector = "files"
path = "jobs.csv"
mapping = "generic_postings"

[[sources]]
name = "people"
namespace = "jobs"
connector = "files"
path = "people.csv"
mapping = "generic_applicants"

[people]
"amara.osei@larkspur.example" = {{ board = "amara_osei" }}

[milestones]

[[milestones.steps]]
key = "kickoff"
title = "Kickoff: {{{{ posting.title }}}} ({{{{ applicant.label }}}})"
body = "{{{{ posting.summary }}}}"
due = "start"
list = "To Do"
labels = ["kickoff"]
checklist = ["Send the brief", "Give access"]
assignee = "supervisor"

[[milestones.steps]]
key = "final"
title = "Final: {{{{ posting.title }}}} ({{{{ applicant.label }}}})"
start = "end-4d"
due = "end"
list = "Wrap-up"
labels = ["deliverable"]
done_when = "application.status == 'completed'"
"""

JOBS = """\
id,title,summary,starts_on,ends_on,supervisor_name,supervisor_email
P-1,Donor dashboard,"Find out who gives.
Two lines of it.",2026-03-02,2026-03-20,Amara Osei,amara.osei@larkspur.example
"""

PEOPLE = """\
id,name,email,posting_id,status
S-1,Ana Lopez,ana.lopez@students.example,P-1,accepted
"""

PERSONAL = ("Ana", "Lopez", "ana.lopez", "students.example", "Osei", "amara.osei", "larkspur.example")
"""What must stand in no log: the names and addresses of the exports."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What a person did to one field of an item: `value` is what it is now, or what came to its set."""

    key: str
    field: str
    value: Any


Meanwhile = Callable[[BoardOf], list[Edit]]


def nobody(_: BoardOf) -> list[Edit]:
    """Nobody does anything."""
    return []


@dataclass(frozen=True, slots=True)
class Scenario:
    """One of them.

    Attributes:
        what: for people.
        prepare: makes the world in which the command runs.
        command: which dies.
        again: what is run afterwards, in order, each with the exit codes that it may have.
        meanwhile: what people do between the death and that.
        late: whether a request may also take effect after what people did: not where both are about the same thing,
            because no tool has conditional writes.
    """

    name: str
    what: str
    prepare: Callable[[World], None]
    command: tuple[str, ...] = ("run",)
    again: Sequence[tuple[tuple[str, ...], Sequence[int]]] = ((("run",), (0,)),)
    meanwhile: Meanwhile = nobody
    late: bool = True


# ------------------------------------------------------------------------------------ worlds to begin with


def nothing_yet(world: World) -> None:
    """A programme that was never run, and boards with a few things of other people on them."""
    world.configure(CONFIG)
    world.write("jobs.csv", JOBS)
    world.write("people.csv", PEOPLE)
    for board in world.boards:
        strangers(world, board)


def strangers(world: World, board: BoardOf) -> None:
    """What is none of our business: a person's item, and another programme's that is called like one of ours."""
    hand = board.hand
    cake = hand.add("Buy cake", "Doing")
    hand.edit(cake, {"body": "With *candles*.", "due": _at(3)})
    hand.add_label(cake, "theirs")
    hand.add_line(cake, "Ask for the flavour", done=True)
    other = hand.add("Kickoff: Donor dashboard (AL)", "To Do")
    digests: dict[str, str] = dict.fromkeys(MARKED, field_digest(None))
    board.mark(other, Marker("zzzzzzzz", "zzzzzzzzzzzzzzzz", "zzzzzz", digests).encode())
    world.foreign(board, cake, other)


def in_step(world: World) -> None:
    """Everything was made by an earlier run."""
    nothing_yet(world)
    ended = world.run("run")
    assert ended.code == 0, ended.err


def lived_in(world: World) -> None:
    """The same, and people have worked with it since: moved, ticked, labelled, assigned, added and copied."""
    in_step(world)
    for board in world.boards:
        kickoff, final = item(board, "Kickoff"), item(board, "Final")
        board.hand.edit(kickoff.id, {"list": "Doing"})
        board.hand.add_label(kickoff.id, "theirs")
        board.hand.add_line(kickoff.id, "Bring a cake")
        board.hand.tick(kickoff.id, "Send the brief")
        board.hand.edit(final.id, {"due": _at(27)})
        world.foreign(board, board.hand.copy(final.id))
    ended = world.run("run")
    assert ended.code == 0, ended.err


def _at(day: int) -> datetime:
    """Five in the afternoon in Chicago, on a day of March."""
    return datetime(2026, 3, day, 22 if day > 8 else 23, tzinfo=UTC)


def item(board: BoardOf, title: str) -> Shown:
    found = board.item(title)
    assert found is not None, title
    return found


# ----------------------------------------------------------------------------------------------- changes


def changed_row(world: World) -> None:
    lived_in(world)
    world.edit("jobs.csv", "Two lines of it.", "Two other lines.")
    world.edit("jobs.csv", "Donor dashboard", "Donor atlas")
    world.edit("jobs.csv", "2026-03-02", "2026-03-04")


def moved_dates(world: World) -> None:
    """Both items are to move, but kickoff is done."""
    in_step(world)
    for board in world.boards:
        board.hand.edit(item(board, "Kickoff").id, {"done": True})
    world.edit("jobs.csv", "2026-03-02,2026-03-20", "2026-03-09,2026-03-27")


def finished(world: World) -> None:
    """The engagement is completed, so that final is done."""
    lived_in(world)
    world.edit("people.csv", "accepted", "completed")


def ended_engagement(world: World) -> None:
    lived_in(world)
    world.edit("people.csv", "accepted", "withdrawn")


def revived_engagement(world: World) -> None:
    ended_engagement(world)
    ended = world.run("run")
    assert ended.code == 0, ended.err
    world.edit("people.csv", "withdrawn", "accepted")


def changed_checklist(world: World) -> None:
    lived_in(world)
    lines = '"Share the drive", "Send the brief", "Meet the team"'
    world.edit("config.toml", '"Send the brief", "Give access"', lines)


def changed_labels(world: World) -> None:
    lived_in(world)
    world.edit("config.toml", '["kickoff"]', '["first call", "week 1"]')


def changed_everything(world: World) -> None:
    changed_row(world)
    world.edit("config.toml", '"Send the brief", "Give access"', '"Send the brief", "Share the drive"')
    world.edit("config.toml", '["kickoff"]', '["first call"]')
    world.edit("people.csv", "accepted\n", "accepted\nS-2,Bo Li,bo.li@students.example,P-1,accepted\n")


def namesakes(world: World) -> None:
    """People made the items by hand before, with lines and labels of their own."""
    nothing_yet(world)
    for board in world.boards:
        kickoff = board.hand.add("Kickoff: Donor dashboard (AL)", "Doing")
        board.hand.add_line(kickoff, "Send the brief", done=True)
        board.hand.add_line(kickoff, "Bring a cake")
        board.hand.add_label(kickoff, "theirs")
        board.hand.add("Final: Donor dashboard (AL)", "Done")


def lost_state(world: World) -> None:
    """Nothing is remembered, and meanwhile a row has changed."""
    changed_row(world)
    world.state.lose()


def forgotten_state(world: World) -> None:
    lived_in(world)
    world.state.lose()


def saved_plan(world: World) -> None:
    changed_everything(world)
    ended = world.run("plan", "--out", "spring.plan")
    assert ended.code == 0, ended.err


def late_duplicate(world: World) -> None:
    """A request of which nobody heard again was carried out after it had been repeated."""
    lived_in(world)
    for board in world.boards:
        kickoff = item(board, "Kickoff")
        late = board.hand.add("Final: Donor dashboard (AL)", "Wrap-up")
        final = item(board, "Final")
        digests = {name: field_digest(None) for name in MARKED} | {"title": field_digest(final.title)}
        board.mark(late, Marker(kickoff.programme, final.key, "later1", digests).encode())


def deleted_item(world: World) -> None:
    lived_in(world)
    for board in world.boards:
        board.hand.delete(item(board, "Kickoff").id)
    ended = world.run("run")
    assert ended.code == 0, ended.err


# --------------------------------------------------------------------------------------------- meanwhile


def people_work(board: BoardOf) -> list[Edit]:
    """Whatever is there by now is worked with."""
    edits: list[Edit] = []
    if (kickoff := board.item("Kickoff")) is not None:
        board.hand.edit(kickoff.id, {"list": "Doing", "due": _at(11)})
        board.hand.add_label(kickoff.id, "urgent")
        if kickoff.lines:  # else a person would make a checklist of their own, which may be called like ours
            board.hand.add_line(kickoff.id, "Book a room")
            edits.append(Edit(kickoff.key, "lines", "Book a room"))
        board.hand.assign(kickoff.id, board.member)
        edits += [Edit(kickoff.key, name, None) for name in ("list", "due", "assignees")]
        edits += [Edit(kickoff.key, "labels", "urgent")]
    if (final := board.item("Final")) is not None:
        board.hand.edit(final.id, {"done": True})
        edits.append(Edit(final.key, "done", None))
    return edits


def people_reword(board: BoardOf) -> list[Edit]:
    """What we have just written is written anew by a person, so that it is theirs."""
    kickoff = board.item("Kickoff")
    if kickoff is None or "atlas" not in kickoff.title:
        return []  # then both sides have changed it, and [conflicts] decides
    board.hand.edit(kickoff.id, {"title": "Kickoff with cake", "body": "Come hungry.", "due": _at(12)})
    return [Edit(kickoff.key, name, None) for name in ("title", "body", "due")]


def people_tick(board: BoardOf) -> list[Edit]:
    """Every line of ours is ticked, and one is added."""
    kickoff = board.item("Kickoff")
    if kickoff is None:
        return []
    board.hand.add_line(kickoff.id, "Book a room")
    edits = [Edit(kickoff.key, "lines", "Book a room")]
    for _, text, done in item(board, "Kickoff").lines:
        if not done:
            board.hand.tick(kickoff.id, text)
            edits.append(Edit(kickoff.key, "ticked", text))
    return edits


# ----------------------------------------------------------------------------------------- all of them

RUN = (("run",), (0,))
KEY_OF_KICKOFF = "ep27defkjqohurxi"

SCENARIOS: tuple[Scenario, ...] = (
    Scenario("create", "the first run makes lists, labels, items and checklists", nothing_yet),
    Scenario("create, people at work", "the same, and what is there is worked with meanwhile", nothing_yet, meanwhile=people_work, late=False),
    Scenario("update", "title, body and due of a changed row", changed_row),
    Scenario("update, people reword", "the same, and what was just written is reworded meanwhile", changed_row, meanwhile=people_reword),
    Scenario("move", "dates move; what is done stays", moved_dates),
    Scenario("finish", "a completed engagement turns an item done", finished),
    Scenario("archive", "an engagement ends early, so its items are archived", ended_engagement),
    Scenario("revive", "it goes on after all, so they come back", revived_engagement),
    Scenario("checklist", "lines come, go and stay", changed_checklist),
    Scenario("checklist, people tick", "the same, and lines are ticked and added meanwhile", changed_checklist, meanwhile=people_tick, late=False),
    Scenario("labels", "labels come and go, a person's stays", changed_labels),
    Scenario("everything", "a changed row, lines, labels, and one more applicant", changed_everything),
    Scenario("adopt", "`run --adopt` takes over what people had made by hand", namesakes, ("run", "--adopt"), ((("run", "--adopt"), (0,)),)),
    Scenario("adopt nothing", "the same where only another programme's item is called like ours", nothing_yet, ("run", "--adopt"), ((("run", "--adopt"), (0,)),)),
    Scenario("lost state", "a run without its state knows its items by their marks, and updates them", lost_state),
    Scenario("saved plan", "`plan --out`, then `apply`", saved_plan, ("apply", "spring.plan"), ((("apply", "spring.plan"), (0, 4)), RUN)),
    Scenario("rebuild", "`state rebuild` after the state was lost", forgotten_state, ("state", "rebuild"), ((("state", "rebuild"), (0,)), RUN)),
    Scenario("pull", "`pull` of a changed row, then a run", changed_row, ("pull",), ((("pull",), (0,)), RUN)),
    Scenario("late duplicate", "a second item of a request that was given up is put away", late_duplicate),
    Scenario("recreate", "`run --recreate` brings back what a person had deleted", deleted_item, ("run", "--recreate", KEY_OF_KICKOFF), ((("run", "--recreate", KEY_OF_KICKOFF), (0,)),)),
)  # fmt: skip
