"""The connector against a stateful Asana: what it sends, what it understands, and what it leaves to people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import pytest

import asana_lab
from asana_lab import AsanaLab
from mi_sync.errors import (
    AlreadyThere,
    ConfigError,
    MiSyncError,
    NotAuthorised,
    NotFound,
    OutcomeUnknown,
    RequestRefused,
    Unavailable,
)
from mi_sync.model import Children, Fields, Patch, Remote
from mi_sync.testing import Engine
from mi_sync.testing.runs import item
from mi_sync_asana import ARCHIVED, bodies
from mi_sync_asana.board import AsanaBoard
from mi_sync_asana.sandbox import gate, order, tasks, values
from mi_sync_asana.sandbox.seed import PROJECT, WORKSPACE
from mi_sync_asana.wire import is_line

TOKEN = "1.prog.key1.nonce.o.t.b.d.s.l.c"
DUE = datetime(2026, 3, 20, 22, 30, tzinfo=UTC)


@pytest.fixture
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> AsanaLab:
    """A lab; of another kind, where the test is parametrised with one."""
    kind: Callable[[Path], AsanaLab] = getattr(request, "param", AsanaLab)
    return kind(tmp_path)


def made(board: AsanaBoard, token: str = TOKEN, unique: str = "prog.key1", **fields: Any) -> Remote:
    body = str(fields.get("body", "Text."))
    given = {"title": "Kickoff", "list": "To Do", "body": body, **fields}
    return board.merge(Patch(None, token, body, cast("Fields", given), unique))


def change(board: AsanaBoard, id_: str, token: str = TOKEN, **fields: Any) -> Remote:
    return board.merge(Patch(id_, token, str(fields.get("body", "Text.")), cast("Fields", fields)))


def seen(lab: AsanaLab, id_: str) -> Remote:
    found = lab.open().read(id_)
    assert found is not None
    return found


def sent(lab: AsanaLab, method: str = "", path: str = "") -> list[Any]:
    """The data of the requests that were sent."""
    log = zip(lab.adapter.log, lab.adapter.bodies, strict=True)
    return [(body or {}).get("data") for line, body in log if line.startswith(method) and path in line]


# ---------------------------------------------------------------------------------------- what is sent


def test_a_task_is_made_whole_by_one_request(lab: AsanaLab) -> None:
    board = lab.open()
    board.snapshot()
    lab.adapter.log.clear()
    lab.adapter.bodies.clear()
    made(board, due=DUE, start=date(2026, 3, 2), done=True, assignee=lab.member, labels=("new",))
    assert lab.adapter.log == [f"GET /workspaces/{WORKSPACE}/tags", f"POST /workspaces/{WORKSPACE}/tags", "POST /tasks"]
    (data,) = sent(lab, "POST", "/tasks")
    home = {"project": PROJECT, "section": data["memberships"][0]["section"]}
    assert data == {
        "resource_subtype": "default_task",
        "name": "Kickoff",
        "completed": True,
        "due_at": "2026-03-20T22:30:00.000Z",
        "start_on": "2026-03-02",
        "html_notes": bodies.to_notes("Text.", TOKEN),
        "external": {"gid": f"mi-sync.{PROJECT}.prog.key1", "data": TOKEN},
        "projects": [PROJECT],
        "memberships": [home],
        "assignee": lab.member,
        "tags": data["tags"],
    }


def test_a_task_without_a_start_is_a_milestone_and_becomes_a_plain_one_with_one(lab: AsanaLab) -> None:
    board = lab.open()
    id_ = made(board, due=DUE).id
    assert lab.person.task(id_)["resource_subtype"] == "milestone"
    change(board, id_, start=date(2026, 3, 2))
    assert lab.person.task(id_)["resource_subtype"] == "default_task"
    assert (seen(lab, id_).start, seen(lab, id_).due) == (date(2026, 3, 2), DUE)


def test_a_person_decides_what_kind_of_task_it_is(lab: AsanaLab) -> None:
    board = lab.open()
    id_ = made(board, due=DUE).id
    lab.person.call("PUT", f"/tasks/{id_}", resource_subtype="approval")
    lab.sleep(60)
    change(board, id_, title="Other", due=date(2026, 4, 1))
    assert lab.person.task(id_)["resource_subtype"] == "approval"


@pytest.mark.parametrize("due", [DUE, date(2026, 3, 20)])
def test_a_start_is_sent_with_the_due_date_as_it_is(lab: AsanaLab, due: date) -> None:
    board = lab.open()
    id_ = made(board, due=due, start=date(2026, 3, 2)).id
    change(board, id_, start=date(2026, 3, 4))
    assert (seen(lab, id_).due, seen(lab, id_).start) == (due, date(2026, 3, 4))
    change(board, id_, start=None)
    assert (seen(lab, id_).due, seen(lab, id_).start) == (due, None)


def test_without_a_due_date_there_is_no_start(lab: AsanaLab) -> None:
    board = lab.open()
    with pytest.raises(RequestRefused, match=r"start: Asana takes a start date only together with a due date"):
        made(board, start=date(2026, 3, 2))
    id_ = made(board, due=DUE, start=date(2026, 3, 2)).id
    change(board, id_, due=None)
    assert (seen(lab, id_).due, seen(lab, id_).start) == (None, None)


def test_times_give_way_to_days_and_days_to_times(lab: AsanaLab) -> None:
    board = lab.open()
    id_ = made(board, due=DUE).id
    for due in (date(2026, 3, 21), DUE, None, DUE):
        change(board, id_, due=due)
        assert seen(lab, id_).due == due


def test_nobody_is_made_a_follower(lab: AsanaLab) -> None:
    made(lab.open())
    assert "followers" not in sent(lab, "POST", "/tasks")[0]


# ------------------------------------------------------------------------------------- people's work stays


def test_what_a_person_wrote_survives_a_change_of_other_fields(lab: AsanaLab) -> None:
    board = lab.open()
    id_ = made(board).id
    mention = '<a data-asana-gid="1100000000000012" data-asana-type="user">Kim</a>'
    theirs = f'{mention} says <u>hello</u> <img src="https://x.org/p.png" alt="plan"/>'
    html = lab.person.task(id_)["html_notes"].replace("Text.", theirs)
    lab.person.call("PUT", f"/tasks/{id_}", html_notes=html)
    before = lab.person.task(id_)["html_notes"]
    lab.sleep(60)
    change(board, id_, "1.prog.key1.other.o.t.b.d.s.l.c", title="New")
    after = lab.person.task(id_)["html_notes"]
    kept = before.partition("\n\n<a")[0]
    assert "data-asana-gid" in kept
    assert "<img" in kept
    assert after.startswith(kept)
    assert after.count("mi-sync.invalid") == 1
    assert seen(lab, id_).marker == "1.prog.key1.other.o.t.b.d.s.l.c"


@pytest.fixture
def odd_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no person's text can be written back."""
    monkeypatch.setattr(
        "mi_sync_asana.richtext.remarked", lambda xml, token: f"<body><new>{token}{xml[:0]}</new></body>"
    )


@pytest.fixture
def external_refused(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on the token may see `external` and not set it."""

    def refuse(*_: object) -> None:
        raise values.bad("external: OAuth is required to modify this data")

    return lambda: monkeypatch.setitem(tasks._SETTERS, "external", refuse)


@pytest.mark.usefixtures("odd_text")
def test_a_text_that_asana_does_not_take_back_is_left_as_it_is(lab: AsanaLab) -> None:
    board = lab.open()
    id_ = made(board).id
    before = lab.person.task(id_)["html_notes"]
    change(board, id_, "1.prog.key1.other.o.t.b.d.s.l.c", title="New")
    assert lab.person.task(id_)["html_notes"] == before
    assert (seen(lab, id_).title, seen(lab, id_).marker) == ("New", "1.prog.key1.other.o.t.b.d.s.l.c")


@pytest.mark.usefixtures("odd_text")
def test_beside_such_a_text_the_other_fields_are_written_although_no_mark_can_be(tmp_path: Path) -> None:
    lab = asana_lab.oauth(tmp_path)
    id_ = made(lab.open()).id
    before = lab.person.task(id_)["html_notes"]
    changed = change(lab.open(), id_, "1.prog.key1.other.o.t.b.d.s.l.c", title="New", due=DUE)
    assert (changed.title, changed.due, changed.marker) == ("New", DUE, TOKEN)
    assert lab.person.task(id_)["html_notes"] == before


@pytest.mark.usefixtures("odd_text")
def test_beside_such_a_text_runs_converge_and_people_keep_what_they_change(tmp_path: Path) -> None:
    lab = asana_lab.oauth(tmp_path)
    it = Engine(lab)
    it.want(item(1))
    it.sync()
    it.want(item(1, title="New"))
    assert it.sync().targets["board"].failed == 0
    (task,) = lab.open().snapshot().remotes
    assert task.title == "New"
    assert it.pending() == ()
    lab.hand.edit(task.id, {"title": "A person's"})
    assert it.pending() == ()
    it.desired.clear()
    assert it.sync().targets["board"].archived == 1
    it.want(item(1, title="New"))
    it.sync()
    (task,) = lab.open().snapshot().remotes
    assert (task.archived, task.done, task.title) == (False, False, "A person's")
    assert it.pending() == ()


@pytest.mark.usefixtures("odd_text")
def test_a_persons_task_becomes_ours_only_with_a_mark_that_is_seen_again(tmp_path: Path) -> None:
    lab = asana_lab.oauth(tmp_path)
    id_ = lab.hand.add("Theirs", "To Do")
    with pytest.raises(RequestRefused, match="XML"):
        lab.open().merge(Patch(id_, TOKEN, "", {"title": "Ours now"}, "prog.key1"))
    assert (seen(lab, id_).title, seen(lab, id_).marker) == ("Theirs", None)
    lab = AsanaLab(tmp_path / "personal")
    id_ = lab.hand.add("Theirs", "To Do")
    lab.open().merge(Patch(id_, TOKEN, "", {"title": "Ours now"}, "prog.key1"))
    assert (seen(lab, id_).title, seen(lab, id_).marker) == ("Ours now", TOKEN)


def test_subtasks_that_people_made_their_own_are_never_removed(lab: AsanaLab) -> None:
    board = lab.open()
    remote = made(board)
    names = ("plain", "assigned", "dated", "described", "divided", "ticked")
    board.merge_children(remote, Children(add_checks=names))
    ids = {line.text: line.id for line in seen(lab, remote.id).checklist}
    lab.person.call("PUT", f"/tasks/{ids['assigned']}", assignee=lab.member)
    lab.person.call("PUT", f"/tasks/{ids['dated']}", due_on="2026-04-01")
    lab.person.call("PUT", f"/tasks/{ids['described']}", notes="How to")
    lab.person.add_line(ids["divided"], "part")
    lab.person.tick(remote.id, "ticked")
    lab.open().merge_children(seen(lab, remote.id), Children(remove_checks=names))
    assert [line.text for line in seen(lab, remote.id).checklist] == list(names[1:])


def test_a_heading_between_subtasks_is_no_line() -> None:
    assert not is_line({"gid": "1", "name": "Part:", "is_rendered_as_separator": True})
    assert is_line({"gid": "1", "name": "Part"})


def test_a_task_in_several_projects_lies_where_it_lies_here(lab: AsanaLab) -> None:
    board = lab.open()
    remote = made(board)
    other = lab.person.call("POST", "/projects", name="Other", workspace=WORKSPACE)["gid"]
    lab.person.call("POST", f"/tasks/{remote.id}/addProject", project=other)
    assert seen(lab, remote.id).list == "To Do"
    lab.person.call("POST", f"/tasks/{remote.id}/removeProject", project=PROJECT)
    assert lab.open().read(remote.id) is None
    assert lab.open().snapshot().remotes == ()


# ------------------------------------------------------------------------------------------ the marker


def test_a_line_pasted_from_another_task_changes_nothing(lab: AsanaLab) -> None:
    board = lab.open()
    first, second = made(board, unique="prog.key1"), made(board, "1.prog.key2.n.o.t.b.d.s.l.c", "prog.key2")
    lab.person.call("PUT", f"/tasks/{second.id}", html_notes=bodies.to_notes("Pasted", TOKEN))
    assert (seen(lab, second.id).marker, seen(lab, second.id).body) == ("1.prog.key2.n.o.t.b.d.s.l.c", "Pasted")
    assert seen(lab, first.id).marker == TOKEN


def test_a_copy_has_only_the_line_in_its_text(lab: AsanaLab) -> None:
    remote = made(lab.open())
    copy = lab.person.copy(remote.id)
    assert seen(lab, copy).marker == TOKEN
    assert not lab.person.task(copy).get("external")


def test_the_marker_is_found_without_its_line(lab: AsanaLab) -> None:
    remote = made(lab.open())
    lab.hand.erase_marker(remote.id)
    assert seen(lab, remote.id).marker == TOKEN


def test_another_targets_task_that_lies_here_too_is_no_item_of_ours(lab: AsanaLab) -> None:
    external = {"gid": "mi-sync.1100000000009999.prog.key1", "data": TOKEN}
    notes = bodies.to_notes("Theirs", TOKEN)
    lab.person.call("POST", "/tasks", name="Elsewhere", external=external, projects=[PROJECT], html_notes=notes)
    (remote,) = lab.open().snapshot().remotes
    assert (remote.marker, remote.body) == (None, "Theirs")


def test_another_tools_external_is_never_overwritten(lab: AsanaLab) -> None:
    id_ = lab.hand.add("Theirs", "To Do")
    theirs = {"gid": "crm-17", "data": "important"}
    lab.person.call("PUT", f"/tasks/{id_}", external=theirs)
    lab.open().merge(Patch(id_, TOKEN, "", {"title": "Ours now"}, "prog.key1"))
    assert lab.person.task(id_)["external"] == theirs
    assert seen(lab, id_).marker == TOKEN


def test_what_is_adopted_gets_its_hidden_name(lab: AsanaLab) -> None:
    id_ = lab.hand.add("Theirs", "To Do")
    lab.open().merge(Patch(id_, TOKEN, "", {"title": "Ours now"}, "prog.key1"))
    with pytest.raises(AlreadyThere) as there:
        made(lab.open())
    assert there.value.id == id_


def test_what_is_adopted_does_without_a_name_that_a_task_in_the_trash_has(lab: AsanaLab) -> None:
    lab.hand.delete(made(lab.open()).id)
    id_ = lab.hand.add("Theirs", "To Do")
    lab.open().merge(Patch(id_, TOKEN, "", {"title": "Ours now"}, "prog.key1"))
    assert (seen(lab, id_).title, seen(lab, id_).marker) == ("Ours now", TOKEN)


def test_a_token_that_may_not_set_external_lives_by_the_line(
    lab: AsanaLab, external_refused: Callable[[], None]
) -> None:
    external_refused()
    id_ = made(lab.open()).id
    assert (seen(lab, id_).marker, lab.items()) == (TOKEN, 1)
    change(lab.open(), id_, "1.prog.key1.other.o.t.b.d.s.l.c", title="New")
    assert seen(lab, id_).marker == "1.prog.key1.other.o.t.b.d.s.l.c"


def test_a_refusal_of_external_is_remembered_for_the_run(lab: AsanaLab, external_refused: Callable[[], None]) -> None:
    external_refused()
    board = lab.open()
    ids = [made(board, f"1.prog.key{n}.n.o.t.b.d.s.l.c", f"prog.key{n}").id for n in range(3)]
    assert len(sent(lab, "POST", "/tasks")) == 1 + len(ids)
    change(board, ids[0], title="New")
    assert len(sent(lab, "PUT", "/tasks")) == 1


def test_a_line_is_newer_than_what_external_keeps_and_refuses_to_change(
    lab: AsanaLab, external_refused: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = made(lab.open()).id
    second, third, fourth = (f"1.prog.key1.nonce.o.{n}.b.d.s.l.c" for n in "234")
    with monkeypatch.context():
        external_refused()
        assert change(lab.open(), id_, second, title="New").marker == second
        assert change(lab.open(), id_, third, body="New").marker == third
        assert (seen(lab, id_).marker, seen(lab, id_).body) == (third, "New")
        assert lab.person.task(id_)["external"]["data"] == TOKEN
    html = lab.person.task(id_)["html_notes"]
    monkeypatch.undo()
    change(lab.open(), id_, fourth, title="Newer")
    lab.person.call("PUT", f"/tasks/{id_}", html_notes=html)  # somebody restores the older text
    assert seen(lab, id_).marker == fourth


def test_a_task_in_the_trash_is_told_apart(lab: AsanaLab) -> None:
    lab.hand.delete(made(lab.open()).id)
    with pytest.raises(AlreadyThere, match="lies in the trash") as there:
        made(lab.open())
    assert there.value.id is None


def test_a_token_that_does_not_see_external_lives_by_the_line(tmp_path: Path) -> None:
    lab = asana_lab.oauth(tmp_path)
    board = lab.open()
    id_ = made(board).id
    change(board, id_, "1.prog.key1.other.o.t.b.d.s.l.c", title="New")
    assert seen(lab, id_).marker == "1.prog.key1.other.o.t.b.d.s.l.c"
    assert "external" not in sent(lab, "PUT", "/tasks")[0]


# ------------------------------------------------------------------------------------------- the archive


def test_the_archive_is_the_last_section_and_comes_once(lab: AsanaLab) -> None:
    board = lab.open()
    first, second = made(board), made(board, "1.prog.key2.n.o.t.b.d.s.l.c", "prog.key2", list="Week 1")
    for remote in (first, second):
        assert change(board, remote.id, archived=True).archived
    made(lab.open(), "1.prog.key3.n.o.t.b.d.s.l.c", "prog.key3", list="Week 2")
    assert list(lab.lists())[-3:] == ["Week 1", "Week 2", ARCHIVED]


def test_sections_stand_in_the_order_of_tasks_that_were_made_last_first(lab: AsanaLab) -> None:
    board = lab.open()
    for number, name in enumerate(("Week 3", "Week 2", "Week 3", "Week 1")):
        made(board, f"1.prog.key{number}.n.o.t.b.d.s.l.c", f"prog.key{number}", list=name)
    assert list(lab.lists())[-3:] == ["Week 1", "Week 2", "Week 3"]
    assert lab.open().snapshot().lists[-3:] == board.snapshot().lists[-3:] == ("Week 1", "Week 2", "Week 3")


def test_a_task_goes_back_to_where_it_came_from(lab: AsanaLab) -> None:
    board = lab.open()
    id_ = made(board, list="Week 1").id
    change(board, id_, archived=True)
    change(lab.open(), id_, title="Renamed meanwhile")
    assert seen(lab, id_).archived
    change(lab.open(), id_, archived=False)
    assert (seen(lab, id_).list, seen(lab, id_).done, seen(lab, id_).archived) == ("Week 1", False, False)
    assert lab.person.task(id_)["external"]["data"] == TOKEN


def test_a_task_whose_section_is_gone_goes_back_to_the_first(lab: AsanaLab) -> None:
    board = lab.open()
    id_ = made(board, list="Week 1").id
    change(board, id_, archived=True)
    lab.hand.remove_list("Week 1")
    change(lab.open(), id_, archived=False, done=True)
    assert (seen(lab, id_).list, seen(lab, id_).done) == ("To Do", True)


def test_what_was_stopped_half_way_is_completed_and_on_its_list(lab: AsanaLab) -> None:
    board = lab.open()
    id_ = made(board).id
    change(board, lab.hand.add("Other", "To Do"), archived=True)  # the section is there
    lab.server_fault(kind="fail_before", status=500, method="POST", path="/addTask", times=None)
    with pytest.raises(OutcomeUnknown):
        change(board, id_, "1.prog.key1.nonce.a.t.b.d.s.l.c", archived=True)
    remote = seen(lab, id_)
    assert (remote.done, remote.archived, remote.list) == (True, False, "To Do")
    assert remote.marker == "1.prog.key1.nonce.a.t.b.d.s.l.c"


def test_no_list_can_be_the_archive(lab: AsanaLab) -> None:
    with pytest.raises(RequestRefused, match="list: the section “Archived” is for archived tasks"):
        made(lab.open(), list=ARCHIVED)


def test_without_a_list_a_task_goes_to_the_first_section(lab: AsanaLab) -> None:
    assert seen(lab, made(lab.open(), list="").id).list == "To Do"


# ------------------------------------------------------------------------------------------ places


def several(lab: AsanaLab, *numbers: int, **fields: Any) -> list[str]:
    """Tasks that one handle makes in one section, one after another."""
    board = lab.open()
    board.snapshot()
    tokens = {n: f"1.prog.key{n}.n.o.t.b.d.s.l.c" for n in numbers}
    return [made(board, token, f"prog.key{n}", **{"list": "Week 1", **fields}).id for n, token in tokens.items()]


@pytest.mark.parametrize("lab", [AsanaLab, asana_lab.new_at_end], indirect=True)
def test_later_tasks_stand_below_those_that_were_there(lab: AsanaLab) -> None:
    first = several(lab, 1, 2, 3)[::-1]
    assert lab.hand.order("Week 1") == first
    theirs = lab.hand.add("Theirs", "Week 1")
    lab.person.call("POST", f"/tasks/{theirs}/addProject", project=PROJECT, insert_after=first[-1])
    later = several(lab, 4, 5)[::-1]
    assert lab.hand.order("Week 1") == [*first, theirs, *later]


def test_tasks_of_an_empty_section_cost_one_request_each_and_one_look(lab: AsanaLab) -> None:
    several(lab, 1, list="Week 1")  # the section is there
    lab.hand.delete(lab.hand.order("Week 1")[0])
    lab.adapter.log.clear()
    several(lab, *range(2, 8))
    looks = [line for line in lab.adapter.log if line == f"GET /projects/{PROJECT}/tasks"]
    assert (lab.adapter.log.count("POST /tasks"), len(looks)) == (6, 2)  # the snapshot's, and one look
    assert not any("/addTask" in line for line in lab.adapter.log)


def test_tasks_below_others_cost_two_requests_each(lab: AsanaLab) -> None:
    several(lab, 1)
    lab.adapter.log.clear()
    several(lab, *range(2, 8))
    assert sum("/addTask" in line for line in lab.adapter.log) == 6
    assert sum(line.endswith("/tasks") and line.startswith("GET") for line in lab.adapter.log) == 1


def test_a_handle_that_took_no_snapshot_looks_where_the_last_one_stands(lab: AsanaLab) -> None:
    first = several(lab, 1, 2)[::-1]
    board = lab.open()
    later = [made(board, f"1.prog.key{n}.n.o.t.b.d.s.l.c", f"prog.key{n}", list="Week 1").id for n in (3, 4)]
    assert lab.hand.order("Week 1") == [*first, *later[::-1]]


def test_a_task_that_came_back_on_top_is_not_the_last_one(lab: AsanaLab) -> None:
    first, last = several(lab, 1, 2)[::-1]
    change(lab.open(), first, archived=True)
    board = lab.open()
    board.snapshot()
    change(board, first, archived=False)
    new = made(board, "1.prog.key3.n.o.t.b.d.s.l.c", "prog.key3", list="Week 1").id
    assert lab.hand.order("Week 1") == [first, last, new]


def test_a_task_that_others_stand_below_may_go_meanwhile(lab: AsanaLab) -> None:
    first, last = several(lab, 1, 2)
    board = lab.open()
    board.snapshot()
    lab.hand.delete(first)  # the lower one
    new = [made(board, f"1.prog.key{n}.n.o.t.b.d.s.l.c", f"prog.key{n}", list="Week 1").id for n in (3, 4)]
    assert lab.hand.order("Week 1") == [last, *new[::-1]]


@pytest.mark.parametrize("fault", [{"kind": "fail_after"}, {"kind": "fail_before"}])
def test_a_place_is_given_again_when_the_answer_is_lost(lab: AsanaLab, fault: dict[str, Any]) -> None:
    first = several(lab, 1)
    lab.server_fault(**fault, how="reset", path="/addTask")
    both = [*first, *several(lab, 2)]
    assert lab.hand.order("Week 1") == both


@pytest.mark.parametrize("fault", [{"status": 400}, {"how": "reset"}])
def test_a_task_without_its_place_is_made_all_the_same(lab: AsanaLab, fault: dict[str, Any]) -> None:
    several(lab, 1)
    lab.server_fault(kind="fail_before", path="/addTask", times=None, **fault)
    assert len(several(lab, 2, 3)) == 2


def test_what_stops_at_a_place_stops_the_next_task(lab: AsanaLab) -> None:
    several(lab, 1)
    board = lab.open()
    board.snapshot()
    lab.server_fault(kind="revoked", path="/addTask")
    assert made(board, "1.prog.key2.n.o.t.b.d.s.l.c", "prog.key2", list="Week 1").id
    with pytest.raises(NotAuthorised):
        made(board, "1.prog.key3.n.o.t.b.d.s.l.c", "prog.key3", list="Week 1")
    assert lab.items() == 2


# --------------------------------------------------------------------------------------------- reading


def test_nothing_to_do_costs_three_requests_and_one_for_each_hundred_tasks(lab: AsanaLab) -> None:
    for number in range(101):
        lab.hand.add(f"Task {number}", "To Do")
    board = lab.open()
    assert len(board.snapshot().remotes) == 101
    assert board.requests == 3 + 2


def test_subtasks_are_read_ten_parents_at_a_time_and_all_of_them(lab: AsanaLab) -> None:
    parents = [lab.hand.add(f"Task {number}", "To Do") for number in range(11)]
    for number, parent in enumerate(parents):
        lab.person.add_line(parent, f"line {number}")
    for number in range(120):
        lab.person.add_line(parents[5], f"more {number}")
    board = lab.open()
    lines = {remote.id: len(remote.checklist) for remote in board.snapshot().remotes}
    assert lines == {**dict.fromkeys(parents, 1), parents[5]: 121}
    # One batch of ten, in which the long listing goes on and is asked for by itself, and a single one.
    assert board.requests == 3 + 1 + 1 + 2 + 1


@pytest.mark.parametrize("fault", [{"kind": "fail_before"}, {"kind": "cut"}, {"kind": "fail_before", "how": "reset"}])
def test_a_batch_that_is_not_answered_is_asked_one_by_one(lab: AsanaLab, fault: dict[str, Any]) -> None:
    parents = [lab.hand.add(f"Task {number}", "To Do") for number in range(3)]
    for parent in parents:
        lab.person.add_line(parent, "line")
    lab.server_fault(**fault, path="/batch")
    assert [len(remote.checklist) for remote in lab.open().snapshot().remotes] == [1, 1, 1]


def test_checklists_as_text_are_never_asked_for(tmp_path: Path) -> None:
    lab = asana_lab.text(tmp_path)
    lab.person.add_line(lab.hand.add("Task", "To Do"), "line")
    board = lab.open()
    assert board.snapshot().remotes[0].checklist == ()
    assert board.requests == 4


def test_an_expired_offset_begins_the_listing_anew(lab: AsanaLab) -> None:
    for number in range(101):
        lab.hand.add(f"Task {number}", "To Do")
    lab.server_fault(kind="expired_offset", times=2)
    assert len(lab.open().snapshot().remotes) == 101
    lab.server_fault(kind="expired_offset", times=None)
    with pytest.raises(Unavailable, match="expired again and again"):
        lab.open().snapshot()


def test_people_are_known_by_their_address(lab: AsanaLab) -> None:
    members = lab.open().snapshot().members
    assert ("Kim Duarte", "kim.duarte@example.org") in {(each.name, each.email) for each in members}


def test_where_the_workspace_hides_its_people_those_of_the_project_can_be_named(lab: AsanaLab) -> None:
    lab.server_fault(kind="fail_before", status=403, path="/users$")
    members = lab.open().snapshot().members
    assert lab.member in {each.id for each in members}


# ------------------------------------------------------------------------------------------ subtasks


def test_lines_keep_their_order_wherever_asana_puts_a_new_one(lab: AsanaLab, monkeypatch: Any) -> None:
    insert = order.insert
    monkeypatch.setattr(order, "insert", lambda *where, **at: insert(*where, **(at or {"top": True})))
    board = lab.open()
    remote = made(board)
    board.merge_children(remote, Children(add_checks=("one", "two", "three")))
    assert [line.text for line in seen(lab, remote.id).checklist] == ["one", "two", "three"]
    assert sum("/setParent" in line for line in lab.adapter.log) == 2


def test_where_new_lines_go_is_looked_at_once(lab: AsanaLab) -> None:
    board = lab.open()
    for number in range(3):
        remote = made(board, f"1.prog.key{number}.n.o.t.b.d.s.l.c", f"prog.key{number}")
        board.merge_children(remote, Children(add_checks=("one", "two", "three")))
    assert sum(line.endswith("/subtasks") and line.startswith("GET") for line in lab.adapter.log) == 1
    assert not any("/setParent" in line for line in lab.adapter.log)


# ---------------------------------------------------------------------------------------- what goes wrong


def _snapshot(lab: AsanaLab) -> object:
    return lab.open().snapshot()


def _create(lab: AsanaLab) -> object:
    return made(lab.open())


@pytest.mark.parametrize(
    ("settings", "act", "kind", "words"),
    [
        (
            {"project": "1100000000009999"},
            _snapshot,
            ConfigError,
            ("targets.board.project", "Copy the project's address"),
        ),
        ({"token": "nobody"}, _snapshot, NotAuthorised, ("targets.board:", "Check that the token is valid")),
        ({"token": gate.GUEST_TOKEN}, _snapshot, MiSyncError, ("targets.board",)),
        ({"token": gate.READ_ONLY_TOKEN}, _create, RequestRefused, ("does not have the scope", "make them an editor")),
    ],
)
def test_a_refusal_says_what_to_do(
    tmp_path: Path,
    settings: dict[str, str],
    act: Callable[[AsanaLab], object],
    kind: type[MiSyncError],
    words: tuple[str],
) -> None:
    lab = AsanaLab(tmp_path, token=settings.pop("token", gate.TOKEN))
    lab.settings |= settings
    with pytest.raises(kind) as refused:
        act(lab)
    told = "\n".join(map(str, refused.value.all_problems()))
    assert all(word in f"{refused.value}\n{told}" for word in words), told
    assert "nobody" not in told


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (402, NotAuthorised, "pay"),
        (403, NotAuthorised, "editor"),
        (404, ConfigError, "address"),
        (451, RequestRefused, "legal"),
    ],
)
def test_each_status_is_explained(lab: AsanaLab, status: int, kind: type[MiSyncError], words: str) -> None:
    lab.server_fault(kind="fail_before", status=status, path="^/projects/[0-9]+$")
    with pytest.raises(kind, match=words):
        lab.open().identity()


def test_an_archived_project_is_refused(lab: AsanaLab) -> None:
    lab.person.call("PUT", f"/projects/{PROJECT}", archived=True)
    with pytest.raises(RequestRefused, match=r"is archived.*Unarchive it"):
        lab.open().identity()


def test_an_unknown_assignee_is_named(lab: AsanaLab) -> None:
    with pytest.raises(RequestRefused, match=r"assignee.*name somebody else in \[people\]"):
        made(lab.open(), assignee="1100000000008888")


def test_a_task_that_is_gone_has_no_children(lab: AsanaLab) -> None:
    remote = made(lab.open())
    lab.hand.delete(remote.id)
    with pytest.raises(NotFound, match="the task is gone"):
        lab.open().merge_children(remote, Children(add_checks=("one",)))


@pytest.mark.parametrize("id_", ["", "../users/me", "external:x", "1" * 60, "1100000000007777"])
def test_what_never_was_is_none(lab: AsanaLab, id_: str) -> None:
    assert lab.open().read(id_) is None


def test_a_lost_section_is_made_again_next_time(lab: AsanaLab) -> None:
    board = lab.open()
    made(board, list="Week 1")
    lab.server_fault(kind="lost_section", method="POST", path="^/tasks$")
    with pytest.raises(RequestRefused):
        made(board, "1.prog.key2.n.o.t.b.d.s.l.c", "prog.key2", list="Week 1")
    assert seen(lab, made(board, "1.prog.key2.n.o.t.b.d.s.l.c", "prog.key2", list="Week 1").id).list == "Week 1"


def test_a_pause_that_asana_asks_for_is_kept(lab: AsanaLab) -> None:
    board = lab.open()
    lab.server_fault(kind="rate_limit", times=1)
    before = lab.now()
    board.identity()
    assert (lab.now() - before).total_seconds() == pytest.approx(30)


def test_a_free_workspace_is_paced_for_150_requests_a_minute(lab: AsanaLab) -> None:
    lab.settings["plan"] = "free"
    board = lab.open()
    before = lab.now()
    for _ in range(150):
        board.identity()
    assert lab.now() == before
    board.identity()
    assert (lab.now() - before).total_seconds() >= 60


def test_archiving_at_once_and_sets_as_a_whole_are_mistakes_of_the_caller(lab: AsanaLab) -> None:
    with pytest.raises(ValueError, match="archived by a change of its own"):
        made(lab.open(), archived=True)
    with pytest.raises(ValueError, match="one by one"):
        change(lab.open(), "1", labels=("a",))


# --------------------------------------------------------------- custom fields, followers and comments


def with_fields(lab: AsanaLab) -> None:
    for name, kind in (("Intern", "text"), ("Hours", "number"), ("Begins", "date"), ("Phase", "choice")):
        lab.person.add_field(name, cast("Any", kind), ("Open", "Done") if kind == "choice" else ())


def test_custom_fields_and_followers_travel_with_the_task_and_cost_no_request(lab: AsanaLab) -> None:
    with_fields(lab)
    board = lab.open()
    snapshot = board.snapshot()
    assert [(it.name, it.kind, it.options) for it in snapshot.fields] == [
        ("Intern", "text", ()),
        ("Hours", "number", ()),
        ("Begins", "date", ()),
        ("Phase", "choice", ("Open", "Done")),
    ]
    reads = len(lab.adapter.log)
    values = {"Intern": "AL", "Hours": "12.5", "Begins": "2026-04-06", "Phase": "Open"}
    task = made(board, fields=values, followers=(lab.member_too,))
    assert (task.fields, lab.member_too in task.followers) == (values, True)
    change(board, task.id, fields={"Hours": "", "Phase": "Done"})
    assert lab.adapter.log[reads:] == ["POST /tasks", f"PUT /tasks/{task.id}"]
    (_, data) = sent(lab, "P", "/tasks")
    ids = {each.name: each.id for each in snapshot.fields}
    assert data["custom_fields"][ids["Hours"]] is None
    assert seen(lab, task.id).fields == {"Intern": "AL", "Begins": "2026-04-06", "Phase": "Done"}


def test_what_no_text_can_say_is_told_as_of_another_kind(lab: AsanaLab) -> None:
    for kind in ("people", "multi_enum"):
        field = lab.person.call("POST", "/custom_fields", workspace=WORKSPACE, name=kind, resource_subtype=kind)
        lab.person.call("POST", f"/projects/{PROJECT}/addCustomFieldSetting", custom_field=field["gid"])
    board = lab.open()
    assert [(it.kind, it.tool_kind) for it in board.snapshot().fields] == [("other", "people"), ("other", "multi_enum")]
    with pytest.raises(RequestRefused, match="no custom field 'people' that can be written"):
        made(board, fields={"people": "Kim"})


def test_a_field_of_another_project_is_none_of_this_one(lab: AsanaLab) -> None:
    with_fields(lab)
    other = lab.person.call("POST", "/projects", name="Other", workspace=WORKSPACE)["gid"]
    field = lab.person.call("POST", "/custom_fields", workspace=WORKSPACE, name="Theirs", resource_subtype="text")[
        "gid"
    ]
    lab.person.call("POST", f"/projects/{other}/addCustomFieldSetting", custom_field=field)
    id_ = made(lab.open(), fields={"Intern": "AL"}).id
    lab.person.call("POST", f"/tasks/{id_}/addProject", project=other)
    lab.person.call("PUT", f"/tasks/{id_}", custom_fields={field: "x"})
    assert seen(lab, id_).fields == {"Intern": "AL"}


def test_an_option_that_was_switched_off_is_none_to_choose(lab: AsanaLab) -> None:
    options = [{"name": "Old", "enabled": False}, {"name": "Open"}]
    about: dict[str, Any] = {"name": "Phase", "resource_subtype": "enum", "enum_options": options}
    field = lab.person.call("POST", "/custom_fields", workspace=WORKSPACE, **about)["gid"]
    lab.person.call("POST", f"/projects/{PROJECT}/addCustomFieldSetting", custom_field=field)
    board = lab.open()
    assert board.snapshot().fields[0].options == ("Open",)
    with pytest.raises(RequestRefused, match="no option 'Old'"):
        made(board, fields={"Phase": "Old"})


def test_a_project_without_custom_fields_says_what_may_be_missing(lab: AsanaLab) -> None:
    assert "paid plans" in lab.open().snapshot().fields_hidden_because


def test_a_comment_has_its_formats_and_is_known_again_by_another_process(lab: AsanaLab) -> None:
    comment = (
        "# Welcome\n\nThe **brief** is [here](https://example.org/a?b=c&d=e).\n\n- one\n- two\n\n---\n\nBye & <thanks>"
    )
    task = made(lab.open())
    board = lab.open()
    for _ in range(2):
        board.merge_children(seen(lab, task.id), Children(comment=comment))
    lab.open().merge_children(seen(lab, task.id), Children(comment=comment))
    (data,) = sent(lab, "POST", "/stories")
    assert "<h1>" not in data["html_text"]
    assert "<strong>Welcome</strong>" in data["html_text"]
    assert len(lab.person.comments(task.id)) == 1
