"""Project folders made from the shipped samples, for `init` and `demo`."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from mi_sync.cli import Settings, logs, show
from mi_sync.errors import ExitCode
from mi_sync.writing import PRIVATE, SHARED, write_new

_SAMPLE_START = date(2026, 3, 2)
"""The Monday on which the sample programme starts; the copies start in the week before they are made."""

_PEOPLE = """\
# [people] # e-mail in the exports -> member of the board, where the tool does not tell
# "priya.nair@greenfork.example" = { board = "priya_nair" }"""

_DATE = re.compile(r"\b20\d\d-\d\d-\d\d\b")
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # without what is easily misread


def init(settings: Settings, folder: Path) -> ExitCode:
    """Makes a project folder; what is there already is kept."""
    logs.start(settings)
    name = folder.resolve().name or "programme"
    made, kept = create(
        folder, {"ID": new_id(name), "NAME": name, "PEOPLE": _PEOPLE, "TARGET": sample("target.toml").rstrip()}
    )
    if settings.output == "json":
        show.json_object({"folder": str(folder), "created": made, "kept": kept})
        return ExitCode.OK
    for path in made:
        show.echo(f"created {path}")
    for path in kept:
        show.echo(f"kept    {path} (it was there already)")
    if made:
        show.echo(f"\nNext: cd {folder} && mi-sync pull, then edit config.toml for your exports and board.")
    return ExitCode.OK


def new_id(name: str) -> str:
    """A programme's id: readable, and unlike any other."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-") or "programme"
    return f"{slug[:40]}-{''.join(secrets.choice(_ALPHABET) for _ in range(6))}"


def create(folder: Path, values: Mapping[str, str], today: date | None = None) -> tuple[list[str], list[str]]:
    """Copies the samples, with their dates moved to now; returns what was made and what was there.

    Raises:
        ConfigError: the folder cannot be written.
    """
    shift = _shift(today or datetime.now(UTC).date())
    made: list[str] = []
    kept: list[str] = []
    for relative in ("config.toml", "mappings/career_office.toml", "engagements.csv",
                     "exports/postings.csv", "exports/applicants.csv"):  # fmt: skip
        path = folder / relative
        text = sample(relative)
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        if relative.endswith(".csv"):
            text = _DATE.sub(lambda found: _moved(found[0], shift), text)
        mode = PRIVATE if relative.endswith(".csv") else SHARED  # exports hold people
        (made if write_new(path, text, mode) else kept).append(str(path))
    return made, kept


def sample(relative: str) -> str:
    """The text of a shipped sample, line ends and byte order mark as they are."""
    place: Traversable = files("mi_sync") / "samples"
    for part in relative.split("/"):
        place = place / part
    return place.read_bytes().decode("utf-8")


def _shift(today: date) -> timedelta:
    """Whole weeks, so that a Monday stays one."""
    monday = today - timedelta(days=today.weekday())
    return monday - timedelta(weeks=1) - _SAMPLE_START


def _moved(text: str, shift: timedelta) -> str:
    """A date, moved; what is no date stays the mistake that it is."""
    with suppress(ValueError):
        return (date.fromisoformat(text) + shift).isoformat()
    return text
