"""How Asana names its documents, and which belongs to which."""

from __future__ import annotations

from mi_sync.connector import SandboxOptions
from mi_sync_sandbox.store import Layout, Store


def _gid(_: int, counter: int) -> str:
    """Sixteen digits; a gid is a string, whatever it looks like (docs/object-hierarchy)."""
    return f"12{counter:014d}"


LAYOUT = Layout(
    key="gid",
    new_id=_gid,
    scopes={
        "project": "workspace",
        "tag": "workspace",
        "custom_field": "workspace",
        "section": "project",
        "place": "project",
        "custom_field_setting": "project",
    },
    parents={
        "section": "project",
        "place": "section",
        "task": "parent",
        "story": "task",
        "attachment": "parent",
        "custom_field_setting": "custom_field",
        "external": "task",
    },
)
"""A `place` is a task's position in one section of one project; an `external` is a name that an app gave to a task."""


def open_store(options: SandboxOptions) -> Store:
    """What a sandbox with these options keeps."""
    return Store(options.state / "asana.db", LAYOUT, options.now)
