"""Each promise that the adversarial world watches is seen to be broken by a build that breaks it.

A random walk may miss a broken build. Here each has a short walk of its own, on which the true build keeps every
promise, and the broken one breaks the one that is named. Some promises are kept by two mechanisms; then each alone is
seen to keep it, and both are broken.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import pytest

from ledger import OURS
from mi_sync import applying, http, linking, plan, sync
from mi_sync.applying import Worker
from mi_sync.events import Result
from mi_sync.identity import Marker, field_digest
from mi_sync.reading import SourceReader
from mi_sync.state import Store
from mi_sync.state.locks import Locks
from mi_sync.unmarked import Names
from mi_sync_asana import children as asana_children
from mi_sync_trello import children as trello_children
from mi_sync_trello.board import TrelloBoard
from system.test_adversary import OnAsana, OnTrello, World

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

Act: TypeAlias = tuple[str, Mapping[str, Any]]
Break: TypeAlias = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Walk:
    """What happens in a world: rules of the machine, after its beginning and before it has to converge.

    Attributes:
        acts: each a rule with its arguments.
        first: whether a run made the items before.
    """

    acts: tuple[Act, ...]
    first: bool = True

    def on(self, tool: Callable[[], World]) -> None:
        """Walks.

        Raises:
            AssertionError: a promise was broken.
        """
        world = tool()
        try:
            world.begin(strangers=1, first=self.first)
            for name, arguments in self.acts:
                getattr(world, name)(**arguments)
            world.converge()
        finally:
            world.failing = True  # it has converged, or has failed to
            world.teardown()


def act(rule: str, **arguments: Any) -> Act:
    return rule, arguments


# ----------------------------------------------------------------------------------------- broken builds


def no_settling(patch: pytest.MonkeyPatch) -> None:
    def unsettled(_run: Any, _target: Any, _board: Any, snapshot: Any, **_: Any) -> Generator[Any, None, Any]:
        yield from ()
        return snapshot

    patch.setattr(sync, "settle", unsettled)


def no_patience(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(applying, "_time_to_land", lambda *_: 0.0)


def no_looks(patch: pytest.MonkeyPatch) -> None:
    def blind(*_: Any) -> Iterator[Any]:
        yield from ()

    patch.setattr(Worker, "_look", blind)


def never_landed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(applying, "_landed", lambda *_: None)


def never_caught_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(plan, "_caught_up", lambda link, _: link)


def no_marks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(plan._Planner, "_by_marked_key", lambda _: {})


def base_first(patch: pytest.MonkeyPatch) -> None:
    intend = Worker._intend

    def early(self: Worker, change: Any, *rest: Any) -> int:
        number = intend(self, change, *rest)
        if (link := self._links.get(change.key)) is not None:
            with self._store.transaction():
                self._store.save_link(self._target, replace(link, base=change.base))
        return number

    patch.setattr(Worker, "_intend", early)


def posts_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(http, "_REPEATABLE", frozenset({"GET", "PUT", "DELETE", "POST"}))


def no_limits(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sync, "_check_limits", lambda *_: None)


def anybodys(patch: pytest.MonkeyPatch) -> None:
    class Forgiving(Marker):
        @staticmethod
        def decode(token: str | None) -> Marker | None:
            marker = Marker.decode(token)
            return replace(marker, programme=OURS) if marker else None

    patch.setattr(plan, "Marker", Forgiving)


def failures_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Result, "may_archive", True)


def empty_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Store, "had_rows", lambda *_: False)


def keyless_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SourceReader, "_every_key_read", property(lambda _: True, lambda *_: None), raising=False)


def never_read_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(applying, "FRESH", applying.FRESH * 10**5)


def no_lock(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Store, "lock", lambda *_args, **_options: contextlib.nullcontext())


def no_fence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Locks, "check", lambda *_args, **_options: None)


def theirs_not_kept(patch: pytest.MonkeyPatch) -> None:
    merge = plan._Planner._merge_value

    def unkept(self: Any, name: str, sides: Any, resolution: Any, it: Any) -> None:
        merge(self, name, sides._replace(last=None), resolution, it)

    patch.setattr(plan._Planner, "_merge_value", unkept)


def doubles_stay(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(plan._Planner, "_duplicates", lambda _: iter(()))


def gone_is_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(linking, "ENGAGED", frozenset())


def ticks_forgotten(patch: pytest.MonkeyPatch) -> None:
    merge = plan._merge_set

    def careless(ours: Any, base: Any, theirs: Any, keep: Any = ()) -> Any:
        del keep
        return merge(ours, base, theirs)

    patch.setattr(plan, "_merge_set", careless)


def dismissals_forgotten(patch: pytest.MonkeyPatch) -> None:
    with_remote = plan._Planner._with_remote
    patch.setattr(
        plan._Planner,
        "_with_remote",
        lambda self, item, link, remote: with_remote(self, item, replace(link, archived=remote.archived), remote),
    )


def ticked_go(patch: pytest.MonkeyPatch) -> None:
    """Neither connector looks whether a line that it is to remove is ticked."""
    patch.setattr(
        trello_children, "_unticked", lambda card, text: [it for it in card.remote.checklist if it.text == text]
    )
    patch.setattr(asana_children, "_removable", lambda task, text: [it for it in task.subtasks if it.text == text])


def nameless(patch: pytest.MonkeyPatch) -> None:
    """No tool is told what would let it refuse a second one by itself."""
    patch.setattr(Worker, "_unique", lambda *_: "")


def lists_unseen(patch: pytest.MonkeyPatch) -> None:
    unseen(patch, "list")


def labels_unseen(patch: pytest.MonkeyPatch) -> None:
    unseen(patch, "tag")


def unseen(patch: pytest.MonkeyPatch, kind: str) -> None:
    find = Names.find
    patch.setattr(Names, "find", lambda self, name: None if self._kind == kind else find(self, name))


def deletes(patch: pytest.MonkeyPatch) -> None:
    update = TrelloBoard._update

    def deleting(self: TrelloBoard, id_: str, changes: Any, texts: Any) -> Any:
        remote = update(self, id_, changes, texts)
        if changes.fields.get("archived"):
            self._http.delete(f"/cards/{id_}")
        return remote

    patch.setattr(TrelloBoard, "_update", deleting)


def writes_again(patch: pytest.MonkeyPatch) -> None:
    def always(_: Any, name: str, sides: Any, _resolution: Any, it: Any) -> None:
        it.fields[name] = (None, plan._json(sides.ours))
        it.base[name] = field_digest(sides.ours)

    patch.setattr(plan._Planner, "_merge_value", always)


def rebuilds_from_what_is_there(patch: pytest.MonkeyPatch) -> None:
    """A rebuilt link takes what stands on the board for what was applied last."""
    rebuilt = plan._rebuilt

    def naive(item: Any, remote: Any, marker: Any, *, archived: bool) -> Any:
        link = rebuilt(item, remote, marker, archived=archived)
        return replace(link, base={**link.base, "body": field_digest(remote.body)})

    patch.setattr(plan, "_rebuilt", naive)


# ------------------------------------------------------------------------------------------------- walks


@dataclass(frozen=True)
class Mutant:
    """What is broken, and how that shows.

    Attributes:
        invariant: the words of the assertion that fails.
        breaks: where there are several, each is healed by what the others break, so that only together they show.
        walks: by the tool that it shows on.
    """

    what: str
    invariant: str
    breaks: tuple[Break, ...]
    walks: Mapping[type[World], Walk]


def on_trello(*acts: Act, first: bool = True) -> dict[type[World], Walk]:
    return {OnTrello: Walk(acts, first)}


def on_asana(*acts: Act, first: bool = True) -> dict[type[World], Walk]:
    return {OnAsana: Walk(acts, first)}


def on_both(*acts: Act, first: bool = True) -> dict[type[World], Walk]:
    return {OnTrello: Walk(acts, first), OnAsana: Walk(acts, first)}


FIRST_ITEM = {"stir": 5, "at": 4, "writes": True}
"""A request that makes an item, on either tool, when there is none yet."""
LATE = (act("crash", what="late", **FIRST_ITEM), act("run"))
LOST = act("fault", name="lost after", times=1, **FIRST_ITEM)
TOO_LATE = act("fault", name="late", times=1, **FIRST_ITEM)
KILLED = act("crash", what="after", **FIRST_ITEM)
RENAMED = {"stir": 0, "at": 2, "writes": True}
RENAMED_THEN_EDITED = act("crash", what="after", **RENAMED)
NO_STEP = act("spoil", stir=5, name="people", ill="missing")
TWICE = "was made 2 times, and nothing came too late"
SECOND = "is made a second time"
TWO = "has 2 items"
UNCERTAIN = "put away although that is not certain"
DISMISSED = "what a person put away, or gave to another programme, is let alone"

MUTANTS = (
    Mutant("open intents are not settled", TWICE, (no_settling,), on_trello(*LATE, first=False)),
    Mutant("open intents are not settled", TWICE, (no_settling, nameless), on_asana(*LATE, first=False)),
    Mutant("what is on its way is not waited for", TWICE, (no_patience,), on_trello(*LATE, first=False)),
    Mutant("what is on its way is not waited for", TWICE, (no_patience, nameless), on_asana(*LATE, first=False)),
    Mutant("after an unknown outcome nobody looks", TWICE, (no_looks,), on_trello(LOST, first=False)),
    Mutant("after an unknown outcome nobody looks", TWICE, (no_looks, nameless), on_asana(LOST, first=False)),
    Mutant("a POST without an answer is sent again", TWO, (posts_again,), on_trello(LOST, first=False)),
    Mutant("a POST without an answer is sent again", TWO, (posts_again, nameless), on_asana(LOST, first=False)),
    Mutant("what came twice stays", TWO, (doubles_stay,), on_trello(TOO_LATE, first=False)),
    Mutant("what came twice stays", TWO, (doubles_stay, nameless), on_asana(TOO_LATE, first=False)),
    Mutant("what landed is not known by its mark", SECOND, (never_landed, no_marks), on_trello(KILLED, first=False)),
    Mutant("without a state nothing is known again", SECOND, (no_marks,), on_trello(act("lose_state", rebuild=False))),
    Mutant(
        "what landed is not known by its mark",
        "title of \"A person's title",
        (never_landed, never_caught_up),
        {
            OnTrello: Walk((RENAMED_THEN_EDITED, act("people_edit", n=2, name="title"))),
            OnAsana: Walk((RENAMED_THEN_EDITED, act("people_edit", n=7, name="title"))),
        },
    ),
    Mutant(
        "the base moves before the call",
        "title of 'Kickoff: Project 1 (AL)'",
        (base_first, never_caught_up),
        on_both(act("crash", what="before", **RENAMED)),
    ),
    Mutant(
        "what was read long ago is taken for what is there",
        "body of 'Kickoff: Project 2 (CO)'",
        (never_read_again,),
        {
            OnTrello: Walk((act("people_meanwhile", stir=0, n=5, name="body", at=3),)),
            OnAsana: Walk(
                (
                    act("change_posting", which=1, name="summary", n=1),
                    act("people_meanwhile", stir=5, n=4, name="body", at=5),
                )
            ),
        },
    ),
    Mutant(
        "what a person wrote is not kept",
        "title of \"A person's title",
        (theirs_not_kept,),
        on_both(act("people_edit", n=0, name="title")),
    ),
    Mutant(
        "a ticked line goes",
        "line Read it of 'Look at: Project 1'",
        (ticks_forgotten, ticked_go),
        {
            OnTrello: Walk((act("people_do", n=0, what="tick"), act("change_step", key="look", what="lines", n=0))),
            OnAsana: Walk((act("people_do", n=9, what="tick"), act("change_step", key="look", what="lines", n=0))),
        },
    ),
    Mutant(
        "what a person put away comes back",
        DISMISSED,
        (dismissals_forgotten,),
        on_both(act("people_put_away", n=0, how="archive")),
    ),
    Mutant(
        "another programme's mark is no reason to leave an item alone",
        DISMISSED,
        (anybodys,),
        on_trello(act("people_move_markers", n=0, how="another's"), act("stir", n=0)),  # Asana has its mark twice
    ),
    Mutant("an export that could not be read is no reason to wait", UNCERTAIN, (failures_forgotten,), on_both(NO_STEP)),
    Mutant(
        "an export that lost all its rows is believed",
        UNCERTAIN,
        (empty_counts,),
        on_trello(act("spoil", stir=5, name="people", ill="empty")),
    ),
    Mutant(
        "a row without a key is taken for none",
        UNCERTAIN,
        (keyless_counts,),
        on_asana(
            act("change_application", who=("S-1", "P-1"), status="applied"),
            act("run"),
            act("toggle_complete", name="people"),
            act("break_row", name="people", n=0, how="key"),
        ),
    ),
    Mutant(
        "an engagement whose row is gone is over",
        "Project 1 (AL) is asked for",
        (gone_is_over,),
        on_both(act("toggle_complete", name="people"), act("take_row", name="people", n=0)),
    ),
    Mutant("limits hold nothing back", "a limit holds back", (no_limits,), on_trello(act("end_everything"))),
    Mutant(
        "there is no lock",
        "one at a time",
        (no_lock,),
        on_asana(act("race", stir=0, at=3, unlock=False, writes=True)),
    ),
    Mutant(
        "whoever lost the lock goes on",
        "whoever lost the lock stops",
        (no_fence,),
        on_trello(act("race", stir=0, at=3, unlock=True, writes=True)),
    ),
    Mutant("lists are made without looking", "a list is made twice", (lists_unseen,), on_trello(act("stir", n=1))),
    Mutant("labels are made without looking", "a label is made twice", (labels_unseen,), on_asana(act("stir", n=2))),
    Mutant(
        "what is archived is deleted",
        "nothing is ever deleted",
        (deletes,),
        on_trello(act("change_step", key="final", what="on", n=0)),
    ),
    Mutant("what is as it should be is written again", "the third run is empty", (writes_again,), on_trello()),
    Mutant(
        "a rebuilt state takes a person's words for ours",
        "body of",
        (rebuilds_from_what_is_there,),
        on_both(act("people_edit", n=7, name="body"), act("lose_state", rebuild=True)),
    ),
)

KEPT: set[tuple[tuple[Break, ...], type[World], str]] = set()
"""On which walks such a build was seen to keep every promise: it needs no second look."""

CASES = [
    pytest.param(mutant, tool, id=f"{mutant.what}, {tool.__name__}") for mutant in MUTANTS for tool in mutant.walks
]


@pytest.mark.parametrize(("mutant", "tool"), CASES)
def test_a_build_that_breaks_a_promise_is_noticed(mutant: Mutant, tool: type[World]) -> None:
    walk = mutant.walks[tool]
    healed = mutant.breaks if len(mutant.breaks) > 1 else ()
    for breaks in ((), *((each,) for each in healed)):
        if (breaks, tool, repr(walk)) not in KEPT:
            with broken(breaks):
                walk.on(tool)
            KEPT.add((breaks, tool, repr(walk)))
    with broken(mutant.breaks), pytest.raises(AssertionError, match=re.escape(mutant.invariant)):
        walk.on(tool)


@contextlib.contextmanager
def broken(breaks: Sequence[Break]) -> Iterator[None]:
    """A build in which all this is broken."""
    with pytest.MonkeyPatch.context() as patch:
        for each in breaks:
            each(patch)
        yield
