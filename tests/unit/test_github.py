"""What a job in GitHub Actions shows: the summary as its readers parse it, and workflow commands as the runner does."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mi_sync.cli import github, invoke
from mi_sync.cli.github import Outcome
from mi_sync.errors import ExitCode, Problem

ANY = st.text(max_size=60)
NASTY = (
    "a|b <script>x</script> **b** [l](http://e.example) `c` ![i](x) @me #1 \\| &amp; http://e.example ~~s~~ $x$ \n\n# h"
)


def outcome(*problems: Problem, code: ExitCode = ExitCode.PARTIAL, root: Path = Path("/nowhere")) -> Outcome:
    return Outcome("run", code, root, problems)


# --------------------------------------------------------------------------------------------- summary


def cells(markdown: str) -> list[str]:
    """The text of every table cell; nothing but text may be in one."""
    found = []
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown)
    for before, token in itertools.pairwise(tokens):
        assert token.type != "html_block"
        if before.type in {"th_open", "td_open"}:
            assert {child.type for child in token.children or ()} <= {"text", "text_special"}
            found.append("".join(child.content for child in token.children or ()))
    return found


def shown(text: str) -> str:
    return "".join(each if each.isprintable() else "�" for each in " ".join(text.split()))


@given(ANY, ANY, ANY)
@example(NASTY, NASTY, NASTY)
@example("x" * 5000, "|", "-")
def test_a_problem_is_text_in_the_summary_whatever_it_holds(where: str, field: str, why: str) -> None:
    found = cells(github.summary(outcome(Problem(where, field, why))))
    assert found[:3] == ["Where", "Field", "Problem"]
    assert [cell[:480] for cell in found[3:]] == [shown(text)[:480] for text in (where, field, why)]


def test_counts_and_problems_are_tables() -> None:
    counts = {"jobs": {"rows": 12, "complete": True}, "pe|ople": {"rows": 3, "complete": False}}
    told = Outcome("run", ExitCode.PARTIAL, Path(), [Problem("jobs.csv:3", "due", "no date")], 4, sources=counts)
    text = github.summary(told)
    assert text.startswith("### mi-sync run: partial (exit code 3)\n")
    assert cells(text)[:9] == ["Source", "rows", "complete", "jobs", "12", "yes", "pe|ople", "3", "no"]
    assert cells(text)[9:] == ["Where", "Field", "Problem", "jobs.csv:3", "due", "no date"]
    assert text.endswith("… and 4 more.\n\n")


def test_a_summary_stays_within_what_a_page_may_have() -> None:
    text = github.summary(outcome(*(Problem("<" * 9999, "<" * 9999, "<" * 9999) for _ in range(9999))))
    assert len(text.encode()) < 1024 * 1024
    assert "… and 9899 more." in text


# ----------------------------------------------------------------------------------------- annotations


@dataclass
class Command:
    level: str
    properties: dict[str, str]
    message: str


def parsed(line: str) -> Command:
    """As the runner parses a workflow command (actions/runner, ActionCommand.TryParseV2)."""
    assert "\n" not in line
    assert "\r" not in line
    found = re.fullmatch(r"::(\w+) (.*?)::(.*)", line)
    assert found
    pairs = (each.split("=", 1) for each in found[2].split(",") if each)
    return Command(found[1], {name: unescaped(value) for name, value in pairs}, unescaped(found[3]))


def unescaped(text: str) -> str:
    for written, meant in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(written, meant)
    return text


@given(ANY, ANY, ANY)
@example("::error::x", "a,file=/etc/passwd", "one\r\n::warning::two %0A %25")
def test_a_problem_is_one_command_whatever_it_holds(where: str, field: str, why: str) -> None:
    (line,) = github.commands(outcome(Problem(where, field, why)))
    command = parsed(line)
    told = str(Problem(where, field, why))
    assert command.level == "warning"
    assert set(command.properties) == {"title"}
    if "%" not in told:  # the runner replaces what it escapes one after the other
        assert command.message == "".join(each if each.isprintable() or each in "\r\n" else "�" for each in told)


def test_a_file_of_the_repository_is_annotated_at_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    root = tmp_path / "spring, 2026"
    root.mkdir()
    for file in (root / "jobs.csv", tmp_path.parent / "outside.csv"):
        file.write_text("x", "utf-8")
    problems = [
        Problem("jobs.csv:14", "due", "no date"),
        Problem("jobs.csv", "", "empty"),
        Problem("../../outside.csv:2", "", "no date"),
        Problem("gone.csv:2", "", "no date"),
        Problem("https://trello.com/c/AbCd1234", "", "copied"),
        Problem("x" * 5000 + ":1", "", "long"),
        Problem("nul\0", "", "a name that no file has"),
    ]
    found = [parsed(line) for line in github.commands(outcome(*problems, root=root))]
    assert found[0] == Command(
        "warning", {"file": "spring, 2026/jobs.csv", "line": "14", "title": "mi-sync run due"}, "no date"
    )
    assert found[1].properties == {"file": "spring, 2026/jobs.csv", "title": "mi-sync run"}
    assert all(set(command.properties) == {"title"} for command in found[2:])
    assert found[4].message == "https://trello.com/c/AbCd1234: copied"


@pytest.mark.parametrize(
    ("code", "level"), [(0, "warning"), (3, "warning"), (8, "warning"), (2, "error"), (4, "error"), (143, "error")]
)
def test_what_failed_is_an_error(code: int, level: str) -> None:
    (line,) = github.commands(outcome(Problem("x", "", "y"), code=ExitCode(code)))
    assert parsed(line).level == level


def test_no_more_annotations_than_github_shows() -> None:
    assert len(list(github.commands(outcome(*(Problem(f"x:{n}", "", "y") for n in range(50)))))) == 10


# ------------------------------------------------------------------------------------ the command line


def test_an_error_is_annotated_and_summed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    assert invoke(["run", "--output", "json"]) == 2
    told = capsys.readouterr()
    assert "::error title=mi-sync::config.toml: there is no such file." in told.err
    assert "::" not in told.out
    assert "config.toml" in cells((tmp_path / "summary.md").read_text("utf-8"))


def test_outside_of_a_job_nothing_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert invoke(["run"]) == 2
    assert "::error" not in capsys.readouterr().err
