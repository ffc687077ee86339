"""One recorded step at a time: what becomes of every change whose answer is lost, refused, late, or cut off."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from engine import OTHER, OWNERS, ZONE, World, finished
from engine import PLAIN as PLAIN_BOARD
from mi_sync import applying, saved, sync
from mi_sync.connector import harvest, plant
from mi_sync.errors import ExitCode, OutcomeUnknown
from mi_sync.events import TargetCounts
from mi_sync.identity import MARKED, Marker
from mi_sync.model import Capabilities, Item, Patch, Remote
from mi_sync.testing import Fault, MemoryBoard

PLAIN = Item(
    "key1", OWNERS[0], "step", None, "One", "text", datetime(2026, 3, 9, 17, tzinfo=ZONE), list="To do",
    labels=("red",), checklist=("first", "second"),
)  # fmt: skip


@pytest.fixture
def it() -> World:
    made = World(late_by=45)
    made.desired = {"key1": PLAIN}
    made.world.lists.append("To do")
    made.world.labels.append("red")
    return made


def titles(it: World) -> list[tuple[str, bool]]:
    return [(item.title, item.archived) for item in it.world.items.values()]


def is_settled(it: World) -> bool:
    writes = it.world.writes
    it.sync()
    return it.world.writes == writes


# ------------------------------------------------------------------------------------------- adopting


def test_a_persons_item_of_the_same_title_is_told_of_and_left_alone(it: World) -> None:
    theirs = it.hand.add("One", "To do")
    (plan, _) = it.plan(it.run())
    (problem,) = plan.targets[0].problems
    assert "--adopt takes it over" in problem.why
    it.sync()
    assert it.world.items[theirs].text == ""
    assert len(it.world.items) == 2


@pytest.mark.parametrize("able", [PLAIN_BOARD, OTHER])
def test_asked_to_it_takes_over_a_persons_item_and_makes_no_second(it: World, able: Capabilities) -> None:
    it.able = able
    theirs = it.hand.add(" one ", "Doing")
    it.hand.edit(theirs, {"due": datetime(2026, 5, 1, 12, tzinfo=ZONE)})
    it.hand.add_line(theirs, "first", done=True)
    result = it.sync(adopt=True)
    counts = result.targets["board"]
    assert (counts.adopted, counts.created) == (1, 0)
    (item,) = it.world.items.values()
    # What was empty is filled; of what differs, the title is ours and the date theirs, as [conflicts] says.
    assert (item.title, harvest(item.text)[0], item.list) == ("One", "text", "Doing")
    assert item.due == datetime(2026, 5, 1, 12, tzinfo=ZONE)
    assert (item.labels, [(line.text, line.done) for line in item.checklist]) == (
        ["red"], [("first", True), ("second", False)],
    )  # fmt: skip
    assert is_settled(it)
    it.lose_state()
    assert is_settled(it)


def test_an_item_that_needs_no_change_gets_its_marker(it: World) -> None:
    it.desired = {"key1": Item("key1", OWNERS[0], "step", None, "One")}
    it.hand.add("One", "To do")
    assert it.sync(adopt=True).targets["board"].adopted == 1
    assert [remote.title for remote in it.marked("key1")] == ["One"]
    assert is_settled(it)


def test_an_adoption_whose_answer_is_lost_is_one_adoption(it: World) -> None:
    it.hand.add("One", "To do")
    it.world.arm(Fault.LOST_AFTER)
    it.sync(adopt=True)
    assert titles(it) == [("One", False)]
    assert is_settled(it)


def test_of_several_of_one_title_none_is_taken_over(it: World) -> None:
    for _ in range(2):
        it.hand.add("One", "To do")
    result = it.sync(adopt=True)
    assert (result.targets["board"].adopted, result.targets["board"].created) == (0, 1)
    it.desired["key2"] = replace(PLAIN, key="key2", title="Two")
    it.desired["key3"] = replace(PLAIN, key="key3", title="Two")
    it.hand.add("Two", "To do")
    assert it.sync(adopt=True).targets["board"].created == 2


def test_neither_strangers_nor_archived_items_are_taken_over(it: World) -> None:
    archived, foreign = it.hand.add("One", "To do"), it.hand.add("One", "To do")
    it.hand.edit(archived, {"archived": True})
    it.world.items[foreign].text = plant("text", Marker("other", "key1", "n1", dict.fromkeys(MARKED, "x")).encode())
    assert it.sync(adopt=True).targets["board"].created == 1


# ------------------------------------------------------------------------------- boards of the other kind


@pytest.fixture
def elsewhere(it: World) -> World:
    it.able = OTHER
    return it


def test_what_another_run_made_meanwhile_is_taken_over(elsewhere: World) -> None:
    run = elsewhere.run()
    plan, snapshot = elsewhere.plan(run)
    ours = elsewhere.store
    elsewhere.lose_state()
    elsewhere.sync()
    elsewhere.store = ours
    for _ in sync.apply(run, plan, {"board": snapshot}, {"board": elsewhere.board()}):
        pass
    assert run.result.exit_code is ExitCode.OK
    assert titles(elsewhere) == [("One", False)]
    assert [link.id for link in ours.links("board").values()] == list(elsewhere.world.items)
    assert is_settled(elsewhere)


def test_an_unknown_creation_is_sent_again_and_makes_no_second_item(elsewhere: World) -> None:
    elsewhere.world.arm(Fault.LATE)
    elsewhere.sync()
    elsewhere.clock.sleep(100)
    elsewhere.world.read()
    assert titles(elsewhere) == [("One", False)]
    assert is_settled(elsewhere)


def test_an_item_in_the_trash_is_dismissed_and_made_anew_only_when_asked_for(elsewhere: World) -> None:
    elsewhere.sync()
    (id_,) = elsewhere.world.items
    elsewhere.hand.throw_away(id_)
    elsewhere.lose_state()
    result = elsewhere.sync()
    assert (result.targets["board"].dismissed, result.targets["board"].failed) == (1, 0)
    assert any("--recreate key1" in problem.why for problem in result.problems)
    assert is_settled(elsewhere)
    assert elsewhere.world.items == {}
    elsewhere.sync(recreate=["key1"])
    assert titles(elsewhere) == [("One", False)]
    assert is_settled(elsewhere)


def test_what_was_completed_and_never_put_away_is_put_away_by_the_next_run(elsewhere: World) -> None:
    elsewhere.sync()
    del elsewhere.desired["key1"]
    elsewhere.world.arm(Fault.UNAVAILABLE, skip=1)
    elsewhere.sync()
    (item,) = elsewhere.world.items.values()
    assert (item.done, item.archived) == (True, False)
    elsewhere.sync()
    assert (item.done, item.archived) == (True, True)
    assert is_settled(elsewhere)


def test_what_was_completed_and_never_put_away_can_be_wanted_again(elsewhere: World) -> None:
    elsewhere.sync()
    del elsewhere.desired["key1"]
    elsewhere.world.arm(Fault.UNAVAILABLE, skip=1)
    elsewhere.sync()
    elsewhere.desired["key1"] = replace(PLAIN, due=datetime(2026, 3, 16, 17, tzinfo=ZONE))
    elsewhere.sync()
    (item,) = elsewhere.world.items.values()
    assert (item.done, item.archived, item.due) == (False, False, datetime(2026, 3, 16, 17, tzinfo=ZONE))
    assert is_settled(elsewhere)


def test_what_a_person_takes_out_of_the_archive_stays_where_they_put_it(elsewhere: World) -> None:
    elsewhere.sync()
    del elsewhere.desired["key1"]
    elsewhere.sync()
    (item,) = elsewhere.world.items.values()
    assert (item.done, item.archived) == (True, True)
    elsewhere.hand.edit(item.id, {"archived": False, "list": "Old ones"})
    assert is_settled(elsewhere)
    assert (item.done, item.archived, item.list) == (True, False, "Old ones")
    assert is_settled(elsewhere)
    elsewhere.desired["key1"] = PLAIN
    elsewhere.sync()
    assert (item.done, item.archived, item.list) == (False, False, "Old ones")
    del elsewhere.desired["key1"]
    elsewhere.sync()
    assert (item.done, item.archived) == (True, True)
    assert is_settled(elsewhere)


def test_what_is_new_stands_in_order_where_each_goes_on_top(elsewhere: World) -> None:
    days = (9, 16, 23)
    elsewhere.desired = {
        f"key{day}": replace(PLAIN, key=f"key{day}", title=str(day), due=datetime(2026, 3, day, 17, tzinfo=ZONE))
        for day in days
    }
    elsewhere.sync()
    assert [elsewhere.world.items[id_].title for id_ in elsewhere.hand.order("To do")] == ["9", "16", "23"]


# ------------------------------------------------------------------------------------- an unknown outcome


@pytest.mark.parametrize("fault", [Fault.LOST_BEFORE, Fault.LOST_AFTER])
def test_a_creation_without_an_answer_is_one_card(it: World, fault: Fault) -> None:
    it.world.arm(fault)
    result = it.sync()
    assert result.exit_code is ExitCode.OK
    assert result.targets["board"].created == 1
    assert titles(it) == [("One", False)]
    assert is_settled(it)


def test_a_creation_that_took_effect_is_found_and_not_sent_again(it: World) -> None:
    it.world.arm(Fault.LOST_AFTER)
    it.sync()
    assert it.world.writes == 3  # the creation and two checklist lines


def test_a_creation_that_had_none_is_sent_again_under_another_name(it: World) -> None:
    it.world.arm(Fault.LATE)
    it.sync()
    it.clock.sleep(100)
    it.world.read()
    nonces = [marker.nonce for remote in it.marked("key1") if (marker := Marker.decode(remote.marker))]
    assert len(set(nonces)) == 2


def test_the_board_is_given_one_timeout_before_a_creation_is_sent_again(it: World) -> None:
    it.world.arm(Fault.LOST_BEFORE)
    began = it.clock.now()
    it.sync()
    assert (it.clock.now() - began).total_seconds() == 30.0


def test_one_that_lands_within_the_timeout_is_found(it: World) -> None:
    it.world.late_by = it.world.late_by / 3
    it.world.arm(Fault.LATE)
    it.sync()
    it.clock.sleep(100)
    it.world.read()
    assert titles(it) == [("One", False)]


def test_one_that_lands_after_the_second_try_is_put_away_by_the_next_run(it: World) -> None:
    it.world.arm(Fault.LATE)
    it.sync()
    it.clock.sleep(100)
    it.world.read()
    assert len(titles(it)) == 2
    result = it.sync()
    assert result.targets["board"].archived == 1
    assert sorted(titles(it)) == [("One", False), ("One", True)]
    assert is_settled(it)


def test_a_late_duplicate_that_somebody_worked_on_stays(it: World) -> None:
    it.world.arm(Fault.LATE)
    it.sync()
    it.clock.sleep(100)
    it.world.read()
    late = max(it.world.items)
    it.hand.edit(late, {"title": "Mine"})
    (problem,) = it.plan(it.run())[0].targets[0].problems
    assert "created twice" in problem.why
    it.sync()
    assert [archived for _, archived in titles(it)] == [False, False]


def test_two_lost_creations_give_up_and_the_next_run_makes_one(it: World) -> None:
    it.world.arm(Fault.LOST_BEFORE)
    it.world.arm(Fault.LOST_BEFORE)
    assert it.sync().exit_code is ExitCode.PARTIAL
    assert titles(it) == []
    it.clock.sleep(60)
    assert it.sync().targets["board"].created == 1
    assert titles(it) == [("One", False)]


@pytest.mark.parametrize("fault", [Fault.LOST_BEFORE, Fault.LOST_AFTER])
def test_an_update_without_an_answer_converges(it: World, fault: Fault) -> None:
    it.sync()
    it.desired["key1"] = replace(PLAIN, body="other text")
    it.world.arm(fault)
    it.sync()
    it.clock.sleep(60)
    it.sync()
    (remote,) = it.marked("key1")
    assert remote.body == "other text"
    assert is_settled(it)


def test_a_late_update_is_not_taken_for_a_persons(it: World) -> None:
    it.sync()
    it.desired["key1"] = replace(PLAIN, body="other text")
    it.world.arm(Fault.LATE)
    it.sync()
    it.clock.sleep(100)
    it.desired["key1"] = replace(PLAIN, body="yet another")
    assert it.sync().targets["board"].conflicts == 0
    (remote,) = it.marked("key1")
    assert remote.body == "yet another"


@pytest.mark.parametrize("fault", [Fault.LOST_BEFORE, Fault.LOST_AFTER])
def test_what_no_marker_tells_of_is_not_taken_for_done(it: World, fault: Fault) -> None:
    it.sync()
    it.desired["key1"] = replace(PLAIN, done=True)
    it.world.arm(fault)
    it.sync()
    it.clock.sleep(60)
    it.sync()
    (remote,) = it.marked("key1")
    assert remote.done
    assert is_settled(it)


# --------------------------------------------------------------------------------------- other outcomes


def test_a_refused_change_fails_alone(it: World) -> None:
    it.desired["key2"] = replace(PLAIN, key="key2", title="Two", due=datetime(2026, 3, 10, 17, tzinfo=ZONE))
    it.world.arm(Fault.REFUSED)
    result = it.sync()
    assert (result.targets["board"].failed, result.targets["board"].created) == (1, 1)
    assert result.exit_code is ExitCode.PARTIAL
    assert it.sync().targets["board"].created == 1
    assert sorted(titles(it)) == [("One", False), ("Two", False)]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.UNAUTHORISED, ExitCode.NOT_AUTHORISED),
        (Fault.UNAVAILABLE, ExitCode.UNAVAILABLE),
        (Fault.BUDGET, ExitCode.BUDGET),
    ],
)
def test_what_ends_a_run_leaves_nothing_open(it: World, fault: Fault, code: ExitCode) -> None:
    it.world.arm(fault)
    assert it.sync().exit_code is code
    began = it.clock.now()
    assert it.sync().targets["board"].created == 1
    assert it.clock.now() == began  # the answer had proved that nothing happened, so there was nothing to wait for


def many(it: World, count: int) -> None:
    it.desired = {
        f"key{n}": replace(PLAIN, key=f"key{n}", title=str(n), due=datetime(2026, 3, n, 17, tzinfo=ZONE))
        for n in range(1, count + 1)
    }


def test_a_creation_that_is_never_answered_stops_no_other(it: World) -> None:
    many(it, 3)
    for _ in range(2):
        it.world.arm(Fault.LOST_BEFORE)
    result = it.sync()
    assert (result.targets["board"].failed, result.targets["board"].created) == (1, 2)
    (problem,) = result.problems
    assert (problem.where, "The next run looks again" in problem.why) == ("1", True)
    assert it.sync().targets["board"].created == 1
    assert is_settled(it)


@pytest.mark.parametrize(("refused", "created", "tried"), [(4, 3, 7), (5, 0, 5)])
def test_a_target_is_left_alone_after_five_failures_in_a_row(it: World, refused: int, created: int, tried: int) -> None:
    many(it, 7)
    for _ in range(refused):
        it.world.arm(Fault.REFUSED)
    result = it.sync()
    counts = result.targets["board"]
    assert (counts.failed, counts.created, counts.failed + counts.created) == (refused, created, tried)
    assert result.exit_code is ExitCode.PARTIAL
    told = [str(problem) for problem in result.problems if "left alone" in problem.why]
    assert told == (
        []
        if created
        else ["board: left alone after 5 failures in a row; the next run goes on. Changes that were not tried: 2."]
    )
    assert it.sync().targets["board"].created == 7 - created
    assert is_settled(it)


def test_failures_count_only_in_a_row_and_the_last_one_leaves_nothing_alone(it: World) -> None:
    many(it, 9)
    for skip in (0, 0, 0, 0, 3, 0, 0, 0):  # the one in between takes three writes
        it.world.arm(Fault.REFUSED, skip=skip)
    result = it.sync()
    assert (result.targets["board"].failed, result.targets["board"].created) == (8, 1)
    assert not any("left alone" in problem.why for problem in result.problems)
    for _ in range(5):
        it.world.arm(Fault.REFUSED)
    many(it, 6)  # one of them was made
    result = it.sync()
    assert result.targets["board"].failed == 5
    assert not any("left alone" in problem.why for problem in result.problems)


def test_an_item_that_changed_since_the_look_is_not_written(it: World) -> None:
    it.sync()
    it.desired["key1"] = replace(PLAIN, body="other text")
    run = it.run()
    plan, snapshot = it.plan(run)
    it.clock.sleep(31)
    it.hand.edit(next(iter(it.world.items)), {"body": "a person's text"})
    for _ in sync.apply(run, plan, {"board": snapshot}, {"board": MemoryBoard(it.world)}):
        pass
    assert run.result.targets["board"].failed == 1
    (remote,) = it.marked("key1")
    assert remote.body == "a person's text"


# ------------------------------------------------------------------------------------------- interrupted


class Killed(BaseException):
    """The process ends here."""


class MortalBoard(MemoryBoard):
    """Dies before or after its next writing call, whatever became of it."""

    def __init__(self, it: World, *, after: bool) -> None:
        super().__init__(it.world)
        self._after = after

    def merge(self, patch: Patch) -> Remote:
        if self._after:
            with contextlib.suppress(OutcomeUnknown):
                super().merge(patch)
        raise Killed


def die(it: World, *, after: bool) -> None:
    run = it.run()
    plan, snapshot = it.plan(run)
    with pytest.raises(Killed):
        for _ in sync.apply(run, plan, {"board": snapshot}, {"board": MortalBoard(it, after=after)}):
            pass


@pytest.mark.parametrize("after", [False, True])
def test_putting_a_late_duplicate_away_may_be_cut_off(it: World, after: bool) -> None:  # noqa: FBT001
    it.world.arm(Fault.LATE)
    it.sync()
    it.clock.sleep(100)
    it.world.read()
    original = it.store.links("board")["key1"].id
    die(it, after=after)
    it.clock.sleep(60)
    it.sync()
    assert it.store.links("board")["key1"].id == original
    assert not it.world.items[original].archived
    assert sorted(archived for _, archived in titles(it)) == [False, True]
    assert is_settled(it)


def test_an_open_intent_that_is_young_is_waited_for(it: World) -> None:
    die(it, after=False)
    it.clock.sleep(10)
    began = it.clock.now()
    it.sync()
    assert (it.clock.now() - began).total_seconds() == 20.0
    assert titles(it) == [("One", False)]


def test_what_lands_while_we_wait_is_found(it: World) -> None:
    it.world.late_by = timedelta(seconds=25)
    it.world.arm(Fault.LATE)
    die(it, after=True)
    it.clock.sleep(10)
    it.sync()
    assert titles(it) == [("One", False)]


def test_a_copy_is_never_taken_for_what_an_interrupted_run_made(it: World) -> None:
    die(it, after=True)
    (original,) = it.world.items
    it.hand.copy(original)
    it.sync()
    assert it.store.links("board")["key1"].id == original


def test_settling_is_silent_where_nothing_is_open(it: World) -> None:
    it.sync()
    run = it.run()
    run.result.targets["board"] = TargetCounts()
    board = MemoryBoard(it.world)
    snapshot = board.snapshot()
    requests = it.world.requests
    assert finished(applying.settle(run, "board", board, snapshot, wait=True)) is snapshot
    assert it.world.requests == requests


def test_an_old_state_catches_up_and_still_archives(it: World) -> None:
    it.sync()
    (link,) = it.store.links("board").values()
    it.desired["key1"] = replace(PLAIN, body="other text")
    it.sync()
    with it.store.transaction():
        it.store.save_link("board", link)  # a backup of before that update is restored
    it.desired.clear()
    assert it.sync().exit_code is ExitCode.OK
    assert titles(it) == [("One", True)]


def test_a_card_is_counted_though_its_checklist_has_to_wait(it: World) -> None:
    it.world.arm(Fault.BUDGET, skip=1)
    result = it.sync()
    assert (result.targets["board"].created, result.exit_code) == (1, ExitCode.BUDGET)
    it.sync()
    (remote,) = it.marked("key1")
    assert [line.text for line in remote.checklist] == ["first", "second"]


def test_what_the_board_shows_is_remembered_after_an_adoption(it: World) -> None:
    it.sync()
    it.hand.edit(next(iter(it.world.items)), {"done": True})
    it.lose_state()
    it.sync()
    seen = it.store.links("board")["key1"].seen
    assert (seen.done, seen.due) == (True, "2026-03-09")


def test_what_the_board_shows_is_remembered_beside_an_update(it: World) -> None:
    it.sync()
    it.hand.edit(next(iter(it.world.items)), {"done": True})
    it.desired["key1"] = replace(PLAIN, body="other text")
    it.sync()
    assert it.store.links("board")["key1"].seen.done


def test_nothing_of_a_change_is_hoarded_once_it_is_over(it: World) -> None:
    it.sync()
    (intent,) = (row[0] for row in it.store._db.execute("SELECT intent FROM journal"))
    assert json.loads(intent) == {"change": {"id": "", "action": "create"}}


# ------------------------------------------------------------------------- custom fields and comments

FILLED = replace(PLAIN, checklist=(), fields={"Intern": "AL", "Hours": "12"}, comment="Welcome")


@pytest.fixture
def filled(it: World) -> World:
    it.able = replace(PLAIN_BOARD, fields="one_by_one", comments=True)
    it.hand.add_field("Intern", "text")
    it.hand.add_field("Hours", "number")
    it.desired = {"key1": FILLED}
    return it


def only(it: World) -> tuple[dict[str, str], list[str]]:
    (item,) = it.world.items.values()
    return dict(it.fields_of(item)), item.comments


@pytest.mark.parametrize("skip", [1, 2, 3])
@pytest.mark.parametrize("fault", [Fault.BUDGET, Fault.LOST_BEFORE, Fault.LOST_AFTER, Fault.REFUSED])
def test_fields_and_a_comment_that_a_stop_left_out_follow_in_the_next_run(
    filled: World, fault: Fault, skip: int
) -> None:
    filled.world.arm(fault, skip)
    filled.sync()
    filled.world.disarm()
    filled.sync()
    assert only(filled) == ({"Intern": "AL", "Hours": "12"}, ["Welcome"])
    assert is_settled(filled)


def test_a_stopped_change_of_fields_goes_on_and_is_no_persons_change(filled: World) -> None:
    filled.sync()
    filled.desired = {"key1": replace(FILLED, fields={"Intern": "BM", "Hours": "13"})}
    filled.world.arm(Fault.BUDGET, 1)
    filled.sync()
    filled.world.disarm()
    assert only(filled)[0] == {"Intern": "BM", "Hours": "12"}
    assert filled.sync().targets["board"].conflicts == 0
    assert only(filled) == ({"Intern": "BM", "Hours": "13"}, ["Welcome"])
    assert is_settled(filled)


def test_a_change_of_fields_alone_is_a_call_for_each_and_none_for_the_item(filled: World) -> None:
    filled.sync()
    before, text = filled.world.writes, next(iter(filled.world.items.values())).text
    filled.desired = {"key1": replace(FILLED, fields={"Intern": "BM", "Hours": "12"})}
    assert filled.sync().targets["board"].updated == 1
    assert filled.world.writes == before + 1
    assert next(iter(filled.world.items.values())).text == text


def test_the_same_saved_plan_says_a_comment_once_after_it_was_stopped(filled: World) -> None:
    run = filled.run()
    plan, snapshot = filled.plan(run)
    for fault in (Fault.LOST_AFTER, None):
        if fault:
            filled.world.arm(fault, 3)
        boards = {"board": filled.board()}
        list(
            saved.apply(filled.run(), plan, "plan.json", boards)
            if not fault
            else sync.apply(run, plan, {"board": snapshot}, boards)
        )
    assert only(filled) == ({"Intern": "AL", "Hours": "12"}, ["Welcome"])
