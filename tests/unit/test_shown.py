"""What is printed or logged gives no terminal and no runner an order, whatever it repeats."""

from __future__ import annotations

import ast
import json
import logging
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync.cli import Settings, logs, plain

ROOT = Path(__file__).resolve().parents[2]
ORDERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
TEXTS = st.text(st.one_of(st.sampled_from("\x1b[:#]\n\r\x9b\u202e\u2066\ud800\x07\t "), st.characters()))


@pytest.fixture(autouse=True)
def _no_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


@given(TEXTS)
def test_no_text_gives_a_terminal_an_order(text: str) -> None:
    assert not ORDERS.search(plain.visible(text))
    assert "\n" not in plain.one_line(text)
    plain.visible(text).encode()


@given(st.recursive(TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=5))
def test_json_says_the_same_without_orders(value: object) -> None:
    text = plain.dumps(value)
    assert not ORDERS.search(text)
    assert json.loads(text) == value


def test_what_people_write_stays_as_it_is() -> None:
    for text in ("Zoë 🎓 東京 שלום", "a\tb\nc", r"C:\new", "[link](https://example.org) ::x ##[y]"):
        assert plain.visible(text) == text


@given(TEXTS)
def test_no_text_gives_a_runner_an_order(text: str) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GITHUB_ACTIONS", "true")
        for shown in (plain.visible(text), plain.one_line(text), plain.dumps(text)):
            assert "##[" not in shown
            assert not any(line.strip().startswith("::") for line in shown.splitlines())
        assert json.loads(plain.dumps(text)) == text


def test_a_log_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for log_format in ("text", "json"):
        logs.start(Settings(log_format=log_format))
        logging.getLogger("mi_sync.x").warning("a title\nERROR mi_sync: forged \x1b[2J\x9b2J")
        (line,) = capsys.readouterr().err.splitlines()
        assert not ORDERS.search(line)


# ------------------------------------------------------------------------------- nothing goes past it

KNOWN = {
    "src/mi_sync/cli/show.py": "the one place",
    "src/mi_sync/cli/showcase.py": "its own words",
    "src/mi_sync/cli/scheduling.py": "a recipe, which is used as it is: of what is not ours only what it can quote",
    "src/mi_sync/cli/github.py": "commands to the runner, with all that is not ours escaped",
    "src/mi_sync/cli/__init__.py": "help, which click makes",
}


def prints(path: Path) -> bool:
    calls = [
        ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)
    ]
    return any(
        re.search(r"\bclick\.s?echo$|^print$|\bstd(?:out|err)\.write$|\bconsole\.print$", call) for call in calls
    )


def test_everything_is_printed_in_one_place() -> None:
    found = {path.relative_to(ROOT).as_posix() for path in (ROOT / "src").rglob("*.py") if prints(path)}
    assert found == set(KNOWN)


@pytest.mark.parametrize("code", ["click.echo(x)", "print(x)", "sys.stdout.write(x)", "click.secho(x)"])
def test_what_is_printed_elsewhere_is_found(tmp_path: Path, code: str) -> None:
    (tmp_path / "a.py").write_text(code, "utf-8")
    assert prints(tmp_path / "a.py")
