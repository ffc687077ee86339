"""What a run publishes once its boards are done: views of the programme, as a message, a calendar, a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mi_sync import desired, likeness, overview
from mi_sync.config import TargetSpec
from mi_sync.connector import Publisher, View
from mi_sync.errors import MiSyncError, Problem
from mi_sync.events import Looking, Run, Story, TargetCounts
from mi_sync.model import ENGAGED, Item, Privacy
from mi_sync.views import Material, ViewName


def publish(run: Run, publishers: Mapping[str, Publisher]) -> Story:
    """Publishes the views of the programme, as the boards were last looked at; one that fails stops no other.

    Where something could not be read and nothing is remembered of it, what was published before stays: without it
    everything would seem to be gone, or to be still open.
    """
    unknown = _unknown(run)
    for spec in run.config.publishers:
        publisher = publishers[spec.name]
        yield Looking(spec.name)
        counts = run.result.targets.setdefault(spec.name, TargetCounts())
        run.result.published.add(spec.name)
        if unknown:
            why = f"nothing is published: {unknown} could not be read, and nothing is remembered of it."
            run.result.note(Problem(spec.name, "", f"{why} The next run publishes once it can."))
            continue
        programme, now = run.config.programme.name, run.outside.wire.now()
        try:
            run.store.keep_lock()  # a file needs no request, before which this is done
            seen = material(run, desired.of(run, spec).items, spec.milestones.allow)
            for name in spec.views:
                view = View(programme, now, *_shown(run, spec, seen, name))
                if publisher.publish(view):
                    counts.updated += 1
                    run.result.applied += 1
                else:
                    counts.unchanged += 1
        except MiSyncError as error:
            run.result.fail_target(spec.name, error)
        finally:
            counts.requests = publisher.requests


def _shown(
    run: Run, spec: TargetSpec, seen: Material, name: ViewName
) -> tuple[Sequence[Mapping[str, Any]], ViewName, Sequence[str], bool]:
    """The rows of a view, its name, its columns, and whether these are an export's."""
    if spec.like and name == "engagements":
        rows, columns = likeness.engagements(run, spec.like, seen)
        return rows, name, columns, True
    return seen.rows(name), name, seen.columns(name), False


def _unknown(run: Run) -> str:
    """A source, or the board whose progress counts, of which this run knows nothing; empty where there is none."""
    result, board = run.result, run.config.progress_from
    failed = [name for name, counts in result.sources.items() if not counts.complete and not counts.records]
    if failed:
        return f"source {failed[0]!r}"
    return f"target {board!r}" if board in result.unfinished and not run.store.links(board) else ""


def material(run: Run, items: Mapping[str, Item], allow: frozenset[Privacy]) -> Material:
    """What views are made from for whoever may see these classes; an engagement that has ended is in none."""
    store, config = run.store, run.config
    engagements = [each for each in store.engagements() if each.application.status in ENGAGED]
    links = {board.name: store.links(board.name).values() for board in config.boards}
    return Material(
        engagements=engagements,
        postings=desired.postings(store),
        items=items,
        progress={it.key: it for it in overview.milestones(links, {}, config.progress_from)},
        allow=allow,
        today=run.outside.wire.now().astimezone(config.programme.timezone).date(),
        news=[(it.target, it.key, it.action, it.url) for it in run.result.done],
    )
