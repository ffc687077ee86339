"""The web application: what stands between a request and the API, in the order in which Trello does it.

Length of the address, parameters, rate limit, credentials; then the fault that is due, if any; then the API.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from mi_sync.connector import SandboxOptions
from mi_sync_trello.sandbox import api, control, effects, faults, gate, pages, seed
from mi_sync_trello.sandbox.faults import Fault, Faults
from mi_sync_trello.sandbox.store import Doc, Store
from mi_sync_trello.sandbox.values import ApiError
from mi_sync_trello.sandbox.views import Views

MAX_ADDRESS = 8192
"""Bytes of an address; a longer one is refused before anything is looked at (mheap/trello-cli #241)."""

_NGINX = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n</body>\r\n</html>\r\n"
)
_TITLES = {414: "414 Request-URI Too Large", 429: "429 Too Many Requests", 500: "500 Internal Server Error"}

# Names under which a browser or a client may ask. Others could be a web page's that was pointed at this machine.
_HOSTS = ["localhost", "127.0.0.1", "[::1]", "api.trello.com", "trello.com"]


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
    app = Flask(__name__, static_folder=None)
    app.config["TRUSTED_HOSTS"] = [*_HOSTS, urlsplit(options.base_url).hostname or "localhost"]
    app.config["MAX_CONTENT_LENGTH"] = 12_000_000
    app.config["PROPAGATE_EXCEPTIONS"] = True  # `Dropped` must reach the server, and a bug the test
    store = Store(options.state / "trello.db", options.now)
    seed.seed(store)
    faults = Faults() if faults is None else faults
    service = _Service(store, gate.RateLimits(options.now, options.rate_limit), faults, sleep)
    app.add_url_rule("/1/<path:path>", view_func=service.answer, methods=["GET", "POST", "PUT", "DELETE"])
    app.register_blueprint(control.blueprint(faults))
    app.register_blueprint(pages.blueprint(store))
    return app


class _Service:
    """Answers everything below /1."""

    def __init__(self, store: Store, limits: gate.RateLimits, faults: Faults, sleep: Callable[[float], None]) -> None:
        self._store = store
        self._limits = limits
        self._faults = faults
        self._sleep = sleep

    def answer(self, path: str) -> Response:
        """One request."""
        path = f"/{path}"
        if len(_address()) > MAX_ADDRESS:
            return _gateway(414)
        params, problem = _parameters()
        given = gate.credentials(request.headers.get("Authorization", ""), params)
        verdict = self._limits.count(given, path)
        if verdict.refusal is not None:
            return _json(verdict.refusal, 429, verdict.headers)
        try:
            grant = gate.admit(given, request.method)
            if problem is not None:
                raise problem
        except ApiError as error:
            return _text(error, verdict.headers)
        inner = {name: value for name, value in params.items() if name not in ("key", "token")}
        return self._struck(grant, path, inner, verdict.headers)

    def _struck(self, grant: gate.Grant, path: str, params: Doc, headers: Mapping[str, str]) -> Response:
        """The answer, with whatever fault is due."""
        fault = self._faults.strike(request.method, path)
        if fault is None:
            return self._perform(grant, path, params, headers)
        if (failed := self._before(fault)) is not None:
            return failed
        reply = self._perform(grant, path, params, headers, short=fault.kind == "short_page")
        return self._after(fault, reply)

    def _before(self, fault: Fault) -> Response | None:
        if fault.kind == "rate_limit":
            verdict = self._limits.exhausted()
            return _json(verdict.refusal, 429, verdict.headers)
        if fault.kind == "fail_before":
            return _failure(fault)
        if fault.kind == "slow" and fault.when == "before":
            faults.delay(request.environ, fault.seconds, arrived=False, sleep=self._sleep)
        return None

    def _after(self, fault: Fault, reply: Response) -> Response:
        if fault.kind == "fail_after":
            return _failure(fault)
        if fault.kind == "slow" and fault.when == "after":
            faults.delay(request.environ, fault.seconds, arrived=True, sleep=self._sleep)
        if fault.kind == "cut":
            return _cut(reply)
        return reply

    def _perform(
        self, grant: gate.Grant, path: str, params: Doc, headers: Mapping[str, str], *, short: bool = False
    ) -> Response:
        try:
            with self._store.transaction() as db:
                me = effects.member_named(db, grant.username)["id"]
                view = Views(db, request.host_url)
                call = api.Call(db, view, me, params, _upload(), short, dispatch=_get)
                return _json(_route(call, request.method, path), 200, headers)
        except ApiError as error:
            return _text(error, headers)


# --------------------------------------------------------------------------------------------- requests


def _address() -> str:
    """The path and query as they were sent."""
    sent = request.environ.get("REQUEST_URI") or request.environ.get("RAW_URI")
    return str(sent) if sent else request.url


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
    body = json.loads(request.get_data(), parse_constant=_refuse)
    if not isinstance(body, dict):
        raise ValueError("a JSON body is an object of parameters")  # noqa: TRY004  it is caught as what it is: no value
    return body


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


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


# ---------------------------------------------------------------------------------------------- replies


def _json(body: object, status: int, headers: Mapping[str, str]) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return Response(text, status, headers, content_type="application/json; charset=utf-8")


def _text(error: ApiError, headers: Mapping[str, str]) -> Response:
    """A refusal, as plain text, and never taken for a page."""
    reply = Response(error.text, error.status, headers, content_type="text/plain; charset=utf-8")
    reply.headers["X-Content-Type-Options"] = "nosniff"
    return reply


def _gateway(status: int) -> Response:
    """What the gateway before Trello answers: HTML, without rate headers."""
    return Response(_NGINX.format(_TITLES.get(status, str(status))), status, content_type="text/html")


def _failure(fault: Fault) -> Response:
    if fault.how == "reset":
        raise faults.drop(request.environ)
    return _gateway(fault.status)


def _cut(reply: Response) -> Response:
    """Half of a reply that announces all of itself."""
    whole = reply.get_data()
    cut = Response(iter([whole[: len(whole) // 2]]), reply.status_code, reply.headers)
    cut.headers["Content-Length"] = str(len(whole))
    return cut
