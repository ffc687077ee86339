"""In a job of GitHub Actions: a summary page and annotations, beside a result that stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from programme import Project

pytestmark = pytest.mark.system


@pytest.fixture
def job(project: Project, tmp_path: Path) -> Project:
    """A job whose repository is the project, with a row that is left out."""
    project.edit("people.csv", "accepted\n", "accepted\nS-2,Bo Li,bo@students.example,no-such,accepted\n")
    page = str(tmp_path / "summary.md")
    project.server.environ |= {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": page}
    project.server.environ["GITHUB_WORKSPACE"] = str(project.folder)
    return project


def test_each_command_adds_its_part_to_the_page(job: Project, tmp_path: Path) -> None:
    told = job.start("plan", "--out", "spring.plan", "--output", "json")
    assert (told.code, told.json()["exit_code"]) == (3, 3)
    assert "::warning file=people.csv,line=3,title=mi-sync plan posting_id::" in told.err
    assert job.start("apply", "spring.plan").code == 3
    assert job.start("run").code == 0
    assert job.start("check").code == 0
    page = (tmp_path / "summary.md").read_text("utf-8")
    headings = [line for line in page.splitlines() if line.startswith("###")]
    assert headings == [
        "### mi-sync plan: partial (exit code 3)", "### mi-sync apply: partial (exit code 3)",
        "### mi-sync run: ok (exit code 0)", "### mi-sync check: ok (exit code 0)",
    ]  # fmt: skip
    assert "| board | 2 |" in page
    assert "Bo Li" not in page
    assert "Ana" not in page


def test_what_is_refused_is_an_error(job: Project) -> None:
    told = job.start("check", TRELLO_TOKEN="wrong")
    assert told.code == 6
    assert [line for line in told.err.splitlines() if line.startswith("::error title=mi-sync check::")]


def test_a_page_that_cannot_be_written_is_a_warning(job: Project, tmp_path: Path) -> None:
    told = job.start("run", GITHUB_STEP_SUMMARY=str(tmp_path))
    assert (told.code, "the job summary cannot be written: Is a directory" in told.err) == (3, True)
