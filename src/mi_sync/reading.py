"""One source's rows become contributions and quarantine: the first part of `sync.pull`, within its transaction.

Which rows are new, and which only repeat what was said, is known when all of them are read.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import islice

from mi_sync import __version__, drift, fields, identity, mapping, proposal, recognition, values
from mi_sync.config import SourceSpec
from mi_sync.connector import Row, SourceFile, Table
from mi_sync.drift import How, Keeper
from mi_sync.erasure import Erasures
from mi_sync.errors import EmptySource, Problem, Refused
from mi_sync.events import Reading, Run, SourceCounts, Story
from mi_sync.known_rows import LIBRARIES, KnownRows, Orders
from mi_sync.language import Mapping
from mi_sync.left_out import LeftOut, NoRecords, as_problem
from mi_sync.model import Contribution, Quarantined
from mi_sync.opening import open_source
from mi_sync.state import FileRead, Keys, Server, Standing, Stands, Store


@dataclass(slots=True)
class _Gathered:
    """What the rows of one file gave."""

    no_records: NoRecords
    left_out: LeftOut
    rows: int = 0
    erased: int = 0
    keyless: bool = False


@dataclass(slots=True)
class _Reading:
    """One file while its source is being read."""

    read: FileRead
    was: How = drift.UNKNOWN
    how: How = drift.UNKNOWN
    same_file: bool = False
    same_content: bool = False
    keys_changed: bool = False

    @property
    def causes(self) -> tuple[str, ...]:
        return self.was.causes(self.how, same_file=self.same_file)


class SourceReader:
    """Reads one source: files into contributions and quarantine.

    `dirty` collects the keys of the records that must be merged anew. The files in `again` are read even if they are
    unchanged.

    Several rows may be about the same record. Which of them speaks follows from what they say and from the order of
    the files, never from the order of the rows or from earlier runs; the others are skipped.
    """

    def __init__(self, run: Run, spec: SourceSpec, read_no: int, dirty: Keys, again: Collection[str] = ()) -> None:
        self._run, self._spec, self._read_no, self._dirty = run, spec, read_no, dirty
        self._again = again
        self._store = run.store
        self._every_key_read = True
        self._moved = self._overlay = False
        self._no_records = 0
        self._keeper: Keeper | None = None
        self._places: dict[str, int] = {}
        self._renamed: dict[str, str] = {}
        self._overlapping: set[str] = set()
        self._files: dict[str, _Reading] = {}
        self._erasures = Erasures(self._store, run.config.programme.id)
        self._last_read = run.store.last_read(spec.name)
        self._saying = run.store.saying(spec.name, read_no)
        self._now = run.outside.now()

    @property
    def name(self) -> str:
        """Of the source."""
        return self._spec.name

    @property
    def is_new(self) -> bool:
        """Whether it was never read before."""
        return self._last_read == 0

    def read(self) -> Story:
        """Everything, or an error that leaves it to the caller to undo.

        Raises:
            SourceError: it cannot be read.
            EmptySource: it had rows before and has none now.
        """
        spec, store = self._spec, self._store
        files = open_source(spec, self._run.config, self._run.outside.wire).files()
        if self.is_new:
            self._go_on({file.name for file in files})
        fingerprints = {file.name: self._fingerprint(file) for file in files}
        self._places = {name: place for place, name in enumerate(fingerprints)}
        known = store.files_of(spec.name)
        self._moved = known != fingerprints
        self._renamed = _renamed(known, fingerprints)
        unchanged = [file for file in files if self._is_unchanged(file, fingerprints[file.name])]
        if len(unchanged) == len(files) and not self._moved and store.reads_of(spec.name) == {self._last_read}:
            self._read_no = self._last_read  # this read shows what the last one did, so nothing needs to be told of it
        for file in unchanged:  # before the others, whose rows may be about the same records
            yield from self._unchanged(file)
        for file in files:
            if file not in unchanged:
                with file.open() as table:
                    yield from self._rows(file, table, fingerprints[file.name])
        counts = self._settled(everything=len(unchanged) == len(files))
        if counts.rows == self._no_records and store.had_rows(spec.name):
            raise EmptySource(
                "it had rows before and has none now, so nothing is concluded from it.",
                where=spec.name,
                remedy="Look at the export; if it is right, name the rows that ended in an engagements overlay.",
            )
        store.forget_files(spec.name, [file.name for file in files])
        store.drop_unlinked(spec.name, self._read_no)
        # What another mapping no longer shows has not gone from the export; the next read will tell.
        if spec.complete and self._every_key_read and not self._causes():
            self._dirty.update(store.mark_gone(spec.name, self._read_no))
        self._run.result.sources[spec.name] = counts

    def _go_on(self, files: AbstractSet[str]) -> None:
        """A source that was only renamed goes on where it was."""
        for old in unconfigured(self._run):
            if files.isdisjoint(self._store.files_of(old)):
                continue
            if self._store.namespace_of(old) != self._spec.namespace:
                raise _renamed_without_namespace(self._store, old, self.name)
            self._dirty.update(self._store.rename_source(old, self.name))
            self._last_read = self._store.last_read(self.name)
            self._run.result.note(Problem(f"sources.{self.name}", "", f"it goes on for {old!r}, whose file it reads."))
            return

    def check_sources(self) -> None:
        """After linking: a source that is new does not tell again, as other records, what one that has gone said.

        Raises:
            Refused: it does; their items would be made again beside the old ones.
        """
        for old in unconfigured(self._run) if self.is_new else ():
            again, all_ = self._store.told_again(old, self.name, self._read_no)
            if 2 * again > all_:
                raise _renamed_without_namespace(self._store, old, self.name)

    def check_keys(self) -> None:
        """After linking: no change of how a source is read may turn its records into others.

        Raises:
            Refused: it did; their items would be made again beside the old ones.
        """
        causes = self._causes()
        if any(it.keys_changed for it in self._files.values()):
            causes.append("the columns that tell its records apart changed")
        if not causes:
            return
        lost, all_, new = self._store.lost_keys(self.name, self._last_read, self._read_no)
        by_that_alone = all(it.same_content for it in self._files.values())
        if lost and new and (by_that_alone or 2 * lost > all_):
            raise Refused(
                f"{'; '.join(causes)}; so {lost} of the {all_} records of this source would become others, and their "
                "items would be made a second time. Nothing was done.",
                where=self.name,
                remedy=self._way_out(),
            )

    def _way_out(self) -> str:
        if not self._store.has_links():
            return f"Nothing of this programme is on a board yet: {self._anew()}."
        return (
            "Let the mapping make the same ids or key fields as before; if these are other records, give the source "
            "another name."
        )

    def _anew(self) -> str:
        state = self._run.config.state
        if isinstance(state, Server):  # which holds more than this programme
            return f"give it another [programme] id, or remove its rows from the schema mi_sync of {state}"
        return f"remove {state} and begin anew"

    def _causes(self) -> list[str]:
        return list(dict.fromkeys(cause for it in self._files.values() for cause in it.causes))

    # -- files ----------------------------------------------------------------------------------------

    def _is_unchanged(self, file: SourceFile, fingerprint: str) -> bool:
        known = self._store.file(self.name, file.name)
        if known is None or known.fingerprint != fingerprint or file.name in self._again:
            return False
        # A row that was skipped as a repetition speaks once the file of the first one no longer does.
        return not (self._moved and (known.skipped or known.overlaps))

    def _unchanged(self, file: SourceFile) -> Story:
        store = self._store
        known = store.file(self.name, file.name)
        assert known is not None  # noqa: S101  `_is_unchanged` found it
        if self._read_no != self._last_read:
            store.touch_file(self.name, file.name, self._read_no)
        self._report(q for q in store.quarantine(self.name, "map") if q.file == file.name)
        self._every_key_read &= not known.keyless
        self._files[file.name] = _Reading(known)
        yield Reading(self.name, file.name, known.rows)

    def _fingerprint(self, file: SourceFile) -> str:
        spec = self._spec
        # What a file is recognised as follows from its bytes and from what it could be.
        mappings = [it.digest for it in ((spec.mapping,) if spec.mapping else spec.candidates)]
        return identity.digest(file.digest(), *mappings, self._settings(), spec.namespace, __version__, LIBRARIES)

    def _settings(self) -> str:
        spec = self._spec
        words = sorted((k, sorted(v.items())) for k, v in spec.values.items())
        options = repr((words, spec.dates, str(spec.timezone), spec.scale, sorted(spec.pay.items())))
        return identity.digest(options, spec.settings.model_dump_json())

    def _rows(self, file: SourceFile, table: Table, fingerprint: str) -> Story:
        spec = self._spec
        found = mapping_for(spec, table, file.name)
        self._overlay = found.overlay
        if found.caution and self._store.file(spec.name, file.name) is None:
            self._run.result.note(_caution(found, table, file.name))
        programme = self._run.config.programme.id
        orders = Orders(date_orders(file))
        mapper = compile_for(spec, table, file.name, programme, orders)
        self._run.result.note(*table.notes)
        reading, header, lacking = self._compared(file, table, found)
        self._keeper = Keeper(found, header, lacking) if lacking else None
        known = self._known_rows(file, table, mapper, reading, orders)
        got = _Gathered(NoRecords(file.name), LeftOut())
        while rows := list(islice(table.rows, _AT_ONCE)):
            digests = [known.digest(row) for row in rows]
            self._saying.flush()
            same = known.take(rows, digests)
            got.rows += len(same)
            new = [(row, digests[index]) for index, row in enumerate(rows) if index not in same]
            self._rows_in_hand(file, new, mapper, got)
            yield Reading(spec.name, file.name, got.rows, reading.read.rows)
        self._saying.flush()
        self._remember(file, got)
        how = {"header": header, "lacking": lacking, "orders": orders.found, **asdict(reading.how)}
        accepted = got.rows - got.left_out.count  # until it is known which of them are skipped
        content, run = file.digest(), self._run.result.run_id
        reading.read = FileRead(fingerprint, got.rows, accepted, 0, got.keyless, content, run, how)
        self._files[file.name] = reading
        yield Reading(spec.name, file.name, got.rows)

    def _known_rows(
        self, file: SourceFile, table: Table, mapper: mapping.Mapper, reading: _Reading, orders: Orders
    ) -> KnownRows:
        """Those that need not be mapped; none where columns that have gone speak on, or dates are read otherwise."""
        how = reading.how
        parts = [self._run.config.programme.id, how.mapping, how.mapping_digest, how.settings, self._spec.namespace]
        parts += [json.dumps([list(table.header), list(table.labels)]), *self._erasures.digests]
        former = self._former(file.name)
        known = KnownRows(self._store, self.name, file.name, former, self._read_no, mapper, parts)
        known.is_used = self._keeper is None and orders.are(reading.read.how.get("orders", {}))
        return known

    def _rows_in_hand(
        self, file: SourceFile, rows: Sequence[tuple[Row, str]], mapper: mapping.Mapper, got: _Gathered
    ) -> None:
        outcomes: list[tuple[mapping.Mapped | mapping.RowProblem, str]] = []
        for row, digest in rows:
            got.rows += 1
            if row.skip:
                got.no_records.add(row.line, row.skip)
                continue
            outcome = mapper.map(row.line, row.cells) if not row.fault else mapper.fault(row.line, row.fault)
            if isinstance(outcome, mapping.Skipped):
                got.no_records.add(outcome.line, outcome.why)
            else:
                outcomes.append((outcome, digest))
        self._saying.expect(name for outcome, _ in outcomes for name in outcome.names)
        for outcome, digest in outcomes:
            self._take(file, outcome, digest, got)

    def _take(
        self, file: SourceFile, outcome: mapping.Mapped | mapping.RowProblem, digest: str, got: _Gathered
    ) -> None:
        if self._is_erased(outcome):
            got.erased += 1
            self._keep_postings(file, outcome)
        elif isinstance(outcome, mapping.RowProblem):
            got.left_out.add(self._left_out(file, outcome))
            got.keyless |= not outcome.present
        else:
            self._keep(file, outcome, digest="" if outcome.notes else digest)

    def _remember(self, file: SourceFile, got: _Gathered) -> None:
        """Tells of the rows of a file that gave no record, and stores those that are left out."""
        store, result, left_out = self._store, self._run.result, got.left_out.rows()
        before = store.quarantine_digests(self.name, file.name, "map")
        result.newly_left_out += got.left_out.new(before)
        store.replace_quarantine(self.name, file.name, "map", left_out, self._run.outside.now())
        result.note(*got.no_records.notes())
        self._report_erased(file, got.erased)
        self._report(left_out)
        self._every_key_read &= not got.keyless
        self._no_records += got.no_records.count

    def _is_erased(self, outcome: mapping.Mapped | mapping.RowProblem) -> bool:
        spec = self._spec
        if isinstance(outcome, mapping.RowProblem):
            return self._erasures.cover_refs(spec.namespace, outcome.present)
        return self._erasures.cover(spec.name, spec.namespace, outcome.drafts)

    def _keep_postings(self, file: SourceFile, outcome: mapping.Mapped | mapping.RowProblem) -> None:
        """What the row of an erased person says of a posting is not theirs, and the posting must not seem gone."""
        said = outcome.drafts if isinstance(outcome, mapping.Mapped) else ()
        if postings := tuple(draft for draft in said if draft.kind == "posting"):
            self._keep(file, mapping.Mapped(outcome.line, postings), primary=False)

    def _report_erased(self, file: SourceFile, rows: int) -> None:
        if rows:
            told = "1 row is" if rows == 1 else f"{rows} rows are"
            why = f"{told} about people who were erased (`mi-sync state forget`, [privacy] retain) and skipped."
            self._run.result.note(Problem(file.name, "", why))

    def _compared(
        self, file: SourceFile, table: Table, found: Mapping
    ) -> tuple[_Reading, tuple[str, ...], tuple[str, ...]]:
        """How the file is read, compared with the last time; its header, and the columns that it lacks since."""
        known = self._store.file(self.name, self._former(file.name))
        header = drift.header_names(table.header)
        last = known.how if known else {}
        before = last.get("header", ())
        columns = drift.columns(before, last.get("lacking", ()), header, drift.misses(found, header))
        for told in columns.told(before, header, drift.reads(found)):
            self._run.result.note(Problem(f"{file.name}:{table.header_line}", "", told))
        how = How(found.name, found.digest, self._settings(), __version__)
        was = How.of(last) if known else self._as_other_files(found)
        same = known is not None and known.content == file.digest()
        changed = known is not None and columns.touch(drift.identifying(found))
        return _Reading(known or _UNKNOWN, was, how, known is not None, same, changed), header, columns.lacking

    def _former(self, name: str) -> str:
        """What the file was called at the last read."""
        return self._renamed.get(name, name)

    def _as_other_files(self, found: Mapping) -> How:
        """How files like a new one were read last."""
        read = [How.of(each) for each in self._store.hows(self.name)]
        likely = read if self._spec.mapping else []
        return next((it for it in read if it.mapping == found.name), likely[0] if likely else drift.UNKNOWN)

    def _settled(self, *, everything: bool) -> SourceCounts:
        """What became of the rows, which is known once all of them are read; stored with each file."""
        store, counts = self._store, SourceCounts()
        nothing_new = {name: Standing(it.read.accepted, 0) for name, it in self._files.items()}
        standing = nothing_new if everything else store.standing(self.name, self._read_no)
        for name, it in self._files.items():
            accepted, news = standing.get(name, Standing(0, 0))
            quarantined = it.read.quarantined
            skipped = it.read.rows - quarantined - accepted
            overlaps = name in self._overlapping or it.read.overlaps
            read = replace(it.read, accepted=accepted, skipped=skipped, overlaps=overlaps)
            store.save_file(self.name, name, read, self._read_no)
            counts.rows += read.rows
            counts.mapped += news
            counts.unchanged += accepted - news
            counts.quarantined += quarantined
            counts.skipped += skipped
            self._tell_causes(name, it, news, read.rows)
        return counts

    def _tell_causes(self, file: str, it: _Reading, news: int, rows: int) -> None:
        if it.causes and it.same_file and news:
            why = "because of that alone" if it.same_content else "because of that or because the file changed, too"
            told = f"{'; '.join(it.causes)}; {news} of its {rows} rows say something else {why}."
            self._run.result.note(Problem(file, "", told))

    # -- rows -----------------------------------------------------------------------------------------

    def _left_out(self, file: SourceFile, problem: mapping.RowProblem) -> Quarantined:
        spec = self._spec
        for kind, ref in problem.present:  # quarantined is not gone
            before = self._saying.state(kind, ref)
            if before and before.read_no != self._read_no:
                self._saying.keep_unread(kind, ref, file.name, problem.line)
            elif before and before.file != file.name:
                self._overlapping.add(file.name)
        return Quarantined(spec.name, file.name, problem.line, problem.field, problem.why, problem.digest)

    def _keep(self, file: SourceFile, row: mapping.Mapped, *, primary: bool = True, digest: str = "") -> None:
        """Stores what a row says, unless another row of this read says it better.

        `primary` is False when what the row is about is not among its records here. By its `digest` the row is known
        again.
        """
        self._run.result.note(*(Problem(f"{file.name}:{row.line}", "", f"{why}.") for why in row.notes))
        about = row.drafts[-1].kind  # what the row is about comes last, and decides whether it is a repetition
        for draft in reversed(row.drafts):
            is_subject = primary and draft.kind == about
            it = self._contribution(file, row, self._completed(draft, file), primary=is_subject, digest=digest)
            before = self._saying.state(it.kind, it.ref)
            if before and before.read_no == self._read_no and not self._speaks(it, before):
                continue
            if before and before.digest == it.digest:
                if self._saying.touch(it):
                    self._mark_dirty(it)
            else:
                self._saying.save(it)

    def _completed(self, draft: mapping.Draft, file: SourceFile) -> mapping.Draft:
        """With what its row said in columns that the file no longer has."""
        if self._keeper is not None:
            self._saying.flush()
            for before in self._store.contributions_of(self.name, draft.kind, draft.ref):
                if before.file in {file.name, self._former(file.name)}:
                    return self._keeper.complete(draft, before)
        return draft

    def _speaks(self, it: Contribution, other: Stands) -> bool:
        """Whether this row speaks for the record, and not the other row of the same read."""
        if it.file != other.file:
            self._overlapping.update((it.file, other.file))
        if other.unread:
            return True
        speaks = self._rank(it) < (-other.weight, self._places[other.file], other.digest, not other.primary, other.line)
        if it.primary and not speaks:
            self._repeated((it.file, it.line), (other.file, other.line), it)
        elif other.primary and speaks:
            self._repeated((other.file, other.line), (it.file, it.line), it)
        return speaks

    def _rank(self, it: Contribution) -> tuple[int, int, str, bool, int]:
        """What says most speaks; of what says as much the first file, and then whatever no order of rows changes."""
        return (-it.weight, self._places[it.file], it.digest, not it.primary, it.line)

    def _repeated(self, skipped: tuple[str, int], counts: tuple[str, int], it: Contribution) -> None:
        self._saying.flush()
        (other,) = self._store.contributions_of(it.source, it.kind, it.ref)
        names = [name for name in sorted({*it.values, *other.values}) if it.values.get(name) != other.values.get(name)]
        where = f"{counts[0]}:{counts[1]}"
        if names:
            why = (
                f"it is about the same {it.kind} as {where} and says otherwise ({', '.join(names[:6])}). {where} "
                "counts, in whichever order they come; this row is skipped. Remove one, or give it an id of its own."
            )
        else:
            why = f"the row repeats {where} and is skipped."
        self._run.result.note(Problem(f"{skipped[0]}:{skipped[1]}", "", why))

    def _mark_dirty(self, it: Contribution) -> None:
        self._saying.flush()
        self._dirty.update(c.key for c in self._store.contributions_of(it.source, it.kind, it.ref) if c.key)

    def _contribution(
        self, file: SourceFile, row: mapping.Mapped, draft: mapping.Draft, *, primary: bool, digest: str
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
            digest=draft.digest,
            primary=primary,
            run=self._run.result.run_id,
            changed_at=self._now,
            row_digest=digest,
            row_records=len(row.drafts),
        )

    def _report(self, left_out: Iterable[Quarantined]) -> None:
        self._run.result.note(*(as_problem(q) for q in left_out))


_UNKNOWN = FileRead("", 0, 0, 0)
_AT_ONCE = 500
"""So many rows are in hand at a time."""


def _renamed(before: Collection[str], now: Collection[str]) -> dict[str, str]:
    """The one new file, where it takes the place of one that has gone, as an export with a date in its name does."""
    gone, new = [name for name in before if name not in now], [name for name in now if name not in before]
    return {new[0]: gone[0]} if len(gone) == len(new) == 1 else {}


def _origins(draft: mapping.Draft) -> dict[str, tuple[str | None, int | None]]:
    return {name: (origin.column, origin.mapping_line) for name, origin in draft.origins.items()}


def _caution(it: Mapping, table: Table, file: str) -> Problem:
    """What people should know of a mapping when it first reads a file, and what it makes of that file."""
    columns = proposal.bound(table.header, it, table.labels)
    read = "; ".join(f"{column.name} as {column.field}" for column in columns if column.field)
    left = ", ".join(column.name for column in columns if not column.field and column.name) or "none"
    return Problem(file, "", f"{it.caution} It reads {read}. Not read: {left}. `mi-sync inspect` shows the same.")


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


def unconfigured(run: Run) -> list[str]:
    """The sources that were read once and that the configuration no longer names."""
    configured = {spec.name for spec in run.config.sources}
    return [name for name in run.store.sources_read() if name not in configured]


def _renamed_without_namespace(store: Store, old: str, new: str) -> Refused:
    return Refused(
        f"it tells what {old!r} told, which is no longer in [[sources]]; under its own name the same rows would become "
        "other records, and their items would be made a second time. So nothing of it was taken.",
        where=f"sources.{new}",
        remedy=f'Add namespace = "{store.namespace_of(old)}" to it, and it goes on with the same records; or '
        f"`mi-sync state forget-source {old}`, if these are other ones.",
    )
