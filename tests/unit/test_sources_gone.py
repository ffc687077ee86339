"""Sources that are renamed, or are no longer in the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mi_sync import config, pulling
from mi_sync.errors import ConfigError, ExitCode
from mi_sync.events import Outside, Result, Run
from mi_sync.model import Kind
from mi_sync.state import Location
from world import CONFIG, JOBS, World


@pytest.fixture
def world(tmp_path: Path, place: Location) -> Any:
    made = World(tmp_path, place=place)
    yield made
    made.store.close()


BLOCKS = CONFIG.split("[[sources]]")


def without(world: World, name: str) -> None:
    world.write("config.toml", "[[sources]]".join(block for block in BLOCKS if f'name = "{name}"' not in block))


def told(result: Result) -> list[str]:
    return [str(problem) for problem in result.problems]


def forget(world: World, name: str) -> tuple[int, Result]:
    result = Result("run")
    return pulling.forget_source(
        Run(config.load(world.folder / "config.toml"), world.store, Outside(), result), name
    ), result


def keys(world: World) -> list[str]:
    kinds: tuple[Kind, ...] = ("posting", "application")
    return sorted(record.key for kind in kinds for record in world.store.records(kind))


def test_what_a_source_said_stands_when_it_is_taken_out_and_every_run_tells_so(world: World) -> None:
    world.pull()
    statuses = world.statuses()
    without(world, "jobs")
    for _ in range(2):
        (problem,) = told(world.pull())
        assert problem.startswith("sources.jobs: it is no longer in [[sources]], and 2 records still hold")
        assert "mi-sync state forget-source jobs" in problem
        assert world.statuses() == statuses
    world.write("config.toml", CONFIG)
    assert told(world.pull()) == []


def test_a_source_that_is_let_go_closes_and_withdraws_and_keeps_engagements(world: World) -> None:
    world.pull()
    without(world, "people")
    records, result = forget(world, "people")
    assert records == 4
    assert (world.status_of("S-1"), world.status_of("S-2")) == ("accepted", "withdrawn")
    assert [p.where for p in result.problems] == ["people.csv:2"]
    assert [p.where for p in world.pull().problems] == ["people.csv:2"]
    world.write("config.toml", CONFIG)
    world.pull()
    assert (world.status_of("S-1"), world.status_of("S-2")) == ("accepted", "applied")


def test_only_what_is_no_longer_configured_can_be_let_go(world: World) -> None:
    world.pull()
    with pytest.raises(ConfigError, match=r"Take it out of \[\[sources\]\] first"):
        forget(world, "people")
    with pytest.raises(ConfigError, match=r"no such source was read.*: none"):
        forget(world, "peeple")


def test_a_renamed_source_goes_on_in_its_namespace(world: World) -> None:
    world.pull()
    before = keys(world)
    world.write("config.toml", CONFIG.replace('name = "people"', 'name = "applicants"'))
    result = world.pull()
    assert told(result) == ["sources.applicants: it goes on for 'people', whose file it reads."]
    assert (result.sources["applicants"].unchanged, keys(world)) == (2, before)
    traced = world.store.traced(before[0])
    assert traced is not None
    assert {origin[0] for origin in traced.origins.values()} == {"applicants"}
    world.write("people.csv", "id,name,email,posting_id,status\nS-1,Ana Lopez,ana@s.example,P-1,accepted\n")
    assert told(world.pull()) == []
    assert (world.status_of("S-1"), world.status_of("S-2")) == ("accepted", "withdrawn")


def test_a_renamed_source_without_its_namespace_is_refused_with_the_line_to_add(world: World) -> None:
    world.pull()
    before = keys(world)
    world.write("config.toml", CONFIG.replace('name = "jobs"\n', 'name = "postings"\n'))
    result = world.pull()
    assert result.exit_code is ExitCode.REFUSED
    assert 'Add namespace = "jobs" to it' in told(result)[0]
    assert keys(world) == before
    world.write("config.toml", CONFIG.replace('name = "jobs"\n', 'name = "postings"\nnamespace = "jobs"\n'))
    assert told(world.pull()) == ["sources.postings: it goes on for 'jobs', whose file it reads."]
    assert keys(world) == before


def test_a_renamed_source_that_reads_a_renamed_file_is_refused_by_what_it_says(world: World) -> None:
    from mi_sync.errors import Refused

    world.pull()
    before = keys(world)
    world.write("postings.csv", JOBS)
    text = CONFIG.replace('name = "jobs"\n', 'name = "postings"\n').replace("jobs*.csv", "postings.csv")
    world.write("config.toml", text)
    with pytest.raises(Refused, match='Add namespace = "jobs"'):
        world.pull()
    assert keys(world) == before
    forget(world, "jobs")
    world.pull()
    assert len(keys(world)) == len(before) + 2  # these are other postings now
