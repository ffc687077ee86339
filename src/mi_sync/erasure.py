"""Erasing people: on request (`mi-sync state forget`), and with age (`[privacy] retain`).

    Erasures   who was erased, known again by keyed digests alone; asked for every row that is read
    find       an address -> everything that is known of a person, and their items on boards
    forget     erases them for good: their rows are skipped from now on
    age_out    erases those of whom nothing has been heard for long: only what they said so far is skipped

A person is an applicant. Their record, applications, feedback, names, label, rows left out, journal and what past runs
say of them go; their items stay linked under a name that means nothing, so that they can still be found. Exports and
boards are not touched here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from mi_sync import identity, milestones
from mi_sync.errors import Problem
from mi_sync.events import Run
from mi_sync.mapping import Draft
from mi_sync.model import ENGAGED, Application, Contribution, Feedback, Kind, Link, Posting
from mi_sync.state import Store

_GONE = "(erased)"
"""What stands in the records of past runs instead."""
_ANYWHERE = "*"
"""The namespace of an id by which a row of another namespace may mean somebody."""


class Erasures:
    """Who was erased; from digests that are keyed by the programme, nobody is known but who comes again."""

    def __init__(self, store: Store, programme: str) -> None:
        self._store = store
        self._programme = programme
        self._known = store.erased()

    @property
    def digests(self) -> list[str]:
        """All of them, in order."""
        return sorted(self._known)

    def cover(self, source: str, namespace: str, said: Sequence[Draft]) -> bool:
        """Whether a row is about somebody erased: by a name of theirs, or because it only repeats what has aged."""
        if not self._known:
            return False
        people = [it for it in said if it.kind != "posting"]
        if any(self._means(name) for it in people for name in _names(it, namespace)):
            return True
        return bool(people) and all(_aged(self._programme, source, it) in self._known for it in people)

    def cover_refs(self, namespace: str, present: Iterable[tuple[Kind, str]]) -> bool:
        """The same for a row that cannot be read, by the references of its records."""
        return bool(self._known) and any(
            self._means(("ref", ref, namespace)) for kind, ref in present if kind == "applicant"
        )

    def owners_at(self, address: str) -> set[str]:
        """Who owns the items of those who were erased and had this address."""
        digests = (_digest(self._programme, ("email", address, "")), _aged_address(self._programme, address))
        return {self._known[each] for each in digests if each in self._known}

    def _means(self, name: tuple[str, str, str]) -> bool:
        type_, value, namespace = name
        if _digest(self._programme, name) in self._known:
            return True
        if type_ != "id" or self._store.alias("applicant", "id", value, namespace):
            return False  # an id that somebody has in this namespace is theirs
        return _digest(self._programme, (type_, value, _ANYWHERE)) in self._known


def _names(it: Draft, namespace: str) -> Iterator[tuple[str, str, str]]:
    """(type, value, namespace) of everything by which a record tells who it is about."""
    if it.kind == "applicant":
        yield "ref", it.ref, namespace
        told = {"email": it.values.get("email")}
    else:
        told = {name: it.refs.get(f"applicant.{name}") for name in ("ref", "id", "email")}
    for type_, value in told.items():
        if value:
            yield type_, str(value), "" if type_ == "email" else namespace


def _digest(programme: str, name: tuple[str, str, str]) -> str:
    return identity.digest("erased", *name, key=programme, size=20)


def _aged(programme: str, source: str, it: Draft | Contribution) -> str:
    return identity.digest("aged", source, it.kind, it.ref, it.digest, key=programme, size=20)


def _aged_address(programme: str, address: str) -> str:
    return identity.digest("aged address", address, key=programme, size=20)


# ------------------------------------------------------------------------------------------------ who is it


@dataclass(frozen=True, slots=True)
class Person:
    """Everything that is known of somebody.

    Attributes:
        owner: under which name their items stay linked.
        records: the keys of their records, each with its kind.
        said: everything that rows say of them.
        names: (type, value, namespace) by which they are known.
        owners: whom their items belong to: their records, and who they were to an earlier erasure.
        links: their items, each with its target; one whose creation is in doubt has no id.
    """

    owner: str
    records: dict[str, Kind] = field(default_factory=dict)
    said: tuple[Contribution, ...] = ()
    names: frozenset[tuple[str, str, str]] = frozenset()
    owners: frozenset[str] = frozenset()
    links: tuple[tuple[str, Link], ...] = ()


def find(run: Run, address: str) -> Person | None:
    """The person with this address, who may have several, and several records; None for an unknown one."""
    store, programme = run.store, run.config.programme.id
    keys, erased = store.people_at(address), Erasures(store, programme).owners_at(address)
    if not keys and not erased:
        return None
    owner = identity.erased_owner(programme, keys[0]) if keys else min(erased)
    return _person(run, keys, owner, erased, {("email", address, "")})


def _person(
    run: Run, keys: Collection[str], owner: str, erased: Collection[str], names: set[tuple[str, str, str]]
) -> Person:
    store = run.store
    said = [it for key in keys for it in store.about(key)]
    records: dict[str, Kind] = {}
    for key in keys:
        records |= store.records_about(key)
    known = {name for key in keys for name in store.names_of(key) if name[0] != "pair"}
    told = {name for it in said for name in _names(_as_draft(it), it.namespace)}
    owners = frozenset({*records, *erased})
    links = [(spec.name, link) for spec in run.config.boards for link in _links(store, spec.name, owners)]
    return Person(owner, records, tuple(said), frozenset({*names, *known, *told}), owners, tuple(links))


def _links(store: Store, target: str, owners: Collection[str]) -> Iterator[Link]:
    links = store.links(target)
    yield from (link for link in links.values() if link.owner in owners)
    for entry in store.open_entries(target):
        change = entry.intent["change"]
        if change["owner"] in owners and entry.key not in links:
            yield Link(entry.key, "", "", "", change["owner"], change["step"], change["title"], {})


def _as_draft(it: Contribution) -> Draft:
    return Draft(it.kind, it.ref, it.local_id, it.values, it.refs, {})


# ------------------------------------------------------------------------------------------------ on request


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased, in counts; the rows that say it, and rows about others that mention the person."""

    counts: dict[str, int]
    rows: tuple[tuple[str, str, int], ...]
    mentioned: tuple[tuple[str, str, int], ...]


def forget(run: Run, person: Person) -> Erased:
    """Erases a person in one transaction and remembers their digests; `Store.compact` has to follow."""
    store, programme = run.store, run.config.programme.id
    with store.transaction():
        anywhere = {(type_, value, _ANYWHERE) for type_, value, _ in person.names if type_ == "id"}
        store.add_erased({_digest(programme, name) for name in person.names | anywhere}, person.owner)
        erasures = Erasures(store, programme)
        unlinked = [
            it
            for it in store.all_contributions(linked=False)
            if erasures.cover(it.source, it.namespace, [_as_draft(it)])
        ]
        said = (*person.said, *unlinked)
        counts = store.erase(person.records, said, person.owner)
        words = _Words(person)
        counts["runs"] = store.rewrite_runs(words.taken_out)
        mentioned = {
            (it.source, it.file, it.line)
            for linked in (True, False)
            for it in store.all_contributions(linked=linked)
            if words.mentioned_in(it)
        }
    rows = {(it.source, it.file, it.line) for it in said}
    return Erased(counts, tuple(sorted(rows)), tuple(sorted(mentioned - rows)))


def lift(run: Run, person: Person) -> None:
    """Lets rows of a forgotten person be read again; every file of which a row was skipped is."""
    with run.store.transaction():
        run.store.drop_erased(person.owner)
        run.store.read_again(run.store.files_with_skipped_rows())


class _Words:
    """What a person is called, to be found in texts."""

    def __init__(self, person: Person) -> None:
        values = [it.values for it in person.said if it.kind == "applicant"]
        plain = {str(each[name]) for each in values for name in ("name", "email", "phone") if each.get(name)}
        parts = {str(each[name]) for each in values for name in ("given_name", "family_name") if each.get(name)}
        addresses = {value for type_, value, _ in person.names if type_ == "email"}
        titles = {link.title for _, link in person.links if link.title}
        single = {each for each in plain if " " not in each and "@" not in each}
        self._full = _any_of((plain - single) | addresses, re.IGNORECASE)
        # A given name may be a word, such as Will, which is told from it by its capital alone.
        self._any = [self._full, _any_of(titles, re.IGNORECASE), _any_of(parts | single)]

    def taken_out(self, text: str) -> str:
        """The text without them."""
        for words in self._any:
            text = words.sub(_GONE, text)
        return text

    def mentioned_in(self, it: Contribution) -> bool:
        """Whether a row about somebody else names the person in full, or by an address."""
        return any(self._full.search(text) for text in _texts([*it.values.values(), *it.refs.values()]))


def _any_of(words: Collection[str], flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    longest_first = sorted(words, key=lambda each: (-len(each), each))
    listed = "|".join(re.escape(each) for each in longest_first)
    return re.compile(rf"(?<!\w)(?:{listed})(?!\w)" if listed else r"(?!)", flags)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts(list(value.values()))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


# -------------------------------------------------------------------------------------------------- with age

_LISTED = 20
"""So many items of people who aged out are named in one run."""


def age_out(run: Run) -> bool:
    """Erases everyone of whom nothing new was said, and whose engagements ended, longer ago than `[privacy] retain`.

    Within the caller's transaction. True when somebody was, so that `Store.compact` has to follow.
    """
    retain = run.config.retain
    if retain is None:
        return False
    moment = run.outside.wire.now() - retain
    before, now = moment.isoformat(timespec="milliseconds"), run.outside.now()
    people = [
        _person(run, [key], identity.erased_owner(run.config.programme.id, key), (), set())
        for key in run.store.unchanged_since(before, now)
        if _last_day(run, key) < _local(run, moment)
    ]
    for person in people:
        _let_go(run, person)
    if people:
        _report_aged(run, people)
    return bool(people)


def _local(run: Run, moment: datetime) -> date:
    return moment.astimezone(run.config.programme.timezone).date()


def _last_day(run: Run, applicant: str) -> date:
    """The last day that any record of a person names."""
    days = [date.min]
    for key in run.store.records_about(applicant):
        record = run.store.record(key)
        if isinstance(record, Feedback):
            days += _days(run, record.submitted_at)
        if isinstance(record, Application):
            days += _days(run, record.applied_at, record.accepted_on, record.starts_on, record.ends_on)
            posting = run.store.record(record.posting)
            if record.status in ENGAGED and isinstance(posting, Posting):
                days += _days(run, milestones.counted("end", run.config.programme, posting, record).day)
    return max(days)


def _days(run: Run, *days: date | datetime | None) -> Iterator[date]:
    yield from (_local(run, day) if isinstance(day, datetime) else day for day in days if day is not None)


def _let_go(run: Run, person: Person) -> None:
    store, programme = run.store, run.config.programme.id
    addresses = {value for type_, value, _ in person.names if type_ == "email"}
    digests = {_aged(programme, it.source, it) for it in person.said}
    store.add_erased(digests | {_aged_address(programme, each) for each in addresses}, person.owner)
    store.erase(person.records, person.said, person.owner)
    store.rewrite_runs(_Words(person).taken_out)


def _report_aged(run: Run, people: Sequence[Person]) -> None:
    items = [f"{link.url or link.id}" for person in people for _, link in person.links]
    more = f" and {len(items) - _LISTED} more" if len(items) > _LISTED else ""
    on_boards = f"; of theirs these items are on boards and left alone: {', '.join(items[:_LISTED])}{more}"
    why = (
        f"{_people(len(people))} erased, because nothing new was said of them for longer than that"
        f"{on_boards if items else ''}."
    )
    run.result.note(Problem(run.config.path.name, "privacy.retain", why))


def _people(number: int) -> str:
    return "1 person was" if number == 1 else f"{number} people were"
