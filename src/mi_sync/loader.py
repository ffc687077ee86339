"""Finds mapping files: beside the configuration first, then the shipped ones. It alone reads files for mappings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.abc import Traversable
from importlib.resources import files
from pathlib import Path

from mi_sync import language
from mi_sync.errors import ConfigError, Problem, did_you_mean

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")


def find_mapping(name: str, root: Path, above: tuple[str, ...] = ()) -> language.Mapping:
    """The mapping of this name: `mappings/NAME.toml` in `root` (the configuration's folder), else the shipped one.

    `above` are those that extend it.

    Raises:
        ConfigError: there is none, or it has problems.
    """
    where = f"mappings/{name}.toml"
    if name in above:
        raise ConfigError("it extends itself.", where=where, remedy="Give one of the two mappings another name.")
    found = language.load(text_of(name, root), name, where, lambda base: find_mapping(base, root, (*above, name)))
    return replace(found, own=(root / where).is_file())


def find_all(root: Path) -> tuple[language.Mapping, ...]:
    """All mappings that `find_mapping` would find, by name: what a file can be recognised as.

    Raises:
        ConfigError: some have problems; it tells all of them.
    """
    found: list[language.Mapping] = []
    problems: list[Problem] = []
    for name in sorted(available(root)):
        try:
            found.append(find_mapping(name, root))
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError(problems)
    return tuple(found)


def text_of(name: str, root: Path) -> str:
    """The text of the mapping file that `find_mapping` would read.

    Raises:
        ConfigError: there is none, or it cannot be read.
    """
    where = f"mappings/{name}.toml"
    folder = (
        next((f for f in _folders(root) if (f / f"{name}.toml").is_file()), None) if _NAME.fullmatch(name) else None
    )
    if folder is None:
        known = sorted(available(root))
        hint = did_you_mean(name.removesuffix(".toml"), known)
        remedy = f"{hint} There are: {', '.join(known)}.".strip()
        raise ConfigError("there is no such mapping.", where=where, remedy=remedy)
    try:
        return (folder / f"{name}.toml").read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"it cannot be read ({type(error).__name__}).", where=where, remedy="Save it as UTF-8."
        ) from None


def available(root: Path) -> set[str]:
    """The names of all mappings that `find_mapping` would find."""
    return {
        entry.name.removesuffix(".toml")
        for folder in _folders(root)
        for entry in folder.iterdir()
        if entry.name.endswith(".toml") and entry.is_file()
    }


def shipped(name: str) -> str:
    """The text of a shipped template of milestones, such as `micro-internship.toml`.

    Raises:
        FileNotFoundError: there is none of this name.
        ValueError: that is no file's name.
    """
    if not _NAME.fullmatch(name):
        raise ValueError("a template's name has letters, digits, dots and hyphens only")
    return (files("mi_sync") / "steps" / name).read_text("utf-8")


def _folders(root: Path) -> Iterator[Traversable]:
    # An editable install has no copy of the mappings in its package; they stand at the top of the checkout.
    checkout = Path(__file__).parents[2]
    package = files("mi_sync") / "mappings"
    editable = checkout / "mappings" if (checkout / "pyproject.toml").is_file() else package
    for folder in (root / "mappings", package, editable):
        if folder.is_dir():
            yield folder
