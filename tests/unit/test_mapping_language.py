from __future__ import annotations

import dataclasses
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync import language, sensitive
from mi_sync.errors import ConfigError, Problem


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        language.load(text, "own", "mappings/own.toml")
    return caught.value.problems


GOOD = '[posting]\ntitle = "Title"\n'


@pytest.mark.parametrize(
    ("text", "line", "field", "hint"),
    [
        ('titel = "x"\n[posting]\ntitle = "T"', 1, "titel", "Did you mean 'title'"),
        ('looks_like = "T"\n[posting]\ntitle = "T"', 1, "looks_like", "README"),
        ('looks_like = ["T", " "]\n[posting]\ntitle = "T"', 1, "looks_like", "empty"),
        ('looks_like = ["Visa status"]\n[posting]\ntitle = "T"', 1, "looks_like", "never kept"),
        ('[postings]\ntitle = "T"', 1, "postings", "Did you mean 'posting'"),
        ('attested = "yes"\n[posting]\ntitle = "T"', 1, "attested", "'header'"),
        ('[posting]\ntitel = "T"', 2, "posting.titel", "Did you mean 'title'"),
        ('[posting]\ntitle = "T"\n[posting.pay]\nminimum = "P"', 4, "posting.pay.minimum", "Did you mean"),
        ('[posting]\nhours = "H"', 2, "posting.hours", "no such field"),
        ('[posting]\npay.column = "P"\npay.minimum = "Q"', 3, "posting.pay.minimum", "Did you mean"),
        ('[posting]\npay = { column = "P", per = "fixed", scale = [1, 5] }', 2, "posting.pay.scale", "does not apply"),
        ('[posting]\n[posting.pay]\ncolumn = "P"\nother = "much"', 4, "posting.pay.other", "USD 450 fixed"),
        (
            '[posting]\npay = { column = "P", per = { default = "often" } }',
            2,
            "posting.pay.per.default",
            "write one of",
        ),
        ('[posting]\nstarts_on = { column = "T", dates = ["%d.%m.%Y %Z"] }', 2, "posting.starts_on.dates", "%z"),
        ('[posting]\ntitle = { colum = "T" }', 2, "posting.title.colum", "Did you mean 'column'"),
        ("[posting]\ntitle = 3", 2, "posting.title", "{ default = … }"),
        ('[posting]\ntitle = { column = "T", template = "{T}" }', 2, "posting.title", "keep one"),
        ("[posting]\ntitle = { required = false }", 2, "posting.title", "names no column"),
        ('each = "a"\n[posting]\ntitle = "T"', 1, "each", "unknown key"),
        ('[posting]\ntitle = "T"\neach = "jobs"', 3, "posting.each", "a list within the row"),
        (
            '[applicant]\neach = "jobs.*"\nemail = "E"\n[application]\nposting.id = "P"',
            2,
            "applicant.each",
            "only what the row is about",
        ),
        ('skip = 1\n[posting]\ntitle = "T"', 1, "skip", "[skip]"),
        ('[posting]\ntitle = "T"\n[skip]\nStatus = []', 4, "skip.Status", "Survey Preview"),
        ('[posting]\ntitle = "T"\n[skip]\nStatus = [1]', 4, "skip.Status", "Survey Preview"),
        ('[posting]\ntitle = "T"\n[skip]\nGender = ["f"]', 4, "skip.Gender", "EEO"),
        ('extends = "generic"\n[posting]\ntitle = "T"', 1, "extends", "no mapping 'generic' to extend"),
        ('[posting]\ntitle = { column = "T", dates = "dmy" }', 2, "posting.title.dates", "does not apply"),
        ('[posting]\nstarts_on = { column = "T", dates = ["%d.%m."] }', 2, "posting.starts_on.dates", "with a year"),
        ('[posting]\nstarts_on = { column = "T", dates = ["%Y %Y"] }', 2, "posting.starts_on.dates", "no format"),
        ('[posting]\nstarts_on = { column = "T", dates = ["%Y-%Q"] }', 2, "posting.starts_on.dates", "no format"),
        ('[posting]\nstarts_on = { column = "T", dates = "myd" }', 2, "posting.starts_on.dates", "'dmy'"),
        (
            '[posting]\nstatus = { column = "T", values = { x = "opne" } }',
            2,
            "posting.status.values.x",
            "Did you mean 'open'",
        ),
        ('[posting]\nstatus = { column = "T", other = "what" }', 2, "posting.status.other", "write one of"),
        ('[posting]\nopenings = { column = "T", default = "many" }', 2, "posting.openings.default", "plain number"),
        ('[posting]\nkey = ["titel"]\ntitle = "T"', 2, "posting.key", "Did you mean 'title'"),
        ('[posting]\nkey = "title"\ntitle = "T"', 2, "posting.key", "must be a list"),
        ('posting = "x"', 1, "posting", "[posting]"),
        ('[applicant]\nemail = "E"\nethnicity = "Ethnicity"', 3, "applicant.ethnicity", "never kept"),
        ('[applicant]\nemail = "E"\ngpa = ["GPA", "candidateGender"]', 3, "applicant.gpa", "looks like EEO"),
        (
            '[applicant]\nemail = "E"\nname = { template = "{Name} {Visa status}" }',
            3,
            "applicant.name",
            "looks like EEO",
        ),
        (
            '[application]\nposting.id = "P"\napplicant.id = "A"\nanswers.gender = "Q5"',
            4,
            "application.answers.gender",
            "never kept",
        ),
        (
            '[application]\nposting.id = "P"\napplicant.id = "A"\nanswers = "Q5"',
            4,
            "application.answers",
            "answers.motivation",
        ),
        ('[applicant]\nemail = "E"\nlabel = "L"', 3, "applicant.label", "no such field"),
        ('[application]\nposting.id = "P"', 1, "application", "applicant.id or applicant.email"),
        (
            '[applicant]\nemail = "E"\n[application]\nposting.id = "P"\napplicant.email = "E"',
            5,
            "application.applicant.email",
            "remove this line",
        ),
        (
            '[feedback]\nposting.id = "P"\napplicant.id = "A"\nrating = { column = "R", scale = [5, 1] }',
            4,
            "feedback.rating.scale",
            "[1, 5]",
        ),
        ('title = "no table"', None, "", "makes no record"),
    ],
)
def test_a_mistake_is_refused_with_line_key_and_remedy(text: str, line: int | None, field: str, hint: str) -> None:
    found = problems(text)
    assert [p.field for p in found] == [field]
    assert found[0].where == (f"mappings/own.toml:{line}" if line else "mappings/own.toml")
    assert hint in found[0].why


def test_all_mistakes_are_told_at_once() -> None:
    assert len(problems('overlay = "perhaps"\n[posting]\ntitel = "T"\nstatus = { colum = "S" }\nkey = ["x"]')) == 4


def test_what_is_no_toml_is_refused_with_its_line() -> None:
    assert "line 2" in problems('[posting]\ntitle = = "T"')[0].why


def test_names_of_columns_are_judged_by_their_words() -> None:
    assert all(
        map(
            sensitive.is_eeo,
            (
                "Race",
                "ETHNICITY",
                "candidateEthnicity",
                "work_authorization_name",
                "IP Address",
                "IPAddress",
                "Veteran Status",
                "LocationLatitude",
                "visa-status",
                "Will you need sponsorship?",
                "GPS coordinates",
                "Veterans",
            ),
        )
    )
    assert not any(
        map(sensitive.is_eeo, ("Trace", "Essex office", "Description", "Ship address", "Work", "Graceful", "Province"))
    )


def test_the_digest_follows_the_content() -> None:
    one, same, other = (language.load(text, "own", "f") for text in (GOOD, GOOD, f"{GOOD}# note\n"))
    assert one.digest == same.digest != other.digest


def test_what_stands_above_the_tables_is_kept() -> None:
    it = language.load(
        f'title = "T"\nsource = "S"\nattested = "fields"\ndirection = "own-data"\noverlay = true\ndates = "dmy"\n{GOOD}',
        "own",
        "f",
    )
    assert (it.title, it.source, it.attested, it.direction, it.overlay, it.dates) == (
        "T",
        "S",
        "fields",
        "own-data",
        True,
        "dmy",
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        it.name = "x"  # type: ignore[misc]  # that is what is tested


def test_the_last_record_is_what_a_row_is_about() -> None:
    text = '[application]\nposting.id = "P"\n[applicant]\nemail = "E"\n'
    assert language.load(text, "own", "f").primary == "application"
    assert language.load(GOOD, "own", "f").primary == "posting"


def test_lines_are_found_behind_comments_and_values_over_several_lines() -> None:
    text = '# first\n[posting] # a [table]\nsummary = [ # many\n  "a]b",\n  "c",\n]\n\ntitle = """a\n[x]"""\n"skills" = \'y\'\npay.min = "P"\n[posting.hours]\ntotal = "H"\n'
    assert tomllib.loads(text)
    lines = {f.name: f.line for r in language.load(text, "own", "f").records for f in r.fields}
    assert lines == {"summary": 3, "title": 8, "skills": 10, "pay.min": 11, "hours.total": 13}


def loaded_or_refused(text: str) -> bool:
    """Whether the outcome is one of the two; anything else that is raised fails the test."""
    try:
        return bool(language.load(text, "own", "f").records)
    except ConfigError as error:
        return bool(error.problems) and all(p.why for p in error.problems)


@given(st.text())
def test_any_text_is_a_mapping_or_a_clear_refusal(text: str) -> None:
    assert loaded_or_refused(text)


KEYS = st.sampled_from(
    [
        "posting",
        "applicant",
        "application",
        "title",
        "email",
        "key",
        "status",
        "pay",
        "column",
        "values",
        "default",
        "dates",
        "x",
    ]
)
TREES = st.recursive(
    st.sampled_from(['"title"', "3", "true", "1.5", "2026-04-03", '""', "[1, 2]", '["a"]', "nan"]),
    lambda inner: st.dictionaries(KEYS, inner).map(lambda d: "{" + ", ".join(f"{k} = {v}" for k, v in d.items()) + "}"),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, TREES))
def test_any_valid_toml_is_a_mapping_or_a_clear_refusal(tree: dict[str, str]) -> None:
    text = "\n".join(f"{key} = {value}" for key, value in tree.items())
    tomllib.loads(text)
    assert loaded_or_refused(text)


# -- one mapping extends another, a source adds constants ---------------------------------------------------

LINK = 'applicant.email = "E"\n'
LINKS = 'posting.id = "P"\napplicant.email = "E"\n'
BASE = """
[skip]
State = ["Test"]
[posting]
key = ["url"]
title = "Title"
url = "Link"
[application]
applicant.email = "E"
"""


def extended(text: str, base: str = BASE) -> language.Mapping:
    return language.load(
        f'extends = "base"\n{text}', "own", "own.toml", lambda name: language.load(base, name, "b.toml")
    )


def test_a_mapping_extends_another_field_by_field() -> None:
    it = extended('[skip]\nStatus = "Gone"\n[posting]\ntitle = "Name"\n[feedback]\nrating = "R"\n' + LINK)
    assert [record.kind for record in it.records] == ["posting", "application", "feedback"]
    posting = it.records[0]
    assert posting.key == ("url",)
    assert {f.name: (f.spec.column, f.file, f.line) for f in posting.fields} == {
        "title": (("Name",), "own.toml", 5),
        "url": (("Link",), "b.toml", 7),
    }
    assert [(rule.column, rule.words) for rule in it.skip] == [("State", ("Test",)), ("Status", ("Gone",))]


def test_what_is_so_of_a_format_is_so_of_what_extends_it_unless_it_says_otherwise() -> None:
    base = f'title = "T"\nattested = "header"\noverlay = true\ndates = "dmy"\nlooks_like = ["Link"]\n{BASE}'
    it, other = extended("", base), extended("looks_like = []\noverlay = false\n", base)
    assert (it.overlay, it.dates, it.looks_like, it.title, it.attested) == (True, "dmy", ("Link",), "", "none")
    assert (other.overlay, other.dates, other.looks_like) == (False, "dmy", ())


def test_the_digest_follows_what_is_extended() -> None:
    one, same, other = extended(""), extended(""), extended("", f"# note\n{BASE}")
    assert one.digest == same.digest != other.digest


@pytest.mark.parametrize(
    ("constants", "hint"),
    [
        ({"kidn": "final"}, "Did you mean 'kind'"),
        ({"kind": "fnal"}, "Did you mean 'final'"),
        ({"kind": ["final"]}, "must be a text"),
        ({"kind": ""}, "must be a text"),
        ({"applicant.email": "no address"}, "no e-mail address"),
        ({"gender": "x"}, "never kept"),
        ({"answers": "x"}, "no such field"),
    ],
)
def test_a_constant_is_checked_as_a_default_is(constants: dict[str, object], hint: str) -> None:
    it = language.load(f'[feedback]\nrating = "R"\n{LINKS}', "own", "own.toml")
    with pytest.raises(ConfigError) as caught:
        language.with_constants(it, constants, "config.toml", "sources[0].constants")
    (found,) = caught.value.problems
    assert (found.where, found.field) == ("config.toml", f"sources[0].constants.{next(iter(constants))}")
    assert hint in found.why


def test_constants_are_part_of_the_digest_in_any_order() -> None:
    it = language.load(f'[feedback]\nrating = "R"\n{LINKS}', "own", "own.toml")
    one, same, other = (
        language.with_constants(it, told, "config.toml", "constants").digest
        for told in ({"kind": "final", "by": "intern"}, {"by": "intern", "kind": "final"}, {"kind": "final"})
    )
    assert one == same
    assert len({one, other, it.digest}) == 3
    assert language.with_constants(it, {}, "config.toml", "constants") is it


def test_a_constant_belongs_to_the_record_that_it_names() -> None:
    it = language.load('[applicant]\nemail = "E"\n[application]\nposting.id = "P"', "own", "own.toml")
    told = {"applicant.channel": "referral", "posting.id": "P-1", "status": "accepted"}
    found = language.with_constants(it, told, "config.toml", "constants")
    filled = {f"{record.kind}.{f.name}" for record in found.records for f in record.fields if f.line is None}
    assert filled == {"applicant.channel", "application.posting.id", "application.status"}
