"""What the records ask for at a target, and what of it its board can hold."""

from __future__ import annotations

from dataclasses import replace

from mi_sync import identity
from mi_sync.config import TargetSpec
from mi_sync.connector import Board, harvest
from mi_sync.errors import Problem
from mi_sync.events import Run
from mi_sync.fitting import Fitter
from mi_sync.identity import Marker
from mi_sync.model import ENDED, Counts, Item, Posting, Snapshot
from mi_sync.plan import Desired, Rules
from mi_sync.state import Store


def of(run: Run, spec: TargetSpec) -> Desired:
    """What the records ask for at this target; what they cannot ask for is noted in the result."""
    store, milestones = run.store, spec.milestones
    items: dict[str, Item] = {}
    settled: set[str] = set()
    owners = {link.owner for link in store.links(spec.name).values()}
    made = [(e.application.key, milestones.of_engagement(e)) for e in store.engagements()]
    made += [(posting.key, milestones.of_posting(posting, counts)) for posting, counts in postings(store)]
    for owner, asked in made:
        items.update((item.key, _unmarked(item)) for item in asked.items)
        if asked.settled:
            settled.add(owner)
        run.result.note(*asked.problems)
        if asked.problem_if_items and owner in owners:
            run.result.note(asked.problem_if_items)
    return Desired(items, frozenset(settled))


def postings(store: Store) -> list[tuple[Posting, Counts]]:
    """All postings, with the counts of their applications."""
    applications = store.application_counts()
    found = (it for it in store.records("posting") if isinstance(it, Posting))
    return [(posting, Counts.of(posting, applications.get(posting.key, {}))) for posting in found]


def on_board(run: Run, spec: TargetSpec, snapshot: Snapshot) -> Desired:
    """The same, with the items of engagements that have ended where the board has marks that nobody remembers.

    Without a state they are the only way to know those items again, and to archive what is still open.
    """
    wanted = of(run, spec)
    ours = identity.programme_short(run.config.programme.id)
    known = {*wanted.items, *run.store.links(spec.name)}
    marked = (Marker.decode(remote.marker) for remote in snapshot.remotes)
    if all(it is None or it.programme != ours or it.key in known for it in marked):
        return wanted
    over = (it for it in run.store.engagements(ENDED) if it.application.status in ENDED)
    engaged = (replace(it, application=it.application.model_copy(update={"status": "accepted"})) for it in over)
    items = {item.key: _unmarked(item) for it in engaged for item in spec.milestones.of_engagement(it).items}
    return replace(wanted, ended=items, settled=wanted.settled | {item.owner for item in items.values()})


def _unmarked(item: Item) -> Item:
    """A posting's text may hold a marker, copied from a board; only ours may stand on an item."""
    body = harvest(item.body)[0]
    return item if body == item.body else replace(item, body=body)


def fitted(board: Board, snapshot: Snapshot, wanted: Desired, rules: Rules) -> tuple[Desired, tuple[Problem, ...]]:
    """What is desired as the board can hold it, and what is lost on the way."""
    fitter = Fitter(
        board.capabilities, board.normal_body, rules.timezone, snapshot.fields, snapshot.fields_hidden_because
    )
    items = {item.key: item for item in fitter.fit(wanted.items.values())}
    return replace(wanted, items=items), fitter.problems
