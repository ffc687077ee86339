"""Asana's own SDK, and real sockets, against the local Asana; Asana's own document judges what both say."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3

from asana_spec import SDK_HABITS, Judged
from loopback import serving
from mi_sync.connector import SandboxOptions
from mi_sync_asana.sandbox.app import create_app
from mi_sync_asana.sandbox.gate import TOKEN
from mi_sync_asana.sandbox.seed import PROJECT, WORKSPACE
from mi_sync_sandbox.faults import Fault, Faults

asana: Any = import_module("asana")  # it ships no types, and what can be guessed of them is wrong
ApiException: Any = asana.rest.ApiException


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def base(tmp_path: Path, faults: Faults) -> Iterator[str]:
    options = SandboxOptions(tmp_path, "http://127.0.0.1", lambda: datetime.now(UTC), 10**6)
    judged = Judged(create_app(options, faults=faults))
    with serving(judged) as url:
        yield f"{url}/api/1.0"
    assert [problem for problem in judged.problems if not SDK_HABITS.fullmatch(problem)] == []
    assert judged.judged


@pytest.fixture
def client(base: str) -> Iterator[Any]:
    made = sdk(base)
    yield made
    made.pool.terminate()
    made.rest_client.pool_manager.clear()


def sdk(base: str, token: str = TOKEN) -> Any:
    configuration = asana.Configuration()
    configuration.host = base
    configuration.access_token = token
    configuration.retry_strategy = urllib3.Retry(total=0, raise_on_status=False)
    return asana.ApiClient(configuration)


def names(listed: Any) -> list[str]:
    return [each["name"] for each in listed]


def create(client: Any, **data: Any) -> Any:
    return asana.TasksApi(client).create_task({"data": {"projects": [PROJECT], **data}}, {})


def test_the_sdk_finds_its_way_from_the_user_to_the_sections(client: Any) -> None:
    me = asana.UsersApi(client).get_user("me", {})
    workspace = me["workspaces"][0]["gid"]
    (project,) = asana.ProjectsApi(client).get_projects({"workspace": workspace, "opt_fields": "name,permalink_url"})
    assert project["name"] == "Spring 2026 micro-internships"
    assert names(asana.SectionsApi(client).get_sections_for_project(project["gid"], {})) == ["To Do", "Doing", "Done"]
    assert len(list(asana.UsersApi(client).get_users_for_workspace(workspace, {}))) == 6


def test_the_sdk_creates_updates_moves_comments_on_and_completes_a_task(client: Any) -> None:
    tasks, sections = asana.TasksApi(client), asana.SectionsApi(client)
    to_do, doing, _ = (each["gid"] for each in sections.get_sections_for_project(PROJECT, {}))
    data = {
        "name": "Kickoff call",
        "workspace": WORKSPACE,
        "memberships": [{"project": PROJECT, "section": to_do}],
        "external": {"gid": "1.prog.key", "data": "nonce"},
        "assignee": "kim.duarte@example.org",
        "start_on": "2026-03-27",
        "due_on": "2026-03-30",
        "html_notes": "<body>The <em>brief</em>, größer</body>",
    }
    made = tasks.create_task({"data": data}, {"opt_fields": "external.gid,html_notes"})
    assert made["external"]["gid"] == "1.prog.key"
    tasks.update_task({"data": {"due_at": "2026-03-30T22:00:00.000Z", "start_on": None}}, made["gid"], {})
    sections.add_task_for_section(doing, {"body": {"data": {"task": made["gid"]}}})
    asana.StoriesApi(client).create_story_for_task({"data": {"text": "See you there"}}, made["gid"], {})
    tasks.update_task({"data": {"completed": True}}, "external:1.prog.key", {})
    again = tasks.get_task("external:1.prog.key", {"opt_fields": "completed,due_at,notes,memberships.section.name"})
    assert (again["completed"], again["due_at"], again["notes"]) == (
        True,
        "2026-03-30T22:00:00.000Z",
        "The brief, größer",
    )
    assert [each["section"]["name"] for each in again["memberships"]] == ["Doing"]
    told = list(asana.StoriesApi(client).get_stories_for_task(made["gid"], {}))
    assert [each["text"] for each in told if each["resource_subtype"] == "comment_added"] == ["See you there"]
    assert names(tasks.get_tasks({"project": PROJECT, "completed_since": "now"})) == []
    tasks.remove_project_for_task({"data": {"project": PROJECT}}, made["gid"])  # which is how we archive
    assert names(tasks.get_tasks_for_section(doing, {})) == []
    assert names(asana.ProjectsApi(client).get_projects_for_task(made["gid"], {})) == []
    tasks.delete_task(made["gid"])
    assert names(tasks.get_tasks_for_project(PROJECT, {})) == []


def test_the_sdk_works_with_subtasks_tags_followers_and_attachments(client: Any) -> None:
    tasks = asana.TasksApi(client)
    task = create(client, name="Draft", resource_subtype="milestone")["gid"]
    for name in ("Outline", "Numbers"):
        tasks.create_subtask_for_task({"data": {"name": name}}, task, {})
    tag = asana.TagsApi(client).create_tag({"data": {"name": "draft", "workspace": WORKSPACE}}, {})["gid"]
    tasks.add_tag_for_task({"data": {"tag": tag}}, task)
    tasks.add_followers_for_task({"data": {"followers": ["amara.osei@larkspur.example"]}}, task, {})
    attachment = {"resource_subtype": "external", "parent": task, "url": "https://example.org/brief", "name": "Brief"}
    asana.AttachmentsApi(client).create_attachment_for_object(attachment)
    shown = tasks.get_task(task, {"opt_fields": "tags.name,followers.name,num_subtasks,resource_subtype"})
    assert names(shown["tags"]) == ["draft"]
    assert names(shown["followers"]) == ["Sandbox Coordinator", "Amara Osei"]
    assert (shown["num_subtasks"], shown["resource_subtype"]) == (2, "milestone")
    assert names(tasks.get_subtasks_for_task(task, {})) == ["Outline", "Numbers"]
    assert names(asana.AttachmentsApi(client).get_attachments_for_object(task, {})) == ["Brief"]
    tasks.remove_tag_for_task({"data": {"tag": tag}}, task)
    assert names(asana.TagsApi(client).get_tags_for_task(task, {})) == []


def test_the_sdk_makes_projects_sections_and_custom_fields(client: Any) -> None:
    project = asana.ProjectsApi(client).create_project({"data": {"name": "Second", "workspace": WORKSPACE}}, {})["gid"]
    sections = asana.SectionsApi(client)
    (first,) = sections.get_sections_for_project(project, {})
    made = sections.create_section_for_project(project, {"body": {"data": {"name": "Backlog"}}})["gid"]
    sections.insert_section_for_project(project, {"body": {"data": {"section": made, "before_section": first["gid"]}}})
    sections.update_section(made, {"body": {"data": {"name": "Later"}}})
    assert names(sections.get_sections_for_project(project, {})) == ["Later", "Untitled section"]
    sections.delete_section(made)
    data = {"name": "Stage", "workspace": WORKSPACE, "resource_subtype": "enum", "enum_options": [{"name": "Early"}]}
    field = asana.CustomFieldsApi(client).create_custom_field({"data": data}, {})
    setting = {"data": {"custom_field": field["gid"]}}
    asana.ProjectsApi(client).add_custom_field_setting_for_project(setting, project, {})
    early = field["enum_options"][0]["gid"]
    task = create(client, name="x", projects=[project], custom_fields={field["gid"]: early})
    assert [each["display_value"] for each in task["custom_fields"]] == ["Early"]


def test_the_sdk_pages_through_1500_tasks(client: Any) -> None:
    batches = asana.BatchAPIApi(client)
    for at in range(0, 1500, 10):
        made = [{"name": f"{at + n}", "projects": [PROJECT]} for n in range(10)]
        actions = [{"relative_path": "/tasks", "method": "post", "data": data} for data in made]
        answers = list(batches.create_batch_request({"data": {"actions": actions}}, {}))  # a listing, and a lazy one
        assert [each["status_code"] for each in answers] == [201] * 10
    listed = list(asana.TasksApi(client).get_tasks_for_project(PROJECT, {"opt_fields": "name"}))
    assert len(listed) == len({each["gid"] for each in listed}) == 1500
    assert {each["name"] for each in listed} == {str(number) for number in range(1500)}


def test_the_sdk_understands_refusals(client: Any, base: str, faults: Faults) -> None:
    tasks = asana.TasksApi(client)
    with pytest.raises(ApiException) as missing:
        tasks.get_task("1", {})
    assert (missing.value.status, json.loads(missing.value.body)["errors"][0]["message"]) == (
        404,
        "task: Unknown object: 1",
    )
    create(client, name="x", external={"gid": "a"})
    with pytest.raises(ApiException, match="already assigned"):
        create(client, name="x", external={"gid": "a"})
    faults.add(Fault(kind="rate_limit"))
    with pytest.raises(ApiException) as limited:
        create(client, name="x")
    assert (limited.value.status, limited.value.headers["Retry-After"]) == (429, "30")
    stranger = sdk(base, "wrong")
    with pytest.raises(ApiException, match="Not Authorized"):
        asana.UsersApi(stranger).get_user("me", {})
    stranger.pool.terminate()
    stranger.rest_client.pool_manager.clear()


# ------------------------------------------------------------------------------------------ sockets


def header() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}


def test_a_quoted_slash_in_an_external_name_survives_a_socket(base: str, client: Any) -> None:
    made = create(client, name="x", external={"gid": "a/b?c"})["gid"]
    reply = requests.get(f"{base}/tasks/external:a%2Fb%3Fc", headers=header(), timeout=5)
    assert reply.json()["data"]["gid"] == made


def test_parallel_writes_of_one_external_name_make_one_task(base: str) -> None:
    statuses: list[int] = []
    body = {"data": {"name": "x", "projects": [PROJECT], "external": {"gid": "a"}}}

    def write() -> None:
        statuses.append(requests.post(f"{base}/tasks", json=body, headers=header(), timeout=20).status_code)

    threads = [threading.Thread(target=write) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201] + [400] * 11


def test_too_many_at_once_are_told_to_wait(tmp_path: Path) -> None:
    held, release = threading.Semaphore(0), threading.Event()

    def hold(_: float) -> None:
        held.release()
        release.wait(timeout=30)

    options = SandboxOptions(tmp_path, "http://127.0.0.1", lambda: datetime.now(UTC), 10**6)
    faults = Faults(Fault(kind="slow", method="POST", times=15))
    body = {"data": {"name": "x", "projects": [PROJECT]}}
    statuses: list[int] = []
    with serving(create_app(options, faults=faults, sleep=hold)) as url:

        def write() -> None:
            sent = requests.post(f"{url}/api/1.0/tasks", json=body, headers=header(), timeout=40)
            statuses.append(sent.status_code)

        threads = [threading.Thread(target=write) for _ in range(15)]
        for thread in threads:
            thread.start()
        assert all(held.acquire(timeout=30) for _ in threads)
        write()
        reading = requests.get(f"{url}/api/1.0/users/me", headers=header(), timeout=40)
        release.set()
        for thread in threads:
            thread.join()
    assert statuses == [429] + [201] * 15
    assert reading.status_code == 200, "reading is counted by itself"
