"""`mi-sync`, but killed for real (SIGKILL) at one moment of its nth write; started by test_proof.py.

    crash_child.py MOMENT NUMBER COMMAND…

MOMENT is before-send, after-effect (the server has done it, the reply was not read) or before-commit (the reply was
read, nothing of it is stored). `look` kills nothing; it counts the writes and prints how many there were.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from mi_sync.cli import invoke, session
from mi_sync.state import Store


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Deadly(HTTPAdapter):
    """Counts the writes, and dies at the appointed one."""

    def __init__(self, moment: str, number: int) -> None:
        super().__init__()
        self.moment, self.number, self.writes = moment, number, 0

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if request.method == "GET":
            return super().send(request, *args, **kwargs)
        self.writes += 1
        ours = self.writes == self.number
        if ours and self.moment == "before-send":
            die()
        response = super().send(request, *args, **kwargs)
        if ours and self.moment == "after-effect":
            die()
        return response


def die_before_commit(deadly: Deadly) -> None:
    """The first thing that is stored after the reply is never stored."""
    transaction = Store.transaction

    def deadly_transaction(self: Store) -> Any:
        if deadly.writes >= deadly.number:
            die()
        return transaction(self)

    Store.transaction = deadly_transaction  # type: ignore[method-assign]  # this process exists to be broken


def main() -> None:
    moment, number = sys.argv[1], int(sys.argv[2])
    deadly = Deadly(moment, number)
    session.WIRE.update(transport=deadly, sleep=lambda _: None)
    if moment == "before-commit":
        die_before_commit(deadly)
    code = invoke(sys.argv[3:])
    if moment == "look":
        sys.stderr.write(f"\nwrites: {deadly.writes}\n")
    sys.exit(code)


main()
