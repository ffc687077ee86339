"""A board that is nearly full: said by `check`, and a plan that does not fit is refused before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mi_sync_trello.sandbox import views
from programme import Project, serving

pytestmark = pytest.mark.system


def test_a_plan_that_does_not_fit_is_refused_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def small(disable_at: int, count: int = 0) -> dict[str, Any]:
        """Like the sandbox's limits, for a board that holds one open card."""
        most = 1 if disable_at == 5000 else disable_at
        return {"status": "ok" if count < most else "disabled", "disableAt": most, "warnAt": most}

    monkeypatch.setattr(views, "_limit", small)
    with serving(tmp_path / "sandbox") as server:
        project = Project.make(tmp_path / "project", server)
        planned = project.start("plan", "--output", "json")
        assert planned.json()["targets"]["board"]["created"] == 2
        for force in ((), ("--force=create", "--force=archive")):
            refused = project.start("run", "--output", "json", *force)
            assert refused.code == 4
            (problem,) = refused.json()["problems"]
            assert "room for 1 more open items (cards openPerBoard: 1), and the plan makes 2" in problem["why"]
        assert server.writes() == []
        server.call("POST", "/cards", name="theirs", idList=server.call("GET", "/boards/DEMO2026/lists")[0]["id"])
        checked = project.start("check")
        assert "limit: cards openPerBoard: 1 of 1" in checked.out
