"""Whatever people, exports, networks and crashes do together: one item for each key, and nobody's work lost."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
import requests
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from adversary import APPLICATIONS, POSTINGS, PRIVATE, Asana, Project, Told, Tool, Trello, Trouble, foreign
from ledger import Ledger, marked
from mi_sync.model import Fields, Remote

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

_FORCED = "--force=archive"
ENOUGH = 120.0
"""Seconds after which nothing is on its way any more, and no snapshot is fresh."""

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  a folder of its own in there
"""Where nothing waits for a disk."""

FAULTS: Mapping[str, Mapping[str, Any]] = {
    "lost before": {"kind": "fail_before", "how": "reset"},
    "lost after": {"kind": "fail_after", "how": "reset"},
    "gateway before": {"kind": "fail_before", "status": 503},
    "gateway after": {"kind": "fail_after", "status": 502},
    "too many": {"kind": "rate_limit"},
    "slow": {"kind": "slow", "when": "after"},
    "late": {"kind": "slow", "when": "before"},
    "cut": {"kind": "cut"},
    "revoked": {"kind": "revoked"},
    "refused": {"kind": "fail_before", "status": 400},
    "short": {"kind": "short_page"},
}
CRASHES = ("before", "after", "late", "commit", "committed")
PERSONS: Mapping[str, Callable[[int], Any]] = {
    "title": lambda n: f"A person's title {n}",
    "body": lambda n: f"A person's text {n}",
    "due": lambda n: datetime(2027, 1, 1, 18, tzinfo=UTC) + timedelta(days=n),
    "start": lambda n: date(2026, 1, 1) + timedelta(days=n % 28),
}
CHOICE = st.integers(0, 11)
STIR = st.integers(0, 5)


class World(RuleBasedStateMachine):
    """The whole engine on one tool."""

    tool: ClassVar[Callable[..., Tool]]

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(dir=MEMORY)
        self.it = Project(Path(self._folder.name), self.tool)
        self.ledger = Ledger(self.it)
        self.hand, self.clock, self.numbers = self.it.tool.hand, self.it.clock, self.it.numbers
        self.failing = self.may_double = False
        self.touched: set[str] = set()
        self.looked_at = 0
        self.before: dict[str, Remote] = {}
        self.taken: dict[tuple[str, tuple[str, ...]], dict[str, str]] = {}
        self.member = self.it.board().snapshot().members[0].id

    def teardown(self) -> None:
        """Whatever happened, it ends well."""
        try:
            if not self.failing:
                self.converge()
        finally:
            self._folder.cleanup()
            super().teardown()

    @initialize(strangers=st.integers(1, 2), first=st.booleans())
    def begin(self, strangers: int, first: bool) -> None:  # noqa: FBT001  drawn
        self.hand.add("A person's own", "To Do")
        for n in range(strangers):
            self.it.tool.paste(self.hand.add("Another programme's", "To Do"), foreign(n))
        if first:
            self.run()

    # -- runs -----------------------------------------------------------------------------------------

    def look(self) -> dict[str, Remote]:
        return dict(self.it.look().items)

    def run(self, *more: str, trouble: Trouble | None = None) -> Told:
        """One run, judged by what it did to the board."""
        seen = self.it.look()
        self.before = dict(seen.items)
        told = self.it.command("run", *more, trouble=trouble)
        self.it.weather.clear()
        disturbed = trouble is not None
        whole = not any("could not be read completely" in problem["why"] for problem in _problems(told))
        certain = whole and not any(export.fails for export in self.it.exports.values())
        if told.pulled:
            self.it.read()
        refused, self.failing = _FORCED not in more and _is_refused(told), True
        self.ledger.judge(
            self.before, self.look(), self.it.wishes(), clean=not disturbed and not refused, certain=certain
        )
        if not disturbed:
            self._is_told_truly(told, certain=certain, refused=refused)
            assert not _more_than_once(seen.lists, self.it.look().lists), "a list is made twice"
            assert not _more_than_once(seen.labels, self.it.look().labels), "a label is made twice"
        self.failing = False
        return told

    def _is_told_truly(self, told: Told, *, certain: bool, refused: bool) -> None:
        result = told.result
        assert told.code in (0, 3, *(() if certain else (2, 4)), *((4,) if refused else ())), result
        for counts in result["sources"].values():
            parts = ("mapped", "unchanged", "quarantined", "skipped")
            assert counts["rows"] == sum(counts[part] for part in parts)
        assert not refused or told.writes == 0, "a limit holds back what exceeds it"
        assert certain == all(counts["complete"] for counts in result["sources"].values())
        assert all(counts["failed"] == 0 for counts in result["targets"].values()), result["problems"]

    @rule()
    def converge(self) -> None:
        """Without new changes two runs suffice, and the third is empty."""
        self.land()
        if _is_refused(self.run()):
            self.run(_FORCED)
        self.clock.advance(ENOUGH)
        second = self.run()
        third = self.run()
        assert third.writes == 0, f"the third run is empty: {self.it.weather.log[-5:]}"
        assert third.result["problems"] == second.result["problems"]
        fine = not any(export.fails for export in self.it.exports.values())
        assert third.code == (0 if fine else second.code), third.result
        self.has_one_for_each_key(certain=fine)
        log = self.it.weather.log
        assert not [line for line in log[self.looked_at :] if any(word in line for word in PRIVATE)]
        self.looked_at = len(log)

    def has_one_for_each_key(self, *, certain: bool) -> None:
        """Of what we made ourselves; a second one goes away only when all exports could be read."""
        there = self.look()
        for key in self.it.wishes().items:
            id_ = self.ledger.links[key]
            mine = [i for i, card in self.ledger.cards.items() if card.key == key and i in there]
            opened = [i for i in mine if not there[i].archived and marked(there[i]) and i not in self.ledger.remarked]
            others = {*opened} - {id_} - self.touched
            assert not (others and certain) or (not self.ledger.links[key] and len(others) == 1), (
                f"{key} has {len(opened)} items"
            )
            assert len(mine) <= 1 or self.may_double, f"{key} was made {len(mine)} times, and nothing came too late"

    def land(self) -> None:
        """What is late arrives, after everybody who waited for it is gone."""
        self.clock.advance(ENOUGH)
        before, late = self.look(), self.it.weather.deliver_late()
        if late:
            self.ledger.judge(before, self.look(), self.it.wishes(), clean=False, certain=True)

    def stir(self, n: int) -> None:
        """There is something to write, more or less."""
        new, final = next(self.numbers), self.it.steps["final"]
        if n == 0:
            for row in self.it.exports["jobs"].rows.values():
                row["title"] = f"Renamed {new}, {row['id']}"
        elif n == 1:
            extra = self.it.steps["extra"]
            extra.on, extra.title = not extra.on, f"Extra {new}"
        elif n == 2:
            final.labels, final.lines = (f"label {new}", "red"), (f"Line {new}", "Brief")
        elif n == 3:
            for row in list(self.it.exports["people"].rows.values())[new % 2 :: 2]:
                row["status"] = "withdrawn" if row["status"] == "accepted" else "accepted"
        elif n == 4:
            for row in self.it.exports["jobs"].rows.values():
                row["status"] = "draft" if row["status"] == "open" else "open"

    @rule(stir=STIR, what=st.sampled_from(CRASHES), at=st.integers(0, 9), writes=st.booleans())
    def crash(self, stir: int, what: str, at: int, writes: bool) -> None:  # noqa: FBT001  drawn
        self.stir(stir)
        self.run(_FORCED, trouble=Trouble(what, at, writes))

    @rule(
        stir=STIR, at=st.integers(0, 9), number=st.sampled_from((signal.SIGINT, signal.SIGTERM)), writes=st.booleans()
    )
    def interrupt(self, stir: int, at: int, number: int, writes: bool) -> None:  # noqa: FBT001  drawn
        self.stir(stir)
        told = self.run(_FORCED, trouble=Trouble(lambda _: signal.raise_signal(number), at, writes))
        assert told.code in (0, 2, 3, 4, 130, 143), told.result

    @rule(stir=STIR, requests=st.integers(0, 20))
    def run_out_of_budget(self, stir: int, requests: int) -> None:
        self.stir(stir)
        told = self.run(_FORCED, f"--max-requests={requests}", trouble=Trouble("", 0))
        assert told.code in (0, 2, 3, 4, 8), told.result

    @rule(
        stir=STIR,
        name=st.sampled_from(sorted(FAULTS)),
        at=st.integers(0, 5),
        times=st.sampled_from((1, 1, 1, 3, 9)),
        writes=st.sampled_from((True, True, False)),
    )
    def fault(self, stir: int, name: str, at: int, times: int, writes: bool) -> None:  # noqa: FBT001  drawn
        self.stir(stir)
        told = self.run(_FORCED, trouble=Trouble({**FAULTS[name], "times": times}, at, writes))
        assert told.code in (0, 2, 3, 4, 5, 6), told.result
        self.may_double |= bool(self.it.weather.late)  # it was waited for, and is later than anybody waits
        self.land()

    # -- exports --------------------------------------------------------------------------------------

    @rule(
        which=st.integers(0, 1), name=st.sampled_from(("title", "summary", "starts_on", "status")), n=st.integers(0, 2)
    )
    def change_posting(self, which: int, name: str, n: int) -> None:
        values = {"title": ("Project", "Study", "Survey"), "summary": ("", "About it.", "More\n\nof it.")}
        values |= {"starts_on": ("2026-03-09", "2026-03-10", "2026-03-16"), "status": ("open", "draft", "closed")}
        if row := self.it.exports["jobs"].rows.get((POSTINGS[which],)):
            row[name] = values[name][n] + (f" {which}" if name == "title" else "")

    @rule(
        who=st.sampled_from(APPLICATIONS), status=st.sampled_from(("accepted", "in_progress", "withdrawn", "applied"))
    )
    def change_application(self, who: tuple[str, str], status: str) -> None:
        if row := self.it.exports["people"].rows.get(who):
            row["status"] = status

    @rule()
    def end_everything(self) -> None:
        for row in self.it.exports["people"].rows.values():
            row["status"] = "withdrawn"

    @rule(name=st.sampled_from(("jobs", "people")), n=CHOICE)
    def take_row(self, name: str, n: int) -> None:
        rows = self.it.exports[name].rows
        if rows:
            about = sorted(rows)[n % len(rows)]
            self.taken[name, about] = rows.pop(about)

    @rule()
    def give_rows_back(self) -> None:
        for (name, about), row in self.taken.items():
            self.it.exports[name].rows.setdefault(about, row)
        self.taken.clear()

    @rule(
        stir=STIR,
        name=st.sampled_from(("jobs", "people")),
        ill=st.sampled_from(("missing", "empty", "other", "missing")),
    )
    def spoil(self, stir: int, name: str, ill: str) -> None:
        self.it.exports[name].ill = ill
        self.stir(stir)
        self.it.steps["final"].on = not stir % 2  # its items would be put away, if that were certain
        self.run(_FORCED)

    @rule()
    def mend(self) -> None:
        self.it.steps["final"].on = True
        for export in self.it.exports.values():
            export.ill = ""
            export.broken.clear()

    @rule(name=st.sampled_from(("jobs", "people")), n=CHOICE, how=st.sampled_from(("cell", "key")))
    def break_row(self, name: str, n: int, how: str) -> None:
        export = self.it.exports[name]
        if export.rows:
            export.broken[sorted(export.rows)[n % len(export.rows)]] = how

    @rule(name=st.sampled_from(("jobs", "people")), n=CHOICE)
    def reorder(self, name: str, n: int) -> None:
        export = self.it.exports[name]
        rows = sorted(export.rows.items(), key=lambda row: (hash_of(row[0], n), row[0]))
        export.rows = dict(rows)
        export.repeated = rows[0][0] if rows and n % 2 else None

    @rule(name=st.sampled_from(("jobs", "people")))
    def toggle_complete(self, name: str) -> None:
        self.it.exports[name].complete ^= True

    @rule()
    def rename_file(self) -> None:
        for export in self.it.exports.values():
            if not export.hidden:
                export.file = f"{export.name}-{next(self.numbers)}.csv"
        self.converge()

    @rule()
    def rename_column(self) -> None:
        export = self.it.exports["jobs"]
        if export.mapping != "ours":  # whose template would have half of its columns
            export.hidden = "" if export.hidden else "summary"

    @rule()
    def change_mapping(self) -> None:
        export = self.it.exports["jobs"]
        if not export.hidden:
            export.mapping = "generic_postings" if export.mapping == "ours" else "ours"

    # -- the configuration ------------------------------------------------------------------------------

    @rule(
        key=st.sampled_from(("kickoff", "final", "look", "extra")),
        what=st.sampled_from(("on", "title", "labels", "lines", "due")),
        n=st.integers(0, 2),
    )
    def change_step(self, key: str, what: str, n: int) -> None:
        step = self.it.steps[key]
        if what == "on":
            step.on = not step.on
        elif what == "title":
            step.title = f"{key.title()} {n}" if n else key.title()
        elif what == "labels":
            step.labels = ((), ("red",), ("green", "red"))[n]
        elif what == "lines":
            step.lines = ((), ("Ask",), ("Ask", "Answer"))[n]
        else:
            step.due = ("start", "midpoint", "end")[n]
        if not any(each.on for each in self.it.steps.values()):
            step.on = True

    @rule(name=st.sampled_from(sorted(PERSONS)), how=st.sampled_from(("ours", "theirs", "ask")))
    def change_conflicts(self, name: str, how: str) -> None:
        self.it.conflicts[name] = how

    # -- people -----------------------------------------------------------------------------------------

    def one(self, n: int) -> str | None:
        """One of our items that are there and open."""
        there = self.look()
        ours = sorted(id_ for id_ in self.ledger.cards if id_ in there and not there[id_].archived)
        if ours:
            self.touched.add(ours[n % len(ours)])  # whatever they do with it
        return ours[n % len(ours)] if ours else None

    def edit(self, id_: str, name: str) -> None:
        fields = {name: PERSONS[name](next(self.numbers))}
        if name == "start":  # not all tools and items have one, and a tool may want both dates at once
            there = self.look()[id_]
            if not (there.start and there.due):
                return
            fields["due"] = there.due
        self.hand.edit(id_, cast("Fields", fields))

    @rule(n=CHOICE, name=st.sampled_from(sorted(PERSONS)))
    def people_edit(self, n: int, name: str) -> None:
        if id_ := self.one(n):
            self.edit(id_, name)

    @rule(n=CHOICE, what=st.sampled_from(("label", "drop", "line", "tick", "assign", "done", "undone", "move", "top")))
    def people_do(self, n: int, what: str) -> None:
        if not (id_ := self.one(n)):
            return
        remote, tool = self.look()[id_], self.it.tool
        acts: dict[str, Callable[[], object]] = {
            "label": lambda: self.hand.add_label(id_, ("red", "green", "mine")[n % 3]),
            "drop": lambda: tool.drop_label(id_, next(iter(remote.labels), "")),
            "line": lambda: self.hand.add_line(id_, f"Mine {next(self.numbers)}", done=bool(n % 2)),
            "tick": lambda: self.hand.tick(id_, next((line.text for line in remote.checklist), "")),
            "assign": lambda: self.hand.assign(id_, self.member),
            "done": lambda: self.hand.edit(id_, {"done": True}),
            "undone": lambda: self.hand.edit(id_, {"done": False}),
            "move": lambda: self.hand.edit(id_, {"list": ("Doing", "Done", "Ideas")[n % 3]}),
            "top": lambda: self.hand.raise_to_top(id_),
        }
        acts[what]()

    @rule(n=CHOICE, how=st.sampled_from(("archive", "delete")))
    def people_put_away(self, n: int, how: str) -> None:
        if id_ := self.one(n):
            self.hand.edit(id_, {"archived": True}) if how == "archive" else self.hand.delete(id_)

    @rule(n=CHOICE)
    def people_bring_back(self, n: int) -> None:
        there = self.look()
        away = sorted(id_ for id_ in self.ledger.cards if id_ in there and there[id_].archived)
        if away:
            fields: Fields = {"list": "To Do"} if self.it.tool.archives_by_completing else {"archived": False}
            self.hand.edit(away[n % len(away)], fields)

    @rule(n=CHOICE)
    def people_copy(self, n: int) -> None:
        if id_ := self.one(n):
            self.hand.copy(id_)

    @rule(n=CHOICE, how=st.sampled_from(("strip", "another's", "ours elsewhere", "ours on ours")))
    def people_move_markers(self, n: int, how: str) -> None:
        if not (id_ := self.one(n)):
            return
        token = self.look()[id_].marker
        other = self.one(n + 1)
        if how == "ours elsewhere":
            self.it.tool.paste(self.hand.add("With a line that was pasted", "Ideas"), token)
        elif how == "ours on ours" and other and token:
            self.it.tool.paste(other, token)
            self.ledger.remarked.add(other)
        else:
            self.it.tool.paste(id_, None if how == "strip" else foreign(n))
            self.ledger.remarked.add(id_)

    @rule(how=st.sampled_from(("second", "rename", "remove", "add")), name=st.sampled_from(("To Do", "Doing")))
    def people_change_lists(self, how: str, name: str) -> None:
        if how == "second":
            self.it.tool.second_list(name)
        elif how == "add":
            self.hand.add("One more of a person's", name)
        elif name in self.it.tool.lists() and len(self.it.tool.lists()) > 1:
            if how == "rename":
                self.hand.rename_list(name, f"{name} {next(self.numbers)}")
            else:
                self.hand.remove_list(name)

    @rule(days=st.integers(1, 30))
    def time_passes(self, days: int) -> None:
        self.land()
        self.clock.advance(86400.0 * days)

    # -- more than one at a time --------------------------------------------------------------------------

    @rule(stir=STIR, at=st.integers(0, 9), unlock=st.booleans(), writes=st.booleans())
    def race(self, stir: int, at: int, unlock: bool, writes: bool) -> None:  # noqa: FBT001  drawn
        """A second runner starts while a request of the first is about to be sent."""
        self.stir(stir)

        seconds: list[Told] = []

        def second(_: requests.PreparedRequest) -> None:
            if unlock:
                self.may_double = True  # what the first one is sending cannot be called back
                self.it.command("state", "unlock", "--force")
            seconds.append(self.it.command("run", _FORCED))

        first = self.run(_FORCED, trouble=Trouble(second, at, writes))
        stopped = any("taken away" in problem["why"] for problem in _problems(first))
        assert stopped == (unlock and bool(seconds)), f"whoever lost the lock stops: {first.result}"
        for told in seconds:
            assert (told.code != 7) if unlock else ((told.code, told.writes) == (7, 0)), f"one at a time: {told.result}"

    @rule(stir=STIR, n=CHOICE, name=st.sampled_from(sorted(PERSONS)), at=st.integers(0, 9))
    def people_meanwhile(self, stir: int, n: int, name: str, at: int) -> None:
        """A person edits while a run is under way, and not just between its look at the item and its write."""
        self.stir(stir)
        id_ = self.one(n)

        def meddle(request: requests.PreparedRequest) -> None:
            if id_ and id_ in self.look() and id_ not in str(request.url) and not _prepares(request):
                self.edit(id_, name)
                self.before[id_] = self.look()[id_]  # what the run finds, or finds to have changed
                self.clock.advance(ENOUGH)

        self.run(_FORCED, trouble=Trouble(meddle, at, writes=False))

    # -- the state is lost ---------------------------------------------------------------------------------

    @rule(rebuild=st.booleans())
    def lose_state(self, rebuild: bool) -> None:  # noqa: FBT001  drawn
        self.it.lose_state()
        self.may_double = True  # without the state nobody knows what people deleted
        self.ledger.lose_state()
        if rebuild:
            before, told = self.look(), self.it.command("state", "rebuild")
            if told.pulled:
                self.it.read()
            assert (told.writes, self.look()) == (0, before)
            self.ledger.know_again()
        else:
            self.converge()


def _prepares(request: requests.PreparedRequest) -> bool:
    """Whether it makes a list or a label for a change that was looked at already."""
    return str(request.url).split("?")[0].endswith(("/lists", "/labels", "/sections", "/tags"))


def hash_of(about: tuple[str, ...], n: int) -> int:
    """An order that looks like none, and is the same each time."""
    return sum(map(ord, "".join(about))) * (n + 3) % 11


def _is_refused(told: Told) -> bool:
    return any(_FORCED in problem["why"] for problem in _problems(told))


def _problems(told: Told) -> Sequence[Mapping[str, str]]:
    problems: Sequence[Mapping[str, str]] = told.result.get("problems", ())
    return problems


def _more_than_once(before: Any, after: Any) -> set[str]:
    """Names of which there are more than one now and more than before."""
    return {name for name in after if after.count(name) > max(1, before.count(name))}


class OnTrello(World):
    tool = Trello


class OnAsana(World):
    tool = Asana


EXAMPLES = max(1, settings().max_examples // 5)
TestOnTrello = OnTrello.TestCase
TestOnAsana = OnAsana.TestCase
for each in (TestOnTrello, TestOnAsana):
    each.settings = settings(max_examples=EXAMPLES, stateful_step_count=25)


# ------------------------------------------------------------------------------------ one seed, one trace

ACTS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("change_posting", {"which": 0, "name": "title", "n": 1}),
    ("change_application", {"who": APPLICATIONS[1], "status": "withdrawn"}),
    ("break_row", {"name": "jobs", "n": 0, "how": "cell"}),
    ("spoil", {"stir": 1, "name": "people", "ill": "missing"}),
    ("people_edit", {"n": 2, "name": "body"}),
    ("people_copy", {"n": 1}),
    ("people_put_away", {"n": 3, "how": "archive"}),
    ("crash", {"stir": 1, "what": "after", "at": 1, "writes": True}),
    ("crash", {"stir": 0, "what": "commit", "at": 4, "writes": True}),
    ("fault", {"stir": 2, "name": "late", "at": 0, "times": 1, "writes": True}),
    ("interrupt", {"stir": 3, "at": 1, "number": signal.SIGTERM, "writes": True}),
    ("change_mapping", {}),
    ("race", {"stir": 1, "at": 2, "unlock": True, "writes": False}),
    ("lose_state", {"rebuild": True}),
    ("time_passes", {"days": 3}),
)


def trace(machine: Callable[[], World], program: Sequence[int]) -> list[str]:
    """Every request and every output of a program."""
    world = machine()
    try:
        world.begin(strangers=1, first=True)
        for number in program:
            name, arguments = ACTS[number]
            getattr(world, name)(**arguments)
        world.converge()
        outputs = [text.replace(str(world.it.folder), "") for text in world.it.outputs]
        return [*world.it.weather.log, *outputs]
    finally:
        world.failing = True  # it has converged already
        world.teardown()


@pytest.mark.parametrize("machine", [OnTrello, OnAsana])
def test_one_seed_has_one_trace(machine: Callable[[], World]) -> None:
    @settings(max_examples=3, phases=[Phase.generate])
    @given(st.permutations(range(len(ACTS))))
    def same(program: list[int]) -> None:
        first = trace(machine, program)
        assert len(first) > 50
        assert trace(machine, program) == first

    same()
