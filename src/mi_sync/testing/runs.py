"""Whole runs on a board under test: the planner, the journal and the connector together, as a programme would use them.

The checks of `boards` hold a connector to its protocol, call by call. These hold it to what the protocol is for: one
item for each key, and nobody's work lost, whatever people and networks do.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from mi_sync import applying, identity, sync
from mi_sync import plan as planning
from mi_sync.config import Config, Safety
from mi_sync.errors import BudgetReached, NotAuthorised, Refused
from mi_sync.events import Outside, Result, Run
from mi_sync.fitting import Fitter
from mi_sync.http import Wire
from mi_sync.identity import Marker
from mi_sync.milestones import Programme
from mi_sync.model import Fields, Item, Patch, Remote, Snapshot
from mi_sync.plan import Change, Desired, Plan, Rules
from mi_sync.state import Store
from mi_sync.testing.boards import BoardLab
from mi_sync.testing.suite import Fault, expect, failures, named, report, same

_T = TypeVar("_T")

ZONE = ZoneInfo("America/Chicago")
OWNERS = ("app-1", "app-2")
CONFLICTS: Mapping[str, planning.Resolution] = {"title": "ours", "body": "ask", "due": "theirs", "start": "theirs"}
_TARGET = "board"


class Engine:
    """A programme on the lab's board: what its records wish for, and what it remembers.

    `sync` does what a run does from the records on.
    """

    def __init__(self, lab: BoardLab, programme: str = "spring") -> None:
        self.lab = lab
        self.programme = programme
        self.short = identity.programme_short(programme)
        self.desired: dict[str, Item] = {}
        self.numbers = itertools.count(1)
        self.lose_state()

    def lose_state(self) -> None:
        """Forgets everything but the wishes."""
        self.store = Store.scratch(Path("there is none"), self.programme)

    def run(self) -> Run:
        """A run that has not begun."""
        outside = Outside(
            Wire(now=self.lab.now, monotonic=lambda: self.lab.now().timestamp(), sleep=self.lab.sleep),
            nonce=lambda: f"nonce{next(self.numbers)}",
        )
        programme = Programme(self.programme, self.programme.title(), ZONE)
        config = Config(Path("config.toml"), programme, Path("state.db"), (), (), Safety(1.0, 10_000))
        return Run(config, self.store, outside, Result(f"run-{next(self.numbers)}"))

    def plan(self, run: Run, recreate: Iterable[str] = (), *, adopt: bool = False) -> tuple[Plan, Snapshot]:
        """What a run would do now."""
        board = self.lab.open()
        snapshot = finished(applying.settle(run, _TARGET, board, board.snapshot(), wait=True))
        rules = Rules(
            target=_TARGET,
            programme=self.short,
            timezone=ZONE,
            conflicts=CONFLICTS,
            people={"kim@example.org": self.lab.member},
            max_archive=1.0,
            recreate=frozenset(recreate),
            adopt=adopt,
        )
        made = sync.plan_target(run, board, snapshot, Desired(self.desired, frozenset(OWNERS)), rules)
        now = run.outside.wire.now()
        return Plan(self.short, run.result.run_id, (made,), now, now + run.config.safety.plan_expires), snapshot

    def sync(self, recreate: Iterable[str] = (), *, adopt: bool = False) -> Result:
        """One run."""
        run = self.run()
        plan, snapshot = self.plan(run, recreate, adopt=adopt)
        for _ in sync.apply(run, plan, {_TARGET: snapshot}, {_TARGET: self.lab.open()}):
            pass
        return run.result

    def pending(self) -> tuple[Change, ...]:
        """What a run would change now."""
        return self.plan(self.run())[0].changes

    def want(self, *items: Item) -> None:
        """Adds to the wishes."""
        self.desired |= {item.key: item for item in items}


def finished(story: Generator[Any, None, _T]) -> _T:
    """What a generator returns."""
    while True:
        try:
            next(story)
        except StopIteration as done:
            value: _T = done.value
            return value


def item(number: int, **fields: Any) -> Item:  # noqa: ANN401  an item's fields
    """A wish with everything on it."""
    plain = Item(
        key=f"key{number}",
        owner=OWNERS[0],
        step="step",
        n=None,
        title=f"Milestone {number}",
        body=f"What to do for milestone {number}.\n\n- **first** this\n- then that",
        due=datetime(2026, 3, 8 + number, 17, tzinfo=ZONE),
        start=date(2026, 3, 2),
        list="To do",
        labels=("milestone", "week 1"),
        checklist=("Send the brief", "Give access"),
        assignee="kim@example.org",
    )
    return replace(plain, **fields)


RunCheck = Callable[[Engine], None]

# ------------------------------------------------------------------------------------------- looking


def _board(it: Engine) -> dict[str, Remote]:
    """Everything on the board, by id."""
    snapshot = it.lab.open().snapshot()
    expect(snapshot.complete, f"the board can be read: {snapshot.incomplete_because}")
    return {remote.id: remote for remote in snapshot.remotes}


def _ours(it: Engine) -> dict[str, list[Remote]]:
    """What carries our marker and is not archived, by key."""
    found: dict[str, list[Remote]] = {}
    for remote in _board(it).values():
        marker = Marker.decode(remote.marker)
        if marker and marker.programme == it.short and not remote.archived:
            found.setdefault(marker.key, []).append(remote)
    return found


def _one(it: Engine, key: str = "key1") -> Remote:
    found = _ours(it).get(key, [])
    same(len(found), 1, f"open items of {key}")
    return found[0]


def _is_settled(it: Engine) -> None:
    """Nothing changes any more, and each wish has its one item."""
    writes = it.lab.writes()
    result = it.sync()
    same(it.lab.writes() - writes, 0, "writing requests of a run with nothing to do")
    same(result.target_failures, [], "failures of a run with nothing to do")
    for key, found in _ours(it).items():
        same(len(found), 1, f"open items of {key}")


def _wished(it: Engine) -> dict[str, Item]:
    """The wishes as the board can hold them, by key."""
    board = it.lab.open()
    fitter = Fitter(board.capabilities, board.normal_body, ZONE, board.snapshot().fields)
    return {wish.key: wish for wish in fitter.fit(it.desired.values())}


def _is_as_wished(it: Engine) -> None:
    """The board shows each wish as it can hold it; what it shows otherwise would pass for a person's change."""
    for wish in _wished(it).values():
        seen = _one(it, wish.key)
        same((seen.title, seen.body, seen.list), (wish.title, wish.body, wish.list), "title, body and list")
        same((_day(seen), seen.start), (wish.due_on, wish.start), "due and start date")
        same(
            (set(seen.labels), seen.assignees), (set(wish.labels), (it.lab.member,) if wish.assignee else ()), "people"
        )
        same([line.text for line in seen.checklist], list(wish.checklist), "checklist")


def _started(it: Engine, *numbers: int) -> None:
    it.want(*(item(number) for number in numbers or (1,)))
    it.sync()


# -------------------------------------------------------------------------------------------- checks


def second_run_writes_nothing(it: Engine) -> None:
    """What was written is read back as it was wished for, so a second run writes nothing."""
    _started(it, 1, 2, 3)
    same(sorted(_ours(it)), ["key1", "key2", "key3"], "the keys on the board")
    _is_as_wished(it)
    _is_settled(it)


def odd_texts_are_settled(it: Engine) -> None:
    """Emoji, other scripts and what a tool's own format could take for markup make no run write twice."""
    odd = (
        "<b>5 & 6</b> \"q\" 'a'",
        "🎓👩‍🎓 Żółć",
        "مرحبا 日本語",
        "*not* _emphasis_ [x](y) `z` #1 @all",
        "a\tb\u00a0c",
    )
    for number, text in enumerate(odd, 1):
        wish = item(number, title=text, body=f"{text}\n\n{text}", labels=(text[:40],), checklist=(text,))
        it.want(replace(wish, list=text[:40]))
    it.sync()
    _is_as_wished(it)
    _is_settled(it)


def long_texts_are_settled(it: Engine) -> None:
    """A title or body that is longer than the board holds is shortened once, told, and then settled."""
    able = it.lab.open().capabilities
    it.want(item(1, title="word " * (able.max_title // 4), body="word " * (able.max_body // 4)))
    result = it.sync()
    told = {problem.field for problem in result.problems}
    expect({"title", "body"} <= told, "the shortened title and body are told")
    _is_as_wished(it)
    _is_settled(it)


def edits_survive(it: Engine) -> None:
    """What a person changed stays when our side changes something else."""
    _started(it)
    id_ = _one(it).id
    it.lab.hand.edit(id_, {"title": "A person's", "due": datetime(2026, 5, 1, 12, tzinfo=ZONE), "list": "Doing"})
    if it.lab.open().capabilities.checklist:
        it.lab.hand.tick(id_, "Send the brief")
    it.want(item(1, body="Ours is new.", checklist=("Give access",)))
    it.sync()
    seen = _one(it)
    same((seen.title, seen.list, seen.body), ("A person's", "Doing", _wished(it)["key1"].body), "title, list, body")
    same(_day(seen), date(2026, 5, 1), "due")
    if it.lab.open().capabilities.checklist:
        same([(c.text, c.done) for c in seen.checklist], [("Send the brief", True), ("Give access", False)], "lines")
    _is_settled(it)


def _day(remote: Remote) -> date | None:
    return remote.due.astimezone(ZONE).date() if isinstance(remote.due, datetime) else remote.due


def conflicts_follow_the_rules(it: Engine) -> None:
    """Where both sides changed a field, ours wins for a title, theirs for a date, and a body is asked about."""
    _started(it)
    it.lab.hand.edit(_one(it).id, {"title": "T", "body": "B", "due": datetime(2026, 5, 1, 12, tzinfo=ZONE)})
    it.want(item(1, title="Ours", body="Ours", due=datetime(2026, 6, 1, 17, tzinfo=ZONE)))
    result = it.sync()
    seen = _one(it)
    same((seen.title, seen.body, _day(seen)), ("Ours", "B", date(2026, 5, 1)), "title, body and due date")
    expect(any(problem.field == "body" for problem in result.problems), "the body is asked about")


def one_refusal_stops_nothing_else(it: Engine) -> None:
    """One item that is refused fails alone; the next run makes just it."""
    _started(it)  # so that lists and labels are there
    it.want(*(item(number) for number in (2, 3, 4)))
    it.lab.fault(Fault.REFUSED)
    result = it.sync()
    same(result.targets[_TARGET].failed, 1, "failed changes")
    same(len(_ours(it)), 3, "items after a refusal")
    it.sync()
    same(sorted(_ours(it)), ["key1", "key2", "key3", "key4"], "the keys on the board")
    _is_settled(it)


def lost_answers_make_no_second_item(it: Engine) -> None:
    """A creation without an answer is one item, whether it took effect or not."""
    _started(it)
    for number, fault in ((2, Fault.LOST_BEFORE), (3, Fault.LOST_AFTER)):
        it.want(item(number))
        it.lab.fault(fault)
        it.sync()
        _is_settled(it)
    same(sorted(_ours(it)), ["key1", "key2", "key3"], "the keys on the board")


def late_duplicates_are_put_away(it: Engine) -> None:
    """A creation that lands after it was given up is archived when nobody touched it, and told when somebody did."""
    _started(it)
    first = _one(it)
    marker = Marker.decode(first.marker)
    expect(marker, "the item has its marker")
    for title in (first.title, "Touched"):
        late = replace(marker, nonce=f"late{title[0]}").encode() if marker else ""
        fields: Fields = {
            "title": first.title,
            "body": first.body,
            "due": first.due,
            "start": first.start,
            "list": first.list,
            "labels": first.labels,
        }
        made = it.lab.open().merge(Patch(None, late, first.body, fields))
        if title == "Touched":
            it.lab.hand.edit(made.id, {"title": title})
        result = it.sync()
        seen = it.lab.open().read(made.id)
        expect(seen is not None, "nothing is ever deleted")
        same(seen.archived if seen else None, title != "Touched", f"archived, of the late duplicate {title!r}")
    expect(any("created twice" in problem.why for problem in result.problems), "the touched one is told")
    expect(not _one_by_id(it, first.id).archived, "the item itself stays")


def _one_by_id(it: Engine, id_: str) -> Remote:
    found = _board(it).get(id_)
    if found is None:
        raise AssertionError(f"the item {id_} is gone")
    return found


def copies_are_told_and_left_alone(it: Engine) -> None:
    """A person's copy of our item is told of and never written."""
    _started(it)
    twin = it.lab.hand.copy(_one(it).id)
    before = _one_by_id(it, twin)
    it.want(item(1, title="Changed"))
    result = it.sync()
    same(_one_by_id(it, twin), before, "the copy")
    if before.marker is not None:  # some tools copy a marker, and some do not
        expect(any("copy" in problem.why for problem in result.problems), "the copy is told of")


def foreign_items_are_left_alone(it: Engine) -> None:
    """Two programmes and people share a board: each touches its own, and counts the other's."""
    theirs = it.lab.hand.add("A person's", "To do")
    other = Engine(it.lab, "autumn")
    _started(it, 1, 2)
    _started(other, 1, 2)
    before = {id_: remote for id_, remote in _board(it).items() if id_ == theirs or _programme(remote) == other.short}
    it.want(item(1, title="Changed"))
    it.desired.pop("key2")
    result = it.sync()
    same(result.targets[_TARGET].foreign, 2, "foreign items")
    after = _board(it)
    same({id_: after.get(id_) for id_ in before}, before, "what is not ours")
    _is_settled(other)


def _programme(remote: Remote) -> str | None:
    marker = Marker.decode(remote.marker)
    return marker.programme if marker else None


def what_people_put_away_stays_away(it: Engine) -> None:
    """What a person archived or deleted is never made again, and brought back only when asked for."""
    _started(it, 1, 2)
    it.lab.hand.edit(_one(it).id, {"archived": True})
    it.lab.hand.delete(_one(it, "key2").id)
    same(it.sync().targets[_TARGET].dismissed, 2, "dismissed items")
    same(_ours(it), {}, "open items")
    _is_settled(it)
    it.sync(recreate=["key1", "key2"])
    same(sorted(_ours(it)), ["key1", "key2"], "the keys on the board, once asked for")
    _is_settled(it)


def ended_items_are_archived_and_revived(it: Engine) -> None:
    """What is no longer wished for is archived; wished for again, the same item comes back, open and not done."""
    _started(it)
    before = _one(it)
    del it.desired["key1"]
    same(it.sync().targets[_TARGET].archived, 1, "archived items")
    expect(_one_by_id(it, before.id).archived, "the item is archived")
    _is_settled(it)
    _started(it)
    seen = _one(it)
    same((seen.id, seen.done, seen.list), (before.id, False, before.list), "id, done and list of the revived item")
    _is_settled(it)


def renamed_lists_keep_their_items(it: Engine) -> None:
    """A list that a person renamed keeps its items; what is new gets a list of the wished name."""
    _started(it)
    it.lab.hand.rename_list("To do", "Our plan")
    it.want(item(2))
    it.sync()
    same((_one(it).list, _one(it, "key2").list), ("Our plan", "To do"), "the lists")
    _is_settled(it)


def removed_lists_are_made_again(it: Engine) -> None:
    """A list that a person took away is made anew for what is new, and what went with it is not made twice."""
    it.lab.hand.add("A person's", "Ideas")
    _started(it)
    it.lab.hand.remove_list("To do")
    it.want(item(2))
    it.sync()
    same(_one(it, "key2").list, "To do", "the list of a new item")
    expect(len(_ours(it).get("key1", [])) <= 1, "no second item")
    _is_settled(it)


def lost_rights_stop_and_go_on(it: Engine) -> None:
    """Credentials revoked in the middle stop the run, say so, and the next one finishes it."""
    _started(it)
    it.want(item(2), item(3))
    it.lab.fault(Fault.UNAUTHORISED, skip=1)
    failures_ = it.sync().target_failures
    expect(failures_ and isinstance(failures_[0], NotAuthorised), "the run says that the credentials do not suffice")
    it.sync()
    same(sorted(_ours(it)), ["key1", "key2", "key3"], "the keys on the board")
    _is_settled(it)


def budget_stops_and_goes_on(it: Engine) -> None:
    """A used-up budget stops between two requests, and the next run finishes the rest."""
    _started(it)
    it.want(item(2), item(3))
    run = it.run()
    plan, snapshot = it.plan(run)
    it.lab.fault(Fault.BUDGET, skip=1)
    for _ in sync.apply(run, plan, {_TARGET: snapshot}, {_TARGET: it.lab.open()}):
        pass
    failures_ = run.result.target_failures
    expect(failures_ and isinstance(failures_[0], BudgetReached), "the run says that the budget is used up")
    it.lab.replenish()
    it.sync()
    same(sorted(_ours(it)), ["key1", "key2", "key3"], "the keys on the board")
    _is_settled(it)


def reached_limits_refuse_the_whole_plan(it: Engine) -> None:
    """A plan that the board has no room for is refused before anything is written; one that fits is carried out."""
    _started(it)
    if not it.lab.limit(3):
        return
    it.want(item(2), item(3), item(4))
    writes = it.lab.writes()
    failures_ = it.sync().target_failures
    expect(failures_ and isinstance(failures_[0], Refused), "the run says that there is no room")
    same(it.lab.writes() - writes, 0, "writing requests of a plan that does not fit")
    del it.desired["key4"]
    it.sync()
    same(sorted(_ours(it)), ["key1", "key2", "key3"], "the keys on a board that is full")
    _is_settled(it)


def lost_state_is_rebuilt_from_the_board(it: Engine) -> None:
    """Without any state nothing is made or written again, and a person's edits are still told from ours."""
    _started(it, 1, 2)
    it.lab.hand.edit(_one(it).id, {"title": "A person's"})
    it.lose_state()
    writes = it.lab.writes()
    counts = it.sync().targets[_TARGET]
    same((counts.adopted, counts.created), (2, 0), "adopted and created")
    same(it.lab.writes() - writes, 0, "writing requests")
    it.want(item(1, body="Ours is new."))
    it.sync()
    same((_one(it).title, _one(it).body), ("A person's", _wished(it)["key1"].body), "title and body")
    _is_settled(it)


def adopted_items_become_ours(it: Engine) -> None:
    """Asked to, a run takes over a person's item of the wished title instead of making a second."""
    theirs = it.lab.hand.add(item(1).title, "Doing")
    it.want(item(1))
    counts = it.sync(adopt=True).targets[_TARGET]
    same((counts.adopted, counts.created), (1, 0), "adopted and created")
    same((_one(it).id, _one(it).list), (theirs, "Doing"), "id and list")
    _is_settled(it)
    it.lose_state()
    _is_settled(it)


def moved_dates_move_what_is_open(it: Engine) -> None:
    """When an engagement moves, open items move, and what is done keeps its date."""
    _started(it, 1, 2)
    it.lab.hand.edit(_one(it, "key2").id, {"done": True})
    later = datetime(2026, 6, 1, 17, tzinfo=ZONE)
    it.want(item(1, due=later), item(2, due=later))
    it.sync()
    same((_day(_one(it)), _day(_one(it, "key2"))), (later.date(), date(2026, 3, 10)), "due dates")
    _is_settled(it)


def later_items_stand_below(it: Engine) -> None:
    """Items stand in the order of their due dates, and those of a later run below those that were there."""
    _started(it, 3, 4, 5)
    first = [_one(it, f"key{number}").id for number in (3, 4, 5)]
    same(list(it.lab.hand.order("To do")), first, "the order of the list")
    it.lab.hand.add("A person's", "To do")
    first = list(it.lab.hand.order("To do"))
    _started(it, 1, 6, 7)
    later = [_one(it, f"key{number}").id for number in (1, 6, 7)]
    same(list(it.lab.hand.order("To do")), [*first, *later], "the order of the list after another run")
    it.want(item(8, list="Week 2"), item(9, list="Week 2"))
    it.sync()
    same(list(it.lab.hand.order("Week 2")), [_one(it, key).id for key in ("key8", "key9")], "the order of a new list")
    _is_settled(it)


def dates_that_clash_stop_nothing_else(it: Engine) -> None:
    """A date of ours that the board does not take beside a person's is left out and told; the rest is written."""
    able = it.lab.open().capabilities
    _started(it, 1, 2)
    it.lab.hand.edit(_one(it).id, {"due": datetime(2026, 3, 4, 12, tzinfo=ZONE)})
    if able.start:
        it.lab.hand.edit(_one(it, "key2").id, {"due": item(2).due, "start": date(2026, 3, 10)})
    it.want(item(1, title="New", start=date(2026, 3, 6)))
    it.want(item(2, title="New too", due=datetime(2026, 3, 5, 17, tzinfo=ZONE)))
    told = {problem.field for problem in it.sync().problems}
    first, second, refused = _one(it), _one(it, "key2"), able.start and not able.start_after_due
    same((first.title, second.title), ("New", "New too"), "titles")
    same(_day(first), date(2026, 3, 4), "a person's due date")
    same(_day(second), date(2026, 3, 10) if refused else date(2026, 3, 5), "our due date before a person's start date")
    if able.start:
        same(first.start, date(2026, 3, 2 if refused else 6), "our start date after a person's due date")
        same(second.start, date(2026, 3, 10), "a person's start date")
    expect({"start", "due"} <= told or not refused, "the dates that are left out are told")
    _is_settled(it)


def custom_fields_are_merged(it: Engine) -> None:
    """Custom fields are kept in step, each on its own: what a person fills stays until ours changes, and is told apart.

    A field that the board has not, or that does not take its value, is told, and fails no item.
    """
    it.lab.hand.add_field("Intern", "text")
    it.lab.hand.add_field("Hours", "number")
    can = it.lab.open().capabilities.fields != "none"
    wished = {"Intern": "AL", "hours": "12.50", "Nowhere": "x"}
    it.want(item(1, fields=wished))
    result = it.sync()
    same(result.targets[_TARGET].failed, 0, "failed changes")
    told = {problem.field for problem in result.problems}
    expect("fields.Nowhere" in told if can else "fields" in told, "what is not filled is told")
    same(dict(_one(it).fields), {"Intern": "AL", "Hours": "12.5"} if can else {}, "custom fields")
    _is_settled(it)
    if not can:
        return
    it.lab.hand.edit(_one(it).id, {"fields": {"Intern": "A person's", "Hours": "13"}})
    _is_settled(it)
    it.want(item(1, fields={**wished, "Intern": "BM"}, title="Changed"))
    it.sync()
    same(dict(_one(it).fields), {"Intern": "BM", "Hours": "13"}, "custom fields, once ours has changed")
    it.want(item(1, fields={"Intern": "", "Hours": "many"}, title="Changed"))
    result = it.sync()
    same(dict(_one(it).fields), {"Hours": "13"}, "custom fields, once ours is empty")
    expect("fields.Hours" in {problem.field for problem in result.problems}, "a value that does not fit is told")
    it.lose_state()
    it.want(item(1, fields={"Intern": "CN", "Hours": "14"}, title="Changed"))
    it.sync()
    same(dict(_one(it).fields), {"Intern": "CN", "Hours": "13"}, "custom fields, once the state was lost")
    _is_settled(it)


def what_is_said_is_said_once(it: Engine) -> None:
    """Followers and a comment come with a new item and never again, also when a run was stopped in between."""
    able = it.lab.open().capabilities
    if not (able.comments or able.followers):
        return
    plain = {"checklist": (), "followers": ("kim@example.org",)}
    _started(it)  # so that list and labels are there
    before = it.lab.writes()
    it.want(item(3, checklist=()))
    it.sync()
    calls = it.lab.writes() - before  # of a new item; a second one may put it into its place
    it.want(item(2, comment="Welcome", **plain))
    if able.comments:
        it.lab.fault(Fault.UNAUTHORISED, skip=calls)  # the item is made, and nothing is said
        expect(it.sync().target_failures, "the run says that the credentials do not suffice")
    it.sync()
    it.want(item(2, comment="Welcome again", **plain))
    it.want(item(1, comment="Too late"))
    it.sync()
    _is_settled(it)
    same(it.lab.member in _one(it, "key2").followers, able.followers, "whether somebody follows")
    said = [list(it.lab.hand.comments(_one(it, key).id)) for key in ("key1", "key2")]
    same(said, [[], ["Welcome"] if able.comments else []], "comments of both items")


def large_boards_are_seen_whole(it: Engine) -> None:
    """On a board of more than 1,500 items every one of ours is found again, also without any state."""
    _started(it, 1)
    theirs = {it.lab.hand.add(f"Number {number}", "Ideas") for number in range(1520)}
    it.want(item(2))
    it.sync()
    expect(theirs <= set(_board(it)), "a snapshot holds everything")
    it.lose_state()
    same(it.sync().targets[_TARGET].adopted, 2, "adopted items")
    _is_settled(it)


RUN_CHECKS: Mapping[str, RunCheck] = named(
    second_run_writes_nothing,
    odd_texts_are_settled,
    long_texts_are_settled,
    edits_survive,
    conflicts_follow_the_rules,
    one_refusal_stops_nothing_else,
    lost_answers_make_no_second_item,
    late_duplicates_are_put_away,
    copies_are_told_and_left_alone,
    foreign_items_are_left_alone,
    what_people_put_away_stays_away,
    ended_items_are_archived_and_revived,
    renamed_lists_keep_their_items,
    removed_lists_are_made_again,
    lost_rights_stop_and_go_on,
    budget_stops_and_goes_on,
    reached_limits_refuse_the_whole_plan,
    lost_state_is_rebuilt_from_the_board,
    adopted_items_become_ours,
    moved_dates_move_what_is_open,
    later_items_stand_below,
    dates_that_clash_stop_nothing_else,
    custom_fields_are_merged,
    what_is_said_is_said_once,
    large_boards_are_seen_whole,
)
"""What whole runs promise, clause by clause."""


def check_runs(lab: Callable[[], BoardLab]) -> None:
    """Holds a board connector against what whole runs promise; `lab` makes a new lab for each check.

    Raises:
        AssertionError: with every clause that it breaks.
    """
    report(failures(RUN_CHECKS, lambda: Engine(lab())))
