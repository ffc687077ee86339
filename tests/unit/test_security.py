"""What our code never does, read from the source; and the audit of what it stands on."""

from __future__ import annotations

import ast
import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [*(ROOT / "src").rglob("*.py"), *(ROOT / "connectors").rglob("*.py")]
MODULES = r"pickle|marshal|shelve|dill|cPickle|code|codeop|ctypes|pty|commands|yaml|importlib\.machinery"
CALLS = r"eval|exec|compile|__import__|os\.(system|popen|exec\w*|spawn\w*)|pickle\.\w+|subprocess\.(getoutput|getstatusoutput)"
"""`re.compile` and the like are other calls: a name with a dot counts as a whole."""
OPTIONS = {"shell": True, "verify": False, "check_hostname": False}
XML = re.compile(
    r"(xml\.(etree|sax|dom)\S*|lxml\S*)\.(fromstring|parse|iterparse|XML|XMLParser|parseString|make_parser)"
)


def never(text: str) -> list[str]:
    """What a module does that none may."""
    found: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if re.fullmatch(MODULES, alias.name)]
        elif isinstance(node, ast.ImportFrom):
            found += [str(node.module)] if re.fullmatch(MODULES, str(node.module)) else []
            found += [name for it in node.names if XML.fullmatch(name := f"{node.module}.{it.name}")]
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            found += [name] if re.fullmatch(CALLS, name) else []
            found += [
                f"{it.arg}={it.value.value}"
                for it in node.keywords
                if isinstance(it.value, ast.Constant) and it.arg in OPTIONS and it.value.value is OPTIONS[it.arg]
            ]
        elif isinstance(node, ast.Attribute) and node.attr in {"CERT_NONE", "_create_unverified_context"}:
            found.append(node.attr)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda it: it.relative_to(ROOT).as_posix())
def test_no_shell_no_pickle_no_eval_and_no_unverified_connection(path: Path) -> None:
    assert never(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle", "from pickle import loads", "eval(x)", "exec(x)", "os.system(x)", "run(x, shell=True)",
        "session.get(url, verify=False)", "ssl.CERT_NONE", "__import__(x)", "compile(x, '', 'exec')",
        "from xml.etree.ElementTree import fromstring", "import ctypes",
    ],
)  # fmt: skip
def test_what_is_never_done_is_found(code: str) -> None:
    assert never(code)
    assert not never("import re; re.compile(x); environment.compile(x); from defusedxml.ElementTree import fromstring")


def test_the_security_rules_of_the_linter_hold_in_all_that_is_shipped() -> None:
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"]
    assert lint["select"] == ["ALL"]
    relaxed = {
        rule for path, rules in lint["per-file-ignores"].items() if not path.startswith("tests") for rule in rules
    }
    assert not [rule for rule in {*lint["ignore"], *relaxed} if rule.startswith("S")]


def test_every_dependency_is_bounded_from_below() -> None:
    """A resolver must not fall back to a version with known holes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [it for more in project["optional-dependencies"].values() for it in more if "mi-sync[" not in it]
    assert [it for it in (*project["dependencies"], *extras) if ">=" not in it] == []


# ------------------------------------------------------------------------------------------- the audit


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GOOD = {"name": "jinja2", "version": "3.1.6", "vulns": []}
BAD = {"name": "jinja2", "version": "3.1.5", "vulns": [{"id": "CVE-2025-27516", "fix_versions": ["3.1.6"]}]}
SKIPPED = {"name": "click", "skip_reason": "Dependency not found on PyPI and could not be audited: click (8.2.0)"}
OURS = {"name": "mi-sync", "skip_reason": "distribution marked as editable"}


@pytest.mark.parametrize(
    ("packages", "code", "required", "said"),
    [
        ([GOOD, OURS], 0, 0, "audit: 1 looked up, no known vulnerability."),
        ([GOOD, BAD], 1, 1, "jinja2 3.1.5: CVE-2025-27516, fixed in 3.1.6"),
        ([SKIPPED, BAD], 1, 1, "jinja2 3.1.5: CVE-2025-27516, fixed in 3.1.6"),
        ([GOOD, SKIPPED], 0, 1, "audit: NOT DONE, the advisories could not be asked about click."),
        ([SKIPPED, OURS], 0, 1, "audit: NOT DONE, the advisories could not be asked about any package."),
        ([], 0, 1, "audit: NOT DONE, the advisories could not be asked about any package."),
        (None, 0, 1, "audit: NOT DONE, the advisories could not be asked about any package."),
    ],
)
def test_an_audit_that_could_not_be_done_says_so(
    audit: ModuleType, packages: list[dict[str, Any]] | None, code: int, required: int, said: str
) -> None:
    report = None if packages is None else {"dependencies": packages}
    for must, expected in ((False, code), (True, required)):
        ended, lines = audit.verdict(report, required=must)
        assert (ended, lines[0]) == (expected, said)
