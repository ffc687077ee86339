"""One case of the proof: a run dies at one moment, the next ones go on, and then the world is as it has to be."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple

from mi_sync_sandbox.store import Doc
from system.prove.boundaries import Boundary
from system.prove.pictures import Documents, Picture, Shown
from system.prove.scenarios import PERSONAL, Edit, Scenario
from system.prove.world import BoardOf, Break, Ended, World

INVARIANTS = {
    "one of each": "one item for each key; no list, label, section, tag, checklist or line is doubled",
    "nothing foreign touched": "items of people and of other programmes are byte for byte what they were",
    "nothing lost": "every field is what an undisturbed run leads to, and what people edited before and after stays",
    "nothing deleted": "no item is gone",
    "few requests": "no more writes than the plan's and the one in hand, no more reads than one more look",
    "no personal data logged": "no name and no address of the exports stands in a log or a saved plan",
    "converged": "one more run writes nothing, and no intent is open",
    "state whole": "the state can be read after the death, without damage",
    "orderly end": "what is run afterwards ends with an exit code of the contract, without a traceback",
    "one at a time": "a second run that is started meanwhile is refused and sends nothing",
}
"""What has to hold after every case, by name."""

DIED_AFTER = timedelta(hours=1)
RESTARTED_AFTER = timedelta(seconds=6)
"""Within one timeout, so that what is in doubt is waited for."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold."""

    invariant: str
    why: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.why}"


class Expected(NamedTuple):
    """What an undisturbed run leads to: its moments and requests, and the boards in the end."""

    passed: Sequence[Boundary]
    sent: int
    writes: int
    looks: int
    boards: Mapping[str, Picture]
    foreign: Mapping[str, str]


def expect(world: World, scenario: Scenario) -> Expected:
    """Prepares the world, remembers it, and runs everything undisturbed.

    Raises:
        AssertionError: that does not go well.
    """
    scenario.prepare(world)
    world.save()
    foreign = {board.target: _belongings(board, world.strangers[board.target]) for board in world.boards}
    world.clock.at += DIED_AFTER
    first = world.run(*scenario.command)
    assert first.code == 0, first.err
    ended = [first, *_go_on(world, scenario)]
    world.clock.at += DIED_AFTER
    last = world.run("run")
    assert (last.code, last.writes) == (0, []), last.err
    return Expected(
        first.passed,
        sum(len(each.sent) for each in ended),
        sum(each.effects for each in ended),
        len(last.sent),
        {board.target: board.picture() for board in world.boards},
        foreign,
    )


def _go_on(world: World, scenario: Scenario, broken: Break | None = None) -> list[Ended]:
    world.clock.at += RESTARTED_AFTER
    return [world.run(*command, broken=broken) for command, _ in scenario.again]


def killed(
    world: World, scenario: Scenario, expected: Expected, at: Boundary, broken: Break | None = None
) -> list[Violation]:
    """The run dies there, and everything that does not hold afterwards."""
    world.restore()
    world.clock.at += DIED_AFTER
    died = world.run(*scenario.command, deed="kill", at=at.number, broken=broken)
    last = died.passed[-1].moment if died.passed else ""
    if (died.code, len(died.passed), last) != (-9, at.number + 1, at.moment):
        return [Violation("orderly end", f"it was to be killed {at}, but ended with {died.code}: {died.err[-500:]}")]
    return [*_damaged(world)] or _judged(world, scenario, expected, died, broken)


def overtaken(
    world: World, scenario: Scenario, expected: Expected, at: Boundary, broken: Break | None = None
) -> list[Violation]:
    """The run dies there, its request still on the way, which takes effect while the next run waits, or after it."""
    world.restore()
    world.clock.at += DIED_AFTER
    died = world.run(*scenario.command, deed="delay", at=at.number, broken=broken)
    return _judged(world, scenario, expected, died, broken)


def lost(
    world: World, scenario: Scenario, expected: Expected, at: Boundary, broken: Break | None = None
) -> list[Violation]:
    """A reply is lost there; nobody dies, and the run goes on as it can."""
    world.restore()
    world.clock.at += DIED_AFTER
    ended = world.run(*scenario.command, deed="lose", at=at.number, broken=broken)
    return _judged(world, scenario, expected, ended, broken)


def raced(
    world: World, scenario: Scenario, expected: Expected, at: Boundary, broken: Break | None = None
) -> list[Violation]:
    """The run stands still there, and a second one is started, which has to let it be."""
    world.restore()
    world.clock.at += DIED_AFTER
    process = world.start(*scenario.command, deed="stop", at=at.number, broken=broken)
    with world.stopped(process):
        second = world.run(*scenario.command, broken=broken)
    first = world.wait(process)
    found = _judged(world, scenario, expected, first, broken)
    if second.code != 7 or second.sent:
        found.append(Violation("one at a time", f"the second run ended with {second.code} and sent {second.sent}"))
    return found


# ------------------------------------------------------------------------------------------- judging


def _damaged(world: World) -> Iterator[Violation]:
    if damage := world.state.damage():
        yield Violation("state whole", damage[0])


def _judged(
    world: World, scenario: Scenario, expected: Expected, first: Ended, broken: Break | None
) -> list[Violation]:
    there = {board.target: _ids(board.picture()) for board in world.boards}
    edits = {board.target: [*scenario.meanwhile(board)] for board in world.boards}
    edited = {board.target: board.picture() for board in world.boards}
    again = _go_on(world, scenario, broken)
    world.deliver()
    found = [*_ended_in_order(scenario, again), *_requests(expected, first, again)]
    world.clock.at += DIED_AFTER
    last = world.run("run", broken=broken)
    found += _converged(world, last)
    found += _personal(world, [first, *again, last])
    for board in world.boards:
        shown, name = board.picture(), board.target
        found += _once(shown, expected.boards[name])
        found += _as_expected(shown, expected.boards[name], edits[name], edited[name])
        if missing := there[name] - _ids(shown):
            found.append(Violation("nothing deleted", f"{name}: {sorted(missing)}"))
        if _belongings(board, world.strangers[name]) != expected.foreign[name]:
            found.append(Violation("nothing foreign touched", name))
    return found


def _ended_in_order(scenario: Scenario, again: Sequence[Ended]) -> Iterator[Violation]:
    for (command, codes), ended in zip(scenario.again, again, strict=True):
        if ended.code not in codes:
            yield Violation("orderly end", f"{' '.join(command)} ended with {ended.code}: {ended.err[-500:]}")


def _requests(expected: Expected, first: Ended, again: Sequence[Ended]) -> Iterator[Violation]:
    """Of writes, one may be said again; of reads, there may be one more look at everything, and at the item in doubt."""
    writes = sum(each.effects for each in (first, *again))
    sent = sum(len(each.sent) for each in again)
    if writes > expected.writes + 1:
        yield Violation("few requests", f"{writes} writes, where {expected.writes} suffice")
    if sent > expected.sent + expected.looks + 1:
        yield Violation("few requests", f"{sent} requests afterwards, where {expected.sent} suffice for all of it")


def _converged(world: World, last: Ended) -> Iterator[Violation]:
    if last.code != 0 or last.writes:
        yield Violation("converged", f"one more run ended with {last.code} and wrote {last.writes}: {last.err[-300:]}")
    if open_ := world.state.doubts():
        yield Violation("converged", f"{open_} intents are open in the end")


def _personal(world: World, ended: Iterable[Ended]) -> Iterator[Violation]:
    logs = [text for each in ended for text in (each.out, each.err)] + world.log_files()
    for word in PERSONAL:
        if any(word in text for text in logs):
            yield Violation("no personal data logged", word)


def _once(shown: Picture, wanted: Picture) -> Iterator[Violation]:
    keys, expected = ([item.key for item in picture.ours] for picture in (shown, wanted))
    if more := [key for key in {*keys} if keys.count(key) > max(1, expected.count(key))]:
        titles = [item.title for item in shown.ours if item.key in more]
        yield Violation("one of each", f"items {titles}")
    if shown.doubled != wanted.doubled:
        yield Violation("one of each", f"{shown.doubled} instead of {wanted.doubled}")


def _as_expected(shown: Picture, wanted: Picture, edits: Sequence[Edit], edited: Picture) -> Iterator[Violation]:
    is_, has_to_be = (sorted((each.seen for each in picture.items), key=_order) for picture in (shown, wanted))
    has_to_be = [_edited(item, edits, edited) for item in has_to_be]
    if edits:  # where a person's line stands among ours is nobody's promise
        is_, has_to_be = ([replace(it, lines=tuple(sorted(it.lines))) for it in items] for items in (is_, has_to_be))
    for one, other in zip(is_, has_to_be, strict=False):
        if one != other:
            yield Violation("nothing lost", f"{one} instead of {other}")
    if len(is_) != len(has_to_be):
        yield Violation("nothing lost", f"{len(is_)} items instead of {len(has_to_be)}")
    for name, some, others in (("lists", shown.lists, wanted.lists), ("labels", shown.labels, wanted.labels)):
        new = {str(edit.value) for edit in edits if edit.field == name}
        if {*some} != {*others} | new:
            yield Violation("nothing lost", f"{name} {some} instead of {others}")


def _order(item: Shown) -> tuple[str, str, str]:
    return (item.programme, item.key or item.title, item.id)


def _edited(item: Shown, edits: Sequence[Edit], edited: Picture) -> Shown:
    """The item as it has to be after what people did to it."""
    theirs = {each.key: each for each in edited.ours}
    for edit in edits:
        if edit.key != item.key:
            continue
        now = theirs[edit.key]
        match edit.field:
            case "labels":
                item = replace(item, labels=tuple(sorted({*item.labels, edit.value})))
            case "lines" | "ticked":
                mine = next(line for line in now.lines if line[1] == edit.value)
                others = tuple(line for line in item.lines if line[1] != edit.value)
                item = replace(item, lines=(*others, mine))
            case field:
                item = replace(item, **{field: getattr(now, field)})
    return item


def _ids(picture: Picture) -> set[str]:
    return {item.id for item in picture.items}


def _belongings(board: BoardOf, ids: set[str]) -> str:
    """Everything that is stored of these items, with their checklists, subtasks, places and history."""
    return json.dumps(_about(board.documents(), ids), sort_keys=True)


def _about(documents: Documents, ids: set[str]) -> dict[str, list[Doc]]:
    names = ("id", "gid", "idCard", "task", "parent")
    return {
        kind: [each for each in docs if any(each.get(name) in ids for name in names)]
        for kind, docs in documents.items()
    }
