"""The engine on a board in memory: what the tests of planning and applying share."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from mi_sync import applying, identity, sync
from mi_sync import plan as planning
from mi_sync.config import Config, Safety
from mi_sync.events import Outside, Result, Run
from mi_sync.http import Wire
from mi_sync.identity import Marker
from mi_sync.milestones import Programme
from mi_sync.model import Capabilities, Item, Member, Remote, Snapshot
from mi_sync.plan import Change, Desired, Plan, Rules
from mi_sync.state import Store
from mi_sync.testing import Clock, MemoryBoard, MemoryHand, MemoryWorld

ZONE = ZoneInfo("America/Chicago")
OURS = identity.programme_short("spring")
OWNERS = ("app-1", "app-2")
CONFIG = Config(Path("config.toml"), Programme("spring", "Spring", ZONE), Path("state.db"), (), (), Safety(1.0, 1000))
CONFLICTS: dict[str, planning.Resolution] = {"title": "ours", "body": "ask", "due": "theirs", "start": "theirs"}


PLAIN = Capabilities()
OTHER = Capabilities(unique=True, archive="completed", new_items="top")
"""A board that archives by completing, keeps names unique and puts what is new on top."""


class World:
    """One board, one store, and the records' wishes; `sync` does what a run does from the records on."""

    def __init__(self, late_by: float, able: Capabilities = PLAIN) -> None:
        self.able = able
        self.clock = Clock()
        self.world = MemoryWorld(self.clock.now, [Member("m1", "kim", "Kim", "kim@example.org")])
        self.world.late_by = timedelta(seconds=late_by)
        self.hand = MemoryHand(self.world)
        self.desired: dict[str, Item] = {}
        self.numbers = itertools.count(1)
        self.lose_state()

    def lose_state(self) -> None:
        self.store = Store.scratch(Path("there is none"), "spring")

    def board(self) -> MemoryBoard:
        return MemoryBoard(self.world, self.able)

    def run(self) -> Run:
        outside = Outside(
            Wire(now=self.clock.now, monotonic=self.clock.monotonic, sleep=self.clock.sleep),
            nonce=lambda: f"nonce{next(self.numbers)}",
        )
        return Run(CONFIG, self.store, outside, Result(f"run-{next(self.numbers)}"))

    def plan(self, run: Run, recreate: Iterable[str] = (), *, adopt: bool = False) -> tuple[Plan, Snapshot]:
        board = self.board()
        story = applying.settle(run, "board", board, board.snapshot(), wait=True)
        snapshot = finish(story)
        rules = Rules(
            "board", OURS, ZONE, CONFLICTS, max_archive=1.0, recreate=frozenset(recreate),
            archive=self.able.archive, new_items=self.able.new_items, adopt=adopt,
        )  # fmt: skip
        made = planning.make(Desired(self.desired, frozenset(OWNERS)), self.store.links("board"), snapshot, rules)
        return Plan(OURS, run.result.run_id, (made,)), snapshot

    def sync(self, recreate: Iterable[str] = (), *, adopt: bool = False) -> Result:
        run = self.run()
        plan, snapshot = self.plan(run, recreate, adopt=adopt)
        for _ in sync.apply(run, plan, {"board": snapshot}, {"board": self.board()}):
            pass
        return run.result

    def pending(self) -> tuple[Change, ...]:
        return self.plan(self.run())[0].changes

    def marked(self, key: str) -> list[Remote]:
        found = [(item.remote(), Marker.decode(item.remote().marker)) for item in self.world.items.values()]
        return [r for r, marker in found if marker and (marker.programme, marker.key) == (OURS, key)]


def finish(story: Any) -> Any:
    """What a generator returns."""
    while True:
        try:
            next(story)
        except StopIteration as done:
            return done.value
