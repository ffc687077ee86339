"""The recipes for unattended runs, read by the parsers that they are for."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from cronsim import CronSim
from hypothesis import example, given
from hypothesis import strategies as st

from mi_sync import __version__
from mi_sync.cli import invoke, scheduling
from mi_sync.cli.scheduling import EVERY, Job, Recipe, Timing
from mi_sync.errors import ConfigError

CHICAGO = ZoneInfo("America/Chicago")
JOB = Job(
    programme="spring-2026-7f3k9q",
    timezone="America/Chicago",
    timing=Timing(60, time(6, 17)),
    program=("/opt/mi-sync/bin/mi-sync",),
    config=Path("/srv/spring/config.toml"),
    state="/srv/spring/state.db",
    names=("TRELLO_KEY", "TRELLO_TOKEN"),
    keyring=False,
)
TIMINGS = [Timing(minutes, time(6, minute)) for minutes in EVERY for minute in (0, 17, 59)] + [
    Timing(1440, time(7, 30))
]
FOLDERS = st.text(st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters="/"), min_size=1, max_size=20)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert invoke(["init", "spring"]) == 0
    monkeypatch.chdir(tmp_path / "spring")
    return tmp_path / "spring"


# -------------------------------------------------------------------------------------------------- when


def apart(timing: Timing, times: Iterator[datetime]) -> set[timedelta]:
    """How long between one run and the next, over two days without a change of clocks."""
    return {after - before for before, after in pairwise(islice(times, 2 * 1440 // timing.minutes + 1))}


@pytest.mark.parametrize("timing", TIMINGS, ids=str)
def test_a_crontab_line_means_what_the_words_say(timing: Timing) -> None:
    times = CronSim(timing.cron, datetime(2026, 3, 20, tzinfo=CHICAGO))
    assert apart(timing, iter(times)) == {timedelta(minutes=timing.minutes)}


def test_a_daily_run_has_its_time_whatever_the_clocks_do() -> None:
    times = CronSim(Timing(1440, time(7, 30)).cron, datetime(2026, 3, 1, tzinfo=CHICAGO))
    assert {moment.time() for moment in islice(times, 30)} == {time(7, 30)}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
@pytest.mark.parametrize("timing", TIMINGS, ids=str)
def test_a_timer_means_what_the_crontab_says(timing: Timing) -> None:
    base = "2026-03-20 00:00:30 UTC"
    calendar = f"{timing.calendar} America/Chicago"
    asked = ["systemd-analyze", "calendar", "--iterations=12", f"--base-time={base}", calendar]
    told = subprocess.run(asked, capture_output=True, text=True, check=True, env={"TZ": "UTC", "PATH": "/usr/bin:/bin"})
    found = re.findall(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", told.stdout)[:12]
    start = datetime(2026, 3, 20, 0, 0, 30, tzinfo=UTC).astimezone(CHICAGO)
    times = [moment.astimezone(UTC) for moment in islice(CronSim(timing.cron, start), 12)]
    assert found == [f"{moment:%Y-%m-%d %H:%M:%S}" for moment in times]


def test_programmes_do_not_all_start_on_the_hour() -> None:
    minutes = {scheduling.timing(f"programme-{number}", None, None).at.minute for number in range(50)}
    assert len(minutes) > 20
    assert 0 not in minutes


@pytest.mark.parametrize(
    ("every", "at", "said"),
    [
        (None, None, "every hour"), ("15m", None, "every 15 minutes"), ("60m", None, "every hour"), ("6h", None, "every 6 hours"),
        (None, "7:30", "every day at 07:30"), ("1d", "23:59", "every day at 23:59"), ("24h", "00:00", "every day at 00:00"),
    ],
)  # fmt: skip
def test_how_often_is_said_in_words(every: str | None, at: str | None, said: str) -> None:
    assert str(scheduling.timing("spring", every, at)) == said


@pytest.mark.parametrize(
    ("every", "at", "where"),
    [
        ("7m", None, "--every"), ("1m", None, "--every"), ("5h", None, "--every"), ("2d", None, "--every"), ("", "7", "--at"),
        ("soon", None, "--every"), ("1h", "07:30", "--at"), (None, "24:00", "--at"), (None, "07:60", "--at"), (None, "", "--at"),
    ],
)  # fmt: skip
def test_what_a_scheduler_cannot_say_is_refused(every: str | None, at: str | None, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        scheduling.timing("spring", every, at)
    assert caught.value.problems[0].where == where


# ------------------------------------------------------------------------------------------------- where


def command_of(crontab: str) -> str:
    """The command as cron hands it to the shell: up to a %, unless it is escaped."""
    (line,) = [line for line in crontab.splitlines() if not re.match(r"#|[A-Z_]+=", line)]
    fields = line.split(" ", 5)
    CronSim(" ".join(fields[:5]), datetime(2026, 3, 20, tzinfo=UTC))
    return re.split(r"(?<!\\)%", fields[5])[0].replace(r"\%", "%")


@given(FOLDERS)
@example("50% of %h, $HOME and 'more' \"words\" \\")
def test_any_folder_stays_one_word(name: str) -> None:
    job = replace(JOB, config=Path(f"/srv/{name}/config.toml"))
    words = shlex.split(command_of(scheduling.cron(job).text))
    assert words[:7] == ["umask", "077;", "set", "-a;", ".", f"/srv/{name}/mi-sync.env;", "set"]
    assert words[9 : 9 + len(job.arguments)] == list(job.arguments)
    assert words[-1] == f"2>>/srv/{name}/mi-sync.log"
    (service, _) = scheduling.systemd(job).files.values()
    (start,) = [line for line in service.split("\n") if line.startswith("ExecStart=")]
    assert re.fullmatch(r"(?:[^%$]|%%|\$\$)*", start)  # no specifier and no variable
    unspecified = start.removeprefix("ExecStart=").replace("%%", "%").replace("$$", "$")
    assert shlex.split(unspecified) == list(job.arguments)


@given(FOLDERS)
@example("50% of %h, $HOME and 'more' \"words\" \\")
def test_a_workflow_is_yaml_with_shell_in_it_whatever_the_folder_is(name: str) -> None:
    job = replace(JOB, config=Path(f"/srv/{name}/config.toml"))
    if "${{" in name:
        with pytest.raises(ConfigError):
            scheduling.github(job)
        return
    steps = yaml.safe_load(scheduling.github(job).text)["jobs"]["run"]["steps"]
    for step in steps:
        if "run" in step:
            subprocess.run(["bash", "-n", "-c", step["run"]], check=True, capture_output=True)


# ------------------------------------------------------------------------------------------------ systemd


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    odd = tmp_path / "50% $HOME 'and' \"more\""
    odd.mkdir()
    program = odd / "mi-sync"
    program.write_text("#!/bin/sh\n", "utf-8")
    program.chmod(0o700)
    job = replace(JOB, config=odd / "config.toml", program=("/bin/sh", str(program)))
    files = scheduling.systemd(job).files
    assert verified(tmp_path, files) == (0, "")
    (service, timer) = files
    assert verified(tmp_path, {**files, timer: files[timer].replace("Persistent", "Permanent")})[1]
    assert verified(tmp_path, {**files, service: files[service].replace("/bin/sh", "/bin/none")})[0]


def verified(folder: Path, units: Any) -> tuple[int, str]:
    for name, text in units.items():
        (folder / name).write_text(text, "utf-8")
    asked = ["systemd-analyze", "verify", "--man=no", *(str(folder / name) for name in units)]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    return told.returncode, "\n".join(line for line in told.stderr.splitlines() if str(folder) in line)


def test_the_script_makes_the_units_and_starts_the_timer(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    systemctl = tmp_path / "bin" / "systemctl"
    systemctl.write_text('#!/bin/sh\necho "$@" >>"$HOME/asked"\n', "utf-8")
    systemctl.chmod(0o700)
    recipe = scheduling.systemd(replace(JOB, config=Path("/srv/a $HOME `id` \\ b/config.toml")))
    environ = {"HOME": str(tmp_path), "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    subprocess.run(["sh"], input=recipe.text.encode(), env=environ, check=True)
    made = tmp_path / ".config/systemd/user"
    assert {path.name: path.read_text("utf-8") for path in made.iterdir()} == recipe.files
    asked = (tmp_path / "asked").read_text("utf-8").splitlines()
    assert asked == ["--user daemon-reload", f"--user enable --now {JOB.slug}.timer"]


# ------------------------------------------------------------------------------------------------- github


def test_the_workflow_asks_for_little_and_never_overlaps(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    job = replace(JOB, config=tmp_path / "programmes" / "spring 2026" / "config.toml")
    recipe = scheduling.github(job)
    workflow = yaml.safe_load(recipe.text)
    assert list(recipe.files) == [".github/workflows/mi-sync-spring-2026-7f3k9q.yml"]
    assert workflow[True]["schedule"] == [
        {"cron": "17 * * * *", "timezone": "America/Chicago"}
    ]  # `on` is a truth in YAML 1.1
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"] == {"group": "mi-sync-spring-2026-7f3k9q", "cancel-in-progress": False}
    (job_,) = workflow["jobs"].values()
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"]) for step in job_["steps"] if "uses" in step)
    run = job_["steps"][-1]
    assert run["env"] == {name: f"${{{{ secrets.{name} }}}}" for name in JOB.names}
    assert "--config 'programmes/spring 2026/config.toml'" in run["run"]


@pytest.mark.parametrize(
    ("origin", "installed"),
    [
        ({}, f"mi-sync=={__version__}"),
        ({"url": "file:///srv/mi-sync", "dir_info": {"editable": True}}, f"mi-sync=={__version__}"),
        (
            {"url": "https://git.example/mi-sync", "vcs_info": {"vcs": "git", "commit_id": "abc123"}},
            "mi-sync @ git+https://git.example/mi-sync@abc123",
        ),
    ],
)
def test_a_job_gets_this_very_version(origin: dict[str, Any], installed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduling, "_origin", lambda: origin)
    text = scheduling.github(JOB).text
    steps = yaml.safe_load(text)["jobs"]["run"]["steps"]
    assert shlex.split(steps[2]["run"]) == ["python", "-m", "pip", "install", installed]
    assert ("say below where a job gets it from" in text) is ("dir_info" in origin)


def test_a_job_gets_what_its_exports_and_its_state_need(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = folder / "config.toml"
    config.write_text(config.read_text("utf-8").replace('"exports/postings.csv"', '"s3://exports/jobs.csv"'), "utf-8")
    capsys.readouterr()
    assert invoke(["schedule", "github"]) == 0
    assert "'mi-sync[s3]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "ends", "on_a_server"),
    [(0, 0, False), (3, 3, False), (7, 7, False), (7, 0, True), (8, 0, True), (8, 0, False), (143, 143, True)],
)
def test_the_step_ends_as_the_run_does_but_where_the_next_one_goes_on(
    tmp_path: Path, code: int, ends: int, *, on_a_server: bool
) -> None:
    program = tmp_path / "mi-sync"
    program.write_text(f"#!/bin/sh\nexit {code}\n", "utf-8")
    program.chmod(0o700)
    step = yaml.safe_load(scheduling.github(replace(JOB, keeps_state=on_a_server)).text)["jobs"]["run"]["steps"][-1]
    done = subprocess.run(  # as GitHub does where no shell is named
        ["bash", "-e", "-c", step["run"]], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=False
    )
    assert done.returncode == ends


@pytest.mark.parametrize(
    ("changed", "why"),
    [({"keyring": True}, "no keyring"), ({"names": ("GITHUB_PAT",)}, "GITHUB_PAT")],
)
def test_what_a_job_cannot_have_is_refused(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        scheduling.github(replace(JOB, **changed))


# -------------------------------------------------------------------------------------- the command line


@pytest.mark.parametrize("kind", ["cron", "systemd", "github"])
def test_a_recipe_is_for_this_configuration_and_names_secrets_only(
    folder: Path, kind: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = folder / "config.toml"
    config.write_text(f'{config.read_text("utf-8")}\n[schedule]\nping = {{ env = "MI_SYNC_PING_URL" }}\n', "utf-8")
    monkeypatch.setenv("TRELLO_TOKEN", "s3cret-token")
    capsys.readouterr()
    assert invoke(["schedule", kind, "--at", "07:30"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in ("TRELLO_KEY", "TRELLO_TOKEN", "MI_SYNC_PING_URL"))
    assert "s3cret-token" not in text
    if kind != "github":
        assert str(config) in text
    assert invoke(["schedule", kind, "--at", "07:30", "--output", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["text"], told["when"]) == (text, "every day at 07:30")
    assert told["secrets"] == ["TRELLO_KEY", "TRELLO_TOKEN", "MI_SYNC_PING_URL"]


def test_a_secret_typed_as_the_name_of_its_variable_is_not_printed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = folder / "config.toml"
    config.write_text(config.read_text("utf-8").replace("TRELLO_TOKEN", "ATTAab12cd34"), "utf-8")
    assert invoke(["schedule", "cron"]) == 2
    told = capsys.readouterr()
    assert "ATTAab12cd34" not in told.out + told.err


@pytest.mark.parametrize("recipe", [scheduling.cron, scheduling.systemd, scheduling.github])
def test_an_address_of_the_state_with_a_line_break_in_it_is_no_command(recipe: Callable[[Job], Recipe]) -> None:
    text = recipe(replace(JOB, state="/srv/spring\nrm -rf ~/state.db", keeps_state=True)).text
    assert "rm -rf" in text
    assert [line for line in text.splitlines() if line.startswith("rm")] == []


@pytest.mark.parametrize("kind", ["cron", "systemd", "github"])
def test_a_state_on_a_server_is_named_with_its_password_variable(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STATE_PASSWORD", "s3cr3t")
    state = 'url = "postgresql://mi@db.example.org/spring?sslmode=require"\npassword = { env = "STATE_PASSWORD" }'
    config = (folder / "config.toml").read_text("utf-8")
    (folder / "config.toml").write_text(config.replace('url = "sqlite:///state.db"', state), "utf-8")
    capsys.readouterr()
    assert invoke(["schedule", kind]) == 0
    printed = capsys.readouterr().out
    assert ("'mi-sync[postgres]" in printed) is (kind == "github")
    assert "State: postgresql://mi@db.example.org/spring" in printed
    assert "none is kept" not in printed
    assert "STATE_PASSWORD" in printed
    assert "s3cr3t" not in printed
