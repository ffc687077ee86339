from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from programme import Project, Server, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "sandbox") as served:
        yield served


@pytest.fixture
def project(request: pytest.FixtureRequest, tmp_path: Path, server: Server) -> Project:
    made = Project.make(tmp_path / "project", server)
    if getattr(request, "param", "sqlite") == "postgres":
        made.keep_state_at(request.getfixturevalue("server_place").url)
    return made
