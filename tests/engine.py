"""The engine on a board in memory: what the tests of planning and applying share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from mi_sync import identity
from mi_sync.identity import Marker
from mi_sync.model import Capabilities, Remote
from mi_sync.plan import PLAIN
from mi_sync.testing import Engine, MemoryBoard, MemoryHand, MemoryItem, MemoryLab
from mi_sync.testing.runs import OWNERS, ZONE, finished

__all__ = ["OTHER", "OURS", "OWNERS", "PLAIN", "ZONE", "World", "finished"]

OURS = identity.programme_short("spring")
OTHER = Capabilities(unique=True, archive="completed", new_items="top")
"""A board that archives by completing, keeps names unique and puts what is new on top."""


class World(Engine):
    """One board in memory, with its people at hand."""

    def __init__(self, late_by: float, able: Capabilities = PLAIN) -> None:
        self.able = able
        lab = MemoryLab(lambda world: MemoryBoard(world, self.able))
        super().__init__(lab)
        self.clock, self.world, self.hand = lab.clock, lab.world, MemoryHand(lab.world)
        self.world.late_by = timedelta(seconds=late_by)

    def board(self) -> MemoryBoard:
        return MemoryBoard(self.world, self.able)

    def fields_of(self, item: MemoryItem) -> Mapping[str, str]:
        """What an item says of the board's custom fields."""
        return item.remote(self.world.fields).fields

    def marked(self, key: str) -> list[Remote]:
        found = [(item.remote(), Marker.decode(item.remote().marker)) for item in self.world.items.values()]
        return [r for r, marker in found if marker and (marker.programme, marker.key) == (OURS, key)]
