"""The error tree, ordered by what the reader must do; every error knows its exit code.

A message says what is wrong, where, and how to put it right. It never holds a secret and
never the raw value of a personal field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What the process tells the shell; the table in the documentation explains each."""

    OK = 0
    UNEXPECTED = 1
    CONFIG = 2
    PARTIAL = 3
    REFUSED = 4
    UNAVAILABLE = 5
    NOT_AUTHORISED = 6
    LOCKED = 7
    BUDGET = 8
    CHANGES = 9
    INTERRUPTED = 130
    TERMINATED = 143


STATUSES: Mapping[ExitCode, str] = {
    code: {0: "ok", 9: "ok", 3: "partial", 8: "partial", 4: "refused", 7: "refused"}.get(code, "failed")
    for code in ExitCode
}
"""One word for each exit code, as in `--output json`."""


_PRECEDENCE = (2, 6, 7, 4, 5, 3, 8, 1, 130, 143, 0, 9)


def first_of(codes: Iterable[ExitCode]) -> ExitCode:
    """The one of several that the shell is told; 0 when there is none."""
    return min(codes, key=_PRECEDENCE.index, default=ExitCode.OK)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the known one that is most like it, if any is."""
    import difflib

    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


_LINE = re.compile(r":[0-9]+$")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that a person should look at; the run went on.

    Attributes:
        where: `file:line`, an item's link, or a part of the configuration.
        field: the field in question, or an empty string.
        why: what is wrong and what to do about it.
    """

    where: str
    field: str
    why: str

    @property
    def subject(self) -> tuple[str, str]:
        """The place and the field that it is about. The rows of a file are one place: it may have thousands of them."""
        return _LINE.sub(":…", self.where), self.field

    def __str__(self) -> str:
        field = f"[{self.field}]" if self.field else ""
        place = " ".join(part for part in (self.where, field) if part)
        return f"{place}: {self.why}" if place else self.why


class MiSyncError(Exception):
    """The root: something expected went wrong, and the message says what to do."""

    exit_code: ClassVar[ExitCode] = ExitCode.UNEXPECTED

    def __init__(self, why: str, *, where: str = "", remedy: str = "") -> None:
        self.why = why
        self.where = where
        self.remedy = remedy
        super().__init__(why)

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{where}{self.why}{remedy}"

    def problem(self) -> Problem:
        """The same, as an entry of a result's `problems`."""
        return Problem(self.where, "", f"{self.why} {self.remedy}".strip())

    def all_problems(self) -> Sequence[Problem]:
        """All that it tells of."""
        return (self.problem(),)


class ConfigError(MiSyncError):
    """The configuration, a mapping or a template must be corrected; lists all problems at once."""

    exit_code = ExitCode.CONFIG

    def __init__(self, problems: Sequence[Problem] | str, *, where: str = "", remedy: str = "") -> None:
        if isinstance(problems, str):
            problems = [Problem(where, "", f"{problems} {remedy}".strip())]
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))

    def all_problems(self) -> Sequence[Problem]:
        """All that it tells of."""
        return self.problems

    def __str__(self) -> str:
        return self.why


class SourceError(MiSyncError):
    """A source cannot be read as it is: correct its file or its settings; the other sources go on."""

    exit_code = ExitCode.CONFIG


class Refused(MiSyncError):
    """Refused for safety: nothing was done that the reader might not want."""

    exit_code = ExitCode.REFUSED


class StalePlan(Refused):
    """A saved plan no longer fits the world: make a new one."""


class LeftAlone(MiSyncError):
    """A target refused so many changes in a row that the rest is left for the next run."""

    exit_code = ExitCode.PARTIAL


class StateError(MiSyncError):
    """The state cannot be read or stored: free the disk or mend the file; the next run looks up what was in hand."""

    exit_code = ExitCode.CONFIG


class EmptySource(Refused):
    """A source that had rows has none now, or a file has no bytes: look before going on."""


class Unavailable(MiSyncError):
    """The other side does not answer: try again later."""

    exit_code = ExitCode.UNAVAILABLE


class NotAuthorised(MiSyncError):
    """The credentials do not suffice: renew them or ask for access."""

    exit_code = ExitCode.NOT_AUTHORISED


class Locked(MiSyncError):
    """Another run holds the lock: wait for it."""

    exit_code = ExitCode.LOCKED


class BudgetReached(MiSyncError):
    """The request or time budget is used up: the next run goes on."""

    exit_code = ExitCode.BUDGET


class RequestRefused(MiSyncError):
    """The other side answered no, so nothing happened: this change cannot be done as it is.

    A refused request fails its own item; the others go on.
    """

    exit_code = ExitCode.PARTIAL

    def __init__(self, why: str, *, status: int = 0, where: str = "", remedy: str = "") -> None:
        super().__init__(why, where=where, remedy=remedy)
        self.status = status


class NotFound(RequestRefused):
    """The thing is not there, or not visible with these credentials."""


class AlreadyThere(RequestRefused):
    """The board holds an item of this name already, so no second one was made.

    `id` is that item's; None when it cannot be read, because it lies in the trash or is hidden from this token.
    """

    def __init__(self, why: str, *, id: str | None) -> None:  # noqa: A002  the field's name in the model
        super().__init__(why, status=400)
        self.id = id


class OutcomeUnknown(MiSyncError):
    """No usable answer to a write: it may or may not have happened. Look before doing anything again."""

    exit_code = ExitCode.UNAVAILABLE
