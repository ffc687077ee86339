"""The web application: what stands between a request and the API.

Rate limit, credentials, the body; then the fault that is due, if any; then the API.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, request

from mi_sync.connector import SandboxOptions
from mi_sync_asana.sandbox import api, gate, paging, projects, seed
from mi_sync_asana.sandbox.finding import Caller
from mi_sync_asana.sandbox.layout import open_store
from mi_sync_asana.sandbox.pages import SITE
from mi_sync_asana.sandbox.values import ApiError, bad
from mi_sync_asana.sandbox.views import Views, tree
from mi_sync_sandbox import control, pages, panel, web
from mi_sync_sandbox.faults import COMMON, Faults, Kind
from mi_sync_sandbox.journal import Journal
from mi_sync_sandbox.store import Doc, Store

PREFIX = "/api/1.0"

FAULTS = COMMON | frozenset[Kind](("expired_offset", "lost_section", "announce", "unpaid", "new_at_end"))

RETRY_AFTER = 30
"""Seconds; the example of the documentation (docs/rate-limits)."""

_ANNOUNCEMENT = "name=a_change;info=https://developers.asana.com/docs/deprecations;affected=true"


def create_app(
    options: SandboxOptions,
    *,
    faults: Faults | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Flask:
    """A sandbox as a WSGI application, on the state that lies in `options.state`.

    Args:
        options: where the state is, the clock, and the rate limit.
        faults: those in force; `/asana/faults` adds more.
        sleep: waits for the fault `slow`.
    """
    app = web.application(options.base_url, ("app.asana.com",))
    store = open_store(options)
    seed.seed(store)
    faults = Faults() if faults is None else faults
    counted, journal = gate.RateLimits(options.now, options.rate_limit), Journal(options.now)
    levers = control.Levers(faults, FAULTS, counted.rates, journal)
    service = _Service(store, counted, web.Weather(faults, sleep))
    journal.watch(app, f"{PREFIX}/")
    methods = ["GET", "POST", "PUT", "DELETE"]
    app.add_url_rule(f"{PREFIX}/<path:path>", view_func=service.answer, methods=methods)
    app.register_blueprint(control.blueprint(SITE.home, levers))
    app.register_blueprint(panel.blueprint(SITE, levers))
    app.register_blueprint(pages.blueprint(store, SITE))
    return app


class _Service:
    """Answers everything below /api/1.0."""

    def __init__(self, store: Store, limits: gate.RateLimits, weather: web.Weather) -> None:
        self._store = store
        self._limits = limits
        self._weather = weather

    def answer(self, path: str) -> Response:
        """One request."""
        # As it was sent: a name after `external:` may hold a quoted slash.
        path = urlsplit(web.address()).path.removeprefix(PREFIX) or f"/{path}"
        token = gate.bearer(request.headers.get("Authorization", ""))
        try:
            with self._limits.entering(token, request.method):
                grant = gate.admit(token, request.method)
                sent = _Sent.read(path)
                self._limits.count(token, sent.more)
                new_on_top = not self._weather.faults.stands("new_at_end")
                return self._weather.answer(path, _Answers(self._store, grant, sent, new_on_top))
        except gate.Throttled as throttled:
            return _throttled(throttled)
        except ApiError as error:
            return _refusal(error)


@dataclass(frozen=True, slots=True)
class _Sent:
    """What a request says: path, query, and body."""

    path: str
    query: Mapping[str, str]
    data: Mapping[str, Any]
    options: Mapping[str, Any]

    @staticmethod
    def read(path: str) -> _Sent:
        """The current request.

        Raises:
            ApiError: 400, its body is not what it should be.
        """
        query = request.args.to_dict()
        if request.method == "GET" or (not request.get_data(cache=True) and not request.form):
            return _Sent(path, query, {}, {})
        if path == "/attachments":  # files and their like come as forms (spec, createAttachmentForObject)
            return _Sent(path, query, request.form.to_dict(), {})
        body = _body()
        return _Sent(path, query, body.get("data") or {}, body.get("options") or {})

    @property
    def more(self) -> int:
        """How many requests this one is beyond itself: a batch is as many as it has actions (a guess)."""
        actions = self.data.get("actions") if self.path == "/batch" else None
        return max(0, len(actions) - 1) if isinstance(actions, list) else 0

    @property
    def asked(self) -> list[str]:
        """The fields of `opt_fields`, or of the body's options."""
        given = self.query.get("opt_fields") or self.options.get("fields") or ()
        return [each for each in given.split(",") if each.strip()] if isinstance(given, str) else list(given)


def _body() -> Doc:
    """The JSON body, wrapped as it has to be (forum/238695)."""
    try:
        body = web.body()
    except ValueError:
        raise bad("Could not parse request data, invalid JSON") from None
    if not isinstance(body, dict):
        raise bad(f"Value is not a JSON object: {body}")
    for name in body:
        if name not in ("data", "options"):
            raise bad(
                f"Unrecognized request field {name} . The only allowed keys at the top level are: data, options. "
                "Perhaps you did not mean to wrap this value?"
            )
    if not isinstance(body.get("data", {}), dict):
        raise bad(f"data: Value is not a JSON object: {body['data']}")
    return body


@dataclass(frozen=True, slots=True)
class _Answers:
    """One admitted request."""

    store: Store
    grant: gate.Grant
    sent: _Sent
    new_on_top: bool

    def perform(self, kind: Kind | None) -> Response:
        if kind == "lost_section":
            self._lose_sections()
        headers = {"Asana-Change": _ANNOUNCEMENT} if kind == "announce" else {}
        try:
            if kind == "expired_offset" and "offset" in self.sent.query:
                raise paging.expired()
            with self.store.transaction() as db:
                caller = Caller(db, self.grant.user, self.grant.app, kind != "unpaid", self.new_on_top)
                return _answer(api.dispatch(self._call(caller, short=kind == "short_page")), headers)
        except ApiError as error:
            return _refusal(error, headers)

    def _call(self, caller: Caller, *, short: bool) -> api.Call:
        sent, base = self.sent, request.host_url.rstrip("/")
        return api.Call(
            caller=caller,
            view=Views(caller, base),
            method=request.method,
            path=sent.path,
            query=sent.query,
            data=sent.data,
            asked=tree(sent.asked),
            listing=paging.Request(f"{base}{PREFIX}", sent.path, sent.query, caller.db.now, short),
        )

    def _lose_sections(self) -> None:
        with self.store.transaction() as db:
            for gid in set(_strings([self.sent.data, *self.sent.path.split("/"), self.sent.query.get("section")])):
                if (section := db.get("section", gid)) is not None:
                    projects.lose_section(db, section)

    def refuse(self, kind: Kind) -> Response | None:
        if kind == "rate_limit":
            return _throttled(gate.Throttled(RETRY_AFTER))
        return _refusal(gate.stranger()) if kind == "revoked" else None

    def fail(self, status: int) -> Response:
        """Asana itself explains with a phrase (docs/errors), the gateways before it with a page."""
        if status != 500:
            return web.gateway(status)
        message = "Server Error"
        return web.reply({"errors": [{"message": message, "phrase": "6 sad squid snuggle softly"}]}, 500, {})


def _strings(given: object) -> Iterator[str]:
    """Every text in some JSON."""
    if isinstance(given, str):
        yield given
    elif isinstance(given, Mapping):
        yield from _strings(list(given.values()))
    elif isinstance(given, list):
        for each in given:
            yield from _strings(each)


# ---------------------------------------------------------------------------------------------- replies


def _answer(answer: Doc | api.Made, headers: Mapping[str, str]) -> Response:
    if isinstance(answer, api.Made):
        return web.reply(answer.body, 201, {**headers, "Location": f"{PREFIX}{answer.location}"})
    return web.reply(answer, 200, headers)


def _refusal(error: ApiError, headers: Mapping[str, str] | None = None) -> Response:
    return web.reply(error.body, error.status, headers or {})


def _throttled(throttled: gate.Throttled) -> Response:
    return web.reply(throttled.error.body, 429, {"Retry-After": str(throttled.seconds)})
