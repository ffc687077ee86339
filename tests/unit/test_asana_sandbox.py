from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asana_rig import AsanaRig, path_of
from mi_sync_asana.sandbox import gate, seed
from mi_sync_asana.sandbox.seed import PROJECT, WORKSPACE

KIM, AMARA = "1100000000000012", "1100000000000013"
PLACES = "memberships.section.name"
HALF_WRONG = {"name": "c", "projects": [PROJECT], "assignee": "nobody@example.org"}
"""A task that could be made but for its assignee."""


@pytest.fixture
def rig(tmp_path: Path) -> AsanaRig:
    return AsanaRig(tmp_path)


# ------------------------------------------------------------------------------------- envelope and fields


def test_an_answer_lies_in_data_and_a_new_thing_says_where_it_is(rig: AsanaRig) -> None:
    reply = rig.send("POST", "/tasks", json={"data": {"name": "x", "projects": [PROJECT]}})
    assert reply.status_code == 201
    assert reply.headers["Location"].endswith(f"/tasks/{reply.json()['data']['gid']}")


def test_only_the_fields_that_were_asked_for_come_and_always_the_gid(rig: AsanaRig) -> None:
    made = rig.task("Kickoff", rig.sections()["Doing"], assignee="kim.duarte@example.org")
    shown = rig.ask("GET", f"/tasks/{made['gid']}", fields=f"name,assignee.email,{PLACES}")
    assert shown == {
        "gid": made["gid"],
        "name": "Kickoff",
        "assignee": {"gid": KIM, "email": "kim.duarte@example.org"},
        "memberships": [{"section": {"gid": rig.sections()["Doing"], "name": "Doing"}}],
    }


def test_a_full_task_leaves_out_what_has_to_be_asked_for(rig: AsanaRig) -> None:
    shown = rig.task()
    assert {"name", "notes", "memberships", "followers", "due_at"} <= set(shown)
    assert not {"external", "html_notes", "num_subtasks", "dependencies"} & set(shown)


def test_a_listed_task_is_compact(rig: AsanaRig) -> None:
    rig.task()
    assert set(rig.ask("GET", f"/projects/{PROJECT}/tasks")[0]) == {"gid", "name", "resource_type", "resource_subtype"}


def test_a_field_that_there_is_not_is_refused(rig: AsanaRig) -> None:
    made = rig.task()["gid"]
    assert rig.refused("GET", f"/tasks/{made}?opt_fields=nmae")[0] == 400
    rig.ask("PUT", f"/tasks/{made}", assignee="me")
    assert rig.refused("GET", f"/tasks/{made}?opt_fields=assignee.nmae")[0] == 400


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"data": b"{"}, "Could not parse request data, invalid JSON"),
        ({"json": {"name": "x"}}, "Unrecognized request field name"),
        ({"json": {"data": []}}, "data: Value is not a JSON object: []"),
        ({"json": []}, "Value is not a JSON object: []"),
        ({"json": {"data": {"name": "x"}}}, "You should specify one of workspace, parent, projects"),
        ({"json": {"data": {"name": "x", "nmae": "y"}}}, "nmae: Cannot write this property"),
    ],
)
def test_a_body_that_is_wrong_is_refused(rig: AsanaRig, sent: dict[str, Any], message: str) -> None:
    reply = rig.send("POST", "/tasks", **sent)
    assert reply.status_code == 400
    assert reply.json()["errors"][0]["message"].startswith(message)


def test_a_task_that_is_refused_leaves_nothing_behind(rig: AsanaRig) -> None:
    assert rig.refused("POST", "/tasks", **HALF_WRONG)[0] == 400
    assert rig.names() == []


def test_memberships_alone_do_not_say_in_which_workspace(rig: AsanaRig) -> None:
    home = [{"project": PROJECT, "section": rig.sections()["Doing"]}]
    assert rig.refused("POST", "/tasks", name="x", memberships=home)[1].startswith("You should specify")


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/tasks/123", 404, "task: Unknown object: 123"),
        ("GET", "/tasks/abc", 400, "task: Not a recognized ID: abc"),
        ("GET", "/tasks/external:abc", 404, "task: Unknown object: external:abc"),
        ("GET", f"/tasks/{PROJECT}", 404, f"task: Unknown object: {PROJECT}"),
        ("GET", "/nowhere", 404, "No matching route for request"),
        ("GET", "/tasks", 400, "Must specify exactly one of project, tag, section, user task list"),
        ("GET", f"/projects/{PROJECT}/tasks?limit=0", 400, "limit: Must be between 1 and 100: 0"),
        ("GET", f"/projects/{PROJECT}/tasks?limit=101", 400, "limit: Must be between 1 and 100: 101"),
    ],
)
def test_what_is_not_there_is_named(rig: AsanaRig, method: str, path: str, status: int, message: str) -> None:
    found = rig.refused(method, path)
    assert found[0] == status
    assert found[1].startswith(message)


def test_what_a_body_names_and_is_not_there_is_a_400(rig: AsanaRig) -> None:
    assert rig.refused("POST", "/tasks", name="x", projects=["9"]) == (400, "projects: [0]: Unknown object: 9")
    assert rig.refused("POST", "/tasks", name="x", projects=[9])[1] == "projects: [0]: Unknown object: 9"
    task = rig.task()["gid"]
    assert rig.refused("POST", f"/tasks/{task}/setParent", parent="9") == (400, "parent: Unknown object: 9")
    assert rig.refused("POST", f"/tasks/{task}/setParent", parent=9)[1] == "parent: Not a valid GID type: int"


# -------------------------------------------------------------------------------------- tokens and limits


@pytest.mark.parametrize("header", ["", "Bearer wrong", f"Basic {gate.TOKEN}"])
def test_who_has_no_token_is_not_let_in(rig: AsanaRig, header: str) -> None:
    reply = rig.send("GET", "/users/me", headers={"Authorization": header})
    assert (reply.status_code, reply.json()["errors"][0]["message"]) == (401, "Not Authorized")


def test_a_token_without_the_scope_reads_and_does_not_write(rig: AsanaRig) -> None:
    rig.token = gate.READ_ONLY_TOKEN
    assert rig.names() == []
    assert rig.refused("POST", "/tasks", name="x", projects=[PROJECT])[0] == 403


def test_who_is_not_in_the_project_sees_nothing_of_it(rig: AsanaRig) -> None:
    task = rig.task()["gid"]
    section = rig.sections()["Doing"]
    story = rig.ask("POST", f"/tasks/{task}/stories", text="Hello")["gid"]
    rig.token = gate.GUEST_TOKEN
    assert rig.refused("GET", f"/stories/{story}")[0] == 403
    assert rig.refused("GET", f"/projects/{PROJECT}") == (403, "You do not have access to this project.")
    assert rig.refused("GET", f"/sections/{section}/tasks")[0] == 403
    assert rig.refused("GET", f"/tasks/{task}")[0] == 403
    assert rig.ask("GET", f"/workspaces/{WORKSPACE}/projects") == []


@pytest.mark.parametrize("token", [gate.OAUTH_TOKEN, gate.OTHER_APP_TOKEN])
def test_external_is_seen_by_the_app_that_set_it_alone(rig: AsanaRig, token: str) -> None:
    made = rig.task(fields="external", external={"gid": "a", "data": "b"})
    assert made["external"] == {"gid": "a", "data": "b"}
    rig.token = token
    assert rig.ask("GET", f"/tasks/{made['gid']}", fields="external") == {"gid": made["gid"]}
    assert rig.refused("GET", "/tasks/external:a")[0] == 404


def test_a_token_without_external_is_not_told_that_it_was_dropped(rig: AsanaRig) -> None:
    rig.token = gate.OAUTH_TOKEN
    assert "external" not in rig.task(fields="external", external={"gid": "a"})
    rig.task(external={"gid": "a"})


def test_each_app_has_names_of_its_own(rig: AsanaRig) -> None:
    made = rig.task(external={"gid": "a"})["gid"]
    rig.token = gate.OTHER_APP_TOKEN
    rig.ask("PUT", f"/tasks/{made}", external={"gid": "b"})
    rig.task(external={"gid": "a"})
    rig.token = gate.TOKEN
    assert rig.ask("GET", "/tasks/external:a", fields="external.gid")["external"] == {"gid": "a"}


def test_a_minute_holds_so_many_requests_and_refused_ones_count(tmp_path: Path) -> None:
    rig = AsanaRig(tmp_path, rate_limit=3)
    statuses = [rig.send("GET", "/users/me").status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    rig.clock.now += timedelta(seconds=59)
    late = rig.send("GET", "/users/me")
    assert (late.status_code, late.headers["Retry-After"]) == (429, "1")
    rig.clock.now += timedelta(seconds=1)
    assert rig.send("GET", "/users/me").status_code == 200, "those of the first second are over, not the late one"
    for _ in range(2):
        rig.send("GET", "/users/me")
    assert rig.send("GET", "/users/me").status_code == 429


def test_the_wait_that_is_asked_for_is_long_enough(tmp_path: Path) -> None:
    rig = AsanaRig(tmp_path, rate_limit=2)
    for _ in range(5):
        rig.send("GET", "/users/me")
    reply = rig.send("GET", "/users/me")
    rig.clock.now += timedelta(seconds=int(reply.headers["Retry-After"]))
    assert rig.send("GET", "/users/me").status_code == 200


def test_a_batch_counts_as_many_requests_as_it_has_actions(tmp_path: Path) -> None:
    rig = AsanaRig(tmp_path, rate_limit=5)
    actions = [{"relative_path": "/users/me", "method": "get"}] * 5
    assert rig.send("POST", "/batch", json={"data": {"actions": actions}}).status_code == 200
    assert rig.send("GET", "/users/me").status_code == 429


@pytest.mark.parametrize(("method", "most"), [("GET", 50), ("POST", 15), ("PUT", 15)])
def test_only_so_many_requests_may_be_under_way(rig: AsanaRig, method: str, most: int) -> None:
    limits = gate.RateLimits(rig.clock)
    entered = [limits.entering("t", method) for _ in range(most)]
    for each in entered:
        each.__enter__()
    with pytest.raises(gate.Throttled), limits.entering("t", method):
        pass
    with limits.entering("another", method):
        pass
    entered[0].__exit__(None, None, None)
    with limits.entering("t", method):
        pass


# ------------------------------------------------------------------------------------------------- pages


def walk(rig: AsanaRig, path: str) -> list[list[str]]:
    pages = []
    while path:
        reply = rig.send("GET", path).json()
        pages.append([each["name"] for each in reply["data"]])
        path = path_of(reply["next_page"]["uri"]) if reply["next_page"] else ""
    return pages


def test_a_listing_comes_in_pages(rig: AsanaRig) -> None:
    for number in range(5):
        rig.task(str(number))
    assert walk(rig, f"/projects/{PROJECT}/tasks?limit=2") == [["0", "1"], ["2", "3"], ["4"]]
    assert walk(rig, f"/tasks?project={PROJECT}&limit=5") == [["0", "1", "2", "3", "4"]]


def test_an_offset_is_good_for_its_own_listing_and_for_a_while(rig: AsanaRig) -> None:
    for name in ("a", "b", "c"):
        rig.task(name)
    listing = f"/projects/{PROJECT}/tasks?limit=1"
    offset = rig.offset_of(listing)
    invalid = (400, "offset: Your pagination token is invalid.")
    assert rig.refused("GET", f"/tasks?project={PROJECT}&limit=1&offset={offset}") == invalid
    assert rig.refused("GET", f"{listing}&completed_since=now&offset={offset}") == invalid
    assert rig.refused("GET", f"{listing}&offset={offset[:-1]}0x") == invalid
    assert rig.refused("GET", f"{listing}&offset=") == invalid
    assert rig.send("GET", f"{listing}&opt_fields=name&offset={offset}").json()["data"][0]["name"] == "b"
    rig.clock.now += timedelta(minutes=11)
    assert rig.refused("GET", f"{listing}&offset={offset}") == (400, "offset: Your pagination token has expired.")


def test_tasks_that_come_and_go_between_pages_shift_nothing(rig: AsanaRig) -> None:
    tasks = [rig.task(str(number))["gid"] for number in range(4)]
    listing = f"/projects/{PROJECT}/tasks?limit=2"
    offset = rig.offset_of(listing)
    rig.ask("DELETE", f"/tasks/{tasks[0]}")
    rig.task("new")
    rest = rig.send("GET", f"{listing}&offset={offset}").json()["data"]
    assert [each["name"] for each in rest] == ["2", "3"]


def test_a_long_listing_wants_a_limit(rig: AsanaRig) -> None:
    for at in range(0, 1010, 10):
        actions = [
            {"relative_path": "/tasks", "method": "post", "data": {"name": f"{at + n}", "projects": [PROJECT]}}
            for n in range(10)
        ]
        rig.ask("POST", "/batch", actions=actions)
    assert rig.refused("GET", f"/projects/{PROJECT}/tasks")[1].startswith("The result is too large")
    pages = walk(rig, f"/projects/{PROJECT}/tasks?limit=100")
    assert sum(len(page) for page in pages) == len({name for page in pages for name in page}) == 1010


def test_a_listing_tells_what_is_open_and_what_has_changed(rig: AsanaRig) -> None:
    done = rig.task("done")["gid"]
    rig.task("open")
    rig.ask("PUT", f"/tasks/{done}", completed=True)
    rig.clock.now += timedelta(hours=1)
    assert [e["name"] for e in rig.ask("GET", "/tasks", query={"project": PROJECT, "completed_since": "now"})] == [
        "open"
    ]
    changed = {"project": PROJECT, "modified_since": "2026-03-02T09:30:00.000Z"}
    assert rig.ask("GET", "/tasks", query=changed) == []
    rig.ask("PUT", f"/tasks/{done}", name="renamed")
    assert [e["name"] for e in rig.ask("GET", "/tasks", query=changed)] == ["renamed"]


# -------------------------------------------------------------------------------------------- task fields


def test_a_task_keeps_what_it_was_made_with(rig: AsanaRig) -> None:
    tag = rig.ask("POST", "/tags", name="urgent", workspace=WORKSPACE)["gid"]
    made = rig.task(
        "Größe 🎉",
        rig.sections()["Doing"],
        fields="name,notes,due_on,start_on,completed,completed_by,tags.name,followers.email,projects,resource_subtype",
        notes="a\nb",
        start_on="2026-03-03",
        due_on="2026-03-04",
        completed=True,
        tags=[tag],
        followers=["amara.osei@larkspur.example"],
    )
    assert (made["name"], made["notes"], made["completed"]) == ("Größe 🎉", "a\nb", True)
    assert (made["start_on"], made["due_on"]) == ("2026-03-03", "2026-03-04")
    assert [each["name"] for each in made["tags"]] == ["urgent"]
    assert [each["gid"] for each in made["followers"]] == [seed.OWNER, AMARA]
    assert made["completed_by"]["gid"] == seed.OWNER


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"due_on": "2026-03-04", "due_at": "2026-03-04T10:00:00Z"}, "You may only provide one of due_on or due_at!"),
        ({"due_on": "4 March"}, "due_on: Date must be in ISO-8601 (yyyy-mm-dd) format, not: 4 March"),
        ({"due_at": "2026-03-04"}, "due_at: Datetime must be in ISO-8601 format"),
        ({"start_on": "2026-03-04"}, "You must provide due_on or due_at"),
        ({"start_on": "2026-03-05", "due_on": "2026-03-04"}, "start_on: The start date must not be after"),
        ({"start_on": "2026-03-05", "due_on": None}, "A start date requires a due date"),
        ({"start_on": "2026-03-03", "due_on": "2026-03-04", "resource_subtype": "milestone"}, "start_on: Milestones"),
        ({"resource_subtype": "epic"}, "resource_subtype: Not a valid option: epic"),
        ({"completed": "yes"}, "completed: Not a boolean: yes"),
        ({"name": 7}, "name: Not a string: 7"),
        ({"notes": "a", "html_notes": "<body>a</body>"}, "You may only provide one of notes or html_notes!"),
        ({"external": "a"}, "external: Value is not a JSON object: a"),
        ({"external": {"gid": "x" * 1025}}, "gid: Too long"),
        ({"assignee": "somebody"}, 'assignee: Not an email, GID, or "me": somebody'),
        ({"assignee": "x@example.org"}, f"assignee: Not a user in Workspace: {WORKSPACE}"),
        ({"custom_fields": {"1": "x"}}, "Custom field with ID 1 is not on given object"),
        ({"memberships": []}, "memberships: Cannot write this property"),
        ({"tags": []}, "tags: Cannot write this property"),
        ({"followers": []}, "followers: Cannot write this property"),
        ({"parent": None}, "parent: Cannot write this property"),
    ],
)
def test_a_value_that_is_wrong_is_refused_and_changes_nothing(
    rig: AsanaRig, sent: dict[str, Any], message: str
) -> None:
    made = rig.task("before")["gid"]
    status, said = rig.refused("PUT", f"/tasks/{made}", **{"name": "after", **sent})
    assert status == 400
    assert said.startswith(message)
    assert rig.names() == ["before"]


def test_a_guest_cannot_be_assigned(rig: AsanaRig) -> None:
    assert rig.refused("PUT", f"/tasks/{rig.task()['gid']}", assignee="guest@elsewhere.example")[0] == 403


@pytest.mark.parametrize("who", ["kim.duarte@example.org", "KIM.DUARTE@example.org", KIM])
def test_somebody_is_assigned_by_address_or_gid_and_follows(rig: AsanaRig, who: str) -> None:
    made = rig.task(assignee=who, fields="assignee,followers")
    assert made["assignee"]["gid"] == KIM
    assert KIM in [each["gid"] for each in made["followers"]]
    assert rig.ask("PUT", f"/tasks/{made['gid']}", fields="assignee", assignee=None)["assignee"] is None


def test_a_time_and_a_day_replace_each_other(rig: AsanaRig) -> None:
    made = rig.task(due_at="2026-03-05T03:00:00.000Z", fields="due_on,due_at")
    assert (made["due_at"], made["due_on"]) == ("2026-03-05T03:00:00.000Z", "2026-03-04"), "the day in New York"
    day = rig.ask("PUT", f"/tasks/{made['gid']}", fields="due_on,due_at", due_on="2026-03-06")
    assert (day["due_at"], day["due_on"]) == (None, "2026-03-06")
    none = rig.ask("PUT", f"/tasks/{made['gid']}", fields="due_on,due_at", due_on=None)
    assert (none["due_at"], none["due_on"]) == (None, None)


def test_completing_says_when_and_by_whom_and_moves_nothing(rig: AsanaRig) -> None:
    made = rig.task(section=rig.sections()["Doing"])["gid"]
    fields = f"completed,completed_at,completed_by,{PLACES}"
    done = rig.ask("PUT", f"/tasks/{made}", fields=fields, completed=True)
    assert (done["completed_at"], done["completed_by"]["gid"]) == ("2026-03-02T09:00:00.000Z", seed.OWNER)
    assert done["memberships"][0]["section"]["name"] == "Doing"
    assert rig.ask("PUT", f"/tasks/{made}", fields=fields, completed=False)["completed_at"] is None


# -------------------------------------------------------------------------------------------- external


def test_external_names_a_task_anywhere_and_is_unique(rig: AsanaRig) -> None:
    name = "1.prog/key?x#ü"
    made = rig.task(external={"gid": name, "data": "d"})["gid"]
    there = f"/tasks/external:{quote(name, safe='')}"
    assert rig.ask("GET", there)["gid"] == made
    assert rig.ask("PUT", there, name="renamed")["name"] == "renamed"
    rig.ask("POST", f"/sections/{rig.sections()['Done']}/addTask", task=f"external:{name}")
    status, message = rig.refused("POST", "/tasks", name="x", projects=[PROJECT], external={"gid": name})
    assert status == 400
    assert "already assigned" in message
    assert rig.names() == ["renamed"]


def test_external_can_be_changed_and_its_old_name_is_free_again(rig: AsanaRig) -> None:
    made = rig.task(external={"gid": "a", "data": "1"})["gid"]
    changed = rig.ask("PUT", f"/tasks/{made}", fields="external", external={"data": "2"})
    assert changed["external"] == {"gid": "a", "data": "2"}
    rig.ask("PUT", f"/tasks/{made}", external={"gid": "b"})
    rig.task(external={"gid": "a"})
    assert rig.ask("GET", "/tasks/external:b", fields="external")["external"] == {"gid": "b", "data": "2"}


def test_a_task_in_the_trash_is_gone_and_keeps_its_name(rig: AsanaRig) -> None:
    made = rig.task(external={"gid": "a"})["gid"]
    rig.ask("POST", f"/tasks/{made}/subtasks", name="child")
    rig.ask("DELETE", f"/tasks/{made}")
    assert rig.refused("GET", f"/tasks/{made}")[0] == rig.refused("GET", "/tasks/external:a")[0] == 404
    assert rig.names() == []
    assert "already assigned" in rig.refused("POST", "/tasks", projects=[PROJECT], external={"gid": "a"})[1]


# ------------------------------------------------------------------------------------------- rich text


@pytest.mark.parametrize(
    "html",
    [
        "plain",
        "<body>a",
        "<body>a</body><body>b</body>",
        "<div>a</div>",
        "<body><p>a</p></body>",
        "<body>a<br/></body>",
        "<body>a & b</body>",
        "<body>a &nbsp; b</body>",
        '<body onclick="x">a</body>',
        '<body><strong class="x">a</strong></body>',
        "<body><body>a</body></body>",
        '<!DOCTYPE b [<!ENTITY x "y">]><body>&x;</body>',
        "",
    ],
)
def test_rich_text_is_strict_xml(rig: AsanaRig, html: str) -> None:
    assert rig.refused("POST", "/tasks", projects=[PROJECT], html_notes=html) == (400, "XML is invalid")


def test_rich_text_comes_back_with_more_than_was_sent(rig: AsanaRig) -> None:
    html = '<body><h1>A</h1>b <strong>c</strong> &lt;<ul><li>d</li><li>e</li></ul><a href="https://x.org/?a=1&amp;b=2">f</a></body>'
    made = rig.task(html_notes=html, fields="html_notes,notes")
    assert made["html_notes"] != html
    assert 'href="https://x.org/?a=1&amp;b=2"' in made["html_notes"]
    assert made["notes"].replace("\n", " ").split() == ["A", "b", "c", "<", "d", "e", "f"]
    again = rig.ask("PUT", f"/tasks/{made['gid']}", fields="html_notes,notes", html_notes=made["html_notes"])
    assert again == made, "what was read can be written"


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co")), max_size=60))
def test_plain_text_comes_back_as_it_was_and_is_sound_as_rich_text(text: str) -> None:
    from mi_sync_asana.sandbox import richtext

    html = richtext.rich(text)
    assert richtext.checked(html) == html
    assert richtext.plain(html).strip("\n") == text.strip("\n")


# --------------------------------------------------------------------------------------- sections, places


def test_a_new_project_has_one_section(rig: AsanaRig) -> None:
    made = rig.ask("POST", "/projects", name="Second", workspace=WORKSPACE)["gid"]
    assert rig.names(f"/projects/{made}/sections") == ["Untitled section"]
    (only,) = rig.ask("GET", f"/projects/{made}/sections")
    assert rig.refused("DELETE", f"/sections/{only['gid']}")[0] == 400


def test_sections_are_made_moved_renamed_and_deleted_when_empty(rig: AsanaRig) -> None:
    sections = rig.sections()
    new = rig.ask("POST", f"/projects/{PROJECT}/sections", name="Archived")["gid"]
    rig.ask("POST", f"/projects/{PROJECT}/sections", name="First", insert_before=sections["To Do"])
    rig.ask("POST", f"/projects/{PROJECT}/sections/insert", section=new, after_section=sections["To Do"])
    rig.ask("PUT", f"/sections/{sections['Done']}", name="Finished")
    assert rig.names(f"/projects/{PROJECT}/sections") == ["First", "To Do", "Archived", "Doing", "Finished"]
    rig.task(section=new)
    assert "has tasks" in rig.refused("DELETE", f"/sections/{new}")[1]
    rig.ask("DELETE", f"/sections/{sections['Doing']}")
    assert rig.refused("GET", f"/sections/{sections['Doing']}")[0] == 404


def test_a_task_that_is_added_to_a_section_is_its_first_unless_told_otherwise(rig: AsanaRig) -> None:
    done = rig.sections()["Done"]
    a, b, c, d = (rig.task(name)["gid"] for name in "abcd")
    for task, more in ((a, {}), (b, {}), (c, {"insert_after": b}), (d, {"insert_before": a})):
        rig.ask("POST", f"/sections/{done}/addTask", task=task, **more)
    assert rig.names(f"/sections/{done}/tasks") == ["b", "c", "d", "a"]
    assert rig.refused("POST", f"/sections/{done}/addTask", task=a, insert_before=b, insert_after=c)[0] == 400
    rig.ask("POST", f"/sections/{rig.sections()['Doing']}/addTask", task=b)
    assert rig.refused("POST", f"/sections/{done}/addTask", task=a, insert_before=b)[0] == 400


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.sampled_from(["before", "after"])), max_size=12))
def test_tasks_keep_the_order_that_they_were_put_into(moves: list[tuple[int, int, str]]) -> None:
    with TemporaryDirectory() as folder:
        rig = AsanaRig(Path(folder))
        tasks = [rig.task(str(number))["gid"] for number in range(6)]
        there, wanted = f"/sections/{rig.sections()['To Do']}", [str(number) for number in range(6)]
        for moved, anchor, side in moves:
            if moved != anchor:
                rig.ask("POST", f"{there}/addTask", **{"task": tasks[moved], f"insert_{side}": tasks[anchor]})
                wanted.remove(str(moved))
                wanted.insert(wanted.index(str(anchor)) + (side == "after"), str(moved))
        assert rig.names(f"{there}/tasks") == wanted


def test_there_is_always_room_before_a_task(rig: AsanaRig) -> None:
    last = rig.task("last")["gid"]
    there = f"/sections/{rig.sections()['To Do']}"
    for number in range(80):
        rig.ask("POST", f"{there}/addTask", task=rig.task(str(number))["gid"], insert_before=last)
    assert rig.names(f"{there}/tasks") == [*map(str, range(80)), "last"]


def test_a_task_is_put_into_a_project_where_it_is_wanted(rig: AsanaRig) -> None:
    doing = rig.sections()["Doing"]
    a, b, c = (rig.task(name)["gid"] for name in "abc")
    rig.ask("POST", f"/tasks/{a}/addProject", project=PROJECT, section=doing)
    rig.ask("POST", f"/tasks/{b}/addProject", project=PROJECT, section=doing)
    rig.ask("POST", f"/tasks/{c}/addProject", project=PROJECT, section=doing, insert_after=None)
    assert rig.names(f"/sections/{doing}/tasks") == ["c", "a", "b"]
    rig.ask("POST", f"/tasks/{a}/addProject", project=PROJECT, insert_before=c)
    assert rig.names(f"/sections/{doing}/tasks") == ["a", "c", "b"]
    rig.ask("POST", f"/tasks/{b}/removeProject", project=PROJECT)
    assert rig.names() == ["a", "c"]
    assert rig.ask("GET", f"/tasks/{b}", fields="projects")["projects"] == []


def test_a_task_lies_in_one_section_of_each_of_its_projects(rig: AsanaRig) -> None:
    second = rig.ask("POST", "/projects", name="Second", workspace=WORKSPACE)["gid"]
    task = rig.task(section=rig.sections()["Doing"])["gid"]
    rig.ask("POST", f"/tasks/{task}/addProject", project=second)
    rig.ask("POST", f"/sections/{rig.sections()['Done']}/addTask", task=task)
    found = rig.ask("GET", f"/tasks/{task}", fields="memberships.project.name,memberships.section.name")["memberships"]
    assert [(each["project"]["name"], each["section"]["name"]) for each in found] == [
        ("Spring 2026 micro-internships", "Done"),
        ("Second", "Untitled section"),
    ]
    rig.ask("POST", f"/tasks/{task}/removeProject", project=PROJECT)
    assert rig.names() == []


def test_a_section_has_to_be_of_the_project(rig: AsanaRig) -> None:
    second = rig.ask("POST", "/projects", name="Second", workspace=WORKSPACE)["gid"]
    home = [{"project": second, "section": rig.sections()["Doing"]}]
    assert "Not in the given project" in rig.refused("POST", "/tasks", workspace=WORKSPACE, memberships=home)[1]
    home = [{"section": rig.sections()["Doing"]}]
    said = rig.refused("POST", "/tasks", workspace=WORKSPACE, memberships=home)[1]
    assert said == "memberships: [0]: project: Missing required field"


def test_counts_have_to_be_asked_for(rig: AsanaRig) -> None:
    rig.task(resource_subtype="milestone")
    rig.task(completed=True)
    there = f"/projects/{PROJECT}/task_counts"
    assert rig.ask("GET", there) == {}
    fields = "num_tasks,num_completed_tasks,num_incomplete_milestones"
    assert list(rig.ask("GET", there, fields=fields).values()) == [2, 1, 1]


# ---------------------------------------------------------------------------------- what hangs on a task


def test_subtasks_are_in_no_project_and_in_their_order(rig: AsanaRig) -> None:
    task = rig.task("parent")["gid"]
    a, b = (rig.ask("POST", f"/tasks/{task}/subtasks", name=name)["gid"] for name in "ab")
    c = rig.ask("POST", "/tasks", name="c", parent=task)["gid"]
    rig.ask("POST", f"/tasks/{c}/setParent", parent=task, insert_before=b)
    assert rig.names(f"/tasks/{task}/subtasks") == ["a", "c", "b"]
    assert rig.names() == ["parent"]
    assert rig.ask("GET", f"/tasks/{task}", fields="num_subtasks")["num_subtasks"] == 3
    assert rig.ask("GET", f"/tasks/{a}", fields="parent.name")["parent"]["name"] == "parent"
    assert rig.refused("POST", f"/tasks/{task}/setParent", parent=a)[0] == 400
    rig.ask("DELETE", f"/tasks/{a}")
    assert rig.names(f"/tasks/{task}/subtasks") == ["c", "b"]
    assert rig.send("POST", f"/tasks/{b}/setParent", json={"data": {"parent": None}}).ok
    assert rig.names(f"/tasks/{task}/subtasks") == ["c"]


def test_tags_come_and_go_one_by_one(rig: AsanaRig) -> None:
    first = rig.ask("POST", "/tags", name="a", workspace=WORKSPACE, color="light-pink")["gid"]
    second = rig.ask("POST", f"/workspaces/{WORKSPACE}/tags", name="b")["gid"]
    task = rig.task()["gid"]
    for tag in (first, second, first):
        rig.ask("POST", f"/tasks/{task}/addTag", tag=tag)
    assert rig.names(f"/tasks/{task}/tags") == ["a", "b"]
    rig.ask("POST", f"/tasks/{task}/removeTag", tag=first)
    assert rig.names(f"/tasks/{task}/tags") == ["b"]
    assert [each["gid"] for each in rig.ask("GET", f"/tags/{second}/tasks")] == [task]
    assert rig.ask("PUT", f"/tags/{second}", name="c")["name"] == "c"
    rig.ask("DELETE", f"/tags/{second}")
    assert rig.names(f"/tasks/{task}/tags") == []
    assert rig.names(f"/workspaces/{WORKSPACE}/tags") == ["a"]
    assert rig.refused("POST", "/tags", name="a", workspace=WORKSPACE, color="gold")[0] == 400


def test_comments_lie_among_the_stories_of_what_happened(rig: AsanaRig) -> None:
    task = rig.task()["gid"]
    said = rig.ask("POST", f"/tasks/{task}/stories", text="See you")["gid"]
    rig.ask("PUT", f"/tasks/{task}", completed=True)
    told = rig.ask("GET", f"/tasks/{task}/stories", fields="text,type,resource_subtype,created_by.name")
    assert [each["resource_subtype"] for each in told] == ["added_to_project", "comment_added", "marked_complete"]
    assert [each["type"] for each in told] == ["system", "comment", "system"]
    rich = rig.ask("POST", f"/tasks/{task}/stories", html_text="<body><em>a</em></body>")
    assert rich["text"] == "a"
    assert rig.refused("POST", f"/tasks/{task}/stories", text=" ") == (400, "text: Missing input")
    assert rig.ask("PUT", f"/stories/{said}", text="Later", fields="text,is_edited") == {
        "gid": said,
        "text": "Later",
        "is_edited": True,
    }
    assert rig.refused("DELETE", f"/stories/{told[0]['gid']}")[0] == 403
    rig.ask("DELETE", f"/stories/{said}")
    assert said not in [each["gid"] for each in rig.ask("GET", f"/tasks/{task}/stories")]


def test_an_address_is_attached_as_a_form(rig: AsanaRig) -> None:
    task = rig.task()["gid"]
    form = {"parent": task, "resource_subtype": "external", "url": "https://example.org/brief", "name": "Brief"}
    files = {name: (None, value) for name, value in form.items()}
    made = rig.send("POST", "/attachments", files=files)
    assert made.status_code == 200, made.text
    (listed,) = rig.ask("GET", "/attachments", query={"parent": task}, fields="name,view_url")
    assert (listed["name"], listed["view_url"]) == ("Brief", "https://example.org/brief")
    files["url"] = (None, "javascript:alert(1)")
    assert rig.send("POST", "/attachments", files=files).status_code == 400
    rig.ask("DELETE", f"/attachments/{listed['gid']}")
    assert rig.ask("GET", "/attachments", query={"parent": task}) == []


def test_followers_and_dependencies_come_and_go(rig: AsanaRig) -> None:
    task, other = rig.task("a")["gid"], rig.task("b")["gid"]
    rig.ask("POST", f"/tasks/{task}/addFollowers", followers=[KIM, "amara.osei@larkspur.example"])
    shown = rig.ask("POST", f"/tasks/{task}/removeFollowers", fields="followers", followers=[KIM])
    assert [each["gid"] for each in shown["followers"]] == [seed.OWNER, AMARA]
    rig.ask("POST", f"/tasks/{task}/addDependencies", dependencies=[other])
    assert rig.names(f"/tasks/{task}/dependencies") == ["b"]
    assert rig.names(f"/tasks/{other}/dependents") == ["a"]
    assert rig.refused("POST", f"/tasks/{task}/addDependencies", dependencies=[task])[0] == 400
    rig.ask("POST", f"/tasks/{task}/removeDependencies", dependencies=[other])
    assert rig.names(f"/tasks/{task}/dependencies") == []


# ------------------------------------------------------------------------------------------ custom fields


@pytest.mark.parametrize(
    ("kind", "value", "shown", "display"),
    [
        ("text", "abc", {"text_value": "abc"}, "abc"),
        ("number", 42, {"number_value": 42}, "42"),
        ("enum", "{a}", {"enum_value": "a"}, "a"),
        ("multi_enum", ["{a}", "{b}"], {"multi_enum_values": ["a", "b"]}, "a, b"),
        ("date", {"date": "2026-03-04"}, {"date_value": {"date": "2026-03-04"}}, "2026-03-04"),
        ("people", [KIM], {"people_value": ["Kim Duarte"]}, "Kim Duarte"),
    ],
)
def test_a_custom_field_is_defined_attached_set_and_cleared(
    rig: AsanaRig, kind: str, value: Any, shown: dict[str, Any], display: str
) -> None:
    options: dict[str, Any] = {"enum_options": [{"name": "a"}, {"name": "b"}]} if "enum" in kind else {}
    made = rig.ask("POST", "/custom_fields", name="F", workspace=WORKSPACE, resource_subtype=kind, **options)
    gid, chosen = made["gid"], {f"{{{each['name']}}}": each["gid"] for each in made["enum_options"]}
    value = [chosen.get(each, each) for each in value] if isinstance(value, list) else value
    value = chosen.get(value, value) if isinstance(value, str) else value
    task = rig.task()["gid"]
    assert "is not on given object" in rig.refused("PUT", f"/tasks/{task}", custom_fields={gid: value})[1]
    rig.ask("POST", f"/projects/{PROJECT}/addCustomFieldSetting", custom_field=gid)
    fields = ",".join(f"custom_fields.{name}" for name in [*shown, "display_value"])
    (found,) = rig.ask("PUT", f"/tasks/{task}", fields=fields, custom_fields={gid: value})["custom_fields"]
    (name, wanted), seen = next(iter(shown.items())), found
    got = seen[name]
    got = [each["name"] for each in got] if isinstance(got, list) else got["name"] if name == "enum_value" else got
    assert (got, seen["display_value"]) == (wanted, display)
    (cleared,) = rig.ask("PUT", f"/tasks/{task}", fields=fields, custom_fields={gid: None})["custom_fields"]
    assert cleared["display_value"] is None


def test_custom_fields_are_listed_with_their_project_and_named_once(rig: AsanaRig) -> None:
    gid = rig.ask("POST", "/custom_fields", name="Key", workspace=WORKSPACE, resource_subtype="text")["gid"]
    rig.ask("POST", f"/projects/{PROJECT}/addCustomFieldSetting", custom_field=gid)
    settings = rig.ask("GET", f"/projects/{PROJECT}/custom_field_settings", fields="custom_field.name")
    assert [each["custom_field"]["name"] for each in settings] == ["Key"]
    assert rig.names(f"/workspaces/{WORKSPACE}/custom_fields") == ["Key"]
    assert (
        "already exists"
        in rig.refused("POST", "/custom_fields", name="Key", workspace=WORKSPACE, resource_subtype="text")[1]
    )
    assert rig.refused("POST", f"/projects/{PROJECT}/addCustomFieldSetting", custom_field=gid)[0] == 400
    rig.ask("POST", f"/projects/{PROJECT}/removeCustomFieldSetting", custom_field=gid)
    assert rig.ask("GET", f"/projects/{PROJECT}/custom_field_settings") == []


def test_an_option_can_be_added_to_an_enum(rig: AsanaRig) -> None:
    sent = {"name": "F", "workspace": WORKSPACE, "resource_subtype": "enum", "description": "d"}
    gid = rig.ask("POST", "/custom_fields", **sent)["gid"]
    renamed = rig.ask("PUT", f"/custom_fields/{gid}", fields="name,description", name="G", workspace=WORKSPACE)
    assert (renamed["name"], renamed["description"]) == ("G", "d")
    rig.ask("POST", f"/custom_fields/{gid}/enum_options", name="new")
    assert [each["name"] for each in rig.ask("GET", f"/custom_fields/{gid}")["enum_options"]] == ["new"]


# ------------------------------------------------------------------------------------------------- batch


def test_each_action_of_a_batch_has_its_own_outcome(rig: AsanaRig) -> None:
    actions: list[dict[str, Any]] = [
        {"relative_path": "/tasks", "method": "post", "data": {"name": "a", "projects": [PROJECT]}},
        {"relative_path": "/tasks", "method": "POST", "data": {"name": "b", "nmae": "b"}},
        {"relative_path": "/users/me", "method": "get", "options": {"fields": ["email"]}},
        {"relative_path": "/tasks/9", "method": "get"},
        {"relative_path": "/tasks", "method": "post", "data": HALF_WRONG},
    ]
    reply = rig.send("POST", "/batch", json={"data": {"actions": actions}}).json()["data"]
    assert [each["status_code"] for each in reply] == [201, 400, 200, 404, 400]
    assert reply[2]["body"]["data"] == {"gid": seed.OWNER, "email": "coordinator@sandbox.example"}
    assert rig.names() == ["a"]


def test_nothing_can_rely_on_the_order_in_a_batch(rig: AsanaRig) -> None:
    make = [{"relative_path": "/tasks", "method": "post", "data": {"name": n, "projects": [PROJECT]}} for n in "ab"]
    rig.ask("POST", "/batch", actions=make)
    assert rig.names() == ["b", "a"]


@pytest.mark.parametrize(
    "actions",
    [[], [{"relative_path": "/users/me", "method": "get"}] * 11, "x"],
)
def test_a_batch_holds_one_to_ten_actions(rig: AsanaRig, actions: Any) -> None:
    assert rig.refused("POST", "/batch", actions=actions)[0] == 400


@pytest.mark.parametrize("path", ["users/me", "/users/me?opt_fields=name", "/batch", ""])
def test_an_action_has_a_relative_path_without_a_query(rig: AsanaRig, path: str) -> None:
    reply = rig.send("POST", "/batch", json={"data": {"actions": [{"relative_path": path, "method": "get"}]}})
    assert [each["status_code"] for each in reply.json()["data"]] == [400]


# ----------------------------------------------------------------------------------------------- people


def test_people_show_their_address_when_asked_for(rig: AsanaRig) -> None:
    listed = rig.ask("GET", f"/workspaces/{WORKSPACE}/users")
    assert all("email" not in each for each in listed)
    assert len(rig.ask("GET", "/users", query={"workspace": WORKSPACE}, fields="email")) == len(listed)
    assert rig.ask("GET", "/users/kim.duarte@example.org")["gid"] == KIM
    assert rig.ask("GET", "/workspaces")[0]["gid"] == WORKSPACE


def test_everything_is_still_there_after_a_restart(rig: AsanaRig, tmp_path: Path) -> None:
    made = rig.task("x", external={"gid": "a"})["gid"]
    again = AsanaRig(tmp_path)
    assert again.ask("GET", "/tasks/external:a")["gid"] == made
    assert again.sections() == rig.sections()


def test_what_generated_requests_found_is_refused_in_asanas_words(rig: AsanaRig) -> None:
    said = rig.ask("POST", f"/tasks/{rig.task()['gid']}/stories", text="See you")["gid"]
    color = rig.refused("POST", "/tags", name="x", workspace=WORKSPACE, color=["red"])
    assert color == (400, "color: Not a valid option: ['red']")
    assert rig.refused("PUT", f"/stories/{said}", html_text=["x"]) == (400, "html_text: Not a string: ['x']")
    assert rig.refused("GET", "/tasks/1%0A2") == (400, "task: Not a recognized ID: 1\n2")
