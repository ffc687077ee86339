"""Contributions become canonical records with labels: the second part of `sync.pull`, within its transaction."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from mi_sync import identity, linking
from mi_sync.errors import ConfigError, Problem, did_you_mean
from mi_sync.events import Run, SourceCounts
from mi_sync.left_out import LeftOut, as_problem
from mi_sync.model import Contribution, Kind, Quarantined, Record
from mi_sync.reading import unconfigured
from mi_sync.state import Keys, Store

_LINK_ORDER: tuple[Kind, ...] = ("posting", "applicant", "application", "feedback")
_AT_ONCE = 500
"""So many records are stored by one statement."""


def tell_unconfigured(run: Run) -> None:
    """What a source said stands until somebody says otherwise: a line of the configuration is quickly commented out."""
    for name in unconfigured(run):
        records = run.store.count_records_of(name)
        why = (
            f"it is no longer in [[sources]], and {records} records still hold what it said last. Put it back, or let "
            f"it go by `mi-sync state forget-source {name}`: as if a complete export no longer had its rows."
        )
        run.result.note(Problem(f"sources.{name}", "", why))


def forget_source(run: Run, name: str) -> int:
    """Lets go what a source said, and returns of how many records.

    Values that no other source says stay; its postings become closed and its open applications withdrawn; engagements
    are reported and kept.

    Raises:
        ConfigError: it is configured, or was never read.
    """
    known = unconfigured(run)
    if name not in known:
        configured = any(spec.name == name for spec in run.config.sources)
        raise ConfigError(
            "it is in the configuration, and the next run would read it again."
            if configured
            else f"no such source was read.{did_you_mean(name, known)}",
            where=name,
            remedy="Take it out of [[sources]] first."
            if configured
            else f"Read once and no longer configured: {', '.join(known) or 'none'}.",
        )
    with run.store.transaction(), contextlib.closing(Keys()) as dirty:
        keys = run.store.forget_source(name)
        dirty.update(keys)
        merge(run, dirty)
    return len(keys)


# ------------------------------------------------------------------------------------- whose record it is


def link(run: Run, dirty: Keys) -> None:
    """Finds whose record each new contribution is about; what cannot be found is left out, with its row."""
    names = run.store.names()
    linker = linking.Linker(names, run.config.programme.id)
    left_out: dict[tuple[str, str, int], Quarantined] = {}
    speaking: set[tuple[str, str, int]] = set()
    for kind in _LINK_ORDER:
        for overlay in (False, True):
            for spec in run.config.sources:
                for some in run.store.unlinked(spec.name, kind, overlay=overlay):
                    names.expect(some)
                    for it, unlinked in _link_some(run, linker, some, dirty):
                        if it.unread:
                            continue  # its row is left out for that, once
                        place = (it.source, it.file, it.line)
                        row = Quarantined(*place, unlinked.field, f"{unlinked.why}.", it.digest, "link")
                        left_out.setdefault(place, row)
                        if it.primary:
                            speaking.add(place)
                    names.flush()
    for spec in run.config.sources:
        rows = [left_out[place] for place in left_out if place[0] == spec.name and place in speaking]
        _report_unlinked(run, spec.name, rows)


def _link_some(
    run: Run, linker: linking.Linker, some: Iterable[Contribution], dirty: Keys
) -> list[tuple[Contribution, linking.Unlinked]]:
    """Links these, and returns those for which that cannot be done."""
    found: list[tuple[Contribution, str, str | None, str | None]] = []
    lost: list[tuple[Contribution, linking.Unlinked]] = []
    for it in some:
        linked = linker.link(it)
        if isinstance(linked, linking.Unlinked):
            lost.append((it, linked))
            continue
        if linked.implied is not None:
            run.store.save_implied(linked.implied)
            dirty.add(linked.applicant or linked.key)
            why = "no other source has this person, so a new one was made; if the address is mistyped, correct it."
            run.result.note(Problem(f"{it.file}:{it.line}", "email", why))
        found.append((it, linked.key, linked.posting, linked.applicant))
        dirty.add(linked.key)
    run.store.link_contributions(found)
    return lost


def _report_unlinked(run: Run, source: str, rows: Sequence[Quarantined]) -> None:
    before = run.store.quarantine_digests(source, None, "link")
    left_out = LeftOut()
    for row in sorted(rows, key=lambda q: (q.file, q.line)):
        left_out.add(row)
    run.result.newly_left_out += left_out.new(before)
    run.store.replace_quarantine(source, None, "link", left_out.rows(), run.outside.now())
    run.result.note(*(as_problem(q) for q in left_out.rows()))
    counts = run.result.sources.get(source)
    if counts is not None and counts.complete:
        _count_unlinked(counts, rows, before)


def _count_unlinked(counts: SourceCounts, rows: Sequence[Quarantined], known: Collection[str]) -> None:
    """Rows that were readable but refer to nothing are quarantined, and so neither mapped nor unchanged."""
    for row in rows:
        if counts.unchanged and (row.digest in known or not counts.mapped):
            counts.unchanged -= 1
        else:
            counts.mapped -= 1
        counts.quarantined += 1


def merge(run: Run, dirty: Keys) -> None:
    """Puts the contributions of each of these keys together, by the order of the sources."""
    order = {spec.name: number for number, spec in enumerate(run.config.sources)}
    if run.store.remember("source order", zlib.crc32("\n".join(order).encode())):
        dirty.update(run.store.contested())
    # What an export no longer has is reported again by every run, as bad rows are.
    made: list[tuple[Record, Kind, Mapping[str, Any]]] = []
    dirty.update(run.store.gone_applications())
    for key, contributions in run.store.contributions_by_key(dirty):
        kind = contributions[0].kind
        merged = linking.merged(kind, key, contributions, order)
        made.append((merged.record, kind, merged.origins))
        run.result.note(*merged.problems)
        if len(made) == _AT_ONCE:
            run.store.save_records(made)
            made.clear()
    run.store.save_records(made)


def give_labels(programme: str, store: Store) -> None:
    """Initials, with a short suffix where they are not unique on the posting; what was given stays."""
    unlabelled = store.unlabelled()
    if not unlabelled:
        return  # as in most runs, which then count nothing over all applications
    shared = store.shared_initials()
    ambiguous: dict[str, bool] = {}
    initials: dict[str, str] = {}
    for applicant, letters, posting in unlabelled:
        initials[applicant] = letters or ""
        ambiguous[applicant] = ambiguous.get(applicant, False) or not letters or (posting, letters) in shared
    taken = set(store.labels().values())
    labels = {}
    for applicant, letters in initials.items():
        label = letters
        if ambiguous[applicant]:
            suffix = identity.digest("label", applicant, key=programme)
            sizes = range(2, len(suffix) + 1)
            label = next(name for size in sizes if (name := f"{letters or 'intern'}-{suffix[:size]}") not in taken)
        taken.add(label)
        labels[applicant] = label
    store.save_labels(labels)
