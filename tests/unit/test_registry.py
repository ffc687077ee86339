from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from mi_sync.connector import Broken, Connector, Registry
from mi_sync.errors import ConfigError

FILES = EntryPoint("files", "mi_sync_files:connector", "mi_sync.connectors")


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EntryPoint:
    (tmp_path / "third_party_broken.py").write_text("import no_such_module_anywhere\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return EntryPoint("airtable", "third_party_broken:connector", "mi_sync.connectors")


def test_a_broken_connector_is_named_and_the_others_work_on(broken: EntryPoint) -> None:
    registry = Registry([FILES, broken])
    assert registry.names == ["airtable", "files"]
    loaded = registry.load("airtable")
    assert isinstance(loaded, Broken)
    assert "no_such_module_anywhere" in loaded.why
    assert isinstance(registry.load("files"), Connector)
    with pytest.raises(ConfigError, match=r"airtable.*cannot be loaded"):
        registry.get("airtable", "targets[0]", ("board",))


def test_an_entry_point_that_is_no_connector() -> None:
    loaded = Registry([EntryPoint("odd", "json:dumps", "mi_sync.connectors")]).load("odd")
    assert isinstance(loaded, Broken)


def test_names_are_found_without_importing_anything(broken: EntryPoint) -> None:
    sys.modules.pop("third_party_broken", None)
    assert "airtable" in Registry([broken]).names
    assert "third_party_broken" not in sys.modules


def test_what_is_not_installed_is_refused_with_what_is() -> None:
    with pytest.raises(ConfigError, match="installed: files"):
        Registry([FILES]).get("trello", "targets[0]", ("board",))


def test_the_shipped_connectors_are_installed() -> None:
    assert {"files", "trello"} <= set(Registry().names)
