"""Work is counted instead of timed, because counts do not wobble: digests of a plan, modules of a start."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine import World
from mi_sync import identity
from mi_sync.testing.runs import item


@pytest.mark.parametrize("number", [10, 40])
def test_an_item_without_news_takes_few_digests(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    world = World(0)
    world.want(*(item(n % 20, key=f"key{n:03}", title=f"Milestone {n}") for n in range(number)))
    world.sync()
    counted: list[str] = []
    whole = identity.digest

    def counting(*parts: str, **of: Any) -> str:
        counted.append(parts[0])
        return whole(*parts, **of)

    monkeypatch.setattr(identity, "digest", counting)
    assert world.pending() == ()
    assert len(counted) <= 4 * number


def test_equal_instants_of_two_zones_are_two_dates() -> None:
    at = datetime(2026, 3, 2, 23, tzinfo=UTC)
    there = at.astimezone(ZoneInfo("Asia/Tokyo"))
    assert at == there
    assert identity.field_digest(at) != identity.field_digest(there)
    assert identity.field_digest(there) == identity.field_digest(date(2026, 3, 2) + timedelta(days=1))


def test_help_imports_two_modules_of_ours() -> None:
    code = "import sys, mi_sync.cli; sys.argv = ['mi-sync', '--help']\ntry:\n    mi_sync.cli.main()\nexcept SystemExit: pass\n"
    code += "print(*sorted(n for n in sys.modules if n.partition('.')[0] == 'mi_sync'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1].split() == ["mi_sync", "mi_sync.cli", "mi_sync.errors"]
