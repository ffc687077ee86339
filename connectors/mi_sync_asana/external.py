"""The out-of-sight half of the marker: Asana's `external`, a name and data that an app keeps on a task.

People cannot see or change it, and a copy of a task does not get it. So where it is there, it decides, and the line in
the description only helps tokens that do not see it (developers.asana.com/docs/custom-external-data). Its name is
unique among all tasks of the app: the project is part of it, or one programme could not have two targets.

A token may see `external` and not be allowed to set it. Then the line in the description is the newer of the two, and
says which token in `external` it replaces: just beside that one it decides.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import NamedTuple
from urllib.parse import quote

from mi_sync.shapes import Json

_PREFIX = "mi-sync."

_REPLACES = "?replaces="
_REPLACED = re.compile(re.escape(_REPLACES) + r"(?P<sign>[0-9a-f]+)\"")
"""At the end of an address in the description's XML."""


class External(NamedTuple):
    """What is kept there: the name, the marker's token, and where an archived task came from (a section)."""

    name: str
    token: str
    origin: str = ""

    def sent(self) -> Json:
        """As a write sends it."""
        return {"external": {"gid": self.name, "data": " ".join(part for part in (self.token, self.origin) if part)}}


def named(project: str, unique: str, token: str) -> External:
    """What a new task gets."""
    return External(f"{_PREFIX}{project}.{unique}", token)


def of(raw: Json, project: str) -> External | None:
    """What this project's target keeps on a task; None when there is nothing of it to be seen."""
    found = raw.get("external")
    name = str(found.get("gid") or "") if isinstance(found, dict) else ""
    if not isinstance(found, dict) or not name.startswith(f"{_PREFIX}{project}."):
        return None
    token, origin, *_ = [*str(found.get("data") or "").split(), "", ""]
    return External(name, token, origin)


def is_of_another_project(raw: Json, project: str) -> bool:
    """Whether it is an item of another target, which happens to lie in this project, too."""
    found = raw.get("external")
    name = str(found.get("gid") or "") if isinstance(found, dict) else ""
    return name.startswith(_PREFIX) and not name.startswith(f"{_PREFIX}{project}.")


def path(name: str) -> str:
    """The address of the task of that name."""
    return f"/tasks/external:{quote(name, safe='')}"


def replacing(token: str, old: str) -> str:
    """The token as the description's line has it where `external` keeps an old one that cannot be changed."""
    return f"{token}{_REPLACES}{_sign(old)}"


def is_replaced(token: str, notes: str) -> bool:
    """Whether the line in the description (its XML) replaces this token in `external`."""
    found = _REPLACED.findall(notes)
    return bool(found) and found[-1] == _sign(token)


def _sign(token: str) -> str:
    return blake2b(token.encode(), digest_size=5).hexdigest()
