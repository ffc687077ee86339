"""The nouns: canonical records, desired items, and what a board holds. No I/O.

Every field of a record has a privacy class (`Privacy`), attached to its type, so that one table serves the
templates, the documentation and the tests. A field without a class does not exist: the model refuses to load.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, TypedDict

from pydantic import BaseModel, ConfigDict, Field

# ---------------------------------------------------------------------------------------------- records


class Privacy(StrEnum):
    """How far a field may travel; a target receives a class only when the configuration allows it."""

    PUBLIC = "public"
    NAME = "name"
    CONTACT = "contact"
    ACADEMIC = "academic"
    FREE_TEXT = "free_text"
    EEO = "eeo"


PostingStatus = Literal["draft", "open", "in_review", "filled", "in_progress", "completed", "cancelled", "closed"]
ApplicationStatus = Literal[
    "applied", "in_review", "shortlisted", "interviewing", "offered", "accepted", "in_progress", "completed",
    "declined", "rejected", "withdrawn",
]  # fmt: skip
Channel = Literal["job_board", "university", "referral", "career_fair", "import"]
PayPer = Literal["fixed", "hour", "day", "week", "month", "year"]
FeedbackKind = Literal["check_in", "midpoint", "final", "exit_interview"]
Kind = Literal["posting", "applicant", "application", "feedback"]

ENGAGED: frozenset[str] = frozenset({"accepted", "in_progress", "completed"})
"""The statuses that make an application an engagement."""

IN_REVIEW: frozenset[str] = frozenset({"in_review", "shortlisted", "interviewing", "offered"})
"""The statuses between an application and its outcome."""

ENDED: frozenset[str] = frozenset({"withdrawn", "declined", "rejected"})
"""The statuses that end an engagement explicitly."""

_Public = Privacy.PUBLIC
_Name = Privacy.NAME
_Contact = Privacy.CONTACT
_Academic = Privacy.ACADEMIC
_FreeText = Privacy.FREE_TEXT


class _Frozen(BaseModel):
    # A value never stands in an error: it might be personal, and errors are logged.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Hours(_Frozen):
    """Working hours: as estimated in the posting, and in total once known."""

    estimated: float | None = Field(default=None, ge=0)
    total: float | None = Field(default=None, ge=0)


class Pay(_Frozen):
    """Pay as a range (`min` equals `max` for one amount), in `currency` (ISO 4217), for each `per`."""

    min: float | None = Field(default=None, ge=0)
    max: float | None = Field(default=None, ge=0)
    currency: str | None = None
    per: PayPer | None = None


class Posting(_Frozen):
    """A micro-internship on offer."""

    key: Annotated[str, _Public]
    id: Annotated[str | None, _Public] = None
    title: Annotated[str | None, _Public] = None
    summary: Annotated[str | None, _Public] = None
    objectives: Annotated[tuple[str, ...], _Public] = ()
    deliverables: Annotated[tuple[str, ...], _Public] = ()
    resources: Annotated[tuple[str, ...], _Public] = ()
    skills: Annotated[tuple[str, ...], _Public] = ()
    organization: Annotated[str | None, _Public] = None
    supervisor_name: Annotated[str | None, _Public] = None
    supervisor_email: Annotated[str | None, _Contact] = None
    location: Annotated[str | None, _Public] = None
    remote: Annotated[bool | None, _Public] = None
    openings: Annotated[int | None, _Public] = Field(default=None, ge=0)
    hours: Annotated[Hours | None, _Public] = None
    pay: Annotated[Pay | None, _Public] = None
    posted_on: Annotated[date | None, _Public] = None
    apply_by: Annotated[date | None, _Public] = None
    starts_on: Annotated[date | None, _Public] = None
    ends_on: Annotated[date | None, _Public] = None
    status: Annotated[PostingStatus | None, _Public] = None
    source_status: Annotated[str | None, _Public] = None
    category: Annotated[str | None, _Public] = None
    goal: Annotated[str | None, _Public] = None
    url: Annotated[str | None, _Public] = None
    meeting_url: Annotated[str | None, _Public] = None


class Applicant(_Frozen):
    """A person who applies: a student or a recent graduate."""

    key: Annotated[str, _Public]
    id: Annotated[str | None, _Contact] = None
    name: Annotated[str | None, _Name] = None
    given_name: Annotated[str | None, _Name] = None
    family_name: Annotated[str | None, _Name] = None
    initials: Annotated[str | None, _Public] = None
    label: Annotated[str | None, _Public] = None
    email: Annotated[str | None, _Contact] = None
    phone: Annotated[str | None, _Contact] = None
    school: Annotated[str | None, _Academic] = None
    degree: Annotated[str | None, _Academic] = None
    majors: Annotated[tuple[str, ...], _Academic] = ()
    graduation: Annotated[str | None, _Academic] = None
    gpa: Annotated[str | None, _Academic] = None
    skills: Annotated[tuple[str, ...], _Academic] = ()
    links: Annotated[tuple[str, ...], _Contact] = ()
    resume_url: Annotated[str | None, _Contact] = None
    channel: Annotated[Channel | None, _Public] = None
    referred_by: Annotated[str | None, _Name] = None


class Application(_Frozen):
    """One applicant's application to one posting; accepted, it is an engagement."""

    key: Annotated[str, _Public]
    id: Annotated[str | None, _Contact] = None
    posting: Annotated[str, _Public]
    applicant: Annotated[str, _Public]
    status: Annotated[ApplicationStatus | None, _Public] = None
    source_status: Annotated[str | None, _Public] = None
    applied_at: Annotated[date | datetime | None, _Public] = None
    accepted_on: Annotated[date | None, _Public] = None
    starts_on: Annotated[date | None, _Public] = None
    ends_on: Annotated[date | None, _Public] = None
    supervisor_name: Annotated[str | None, _Name] = None
    supervisor_email: Annotated[str | None, _Contact] = None
    notes: Annotated[str | None, _FreeText] = None
    answers: Annotated[dict[str, str], _FreeText] = Field(default_factory=dict)


class Feedback(_Frozen):
    """An evaluation of an engagement, by the intern or by the supervisor."""

    key: Annotated[str, _Public]
    id: Annotated[str | None, _Contact] = None
    applicant: Annotated[str, _Public]
    posting: Annotated[str, _Public]
    kind: Annotated[FeedbackKind, _Public]
    by: Annotated[Literal["intern", "supervisor"] | None, _Public] = None
    rating: Annotated[float | None, _FreeText] = Field(default=None, ge=0, le=1)
    would_engage_again: Annotated[bool | None, _FreeText] = None
    comments: Annotated[str | None, _FreeText] = None
    submitted_at: Annotated[date | datetime | None, _Public] = None


Record = Posting | Applicant | Application | Feedback

RECORDS: Mapping[Kind, type[Record]] = {
    "posting": Posting,
    "applicant": Applicant,
    "application": Application,
    "feedback": Feedback,
}
"""The records by kind, in the order in which one needs the other."""

PLURALS: Mapping[Kind, str] = {
    "posting": "postings",
    "applicant": "applicants",
    "application": "applications",
    "feedback": "feedback",
}


@cache
def privacy_of(record: type[Record], name: str) -> Privacy:
    """The privacy class of a record's field.

    Raises:
        KeyError: the record has no such field.
    """
    return next(m for m in record.model_fields[name].metadata if isinstance(m, Privacy))


@dataclass(frozen=True, slots=True)
class Counts:
    """How many applications a posting has: all of them, those being looked at, and the engagements. No names.

    `places` are the openings that are left; None where nobody says how many there are.
    """

    applications: int = 0
    in_review: int = 0
    engaged: int = 0
    places: int | None = None

    @staticmethod
    def of(posting: Posting, statuses: Mapping[str | None, int]) -> Counts:
        """From how many applications there are of each status."""
        engaged = sum(statuses.get(status, 0) for status in ENGAGED)
        return Counts(
            applications=sum(statuses.values()),
            in_review=sum(statuses.get(status, 0) for status in IN_REVIEW),
            engaged=engaged,
            places=None if posting.openings is None else max(0, posting.openings - engaged),
        )


@dataclass(frozen=True, slots=True)
class Engagement:
    """An application with everything that its milestones are made from."""

    application: Application
    posting: Posting
    applicant: Applicant
    feedback: tuple[Feedback, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record or one of its fields came from.

    `line` counts lines of the file from 1 (a row's first line); `column` and `mapping_line` are for fields.
    """

    source: str
    file: str
    line: int
    column: str | None = None
    mapping_line: int | None = None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one row of one source says of one record, before it is known whose record that is.

    `run` is the run in which it first said so, `changed_at` when that was (an instant in ISO 8601), and `unread` that
    its row cannot be read now, so that this still stands. `row_digest` is of the row, and `row_records` how many
    records it has; see `known_rows`.
    """

    source: str
    kind: Kind
    ref: str
    namespace: str
    overlay: bool
    file: str
    line: int
    local_id: str | None
    values: Mapping[str, Any]
    refs: Mapping[str, str]
    origins: Mapping[str, Any]
    digest: str
    primary: bool
    key: str | None = None
    posting: str | None = None
    applicant: str | None = None
    gone: bool = False
    run: str = ""
    changed_at: str = ""
    unread: bool = False
    row_digest: str = ""
    row_records: int = 0

    @property
    def weight(self) -> int:
        """How much it says: so many fields and references."""
        return len(self.values) + len(self.refs)


@dataclass(frozen=True, slots=True)
class Traced:
    """A record with all that tells where its values came from.

    Attributes:
        kind: of the record.
        record: as merged, with its label.
        origins: field → source, reference, column, line of the mapping; see `linking.Merged`.
        contributions: everything that rows say of it.
        files: (source, file) → digest of its content and the run that read it; empty where nobody knows.
        unread: those of its rows that cannot be read now, so that what they said before still stands.
        lacking: columns (by source and file) that have gone from the file, so that what stood in them still stands.
    """

    kind: Kind
    record: Record
    origins: Mapping[str, Sequence[Any]]
    contributions: tuple[Contribution, ...]
    files: Mapping[tuple[str, str], tuple[str, str]]
    unread: frozenset[tuple[str, str, int]] = frozenset()
    lacking: frozenset[tuple[str, str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that was left out: `stage` is map (it could not be read) or link (what it refers to is not there)."""

    source: str
    file: str
    line: int
    field: str
    why: str
    digest: str = ""
    stage: str = "map"
    since: str = ""


# ------------------------------------------------------------------------------------------------ items


@dataclass(frozen=True, slots=True)
class Item:
    """A milestone as it should stand on a board.

    Attributes:
        key: opaque, the same in every run; see `identity.item_key`.
        owner: the key of the application (or posting) that it belongs to.
        step: the step's key in the template; `n` counts a series from 1, None for a single step.
        title: one line.
        body: Markdown.
        due: an instant with a timezone (the programme's), a local date without a time, or None.
        start: a local date, or None.
        list: the Trello list or Asana section for a new item.
        labels: names, in the step's order.
        checklist: texts, in the step's order.
        assignee: an e-mail address, which serves only to assign.
        role: whose that address is: supervisor, intern, or a role of the configuration.
        done: `done_when` holds; turns an item done, never the other way.
        fields: values of custom fields, by what the configuration calls them; once fitted to a board, by
            `CustomField.name` and in its form of a value.
        followers: e-mail addresses of those who are told of what happens to a new item.
        comment: Markdown, said once on a new item.
    """

    key: str
    owner: str
    step: str
    n: int | None
    title: str
    body: str = ""
    due: datetime | date | None = None
    start: date | None = None
    list: str = ""
    labels: tuple[str, ...] = ()
    checklist: tuple[str, ...] = ()
    assignee: str | None = None
    role: str = ""
    done: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    followers: tuple[str, ...] = ()
    comment: str = ""

    @property
    def due_on(self) -> date | None:
        """The day it is due, in the programme's timezone."""
        return self.due.date() if isinstance(self.due, datetime) else self.due


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One line of a checklist on a board."""

    id: str
    text: str
    done: bool = False


@dataclass(frozen=True, slots=True)
class Remote:
    """An item as a board holds it.

    `marker` is the token found on it (see `connector.harvest`), not yet understood; `body` comes without it.
    `due` is an instant, or a date where the board holds no time. `archived` covers an item in an archived list.
    `assignees` and `followers` are member ids. `fields` are the custom fields that are filled, by `CustomField.name`.
    """

    id: str
    url: str
    title: str
    body: str
    marker: str | None = None
    due: datetime | date | None = None
    start: date | None = None
    done: bool = False
    archived: bool = False
    list: str = ""
    labels: tuple[str, ...] = ()
    checklist: tuple[CheckItem, ...] = ()
    assignees: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    followers: tuple[str, ...] = ()


FieldKind = Literal["text", "number", "date", "checkbox", "choice", "other"]
"""What a custom field takes; `other` is what we neither read nor write."""


@dataclass(frozen=True, slots=True)
class CustomField:
    """A field that people gave to a board, beyond those that every item has.

    Its values are text everywhere: a number without needless zeros, such as 12.5; a date in ISO 8601; `yes` for a
    ticked checkbox; an option's name for a choice. An empty text is none, also an unticked checkbox.

    Attributes:
        id: the tool's.
        name: no other field of the board has it; see `told_apart`.
        kind: what it takes.
        options: of a choice, by name.
        places: of a number, how many digits stand behind the point; None for as many as there are.
        most: characters of a text; None where no limit is known.
        tool_kind: how the tool calls the kind, for people.
    """

    id: str
    name: str
    kind: FieldKind = "text"
    options: tuple[str, ...] = ()
    places: int | None = None
    most: int | None = None
    tool_kind: str = ""


def told_apart(fields: Iterable[CustomField]) -> tuple[CustomField, ...]:
    """The fields of a board; those that share a name are called by name and id."""
    fields = tuple(fields)
    times = Counter(each.name for each in fields)
    return tuple(replace(it, name=f"{it.name} ({it.id})") if times[it.name] > 1 else it for it in fields)


def number_text(value: float) -> str:
    """A finite number as the value of a custom field: 12, 12.5, -0.25."""
    return format(Decimal(repr(float(value) + 0.0)).normalize(), "f")


@dataclass(frozen=True, slots=True)
class Member:
    """Someone whom a board can assign."""

    id: str
    username: str = ""
    name: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class BoardIdentity:
    """Which board or project a target is: `id` is canonical (never a short link), `url` is for people."""

    id: str
    name: str
    url: str


Countable = Literal["items", "open items", "lists", "open lists", "labels", "checklists", "checklist lines"]
"""What a board may hold only so many of. Items and lists count with the archived ones unless they are called open."""

Scope = Literal["board", "list", "item"]


@dataclass(frozen=True, slots=True)
class Limit:
    """How many of something a board, each list or each item can hold at most.

    Attributes:
        name: what the tool calls it.
        most: so many.
        counts: what a plan makes more of; None where we make none.
        per: where they are counted.
        used: so many are there: by list name or item id, under "" for the board; 0 where nothing is told.
        near: the tool says that little room is left.
    """

    name: str
    most: int
    counts: Countable | None = None
    per: Scope = "board"
    used: Mapping[str, int] = field(default_factory=dict)
    near: bool = False

    def room(self, place: str = "") -> int:
        """How many more there can be; below zero when there are too many already."""
        return self.most - self.used.get(place, 0)

    def __str__(self) -> str:
        used = max(self.used.values(), default=None)
        return f"{self.name}: {'?' if used is None else used} of {self.most}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A board at one time.

    `complete` False means that items may be missing (`incomplete_because` says why), so nothing may be
    concluded from an absence. `limits` are those that the board tells; see `capacity`. `fields` are the board's custom
    fields; where they could not be read, `fields_hidden_because` says why.
    """

    board: BoardIdentity
    taken_at: datetime
    remotes: tuple[Remote, ...]
    complete: bool = True
    incomplete_because: str = ""
    lists: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()
    limits: tuple[Limit, ...] = ()
    fields: tuple[CustomField, ...] = ()
    fields_hidden_because: str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a board can hold, as data; every claim is tested by the contract suite.

    What it cannot hold is taken off before anything is compared, and the plan says so; see `fitting`. A board that is
    given it all the same leaves it out, or keeps what it can of it.

    Attributes:
        start, labels, checklist: whether it has them.
        start_alone: whether a start date can be without a due date.
        start_after_due: whether a start date can lie after the due date.
        assignees: how many members an item can have.
        due_time, due_day: whether a due date can have a time of day (if not, an instant is kept as its day in the
            programme's timezone), and whether it can be without one (if not, a day is kept as an instant of it).
        max_title, max_body: in characters; the body's with its marker. What is longer is refused, so it is shortened
            before.
        create_lists: whether a missing list is made.
        unique: whether it refuses a second item of one `Patch.unique`.
        archive: a flag of its own (`flag`), or a completed item that lies in a list for archived ones (`completed`).
        new_items: where a new item goes among those that the same handle has made in its list: below them (`bottom`),
            or above them (`top`); in both cases below all that were there before.
        fields: whether custom fields are written, in the same call as the item (`with_item`) or one by one after it
            (`one_by_one`). Which ones there are, a snapshot tells.
        followers: whether a new item can have some.
        comments: whether one can be said on an item.
        lossy: field → why it is not held, for the plan.
        notes: for people.
    """

    start: bool = True
    start_alone: bool = True
    start_after_due: bool = True
    labels: bool = True
    checklist: bool = True
    assignees: int = 1
    due_time: bool = True
    due_day: bool = True
    max_title: int = 16384
    max_body: int = 16384
    create_lists: bool = True
    unique: bool = False
    archive: Literal["flag", "completed"] = "flag"
    new_items: Literal["bottom", "top"] = "bottom"
    fields: Literal["none", "with_item", "one_by_one"] = "none"
    followers: bool = False
    comments: bool = False
    lossy: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def clash(self, start: date, due: date | None) -> str:
        """Why the board does not take this start date beside this due date; empty where it does."""
        if due is None:
            return "" if self.start_alone else "the board has no start date without a due date"
        return "the board has no start date after the due date" if start > due and not self.start_after_due else ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a board showed of an item when it was last looked at; `gone` when it was not there.

    `assignees` are the members by name, for people.
    """

    done: bool = False
    due: str | None = None
    list: str = ""
    assignees: tuple[str, ...] = ()
    archived: bool = False
    gone: bool = False
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """The bond between an item's key and an item on a board, with the base of the three-way merge.

    `base` holds the digests of the fields as last applied; `labels` and `checklist` the sets. `archived` says that
    it was we who archived it.
    """

    key: str
    id: str
    url: str
    nonce: str
    owner: str
    step: str
    title: str
    base: Mapping[str, str]
    labels: tuple[str, ...] = ()
    checklist: tuple[str, ...] = ()
    archived: bool = False
    seen: Seen = field(default_factory=Seen)


class Fields(TypedDict, total=False):
    """The fields of one write, only those that it touches. None clears.

    `assignee` is a member's id, `followers` are some. `fields` are custom fields by `CustomField.name`, in its form of
    a value; an empty text clears one.
    """

    title: str
    body: str
    due: datetime | date | None
    start: date | None
    done: bool
    archived: bool
    list: str
    labels: tuple[str, ...]
    assignee: str | None
    followers: tuple[str, ...]
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Patch:
    """One writing call for one item.

    Attributes:
        id: the remote's id, or None to create it.
        marker: the token to plant, in the same call.
        unique: a name for the item that is the same in every attempt to create it; also given when a person's item
            becomes ours, else empty. A board that can keeps it, hidden from people, and refuses a second item of that
            name with `AlreadyThere`.
        body: the whole body that stands beside the marker after the call, ours or a person's, so that a tool
            which keeps the marker in the text can write both.
        fields: what to change (all of them for a creation); `labels`, `assignee` and `followers` only at a creation,
            custom fields only where the board writes them with the item.
    """

    id: str | None
    marker: str
    body: str
    fields: Fields = field(default_factory=Fields)
    unique: str = ""


@dataclass(frozen=True, slots=True)
class Children:
    """What to add to and to take from an item, one by one; each is idempotent by its exact name or text.

    `set_fields` are custom fields as in `Fields`, for a board that writes them one by one. `comment` is said unless the
    item has one of just this text.
    """

    add_labels: tuple[str, ...] = ()
    remove_labels: tuple[str, ...] = ()
    add_checks: tuple[str, ...] = ()
    remove_checks: tuple[str, ...] = ()
    set_fields: Mapping[str, str] = field(default_factory=dict)
    comment: str = ""

    def __bool__(self) -> bool:
        sets = (self.add_labels, self.remove_labels, self.add_checks, self.remove_checks, self.set_fields)
        return bool(self.comment) or any(sets)


def _every_field_has_a_class() -> None:
    for record in RECORDS.values():
        for name, info in record.model_fields.items():
            if not any(isinstance(m, Privacy) for m in info.metadata):
                raise TypeError(f"{record.__name__}.{name} has no privacy class")


_every_field_has_a_class()


def jsonable(record: Record) -> dict[str, Any]:
    """The record as the contract's JSON: ISO dates, unset fields null."""
    return record.model_dump(mode="json")
