"""Requests that schemathesis makes from Asana's own document, right ones and wrong ones, against the local Asana.

Whatever is sent, the answer is one that the document has: never a server error, JSON of the right shape, and a status
that is listed. Things have only the properties that the document names (`asana_spec.strict_document`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from asana_rig import BASE, AsanaRig
from asana_spec import strict_document
from mi_sync_asana.sandbox.app import PREFIX
from mi_sync_asana.sandbox.gate import TOKEN
from mi_sync_asana.sandbox.seed import PROJECT, WORKSPACE

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 25
NOT_SERVED = {
    "DELETE /custom_fields/{custom_field_gid}",
    "DELETE /projects/{project_gid}",
    "PUT /users/{user_gid}",
    "PUT /workspaces/{workspace_gid}",
}
"""In the document's copy, because their paths are; the sandbox has no such route."""

RARELY_RIGHT = {
    "DELETE /sections/{section_gid}",  # it has tasks
    "POST /attachments",  # a file or an address, which of them being in another property
    "POST /custom_fields",
    "POST /projects",
    "POST /projects/{project_gid}/addCustomFieldSetting",  # the project has the field
    "POST /tags",
    "POST /tasks",
    "POST /tasks/{task_gid}/addDependencies",
    "POST /tasks/{task_gid}/stories",
    "POST /workspaces/{workspace_gid}/projects",
}
"""Right by the document, and yet mostly refused: only its prose says what has to be there, or what excludes what."""

Known = Mapping[str, str | None]


class World:
    """A sandbox with one of everything that a path can name."""

    def __init__(self, folder: Path) -> None:
        self.rig = AsanaRig(folder)
        section = self.rig.sections()["To Do"]
        task = self.rig.task("one", section)["gid"]
        self.known: dict[str, str | None] = {
            "task_gid": task,
            "project_gid": PROJECT,
            "section_gid": section,
            "tag_gid": self.rig.ask("POST", "/tags", name="urgent", workspace=WORKSPACE)["gid"],
            "custom_field_gid": self._field(),
            "story_gid": self.rig.ask("POST", f"/tasks/{task}/stories", text="See you")["gid"],
            "attachment_gid": self._attachment(task),
            "workspace_gid": WORKSPACE,
            "user_gid": "me",
        }
        self.known |= {"before_section": self.rig.sections()["Done"], "after_section": None}
        self.known |= {"parent": self.rig.task("two", section)["gid"], "task": task, "assignee": "me"}
        self.known |= {"projects": PROJECT, "tags": self.known["tag_gid"], "followers": "me"}
        self.known |= dict.fromkeys(("memberships", "assignee_section", "assignee_status"))
        kinds = ("project", "section", "tag", "custom_field", "workspace")
        self.known |= {kind: self.known[f"{kind}_gid"] for kind in kinds}

    def _field(self) -> str:
        options = [{"name": "Early"}]
        data: dict[str, Any] = {
            "name": "Stage",
            "workspace": WORKSPACE,
            "resource_subtype": "enum",
            "enum_options": options,
        }
        field = str(self.rig.ask("POST", "/custom_fields", **data)["gid"])
        self.rig.ask("POST", f"/projects/{PROJECT}/addCustomFieldSetting", custom_field=field)
        return field

    def _attachment(self, task: str) -> str:
        form = {"parent": task, "resource_subtype": "external", "url": "https://example.org/brief", "name": "Brief"}
        reply = self.rig.send("POST", "/attachments", files={name: (None, text) for name, text in form.items()})
        return str(reply.json()["data"]["gid"])

    def call(self, case: Any) -> Any:
        """The answer to a request, after all checks."""
        session, header = self.rig._session, {"Authorization": f"Bearer {TOKEN}"}
        answer = case.call(base_url=f"{BASE}{PREFIX}", session=session, headers=header, timeout=5)
        case.validate_response(answer, checks=CHECKS)
        return answer


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def operations() -> Iterator[str]:
    """As `METHOD /path`, in the document's order."""
    for path, item in strict_document({})["paths"].items():
        yield from (f"{method.upper()} {path}" for method in item)


def strategy(operation: str, known: Known, mode: GenerationMode) -> Any:
    method, _, path = operation.partition(" ")
    return _schema(tuple(known.items()))[path][method].as_strategy(generation_mode=mode)


@cache
def _schema(known: tuple[tuple[str, str | None], ...]) -> Any:
    """Read once, because every world names its things alike."""
    return schemathesis.openapi.from_dict(strict_document(dict(known)))


def each_case(cases: Any, world: World) -> list[int]:
    """Sends generated requests one after another; they are the same ones in every run."""
    statuses: list[int] = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    @given(case=cases)
    def send(case: Any) -> None:
        statuses.append(world.call(case).status_code)

    send()
    return statuses


SERVED = [each for each in operations() if each not in NOT_SERVED]


@pytest.mark.parametrize("operation", SERVED)
def test_what_the_document_allows_is_answered_by_the_document(world: World, operation: str) -> None:
    statuses = each_case(strategy(operation, world.known, GenerationMode.POSITIVE), world)
    assert operation in RARELY_RIGHT or any(status < 300 for status in statuses), statuses


@pytest.mark.parametrize("operation", SERVED)
def test_what_it_does_not_allow_is_never_a_server_error(world: World, operation: str) -> None:
    assert each_case(strategy(operation, world.known, GenerationMode.NEGATIVE), world)


@pytest.mark.parametrize("operation", sorted(NOT_SERVED))
def test_what_is_not_served_says_so(world: World, operation: str) -> None:
    method, _, path = operation.partition(" ")
    answer = world.rig.send(method, path.format_map(world.known))
    assert (answer.status_code, json.loads(answer.text)["errors"][0]["message"]) == (
        404,
        "No matching route for request",
    )
