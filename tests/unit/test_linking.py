"""Whose record a row is about, and what becomes of several rows about one record."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync.linking import Linked, Linker, Merged, Unlinked, look_alikes, merged
from mi_sync.model import Applicant, Application, Contribution, Kind, Posting

PROGRAMME = "spring-2026"


class Names:
    """A directory in memory: the first name seen wins."""

    def __init__(self) -> None:
        self.names: dict[tuple[str, str, str, str], str] = {}
        self.titles: dict[str, list[str]] = {}

    def alias(self, kind: Kind, type_: str, value: str, namespace: str = "") -> str | None:
        return self.names.get((kind, type_, value, namespace))

    def alias_anywhere(self, kind: Kind, type_: str, value: str) -> Sequence[str]:
        return sorted({key for name, key in self.names.items() if name[:3] == (kind, type_, value)})

    def add_alias(self, key: str, kind: Kind, type_: str, value: str, namespace: str = "") -> None:
        self.names.setdefault((kind, type_, value, namespace), key)

    def has_alias(self, key: str, type_: str) -> bool:
        return any(name[1] == type_ and known == key for name, known in self.names.items())

    def ids(self, keys: Sequence[str]) -> Sequence[str]:
        return sorted(name[2] for name, key in self.names.items() if name[1] == "id" and key in keys)

    def postings_titled(self, title: str) -> Sequence[str]:
        return self.titles.get(title, [])[:2]


@pytest.fixture
def names() -> Names:
    return Names()


def said(kind: Kind, id_: str | None = None, **more: Any) -> Contribution:
    """What one row says; `ref` is its id unless told otherwise."""
    known: dict[str, Any] = {
        "source": "jobs", "kind": kind, "ref": id_ or "row", "namespace": "jobs", "overlay": False, "file": "jobs.csv",
        "line": 2, "local_id": id_, "values": {}, "refs": {}, "origins": {}, "digest": "", "primary": True,
    }  # fmt: skip
    return Contribution(**(known | more))


def overlay(kind: Kind, **more: Any) -> Contribution:
    mine: dict[str, Any] = {"source": "engagements", "namespace": "engagements", "overlay": True}
    return said(kind, **(mine | more))


def linked(names: Names, it: Contribution) -> Linked:
    outcome = Linker(names, PROGRAMME).link(it)
    assert isinstance(outcome, Linked)
    return outcome


def unlinked(names: Names, it: Contribution) -> Unlinked:
    outcome = Linker(names, PROGRAMME).link(it)
    assert isinstance(outcome, Unlinked)
    return outcome


# ------------------------------------------------------------------------------- postings and applicants


@given(
    first=st.text(max_size=5),
    second=st.text(max_size=5),
    spaces=st.lists(st.sampled_from("ab"), min_size=2, max_size=2),
)
def test_a_record_is_the_same_exactly_within_namespace_and_reference(
    first: str, second: str, spaces: list[str]
) -> None:
    names = Names()
    one, other = (
        linked(names, said("posting", ref=ref, namespace=space)).key
        for ref, space in zip((first, second), spaces, strict=True)
    )
    assert (one == other) == (first == second and spaces[0] == spaces[1])
    assert linked(Names(), said("posting", ref=first, namespace=spaces[0])).key == one


def test_a_stored_name_wins_over_the_key_that_would_be_made_today(names: Names) -> None:
    names.add_alias("posting-old", "posting", "ref", "P-1", "jobs")
    assert linked(names, said("posting", "P-1")).key == "posting-old"


def test_a_person_is_one_person_in_two_exports_by_e_mail(names: Names) -> None:
    one = linked(names, said("applicant", "1", values={"email": "ann@example.org"}))
    other = linked(names, said("applicant", "77", namespace="forms", values={"email": "ann@example.org"}))
    assert one.key == other.key
    assert linked(names, said("applicant", "77", namespace="forms")).key == one.key


def test_a_new_address_does_not_change_who_somebody_is(names: Names) -> None:
    ann = linked(names, said("applicant", "1", values={"email": "ann@example.org"})).key
    ben = linked(names, said("applicant", "2", values={"email": "ben@example.org"})).key
    assert linked(names, said("applicant", "2", values={"email": "ann@example.org"})).key == ben
    assert names.alias("applicant", "email", "ann@example.org") == ann


def test_a_relays_address_joins_nobody(names: Names) -> None:
    email = {"email": "x_6hp@indeedemail.com"}
    one = linked(names, said("applicant", "1", values=email))
    other = linked(names, said("applicant", "1", namespace="forms", values=email))
    assert one.key != other.key
    assert names.alias("applicant", "email", email["email"]) is None


def test_an_overlay_finds_an_applicant_by_the_id_of_another_source(names: Names) -> None:
    ann = linked(names, said("applicant", "1")).key
    assert linked(names, overlay("applicant", local_id="1", ref="1")).key == ann


def test_an_overlay_does_not_choose_between_two_applicants_with_one_id(names: Names) -> None:
    linked(names, said("applicant", "1"))
    linked(names, said("applicant", "1", namespace="forms"))
    outcome = unlinked(names, overlay("applicant", local_id="1", ref="1"))
    assert outcome.field == "applicant_id"
    assert "e-mail" in outcome.why


# ----------------------------------------------------------------------------------------- applications


@pytest.fixture
def known(names: Names) -> Names:
    """One posting (id P-1, titled "Data") and one applicant (id 1, ann@example.org)."""
    posting = linked(names, said("posting", "P-1")).key
    names.titles["Data"] = [posting]
    linked(names, said("applicant", "1", values={"email": "ann@example.org"}))
    return names


BY_ID = {"posting.id": "P-1", "applicant.id": "1"}
BY_NAME = {"posting.title": "Data", "applicant.email": "ann@example.org"}


@pytest.mark.parametrize("refs", [BY_ID, BY_NAME, {"posting.ref": "P-1", "applicant.ref": "1"}])
@pytest.mark.parametrize("kind", ["application", "feedback"])
def test_an_application_finds_its_posting_and_applicant(known: Names, kind: Kind, refs: dict[str, str]) -> None:
    linked(known, said("application", "A-0", refs=BY_ID))
    found = linked(known, said(kind, "A-1", refs=refs))
    assert found.posting == known.alias("posting", "id", "P-1", "jobs")
    assert found.applicant == known.alias("applicant", "id", "1", "jobs")
    assert found.implied is None


def test_an_id_of_the_own_namespace_goes_before_the_same_id_elsewhere(known: Names) -> None:
    posting = linked(known, said("posting", "P-1", namespace="forms")).key
    applicant = linked(known, said("applicant", "1", namespace="forms")).key
    here = linked(known, said("application", "A-1", refs=BY_ID))
    there = linked(known, said("application", "A-2", namespace="forms", refs=BY_ID))
    assert (there.posting, there.applicant) == (posting, applicant)
    assert here.posting != posting
    assert here.applicant != applicant


@pytest.mark.parametrize(
    ("refs", "field", "why"),
    [
        ({**BY_ID, "posting.id": "P-2"}, "posting_id", "no posting has this id"),
        ({**BY_NAME, "posting.title": "data"}, "posting_title", "no posting has exactly this title"),
        ({**BY_NAME, "posting.title": "Twice"}, "posting_title", "more than one posting"),
        ({**BY_ID, "applicant.id": "2"}, "applicant_id", "no applicant has this id"),
        ({"posting.id": "P-1"}, "applicant", "nothing tells who it is"),
        ({}, "posting_title", "no posting"),
    ],
)
def test_what_cannot_be_found_says_so_with_a_remedy_and_without_the_value(
    known: Names, refs: dict[str, str], field: str, why: str
) -> None:
    known.titles["Twice"] = ["posting-1", "posting-2"]
    outcome = unlinked(known, said("application", "A-1", refs=refs))
    assert outcome.field == field
    assert outcome.why.startswith(why)
    assert ";" in outcome.why
    assert not any(value in outcome.why for value in refs.values() if len(value) > 1)


def test_a_title_that_several_postings_have_names_their_ids(known: Names) -> None:
    keys = [linked(known, said("posting", id_)).key for id_ in ("P-7", "P-8")]
    known.titles["Twice"] = keys
    outcome = unlinked(known, said("application", "A-1", refs={**BY_NAME, "posting.title": "Twice"}))
    assert outcome.why.endswith("say which by posting_id (there are: P-7, P-8)")


@pytest.mark.parametrize("refs", [BY_ID, BY_NAME, {**BY_NAME, "applicant.email": "boss@example.org"}])
def test_feedback_on_no_application_makes_nobody(known: Names, refs: dict[str, str]) -> None:
    before = dict(known.names)
    outcome = unlinked(known, said("feedback", "F-1", refs=refs))
    assert outcome.field == "applicant"
    assert "give the intern's address" in outcome.why
    assert known.names == before


def test_a_posting_whose_id_nobody_has_is_found_by_its_title(known: Names) -> None:
    found = linked(known, said("application", "A-1", refs={**BY_NAME, "posting.id": "P-9"}))
    assert found.posting == known.alias("posting", "id", "P-1", "jobs")
    outcome = unlinked(known, said("application", "A-2", refs={**BY_NAME, "posting.id": "P-9", "posting.title": "X"}))
    assert outcome.field == "posting_title"


def test_an_id_in_two_other_namespaces_is_not_guessed_between(known: Names) -> None:
    linked(known, said("posting", "P-1", namespace="forms"))
    outcome = unlinked(known, overlay("application", refs=BY_ID))
    assert (outcome.field, "more than one posting" in outcome.why) == ("posting_id", True)


def test_an_unknown_address_implies_an_applicant_that_an_export_later_joins(known: Names) -> None:
    refs = {"posting.id": "P-1", "applicant.email": "new@example.org"}
    found = linked(known, overlay("application", refs=refs, line=7, origins={"applicant.email": ["E-mail", 3]}))
    assert found.implied is not None
    assert found.implied.values == {"email": "new@example.org"}
    assert (found.implied.key, found.implied.line, found.implied.kind) == (found.applicant, 7, "applicant")
    assert found.implied.origins == {"email": ["E-mail", 3]}
    assert linked(known, overlay("application", refs=refs)).implied is None
    assert linked(known, said("applicant", "9", values={"email": "new@example.org"})).key == found.applicant


def test_a_relays_address_is_somebody_within_its_namespace_only(known: Names) -> None:
    refs = {"posting.id": "P-1", "applicant.email": "x_6hp@indeedemail.com"}
    one = linked(known, said("application", "A-1", refs=refs))
    again = linked(known, said("application", "A-1", refs=refs))
    other = linked(known, said("application", "A-1", namespace="forms", refs=refs))
    assert one.applicant == again.applicant != other.applicant
    assert (again.implied, known.alias("applicant", "email", refs["applicant.email"])) == (None, None)


def test_an_address_finds_the_applicant_when_the_id_is_unknown(known: Names) -> None:
    refs = {"posting.id": "P-1", "applicant.id": "unheard of", "applicant.email": "ann@example.org"}
    assert linked(known, said("application", "A-1", refs=refs)).applicant == known.alias("applicant", "id", "1", "jobs")


@pytest.mark.parametrize("overlay_first", [True, False])
def test_an_overlay_meets_the_application_of_an_export(known: Names, overlay_first: bool) -> None:  # noqa: FBT001  a case
    rows = [said("application", "A-1", refs=BY_ID), overlay("application", refs=BY_NAME)]
    one, other = (linked(known, row).key for row in (rows[::-1] if overlay_first else rows))
    assert one == other


def test_a_second_application_to_the_same_posting_stands_for_itself(known: Names) -> None:
    first = linked(known, said("application", "A-1", refs=BY_ID)).key
    second = linked(known, said("application", "A-2", refs=BY_ID)).key
    assert first != second
    assert linked(known, said("application", "A-1", refs=BY_ID)).key == first
    assert linked(known, said("application", "A-2", refs=BY_ID)).key == second
    assert linked(known, overlay("application", refs=BY_ID)).key == first


def test_an_application_without_an_id_is_its_posting_and_applicant(known: Names) -> None:
    one = linked(known, said("application", ref="a", refs=BY_ID)).key
    assert linked(known, said("application", ref="b", refs=BY_NAME)).key == one


def test_an_application_without_an_id_has_the_same_key_whichever_source_comes_first(known: Names) -> None:
    other = Names()
    other.names, other.titles = dict(known.names), known.titles
    by_export = linked(known, said("application", ref="a", refs=BY_ID)).key
    assert linked(other, overlay("application", ref="a", refs=BY_NAME)).key == by_export


# -------------------------------------------------------------------------------------------- look-alikes


def person(key: str, name: str, phone: str = "", *links: str) -> Applicant:
    return Applicant(key=key, name=name, phone=phone or None, links=links, initials=name[0])


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (("Ann Lee", "+1 (555) 012-3456"), ("ANN  LEE", "555 012 3456"), "name and phone number"),
        (
            ("Ann Lee", "", "https://www.x.example/in/Ann/"),
            ("A. L.", "", "http://x.example/in/ann?t=1"),
            "profile address",
        ),
        (("Ann Lee", "+1 (555) 012-3456"), ("Bo Lee", "+1 (555) 012-3456"), None),
        (("Ann Lee", "555 012 3456"), ("Ann Lee", "555 012 3457"), None),
        (("Ann Lee", "12"), ("Ann Lee", "12"), None),
        (("Ann Lee", "", "https://x.example/"), ("Bo Li", "", "https://x.example"), None),
    ],
)
def test_who_may_be_one_person(one: tuple[str, ...], other: tuple[str, ...], shared: str | None) -> None:
    found = look_alikes([person("a", *one), person("b", *other)])
    assert [(it.keys, it.shared) for it in found] == ([(("a", "b"), shared)] if shared else [])


def test_what_many_share_is_nobodys_own_and_a_pair_is_told_once() -> None:
    link = "https://school.example/careers"
    assert look_alikes(person(str(n), f"N{n}", "", link) for n in range(5)) == []
    (found,) = look_alikes(person(key, "Ann Lee", "555 012 3456", link) for key in "ab")
    assert found.labels == ("A", "A")


# ---------------------------------------------------------------------------------------------- merging

ORDER = {"engagements": 0, "jobs": 1, "forms": 2}


def together(*rows: Contribution, kind: Kind = "posting") -> Merged:
    return merged(kind, "key", rows, ORDER)


def test_the_first_source_that_has_a_value_gives_it() -> None:
    jobs = said("posting", "P-1", values={"title": "Data", "openings": 2}, origins={"title": ["Title", 5]})
    forms = said("posting", "F-9", source="forms", values={"title": "Else", "location": "Berlin"}, line=8)
    found = together(forms, jobs)
    assert isinstance(found.record, Posting)
    assert (found.record.title, found.record.openings, found.record.location) == ("Data", 2, "Berlin")
    assert (found.record.key, found.record.id) == ("key", "P-1")
    assert found.origins == {"title": ["jobs", jobs.ref, "Title", 5]}


def test_two_exports_that_disagree_are_a_note_and_an_overlay_that_differs_is_none() -> None:
    jobs = said("posting", values={"title": "Data"})
    forms = said("posting", source="forms", values={"title": "Else", "source_status": "x"}, line=8)
    (problem,) = together(forms, jobs).problems
    assert (problem.field, problem.where) == ("title", "jobs.csv:8")
    assert "Else" not in problem.why
    assert together(jobs, replace(forms, overlay=True)).problems == ()
    assert together(jobs, replace(forms, values={"title": "Data"})).problems == ()


def test_origins_of_nested_fields_go_with_their_field() -> None:
    pay = {"min": 400, "max": 400}
    jobs = said("posting", values={"pay": pay}, origins={"pay.min": ["Fee", 3], "payer": ["x", 1], "pay": ["Fee", 2]})
    forms = said("posting", source="forms", values={"pay": {"min": 1}}, origins={"pay.max": ["Y", 1]})
    assert set(together(jobs, forms).origins) == {"pay.min", "pay"}


@given(order=st.permutations(range(6)))
def test_the_result_does_not_depend_on_the_order_in_which_rows_are_given(order: list[int]) -> None:
    rows = [
        said("posting", f"P-{n}", source=source, file=file, line=line, values={"title": f"{source}{file}{line}"})
        for n, (source, file, line) in enumerate(
            (source, *at) for source in ("forms", "jobs") for at in (("b.csv", 2), ("a.csv", 3), ("a.csv", 9))
        )
    ]
    found = together(*(rows[n] for n in order))
    assert isinstance(found.record, Posting)
    assert found.record.title == "jobsa.csv3"


def applied(status: str | None, **more: Any) -> Contribution:
    values = {"starts_on": date(2026, 3, 2)} | ({"status": status} if status else {})
    return said("application", "A-1", values=values, posting="posting-1", applicant="applicant-1", **more)


def test_an_application_carries_the_keys_that_it_was_linked_to() -> None:
    record = together(applied("accepted"), kind="application").record
    assert isinstance(record, Application)
    assert (record.posting, record.applicant, record.status) == ("posting-1", "applicant-1", "accepted")


@pytest.mark.parametrize(
    ("status", "becomes"),
    [
        ("open", "closed"),
        (None, "closed"),
        ("filled", "closed"),
        ("completed", "completed"),
        ("cancelled", "cancelled"),
    ],
)
def test_a_posting_that_left_a_complete_export_is_closed_unless_it_ended(status: str | None, becomes: str) -> None:
    found = together(said("posting", "P-1", values={"status": status} if status else {}, gone=True))
    assert isinstance(found.record, Posting)
    assert found.record.status == becomes
    assert found.problems == ()


@pytest.mark.parametrize("status", ["applied", "offered", None])
def test_an_application_that_left_a_complete_export_is_withdrawn(status: str | None) -> None:
    found = together(applied(status, gone=True), kind="application")
    assert isinstance(found.record, Application)
    assert (found.record.status, found.problems) == ("withdrawn", ())


@pytest.mark.parametrize("status", ["accepted", "in_progress", "completed"])
def test_an_engagement_that_left_a_complete_export_is_reported_and_kept(status: str) -> None:
    found = together(applied(status, gone=True, line=14), kind="application")
    assert isinstance(found.record, Application)
    assert found.record.status == status
    (problem,) = found.problems
    assert (problem.where, problem.field) == ("jobs.csv:14", "status")
    assert "engagements overlay" in problem.why


@pytest.mark.parametrize("status", ["withdrawn", "declined", "rejected"])
def test_an_ended_application_stays_as_it_ended(status: str) -> None:
    found = together(applied(status, gone=True), kind="application")
    assert isinstance(found.record, Application)
    assert (found.record.status, found.problems) == (status, ())


def test_what_another_export_still_has_is_not_gone_but_what_only_an_overlay_has_is() -> None:
    gone = applied("applied", gone=True)
    still = dataclasses.replace(gone, source="forms", gone=False)
    by_hand = dataclasses.replace(gone, source="engagements", overlay=True, gone=False)
    statuses = [getattr(together(gone, it, kind="application").record, "status") for it in (still, by_hand)]  # noqa: B009  one of several records
    assert statuses == ["applied", "withdrawn"]


def test_what_stands_only_in_an_overlay_never_goes() -> None:
    record = together(applied("applied", overlay=True, gone=True), kind="application").record
    assert isinstance(record, Application)
    assert record.status == "applied"
