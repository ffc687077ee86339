"""The project itself: who it is, its sections, its workspace's tags and people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from mi_sync.errors import ConfigError, NotAuthorised, RequestRefused
from mi_sync.model import BoardIdentity, Member
from mi_sync.shapes import Json
from mi_sync.unmarked import Named, Names
from mi_sync_asana import ARCHIVED
from mi_sync_asana.api import Api, is_missing
from mi_sync_asana.wire import an_object, gid, member

_A_LITTLE = 1e-6
"""Less than any distance between two sections that were listed."""


class Project:
    """One project. It knows the project's gid from the start, and asks for the rest when it is needed.

    Args:
        api: the calls.
        id_: the project's gid.
        target: the section of the configuration, for messages.
        now: the clock.
    """

    def __init__(self, api: Api, id_: str, target: str, now: Callable[[], datetime]) -> None:
        self._api, self.id, self._target = api, id_, target
        self._workspace = self._made_last = ""
        self.sections = Names("section", self._list_sections, self._make_section, now)
        self.tags = Names("tag", self._list_tags, self._make_tag, now)

    # -- who it is ----------------------------------------------------------------------------------

    def identity(self) -> BoardIdentity:
        """Which project this is, by one request."""
        return self.identified(self.head())

    def head(self, more: str = "") -> Json:
        """The project's own fields, and `more` of them.

        Raises:
            ConfigError: there is no such project for this token.
            NotAuthorised: the token does not suffice.
            RequestRefused: it is archived.
        """
        try:
            fields = ",".join(filter(None, ("name,permalink_url,archived,workspace", more)))
            raw = self._api.get(f"/projects/{self.id}", opt_fields=fields)
        except NotAuthorised as error:
            raise NotAuthorised(error.why, where=self._target, remedy=error.remedy) from None
        except RequestRefused as error:
            if is_missing(error):
                remedy = "Copy the project's address from the browser; the token's owner must be able to open it."
                raise ConfigError(error.why, where=f"{self._target}.project", remedy=remedy) from None
            if error.status in {402, 403}:
                raise NotAuthorised(error.why, where=self._target, remedy=error.remedy) from None
            raise
        head = an_object(raw, "project")
        if head.get("archived"):
            why = f"the project {head.get('name')!r} is archived, so people do not see what is done in it."
            remedy = "Unarchive it in Asana, or name another project."
            raise RequestRefused(why, where=f"{self._target}.project", remedy=remedy)
        self._workspace = gid(an_object(head.get("workspace"), "workspace"))
        return head

    def identified(self, head: Json) -> BoardIdentity:
        """Which project this is, by its own fields."""
        url = str(head.get("permalink_url") or f"https://app.asana.com/0/{self.id}/list")
        return BoardIdentity(gid(head), str(head.get("name") or ""), url)

    def _workspace_id(self) -> str:
        if not self._workspace:
            self.head()
        return self._workspace

    # -- people -------------------------------------------------------------------------------------

    def members(self) -> tuple[Member, ...]:
        """Everybody who can be assigned, of a large organisation the 2000 that Asana lists at once (spec).

        An organisation shows its people to its own; a guest gets those of the project, without their addresses.
        """
        path = f"/workspaces/{self._workspace_id()}/users"
        try:
            return tuple(member(raw) for raw in self._api.all(path, limit=0, opt_fields="name,email"))
        except RequestRefused:
            shown = an_object(self._api.get(f"/projects/{self.id}", opt_fields="members.name"), "project")
            return tuple(member(raw) for raw in shown.get("members") or [])

    # -- sections -----------------------------------------------------------------------------------

    def section(self, name: str) -> Named:
        """The section of this name, made when it is missing."""
        id_ = self.sections.ensure(name)
        return self.sections.get(id_) or Named(id_, name)

    def archive(self) -> Named:
        """The section for archived tasks, made when it is missing."""
        return self.section(ARCHIVED)

    def first_section(self) -> Named | None:
        """Where a task goes that names no section."""
        self.sections.first()
        return next((each for each in self.sections.usable() if each.name != ARCHIVED), None)

    def take_sections(self) -> None:
        """Lists the sections."""
        self.sections.take(self._list_sections())

    def _list_sections(self) -> list[Named]:
        raws = self._api.all(f"/projects/{self.id}/sections", opt_fields="name")
        return [Named(gid(raw), str(raw.get("name") or ""), place=at) for at, raw in enumerate(raws)]

    def _make_section(self, name: str) -> Named:
        """Makes one before the archive, and before the one that was made last; the archive at the end.

        New tasks go on top, so those that come last are made first, and their sections, too.
        """
        after = None if name == ARCHIVED else self.sections.get(self._made_last) or self.sections.find(ARCHIVED)
        where = {"insert_before": after.id} if after else {}
        raw = self._api.make(f"/projects/{self.id}/sections", {"name": name, **where}, "name")
        if name != ARCHIVED:
            self._made_last = gid(raw)
        end = max((each.place for each in self.sections.usable()), default=0.0) + 1
        return Named(gid(raw), name, place=after.place - _A_LITTLE if after else end)

    # -- tags ---------------------------------------------------------------------------------------

    def _list_tags(self) -> list[Named]:
        """All tags of the workspace, for which a search would lag behind; those of the tasks are known without."""
        raws = self._api.all(f"/workspaces/{self._workspace_id()}/tags", opt_fields="name")
        return [Named(gid(raw), str(raw.get("name") or ""), place=at) for at, raw in enumerate(raws)]

    def _make_tag(self, name: str) -> Named:
        return Named(gid(self._api.make(f"/workspaces/{self._workspace_id()}/tags", {"name": name}, "name")), name)
