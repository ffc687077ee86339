from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync import language, loader, recognition
from mi_sync.errors import SourceError
from mi_sync.language import Mapping

SHIPPED = loader.find_all(Path("/nonexistent"))
SAMPLES = sorted((Path(__file__).parents[1] / "data" / "exports").glob("*.csv"))


def own(name: str, text: str) -> Mapping:
    return language.load(text, name, f"mappings/{name}.toml")


def header_of(path: Path) -> list[str]:
    """The first row of a file that is no preamble."""
    with path.open(encoding="utf-8-sig", newline="") as text:
        return next(row for row in csv.reader(text) if len(row) > 1)


def names(header: list[str], *more: Mapping) -> list[str]:
    return [fit.mapping.name for fit in recognition.fits(header, [*SHIPPED, *more])]


def recognised(header: list[str], *more: Mapping) -> str:
    return recognition.recognise(header, [*SHIPPED, *more], "exports/a.csv").mapping.name


def refusal(header: list[str], *more: Mapping) -> str:
    with pytest.raises(SourceError) as caught:
        recognised(header, *more)
    return str(caught.value)


# -- what is recognised ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_shipped_format_is_recognised_from_its_sample(path: Path) -> None:
    assert recognised(header_of(path)) == path.stem


@given(st.data(), st.sampled_from(SAMPLES))
def test_order_case_and_spacing_of_the_header_change_nothing(data: st.DataObject, path: Path) -> None:
    header = data.draw(st.permutations(header_of(path)))
    drifted = [
        data.draw(st.sampled_from([n, n.upper(), f" {n} ", n.replace(" ", "_"), n.replace("_", "-")])) for n in header
    ]
    assert recognised(drifted) == path.stem


def test_what_only_a_format_has_outweighs_common_names() -> None:
    header = header_of(SAMPLES[0].with_stem("indeed_candidates"))
    assert recognised([*header, "given_name", "family_name", "gpa", "majors", "school"]) == "indeed_candidates"
    assert "indeed_candidates" not in names([name for name in header if name != "interest level"])


def test_an_attested_header_beats_generic_names_only_while_it_explains_as_much() -> None:
    header = ["First Name", "Last Name", "Email Address", "Job Title", "Status"]
    assert recognised(header) == "handshake_applicant_list"
    assert recognised([*header, "Phone", "GPA", "Major"]) == "generic_applicants"


def test_columns_that_are_never_kept_count_for_nothing() -> None:
    header = ["name", "email", "posting_id"]
    eeo = ["Gender", "Ethnicity", "Veteran status", "Disability", "Latitude", "IP address"]
    assert recognised([*header, *eeo]) == "generic_applicants"


# -- what is not -----------------------------------------------------------------------------------------


def test_a_file_of_which_too_little_is_known_is_refused_with_the_candidates() -> None:
    told = refusal(["First Name", "Last Name", "URL", "Email Address", "Company", "Position", "Since"])
    assert "generic_applicants (knows 3 of 7 columns)" in told
    assert 'mapping = "' in told
    assert "mi-sync inspect" in told


@pytest.mark.parametrize("header", [[], [""], ["Foo", "Bar"], ["Gender"]])
def test_a_file_of_which_nothing_is_known_is_refused(header: list[str]) -> None:
    assert "no mapping fits its header" in refusal(header)


def test_a_tie_names_its_candidates() -> None:
    text = 'looks_like = ["Kind"]\n[posting]\ntitle = "Kind"\nsummary = "Words"\n'
    told = refusal(["Kind", "Words"], own("ours", text), own("theirs", text))
    assert "ours (knows 2 of 2 columns" in told
    assert "theirs (knows 2 of 2 columns" in told


def test_the_better_attested_of_two_equals_is_recognised() -> None:
    text = 'attested = "{}"\nlooks_like = ["Kind"]\n[posting]\ntitle = "Kind"\nsummary = "Words"\n'
    both = own("ours", text.format("fields")), own("theirs", text.format("header"))
    assert recognised(["Kind", "Words"], *both) == "theirs"


def test_a_mapping_that_looks_like_nothing_must_be_named() -> None:
    by_name = own("starter", 'looks_like = []\n[posting]\ntitle = "Kind"\n')
    assert names(["Kind"], by_name) == []
    assert names(["Kind"], own("starter", '[posting]\ntitle = "Kind"\n')) == ["starter"]


def test_a_mapping_that_could_not_read_the_file_is_no_candidate() -> None:
    assert "generic_applicants" not in names(["name", "phone", "school"])  # nothing tells who it is
    assert "generic_applicants" in names(["name", "phone", "school", "email"])


@given(st.lists(st.text(max_size=20) | st.sampled_from(header_of(SAMPLES[0])), max_size=8))
def test_any_header_is_recognised_clearly_or_refused(header: list[str]) -> None:
    found = recognition.fits(header, SHIPPED)
    assert [fit.score for fit in found] == sorted((fit.score for fit in found), reverse=True)
    try:
        chosen = recognition.recognise(header, SHIPPED, "a.csv")
    except SourceError as error:
        assert "a.csv" in str(error)  # noqa: PT017  both ends are right
    else:
        assert chosen.score >= recognition.ENOUGH
        assert all(chosen.score >= fit.score - recognition.MARGIN for fit in found)


def test_a_form_tools_file_with_questions_of_its_own_is_named_and_told_how_to_go_on(tmp_path: Path) -> None:
    columns = ["StartDate", "EndDate", "Status", "Finished", "ResponseId", "RecipientEmail", "Q1", "Q2"]
    told = refusal(columns)
    assert "it looks like qualtrics" in told
    assert 'begins with extends = "qualtrics"' in told
    text = 'extends = "qualtrics"\n[feedback]\nrating = { column = "Q1", scale = [1, 5] }\n'
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "ours.toml").write_text(text, "utf-8")
    assert recognition.recognise(columns, loader.find_all(tmp_path), "exports/a.csv").mapping.name == "ours"
