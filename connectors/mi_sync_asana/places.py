"""Where new tasks stand in their sections: below what was there, each above the one that was made before it."""

from __future__ import annotations

from mi_sync.errors import OutcomeUnknown, RequestRefused
from mi_sync_asana.api import Api
from mi_sync_asana.tasks import Tasks


class Places:
    """Gives new tasks their places.

    A creation cannot name a place (spec, createTask), and where a task goes that is made in a section is not
    documented; only of addTask it is, which puts it on top unless told otherwise. So nothing relies on that: below what
    was there each task is put, and in a section that was empty it is looked at once whether they pile up by themselves,
    as they were seen to do.

    Args:
        api: the calls.
        tasks: the project's.
    """

    def __init__(self, api: Api, tasks: Tasks) -> None:
        self._api, self._tasks = api, tasks
        self._floors: dict[str, str] = {}
        self._made: dict[str, list[str]] = {}
        self._pile_up: bool | None = None

    def put(self, id_: str, section: str) -> None:
        """Puts a task that was just made in this section into its place there.

        Raises:
            RequestRefused: among others, the section is gone.
            OutcomeUnknown: it was not answered, twice.
        """
        made = self._made.setdefault(section, [])
        above = made[-1:]
        made.append(id_)
        try:
            self._place(id_, section, self._floor(section), above)
        except RequestRefused:  # perhaps because what it is to stand below is no longer there
            self._floors.pop(section, None)
            self._tasks.in_section(section, anew=True)
            self._place(id_, section, self._floor(section), above)

    def _place(self, id_: str, section: str, below: str, above: list[str]) -> None:
        if below:
            self._move(section, {"task": id_, "insert_after": below})
        elif above and not self._is_above(id_, above[0], section):
            self._move(section, {"task": id_, "insert_before": above[0]})

    def _floor(self, section: str) -> str:
        """The last task that was there before we made one; empty when there was none."""
        if section not in self._floors:
            made = self._made.get(section, ())
            there = [each for each in self._tasks.in_section(section) if each not in made]
            self._floors[section] = there[-1] if there else ""
        return self._floors[section]

    def _is_above(self, id_: str, other: str, section: str) -> bool:
        """Whether a new task stands above the one before, as all will then."""
        if self._pile_up is None:
            there = self._tasks.in_section(section, anew=True)
            self._pile_up = {id_, other} <= {*there} and there.index(id_) < there.index(other)
        return self._pile_up

    def _move(self, section: str, data: dict[str, str]) -> None:
        """Says the same twice, if the first time was not answered."""
        try:
            self._api.post(f"/sections/{section}/addTask", data)
        except OutcomeUnknown:
            self._api.post(f"/sections/{section}/addTask", data)
