"""The page on which people throw faults, end them, turn limits, and see what a sandbox is asked: `/<tool>/control`.

Its forms need no script. Each carries a ticket that only this page has, so that no page from elsewhere can post them.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as Reply

from mi_sync_sandbox.control import Levers
from mi_sync_sandbox.dress import dressed
from mi_sync_sandbox.faults import Kind
from mi_sync_sandbox.pages import Site
from mi_sync_sandbox.rates import MOST

WORDS: Mapping[Kind, tuple[str, str]] = {
    "fail_before": ("Error, nothing done", "The request has no effect, and an error is the answer."),
    "fail_after": ("Done, answer lost", "The request has its effect, and an error is the answer all the same."),
    "rate_limit": ("Too many requests", "429, without an effect."),
    "slow": ("Late answer", "The answer comes after a wait."),
    "short_page": ("Half a page", "A page of cards holds half of what it could."),
    "cut": ("Broken reply", "The request has its effect, and the reply breaks off in its middle."),
    "revoked": ("Token revoked", "The token is not accepted."),
    "expired_offset": ("Offset expired", "The place in a long list is too old to go on from."),
    "lost_section": ("Section deleted", "The section that is named was just deleted."),
    "announce": ("Change announced", "The reply announces a change of the API."),
    "unpaid": ("Free plan only", "What costs money is refused."),
    "new_at_end": ("New tasks at the end", "A new task comes last in its section; it stays so until ended."),
}
"""What each fault is called, and what it does."""


class Preset(NamedTuple):
    """A fault at one press: its name, what a run makes of it, and its fields."""

    name: str
    about: str
    fields: Mapping[str, str]


PRESETS = (
    Preset(
        "Lose an answer",
        "The next thing that is made is made, and its answer is lost. A run looks before it asks again.",
        {"kind": "fail_after", "how": "reset", "method": "POST"},
    ),
    Preset("Fail three times", "The next three requests fail with 503. A run waits, and tries again.",
           {"kind": "fail_before", "status": "503", "times": "3"}),
    Preset("Say “too many”", "The next three requests are answered with 429, as if a limit were reached.",
           {"kind": "rate_limit", "times": "3"}),
    Preset("Slow down", "The next ten answers come two seconds late. The run takes longer, and nothing else.",
           {"kind": "slow", "seconds": "2", "times": "10"}),
    Preset("Break a reply", "The next reply stops in its middle. A run settles what became of its request.",
           {"kind": "cut"}),
    Preset("Revoke the token", "No request is let in until you end it. A run leaves this board alone, and says why.",
           {"kind": "revoked", "times": ""}),
)  # fmt: skip


def blueprint(site: Site, levers: Levers) -> Blueprint:
    """The page and its forms, below the tool's own path."""
    made = dressed(
        Blueprint("panel", __name__, url_prefix=f"{site.home}/control", template_folder="templates"), forms=True
    )
    panel = _Panel(site, levers, secrets.token_urlsafe(24))
    made.before_request(panel.admit)
    made.add_url_rule("", view_func=panel.page)
    made.add_url_rule("/version", view_func=panel.version)
    for rule, view in (("/faults", panel.throw), ("/faults/end", panel.end), ("/rates", panel.turn)):
        made.add_url_rule(rule, view_func=view, methods=["POST"])
    return made


@dataclass(frozen=True, slots=True)
class _Panel:
    """The views."""

    site: Site
    levers: Levers
    ticket: str

    def admit(self) -> None:
        """Stops a form that another page than this one sends."""
        if request.method != "POST":
            return
        own = urlsplit(request.host_url)
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin)[:2] != own[:2]:
            abort(403)
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            abort(403)
        if not secrets.compare_digest(request.form.get("ticket", "").encode(), self.ticket.encode()):
            abort(403)

    def page(self) -> str:
        """What is in force, what can be done, and what was asked."""
        return self._render()

    def version(self) -> Response:
        """What changes when the page would look different."""
        return jsonify(version=self._version())

    def throw(self) -> Reply | tuple[str, int]:
        """Puts a fault in force."""
        given = {name: text for name, text in request.form.items() if name != "ticket" and text}
        try:
            self.levers.throw({**given, "times": given.get("times")} if "times" in request.form else given)
        except ValueError as error:
            return self._render(str(error), request.form), 400
        return self._back("armed")

    def end(self) -> Reply:
        """Ends one fault, or all."""
        number = request.form.get("number", type=int)
        if number is None:
            self.levers.faults.clear()
        else:
            self.levers.faults.end(number)
        return self._back("armed")

    def turn(self) -> Reply | tuple[str, int]:
        """Sets the limits; an empty field is the tool's own."""
        names = [each["name"] for each in self.levers.rates.listed()]
        try:
            self.levers.rates.turn({name: _number(name) for name in names if name in request.form})
        except ValueError as error:
            return self._render(str(error)), 400
        return self._back("limits")

    def _back(self, part: str) -> Reply:
        return redirect(f"{self.site.home}/control#{part}", 303)

    def _render(self, problem: str = "", given: Mapping[str, str] | None = None) -> str:
        return render_template(
            "control.html",
            tool=self.site,
            version=self._version(),
            watch=f"{self.site.home}/control/version",
            ticket=self.ticket,
            problem=problem,
            given=given or {},
            words={kind: WORDS[kind] for kind in WORDS if kind in self.levers.kinds},
            presets=PRESETS,
            armed=self.levers.faults.listed(),
            rates=self.levers.rates.listed(),
            journal=self.levers.journal,
            most=MOST,
        )

    def _version(self) -> str:
        seen: list[Any] = [self.levers.faults.listed(), self.levers.rates.listed(), self.levers.journal.total]
        return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:16]


def _number(name: str) -> int | None:
    text = request.form[name].strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{name}: must be a whole number, or nothing for the tool's own")
    return int(text[:12])
