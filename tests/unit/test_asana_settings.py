from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from mi_sync.connector import Context, Registry, Secret
from mi_sync.errors import ConfigError
from mi_sync_asana import CAPABILITIES, AsanaConfig, connector
from mi_sync_asana.board import AsanaBoard

GID = "1200000000000001"


def settings(project: str = GID, **given: str) -> AsanaConfig:
    return AsanaConfig.model_validate({"project": project, "token": {"env": "T"}, **given})


@pytest.mark.parametrize(
    "written",
    [
        GID,
        f" {GID} ",
        f"https://app.asana.com/0/{GID}",
        f"https://app.asana.com/0/{GID}/list",
        f"https://app.asana.com/0/{GID}/1200000000000777/f",
        f"https://app.asana.com/1/1100000000000001/project/{GID}",
        f"https://app.asana.com/1/1100000000000001/project/{GID}/board/1200000000000009?focus=true#top",
        f"http://127.0.0.1:8377/0/{GID}",
    ],
)
def test_a_project_is_a_gid_or_an_address(written: str) -> None:
    assert settings(written).project == GID


@pytest.mark.parametrize(
    "written",
    [
        "",
        "0",
        "my project",
        f"{GID}/../users/me",
        "https://app.asana.com/0/home/12345",
        "https://app.asana.com/0/0/1200000000000777/f",
        f"https://app.asana.com/1/1100000000000001/task/{GID}",
        f"https://app.asana.com.evil.example/0/{GID}",
        f"https://evil.example/0/{GID}",
        f"ftp://app.asana.com/0/{GID}",
    ],
)
def test_a_project_that_is_none_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(ValidationError, match=r"https://app\.asana\.com/0/1200000000000001/list"):
        settings(written)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("api_url", "http://app.asana.com/api/1.0", "must start with https://"),
        ("api_url", "app.asana.com", r"such as https://app\.asana\.com/api/1\.0"),
        ("api_url", "https://me:secret@app.asana.com/api/1.0", "neither credentials nor a query"),
        ("checklist", "cards", "'subtasks' or 'text'"),
        ("plan", "premium", "'free' or 'paid'"),
        ("workspace", "1", "Extra inputs"),
    ],
)
def test_a_wrong_setting_is_refused(name: str, value: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why) as refused:
        settings(**{name: value})
    assert "secret" not in str(refused.value)


def test_a_checklist_as_text_is_no_capability() -> None:
    assert settings().capabilities == CAPABILITIES
    text = settings(checklist="text").capabilities
    assert (text.checklist, dict(text.lossy)) == (False, {"checklist": 'checklist = "text" is set'})


@pytest.mark.parametrize("token", ["", "two words", 'quo"ted', "line\nbreak", "ümlaut"])
def test_a_token_that_was_copied_wrongly_is_told_without_showing_it(token: str) -> None:
    context = Context("project", Path(), ZoneInfo("UTC"), secrets={"token": Secret(token)})
    with pytest.raises(ConfigError, match="copy it again") as refused:
        AsanaBoard(settings(), context)
    assert not token or token not in str(refused.value)


def test_the_token_stands_in_the_header_alone() -> None:
    context = Context("project", Path(), ZoneInfo("UTC"), secrets={"token": Secret(" 2/1/2:abc ")})
    http = AsanaBoard(settings(), context)._http
    assert http._headers["Authorization"] == "Bearer 2/1/2:abc"
    assert http.redact("it was 2/1/2:abc") == "it was …"


def test_the_registry_finds_the_connector() -> None:
    assert Registry().load("asana") is connector
    assert connector.capabilities == CAPABILITIES


def test_listing_it_imports_nothing_heavy() -> None:
    script = (
        "import sys, mi_sync_asana\n"
        "print(sorted({'requests', 'markdown_it', 'defusedxml', 'mi_sync_asana.board', 'flask'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert shown.stdout.strip() == "[]"
