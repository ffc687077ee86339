"""What is no news of the rows: columns that come and go, mappings and settings that change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync import drift, provenance
from mi_sync.errors import ExitCode, Refused
from mi_sync.events import Result
from mi_sync.model import Posting
from mi_sync.values import fold
from world import CONFIG, PEOPLE, World

MAPPING = """
looks_like = ["id"]
[posting]
id = "id"
title = { column = "title", required = true }
starts_on = ["starts_on", "start date"]
location = "location"
"""
JOBS = "id,title,starts_on,location\nP-1,Dashboard,2026-03-02,Berlin\nP-2,Atlas,2026-03-09,Paris\n"


@pytest.fixture
def world(tmp_path: Path) -> Any:
    made = World(tmp_path)
    own_mapping(made, MAPPING)
    made.write("jobs.csv", JOBS)
    yield made
    made.store.close()


def own_mapping(world: World, text: str, name: str = "ours") -> None:
    (world.folder / "mappings").mkdir(exist_ok=True)
    world.write(f"mappings/{name}.toml", text)
    world.write("config.toml", CONFIG.replace("generic_postings", name))


def postings(world: World) -> dict[str, Posting]:
    return {str(p.id): p for p in world.store.records("posting") if isinstance(p, Posting)}


def starts(world: World) -> dict[str, str]:
    return {name: str(posting.starts_on) for name, posting in postings(world).items()}


def told(result: Result) -> list[str]:
    return [str(problem) for problem in result.problems]


# ------------------------------------------------------------------------------------------------ columns


def test_a_column_that_has_gone_is_told_and_its_values_stand(world: World) -> None:
    world.pull()
    world.write("jobs.csv", "id,title,location\nP-1,Dashboard,Berlin\nP-2,Atlas II,Paris\nP-3,New,Rome\n")
    (problem,) = told(world.pull())
    assert problem.startswith("jobs.csv:1: the column 'starts_on' has gone. The values that its rows had are kept;")
    assert starts(world) == {"P-1": "2026-03-02", "P-2": "2026-03-09", "P-3": "None"}
    assert postings(world)["P-2"].title == "Atlas II"
    traced = world.store.traced(postings(world)["P-2"].key)
    assert traced is not None
    came = {it.field: it.transform for it in provenance.came(traced, {})}
    assert came["posting.starts_on"][-1] == "kept, because the column has gone from the file"
    assert came["posting.title"][-1] != came["posting.starts_on"][-1]
    assert told(world.pull()) == []


def test_the_values_stand_until_the_column_is_back_even_if_it_is_empty(world: World) -> None:
    world.pull()
    world.write("jobs.csv", "id,title,location\nP-1,Dashboard,Berlin\nP-2,Atlas,Paris\n")
    world.pull()
    world.write("jobs.csv", "id,title,location\nP-1,Dashboard,Bonn\nP-2,Atlas,Paris\n")
    assert told(world.pull()) == [
        "jobs.csv:1: still without the column 'starts_on'; the values that its rows had are kept."
    ]
    assert starts(world)["P-1"] == "2026-03-02"
    world.write("jobs.csv", "id,title,starts_on,location\nP-1,Dashboard,,Bonn\nP-2,Atlas,2026-04-09,Paris\n")
    assert told(world.pull()) == ["jobs.csv:1: new in the header: 'starts_on'."]
    assert starts(world) == {"P-1": "None", "P-2": "2026-04-09"}


def test_the_values_go_with_the_line_of_the_mapping(world: World) -> None:
    world.pull()
    world.write("jobs.csv", "id,title,location\nP-1,Dashboard,Berlin\nP-2,Atlas,Paris\n")
    world.pull()
    own_mapping(world, MAPPING.replace('starts_on = ["starts_on", "start date"]\n', ""))
    world.pull()
    assert starts(world) == {"P-1": "None", "P-2": "None"}


def test_a_renamed_column_is_told_with_what_it_may_be_called_now(world: World) -> None:
    world.pull()
    world.write("jobs.csv", JOBS.replace("starts_on", "Starts at").replace("location", "Where"))
    problems = told(world.pull())
    assert "the column 'starts_on' has gone. Is it called 'Starts at' now?" in problems[0]
    assert "the column 'location' has gone. Is it called 'Where' now?" in problems[1]
    assert problems[2] == "jobs.csv:1: new in the header: 'Starts at', 'Where'."
    own_mapping(world, MAPPING.replace('"start date"', '"start date", "starts at"'))
    world.write("jobs.csv", JOBS.replace("starts_on", "Starts at").replace("2026-03-09", ""))
    world.pull()
    assert starts(world) == {"P-1": "2026-03-02", "P-2": "None"}


def test_a_column_that_another_name_of_the_field_replaces_is_read_from_there(world: World) -> None:
    world.pull()
    world.write("jobs.csv", JOBS.replace("starts_on", "Start date").replace("2026-03-09", ""))
    assert told(world.pull())[0].endswith("has gone. The mapping reads another column for it.")
    assert starts(world) == {"P-1": "2026-03-02", "P-2": "None"}


def test_a_required_column_that_has_gone_refuses_the_source_and_keeps_everything(world: World) -> None:
    world.pull()
    world.write("jobs.csv", JOBS.replace("title", "heading"))
    result = world.pull()
    assert not result.sources["jobs"].complete
    assert "title" in told(result)[0]
    assert {name: p.title for name, p in postings(world).items()} == {"P-1": "Dashboard", "P-2": "Atlas"}


def test_an_export_with_a_date_in_its_name_follows_the_one_that_it_replaces(world: World) -> None:
    world.write("jobs-2026-03-01.csv", JOBS)
    (world.folder / "jobs.csv").unlink()
    world.pull()
    (world.folder / "jobs-2026-03-01.csv").unlink()
    world.write("jobs-2026-03-08.csv", "id,title,location\nP-1,Dashboard,Berlin\nP-2,Atlas,Paris\n")
    assert "the column 'starts_on' has gone" in told(world.pull())[0]
    assert starts(world) == {"P-1": "2026-03-02", "P-2": "2026-03-09"}


def test_a_default_does_not_take_the_place_of_what_stood_in_a_column(world: World) -> None:
    own_mapping(world, MAPPING + 'remote = { column = "remote", default = "no" }\n')
    world.write("jobs.csv", "id,title,remote\nP-1,Dashboard,yes\nP-2,Atlas,\n")
    world.pull()
    world.write("jobs.csv", "id,title\nP-1,Dashboard\nP-2,Atlas\nP-3,New\n")
    world.pull()
    assert {name: p.remote for name, p in postings(world).items()} == {"P-1": True, "P-2": False, "P-3": False}


def test_a_name_that_was_made_of_two_columns_is_not_cut_when_one_goes(world: World) -> None:
    own_mapping(world, MAPPING.replace('location = "location"', 'location = { template = "{city}, {country}" }'))
    world.write("jobs.csv", "id,title,city,country\nP-1,Dashboard,Berlin,Germany\n")
    world.pull()
    world.write("jobs.csv", "id,title,city\nP-1,Dashboard,Berlin\n")
    world.pull()
    assert postings(world)["P-1"].location == "Berlin, Germany"


NAMES = st.lists(st.sampled_from(["id", "Title", "title ", "start date", "where", "city"]), unique_by=fold, max_size=5)


@given(before=NAMES, now=NAMES, reads=st.sets(st.sampled_from(["id", "title", "where"])))
def test_columns_are_compared_as_sets_of_folded_names(before: list[str], now: list[str], reads: set[str]) -> None:
    found = drift.columns(before, (), now, reads)
    folded = [{fold(name) for name in names} for names in (before, now, found.vanished, found.appeared, found.lacking)]
    was, is_, vanished, appeared, lacking = folded
    assert vanished == was - is_
    assert appeared == (is_ - was if before else set())
    assert lacking == vanished & reads
    again = drift.columns(now, found.lacking, before, reads)
    assert not again.lacking or not before or {fold(n) for n in again.lacking} & is_ - was
    assert all(found.told(before, now, reads))


def test_known_trouble_is_not_news_because_an_empty_column_has_gone(world: World) -> None:
    world.write("jobs.csv", "id,title,location,starts_on\nP-1,Dashboard,,soon\n")
    assert world.pull().newly_left_out
    world.write("jobs.csv", "starts_on,id,title\nsoon,P-1,Dashboard\n")
    assert world.pull().newly_left_out == 0


# ------------------------------------------------------------------------------------------------ how it is read


def test_a_changed_mapping_says_what_differs_because_of_it(world: World) -> None:
    world.pull()
    own_mapping(world, MAPPING.replace('location = "location"', 'category = "location"'))
    assert told(world.pull()) == [
        "jobs.csv: the mapping 'ours' changed; 2 of its 2 rows say something else because of that alone."
    ]
    assert {p.category for p in postings(world).values()} == {"Berlin", "Paris"}
    assert told(world.pull()) == []
    own_mapping(world, MAPPING.replace('location = "location"', 'category = "location" # a comment'))
    assert told(world.pull()) == []


def test_changed_settings_and_another_mapping_say_so(world: World) -> None:
    world.write("jobs.csv", JOBS.replace("2026-03-02", "03/04/2026"))
    world.write(
        "config.toml",
        (world.folder / "config.toml").read_text("utf-8").replace('path = "jobs*', 'dates = "dmy"\npath = "jobs*'),
    )
    world.pull()
    text = (world.folder / "config.toml").read_text("utf-8")
    world.write("config.toml", text.replace('"dmy"', '"mdy"'))
    assert told(world.pull()) == [
        "jobs.csv: the settings of the source changed; 1 of its 2 rows say something else because of that alone."
    ]
    world.write("config.toml", text.replace('"dmy"', '"mdy"').replace('"ours"', '"generic_postings"'))
    assert told(world.pull()) == []  # it says the same of these rows


def test_what_another_mapping_does_not_show_has_not_gone(world: World) -> None:
    world.pull()
    own_mapping(world, MAPPING + 'summary = "title"\n')
    world.write("jobs.csv", "\n".join(JOBS.splitlines()[:2]) + "\nP-3,Third,,\nP-4,Fourth,,\n")
    assert "because of that or because the file changed, too" in told(world.pull())[0]
    assert postings(world)["P-2"].status is None
    world.pull()
    assert postings(world)["P-2"].status == "closed"


def test_a_mapping_that_would_make_other_records_is_refused(world: World) -> None:
    world.pull()
    before = postings(world)
    own_mapping(world, MAPPING.replace('id = "id"\n', "").replace("[posting]", '[posting]\nkey = ["title"]'))
    with pytest.raises(Refused) as refused:
        world.pull()
    assert refused.value.exit_code is ExitCode.REFUSED
    assert "the mapping 'ours' changed; so 2 of the 2 records of this source would become others" in str(refused.value)
    assert postings(world) == before
    own_mapping(world, MAPPING)
    assert told(world.pull()) == []


def test_a_file_that_lost_its_ids_is_refused_where_something_else_would_identify_its_rows(world: World) -> None:
    own_mapping(world, MAPPING.replace("[posting]", '[posting]\nkey = ["title"]'))
    world.pull()
    before = postings(world)
    world.write("jobs.csv", "title\nDashboard\nAtlas\n")
    with pytest.raises(Refused, match="tell its records apart changed; so 2 of the 2 records"):
        world.pull()
    assert postings(world) == before


def test_a_feed_whose_rows_are_all_new_may_have_a_new_column(world: World) -> None:
    world.pull()
    world.write("jobs.csv", "id,title,starts_on,location,salary\nP-8,Eighth,,,1\nP-9,Ninth,,,2\n")
    assert told(world.pull()) == ["jobs.csv:1: new in the header: 'salary'."]
    assert {name: p.status for name, p in postings(world).items()} == {
        "P-1": "closed", "P-2": "closed", "P-8": None, "P-9": None,
    }  # fmt: skip


def test_people_whom_their_address_joins_stay_who_they_are_under_another_key(world: World) -> None:
    world.pull()
    keys = sorted(a.key for a in world.applications())
    world.write("people.csv", PEOPLE.replace("id,name", "number,name"))
    world.pull()
    assert sorted(a.key for a in world.applications()) == keys
    assert {a.status for a in world.applications()} == {"accepted", "applied"}
