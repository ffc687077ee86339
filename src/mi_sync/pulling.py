"""One source's rows become contributions and quarantine; contributions become canonical records with labels.

The parts of `sync.pull`, each within its transaction.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from mi_sync import __version__, fields, identity, linking, mapping, proposal, recognition, values
from mi_sync.config import Config, SourceSpec
from mi_sync.connector import Context, Row, Source, SourceFile, Table
from mi_sync.errors import EmptySource, Problem
from mi_sync.events import Reading, Run, SourceCounts, Story
from mi_sync.http import Wire
from mi_sync.language import Mapping
from mi_sync.model import Contribution, Kind, Quarantined
from mi_sync.state import FileRead, Store

_LINK_ORDER: tuple[Kind, ...] = ("posting", "applicant", "application", "feedback")


class SourceReader:
    """Reads one source: files into contributions and quarantine.

    `dirty` collects the keys of the records that must be merged anew. The files in `again` are read even if they are
    unchanged.
    """

    def __init__(self, run: Run, spec: SourceSpec, read_no: int, dirty: set[str], again: Collection[str] = ()) -> None:
        self._run, self._spec, self._read_no, self._dirty = run, spec, read_no, dirty
        self._again = again
        self._store = run.store
        self._counts = SourceCounts()
        self._every_key_read = True
        self._moved = self._overlay = False
        self._unread: set[tuple[str, str]] = set()

    def read(self) -> Story:
        """Everything, or an error that leaves it to the caller to undo.

        Raises:
            SourceError: it cannot be read.
            EmptySource: it had rows before and has none now.
        """
        spec, store = self._spec, self._store
        source = open_source(spec, self._run.config, self._run.outside.wire)
        files = source.files()
        fingerprints = {file.name: self._fingerprint(file) for file in files}
        self._moved = store.files_of(spec.name) != fingerprints
        for file in files:
            yield from self._file(file, fingerprints[file.name])
        if self._counts.rows == self._counts.skipped and store.had_rows(spec.name):
            raise EmptySource(
                "it had rows before and has none now, so nothing is concluded from it.",
                where=spec.name,
                remedy="Look at the export; if it is right, name the rows that ended in an engagements overlay.",
            )
        store.forget_files(spec.name, [file.name for file in files])
        store.drop_unlinked(spec.name, self._read_no)
        if spec.complete and self._every_key_read:
            self._dirty.update(store.mark_gone(spec.name, self._read_no))
        self._run.result.sources[spec.name] = self._counts

    def _file(self, file: SourceFile, fingerprint: str) -> Story:
        spec, store, counts = self._spec, self._store, self._counts
        known = store.file(spec.name, file.name)
        if known and known.fingerprint == fingerprint and not self._must_read(file, known):
            store.touch_file(spec.name, file.name, self._read_no)
            left_out = [q for q in store.quarantine(spec.name, "map") if q.file == file.name]
            self._report(left_out)
            counts.rows += known.rows
            counts.unchanged += known.accepted
            counts.skipped += known.skipped
            counts.quarantined += len(left_out)
            self._every_key_read &= not known.keyless
            yield Reading(spec.name, file.name, known.rows)
            return
        with file.open() as table:
            yield from self._rows(file, table, fingerprint)

    def _must_read(self, file: SourceFile, known: FileRead) -> bool:
        """Whether a file that is unchanged may say something new all the same."""
        # A row that was skipped as a repetition speaks once the file of the first one no longer does.
        return bool(known.skipped and self._moved) or file.name in self._again

    def _fingerprint(self, file: SourceFile) -> str:
        spec = self._spec
        words = sorted((k, sorted(v.items())) for k, v in spec.values.items())
        options = repr((words, spec.dates, str(spec.timezone), spec.scale, sorted(spec.pay.items())))
        settings = spec.settings.model_dump_json()
        # What a file is recognised as follows from its bytes and from what it could be.
        mappings = [it.digest for it in ((spec.mapping,) if spec.mapping else spec.candidates)]
        return identity.digest(file.digest(), *mappings, options, settings, spec.namespace, __version__)

    def _rows(self, file: SourceFile, table: Table, fingerprint: str) -> Story:
        spec = self._spec
        it = mapping_for(spec, table, file.name)
        self._overlay = it.overlay
        if it.caution and self._store.file(spec.name, file.name) is None:
            self._run.result.note(_caution(it, table, file.name))
        programme = self._run.config.programme.id
        mapper = compile_for(spec, table, file.name, programme, date_orders(file))
        self._run.result.note(*table.notes)
        got = _Gathered(NoRecords(file.name))
        for row in table.rows:
            self._row(file, row, mapper, got)
            if got.counts.rows % 500 == 0:
                yield Reading(spec.name, file.name, got.counts.rows)
        self._remember(file, fingerprint, got)
        yield Reading(spec.name, file.name, got.counts.rows)

    def _row(self, file: SourceFile, row: Row, mapper: mapping.Mapper, got: _Gathered) -> None:
        counts = got.counts
        counts.rows += 1
        if row.skip:
            got.no_records.add(row.line, row.skip)
            counts.skipped += 1
            return
        outcome = mapper.map(row.line, row.cells) if not row.fault else mapper.fault(row.line, row.fault)
        if isinstance(outcome, mapping.Skipped):
            got.no_records.add(outcome.line, outcome.why)
            counts.skipped += 1
        elif isinstance(outcome, mapping.RowProblem):
            got.left_out.append(self._left_out(file, outcome))
            got.keyless |= not outcome.present
            counts.quarantined += 1
        elif (change := self._keep(file, outcome)) is None:
            counts.skipped += 1
        elif change:
            counts.mapped += 1
        else:
            counts.unchanged += 1

    def _remember(self, file: SourceFile, fingerprint: str, got: _Gathered) -> None:
        """What became of the rows of a file that was read to its end."""
        spec, store, counts, result = self._spec, self._store, got.counts, self._run.result
        before = store.quarantine_digests(spec.name, None, "map")
        result.newly_left_out += sum(1 for q in got.left_out if q.digest not in before)
        store.replace_quarantine(spec.name, file.name, "map", got.left_out, self._run.outside.now())
        result.note(*got.no_records.notes())
        self._report(got.left_out)
        self._every_key_read &= not got.keyless
        accepted = counts.mapped + counts.unchanged
        digest, run = file.digest(), result.run_id
        read = FileRead(fingerprint, counts.rows, accepted, counts.skipped, got.keyless, digest, run)
        store.save_file(spec.name, file.name, read, self._read_no)
        self._counts.add(counts)

    def _left_out(self, file: SourceFile, problem: mapping.RowProblem) -> Quarantined:
        spec = self._spec
        for kind, ref in problem.present:  # quarantined is not gone
            before = self._store.contribution_state(spec.name, kind, ref)
            if before and before[1] != self._read_no:
                self._store.touch_contribution(spec.name, kind, ref, file.name, problem.line, self._read_no)
                self._unread.add((kind, ref))
        return Quarantined(spec.name, file.name, problem.line, problem.field, problem.why, problem.digest)

    def _keep(self, file: SourceFile, row: mapping.Mapped) -> bool | None:
        """Stores what a row says: True when it says something new, False when not, None for a repeated row."""
        self._run.result.note(*(Problem(f"{file.name}:{row.line}", "", f"{why}.") for why in row.notes))
        about = row.drafts[-1].kind  # what the row is about decides whether it is a repetition
        said = [self._say(file, row, draft, primary=True) for draft in row.drafts if draft.kind == about]
        if all(each is None for each in said):
            return None
        said += [self._say(file, row, draft, primary=False) for draft in row.drafts if draft.kind != about]
        return any(said)

    def _say(self, file: SourceFile, row: mapping.Mapped, draft: mapping.Draft, *, primary: bool) -> bool | None:
        """Stores what a row says of one record: True when that is new, False when not, None for a repetition."""
        spec, store = self._spec, self._store
        digest = _draft_digest(draft)
        before = store.contribution_state(spec.name, draft.kind, draft.ref)
        if before and before[1] == self._read_no and (draft.kind, draft.ref) not in self._unread:
            if primary:
                self._repeated(file, row.line, before)
            return None  # such as the same person in another row of this read: the first row speaks
        self._unread.discard((draft.kind, draft.ref))
        if before and before[0] == digest:
            where = (file.name, row.line, self._read_no, _origins(draft))
            if store.touch_contribution(spec.name, draft.kind, draft.ref, *where):
                self._mark_dirty(draft)
            return False
        store.save_contribution(self._contribution(file, row, draft, digest, primary=primary), self._read_no)
        return True

    def _mark_dirty(self, draft: mapping.Draft) -> None:
        for it in self._store.contributions_of(self._spec.name, draft.kind, draft.ref):
            if it.key:
                self._dirty.add(it.key)

    def _repeated(self, file: SourceFile, line: int, before: tuple[str, int, str, int]) -> None:
        self._run.result.note(
            Problem(
                f"{file.name}:{line}",
                "",
                f"the row repeats what {before[2]}:{before[3]} is about; the first one counts, this one is skipped.",
            )
        )

    def _contribution(
        self, file: SourceFile, row: mapping.Mapped, draft: mapping.Draft, digest: str, *, primary: bool
    ) -> Contribution:
        return Contribution(
            source=self._spec.name,
            kind=draft.kind,
            ref=draft.ref,
            namespace=self._spec.namespace,
            overlay=self._overlay,
            file=file.name,
            line=row.line,
            local_id=draft.id,
            values=draft.values,
            refs=draft.refs,
            origins=_origins(draft),
            digest=digest,
            primary=primary,
            run=self._run.result.run_id,
        )

    def _report(self, left_out: Iterable[Quarantined]) -> None:
        self._run.result.note(*(_as_problem(q) for q in left_out))


@dataclass(slots=True)
class _Gathered:
    """What the rows of one file gave."""

    no_records: NoRecords
    counts: SourceCounts = field(default_factory=SourceCounts)
    left_out: list[Quarantined] = field(default_factory=list)
    keyless: bool = False


class NoRecords:
    """The rows of one file that are no records, as notes: one for each reason."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._found: dict[str, tuple[int, int]] = {}

    def add(self, line: int, why: str) -> None:
        """One more row, on this line."""
        first, count = self._found.get(why, (line, 0))
        self._found[why] = first, count + 1

    def notes(self) -> Iterator[Problem]:
        """What to tell."""
        for why, (first, count) in self._found.items():
            rows = "the row is skipped" if count == 1 else f"this row and {count - 1} more are skipped"
            yield Problem(f"{self._file}:{first}", "", f"{rows}: {why}.")


def _origins(draft: mapping.Draft) -> dict[str, tuple[str | None, int | None]]:
    return {name: (origin.column, origin.mapping_line) for name, origin in draft.origins.items()}


def _draft_digest(draft: mapping.Draft) -> str:
    return identity.digest(draft.id or "", repr(sorted(draft.values.items())), repr(sorted(draft.refs.items())))


def _caution(it: Mapping, table: Table, file: str) -> Problem:
    """What people should know of a mapping when it first reads a file, and what it makes of that file."""
    columns = proposal.bound(table.header, it, table.labels)
    read = "; ".join(f"{column.name} as {column.field}" for column in columns if column.field)
    left = ", ".join(column.name for column in columns if not column.field and column.name) or "none"
    return Problem(file, "", f"{it.caution} It reads {read}. Not read: {left}. `mi-sync inspect` shows the same.")


def _as_problem(row: Quarantined) -> Problem:
    return Problem(f"{row.file}:{row.line}", row.field, row.why)


def open_source(spec: SourceSpec, config: Config, wire: Wire) -> Source:
    """The source behind a specification."""
    opened = spec.connector.open(spec.settings, Context(spec.name, config.root, config.programme.timezone, wire))
    assert isinstance(opened, Source)  # noqa: S101  the registry checked the kind
    return opened


def mapping_for(spec: SourceSpec, table: Table, file: str) -> Mapping:
    """The source's mapping, or the one that the file is recognised as.

    Raises:
        SourceError: it is not recognised.
    """
    return spec.mapping or recognition.recognise(table.header, spec.candidates, file, table.labels).mapping


def date_orders(file: SourceFile) -> mapping.OrderOf:
    """Looks through a column of the file, once, when one of its dates leaves open which part is the day."""

    @cache
    def order_of(position: int) -> values.DateOrder | None:
        with file.open() as table:
            return values.column_order(row.cells[position] for row in table.rows if row.is_record)

    return order_of


def compile_for(
    spec: SourceSpec, table: Table, file: str, programme: str, order_of: mapping.OrderOf = mapping.undecided
) -> mapping.Mapper:
    """The mapping of a file, compiled for the header of its table.

    Raises:
        SourceError: it is not recognised, or a column that the mapping needs is not there.
    """
    options = fields.Options(spec.dates, spec.timezone, spec.values, spec.pay, spec.scale)
    found = mapping_for(spec, table, file)
    return mapping.compile_mapping(
        found, table.header, options, programme=programme, file=file, order_of=order_of, labels=table.labels
    )


# ------------------------------------------------------------------------------------- whose record it is


def link(run: Run, dirty: set[str]) -> None:
    """Finds whose record each new contribution is about; what cannot be found is left out, with its row."""
    linker = linking.Linker(run.store, run.config.programme.id)
    left_out: dict[tuple[str, str, int], Quarantined] = {}
    for kind in _LINK_ORDER:
        for overlay in (False, True):
            for it in run.store.unlinked(kind, overlay=overlay):
                unlinked = _link_one(run, linker, it, dirty)
                if unlinked is not None:
                    why = f"{unlinked.why}."
                    row = Quarantined(it.source, it.file, it.line, unlinked.field, why, it.digest, "link")
                    left_out.setdefault((it.source, it.file, it.line), row)
    for spec in run.config.sources:
        # A row that could not even be read is left out for that, once.
        unread = {(q.file, q.line) for q in run.store.quarantine(spec.name, "map")}
        rows = [q for q in left_out.values() if q.source == spec.name and (q.file, q.line) not in unread]
        _report_unlinked(run, spec.name, rows)


def _link_one(run: Run, linker: linking.Linker, it: Contribution, dirty: set[str]) -> linking.Unlinked | None:
    linked = linker.link(it)
    if isinstance(linked, linking.Unlinked):
        return linked
    if linked.implied is not None:
        run.store.save_implied(linked.implied)
        dirty.add(linked.applicant or linked.key)
        why = "no other source has this person, so a new one was made; if the address is mistyped, correct it."
        run.result.note(Problem(f"{it.file}:{it.line}", "email", why))
    run.store.link_contribution(it, linked.key, linked.posting, linked.applicant)
    dirty.add(linked.key)
    return None


def _report_unlinked(run: Run, source: str, rows: Sequence[Quarantined]) -> None:
    before = run.store.quarantine_digests(source, None, "link")
    run.result.newly_left_out += sum(1 for q in rows if q.digest not in before)
    run.store.replace_quarantine(source, None, "link", rows, run.outside.now())
    run.result.note(*(_as_problem(q) for q in rows))
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


def merge(run: Run, dirty: Iterable[str]) -> None:
    """Puts the contributions of each of these keys together, by the order of the sources."""
    order = {spec.name: number for number, spec in enumerate(run.config.sources)}
    if run.store.remember("source order", zlib.crc32("\n".join(order).encode())):
        dirty = {*dirty, *run.store.contested()}
    # What an export no longer has is reported again by every run, as bad rows are.
    for key in sorted({*dirty, *run.store.gone_applications()}):
        contributions = run.store.contributions(key)
        kind = contributions[0].kind
        merged = linking.merged(kind, key, contributions, order)
        run.store.save_record(merged.record, kind, merged.origins)
        run.result.note(*merged.problems)


def give_labels(programme: str, store: Store) -> None:
    """Initials, with a short suffix where they are not unique on the posting; what was given stays."""
    shared = store.shared_initials()
    ambiguous: dict[str, bool] = {}
    initials: dict[str, str] = {}
    for applicant, letters, posting in store.unlabelled():
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
