"""What is never kept: judged by the words of a name, and by what cells look like."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync import fields, language, proposal
from mi_sync.errors import ConfigError
from mi_sync.model import RECORDS
from mi_sync.sensitive import is_eeo, looks_like

NEVER = [
    # Attested: Handshake, SmartRecruiters, Greenhouse's EEOC object, Portfolium, Qualtrics, SurveyMonkey, LinkedIn.
    "work_authorization_name", "ethnicity", "gender", "disabled", "candidateEthnicity", "race", "veteran_status",
    "disability_status", "first gen", "IPAddress", "LocationLatitude", "LocationLongitude", "IP Address", "Birth Date",
    # As people write them.
    "RACE/ETHNICITY", "Race", "Your race", "Applicant Race (optional)", "What is your gender?", "GenderIdentity",
    "Sex", "Which sex were you assigned at birth?", "Sexual orientation", "Pronouns", "Do you have a disability?",
    "Are you a protected veteran?", "Military status", "Visa", "visa-status", "U.S. Citizen", "Citizenship",
    "Are you legally authorized to work in the United States?", "Will you now or in the future require sponsorship?",
    "WorkAuthorization", "work authorisation", "Right to work", "Religion", "Age", "Your age", "Age range", "DOB",
    "Date of birth", "dateofbirth", "Year of birth", "National origin", "Nationality", "Country of origin", "Marital status",
    "IP", "client_ip", "Lat/Long", "lat", "lng", "GPS coordinates", "Coordinates", "eeoc.answers", "{Ethnicity}",
    "Geschlecht", "Género", "Nationalité", "Date de naissance", "Staatsangehörigkeit", "Self-identification",
]  # fmt: skip
FINE = [
    "Race day availability", "Known race condition", "Trace", "Essex office", "Stage", "Page", "Manager", "Language",
    "Gender studies", "Graceful", "Province", "Ship address", "Description", "Orientation date", "Citizen science hours",
    "Age of the company", "IP agreement signed", "Coordinates volunteers well?", "Long answer", "Location", "Latest date",
    "Veterans Day event", "Average hours", "Agency", "Work email", "Event sponsorship", "Email address", "Notes", "Status",
    "Work study eligible", "Street address", "Is it a long project?", "Embrace feedback", "Unisex", "Visage", "",
]  # fmt: skip


@pytest.mark.parametrize("name", NEVER)
def test_a_name_of_what_is_never_kept_is_known(name: str) -> None:
    assert is_eeo(name)


@pytest.mark.parametrize("name", FINE)
def test_a_name_that_only_looks_like_it_is_fine(name: str) -> None:
    assert not is_eeo(name)


def test_no_field_of_a_record_is_called_like_that() -> None:
    names = [f"{kind}.{name}" for kind in RECORDS for name in fields.field_types(kind)]
    assert [name for name in names if is_eeo(name)] == []


@pytest.mark.parametrize("name", NEVER)
def test_a_mapping_that_reads_such_a_column_is_refused_with_its_line(name: str) -> None:
    if "{" in name:
        name = name.strip("{}")
    for spec in (f'"{name}"', f'["Notes", "{name}"]', f'{{ template = "a {{{name}}}" }}'):
        with pytest.raises(ConfigError) as caught:
            language.load(f'[applicant]\nemail = "E"\ngpa = {spec}', "own", "mappings/own.toml")
        (problem,) = caught.value.problems
        assert problem.where == "mappings/own.toml:3"
        assert "never kept" in problem.why


@pytest.mark.parametrize("name", ["Ethnicity", "What is your gender?"])
def test_no_answer_is_called_like_that(name: str) -> None:
    text = f'[application]\nposting.id = "P"\napplicant.email = "E"\nanswers."{name}" = "Q1"'
    with pytest.raises(ConfigError) as caught:
        language.load(text, "own", "mappings/own.toml")
    assert caught.value.problems[0].where == "mappings/own.toml:4"


# ------------------------------------------------------------------------------------------------------- values


@given(st.lists(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)), min_size=1))
def test_addresses_of_machines_are_known_by_value(
    found: list[ipaddress.IPv4Address | ipaddress.IPv6Address],
) -> None:
    assert looks_like([str(each) for each in found]) == "IP addresses"


@given(st.floats(-90, 90), st.floats(-180, 180), st.sampled_from([", ", ",", " ", "; "]))
def test_places_are_known_by_value(latitude: float, longitude: float, between: str) -> None:
    one, other = f"{latitude:.5f}", f"{longitude:.5f}"
    assert looks_like([f"{one}{between}{other}"]) == "coordinates"
    assert looks_like([one, other, ""]) == "coordinates"


def test_other_values_are_neither() -> None:
    for cells in (["3.75", "4.0"], ["12:30", "08:15"], ["1.2.3"], ["$1,200.50"], ["P-1"], [], ["", " "], ["10,000"]):
        assert looks_like(cells) is None


def test_a_column_is_named_by_its_values_where_its_name_says_nothing() -> None:
    header = ["Name", "Q7", "Q8", "Q9"]
    samples = [["Ana"], ["192.0.2.7", "2001:db8::1"], ["41.87811, -87.62980"], ["3.75"]]
    assert proposal.sensitive(header, samples) == ["Q7", "Q8"]
