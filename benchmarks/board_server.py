"""The sandboxes as a server that counts: `python -m benchmarks.board_server FOLDER`, until it is ended.

Its first line of output is a JSON object: the address, and the settings and environment of each board. A GET of
/counts tells how many requests came since the last one, by method, and how many of them were refused by a 429. With
`--latency` each answer comes so many seconds later. With `--lower LIMIT --after N` the limit is another one after N
requests.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mi_sync.cli.serve import installed, listening
from mi_sync.connector import Sandbox, SandboxApp, SandboxOptions

Wsgi = Callable[..., Iterable[bytes]]
COUNTS = "/counts"


class Counting:
    """A web application that counts what it is asked, and hands it on."""

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def around(self, wsgi: Wsgi, lowered: Wsgi | None, after: int) -> Wsgi:
        """The application with counting; from the request `after` on the other one answers."""

        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            with self._lock:
                self._counts[environ["REQUEST_METHOD"]] += 1
                self._counts["all"] += 1
                chosen = lowered if lowered is not None and self._counts["all"] > after else wsgi

            def start(status: str, headers: list[tuple[str, str]], *more: object) -> object:
                if status.startswith("429"):
                    with self._lock:
                        self._counts["429"] += 1
                return start_response(status, headers, *more)

            time.sleep(self._latency)
            return chosen(environ, start)

        return answer

    def told(self, _: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """What was counted, which begins anew."""
        with self._lock:
            text = json.dumps(self._counts).encode()
            self._counts.clear()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
        return [text]


def main() -> None:
    """Serves until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rate-limit", type=int)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--lower", type=int)
    parser.add_argument("--after", type=int, default=0)
    given = parser.parse_args()
    counting = Counting(given.latency)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    def opened(it: Sandbox, options: SandboxOptions) -> SandboxApp:
        app = it.open(options)
        lowered = it.open(replace(options, rate_limit=given.lower)).wsgi if given.lower else None
        return replace(app, wsgi=counting.around(app.wsgi, lowered, given.after))

    with listening() as stage:
        apps = {}
        for it in installed():
            apps[it.name] = stage.mount(it, partial(opened, it), given.folder / it.name, given.rate_limit)
        stage._dispatcher.mounts[COUNTS] = counting.told  # noqa: SLF001  it has no other door
        boards = {name: {"settings": app.settings, "environ": app.environ} for name, app in apps.items()}
        sys.stdout.write(json.dumps({"url": stage.url, "boards": boards}, default=dict) + "\n")
        sys.stdout.flush()
        stop.wait()


if __name__ == "__main__":
    main()
