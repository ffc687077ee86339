from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import time
from pathlib import Path
from typing import Any

import keyring
import keyring.errors
import pytest
from keyring.backend import KeyringBackend
from pydantic import BaseModel

from mi_sync import config
from mi_sync.errors import ConfigError, Problem
from mi_sync.milestones import Step

GOOD = """\
[programme]
id = "spring-2026-7f3k9q"
timezone = "America/Chicago"

[[sources]]
name = "jobs"
connector = "files"
path = "jobs.csv"
mapping = "generic_postings"

[[targets]]
name = "board"
connector = "trello"
board = "https://trello.com/b/AbCd1234"
key = { env = "TRELLO_KEY" }
token = { env = "TRELLO_TOKEN" }
"""


@pytest.fixture
def load(tmp_path: Path) -> Any:
    def loaded(text: str, **options: Any) -> config.Config:
        path = tmp_path / "config.toml"
        path.write_text(text, "utf-8")
        return config.load(path, **options)

    return loaded


def problems(load: Any, text: str, **options: Any) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        load(text, **options)
    assert caught.value.exit_code == 2
    return list(caught.value.problems)


def test_the_smallest_configuration(load: Any, tmp_path: Path) -> None:
    loaded = load(GOOD)
    assert loaded.state == tmp_path / "state.db"
    assert [source.namespace for source in loaded.sources] == ["jobs"]
    assert [target.conflicts["body"] for target in loaded.targets] == ["ask"]


@pytest.mark.parametrize(("written", "meant"), [('"09:30"', time(9, 30)), ("false", None)])
def test_milestones_are_due_at_a_time_or_on_days(load: Any, written: str, meant: time | None) -> None:
    assert load(f"{GOOD}\n[milestones]\ndue_time = {written}\n").programme.due_time == meant


def test_all_problems_are_told_at_once_with_their_keys(load: Any) -> None:
    text = """\
colour = "red"
[programme]
id = "spring 2026"
timezone = "Middle/Earth"
[[sources]]
name = "jobs"
connector = "files"
path = "jobs.csv"
mapping = "generic_posting"
[milestones]
due_time = "noon"
[[milestones.steps]]
key = "a"
nmae = 3
[[milestones.steps]]
key = "b"
title = "{{ applicant.emial }}"
due = "beginning"
[safety]
max_create = "x"
[[targets]]
name = "board"
connector = "trello"
key = { env = "TRELLO_KEY" }
token = { env = "TRELLO_TOKEN" }
board = 1
[[targets]]
name = "other"
connector = "trello"
key = { env = "TRELLO_KEY" }
token = { env = "TRELLO_TOKEN" }
board = "AbCd1234"
"""
    found = {problem.field for problem in problems(load, text, with_secrets=True)}
    assert found >= {
        "colour",
        "programme.id",
        "programme.timezone",
        "milestones.due_time",
        "milestones.steps[a].nmae",
        "milestones.steps[b].title",
        "milestones.steps[b].due",
        "safety.max_create",
        "targets[0].board",
        "targets[1].key",
        "targets[1].token",
    }
    assert any("generic_postings" in problem.why for problem in problems(load, text))


def test_mistakes_are_told_in_plain_words(load: Any) -> None:
    text = GOOD.replace(
        "[[targets]]", '[safety]\nmax_create = "x"\n[milestones]\nholidays = ["x"]\nomit = "x"\n[[targets]]'
    )
    told = {problem.field: problem.why for problem in problems(load, text)}
    assert told == {
        "safety.max_create": "must be a whole number.",
        "milestones.holidays[0]": "must be a date such as 2026-04-03, without quotes.",
        "milestones.omit": 'must be a list in brackets, such as ["…"].',
    }


@pytest.mark.parametrize(
    ("before", "after", "field", "remedy"),
    [
        ('[programme]\nid = "spring-2026-7f3k9q"', "[programme]", "programme.id", "missing"),
        ("[[targets]]", '[sources.pay]\ncurrency = "dollars"\n[[targets]]', "sources[0].pay.currency", "ISO 4217"),
        ("[[targets]]", '[sources.pay]\nper = "once"\n[[targets]]', "sources[0].pay.per", "'fixed'"),
        ("[[targets]]", '[sources.pay]\nunit = "hour"\n[[targets]]', "sources[0].pay.unit", "nknown"),
        ("[[targets]]", "[privcy]\n[[targets]]", "privcy", "'privacy'"),
        ("[[targets]]", '[privacy]\nallow = ["eeo"]\n[[targets]]', "privacy.allow", "never"),
        ("[[targets]]", '[privacy]\nretain = "0d"\n[[targets]]', "privacy.retain", "days or weeks"),
        ("[[targets]]", '[safety]\nmax_archive = "many"\n[[targets]]', "safety.max_archive", "30%"),
        ("[[targets]]", '[safety]\nplan_expires = "0d"\n[[targets]]', "safety.plan_expires", "days or weeks"),
        ('connector = "trello"', 'connector = "trelo"', "targets[0].connector", "installed: "),
        ('connector = "trello"', 'connector = "files"', "targets[0].connector", "is needed here"),
        ('board = "https', 'bord = "https', "targets[0].bord", "'board'"),
        ('key = { env = "TRELLO_KEY" }', 'key = "s3cr3t"', "targets[0].key", "{ env ="),
        ('key = { env = "TRELLO_KEY" }', "key = {}", "targets[0].key", "{ env ="),
        ('path = "jobs.csv"', "", "sources[0].path", "missing"),
        ('mapping = "generic_postings"', 'mapping = ""', "", "generic_postings"),
        (
            "[[targets]]",
            '[milestones]\ntemplate = "micro-internship"\nomit = ["kickof"]\n[[targets]]',
            "milestones.omit",
            "kickoff",
        ),
        ("[[targets]]", '[milestones]\ntemplate = "internship"\n[[targets]]', "milestones.template", "micro-intern"),
        ("[[targets]]", '[state]\nurl = "mysql://x"\n[[targets]]', "", "sqlite:///"),
        ('name = "board"', 'name = "board"\nonly = ["lunch"]', "targets[0]", "kickoff"),
    ],
)
def test_each_mistake_names_its_key_and_a_remedy(load: Any, before: str, after: str, field: str, remedy: str) -> None:
    assert before in GOOD
    found = problems(load, GOOD.replace(before, after))
    assert any(problem.field.startswith(field) and remedy in problem.why for problem in found), found


def test_a_secret_typed_in_is_never_repeated(load: Any) -> None:
    for text in (GOOD.replace('{ env = "TRELLO_KEY" }', '"s3cr3t"'), GOOD.replace("{ env =", '{ envv = "s3cr3t", x =')):
        assert "s3cr3t" not in str(ConfigError(problems(load, text)))


def test_a_secret_typed_as_the_name_of_its_variable_is_never_repeated(load: Any) -> None:
    text = GOOD.replace('{ env = "TRELLO_TOKEN" }', '{ env = "ATTAs3cr3t" }')
    assert "s3cr3t" not in str(ConfigError(problems(load, text, with_secrets=True)))


def test_templates_may_not_name_what_privacy_withholds(load: Any) -> None:
    step = '[[milestones.steps]]\nkey = "x"\ntitle = "{{ applicant.email }}"\ndue = "start"\n[[targets]]'
    (problem,) = problems(load, GOOD.replace("[[targets]]", step))
    assert problem.field == "milestones.steps[x].title"
    assert "contact" in problem.why
    assert "allow" in problem.why
    allowed = GOOD.replace("[[targets]]", step).replace('name = "board"', 'name = "board"\nallow = ["contact"]')
    assert load(allowed).targets[0].name == "board"


def test_templates_are_checked_also_where_there_is_no_target_yet(load: Any) -> None:
    text = (
        GOOD.partition("[[targets]]")[0]
        + '[[milestones.steps]]\nkey = "a"\ntitle = "{{ applicant.email }}"\ndue = "end"\n'
    )
    (problem,) = problems(load, text)
    assert "contact" in problem.why


def test_missing_secrets_are_told_where_a_target_is_contacted(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(GOOD).targets[0].secrets == {}
    found = problems(load, GOOD, with_secrets=True)
    assert [problem.field for problem in found] == ["targets[0].key", "targets[0].token"]
    assert "TRELLO_KEY" in found[0].why
    monkeypatch.setenv("TRELLO_KEY", "k-123")
    monkeypatch.setenv("TRELLO_TOKEN", "t-456")
    secrets = load(GOOD, with_secrets=True).targets[0].secrets
    assert secrets["key"].reveal() == "k-123"
    assert "k-123" not in repr(secrets)


PING = '\n[schedule]\nping = { env = "MI_SYNC_PING_URL" }\n'


def test_the_address_to_ping_is_a_secret_that_a_run_can_do_without(
    load: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TRELLO_KEY", "TRELLO_TOKEN"):
        monkeypatch.setenv(name, "one")
    assert load(f"{GOOD}{PING}", with_secrets=True).ping == config.find_ping(tmp_path / "config.toml")
    (told,) = problems(load, f'{GOOD}\n[schedule]\nping = "https://hc-ping.com/uuid-1"\n')
    assert (told.field, "uuid-1" in told.why) == ("schedule.ping", False)
    assert config.find_ping(tmp_path / "config.toml") is None


@pytest.mark.parametrize(("text", "found"), [(f"nonsense = 1\n{PING}", True), ("[schedule\n", False), ("", False)])
def test_the_address_to_ping_is_found_in_a_broken_configuration(tmp_path: Path, text: str, *, found: bool) -> None:
    (tmp_path / "config.toml").write_text(text, "utf-8")
    assert (config.find_ping(tmp_path / "config.toml") is not None) is found
    assert config.find_ping(tmp_path / "other.toml") is None


class Ring(KeyringBackend):
    """A keyring of a test's own."""

    priority = 1  # pyright: ignore[reportAssignmentType]  # keyring declares its own kind of property

    def __init__(self, kept: dict[tuple[str, str], str], error: Exception | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept, self.error = kept, error

    def get_password(self, service: str, username: str) -> str | None:
        if self.error:
            raise self.error
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError


@pytest.fixture
def ring() -> Iterator[Callable[..., None]]:
    before = keyring.get_keyring()
    yield lambda *given: keyring.set_keyring(Ring(*given))
    keyring.set_keyring(before)


KEPT = GOOD.replace('{ env = "TRELLO_TOKEN" }', '{ keyring = "trello-token" }')


def test_a_secret_comes_from_the_keyring(load: Any, ring: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRELLO_KEY", "k-123")
    ring({("mi-sync", "trello-token"): " t-456\n"})
    assert load(KEPT, with_secrets=True).targets[0].secrets["token"].reveal() == "t-456"


def test_a_keyring_that_has_it_not_or_cannot_be_read_is_told(
    load: Any, ring: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRELLO_KEY", "k-123")
    ring({})
    (problem,) = problems(load, KEPT, with_secrets=True)
    assert (problem.field, "keyring set mi-sync trello-token" in problem.why) == ("targets[0].token", True)
    ring({}, keyring.errors.KeyringLocked("s3cr3t"))
    (problem,) = problems(load, KEPT, with_secrets=True)
    assert "the keyring cannot be read (KeyringLocked); use { env" in problem.why
    assert "s3cr3t" not in problem.why


@pytest.mark.parametrize("typed", ["ATTAs3cr3t" + "0" * 60, "1/1200:s3cr3t", "0123456789abcdef0123456789s3cr3t"])
def test_a_secret_typed_as_its_name_in_the_keyring_is_never_repeated(load: Any, ring: Any, typed: str) -> None:
    ring({})
    text = GOOD.replace('{ env = "TRELLO_TOKEN" }', f'{{ keyring = "{typed}" }}')
    assert "s3cr3t" not in str(ConfigError(problems(load, text, with_secrets=True)))


def test_two_targets_of_one_name_are_refused(load: Any) -> None:
    twice = GOOD + GOOD[GOOD.index("[[targets]]") :]
    assert any(problem.field == "targets" for problem in problems(load, twice))


@pytest.mark.parametrize("text", ["[programme", "\ufeff[programme\n", "id = \x00"])
def test_a_file_that_is_no_toml(load: Any, text: str) -> None:
    (problem,) = problems(load, text)
    assert "TOML" in problem.why


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="mi-sync init"):
        config.load(tmp_path / "none.toml")


def test_the_example_loads(repository: Path) -> None:
    loaded = config.load(repository / "config.example.toml")
    assert [source.name for source in loaded.sources] == [
        "engagements",
        "jobs",
        "applicants",
        "exit-interviews",
    ]


def test_the_example_shows_every_setting(repository: Path) -> None:
    text = (repository / "config.example.toml").read_text("utf-8")
    sections: list[type[BaseModel]] = [
        config.ProgrammeSection,
        config.StateSection,
        config.SourceSection,
        config.MilestonesSection,
        config.ConflictsSection,
        config.PrivacySection,
        config.SafetySection,
        config.ScheduleSection,
        config.TargetSection,
        Step,
    ]
    for section in sections:
        for name in section.model_fields:
            assert name in text, f"{section.__name__}.{name}"


# ---------------------------------------------------------------------------------------- custom fields


def test_custom_fields_of_a_target_are_checked_like_the_templates_of_steps(load: Any) -> None:
    fields = (
        """fields = { "Intern" = "{{ applicant.name }}", "Hours" = "{{ posting.hour }}", "Pay" = "{{ posting.pay" }"""
    )
    found = {problem.field: problem.why for problem in problems(load, f"{GOOD}\n{fields}\n")}
    assert set(found) == {"targets[0].fields.Intern", "targets[0].fields.Hours", "targets[0].fields.Pay"}
    assert "class name, which is not allowed here" in found["targets[0].fields.Intern"]
    assert "did you mean" in found["targets[0].fields.Hours"]


def test_a_target_that_may_see_names_may_have_them_in_its_fields(load: Any) -> None:
    fields = """allow = ["name"]\nfields = { "Intern" = "{{ applicant.name }}" }"""
    assert load(f"{GOOD}\n{fields}\n").targets[0].conflicts["fields"] == "ours"


def test_followers_are_roles(load: Any) -> None:
    step = '[milestones]\ntemplate = "micro-internship"\n[[milestones.steps]]\nkey = "kickoff"\nfollowers = ["supervisor", "mentor"]\n'
    (problem,) = problems(load, f"{GOOD}\n{step}")
    assert problem.field == "milestones.steps[kickoff].followers[1]"
    assert "'mentor' is no role; add it to [roles]" in problem.why
