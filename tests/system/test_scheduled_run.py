"""What `mi-sync schedule` prints, run for real: as cron and as a GitHub runner would, with next to no environment."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from programme import Project, Server

pytestmark = pytest.mark.system

BARE = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "somebody"}
"""What cron sets (crontab(5)), but for HOME."""


@pytest.fixture
def odd(project: Project) -> Project:
    """The project in a folder with what shells and schedulers take for something else."""
    folder = project.folder.with_name("50% of $HOME 'now'")
    project.folder.rename(folder)
    return Project(folder, project.server)


def recipe(project: Project, kind: str) -> str:
    told = project.start("schedule", kind, "--output", "json")
    assert told.code == 0, told.err
    (text, *_) = told.json()["files"].values()
    return str(text)


def test_the_crontab_line_does_its_work_as_cron_starts_it(odd: Project, server: Server, tmp_path: Path) -> None:
    secrets = "".join(f"{name}='{value}'\n" for name, value in server.environ.items())
    odd.write("mi-sync.env", secrets)
    crontab = recipe(odd, "cron")
    assert not any(value in crontab for value in server.environ.values())
    (line,) = [line for line in crontab.splitlines() if not re.match(r"#|[A-Z_]+=", line)]
    command = line.split(" ", 5)[5].replace(r"\%", "%")
    for number in (1, 2):
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            env={**BARE, "HOME": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            check=True,
        )
        assert (done.stdout, done.stderr) == (b"", b"")  # cron would mail it
        log = odd.folder / "mi-sync.log"
        lines = [json.loads(each) for each in log.read_text("utf-8").splitlines()]
        assert len({each["run_id"] for each in lines}) == number
    assert len(server.cards()) == 2
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    (odd.folder / "mi-sync.env").unlink()
    done = subprocess.run(["/bin/sh", "-c", command], env=BARE, capture_output=True, check=False)
    assert done.returncode
    assert b"mi-sync.env" in done.stderr


def test_the_workflow_does_its_work_in_fresh_checkouts(odd: Project, server: Server, tmp_path: Path) -> None:
    repository = odd.folder / "repository"
    (repository / "spring '26").mkdir(parents=True)
    (repository / ".git").mkdir()
    for name in ("config.toml", "jobs.csv", "people.csv"):
        (odd.folder / name).rename(repository / "spring '26" / name)
    workflow = yaml.safe_load(recipe(Project(repository / "spring '26", server), "github"))
    step = workflow["jobs"]["run"]["steps"][-1]
    environ = {name: server.environ[re.findall(r"secrets\.(\w+)", value)[0]] for name, value in step["env"].items()}
    for number in (1, 2):
        checkout = tmp_path / f"checkout-{number}"
        shutil.copytree(repository, checkout)
        server.requests.clear()
        subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            env={**environ, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path)},
            cwd=checkout,
            check=True,
        )
    assert len(server.cards()) == 2
    assert server.writes() == []
