"""A channel of Slack, as far as its documents tell, for the tests: over an adapter, or served at an address."""

from __future__ import annotations

import inspect
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests
from requests.adapters import BaseAdapter
from slack_sdk import WebClient
from slack_sdk.models.blocks import Block

TOKEN = "xoxb-1-secret"
HOOK = "https://hooks.slack.com/services/T0/B0/x-secret"
METHODS = {
    "chat.postMessage": WebClient.chat_postMessage,
    "chat.update": WebClient.chat_update,
    "conversations.history": WebClient.conversations_history,
}


class Slack(BaseAdapter):
    """A channel, as far as Slack's documents tell: it holds messages, and refuses what the library would not send."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.refuses: dict[str, str] = {}
        self.status = 200
        self.refusal = b"no_service"
        self.loses: set[str] = set()

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        address, body = str(request.url), json.loads(request.body or b"{}")
        method = address.rpartition("/")[2]
        reply = self._hook(body) if address == HOOK else self.answer(method, request.headers, body)
        if method in self.loses:
            self.loses.remove(method)
            raise requests.ConnectionError("reset after the effect")
        response = requests.Response()
        response.status_code, response.raw = self.status, _Raw(reply)
        return response

    def close(self) -> None:
        pass

    def _hook(self, body: Mapping[str, Any]) -> bytes:
        if self.status == 200:
            self._keep(body)
        return b"ok" if self.status == 200 else self.refusal

    def answer(self, method: str, headers: Mapping[str, str], body: dict[str, Any]) -> bytes:
        self.calls.append(method)
        assert headers["Authorization"] == f"Bearer {TOKEN}"
        known = {*inspect.signature(METHODS[method]).parameters} | {"include_all_metadata"}
        assert set(body) <= known, f"{method} has no {set(body) - known}"
        if method in self.refuses:
            return json.dumps({"ok": False, "error": self.refuses[method]}).encode()
        assert body["channel"] == "C01"
        if method == "conversations.history":
            top = [{"ts": ts, **each} for ts, each in self.messages.items() if "thread_ts" not in each]
            return json.dumps({"ok": True, "messages": top[::-1]}).encode()
        if method == "chat.update" and body["ts"] not in self.messages:
            return json.dumps({"ok": False, "error": "message_not_found"}).encode()
        return json.dumps({"ok": True, "channel": "C01", "ts": self._keep(body)}).encode()

    def _keep(self, body: Mapping[str, Any]) -> str:
        blocks = Block.parse_all(body["blocks"])
        assert len(blocks) == len(body["blocks"]) <= 50
        for block in blocks:
            block.validate_json()
        assert body["text"]
        ts = str(body.get("ts") or f"{len(self.messages) + 1}.0")
        self.messages[ts] = {name: value for name, value in body.items() if name not in {"channel", "ts"}}
        return ts

    def shown(self) -> list[str]:
        return [json.dumps(each["blocks"], ensure_ascii=False) for each in self.messages.values()]


class _Raw:
    """What requests reads a reply from."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read1(self, *_: Any, **__: Any) -> bytes:
        content, self._content = self._content, b""
        return content

    def release_conn(self) -> None:
        pass

    def close(self) -> None:
        pass


@contextmanager
def served(slack: Slack) -> Iterator[str]:
    """The channel behind an address of this computer."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reply = slack.answer(self.path.rpartition("/")[2], dict(self.headers), body)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's signature
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
