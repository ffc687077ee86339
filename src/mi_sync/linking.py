"""Whose record is it? Contributions of several sources become one canonical record each.

Two steps, both pure over a `Directory` (the store): `Linker` finds the key that a contribution is about, by stored
names of which the first seen wins for ever; `merged` puts the contributions of one key together, by the order of
the sources.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mi_sync.errors import Problem
from mi_sync.identity import digest, is_relay, record_key
from mi_sync.model import ENDED, ENGAGED, RECORDS, Applicant, Contribution, Kind, Record
from mi_sync.values import fold


class Directory(Protocol):
    """The stored names of records."""

    def alias(self, kind: Kind, type_: str, value: str, namespace: str = "") -> str | None:
        """The key that goes by this name."""
        ...

    def alias_anywhere(self, kind: Kind, type_: str, value: str) -> Sequence[str]:
        """The keys that go by this name in any namespace."""
        ...

    def add_alias(self, key: str, kind: Kind, type_: str, value: str, namespace: str = "") -> None:
        """Remembers a name; the first seen wins."""
        ...

    def has_alias(self, key: str, type_: str) -> bool:
        """Whether the record goes by a name of this type."""
        ...

    def postings_titled(self, title: str) -> Sequence[str]:
        """The keys of the postings with exactly this title; not all of very many."""
        ...

    def ids(self, keys: Sequence[str]) -> Sequence[str]:
        """The ids that sources gave these records."""
        ...


@dataclass(frozen=True, slots=True)
class Linked:
    """Whose record it is; for applications and feedback also whose posting and applicant.

    `implied` is the applicant that an overlay names by e-mail and nobody else has.
    """

    key: str
    posting: str | None = None
    applicant: str | None = None
    implied: Contribution | None = None


@dataclass(frozen=True, slots=True)
class Unlinked:
    """Nobody knows whose it is; `why` ends with a remedy."""

    field: str
    why: str


class Linker:
    """Finds whose record a contribution is about, and remembers the names that it brings."""

    def __init__(self, directory: Directory, programme: str) -> None:
        self._directory = directory
        self._programme = programme

    def link(self, it: Contribution) -> Linked | Unlinked:
        """The key that `it` is about."""
        if it.kind == "posting":
            return Linked(self._own(it))
        if it.kind == "applicant":
            return self._applicant(it)
        posting = self._posting_of(it)
        if isinstance(posting, Unlinked):
            return posting
        applicant = self._applicant_of(it)
        if isinstance(applicant, Unlinked):
            return applicant
        if it.kind == "feedback" and not self._directory.alias("application", "pair", f"{posting}|{applicant.key}"):
            return Unlinked("applicant", _NO_ENGAGEMENT)
        key = self._application(it, posting, applicant.key) if it.kind == "application" else self._own(it)
        return Linked(key, posting, applicant.key, applicant.implied)

    # -- records that stand for themselves ----------------------------------------------------------

    def _own(self, it: Contribution) -> str:
        """The key by id or key columns within the namespace."""
        known = self._directory.alias(it.kind, "ref", it.ref, it.namespace)
        key = known or record_key(self._programme, it.namespace, it.kind, it.ref)
        self._remember(it, key)
        return key

    def _remember(self, it: Contribution, key: str) -> None:
        self._directory.add_alias(key, it.kind, "ref", it.ref, it.namespace)
        if it.local_id:
            self._directory.add_alias(key, it.kind, "id", it.local_id, it.namespace)

    def _applicant(self, it: Contribution) -> Linked | Unlinked:
        """By reference, then by e-mail: that is how a person is one person in two exports."""
        email = it.values.get("email")
        joins = bool(email) and not is_relay(str(email))
        known = self._directory.alias("applicant", "ref", it.ref, it.namespace)
        if known is None and joins:
            known = self._directory.alias("applicant", "email", str(email))
        if known is None and it.overlay and it.local_id:
            elsewhere = self._directory.alias_anywhere("applicant", "id", it.local_id)
            known = elsewhere[0] if len(elsewhere) == 1 else None
        if known is None and it.overlay and not email:
            return Unlinked("applicant_id", "no other source has this applicant; give the e-mail address instead")
        key = known or record_key(self._programme, it.namespace, "applicant", it.ref)
        self._remember(it, key)
        if joins:
            self._directory.add_alias(key, "applicant", "email", str(email))
        return Linked(key)

    # -- what refers to others ----------------------------------------------------------------------

    def _posting_of(self, it: Contribution) -> str | Unlinked:
        refs = it.refs
        if "posting.ref" in refs:
            found = self._directory.alias("posting", "ref", refs["posting.ref"], it.namespace)
            if found:
                return found
        if "posting.id" in refs:
            here = self._directory.alias("posting", "id", refs["posting.id"], it.namespace)
            found_by_id = [here] if here else self._directory.alias_anywhere("posting", "id", refs["posting.id"])
            if not found_by_id and "posting.title" in refs:
                return self._posting_titled(refs["posting.title"])
            return _only(found_by_id, "posting_id", "posting has this id")
        return self._posting_titled(refs.get("posting.title", ""))

    def _posting_titled(self, title: str) -> str | Unlinked:
        titled = self._directory.postings_titled(title)
        if len(titled) < 2:
            return _only(titled, "posting_title", "posting has exactly this title")
        ids = ", ".join(self._directory.ids(titled)[:_MOST_IDS])
        why = f"more than one posting has exactly this title; say which by posting_id (there are: {ids or 'no ids'})"
        return Unlinked("posting_title", why)

    def _applicant_of(self, it: Contribution) -> Linked | Unlinked:
        refs = it.refs
        if "applicant.ref" in refs:
            found = self._directory.alias("applicant", "ref", refs["applicant.ref"], it.namespace)
            if found:
                return Linked(found)
        if "applicant.id" in refs:
            here = self._directory.alias("applicant", "id", refs["applicant.id"], it.namespace)
            keys = [here] if here else self._directory.alias_anywhere("applicant", "id", refs["applicant.id"])
            if keys or "applicant.email" not in refs:
                only = _only(keys, "applicant_id", "applicant has this id")
                return only if isinstance(only, Unlinked) else Linked(only)
        return self._applicant_by_email(it, refs.get("applicant.email", ""))

    def _applicant_by_email(self, it: Contribution, email: str) -> Linked | Unlinked:
        if not email:
            return Unlinked("applicant", "nothing tells who it is; give an applicant_id or an e-mail address")
        if is_relay(email):
            known = self._directory.alias("applicant", "ref", f"email:{email}", it.namespace)
        else:
            known = self._directory.alias("applicant", "email", email)
        if known:
            return Linked(known)
        if it.kind == "feedback":  # it is on an application, and there is none without an applicant
            return Unlinked("applicant", _NO_ENGAGEMENT)
        ref = f"email:{email}"
        key = record_key(self._programme, it.namespace, "applicant", ref)
        implied = Contribution(
            source=it.source,
            kind="applicant",
            ref=ref,
            namespace=it.namespace,
            overlay=it.overlay,
            file=it.file,
            line=it.line,
            local_id=None,
            values={"email": email},
            refs={},
            origins={"email": it.origins.get("applicant.email", {})},
            digest=digest("implied", email, key=self._programme),
            primary=False,
            key=key,
            run=it.run,
            changed_at=it.changed_at,
        )
        self._directory.add_alias(key, "applicant", "ref", ref, it.namespace)
        if not is_relay(email):
            self._directory.add_alias(key, "applicant", "email", email)
        return Linked(key, implied=implied)

    def _application(self, it: Contribution, posting: str, applicant: str) -> str:
        """By id; else by its posting and applicant, which is how an overlay meets what an export brought."""
        pair = f"{posting}|{applicant}"
        known = self._directory.alias("application", "ref", it.ref, it.namespace) if it.local_id else None
        if known is None:
            paired = self._directory.alias("application", "pair", pair)
            # A second application of the same person to the same posting has an id of its own.
            taken = it.local_id is not None and paired is not None and self._directory.has_alias(paired, "id")
            known = None if taken else paired
        ref = it.ref if it.local_id else f"pair:{pair}"
        key = known or record_key(self._programme, it.namespace if it.local_id else "", "application", ref)
        self._directory.add_alias(key, "application", "pair", pair)
        if it.local_id:
            self._remember(it, key)
        return key


_MOST_IDS = 5
"""So many candidates are named."""

_NO_ENGAGEMENT = (
    "feedback is on an application, and this person has none to this posting; give the intern's address and the "
    "posting of the application, or add the export that has it"
)


def _only(keys: Sequence[str], field: str, what: str) -> str | Unlinked:
    if len(keys) == 1:
        return keys[0]
    if not keys:
        return Unlinked(field, f"no {what}; correct it, or add the export that has it as a source")
    return Unlinked(field, f"more than one {what}; tell them apart by an id within one namespace")


# -------------------------------------------------------------------------------------------- look-alikes


@dataclass(frozen=True, slots=True)
class LookAlike:
    """Applicants who may be one person, and what they share; a suggestion, which joins nobody."""

    labels: tuple[str, ...]
    keys: tuple[str, ...]
    shared: str


_SHARED_BY = 4
"""What more people share than this is nobody's own: the address of a school, a switchboard."""


def look_alikes(applicants: Iterable[Applicant]) -> list[LookAlike]:
    """Those with the same name and phone number, or with the same profile address; each group once."""
    shared: dict[tuple[str, str], dict[str, str]] = {}
    for applicant in applicants:
        label = applicant.label or applicant.initials or "?"
        for trait in _traits(applicant):
            shared.setdefault(trait, {})[applicant.key] = label
    found: dict[tuple[str, ...], LookAlike] = {}
    for (what, _), people in sorted(shared.items()):
        keys = tuple(sorted(people))
        if 1 < len(keys) <= _SHARED_BY:
            found.setdefault(keys, LookAlike(tuple(people[key] for key in keys), keys, what))
    return list(found.values())


def _traits(it: Applicant) -> Iterator[tuple[str, str]]:
    """What two records of one person would have in common."""
    digits = "".join(char for char in it.phone or "" if char.isdigit())
    if it.name and len(digits) >= _PHONE:
        yield "name and phone number", f"{fold(it.name)} {digits[-_PHONE:]}"
    for link in it.links:
        address = link.casefold().partition("://")[2].removeprefix("www.").partition("?")[0].rstrip("/#")
        if "/" in address:  # a site's own page is nobody's profile
            yield "profile address", address


_PHONE = 9
"""So many of a number's last digits are compared: the country may be left out."""

# ---------------------------------------------------------------------------------------------- merging


@dataclass(frozen=True, slots=True)
class Merged:
    """One record out of all that is said of it; every field knows which contribution it came from.

    `origins`: field → (source, reference, column, line of the mapping); where the row stands now, its contribution
    knows.
    """

    record: Record
    origins: Mapping[str, Any]
    problems: tuple[Problem, ...] = ()


def merged(kind: Kind, key: str, contributions: Sequence[Contribution], order: Mapping[str, int]) -> Merged:
    """The record: for each field the first value, by the order of the sources, then of the files and references."""
    ranked = sorted(contributions, key=lambda c: (order.get(c.source, len(order)), c.source, c.file, c.ref))
    values: dict[str, Any] = {"key": key}
    origins: dict[str, Any] = {}
    first: dict[str, Contribution] = {}
    problems: list[Problem] = []
    for it in ranked:
        new = it.values.keys() - values.keys()
        for name, value in it.values.items():
            if name in new:
                values[name] = value
                first[name] = it
            elif name in first and _disagree(name, first[name], it):
                problems.append(_disagreement(name, first[name], it))
        origins.update(_origins(it, new))
        if it.local_id and "id" not in values:
            values["id"] = it.local_id
    if kind in {"application", "feedback"}:
        linked = next(c for c in ranked if c.posting and c.applicant)
        values["posting"], values["applicant"] = linked.posting, linked.applicant
    problems += _when_gone(kind, values, ranked)
    return Merged(RECORDS[kind].model_validate(values), origins, tuple(problems))


def _origins(it: Contribution, names: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Of these fields and of their parts, such as `pay.min`."""
    for field, origin in it.origins.items():
        if field.partition(".")[0] in names:
            yield field, [it.source, it.ref, *origin]


_OWN_WORDS = frozenset({"id", "source_status", "initials", "channel", "referred_by"})
"""What each source says in its own way; a difference there is none."""


def _disagree(name: str, one: Contribution, other: Contribution) -> bool:
    """Whether two exports say different things; an overlay is there to differ."""
    if one.overlay or other.overlay or one.source == other.source or name in _OWN_WORDS:
        return False
    return bool(one.values[name] != other.values[name])


def _disagreement(name: str, first: Contribution, other: Contribution) -> Problem:
    return Problem(
        f"{other.file}:{other.line}",
        name,
        f"it says otherwise than {first.file}:{first.line}, which counts, because {first.source!r} comes before "
        f"{other.source!r} in [[sources]].",
    )


def _when_gone(kind: Kind, values: dict[str, Any], ranked: Sequence[Contribution]) -> Iterator[Problem]:
    """What follows when a complete export no longer has the row, and no other source but an overlay does."""
    telling = [c for c in ranked if not c.overlay]
    if not telling or not all(c.gone for c in telling):
        return
    status = values.get("status")
    if kind == "posting" and status not in {"completed", "cancelled"}:
        values["status"] = "closed"
    if kind == "application" and status not in ENDED:
        if status not in ENGAGED:
            values["status"] = "withdrawn"
            return
        gone = telling[0]
        yield Problem(
            f"{gone.file}:{gone.line}",
            "status",
            f"the row of an engagement ({status}) is no longer in the complete export of {gone.source!r}; it is kept. "
            "If it ended, say so in an engagements overlay.",
        )
