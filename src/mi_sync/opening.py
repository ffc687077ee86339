"""Sources, boards and publishers behind their specifications; opening one contacts nobody yet."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import replace

from mi_sync.config import Config, SourceSpec, TargetSpec
from mi_sync.connector import Board, Context, Publisher, Source
from mi_sync.http import Wire


def open_source(spec: SourceSpec, config: Config, wire: Wire) -> Source:
    """The source behind a specification."""
    wire = replace(wire, about={"source": spec.name})
    opened = spec.connector.open(spec.settings, Context(spec.name, config.root, config.programme.timezone, wire))
    assert isinstance(opened, Source)  # noqa: S101  the registry checked the kind
    return opened


def open_board(spec: TargetSpec, config: Config, wire: Wire) -> Board:
    """The board behind a specification."""
    opened = _opened(spec, config, wire)
    assert isinstance(opened, Board)  # noqa: S101  its connector says so
    return opened


def open_publisher(spec: TargetSpec, config: Config, wire: Wire, memory: MutableMapping[str, str]) -> Publisher:
    """The publisher behind a specification, with what it remembers."""
    opened = _opened(spec, config, wire, memory)
    assert isinstance(opened, Publisher)  # noqa: S101  as above
    return opened


def _opened(spec: TargetSpec, config: Config, wire: Wire, memory: MutableMapping[str, str] | None = None) -> object:
    wire = replace(wire, about={"target": spec.name})
    remembered = {} if memory is None else memory
    context = Context(spec.name, config.root, config.programme.timezone, wire, spec.secrets, remembered)
    return spec.connector.open(spec.settings, context)
