"""Who may import whom, read from the source without running it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "src" / "mi_sync"
CONNECTORS = sorted(path.parent for path in (ROOT / "connectors").glob("*/__init__.py"))
THIRD = ROOT / "tests" / "data" / "third" / "mi_sync_corkboard"
"""The connector of somebody else, which people copy."""

PURE = {
    "errors",
    "model",
    "identity",
    "values",
    "sensitive",
    "fields",
    "language",
    "mapping",
    "drift",
    "recognition",
    "proposal",
    "milestones",
    "templates",
    "linking",
    "fitting",
    "custom_fields",
    "plan",
    "capacity",
    "comparison",
    "overview",
    "views",
    "provenance",
    "sheets",
    "shapes",
}
"""No files, clock, network or logging."""
EDGES = {"connector", "http", "pings", "unmarked", "state", "leases", "loader", "writing"}
"""Each does one kind of I/O."""
STORY = {
    "events",
    "opening",
    "erasure",
    "known_rows",
    "left_out",
    "reading",
    "pulling",
    "desired",
    "applying",
    "sync",
    "saved",
    "likeness",
    "publishing",
}
"""What happens in a run, told `config` as a value."""
OUTER = {"report", "cli", "testing", "__main__"}
"""They show."""
RANK = {
    **dict.fromkeys(PURE, 1),
    **dict.fromkeys(EDGES, 2),
    "config": 3,
    **dict.fromkeys(STORY, 4),
    **dict.fromkeys(OUTER, 5),
}
"""A module imports those of its own rank and below; `sync` is told by `config` what there is."""

SEAM = {
    "mi_sync.connector",
    "mi_sync.model",
    "mi_sync.errors",
    "mi_sync.http",
    "mi_sync.shapes",
    "mi_sync.unmarked",
    "mi_sync.sheets",
    "mi_sync.writing",
}
STAND_IN = "mi_sync_sandbox"
"""What the sandboxes share; no connector itself needs it."""
WORLD = {
    "logging",
    "socket",
    "sqlite3",
    "subprocess",
    "time",
    "os",
    "pathlib",
    "shutil",
    "requests",
    "urllib",
    "http",
    "tempfile",
    "random",
    "secrets",
}
"""What a pure module has no use for."""
READS = {"now", "today", "utcnow", "open", "read_text", "write_text", "print"}
"""Calls that look at the clock or at files."""


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported anywhere in the module, also late or for type checkers."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def module_of(path: Path) -> str:
    """The part of the core that a file belongs to; a folder is one part."""
    return path.relative_to(CORE).parts[0].removesuffix(".py")


def core_files() -> list[Path]:
    return [path for path in sorted(CORE.rglob("*.py")) if module_of(path) != "__init__"]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def core_imports(path: Path) -> Iterator[tuple[int, str]]:
    """The parts of the core that a file imports."""
    for line, name in imported(path):
        parts = name.split(".")
        if parts[0] == "mi_sync" and parts[1] != "__version__":
            yield line, parts[1]


def upwards(path: Path, rank: int) -> list[str]:
    above = (found for found in core_imports(path) if RANK.get(found[1], 9) > rank)
    return [f"{name_of(path)}:{line} imports {part}" for line, part in above]


def worldly(path: Path) -> list[str]:
    return [f"{name_of(path)}:{line} imports {name}" for line, name in imported(path) if name.split(".")[0] in WORLD]


def looking(path: Path) -> list[str]:
    """The calls of a module that read the clock or files, or print."""
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    names = [(c.lineno, c.func.attr if isinstance(c.func, ast.Attribute) else getattr(c.func, "id", "")) for c in calls]
    return [f"{name_of(path)}:{line} calls {name}()" for line, name in names if name in READS]


def beyond_the_seam(path: Path, package: str) -> list[str]:
    """What a connector imports of ours, or of another connector, that it must not."""
    ours = {folder.name for folder in CONNECTORS} | {"mi_sync"}
    ours -= {STAND_IN} if path.parent.name == "sandbox" else set()
    found = []
    for line, name in imported(path):
        top, allowed = name.split(".")[0], ".".join(name.split(".")[:2])
        if top in ours and top != package and allowed not in SEAM:
            found.append(f"{name_of(path)}:{line} imports {name}")
    return found


# ------------------------------------------------------------------------------------------------ rules


@pytest.mark.parametrize("path", core_files(), ids=name_of)
def test_every_part_of_the_core_has_a_rank_and_imports_nothing_above_it(path: Path) -> None:
    assert module_of(path) in RANK, f"say in tests/unit/test_layers.py where {module_of(path)} belongs"
    assert upwards(path, RANK[module_of(path)]) == []


@pytest.mark.parametrize("path", [p for p in core_files() if module_of(p) in PURE], ids=name_of)
def test_pure_modules_know_no_files_no_clock_no_network_and_no_log(path: Path) -> None:
    assert worldly(path) == []
    assert looking(path) == []


@pytest.mark.parametrize("path", core_files(), ids=name_of)
def test_only_http_talks_to_the_network(path: Path) -> None:
    network = {"requests", "urllib3", "socket", "http.client", "urllib.request"}
    found = {name for _, name in imported(path) if name in network or name.split(".")[0] in network}
    assert module_of(path) == "http" or not found - _SERVES.get(module_of(path), set())


_SERVES: dict[str, set[str]] = {"cli": {"socket"}}
"""The sandbox is served from the command line."""


@pytest.mark.parametrize("path", [p for p in core_files() if module_of(p) != "cli"], ids=name_of)
def test_only_the_command_line_prints_prompts_or_exits(path: Path) -> None:
    calls = [node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    names = {getattr(call, "id", getattr(call, "attr", "")) for call in calls}
    assert not names & {"print", "input", "exit", "_exit", "getpass"} or module_of(path) == "__main__"
    assert not {name for _, name in imported(path) if name.split(".")[0] in {"click", "rich", "getpass"}}


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=name_of)
def test_the_core_names_no_connector(path: Path) -> None:
    tops = {name.split(".")[0] for _, name in imported(path)}
    assert not tops & {folder.name for folder in CONNECTORS}


@pytest.mark.parametrize(
    ("package", "path"),
    [(folder.name, p) for folder in (*CONNECTORS, THIRD) for p in sorted(folder.rglob("*.py"))],
    ids=lambda it: name_of(it) if isinstance(it, Path) else "",
)
def test_a_connector_imports_the_seam_and_itself(package: str, path: Path) -> None:
    assert beyond_the_seam(path, package) == []


# ------------------------------------------------------------------------------------------- start-up


def third_party(command: str) -> set[str]:
    """The packages outside the standard library that a fresh interpreter imports for this statement."""
    code = f"import sys; before = set(sys.modules)\ntry:\n    {command}\nexcept SystemExit: pass\n"
    code += "print(*sorted({n.partition('.')[0] for n in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_help_starts_without_heavy_imports() -> None:
    help_text = "import mi_sync.cli; sys.argv = ['mi-sync', '--help']; mi_sync.cli.main()"
    assert third_party(help_text) <= {"mi_sync", "click"}


def test_what_start_up_imports_is_really_measured() -> None:
    assert {"mi_sync", "pydantic"} <= third_party("import mi_sync.connector")


# ------------------------------------------------------------------------------- the rules can be broken


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A module of a made-up checkout that breaks every rule."""
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    path = tmp_path / "broken.py"
    path.write_text(
        "from datetime import date\n"
        "def late():\n"
        "    import requests\n"
        "    from mi_sync import sync\n"
        "    from mi_sync.state import Store\n"
        "    from mi_sync.errors import Problem\n"
        "    import mi_sync_files.source\n"
        "    return date.today()\n"
    )
    return path


def test_imports_above_a_module_are_found_wherever_they_stand(module: Path) -> None:
    assert upwards(module, 1) == ["broken.py:4 imports sync", "broken.py:5 imports state"]
    assert upwards(module, 4) == []


def test_impure_modules_are_found(module: Path) -> None:
    assert worldly(module) == ["broken.py:3 imports requests"]
    assert looking(module) == ["broken.py:8 calls today()"]


def test_only_a_sandbox_imports_what_the_sandboxes_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    found = []
    for folder in (tmp_path / "sandbox", tmp_path / "mi_sync_table"):
        folder.mkdir()
        path = folder / "app.py"
        path.write_text("import mi_sync_sandbox.store\n")
        found.append(beyond_the_seam(path, "mi_sync_table"))
    assert found == [[], ["mi_sync_table/app.py:1 imports mi_sync_sandbox.store"]]


def test_connectors_beyond_the_seam_are_found(module: Path) -> None:
    assert beyond_the_seam(module, "mi_sync_table") == [
        "broken.py:4 imports mi_sync.sync",
        "broken.py:5 imports mi_sync.state.Store",
        "broken.py:7 imports mi_sync_files.source",
    ]
    assert len(beyond_the_seam(module, "mi_sync_files")) == 2
