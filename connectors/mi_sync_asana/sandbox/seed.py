"""What a new sandbox holds: one workspace, one project and a few invented people."""

from __future__ import annotations

from mi_sync_asana.sandbox import projects
from mi_sync_asana.sandbox.values import stamp
from mi_sync_sandbox.store import Store

WORKSPACE = "1100000000000001"
PROJECT = "1100000000000002"
OWNER = "1100000000000010"
GUEST = "1100000000000011"
"""Somebody who has a token and is in no project."""

SECTIONS = ("To Do", "Doing", "Done")

PEOPLE = {
    "1100000000000012": ("Kim Duarte", "kim.duarte@example.org"),
    "1100000000000013": ("Amara Osei", "amara.osei@larkspur.example"),
    "1100000000000014": ("Jonas Lind", "jonas.lind@rivershelter.example"),
    "1100000000000015": ("Priya Nair", "priya.nair@greenfork.example"),
}
"""A coordinator and three supervisors, all of them in the project."""


def seed(store: Store) -> None:
    """Fills a sandbox that is new; one that was opened before stays as it is."""
    with store.transaction() as db:
        if db.all("user"):
            return
        db.put("workspace", {"gid": WORKSPACE, "name": "Sandbox", "is_organization": False})
        everybody = {
            OWNER: ("Sandbox Coordinator", "coordinator@sandbox.example"),
            GUEST: ("Guest", "guest@elsewhere.example"),
            **PEOPLE,
        }
        for gid, (name, email) in everybody.items():
            db.put("user", {"gid": gid, "name": name, "email": email, "guest": gid == GUEST})
        data = {"name": "Spring 2026 micro-internships", "workspace": WORKSPACE, "default_view": "board"}
        project = projects.create(db, OWNER, data, gid=PROJECT)
        project["members"] += list(PEOPLE)
        project["created_at"] = stamp(db.now)
        db.put("project", project)
        (first,) = projects.sections(db, PROJECT)
        projects.rename_section(db, first, {"name": SECTIONS[0]})
        for name in SECTIONS[1:]:
            projects.create_section(db, project, {"name": name})
