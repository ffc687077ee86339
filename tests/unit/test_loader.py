from __future__ import annotations

from pathlib import Path

import pytest

from mi_sync import loader
from mi_sync.errors import ConfigError

SHIPPED = {"generic_postings", "generic_applicants", "engagements", "indeed_candidates", "handshake_applicant_list"}


def put(root: Path, name: str, content: bytes) -> None:
    (root / "mappings").mkdir(exist_ok=True)
    (root / "mappings" / name).write_bytes(content)


def test_the_shipped_mappings_are_found_and_load(tmp_path: Path) -> None:
    assert loader.available(tmp_path) >= SHIPPED
    for name in loader.available(tmp_path):
        assert loader.find_mapping(name, tmp_path).name == name


def test_a_mapping_beside_the_configuration_comes_first(tmp_path: Path) -> None:
    put(tmp_path, "generic_postings.toml", b'\xef\xbb\xbftitle = "mine"\n[posting]\ntitle = "T"\n')
    assert loader.find_mapping("generic_postings", tmp_path).title == "mine"
    assert loader.find_mapping("generic_applicants", tmp_path).title != "mine"


@pytest.mark.parametrize("name", ["generic_posting", "generic_postings.toml"])
def test_an_unknown_name_is_refused_with_the_near_one(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'generic_postings'"):
        loader.find_mapping(name, tmp_path)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "", ".", "a/b", "a\x00b"])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.toml").write_text('[posting]\ntitle = "T"\n')
    put(tmp_path, "x.toml", b"")
    with pytest.raises(ConfigError, match="no such mapping"):
        loader.find_mapping(name, tmp_path)


def test_a_mapping_that_is_no_text_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "own.toml", b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        loader.find_mapping("own", tmp_path)


def test_problems_name_the_file(tmp_path: Path) -> None:
    put(tmp_path, "own.toml", b'[posting]\ntitel = "T"\n')
    with pytest.raises(ConfigError, match=r"mappings/own\.toml:2 \[posting\.titel\]"):
        loader.find_mapping("own", tmp_path)


def test_templates_are_found_by_name_only() -> None:
    with pytest.raises(FileNotFoundError):
        loader.shipped("no-such-template.toml")
    with pytest.raises(ValueError, match="name"):
        loader.shipped("../config.py")


def test_a_mapping_extends_another_that_may_extend_one_itself(tmp_path: Path) -> None:
    folder = tmp_path / "mappings"
    folder.mkdir()
    (folder / "ours.toml").write_text('extends = "qualtrics"\n[feedback]\nrating = "Q3"\n', "utf-8")
    ours, shipped = loader.find_mapping("ours", tmp_path), loader.find_mapping("qualtrics", tmp_path)
    assert "Q3" in ours.columns
    assert "rating" not in ours.columns
    assert (ours.looks_like, ours.skip) == (shipped.looks_like, shipped.skip)
    assert (ours.attested, ours.title) == ("none", "")
    (folder / "generic_feedback.toml").write_text('extends = "ours"\n', "utf-8")
    with pytest.raises(ConfigError, match="it extends itself"):
        loader.find_mapping("ours", tmp_path)
    (folder / "generic_feedback.toml").write_text('[feedback]\ntitle = "T"\n', "utf-8")
    with pytest.raises(ConfigError, match="generic_feedback"):
        loader.find_mapping("ours", tmp_path)
