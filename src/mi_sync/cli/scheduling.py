"""Recipes for runs that nobody starts by hand, made for this very configuration: cron, systemd, GitHub Actions.

What each prints can be used as it is: a crontab, a shell script that makes two units, a workflow. Secrets are named and
never read.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any

import click

from mi_sync import __version__
from mi_sync import config as configuration
from mi_sync.cli import Settings, logs, plain, show
from mi_sync.config import Config
from mi_sync.connector import SecretRef
from mi_sync.errors import ConfigError, ExitCode, Problem

EVERY = (5, 10, 12, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1440)
"""Minutes that divide an hour, or hours that divide a day: what all three can say. GitHub starts nothing more often."""
_UNITS = {"m": 1, "h": 60, "d": 1440}
_EARLY = 6
"""The hour of a daily run that says none."""
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
"""Of an environment variable; in another shape it might be the secret itself, typed in the wrong place."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How often, in minutes, and when: the time of a daily run, else the minute of the hour that it begins with."""

    minutes: int
    at: time

    @property
    def cron(self) -> str:
        """The five fields of a crontab line."""
        if self.minutes < 60:
            return f"{self.at.minute % self.minutes}-59/{self.minutes} * * * *"
        hours = self.minutes // 60
        hour = {1: "*", 24: str(self.at.hour)}.get(hours, f"*/{hours}")
        return f"{self.at.minute} {hour} * * *"

    @property
    def calendar(self) -> str:
        """The time of a systemd timer (systemd.time)."""
        if self.minutes < 60:
            return f"*-*-* *:{self.at.minute % self.minutes:02}/{self.minutes}:00"
        hours = self.minutes // 60
        hour = {1: "*", 24: f"{self.at.hour:02}"}.get(hours, f"00/{hours}")
        return f"*-*-* {hour}:{self.at.minute:02}:00"

    def __str__(self) -> str:
        if self.minutes == 1440:
            return f"every day at {self.at:%H:%M}"
        often = f"{self.minutes} minutes" if self.minutes < 60 else f"{self.minutes // 60} hours"
        return f"every {'hour' if self.minutes == 60 else often}"


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run.

    `program` is the command line up to its arguments; `names` are the environment variables of the secrets; `keyring`
    says whether some are in the keyring, `keeps_state` that the state is on a server, whoever runs. `extras` are
    mi-sync's that it takes.
    """

    programme: str
    timezone: str
    timing: Timing
    program: tuple[str, ...]
    config: Path
    state: str
    names: tuple[str, ...]
    keyring: bool
    keeps_state: bool = False
    extras: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """A name for files and groups."""
        return f"mi-sync-{re.sub(r'[^A-Za-z0-9-]+', '-', self.programme).strip('-').lower()[:180] or 'programme'}"

    @property
    def root(self) -> Path:
        """The folder of the configuration."""
        return self.config.parent

    @property
    def environment(self) -> Path:
        """The file that has the secrets."""
        return self.root / "mi-sync.env"

    @property
    def arguments(self) -> tuple[str, ...]:
        """Results are in the history; the log is for machines."""
        return (*self.program, "run", "--config", str(self.config), "--log-format", "json", "-v")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is printed, and the files in it, by their names."""

    text: str
    files: Mapping[str, str]


def schedule(settings: Settings, kind: str, every: str | None, at: str | None) -> ExitCode:
    """Prints a recipe."""
    logs.start(settings)
    job = _job(configuration.load(settings.config), every, at)
    recipe = {"cron": cron, "systemd": systemd, "github": github}[kind](job)
    if settings.output == "json":
        told = {"kind": kind, "when": str(job.timing), "text": recipe.text, "files": recipe.files}
        show.json_object({**told, "secrets": job.names})
    else:
        click.echo(recipe.text, nl=False)
    return ExitCode.OK


# ------------------------------------------------------------------------------------------- what to run


def _job(config: Config, every: str | None, at: str | None) -> Job:
    references = list(_references(config))
    names = tuple(dict.fromkeys(each.env for each in references if each.env is not None))
    if not all(map(_NAME.fullmatch, names)):
        raise ConfigError(
            "a secret names an environment variable that has other than capital letters, digits and _.",
            where=config.path.name,
            remedy="Give it such a name.",
        )
    path = config.path.absolute()
    if not str(path).isprintable():
        raise ConfigError("the configuration's path holds a line break or the like.", remedy="Rename its folder.")
    return Job(
        programme=config.programme.id,
        timezone=config.programme.timezone.key or "UTC",
        timing=timing(config.programme.id, every, at),
        program=_program(),
        config=path,
        state=str(config.state.absolute() if isinstance(config.state, Path) else config.state),
        keeps_state=not isinstance(config.state, Path),
        names=names,
        keyring=any(each.keyring is not None for each in references),
        extras=tuple(sorted(_extras(config))),
    )


_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}
"""What brings the library for a protocol of an export's address: mi-sync[…]."""


def _extras(config: Config) -> set[str]:
    """What this configuration needs beside mi-sync itself."""
    places = (str(getattr(spec.settings, "path", "")).partition("://")[0] for spec in config.sources)
    found = {_EXTRAS[protocol] for protocol in places if protocol in _EXTRAS}
    return found if isinstance(config.state, Path) else {*found, "postgres"}


def _references(config: Config) -> Iterator[SecretRef]:
    """Where all secrets are that a run needs."""
    for settings in (*(spec.settings for spec in config.sources), *(spec.settings for spec in config.targets)):
        values = (getattr(settings, name) for name in type(settings).model_fields)
        yield from (value for value in values if isinstance(value, SecretRef))
    yield from (each for each in (config.ping, config.state_password) if each is not None)


def _program() -> tuple[str, ...]:
    """The command beside this interpreter, by its full path: a scheduler has a PATH of its own."""
    script = Path(sys.executable).absolute().with_name("mi-sync")
    return (str(script),) if script.is_file() else (sys.executable, "-m", "mi_sync")


def timing(programme: str, every: str | None, at: str | None) -> Timing:
    """When to run. The minute is the programme's own, so that not everybody's jobs start on the hour.

    Raises:
        ConfigError: that is no time, or one that not every scheduler can say.
    """
    own = int.from_bytes(hashlib.blake2b(programme.encode(), digest_size=4).digest()) % 59 + 1
    found = re.fullmatch(r"([1-9][0-9]{0,3})([mhd])", every or ("1d" if at else "1h"))
    minutes = int(found[1]) * _UNITS[found[2]] if found else 0
    if minutes not in EVERY:
        known = ", ".join(f"{each}m" if each < 60 else f"{each // 60}h" for each in EVERY[:-1])
        raise ConfigError(f"it must be one of {known}, 1d.", where="--every")
    if at is None:
        return Timing(minutes, time(_EARLY, own))
    moment = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", at)
    if moment is None:
        raise ConfigError("it must be a time such as 07:30.", where="--at")
    if minutes != 1440:
        raise ConfigError("it is the time of a daily run.", where="--at", remedy="Leave --every out.")
    return Timing(minutes, time(int(moment[1]), int(moment[2])))


def _headline(job: Job) -> str:
    return f"mi-sync, programme {job.programme}: {job.timing} ({job.timezone})"


def _about_secrets(job: Job) -> Iterator[str]:
    if job.names:
        yield f"Secrets: in {job.environment}, for its owner alone (chmod 600), a line NAME='value' for each of"
        yield f"  {', '.join(job.names)}"
    if job.keyring:
        yield "Secrets in the keyring: a job sees one only where it is unlocked without you; else name a variable."


def _about_state(job: Job) -> str:
    if job.keeps_state:
        return f"State: {job.state}. Keep it in your backups; where PGPASSWORD is used, the job needs it, too."
    return f"State: {job.state}. Keep it: on a disk that stays, and in your backups."


def _comment(lines: Iterable[str]) -> str:
    """None of them ends early, whatever a name or an address in it holds: what came behind would be a command."""
    return "".join(f"# {plain.one_line(line)}".rstrip() + "\n" for line in lines)


# ------------------------------------------------------------------------------------------------- cron


def cron(job: Job) -> Recipe:
    """A crontab. In its commands % ends a line (crontab(5)), also between quotes."""
    log = job.root / "mi-sync.log"
    secrets = f"set -a; . {shlex.quote(str(job.environment))}; set +a; " if job.names else ""
    command = f"umask 077; {secrets}exec {shlex.join(job.arguments)} >/dev/null 2>>{shlex.quote(str(log))}"
    notes = [
        _headline(job),
        "Put these lines into your crontab with `crontab -e`.",
        *_about_secrets(job),
        _about_state(job),
        f"Log: {log}, one JSON object a line. What cron itself has to say comes by mail.",
    ]
    if job.timing.minutes > 60:
        notes.append("CRON_TZ is known to cronie (Fedora, Arch, …); Debian's cron goes by the system's time zone.")
    escaped = command.replace("%", r"\%")
    lines = f"SHELL=/bin/sh\nCRON_TZ={job.timezone}\n{job.timing.cron} {escaped}\n"
    text = _comment(notes) + lines
    return Recipe(text, {"crontab": text})


# ---------------------------------------------------------------------------------------------- systemd


def systemd(job: Job) -> Recipe:
    """A script that makes a service and its timer for this user."""
    files = {f"{job.slug}.service": _service(job), f"{job.slug}.timer": _timer(job)}
    notes = [
        _headline(job),
        "This is a shell script: read it, then pipe it into `sh`. It makes two units of your user.",
        *_about_secrets(job),
        _about_state(job),
        f"Log: journalctl --user -u {job.slug} -o cat",
        "So that it runs while you are not logged in: loginctl enable-linger",
    ]
    written = "".join(f"cat >\"$units/{name}\" <<'END'\n{text}END\n" for name, text in files.items())
    script = f"""\
set -eu
units="${{XDG_CONFIG_HOME:-$HOME/.config}}/systemd/user"
mkdir -p "$units"
{written}systemctl --user daemon-reload
systemctl --user enable --now {job.slug}.timer
"""
    return Recipe(_comment(notes) + script, files)


def _service(job: Job) -> str:
    secrets = f"EnvironmentFile={_specified(str(job.environment))}\n" if job.names else ""
    return f"""\
[Unit]
Description={_specified(f"mi-sync, programme {job.programme}")}

[Service]
Type=oneshot
{secrets}ExecStart={" ".join(map(_word, job.arguments))}
StandardOutput=null
UMask=0077
# Another run was at work, or the budget was used up: the next run goes on.
SuccessExitStatus=7 8
# Ended by SIGTERM, it records what it has in hand.
TimeoutStartSec=4h
TimeoutStopSec=3min
NoNewPrivileges=yes
"""


def _timer(job: Job) -> str:
    return f"""\
[Unit]
Description={_specified(f"mi-sync, programme {job.programme}: {job.timing}")}

[Timer]
OnCalendar={job.timing.calendar} {job.timezone}
Persistent=yes

[Install]
WantedBy=timers.target
"""


def _specified(text: str) -> str:
    """% begins a specifier everywhere in a unit (systemd.unit)."""
    return text.replace("%", "%%")


def _word(text: str) -> str:
    """One word of a command line (systemd.service)."""
    text = _specified(text).replace("$", "$$")
    if re.fullmatch(r"[\w./:=@%+,$-]+", text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# ----------------------------------------------------------------------------------------------- github


def github(job: Job) -> Recipe:
    """A workflow that keeps no state: each run knows the items of the board again by their marks."""
    _check_for_github(job)
    folder = _repository(job.root)
    config = job.config.relative_to(folder).as_posix()
    install, note = _install(job.extras)
    notes = [
        _headline(job),
        f"Put it into .github/workflows/{job.slug}.yml on the default branch of a private repository.",
        f"Secrets (Settings, Secrets and variables, Actions): {', '.join(job.names) or 'none'}",
        "Exports: from where the configuration says. A file in a repository stays in its history for good.",
        *_about_no_state(job),
        "GitHub Enterprise Server may not know `timezone`: leave it out there, and times are in UTC.",
        *note,
    ]
    text = _comment(notes) + _workflow(job, config, install)
    return Recipe(text, {f".github/workflows/{job.slug}.yml": text})


def _about_no_state(job: Job) -> list[str]:
    if job.keeps_state:
        return [f"State: {job.state}, which the runner must reach. The group below spares runs that would only wait."]
    return [
        "State: none is kept. Items are known again by their marks; the group below keeps runs from overlapping.",
        "  What that means: docs/scheduling.md, “In a CI job”.",
    ]


def _check_for_github(job: Job) -> None:
    found = []
    if job.keyring:
        found.append('a job has no keyring; use { env = "NAME" } for each secret.')
    if reserved := [name for name in job.names if name.startswith("GITHUB_")]:
        found.append(f"GitHub keeps no secret called {reserved[0]}; give it another name.")
    if "${{" in str(job.config):
        found.append("GitHub reads ${{ in a path as an expression; rename the folder.")
    if found:
        raise ConfigError([Problem(job.config.name, "", why) for why in found])


def _repository(folder: Path) -> Path:
    """The repository that a folder is in; else the folder is taken for it."""
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)


def _install(extras: Sequence[str]) -> tuple[str, Sequence[str]]:
    """What pip is told to get this very version, and what to say about that (PEP 610)."""
    direct, package = _origin(), f"mi-sync[{','.join(extras)}]" if extras else "mi-sync"
    if vcs := direct.get("vcs_info"):
        return f"{package} @ {vcs['vcs']}+{direct['url']}@{vcs['commit_id']}", ()
    note = ("This mi-sync was installed from a folder or file: say below where a job gets it from.",) if direct else ()
    return f"{package}=={__version__}", note


def _origin() -> Mapping[str, Any]:
    """Where pip had this mi-sync from, if that was no package index."""
    try:
        text = importlib.metadata.distribution("mi-sync").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:  # run from its sources
        return {"dir_info": {}}
    found: Mapping[str, Any] = json.loads(text or "{}")
    return found


def _workflow(job: Job, config: str, install: str) -> str:
    secrets = "".join(f"          {name}: ${{{{ secrets.{name} }}}}\n" for name in job.names)
    environment = f"        env:\n{secrets}" if secrets else ""
    command = shlex.join(["mi-sync", "run", "--config", config, "--log-format", "json", "-v"])
    return f"""\
name: {json.dumps(job.slug)}
on:
  schedule:
    - cron: {json.dumps(job.timing.cron)}
      timezone: {json.dumps(job.timezone)}
  workflow_dispatch:
permissions:
  contents: read
concurrency:
  group: {json.dumps(job.slug)}
  cancel-in-progress: false
jobs:
  run:
    runs-on: ubuntu-latest
    timeout-minutes: 60
    steps:
      - uses: actions/checkout@v6
        with:
          persist-credentials: false
      - uses: actions/setup-python@v6
        with:
          python-version: "3.13"
      - name: Install mi-sync
        run: {json.dumps(f"python -m pip install {shlex.quote(install)}")}
      - name: Run mi-sync
{environment}        run: |
          code=0
          {command} || code=$?
          # {_FINE[job.keeps_state]}; the next run goes on.
          {" || ".join(f'[ "$code" -eq {code} ]' for code in _CODES[job.keeps_state])} || exit "$code"
"""


_CODES = {False: (8,), True: (7, 8)}
"""The exit codes after which the next run goes on, by whether the state is one that somebody else may be working on."""
_FINE = {False: "8: the budget was used up", True: "7: another run was at work; 8: the budget was used up"}
