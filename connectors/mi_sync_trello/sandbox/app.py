"""The web application: what stands between a request and the API, in the order in which Trello does it.

Length of the address, parameters, rate limit, credentials; then the fault that is due, if any; then the API.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from mi_sync.connector import SandboxOptions
from mi_sync_sandbox import control, pages, panel, web
from mi_sync_sandbox.faults import COMMON, Faults, Kind
from mi_sync_sandbox.journal import Journal
from mi_sync_sandbox.store import Doc, Store
from mi_sync_trello.sandbox import api, effects, gate, limits, seed
from mi_sync_trello.sandbox.layout import open_store
from mi_sync_trello.sandbox.pages import SITE
from mi_sync_trello.sandbox.values import ApiError
from mi_sync_trello.sandbox.views import Views

MAX_ADDRESS = 8192
"""Bytes of an address; a longer one is refused before anything is looked at (mheap/trello-cli #241)."""


def create_app(
    options: SandboxOptions,
    *,
    faults: Faults | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Flask:
    """A sandbox as a WSGI application, on the state that lies in `options.state`.

    Args:
        options: where the state is, the clock, and the rate limit.
        faults: those in force; `/trello/faults` adds more.
        sleep: waits for the fault `slow`.
    """
    app = web.application(options.base_url, ("api.trello.com", "trello.com"))
    store = open_store(options)
    seed.seed(store)
    faults = Faults() if faults is None else faults
    counted, journal = gate.RateLimits(options.now, options.rate_limit), Journal(options.now)
    levers = control.Levers(faults, COMMON, counted.rates, journal)
    service = _Service(store, counted, web.Weather(faults, sleep))
    journal.watch(app, "/1/")
    app.add_url_rule("/1/<path:path>", view_func=service.answer, methods=["GET", "POST", "PUT", "DELETE"])
    app.register_blueprint(control.blueprint(SITE.home, levers))
    app.register_blueprint(limits.blueprint(SITE.home, store))
    app.register_blueprint(panel.blueprint(SITE, levers))
    app.register_blueprint(pages.blueprint(store, SITE))
    return app


class _Service:
    """Answers everything below /1."""

    def __init__(self, store: Store, limits: gate.RateLimits, weather: web.Weather) -> None:
        self._store = store
        self._limits = limits
        self._weather = weather

    def answer(self, path: str) -> Response:
        """One request."""
        path = f"/{path}"
        if len(web.address()) > MAX_ADDRESS:
            return web.gateway(414)
        params, problem = _parameters()
        given = gate.credentials(request.headers.get("Authorization", ""), params)
        verdict = self._limits.count(given, path)
        if verdict.refusal is not None:
            return web.reply(verdict.refusal, 429, verdict.headers)
        try:
            grant = gate.admit(given, request.method)
            if problem is not None:
                raise problem
        except ApiError as error:
            return _text(error, verdict.headers)
        inner = {name: value for name, value in params.items() if name not in ("key", "token")}
        return self._weather.answer(path, _Answers(self._store, self._limits, grant, path, inner, verdict.headers))


@dataclass(frozen=True, slots=True)
class _Answers:
    """One admitted request."""

    store: Store
    limits: gate.RateLimits
    grant: gate.Grant
    path: str
    params: Doc
    headers: Mapping[str, str]

    def perform(self, kind: Kind | None) -> Response:
        try:
            with self.store.transaction() as db:
                me = effects.member_named(db, self.grant.username)["id"]
                view = Views(db, request.host_url)
                call = api.Call(db, view, me, self.params, _upload(), kind == "short_page", dispatch=_get)
                return web.reply(_route(call, request.method, self.path), 200, self.headers)
        except ApiError as error:
            return _text(error, self.headers)

    def refuse(self, kind: Kind) -> Response | None:
        if kind == "rate_limit":
            verdict = self.limits.exhausted()
            return web.reply(verdict.refusal, 429, verdict.headers)
        return _text(gate.stranger(), self.headers) if kind == "revoked" else None

    def fail(self, status: int) -> Response:
        return web.gateway(status)


# --------------------------------------------------------------------------------------------- requests


def _parameters() -> tuple[Doc, ApiError | None]:
    """Those of query, form and JSON body together; and what is wrong with the body, if anything."""
    query: Doc = request.args.to_dict()
    try:
        return query | request.form.to_dict() | _json_body(), None
    except HTTPException as error:
        return query, ApiError(error.code or 400, str(error.name))
    except ValueError:
        # The words are not from a source; that a body that is no JSON object is a 400 is.
        return query, ApiError(400, "invalid json")


def _json_body() -> Doc:
    """The JSON body of a write; a GET's is not looked at."""
    if request.method == "GET" or not request.is_json or not request.get_data():
        return {}
    body = web.body()
    if not isinstance(body, dict):
        raise ValueError("a JSON body is an object of parameters")  # noqa: TRY004  it is caught as what it is: no value
    return body


def _upload() -> Doc | None:
    file: FileStorage | None = request.files.get("file")
    if file is None:
        return None
    size = len(file.stream.read())
    return {"name": file.filename or "", "type": file.mimetype or "", "bytes": size}


_ROUTES = Map(
    [Rule(rule, endpoint=handler, methods=[method]) for method, rule, handler in api.ROUTES],
    strict_slashes=False,  # py-trello asks for /members/me/boards/?filter=…
    merge_slashes=False,
    redirect_defaults=False,
)


def _route(call: api.Call, method: str, path: str) -> Any:  # noqa: ANN401  JSON is anything
    try:
        handler, found = _ROUTES.bind("").match(path, method)
    except HTTPException:
        # The words are those of Express, which Trello runs on; not confirmed for all paths.
        raise ApiError(404, f"Cannot {method} /1{path}") from None
    return handler(call, **found)


def _get(call: api.Call, path: str) -> Any:  # noqa: ANN401  JSON is anything
    """Answers one GET of a batch."""
    return _route(call, "GET", path)


def _text(error: ApiError, headers: Mapping[str, str]) -> Response:
    """A refusal, as plain text, and never taken for a page."""
    reply = Response(error.text, error.status, headers, content_type="text/plain; charset=utf-8")
    reply.headers["X-Content-Type-Options"] = "nosniff"
    return reply
