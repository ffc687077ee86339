"""What the documents say is so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mi_sync.cli import cli
from mi_sync.errors import ExitCode


def commands(group: click.Group, *above: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *above, name)
        else:
            yield " ".join((*above, name)), command


COMMANDS = dict(commands(cli))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example_and_stands_in_the_readme(name: str, repository: Path) -> None:
    command = COMMANDS[name]
    assert command.help
    assert f"mi-sync {name}" in (command.epilog or "")
    assert f"mi-sync {name}" in (repository / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_short_help_is_never_cut(name: str) -> None:
    assert not COMMANDS[name].get_short_help_str(limit=58).endswith("...")


def test_every_exit_code_stands_in_the_readme(repository: Path) -> None:
    text = (repository / "README.md").read_text("utf-8")
    table = text[text.index("| exit code") : text.index("## What happens")]
    assert {int(code) for code in re.findall(r"\b\d+\b", table)} >= {code.value for code in ExitCode}


def test_the_two_commands_stand_first(repository: Path) -> None:
    lines = (repository / "README.md").read_text("utf-8").splitlines()
    assert [line.split("#")[0].strip() for line in lines[3:5]] == ["make demo", "make test"]


DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "connectors/README.md",
    "mappings/README.md",
    "CHANGELOG.md",
    "benchmarks/README.md",
    "benchmarks/RESULTS.md",
    "docs/faults.md",
    "docs/json.md",
    "docs/team.md",
    "docs/nasty-exports.md",
    "docs/privacy.md",
    "docs/threat-model.md",
    "SECURITY.md",
    "docs/scheduling.md",
    "docs/proof.md",
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str, repository: Path) -> None:
    path = repository / document
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text("utf-8")):
        assert (path.parent / target).exists(), target


def test_every_shipped_mapping_stands_in_both_tables(repository: Path) -> None:
    names = {path.stem for path in (repository / "mappings").glob("*.toml")}
    assert names
    for document in ("README.md", "mappings/README.md"):
        text = (repository / document).read_text("utf-8")
        assert {name for name in names if f"| `{name}` |" not in text} == set()


@pytest.mark.parametrize(("document", "numbers"), [("nasty-exports.md", 20), ("faults.md", 12)])
def test_every_damage_and_every_fault_is_listed_with_tests_that_exist(
    document: str, numbers: int, repository: Path
) -> None:
    table = (repository / "docs" / document).read_text("utf-8").partition("| |")[2].splitlines()[2:]
    tests = "\n".join(path.read_text("utf-8") for path in (repository / "tests").rglob("test_*.py"))
    assert [int(row.split("|")[1]) for row in table if row.split("|")[1].strip()] == list(range(1, numbers + 1))
    shown = [re.findall(r"`(test_\w+)`", row) for row in table]
    assert all(shown)
    assert {name for names in shown for name in names if f"def {name}(" not in tests} == set()


def test_every_test_of_faults_is_listed(repository: Path) -> None:
    listed = (repository / "docs" / "faults.md").read_text("utf-8")
    files = [repository / "tests" / "system" / f"test_{name}.py" for name in ("faults", "disk_faults")]
    tests = {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)}
    assert {name for name in tests if f"`{name}`" not in listed} == set()


def rows(document: str) -> list[str]:
    """The rows of all its tables, without their headings."""
    lines = document.splitlines()
    return [row for row in lines if row.startswith("| ") and not row.startswith("| they try |")]


def test_every_claim_of_the_threat_model_names_tests_that_exist(repository: Path) -> None:
    text = (repository / "docs" / "threat-model.md").read_text("utf-8")
    tests = "\n".join(path.read_text("utf-8") for path in (repository / "tests").rglob("test_*.py"))
    shown = [re.findall(r"`(test_\w+)`", row.split("|")[3]) for row in rows(text)]
    assert len(shown) > 30
    assert all(shown)
    assert {name for names in shown for name in names if f"def {name}(" not in tests} == set()


def test_the_threat_model_says_of_everybody_what_does_not_hold(repository: Path) -> None:
    _, *attackers = (repository / "docs" / "threat-model.md").read_text("utf-8").split("\n## ")
    honest = ["\nDoes not hold: " in each for each in attackers]
    assert len(honest) == 9
    assert all(honest)


def test_every_core_module_stands_in_the_map(repository: Path) -> None:
    text = (repository / "CONTRIBUTING.md").read_text("utf-8")
    modules = {path.stem for path in (repository / "src" / "mi_sync").glob("*.py") if not path.stem.startswith("__")}
    listed = {name for row in re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)", row)}
    assert modules - listed == set()
