"""The page, from facts: numbers, tables, charts, and the template that holds them."""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from mi_sync import __version__
from mi_sync.model import Feedback, Privacy
from mi_sync.report import charts
from mi_sync.report.facts import STAGES, Facts, Funnel
from mi_sync.views import Row

_ROWS = 40
"""Rows of one timeline; more of them go into another."""
_UNFOLDED = 10
"""Rows of a long table that are seen at once."""
_STATES = ("Done", "Open", "Late", "Archived")
_QUESTIONS: Mapping[str, str] = {
    "overdue": "Overdue",
    "due_in_7_days": "Due within seven days",
    "no_owner": "Nobody's",
}
_NOT_OFFERED = frozenset({"draft", "cancelled"})
"""The statuses of postings whose openings are none."""


def glance(facts: Facts) -> dict[str, int]:
    """The programme in numbers."""
    it = facts.material
    offered = [row for row in it.rows("postings") if row["status"] not in _NOT_OFFERED]
    engaged = it.rows("engagements")
    milestones = [row for row in it.rows("milestones") if row["state"] in {"done", "open"}]
    due = [row for row in it.rows("outlook") if row["question"] == "due_in_7_days"]
    late = sum(row["late"] > 0 for row in engaged)
    return {
        "postings": len(offered),
        "openings": sum(row["openings"] or 0 for row in offered),
        "places_left": sum(row["places"] or 0 for row in offered),
        "applicants": facts.applicants,
        "applications": sum(row["applications"] for row in it.rows("postings")),
        "accepted": len(engaged),
        "completed": sum(row["status"] == "completed" for row in engaged),
        "on_time": len(engaged) - late,
        "late": late,
        "milestones_done": sum(row["state"] == "done" for row in milestones),
        "milestones": len(milestones),
        "milestones_late": sum(row["late"] for row in milestones),
        "due_in_7_days": len(due),
        "left_out": facts.left_out,
    }


@dataclass(frozen=True, slots=True)
class Table:
    """A table: what it is called, its headings, and its rows of cells (text, number, day, `Link`, or nothing)."""

    name: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]
    empty: str = "Nothing."

    @property
    def more(self) -> Table:
        """The same under another name, for the part of it that is folded away."""
        return replace(self, name=f"{self.name}, more")


@dataclass(frozen=True, slots=True)
class Link:
    """A text that leads somewhere, where the address is one of the web."""

    text: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its legend (colour → meaning) and the table behind it.

    `place` is half for a half of the page, wide for all of it, and beside for a half with the table in the other.
    """

    caption: str
    drawing: Markup
    table: Table
    legend: Mapping[str, str]
    place: str = "half"


def render(facts: Facts) -> str:
    """The page as HTML."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(cell=_cell, day=_long, moment=_moment)
    environment.tests["short"] = _is_short
    style = _resource("page.css")
    page = environment.from_string(_resource("page.html.j2"))
    return page.render(
        facts=facts,
        glance=glance(facts),
        style=Markup(style),  # noqa: S704  our own stylesheet
        # Nothing but this very stylesheet: no script, no image, no font, no address is fetched.
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        version=__version__,
        most=_UNFOLDED,
        outlook=_outlook(facts),
        timelines=_timelines(facts),
        engagements=_engagements(facts),
        funnels=_funnels(facts),
        judged=_judged(facts),
        evaluations=_evaluations(facts),
        again=_again(facts),
        goals=_goals(facts),
        runs=_runs(facts),
        changes=_changes(facts),
        left_out=_left_out(facts),
        conflicts=_conflicts(facts),
        dismissed=_dismissed(facts),
    )


def _resource(name: str) -> str:
    return files("mi_sync.report").joinpath(name).read_text("utf-8")


# ----------------------------------------------------------------------------------------- the programme


def _who(row: Row) -> str | None:
    """The name, where it may be shown; else the label."""
    return row.get("name") or row.get("intern")


def _project(row: Row) -> str:
    return str(row["posting"] or row.get("posting_id") or "Untitled")


def _milestone(row: Row) -> Link:
    return Link(row["title"], row["url"])


def _outlook(facts: Facts) -> list[Table]:
    rows = facts.material.rows("outlook")
    return [
        Table(heading, _OUTLOOK, [_upcoming(row) for row in rows if row["question"] == question])
        for question, heading in _QUESTIONS.items()
    ]


_OUTLOOK = ("Due", "Milestone", "Intern", "List", "Owner", "Call")


def _upcoming(row: Row) -> tuple[Any, ...]:
    due = _week_day(_as_day(row["due"])) if row["due"] else "no date"
    call = Link("Join", row["meeting_url"]) if row["meeting_url"] else None
    return due, _milestone(row), row["intern"], row["list"], "yes" if row["owner"] else "nobody", call


def _timelines(facts: Facts) -> list[Figure]:
    """The milestones of every engagement that has some, by when it ends; so many on each chart."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in facts.material.rows("milestones"):
        if row["engagement"] and row["due"]:
            found[row["engagement"]].append(row)
    ordered = sorted(found.values(), key=lambda rows: (_as_day(rows[-1]["due"]), _called(rows[0])))
    parts = [ordered[start : start + _ROWS] for start in range(0, len(ordered), _ROWS)]
    return [_timeline(facts, part, f" ({number} of {len(parts)})" if len(parts) > 1 else "")
            for number, part in enumerate(parts, 1)]  # fmt: skip


def _called(row: Row) -> str:
    """Short enough for a chart, with the intern, by whom the engagements of one project differ."""
    intern = f" ({row['intern']})"
    return f"{charts.cut(_clean(_project(row)), charts.LABEL - len(intern))}{_clean(intern)}"


def _timeline(facts: Facts, engagements: Sequence[Sequence[Row]], part: str) -> Figure:
    dots: dict[str, list[tuple[date, int, str]]] = {state: [] for state in _STATES}
    for number, rows in enumerate(engagements):
        for row in rows:
            day, state = _as_day(row["due"]), _state(row)
            dots[state].append((day, number, f"{_clean(row['title'])}, {_day(day)}: {state.lower()}"))
    caption = f"Milestones of every engagement{part}"
    names = [_called(rows[0]) for rows in engagements]
    shown = [
        (_project(row), row["intern"], _milestone(row), _as_day(row["due"]), _state(row))
        for rows in engagements
        for row in rows
    ]
    return Figure(
        caption,
        charts.timeline(caption, names, dots, facts.today),
        Table(caption, ("Project", "Intern", "Milestone", "Due", "State"), shown),
        {"done": "Done", "open": "Open", "late": "Late", "archived": "Archived", "today": "Today"},
        "wide",
    )


def _state(row: Row) -> str:
    if row["late"]:
        return "Late"
    return {"done": "Done", "open": "Open"}.get(row["state"], "Archived")


def _engagements(facts: Facts) -> Table:
    return Table(
        "Engagements",
        ("Project", "Organization", "Intern", "From", "To", "Done", "Late", "Next", "Due"),
        [
            (
                _project(row), row["organization"], _who(row), row["starts_on"], row["ends_on"],
                f"{row['done']} of {row['done'] + row['open']}", row["late"] or None, row["next"], row["next_due"],
            )
            for row in sorted(facts.material.rows("engagements"), key=_by_end)
        ],
        "Nobody has been accepted yet.",
    )  # fmt: skip


def _by_end(row: Row) -> tuple[str, str, str]:
    return str(row["ends_on"] or "9999"), _project(row), str(_who(row))


def _funnels(facts: Facts) -> list[Figure]:
    return [
        figure
        for what, funnel in (("Source", facts.by_source), ("Channel", facts.by_channel))
        for figure in _funnel(what, funnel)
    ]


def _funnel(what: str, funnel: Funnel) -> Iterable[Figure]:
    if not funnel:
        return
    caption = f"Applications by {what.lower()}"
    rows = [(_clean(name), [stages[stage] or None for stage in STAGES]) for name, stages in funnel.items()]
    shown = [
        (name, sum(stages.values()), *(stages[it] for it in STAGES), _share(stages)) for name, stages in funnel.items()
    ]
    table = Table(caption, (what, "All", *STAGES, "Accepted or completed"), shown)
    yield Figure(caption, charts.bars(caption, rows), table, _legend(STAGES))


def _share(stages: Mapping[str, int]) -> str:
    engaged = stages["Accepted"] + stages["Completed"]
    return f"{engaged / (sum(stages.values()) or 1):.0%}"


def _legend(names: Iterable[str]) -> dict[str, str]:
    return {f"c{number}": name for number, name in enumerate(names)}


def _judged(facts: Facts) -> Figure | str:
    """How each posting's engagements were judged, by either side; or why that is not told."""
    if not facts.material.allows(Feedback, "rating"):
        return (
            f"Evaluations are of the class {Privacy.FREE_TEXT}, which [privacy] does not allow: "
            'allow = ["free_text"] in config.toml shows them here.'
        )
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in facts.material.rows("feedback"):
        found[_project(row), row["posting_id"] or ""].append(row)
    if not found:
        return "Nobody has been evaluated yet."
    caption = "Mean rating by project, in per cent"
    ordered = [(project, rows) for (project, _), rows in sorted(found.items())]
    means = [(_clean(project), [_mean(rows, by) for by in ("supervisor", "intern")]) for project, rows in ordered]
    shown = [
        (project, len(rows), *(_percent(mean) for mean in both), *_opinions(rows))
        for (project, rows), (_, both) in zip(ordered, means, strict=True)
    ]
    headings = ("Project", "Number", "By supervisors", "By interns", "Again: yes", "Again: no")
    legend = {"c0": "By supervisors", "c1": "By interns"}
    return Figure(caption, charts.groups(caption, means, 100), Table(caption, headings, shown), legend, "beside")


def _mean(rows: Iterable[Row], by: str) -> float | None:
    ratings = [row["rating"] for row in rows if row["by"] == by and row["rating"] is not None]
    return round(100 * sum(ratings) / len(ratings)) if ratings else None


def _percent(mean: float | None) -> str | None:
    return None if mean is None else f"{mean:.0f} %"


def _opinions(rows: Sequence[Row]) -> tuple[int, int]:
    said = [row["would_engage_again"] for row in rows]
    return said.count(True), said.count(False)


def _evaluations(facts: Facts) -> Table | None:
    """Each evaluation, where it may be shown."""
    it = facts.material
    rows = it.rows("feedback") if it.allows(Feedback, "rating") else ()
    if not rows:
        return None
    ordered = sorted(
        rows, key=lambda row: (_project(row), str(row["intern"]), str(row["submitted_at"] or ""), row["key"])
    )
    return Table(
        "Every evaluation",
        ("Project", "Intern", "Kind", "By", "On", "Rating", "Would engage again", "Comments"),
        [
            (
                _project(row), row["intern"], _words(row["kind"]), row["by"],
                row["submitted_at"] and _as_day(row["submitted_at"]),
                _percent(None if row["rating"] is None else 100 * row["rating"]), _yes(row["would_engage_again"]),
                row["comments"],
            )
            for row in ordered
        ],
    )  # fmt: skip


def _words(name: str | None) -> str | None:
    """A status or a kind, for people."""
    return name and name.replace("_", " ")


def _yes(said: bool | None) -> str | None:  # noqa: FBT001  what was said
    return None if said is None else "yes" if said else "no"


def _again(facts: Facts) -> Table | str:
    """Whom supervisors would engage again."""
    if not facts.material.allows(Feedback, "would_engage_again"):
        return "As above: whom supervisors would engage again is shown where [privacy] allows free_text."
    rows = [row for row in facts.material.rows("engagements") if row["would_engage_again"]]
    ordered = sorted(rows, key=lambda row: (-(row["rating_by_supervisor"] or 0), str(_who(row)), _project(row)))
    return Table(
        "Would engage again",
        ("Intern", "Project", "Organization", "Strategic goal", "Rating", "Ends"),
        [
            (
                _who(row), _project(row), row["organization"], row["goal"],
                _percent(None if (rating := row["rating_by_supervisor"]) is None else 100 * rating), row["ends_on"],
            )
            for row in ordered
        ],
        "No supervisor has said so yet.",
    )  # fmt: skip


def _goals(facts: Facts) -> Figure | None:
    """How many places each strategic goal has, and how many are taken."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in facts.material.rows("postings"):
        found[row["goal"] or "No goal named"].append(row)
    if not found:
        return None
    caption = "Places by strategic goal"
    rows = [
        (_clean(goal), [_sum(each, "engaged") or None, _sum(each, "places") or None])
        for goal, each in sorted(found.items())
    ]
    shown = [
        (goal, _project(row), _words(row["status"]), row["applications"], row["engaged"], row["places"])
        for goal, each in sorted(found.items())
        for row in each
    ]
    headings = ("Strategic goal", "Project", "Status", "Applied", "Engaged", "Left")
    legend = {"c0": "Engaged", "c1": "Places left"}
    return Figure(caption, charts.bars(caption, rows), Table(caption, headings, shown), legend, "beside")


def _sum(rows: Iterable[Row], name: str) -> int:
    return sum(row[name] or 0 for row in rows)


# ---------------------------------------------------------------------------------------------- the runs


def _runs(facts: Facts) -> Figure | None:
    if not facts.runs:
        return None
    caption = "Requests of each run"
    oldest_first = facts.runs[::-1]
    values = {f"{number}": _total(run, "requests") for number, run in enumerate(oldest_first, 1)}
    counted = ("created", "updated", "archived", "failed", "conflicts", "requests")
    shown = [
        (
            number, facts.local(run["started_at"]), run["command"], run["status"], run["exit_code"],
            *(_total(run, name) for name in counted), len(run.get("problems", ())),
        )
        for number, run in reversed(list(enumerate(oldest_first, 1)))
    ]  # fmt: skip
    headings = ("No.", "Started", "Command", "Status", "Exit", *(name.capitalize() for name in counted), "Problems")
    table = Table("Runs, the newest first", headings, shown)
    return Figure(caption, charts.columns(caption, values), table, {})


def _total(run: Mapping[str, Any], name: str) -> int:
    return sum(target.get(name, 0) for target in run.get("targets", {}).values())


_ACTIONS: Mapping[str | None, str] = {
    "create": "made",
    "update": "changed",
    "archive": "archived",
    "adopt": "taken over",
    None: "changed",
}


def _changes(facts: Facts) -> Table:
    shown = [
        (facts.local(it["at"]), it["target"], _ACTIONS[it["action"]], Link(it["title"] or it["key"], it["url"]))
        for it in facts.changes
    ]
    headings = ("When", "Board", "What", "Item")
    return Table("Changes on boards, the newest first", headings, shown, "No board has been written to yet.")


def _left_out(facts: Facts) -> Table:
    return Table(
        "Rows left out",
        ("Row", "Field", "Why, and what to do", "Since"),
        [
            (f"{it.file}:{it.line}", it.field, it.why, facts.local(it.since) if it.since else None)
            for it in facts.quarantine
        ],
        "No row is left out.",
    )


def _conflicts(facts: Facts) -> Table:
    shown = [(Link(it["title"], it["url"]), it["target"], it["fields"]) for it in facts.conflicts]
    return Table("Changed on both sides", ("Item", "Board", "Fields"), shown, "No item is in conflict.")


def _dismissed(facts: Facts) -> Table:
    shown = [(Link(it["title"], it["url"]), it["target"], it["key"]) for it in facts.dismissed]
    return Table("Dismissed by a person", ("Item", "Board", "Key"), shown, "No item was dismissed.")


# ----------------------------------------------------------------------------------------------- cells


def _cell(value: Any) -> str | Markup:  # noqa: ANN401  a table's value
    if isinstance(value, Link):
        return _linked(value)
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, date):
        return _day(value)
    return "" if value is None else _clean(str(value))


def _is_short(value: Any) -> bool:  # noqa: ANN401  as above
    """Whether it is better kept on one line: a day, a count of counts."""
    return isinstance(value, date) or (isinstance(value, str) and len(value) <= _SHORT)


_SHORT = 12
"""Characters that are better kept on one line."""


def _linked(it: Link) -> str | Markup:
    """An address that is none of the web is not followed: it may be a script."""
    text = _clean(it.text)
    if not (it.url or "").startswith(("https://", "http://")):
        return text
    return Markup('<a href="{}" rel="noreferrer">{}</a>').format(_clean(str(it.url)), text)


def _clean(text: str) -> str:
    """Without what cannot be seen and what turns the direction of a text: it makes one text look like another."""
    return "".join(" " if unicodedata.category(char) in {"Cc", "Cs"} or char in _TURNS else char for char in text)


_TURNS = frozenset("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _as_day(due: date | datetime) -> date:
    return due.date() if isinstance(due, datetime) else due


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _long(day: date) -> str:
    return f"{day:%A}, {day.day} {day:%B %Y}"


def _week_day(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"


def _moment(at: datetime) -> str:
    return f"{at.day} {at:%b %Y, %H:%M %Z}"
