"""What must not travel does not: change it, and nothing that leaves or is kept changes.

Each test plays the same programme twice, through the command line and against the sandbox over HTTP, with the clock and
the randomness pinned, and compares everything. Line breaks and ids are kept as they are: the former move the lines that
messages name, and the latter are what keys are made of.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import random
import re
import secrets
import shutil
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from werkzeug.serving import make_server

from mi_sync.cli import invoke, session
from mi_sync.connector import SandboxOptions
from mi_sync.testing import Clock
from mi_sync_trello.sandbox import sandbox
from programme import _Quiet

CONFIG = """\
[programme]
id = "spring-2026-7f3k9q"
timezone = "America/Chicago"

[[sources]]
name = "jobs"
connector = "files"
path = "jobs.json"
mapping = "generic_postings"

[[sources]]
name = "people"
namespace = "jobs"
connector = "files"
path = "people.csv"
mapping = "generic_applicants"

[[sources]]
name = "forms"
namespace = "jobs"
connector = "files"
path = "forms.csv"
mapping = "forms"

[privacy]
allow = {allow}

[milestones]

[[milestones.steps]]
key = "kickoff"
title = "Kickoff: {{{{ posting.title }}}} ({{{{ applicant.label }}}})"
body = "{{{{ posting.summary }}}}\\n{body}"
due = "start"
assignee = "intern"

[[targets]]
name = "board"
connector = "trello"
board = "DEMO2026"
key = {{ env = "TRELLO_KEY" }}
token = {{ env = "TRELLO_TOKEN" }}
api_url = "{url}/1"
{target}
"""
SEES = {
    "name": "{{ applicant.name }}",
    "contact": "{{ applicant.email }} {{ applicant.phone }}",
    "academic": "{{ applicant.school }} {{ applicant.gpa }}",
    "free_text": "{{ application.notes }}",
}
"""For each class a template that needs it."""

EEO = (
    "Gender", "Race/Ethnicity", "Veteran Status", "Disability", "Visa", "Date of birth", "What is your religion?",
    "IP Address", "LocationLatitude", "LocationLongitude", "Age",
)  # fmt: skip
PERSON = ("id", "name", "email", "phone", "school", "gpa", "posting_id", "status", "notes")
PEOPLE = (
    ("S-1", "Ana Lopez", "ana@s.example", "+1 555 0100", "Sample State", "3.9", "P-1", "accepted", "Fridays"),
    ("S-2", "Bo Li", "bo@s.example", "+1 555 0101", "Sample State", "3.1", "P-1", "in progress", ""),
    ("S-3", "Cy Oz", "cy@s.example", "", "Sample Tech", "2.9", "P-1", "promoted", "a word that nobody knows"),
    ("S-4", "Di Ek", "di@s.example", "", "Sample Tech", "2.8", "P-9", "accepted", "no such posting"),
    ("S-1", "Ana Lopez", "ana@s.example", "+1 555 0100", "Sample State", "3.9", "P-1", "accepted", "again"),
)
FORMS = """\
[feedback]
posting.id = "Project"
applicant.id = "Intern"
kind = { default = "check_in" }
by = { default = "intern" }
rating = { column = "Stars", scale = [1, 5] }
comments = "What went well?"
submitted_at = "Submitted"
"""
LOOKS: tuple[tuple[str, ...], ...] = (
    ("inspect", "people.csv"),
    ("inspect", "jobs.json", "--output", "json"),
    ("check", "-v"),
    ("pull", "-vv", "--log-format", "json", "--output", "json"),
    ("plan", "--output", "json"),
    ("plan", "--out", "spring.plan"),
    ("run", "-vv", "--output", "json"),
    ("run", "-v", "--log-format", "json"),
    ("status", "--output", "json"),
    ("history",),
    ("history", "--output", "json"),
    ("why", "Kickoff: Donor dashboard (Ana Lopez)"),
    ("why", "Kickoff: Donor dashboard (Ana Lopez)", "--output", "json"),
    ("quarantine", "list", "--output", "json"),
    ("quarantine", "show", "1"),
    ("quarantine", "list", "--export", "left_out.csv"),
    ("quarantine", "retry"),
    ("state", "show", "--output", "json"),
    ("state", "forget", "ana@s.example", "--dry-run", "--items", "rewrite", "--output", "json"),
)
"""Everything that tells something."""
PLANS: tuple[tuple[str, ...], ...] = (("plan", "--output", "json"), ("plan", "--out", "spring.plan"), ("run",))


@dataclass
class Seen:
    """Everything that a play sent, printed, wrote and kept."""

    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    told: dict[tuple[str, ...], tuple[int, str, str]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    state: list[str] = field(default_factory=list)


class Stage:
    """A server whose sandbox is anew for each play, and a project folder that is always the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._app: Any = None
        self._seen = Seen()
        self.server = make_server("127.0.0.1", 0, self._dispatch, threaded=True, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def _dispatch(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        self._seen.requests.append(
            (environ["REQUEST_METHOD"], f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}", body)
        )
        reply: Iterable[bytes] = self._app(environ, start_response)
        return reply

    def play(self, config: str, files: Mapping[str, str], commands: Sequence[tuple[str, ...]]) -> Seen:
        """Plays these commands on these exports."""
        shutil.rmtree(self._folder, ignore_errors=True)
        project = self._folder / "project"
        project.mkdir(parents=True)
        for name, text in {"config.toml": config, "mappings/forms.toml": FORMS, **files}.items():
            (project / name).parent.mkdir(exist_ok=True)
            (project / name).write_text(text, "utf-8", newline="")
        clock, self._seen = Clock(), Seen()
        app = sandbox.open(SandboxOptions(self._folder / "sandbox", self.url, clock.now, 10_000))
        self._app = app.wsgi
        with pytest.MonkeyPatch.context() as pinned:
            chance = random.Random(7)  # noqa: S311  no secret
            pinned.setattr(secrets, "choice", chance.choice)
            pinned.setattr(secrets, "token_hex", lambda size: f"{chance.getrandbits(8 * size):0{2 * size}x}")
            time = {"now": clock.now, "monotonic": clock.monotonic, "sleep": clock.sleep}
            pinned.setattr(session, "WIRE", time)
            for name in ("key", "token"):
                pinned.setenv(f"TRELLO_{name.upper()}", app.environ[app.settings[name]["env"]])
            pinned.chdir(project)
            for command in commands:
                self._seen.told[command] = _invoked(command)
        return self._kept(project)

    def _kept(self, project: Path) -> Seen:
        """With what may differ taken out: the fingerprints of the files."""
        seen = self._seen
        with contextlib.closing(sqlite3.connect(project / "state.db")) as db:
            own = [each for row in db.execute("SELECT fingerprint, content FROM files") for each in row if each]
            seen.state = [_without(line, own) for line in db.iterdump()]
        given_ = {"config.toml", "people.csv", "jobs.json", "forms.csv", "mappings"}
        written = (p for p in sorted(project.iterdir()) if p.name not in given_ and not p.name.startswith("state.db"))
        seen.files = {path.name: _without(path.read_text("utf-8"), own) for path in written}
        seen.told = {
            command: (code, _without(out, own), _without(err, own)) for command, (code, out, err) in seen.told.items()
        }
        return seen


def _without(text: str, fingerprints: Sequence[str]) -> str:
    for each in fingerprints:
        text = text.replace(each, "FINGERPRINT").replace(each[:16], "FINGERPRINT")
    return re.sub(r'"ts": "[^"]*"', '"ts"', text)


def _invoked(command: Sequence[str]) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = invoke(list(command))
    return int(code), out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("stage") / "play")
    thread = threading.Thread(target=stage.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield stage
    stage.server.shutdown()
    thread.join()
    stage.server.server_close()


def configured(stage: Stage, allow: Sequence[str], *, body: str = "", target: str = "") -> str:
    return CONFIG.format(allow=json.dumps(list(allow)), body=body, url=stage.url, target=target)


def people(rows: Sequence[Sequence[str]], eeo: Sequence[Sequence[str]] | None = None) -> str:
    """The export, with the columns that are never kept between the others."""
    text = io.StringIO()
    write = csv.writer(text).writerow
    eeo = [("x",) * len(EEO)] * len(rows) if eeo is None else eeo
    write([*EEO[:4], *PERSON, *EEO[4:]])
    for row, never in zip(rows, eeo, strict=True):
        write([*never[:4], *row, *never[4:]])
    return text.getvalue()


def jobs(latitude: str = "x", gender: str = "x") -> str:
    first = {"id": "P-1", "title": "Donor dashboard", "summary": "Who gives?", "starts_on": "2026-03-02"}
    second = {"id": "P-2", "title": "Donor atlas", "starts_on": "second of never"}
    never = {"geo": {"latitude": latitude, "longitude": latitude}, "gender": gender}
    return json.dumps([{**first, **never, "ends_on": "2026-03-20"}, {**never, **second}], indent=1)


def forms(comments: str = "x", stars: int = 3, religion: str = "x") -> str:
    text = io.StringIO()
    write = csv.writer(text).writerow
    write(["Project", "Your religion", "Intern", "Stars", "What went well?", "Submitted"])
    write(["P-1", religion, "S-1", stars, comments, "2026-03-09"])
    return text.getvalue()


def exports(people: str, jobs: str, forms: str) -> dict[str, str]:
    return {"people.csv": people, "jobs.json": jobs, "forms.csv": forms}


def assert_same(one: Seen, other: Seen) -> None:
    for command, told in one.told.items():
        assert other.told[command] == told
    assert other.requests == one.requests
    assert other.files == one.files
    assert other.state == one.state


# ------------------------------------------------------------------------------------------------------- EEO

VALUES = st.one_of(
    st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=30),
    st.sampled_from(
        ["", "192.0.2.7", "41.87811, -87.62980", "2001-02-03", "Hispanic or Latino", '=1+1"', "a@b.example"]
    ),
)
NO_SHRINKING = (Phase.explicit, Phase.generate)
"""A play takes half a second, and the first one that differs tells enough."""
MANY = settings(max_examples=20, phases=NO_SHRINKING, suppress_health_check=[HealthCheck.function_scoped_fixture])


@MANY
@given(eeo=st.lists(st.tuples(*[VALUES] * len(EEO)), min_size=len(PEOPLE), max_size=len(PEOPLE)), place=VALUES)
def test_whatever_stands_in_a_column_that_is_never_kept_nothing_changes(
    stage: Stage, eeo: list[tuple[str, ...]], place: str
) -> None:
    config = configured(stage, ["name", "contact", "academic", "free_text"], body="\\n".join(SEES.values()))
    plain = _plain(stage, config)
    changed = exports(people(PEOPLE, eeo), jobs(place, place), forms(religion=place))
    assert_same(plain, stage.play(config, changed, LOOKS))


_PLAYED: dict[str, Seen] = {}


def _plain(stage: Stage, config: str) -> Seen:
    if config not in _PLAYED:
        _PLAYED[config] = stage.play(config, exports(people(PEOPLE), jobs(), forms()), LOOKS)
    return _PLAYED[config]


def test_the_play_shows_what_it_is_to_show(stage: Stage) -> None:
    """Else two plays in which nothing happens would be the same, too."""
    seen = _plain(
        stage, configured(stage, ["name", "contact", "academic", "free_text"], body="\\n".join(SEES.values()))
    )
    assert {command[0]: code for command, (code, _, _) in seen.told.items() if code} == {"pull": 3}
    assert [path for method, path, _ in seen.requests if (method, path) == ("POST", "/1/cards?")]
    assert "Ana Lopez" in str(seen.requests)
    assert any("'feedback'" in line and "check_in" in line for line in seen.state)
    assert any('INSERT INTO "quarantine"' in line for line in seen.state)


# ------------------------------------------------------------------------------------------------- the classes

LOWER = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=10)
WORDS = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=30)


def _named(rows: Sequence[Sequence[str]], values: Sequence[str]) -> list[tuple[str, ...]]:
    """Other names with the same initials, which are public."""
    made = []
    for row, value in zip(rows, values, strict=True):
        given_, family = row[1].split()
        made.append((row[0], f"{given_[0]}{value} {family[0]}{value}", *row[2:]))
    return made


def _reached(rows: Sequence[Sequence[str]], values: Sequence[str]) -> list[tuple[str, ...]]:
    return [
        (*row[:2], f"{value}{row[0].lower()}@other.example", f"+1 555 {len(value):04d}", *row[4:])
        for row, value in zip(rows, values, strict=True)
    ]


def _taught(rows: Sequence[Sequence[str]], values: Sequence[str]) -> list[tuple[str, ...]]:
    return [(*row[:4], value, value, *row[6:]) for row, value in zip(rows, values, strict=True)]


def _noted(rows: Sequence[Sequence[str]], values: Sequence[str]) -> list[tuple[str, ...]]:
    return [(*row[:8], value) for row, value in zip(rows, values, strict=True)]


def _everything(rows: Sequence[Sequence[str]], values: Sequence[str]) -> list[tuple[str, ...]]:
    return _noted(_taught(_reached(_named(rows, values), values), values), values)


CHANGED = {"name": _named, "contact": _reached, "academic": _taught, "free_text": _noted, "all": _everything}
GOOD = [row for row in PEOPLE if row[0] in {"S-1", "S-2"}][:2]


def _play_class(stage: Stage, config: str, rows: Sequence[Sequence[str]], said: str = "x") -> Seen:
    return stage.play(config, exports(people(rows), jobs(), forms(said, 1 + len(said) % 5)), PLANS)


def _allowing(stage: Stage, classes: Sequence[str], where: str) -> str:
    body = "\\n".join(SEES[name] for name in classes)
    if where == "privacy":
        return configured(stage, classes, body=body)
    return configured(stage, list(SEES), body=body, target=f"allow = {json.dumps(classes)}")


@pytest.mark.parametrize("where", ["privacy", "target"])
@pytest.mark.parametrize("hidden", [*SEES, "all"])
def test_whatever_a_field_of_another_class_holds_nothing_travels(stage: Stage, hidden: str, where: str) -> None:
    config = _allowing(stage, [name for name in SEES if hidden not in {name, "all"}], where)
    plain = _play_class(stage, config, GOOD)

    @settings(max_examples=4, phases=NO_SHRINKING)
    @given(st.lists(WORDS if hidden in {"academic", "free_text"} else LOWER, min_size=len(GOOD), max_size=len(GOOD)))
    def holds(values: list[str]) -> None:
        said = values[0] if hidden in {"free_text", "all"} else "x"
        other = _play_class(stage, config, CHANGED[hidden](GOOD, values), said)
        assert other.requests == plain.requests
        assert other.told == plain.told
        assert other.files == plain.files

    holds()


@pytest.mark.parametrize("shown", SEES)
def test_what_is_allowed_travels(stage: Stage, shown: str) -> None:
    config = _allowing(stage, [shown], "target")
    plain = _play_class(stage, config, GOOD)
    other = _play_class(stage, config, CHANGED[shown](GOOD, ["other"] * len(GOOD)))
    assert other.requests != plain.requests


@pytest.mark.parametrize("hidden", SEES)
def test_a_template_that_needs_another_class_is_refused_with_the_key_to_change(stage: Stage, hidden: str) -> None:
    config = configured(stage, [name for name in SEES if name != hidden], body=SEES[hidden])
    seen_code, out, err = 0, "", ""
    folder = stage._folder / "refused"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(config, "utf-8")
    seen_code, out, err = _invoked(["check", "--config", str(folder / "config.toml")])
    assert (seen_code, out) == (2, "")
    assert hidden in err
    assert "allow" in err
