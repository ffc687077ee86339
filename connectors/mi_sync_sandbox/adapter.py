"""A transport for `requests` that calls a WSGI application directly: no sockets, no waiting, the same outcomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse
from werkzeug.test import EnvironBuilder, run_wsgi_app

from mi_sync_sandbox.faults import PATIENCE, Dropped, TooLate


class WsgiAdapter(HTTPAdapter):
    """Sends requests to an application in this process.

    A connection that the application drops is a `requests.ConnectionError`, an answer that would come after the read
    timeout a `requests.ReadTimeout`, at once. A request whose effect was to come only after that has not happened
    yet: it lies in `late` until `deliver_late`.

    Args:
        app: the WSGI application.
    """

    def __init__(self, app: Callable[..., Any]) -> None:
        super().__init__()
        self._app = app
        self.sent: list[requests.PreparedRequest] = []
        self.late: list[requests.PreparedRequest] = []

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002  the signature is that of requests
        timeout: Any = None,  # noqa: ANN401  as above: seconds, or (to connect, to read)
        verify: object = True,  # noqa: FBT002  as above
        cert: object = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """One request, answered at once."""
        del stream, verify, cert, proxies
        self.sent.append(request)
        patience = timeout[1] if isinstance(timeout, tuple) else timeout
        try:
            return self._answer(request, {PATIENCE: patience})
        except Dropped as error:
            raise requests.ConnectionError(error, request=request) from None
        except TooLate as error:
            if not error.arrived:
                self.late.append(request)
            raise requests.ReadTimeout(error, request=request) from None

    def deliver_late(self) -> int:
        """Lets the late requests arrive, in order, and returns how many they were; nobody hears the answers."""
        late, self.late = self.late, []
        for request in late:
            self._answer(request, {PATIENCE: None})
        return len(late)

    def _answer(self, request: requests.PreparedRequest, extra: Mapping[str, Any]) -> requests.Response:
        environ = _environ(request)
        environ.update(extra)
        chunks, status, headers = run_wsgi_app(self._app, environ, buffered=True)
        raw = HTTPResponse(
            body=BytesIO(b"".join(chunks)),
            headers=HTTPHeaderDict(list(headers)),
            status=int(status.split()[0]),
            reason=status.partition(" ")[2],
            preload_content=False,
            request_method=request.method,
            enforce_content_length=True,  # so that a reply that was cut short is noticed, as on a socket
        )
        return self.build_response(request, raw)


def _environ(request: requests.PreparedRequest) -> dict[str, Any]:
    address = urlsplit(str(request.url))
    body = request.body or b""
    builder = EnvironBuilder(
        path=address.path,
        base_url=f"{address.scheme}://{address.netloc}",
        query_string=address.query,
        method=str(request.method),
        headers=list(request.headers.items()),
        data=body.encode() if isinstance(body, str) else body,
    )
    try:
        return {**builder.get_environ(), "REQUEST_URI": request.path_url}
    finally:
        builder.close()
