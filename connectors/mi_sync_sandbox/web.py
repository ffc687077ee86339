"""The web application of a sandbox: what is the same between a request and any tool's API."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from flask import Flask, Response, g, request
from werkzeug.routing import PathConverter

from mi_sync_sandbox import faults
from mi_sync_sandbox.faults import Fault, Faults, Kind

_NGINX = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n</body>\r\n</html>\r\n"
)
_TITLES = {414: "414 Request-URI Too Large", 429: "429 Too Many Requests", 500: "500 Internal Server Error"}


class _AnyPath(PathConverter):
    """A path with whatever is in it: one with a line break is the tool's to refuse too, in its own words."""

    regex = r"[^/](?:.|\n)*?"


def application(base_url: str, hosts: Sequence[str]) -> Flask:
    """An application without routes.

    Args:
        base_url: where it will be served.
        hosts: the tool's own names, under which a client may ask. A name that is neither one of these nor this
            machine's could be a web page's that was pointed here.
    """
    app = Flask(__name__, static_folder=None)
    app.url_map.converters["path"] = _AnyPath
    own = urlsplit(base_url).hostname or "localhost"
    app.config["TRUSTED_HOSTS"] = ["localhost", "127.0.0.1", "[::1]", own, *hosts]
    app.config["MAX_CONTENT_LENGTH"] = 12_000_000
    app.config["PROPAGATE_EXCEPTIONS"] = True  # `Dropped` must reach the server, and a bug the test
    return app


class Answers(Protocol):
    """How one tool answers one request that it has admitted."""

    def perform(self, kind: Kind | None) -> Response:
        """The effect and its answer, under the fault of that kind, if any."""
        ...

    def refuse(self, kind: Kind) -> Response | None:
        """The answer that a fault stands for that has no effect; None when it is not one of those."""
        ...

    def fail(self, status: int) -> Response:
        """The answer of a server in trouble."""
        ...


@dataclass(frozen=True, slots=True)
class Weather:
    """The faults in force; `sleep` waits for the fault `slow`."""

    faults: Faults
    sleep: Callable[[float], None] = time.sleep

    def answer(self, path: str, tool: Answers) -> Response:
        """The answer to the current request, with whatever fault is due."""
        fault = self.faults.strike(request.method, path)
        if fault is None:
            return tool.perform(None)
        g.struck = fault.kind  # for the journal
        if (failed := self._before(fault, tool)) is not None:
            return failed
        return self._after(fault, tool, tool.perform(fault.kind))

    def _before(self, fault: Fault, tool: Answers) -> Response | None:
        if fault.kind == "fail_before":
            return _failure(fault, tool)
        if fault.kind == "slow" and fault.when == "before":
            faults.delay(request.environ, fault.seconds, arrived=False, sleep=self.sleep)
        return tool.refuse(fault.kind)

    def _after(self, fault: Fault, tool: Answers, reply: Response) -> Response:
        if fault.kind == "fail_after":
            return _failure(fault, tool)
        if fault.kind == "slow" and fault.when == "after":
            faults.delay(request.environ, fault.seconds, arrived=True, sleep=self.sleep)
        return _cut(reply) if fault.kind == "cut" else reply


def _failure(fault: Fault, tool: Answers) -> Response:
    if fault.how == "reset":
        raise faults.drop(request.environ)
    return tool.fail(fault.status)


def _cut(reply: Response) -> Response:
    """Half of a reply that announces all of itself."""
    whole = reply.get_data()
    cut = Response(iter([whole[: len(whole) // 2]]), reply.status_code, reply.headers)
    cut.headers["Content-Length"] = str(len(whole))
    return cut


# --------------------------------------------------------------------------------- requests and replies


def address() -> str:
    """The path and query of the current request as they were sent, still quoted."""
    sent = request.environ.get("REQUEST_URI") or request.environ.get("RAW_URI")
    return str(sent) if sent else request.url


def body() -> Any:  # noqa: ANN401  JSON is anything
    """The JSON body of the current request.

    Raises:
        ValueError: it is not JSON.
    """
    return json.loads(request.get_data(), parse_constant=_refuse)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


def reply(content: object, status: int, headers: Mapping[str, str]) -> Response:
    """JSON."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return Response(text, status, headers, content_type="application/json; charset=utf-8")


def gateway(status: int) -> Response:
    """What a gateway before the tool answers: a page of HTML."""
    return Response(_NGINX.format(_TITLES.get(status, str(status))), status, content_type="text/html")
