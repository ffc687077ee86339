"""Pings to a dead man's switch, which alerts when a scheduled run fails, hangs or never comes.

The protocol is that of Healthchecks (healthchecks.io/docs/http_api): POST to URL/start, URL, URL/fail or URL/log, with
a short text, and `rid`, a UUID that joins the pings of one run. Others speak it as well, or at least take URL.
A ping never changes how a run ends: it is sent once and for a few seconds, and what goes wrong with it is a warning.
"""

from __future__ import annotations

import logging
import re
import threading
import uuid
from dataclasses import replace
from urllib.parse import SplitResult, parse_qsl, urlsplit

from mi_sync.errors import ExitCode, MiSyncError
from mi_sync.http import Budget, Http, Window, Wire, is_loopback

log = logging.getLogger(__name__)

SECONDS = 5.0
"""A ping is given up after so long, also where a name does not resolve or a reply drips."""

_ENDS = {ExitCode.OK: "", ExitCode.BUDGET: "", ExitCode.LOCKED: "/log"}
"""What ends tell; all others are failures. A used-up budget is success: the job lives, and a start that only a log
follows counts as a job that hangs (healthchecks.io/docs/measuring_script_run_time). Who holds the lock pings, too."""


class Pings:
    """The pings of one run.

    Args:
        url: where to; as good as a password, so that it is in no message.
        wire: the transport; its budget is the run's and is left alone.
        seconds: how long each may take.
    """

    def __init__(self, url: str, wire: Wire, seconds: float = SECONDS) -> None:
        self._url = url
        self._wire = replace(wire, budget=Budget(), timeout=(seconds, seconds), deadline=seconds, about={})
        self._seconds = seconds
        self._rid = str(uuid.uuid4())

    def start(self) -> None:
        """The run begins: from now on the switch waits for its end."""
        self._ping("/start", "mi-sync: began")

    def end(self, code: ExitCode, text: str) -> None:
        """How the run ended; `text` goes along."""
        try:
            self._ping(_ENDS.get(code, "/fail"), text)
        except KeyboardInterrupt:  # somebody does not want to wait; the run has ended as it has
            _warn("it was interrupted")

    def _ping(self, signal: str, text: str) -> None:
        """In a thread of its own, because nothing else bounds how long a name takes to resolve."""
        why = [f"no answer within {self._seconds:g} s"]

        def send() -> None:
            why[0] = self._sent(signal, text)

        thread = threading.Thread(target=send, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread can be had
            why[0] = "the system has no room for it"
        else:
            thread.join(self._seconds)
        if why[0]:
            _warn(why[0])

    def _sent(self, signal: str, text: str) -> str:
        """Sends it, and tells what is wrong, if anything is."""
        try:
            parts = address(self._url)
            http = Http(
                f"{parts.scheme}://{parts.netloc}",
                headers={"User-Agent": "mi-sync"},
                secrets=(self._url, parts.netloc, parts.path, parts.query),
                wire=self._wire,
                window=Window(10, 1.0),
                name="the switch",
            )
            path = f"{parts.path.rstrip('/')}{signal}"
            asked = dict(parse_qsl(parts.query, keep_blank_values=True))
            reply = http.tell(path, text, {**asked, "rid": self._rid})
        except MiSyncError as error:
            return error.why.rstrip(".")
        except Exception as error:  # noqa: BLE001  whatever it is, a run does not fail because of it
            return f"it failed ({type(error).__name__})"
        if not 200 <= reply.status < 300:
            return f"it was answered with HTTP {reply.status}"
        # An unknown address and too many pings are 200, too: "OK (not found)", "OK (rate limited)".
        said = re.fullmatch(r"OK \(([a-z ]{1,40})\)", reply.text.strip())
        return f"it was answered with {said[1]!r}" if said else ""


def address(url: str) -> SplitResult:
    """The parts of a URL to ping.

    Raises:
        MiSyncError: it is none, or would travel in the clear; the message does not repeat it.
    """
    parts = _parts(url)
    if parts is None or "@" in parts.netloc or parts.fragment:
        raise MiSyncError("the address to ping is none such as https://hc-ping.com/…")
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        return parts
    raise MiSyncError("the address to ping must start with https://; http:// is only for this computer")


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        sound = bool(parts.hostname) and parts.port != 0 and url.isprintable() and " " not in url
    except ValueError:
        return None
    return parts if sound else None


def _warn(why: str) -> None:
    log.warning("the ping of [schedule] was not sent or not taken: %s; the run is not affected", why)
