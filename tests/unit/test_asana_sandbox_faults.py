from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from asana_rig import BASE, AsanaRig
from mi_sync_asana.sandbox.seed import PROJECT, WORKSPACE
from mi_sync_sandbox.faults import Fault


@pytest.fixture
def rig(tmp_path: Path) -> AsanaRig:
    return AsanaRig(tmp_path)


def create(rig: AsanaRig, **sent: Any) -> requests.Response:
    return rig.send("POST", "/tasks", json={"data": {"name": "x", "projects": [PROJECT]}}, **sent)


def control(rig: AsanaRig, method: str, **sent: Any) -> requests.Response:
    with requests.Session() as session:
        session.mount("http://", rig.adapter)
        return session.request(method, f"{BASE}/asana/faults", timeout=5, **sent)


@pytest.mark.parametrize(("kind", "tasks"), [("fail_before", 0), ("fail_after", 1)])
@pytest.mark.parametrize("status", [500, 502])
def test_an_error_comes_before_or_after_the_effect(rig: AsanaRig, kind: Any, tasks: int, status: int) -> None:
    rig.faults.add(Fault(kind=kind, status=status))
    reply = create(rig)
    assert reply.status_code == status
    assert ("phrase" in reply.text) == (status == 500)
    assert len(rig.names()) == tasks


@pytest.mark.parametrize(("kind", "tasks"), [("fail_before", 0), ("fail_after", 1)])
def test_a_connection_closes_before_or_after_the_effect(rig: AsanaRig, kind: Any, tasks: int) -> None:
    rig.faults.add(Fault(kind=kind, how="reset"))
    with pytest.raises(requests.ConnectionError):
        create(rig)
    assert len(rig.names()) == tasks


def test_a_429_has_no_effect_and_says_how_long_to_wait(rig: AsanaRig) -> None:
    rig.faults.add(Fault(kind="rate_limit"))
    reply = create(rig)
    assert (reply.status_code, reply.headers["Retry-After"]) == (429, "30")
    assert rig.names() == []


def test_an_answer_that_comes_too_late_is_a_timeout_after_the_effect(rig: AsanaRig) -> None:
    rig.faults.add(Fault(kind="slow", seconds=5))
    with pytest.raises(requests.ReadTimeout):
        create(rig)
    assert rig.names() == ["x"]


def test_a_request_that_arrives_too_late_has_its_effect_when_it_is_delivered(rig: AsanaRig) -> None:
    rig.faults.add(Fault(kind="slow", when="before", seconds=60))
    with pytest.raises(requests.ReadTimeout):
        create(rig)
    assert rig.names() == []
    assert rig.adapter.deliver_late() == 1
    assert rig.names() == ["x"]


def test_a_reply_that_is_cut_short_breaks_while_it_is_read(rig: AsanaRig) -> None:
    rig.faults.add(Fault(kind="cut"))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        create(rig)
    assert rig.names() == ["x"]


def test_a_short_page_holds_less_than_it_could_and_tells_of_the_rest(rig: AsanaRig) -> None:
    for _ in range(5):
        create(rig)
    rig.faults.add(Fault(kind="short_page"))
    page = rig.send("GET", f"/projects/{PROJECT}/tasks?limit=4").json()
    assert len(page["data"]) == 2
    rest = rig.send("GET", f"/projects/{PROJECT}/tasks?limit=4&offset={page['next_page']['offset']}").json()
    assert (len(rest["data"]), rest["next_page"]) == (3, None)


def test_an_offset_expires_on_request(rig: AsanaRig) -> None:
    for _ in range(3):
        create(rig)
    listing = f"/projects/{PROJECT}/tasks?limit=1"
    offset = rig.offset_of(listing)
    rig.faults.add(Fault(kind="expired_offset", after=1))
    assert rig.send("GET", listing).ok
    assert rig.refused("GET", f"{listing}&offset={offset}") == (400, "offset: Your pagination token has expired.")
    assert rig.send("GET", f"{listing}&offset={offset}").ok


def test_a_section_is_deleted_just_before_it_is_used(rig: AsanaRig) -> None:
    doing = rig.sections()["Doing"]
    rig.task("kept", doing)
    rig.faults.add(Fault(kind="lost_section", method="POST"))
    home = [{"project": PROJECT, "section": doing}]
    status, message = rig.refused("POST", "/tasks", name="x", workspace=WORKSPACE, memberships=home)
    assert (status, message) == (400, f"memberships: [0]: section: Unknown object: {doing}")
    assert list(rig.sections()) == ["To Do", "Done"]
    assert rig.names() == ["kept"]


def test_the_last_section_stays(rig: AsanaRig) -> None:
    rig.faults.add(Fault(kind="lost_section", times=None))
    for gid in rig.sections().values():
        rig.send("GET", f"/sections/{gid}")
    assert len(rig.sections()) == 1


def test_a_token_is_revoked_on_request(rig: AsanaRig) -> None:
    rig.faults.add(Fault(kind="revoked", after=1, times=None))
    assert create(rig).status_code == 201
    assert [rig.send("GET", "/users/me").status_code for _ in range(2)] == [401, 401]


def test_a_free_domain_has_no_custom_fields(rig: AsanaRig) -> None:
    sent = {"name": "F", "workspace": WORKSPACE, "resource_subtype": "text"}
    gid = rig.ask("POST", "/custom_fields", **sent)["gid"]
    rig.ask("POST", f"/projects/{PROJECT}/addCustomFieldSetting", custom_field=gid)
    task = rig.task()["gid"]
    rig.faults.add(Fault(kind="unpaid", times=None))
    assert rig.refused("POST", "/custom_fields", **sent)[0] == 402
    assert rig.refused("PUT", f"/tasks/{task}", custom_fields={gid: "x"})[0] == 402
    assert rig.refused("POST", f"/projects/{PROJECT}/addCustomFieldSetting", custom_field=gid)[0] == 402
    rig.ask("PUT", f"/tasks/{task}", name="y")


def test_a_change_of_the_api_is_announced_in_a_header(rig: AsanaRig) -> None:
    rig.faults.add(Fault(kind="announce"))
    assert "affected=true" in rig.send("GET", "/users/me").headers["Asana-Change"]
    assert "Asana-Change" not in rig.send("GET", "/users/me").headers


def test_requests_that_are_refused_anyway_use_up_no_fault(rig: AsanaRig) -> None:
    rig.faults.add(Fault(kind="rate_limit"))
    assert rig.send("GET", "/users/me", headers={"Authorization": ""}).status_code == 401
    assert rig.send("GET", "/users/me").status_code == 429


def test_faults_are_added_listed_and_cleared_over_http(rig: AsanaRig) -> None:
    assert control(rig, "POST", json={"kind": "lost_section", "path": "^/tasks$"}).status_code == 201
    assert [each["kind"] for each in control(rig, "GET").json()] == ["lost_section"]
    assert control(rig, "DELETE").json() == []


def test_a_paid_domain_has_1500_requests_a_minute(tmp_path: Path) -> None:
    rig = AsanaRig(tmp_path, rate_limit=None)
    statuses = {rig.send("GET", "/users/me").status_code for _ in range(1500)}
    assert statuses == {200}
    assert rig.send("GET", "/users/me").status_code == 429
