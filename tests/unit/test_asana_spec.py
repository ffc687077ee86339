"""The judge of requests and replies can say no."""

from __future__ import annotations

from typing import Any

import pytest

from asana_spec import NotInSpec, check_reply, check_request

TASK: dict[str, Any] = {"name": "x", "workspace": "1", "memberships": [{"project": "2", "section": "3"}]}


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("POST", "/tasks", {"opt_fields": "name,memberships.section.name,assignee.email,external.gid"}, {"data": TASK}),
        ("post", "/tasks", {}, {"data": {"name": "x", "custom_fields": {"1": None, "2": ["3"]}}}),
        ("GET", "/tasks/external:a%2Fb", {}, None),
        ("GET", "/tasks", {"project": "1", "limit": "100", "completed_since": "now"}, None),
        ("PUT", "/tasks/1", {}, {"data": {"completed": True, "due_on": None}}),
        ("POST", "/batch", {}, {"data": {"actions": [{"relative_path": "/tasks", "method": "post", "data": TASK}]}}),
        ("POST", "/attachments", {}, {"parent": "1", "resource_subtype": "external", "url": "https://x", "name": "x"}),
    ],
)
def test_what_the_document_allows_passes(method: str, path: str, query: dict[str, str], body: Any) -> None:
    check_request(method, path, query, body)


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "why"),
    [
        ("GET", "/nowhere", {}, None, "no such operation"),
        ("PATCH", "/tasks/1", {}, {"data": {}}, "no such operation"),
        ("POST", "/tasks", {}, None, "body: is missing"),
        ("DELETE", "/tasks/1", {}, {"data": {}}, "takes none"),
        ("POST", "/tasks", {}, {"data": {"nmae": "x"}}, "'nmae' was unexpected"),
        ("POST", "/tasks", {}, {"name": "x"}, "'name' was unexpected"),
        ("POST", "/tasks", {}, {"data": {"due_on": "4 March"}}, "data/due_on"),
        ("POST", "/tasks", {}, {"data": {"memberships": [{"section": "3"}]}}, "'project' is a required property"),
        ("POST", "/tasks", {}, {"data": {"num_likes": 1}}, "read-only"),
        ("PUT", "/tasks/1", {}, {"data": {"memberships": TASK["memberships"]}}, "read-only"),
        ("POST", "/tasks/1/addTag", {}, {"data": {}}, "'tag' is a required property"),
        ("GET", "/tasks", {"limit": "101"}, None, "101 is greater than the maximum"),
        ("GET", "/tasks", {"colour": "red"}, None, "query: colour"),
        ("GET", "/attachments", {}, None, "query: parent: is required"),
        ("GET", "/tasks", {"opt_fields": "name,assignee.nmae"}, None, "assignee.nmae: no schema has it"),
        (
            *("POST", "/batch", {}),
            {"data": {"actions": [{"relative_path": "/tasks", "method": "post", "data": {"nmae": "x"}}]}},
            "'nmae' was unexpected",
        ),
        (
            *("POST", "/batch", {}),
            {"data": {"actions": [{"relative_path": "/tasks", "method": "get", "options": {"fields": ["nmae"]}}]}},
            "nmae: no schema has it",
        ),
    ],
)
def test_what_the_document_does_not_allow_is_named(
    method: str, path: str, query: dict[str, str], body: Any, why: str
) -> None:
    with pytest.raises(NotInSpec) as caught:
        check_request(method, path, query, body)
    assert why in str(caught.value)


def test_replies_are_judged_by_their_status() -> None:
    check_reply("GET", "/tasks/1", 200, {"data": {"gid": "1", "assignee": {"gid": "2", "email": "a@example.org"}}})
    check_reply("GET", "/tasks/1", 404, {"errors": [{"message": "x"}]})
    check_reply("GET", "/tasks", 200, {"data": [], "next_page": None})


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"data": {"gid": 1}}),
        (200, {"data": {"gid": "1", "nmae": "x"}}),
        (200, {"data": {"gid": "1", "parent": {"gid": "2", "nmae": "x"}}}),
        (200, {"data": {"gid": "1", "name": None}}),
        (200, {"gid": "1"}),
        (201, {"data": {"gid": "1"}}),
        (404, {"data": {}}),
        (404, "not found"),
    ],
)
def test_a_reply_of_another_shape_is_named(status: int, body: Any) -> None:
    with pytest.raises(NotInSpec):
        check_reply("GET", "/tasks/1", status, body)
