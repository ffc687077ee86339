"""What holds for every plan: invariants over arbitrary inputs, and a world of people, crashes and lost answers."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine import OTHER, OURS, OWNERS, PLAIN, ZONE, World
from mi_sync import plan as planning
from mi_sync.connector import harvest, plant
from mi_sync.identity import MARKED, Marker, field_digest
from mi_sync.model import BoardIdentity, Capabilities, CheckItem, Fields, Item, Link, Member, Remote, Snapshot
from mi_sync.plan import Desired, Plan, Rules, TargetPlan
from mi_sync.testing import Fault

KEYS = ("key1", "key2", "key3")
DUES = tuple(datetime(2026, 3, day, 17, 0, tzinfo=ZONE) for day in (9, 10, 23))
STARTS = (date(2026, 3, 2), date(2026, 3, 3))

# --------------------------------------------------------------------------------------- arbitrary inputs


def subsets(one: str, two: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.sampled_from(((), (one,), (two,), (one, two), (two, one)))


FIELDS = st.fixed_dictionaries(
    {}, optional={"Intern": st.sampled_from(("", "AL")), "Hours": st.sampled_from(("", "1"))}
)


@st.composite
def items(draw: st.DrawFn, key: str) -> Item:
    return Item(
        key=key,
        owner=draw(st.sampled_from(OWNERS)),
        step="step",
        n=draw(st.sampled_from((None, 1, 2))),
        title=draw(st.sampled_from(("One", "Two"))),
        body=draw(st.sampled_from(("", "text", "more\n\ntext"))),
        due=draw(st.sampled_from((None, *DUES))),
        start=draw(st.sampled_from((None, *STARTS))),
        list=draw(st.sampled_from(("", "To do", "New list"))),
        labels=draw(subsets("red", "blue")),
        checklist=draw(subsets("first", "second")),
        assignee=draw(st.sampled_from((None, "kim@example.org", "nobody@example.org"))),
        done=draw(st.booleans()),
        fields=draw(FIELDS),
        comment=draw(st.sampled_from(("", "Hello"))),
    )


def digests(item: Item) -> dict[str, str]:
    return {name: field_digest(getattr(item, name)) for name in MARKED}


@st.composite
def links(draw: st.DrawFn, key: str, id_: str) -> Link:
    item = draw(items(key))
    base = digests(item) | ({"done": "1"} if draw(st.booleans()) else {})
    base |= {f"{planning.FIELD}{name}": field_digest(value) for name, value in draw(FIELDS).items()}
    base |= draw(st.sampled_from(({}, {}, {planning.COMMENT: planning.OWED})))
    nonce = draw(st.sampled_from(("n1", "n2")))
    archived = draw(st.booleans())
    return Link(key, id_, id_, nonce, item.owner, "step", item.title, base, item.labels, item.checklist, archived)


@st.composite
def tokens(draw: st.DrawFn, there: Item) -> str | None:
    """What an item carries: no marker, a stranger's, or ours, of what stands there or of something else."""
    kind = draw(st.sampled_from(("none", "garbage", "foreign", "touched", "as written", "as written")))
    if kind in ("none", "garbage"):
        return None if kind == "none" else "1.not.a.marker"
    written = digests(there if kind == "as written" else draw(items("any")))
    key, nonce = draw(st.sampled_from(KEYS)), draw(st.sampled_from(("n1", "n2")))
    return Marker("other" if kind == "foreign" else OURS, key, nonce, written, draw(st.booleans())).encode()


@st.composite
def remotes(draw: st.DrawFn, id_: str) -> Remote:
    item, ticked = draw(items("any")), draw(st.booleans())
    lines = tuple(CheckItem(f"{id_}-{text}", text, ticked) for text in (*item.checklist, "a person's"))
    return Remote(
        id=id_,
        url=f"https://board.example/{id_}",
        title=item.title,
        body=item.body,
        marker=draw(tokens(item)),
        due=item.due.astimezone(UTC) if isinstance(item.due, datetime) else item.due,
        start=item.start,
        done=draw(st.booleans()),
        archived=draw(st.booleans()),
        list=item.list,
        labels=item.labels,
        checklist=lines,
        assignees=draw(subsets("m1", "m2")),
        fields={name: value for name, value in draw(FIELDS).items() if value},
    )


@dataclass(frozen=True)
class Inputs:
    desired: Desired
    base: dict[str, Link]
    actual: Snapshot
    rules: Rules
    able: Capabilities = PLAIN

    def plan(self) -> TargetPlan:
        return planning.make(self.desired, self.base, self.actual, self.rules, self.able)


IDS = ("id1", "id2", "id3", "id4")


@st.composite
def inputs(draw: st.DrawFn) -> Inputs:
    some = st.sampled_from([names for size in range(4) for names in itertools.combinations(KEYS, size)])
    wanted = {key: draw(items(key)) for key in draw(some)}
    linked = dict(zip(draw(some), draw(st.permutations(IDS)), strict=False))
    there = draw(st.sampled_from([IDS[:size] for size in (0, 2, 3, 4)]))
    snapshot = Snapshot(
        BoardIdentity("b", "Board", "https://board.example"),
        datetime(2026, 3, 2, tzinfo=UTC),
        tuple(draw(remotes(id_)) for id_ in there),
        complete=draw(st.sampled_from((True, True, False))),
        lists=("To do",),
        labels=("red",),
        members=(Member("m1", "kim", "Kim", "kim@example.org"), Member("m2")),
    )
    rules = Rules(
        "board",
        OURS,
        ZONE,
        conflicts=dict.fromkeys((*planning.SCALARS, "fields"), draw(st.sampled_from(("ours", "theirs", "ask")))),
        may_archive=draw(st.sampled_from((True, True, False))),
        recreate=frozenset(draw(subsets(*KEYS[:2]))),
    )
    base = {key: draw(links(key, id_)) for key, id_ in linked.items()}
    able = replace(PLAIN, fields=draw(st.sampled_from(("with_item", "one_by_one"))), comments=True)
    return Inputs(Desired(wanted, frozenset(draw(subsets(*OWNERS)))), base, snapshot, rules, able)


arbitrary = settings(
    max_examples=3 * settings().max_examples,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@arbitrary
@given(inputs(), st.randoms(use_true_random=False))
def test_a_plan_does_not_depend_on_the_order_of_its_inputs(given_: Inputs, dice: random.Random) -> None:
    def shuffled(values: Iterable[Any]) -> list[Any]:
        return dice.sample(list(values), len(list(values)))

    actual, desired = given_.actual, given_.desired
    mixed = Inputs(
        Desired(dict(shuffled(desired.items.items())), desired.settled),
        dict(shuffled(given_.base.items())),
        replace(
            actual,
            remotes=tuple(replace(r, labels=tuple(shuffled(r.labels))) for r in shuffled(actual.remotes)),
            members=tuple(shuffled(actual.members)),
        ),
        given_.rules,
        given_.able,
    )
    assert mixed.plan() == given_.plan()


@arbitrary
@given(inputs())
def test_a_plan_is_a_pure_function_of_its_inputs(given_: Inputs) -> None:
    before = repr(given_)
    assert given_.plan() == given_.plan()
    assert repr(given_) == before


@arbitrary
@given(inputs())
def test_only_our_own_items_are_changed_each_at_most_once(given_: Inputs) -> None:
    seen = {r.id: Marker.decode(r.marker) for r in given_.actual.remotes}
    known = {link.id for link in given_.base.values()}
    changed = [c for c in given_.plan().changes if c.action != "create"]
    assert all(count == 1 for count in Counter(c.id for c in changed).values())
    for change in changed:
        marker = seen[change.id]
        assert change.id in known or (marker is not None and marker.programme == OURS)
        assert marker is None or marker.programme == OURS


@arbitrary
@given(inputs())
def test_each_key_has_at_most_one_change_besides_duplicates_put_away(given_: Inputs) -> None:
    changes = given_.plan().changes
    kept = [c for c in changes if c.action != "archive" or c.id == getattr(given_.base.get(c.key), "id", None)]
    assert all(count == 1 for count in Counter(c.key for c in kept).values())


@arbitrary
@given(inputs())
def test_nothing_is_created_or_archived_on_what_was_not_read_to_its_end(given_: Inputs) -> None:
    actions = {c.action for c in given_.plan().changes}
    if not given_.actual.complete:
        assert not actions & {"create", "adopt", "archive"}
    if not given_.rules.may_archive:
        assert "archive" not in actions


@arbitrary
@given(inputs())
def test_nothing_is_undone_moved_or_reassigned_and_no_ticked_line_is_removed(given_: Inputs) -> None:
    there = {r.id: r for r in given_.actual.remotes}
    for change in given_.plan().changes:
        if change.action == "create":
            continue
        assert not {"list", "assignee"} & set(change.fields)
        assert change.fields.get("done") in (None, (False, True))
        ticked = {line.text for line in there[change.id].checklist if line.done}
        assert ticked <= set(change.fields["checklist"][1] if "checklist" in change.fields else ticked)


@arbitrary
@given(inputs())
def test_sets_change_only_by_what_we_added_or_take_back(given_: Inputs) -> None:
    there = {r.id: r for r in given_.actual.remotes}
    for change in given_.plan().changes:
        for name in {"labels", "checklist"} & set(change.fields):
            if change.action == "create":
                continue
            before, after = (set(side) for side in change.fields[name])
            assert after - before <= set(getattr(given_.desired.items[change.key], name))
            assert before == {str(getattr(x, "text", x)) for x in getattr(there[change.id], name)}
            assert "a person's" not in before - after


@arbitrary
@given(inputs())
def test_a_custom_field_is_only_written_where_ours_is_another_one_than_the_boards(given_: Inputs) -> None:
    there = {r.id: r for r in given_.actual.remotes}
    for change in given_.plan().changes:
        custom = {name: pair for name, pair in change.fields.items() if name.startswith(planning.FIELD)}
        for name, (before, after) in custom.items():
            plain = name.removeprefix(planning.FIELD)
            assert after == given_.desired.items[change.key].fields[plain] != before
            assert change.action == "create" or before == there[change.id].fields.get(plain, "")
            assert change.base[name] == field_digest(after)
        assert set(change.apart) - {planning.COMMENT} == (set(custom) if given_.able.fields == "one_by_one" else set())
        owed = given_.base[change.key].base.get(planning.COMMENT) if change.key in given_.base else None
        assert planning.COMMENT not in change.fields or change.action == "create" or owed == planning.OWED


@arbitrary
@given(inputs())
def test_every_desired_item_is_counted_once(given_: Inputs) -> None:
    planned = given_.plan()
    wanted = set(given_.desired.items)
    changed = {c.key for c in planned.changes if c.action in ("create", "adopt", "update")}
    assert changed <= wanted
    assert planned.unchanged + planned.dismissed == len(wanted - changed)


def written(plan: TargetPlan) -> dict[tuple[str, str], object]:
    """What a plan writes, by item; an adoption that changes no field is no call."""
    return {(c.key, c.id): dict(c.fields) for c in plan.changes if c.fields}


@arbitrary
@given(inputs())
def test_what_is_rebuilt_first_is_written_just_as_what_is_adopted_on_the_way(given_: Inputs) -> None:
    rules, actual = replace(given_.rules, recreate=frozenset()), replace(given_.actual, complete=True)
    given_ = replace(given_, rules=rules, actual=actual)
    rebuilt = planning.rebuild(given_.desired, given_.base, actual, rules, given_.able)
    assert rebuilt.changes == ()
    links = {link.key: link for link in rebuilt.bookkeeping}
    assert links.keys() <= given_.desired.items.keys() - given_.base.keys()
    after = replace(given_, base={**given_.base, **links}).plan()
    assert written(after) == written(given_.plan())
    assert not any(change.action == "adopt" for change in after.changes)
    assert planning.rebuild(given_.desired, {**given_.base, **links}, actual, rules, given_.able).bookkeeping == ()


@arbitrary
@given(inputs())
def test_a_plan_survives_its_file(given_: Inputs) -> None:
    plan = Plan(
        "programme", "run", (given_.plan(),), datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)
    )
    assert Plan.loads(plan.dumps(), "plan.json").changes == plan.changes


# ------------------------------------------------------------------------------------------- the machine

CARDS = tuple(f"key{n}" for n in range(1, 8))


@dataclass
class Memory:
    """What a person did to an item and must find again."""

    theirs: dict[str, Any] = field(default_factory=dict)


PERSONS: dict[str, Callable[[int], Any]] = {
    "title": lambda n: f"A person's title {n}",
    "body": lambda n: f"A person's text {n}",
    "due": lambda n: datetime(2027, 1, 1, 12, tzinfo=UTC) + timedelta(days=n),
    "start": lambda n: date(2027, 1, 1) + timedelta(days=n),
}


WISHES: dict[str, tuple[Any, Any, Any]] = {
    "title": ("One", "Two", "Three"),
    "body": ("", "text", "more\n\ntext"),
    "due": (None, DUES[0], DUES[1]),
    "start": (None, *STARTS),
    "labels": ((), ("red",), ("blue", "red")),
    "checklist": ((), ("first",), ("second", "first")),
    "assignee": (None, "kim@example.org", "nobody@example.org"),
    "done": (False, False, True),
    "fields": ({}, {"Intern": "AL", "Hours": "1.5"}, {"Intern": "BM", "Hours": "", "Nowhere": "x"}),
    "comment": ("", "Hello", "Welcome"),
}


class People(RuleBasedStateMachine):
    """Records change, people meddle, answers get lost, state is lost; then everything settles."""

    able = replace(PLAIN, fields="one_by_one", comments=True)

    def __init__(self) -> None:
        super().__init__()
        self.it = World(late_by=45, able=self.able)
        self.it.hand.add_field("Intern", "text")
        self.it.hand.add_field("Hours", "number")
        self.memory = {key: Memory() for key in CARDS}
        self.dismissed: set[str] = set()

    @initialize(strangers=st.integers(0, 2))
    def begin(self, strangers: int) -> None:
        self.it.hand.add("A person's card", "Ideas")
        for n in range(strangers):
            token = Marker("other", KEYS[n], "n1", digests(Item(KEYS[n], "o", "s", None, "x"))).encode()
            id_ = self.it.hand.add("A stranger's card", "Ideas")
            self.it.world.items[id_].text = plant("text", token)
        self.strangers = {id_: repr(item) for id_, item in self.it.world.items.items()}
        for key in CARDS[:4]:
            self.want(key, "title", 0)
        self.run()

    def ours(self) -> dict[str, str]:
        """Key → id of the items that are linked, there and open."""
        linked = self.it.store.links("board")
        there = self.it.world.items
        return {key: link.id for key, link in linked.items() if link.id in there and not there[link.id].archived}

    def one(self, choice: int) -> tuple[str, str] | None:
        found = sorted(self.ours().items())
        return found[choice % len(found)] if found else None

    # -- the records -------------------------------------------------------------------------------

    @rule(key=st.sampled_from(CARDS), name=st.sampled_from(sorted(WISHES)), choice=st.integers(0, 2))
    def want(self, key: str, name: str, choice: int) -> None:
        wishes: Any = {name: WISHES[name][choice]}
        plain = Item(key, OWNERS[0], "step", None, "Plain", due=DUES[0], list="To do", labels=("red",))
        self.it.desired[key] = replace(self.it.desired.get(key, plain), **wishes)

    @rule(key=st.sampled_from(CARDS))
    def want_no_more(self, key: str) -> None:
        self.it.desired.pop(key, None)

    # -- people --------------------------------------------------------------------------------------

    @rule(choice=st.integers(0, 3), name=st.sampled_from(sorted(PERSONS)))
    def edit(self, choice: int, name: str) -> None:
        if found := self.one(choice):
            value = PERSONS[name](next(self.it.numbers))
            self.it.hand.edit(found[1], cast("Fields", {name: value}))
            self.memory[found[0]].theirs[name] = value

    @rule(choice=st.integers(0, 3))
    def fill_in(self, choice: int) -> None:
        if found := self.one(choice):
            value = f"A person's {next(self.it.numbers)}"
            self.it.hand.edit(found[1], {"fields": {"Intern": value}})
            self.memory[found[0]].theirs["Intern"] = value

    @rule(choice=st.integers(0, 3))
    def finish_it_elsewhere(self, choice: int) -> None:
        if found := self.one(choice):
            self.it.hand.edit(found[1], {"done": True, "list": "Done"})
            self.memory[found[0]].theirs |= {"done": True, "list": "Done"}

    @rule(choice=st.integers(0, 3))
    def add_to_it(self, choice: int) -> None:
        if found := self.one(choice):
            n = next(self.it.numbers)
            self.it.hand.add_label(found[1], f"label {n}")
            self.it.hand.add_line(found[1], f"line {n}", done=bool(n % 2))
            self.it.hand.assign(found[1], f"member {n}")
            theirs = self.memory[found[0]].theirs
            theirs["added"] = [*theirs.get("added", []), n]

    @rule(choice=st.integers(0, 3))
    def erase_the_marker(self, choice: int) -> None:
        if found := self.one(choice):
            self.it.hand.erase_marker(found[1])

    @rule(choice=st.integers(0, 3))
    def copy(self, choice: int) -> None:
        if found := self.one(choice):
            twin = self.it.hand.copy(found[1])
            # The copy stays as it is, whatever happens to the original.
            if self.it.world.items[twin].remote().marker:
                self.strangers[twin] = repr(self.it.world.items[twin])

    @rule(choice=st.integers(0, 3), how=st.sampled_from(("archive", "delete")))
    def put_away(self, choice: int, how: str) -> None:
        if (found := self.one(choice)) and found[0] in self.it.desired:
            if how == "archive":
                self.it.hand.edit(found[1], {"archived": True})
            else:
                self.it.hand.delete(found[1])
            self.dismissed.add(found[0])

    # -- runs ----------------------------------------------------------------------------------------

    @rule(
        fault=st.sampled_from((Fault.LOST_BEFORE, Fault.LOST_AFTER, Fault.LATE, Fault.UNAVAILABLE, Fault.BUDGET)),
        skip=st.integers(0, 3),
        key=st.sampled_from(CARDS),
    )
    def run_with_a_fault(self, fault: Fault, skip: int, key: str) -> None:
        """There is something to write, and it goes wrong."""
        self.want(key, "checklist", 2)
        self.it.desired[key] = replace(self.it.desired[key], title=f"Wish {next(self.it.numbers)}")
        self.remember()
        self.it.world.arm(fault, skip)
        self.it.sync()
        self.it.world.disarm()
        # Nobody can keep a request that lands late from writing over what a person did in that very minute.
        self.it.clock.advance(120)
        self.it.world.land()

    def teardown(self) -> None:
        """Whatever happened, it ends well."""
        self.run()
        super().teardown()

    @rule()
    def run(self) -> None:
        self.remember()
        result = self.it.sync()
        assert result.target_failures == []
        assert all(counts.failed == 0 for counts in result.targets.values())
        # A late answer may show a duplicate, which the next run puts out of the way.
        self.it.clock.advance(120)
        self.it.sync()
        assert self.it.pending() == ()
        self.check_one_item_for_each_key()
        self.check_what_is_theirs()

    def remember(self) -> None:
        """Before a run: where both sides changed a title or a custom field, ours will win."""
        linked = self.it.store.links("board")
        for key, memory in self.memory.items():
            item, link = self.it.desired.get(key), linked.get(key)
            if item and link and "title" in memory.theirs and field_digest(item.title) != link.base.get("title"):
                del memory.theirs["title"]
            last = link.base.get(f"{planning.FIELD}Intern") if link else None
            wish = item.fields.get("Intern") if item else None
            if last is not None and wish is not None and field_digest(wish) != last:
                memory.theirs.pop("Intern", None)

    # -- what must hold ------------------------------------------------------------------------------

    def check_one_item_for_each_key(self) -> None:
        for key in CARDS:
            open_ones = [r for r in self.it.marked(key) if not r.archived and r.id not in self.strangers]
            assert len(open_ones) <= 1
            wanted = key in self.it.desired and key not in self.dismissed
            assert not wanted or key in self.ours()
            if key in self.dismissed:
                assert open_ones == []

    def check_what_is_theirs(self) -> None:
        for key, id_ in self.ours().items():
            item, theirs = self.it.world.items[id_], self.memory[key].theirs
            for name in ("title", "due", "start", "done", "list"):
                if name in theirs:
                    assert getattr(item, name) == theirs[name]
            if "Intern" in theirs:
                assert self.it.fields_of(item)["Intern"] == theirs["Intern"]
            assert len(set(item.comments)) == len(item.comments)
            if "body" in theirs:
                assert harvest(item.text)[0] == theirs["body"]
            for n in theirs.get("added", []):
                assert f"label {n}" in item.labels
                assert CheckItem(ANY, f"line {n}", bool(n % 2)) in item.checklist
                assert f"member {n}" in item.assignees

    @invariant()
    def strangers_and_copies_are_never_touched(self) -> None:
        for id_, before in getattr(self, "strangers", {}).items():
            assert repr(self.it.world.items[id_]) == before


@given(st.data())
def test_links_and_base_are_rebuilt_from_the_board_alone(data: st.DataObject) -> None:
    it = World(late_by=45)
    it.desired = {key: replace(data.draw(items(key)), list="To do", done=False) for key in KEYS}
    it.sync()
    for id_ in sorted(it.world.items):
        edits = {name: PERSONS[name](1) for name in data.draw(subsets("title", "body"))}
        it.hand.edit(id_, cast("Fields", {**edits, "list": "Doing"}))
        it.hand.remove_label(id_, "red")
        it.hand.add_line(id_, "a person's")
    before = {id_: repr(item) for id_, item in it.world.items.items()}
    it.lose_state()
    writes = it.world.writes
    result = it.sync()
    assert (result.targets["board"].adopted, result.targets["board"].created) == (len(KEYS), 0)
    assert it.world.writes == writes
    assert {id_: repr(item) for id_, item in it.world.items.items()} == before
    assert it.pending() == ()


class _Any(str):
    """Equal to every id."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


ANY = _Any()


class PeopleElsewhere(People):
    """The same at a board of the other kind."""

    able = replace(OTHER, fields="with_item", comments=True)


TestPeople = People.TestCase
TestPeopleElsewhere = PeopleElsewhere.TestCase
for machine in (TestPeople, TestPeopleElsewhere):
    machine.settings = settings(max_examples=2 * settings().max_examples, stateful_step_count=40)
