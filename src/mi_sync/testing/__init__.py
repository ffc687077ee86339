"""For authors of connectors: the contract as checks, reference implementations, and faults on demand.

A check is a small function whose docstring is the clause that it proves. It needs no test runner; with pytest:

    @pytest.mark.parametrize("name", BOARD_CHECKS)
    def test_contract(name: str, tmp_path: Path) -> None:
        BOARD_CHECKS[name](MyLab(tmp_path))

`check_board`, `check_source` and `check_publisher` run all of them and tell everything that is wrong at once. A lab is
what an author supplies: the connector, aimed at something that can be looked at and meddled with behind its back. Every
check wants a new lab with an empty board.
"""

from __future__ import annotations

from mi_sync.testing.boards import BOARD_CHECKS, CAPABILITY_CHECKS, BoardCheck, BoardLab, Hand, check_board
from mi_sync.testing.memory import (
    MemoryBoard,
    MemoryHand,
    MemoryItem,
    MemoryLab,
    MemoryPublisher,
    MemoryPublisherLab,
    MemorySource,
    MemorySourceLab,
    MemoryWorld,
)
from mi_sync.testing.publishers import PUBLISHER_CHECKS, PublisherCheck, PublisherLab, check_publisher
from mi_sync.testing.runs import RUN_CHECKS, Engine, RunCheck, check_runs
from mi_sync.testing.sources import SOURCE_CHECKS, SourceCheck, SourceLab, check_source
from mi_sync.testing.suite import Clock, Fault, failures

__all__ = [
    "BOARD_CHECKS",
    "CAPABILITY_CHECKS",
    "PUBLISHER_CHECKS",
    "RUN_CHECKS",
    "SOURCE_CHECKS",
    "BoardCheck",
    "BoardLab",
    "Clock",
    "Engine",
    "Fault",
    "Hand",
    "MemoryBoard",
    "MemoryHand",
    "MemoryItem",
    "MemoryLab",
    "MemoryPublisher",
    "MemoryPublisherLab",
    "MemorySource",
    "MemorySourceLab",
    "MemoryWorld",
    "PublisherCheck",
    "PublisherLab",
    "RunCheck",
    "SourceCheck",
    "SourceLab",
    "check_board",
    "check_publisher",
    "check_runs",
    "check_source",
    "failures",
]
