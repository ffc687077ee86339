"""What a sandbox shows beside the pages of its boards: where everything is, and what a project has published.

The boards' own pages come with their tools. Here are the index at `/`, and the files of a project (report, calendar,
table) as they stand when they are asked for, each to be read in a browser and, but for the report, to be taken along.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from mi_sync.cli.lobby import agenda, tables

SHOWN = "/shown/"
"""Below it are the files of a project."""

_UTC = ZoneInfo("UTC")
_ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="#0b5cad"/>'
    b'<path d="M4 4h3v8H4zM9 4h3v5H9z" fill="#fff"/></svg>'
)
"""What a browser shows on its tab, and asks for by itself."""
_WHOLE = ("default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
          "frame-ancestors 'none'")  # fmt: skip
"""For a page that brings a stricter policy with it: it runs no script either way."""


@dataclass(frozen=True, slots=True)
class Door:
    """A board of a sandbox: whose it is, its page, the page of what can be done to it, and how to aim at it.

    `control` is empty where there is no such page. `target` is the section for the configuration, `environ` the
    invented credentials that it names.
    """

    tool: str
    page: str
    control: str
    target: str
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A file that a project writes.

    Attributes:
        name: in its address, such as `report`.
        title, about: for people.
        file: .html is shown as it is, .ics as an agenda, .csv as a table.
    """

    name: str
    title: str
    about: str
    file: Path

    @property
    def raw(self) -> str:
        """The name under which the file itself is handed out."""
        return f"{self.name}{self.file.suffix}"


@dataclass(slots=True)
class Lobby:
    """The pages. What is shown may be added to while they are served.

    Attributes:
        now: the clock, by which an agenda tells what is past.
        doors: the boards, in order.
        exhibits: the project's files.
        project: the project's folder; empty where there is none.
        timezone: the programme's, in which an agenda tells times.
    """

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    doors: list[Door] = field(default_factory=list[Door])
    exhibits: Sequence[Exhibit] = ()
    project: str = ""
    timezone: ZoneInfo = _UTC

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answers as a WSGI application."""
        answer = self._answer(str(environ.get("PATH_INFO", "")))
        if environ.get("REQUEST_METHOD") not in ("GET", "HEAD"):
            answer = Answer("405 Method Not Allowed", "text/plain", b"There is nothing to change here.")
        start_response(answer.status, answer.headers)
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else [answer.body]

    def _answer(self, path: str) -> Answer:
        if path in ("", "/"):
            return self._page("index.html.j2", doors=self.doors, project=self.project, exhibits=self._standing())
        if path == "/favicon.ico":
            return Answer("200 OK", "image/svg+xml", _ICON)
        for it in self.exhibits:
            if path in (f"{SHOWN}{it.name}", f"{SHOWN}{it.raw}"):
                return self._exhibit(it, raw=path.endswith(it.raw))
        return Answer("404 Not Found", "text/plain", b"The requested resource was not found.")

    def _standing(self) -> list[tuple[Exhibit, bool]]:
        return [(it, it.file.is_file()) for it in self.exhibits]

    def _exhibit(self, it: Exhibit, *, raw: bool) -> Answer:
        try:
            content = it.file.read_bytes()
        except OSError:
            return self._page("missing.html.j2", "404 Not Found", exhibit=it)
        if raw:
            kind = {".ics": "text/calendar", ".csv": "text/csv"}.get(it.file.suffix, "application/octet-stream")
            return Answer("200 OK", kind, content, download=it.raw)
        if it.file.suffix == ".html":
            return Answer("200 OK", "text/html", content, policy=_WHOLE)
        if it.file.suffix == ".ics":
            shown = agenda.read(content, self.timezone, self.now())
            return self._page("agenda.html.j2", exhibit=it, agenda=shown)
        return self._page("table.html.j2", exhibit=it, table=tables.read(content))

    def _page(self, template: str, status: str = "200 OK", **shown: Any) -> Answer:  # noqa: ANN401  for a template
        style, script = _resource("page.css"), _resource("page.js")
        text = (
            _environment()
            .get_template(template)
            .render(
                style=Markup(style),  # noqa: S704  our own
                script=Markup(script),  # noqa: S704  our own
                shown=SHOWN,
                **shown,
            )
        )
        policy = (
            f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return Answer(status, "text/html", text.encode(), policy=policy)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent."""

    status: str
    kind: str
    body: bytes
    policy: str = "default-src 'none'; frame-ancestors 'none'"
    download: str = ""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Its headers."""
        told = {
            "Content-Type": f"{self.kind}; charset=utf-8",
            "Content-Length": str(len(self.body)),
            "Content-Security-Policy": self.policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }
        if self.download:
            told["Content-Disposition"] = f'attachment; filename="{self.download}"'
        return list(told.items())


def _environment() -> Environment:
    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.loader = FunctionLoader(_resource)
    made.filters["day"] = lambda day: f"{day:%A}, {day.day} {day:%B %Y}"
    return made


def _resource(name: str) -> str:
    return files("mi_sync.cli.lobby").joinpath(name).read_text("utf-8")


def _digest(text: str) -> str:
    """How a policy names what stands between the tags."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
