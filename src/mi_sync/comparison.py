"""Where the state and a board differ, whatever the records ask for: what `check` and `state rebuild` tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mi_sync.identity import Marker
from mi_sync.model import Link, Remote, Snapshot

What = Literal["gone", "taken", "unmarked", "unlinked", "duplicate", "copy"]

EXPLAINED: Mapping[What, str] = {
    "gone": "the state has a link, and the board no such item: somebody removed it or moved it away",
    "taken": "its item now carries the mark of another programme",
    "unmarked": "its item has lost its mark, so only the state knows it",
    "unlinked": "it carries our mark, and the state has no link to it",
    "duplicate": "it carries the mark of an item that the state links elsewhere",
    "copy": "it is a copy of an item of ours",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One item about which state and board differ."""

    what: What
    key: str
    title: str
    url: str

    def __str__(self) -> str:
        return f"{self.title or self.key}: {EXPLAINED[self.what]} ({self.url or 'no address'})."


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences, how many links there are, and how many items of other programmes the board has."""

    links: int
    foreign: int
    differences: tuple[Difference, ...]


def compare(links: Mapping[str, Link], snapshot: Snapshot, programme: str) -> Comparison:
    """Compares the links of one target with its board, as the markers of `programme` (its short id) tell."""
    markers = {remote.id: marker for remote in snapshot.remotes if (marker := Marker.decode(remote.marker))}
    foreign = sum(marker.programme != programme for marker in markers.values())
    found = (*_of_links(links, snapshot, markers, programme), *_of_items(links, snapshot, markers, programme))
    return Comparison(len(links), foreign, found)


def _of_links(
    links: Mapping[str, Link], snapshot: Snapshot, markers: Mapping[str, Marker], programme: str
) -> Iterator[Difference]:
    present = {remote.id for remote in snapshot.remotes}
    for link in links.values():
        marker = markers.get(link.id)
        if link.id not in present:
            if snapshot.complete:
                yield _about(link, "gone")
        elif marker is None:
            yield _about(link, "unmarked")
        elif marker.programme != programme:
            yield _about(link, "taken")


def _of_items(
    links: Mapping[str, Link], snapshot: Snapshot, markers: Mapping[str, Marker], programme: str
) -> Iterator[Difference]:
    linked = {link.id for link in links.values()}
    nonces = {link.key: link.nonce for link in links.values()}
    # The oldest first: where nobody is linked, it is the original, and what follows is a copy or a second creation.
    for remote in sorted(snapshot.remotes, key=lambda it: it.id):
        marker = markers.get(remote.id)
        if marker is None or marker.programme != programme or remote.id in linked:
            continue
        if marker.key not in nonces:
            nonces[marker.key] = marker.nonce
            yield _of(remote, marker, "unlinked")
        else:
            yield _of(remote, marker, "copy" if nonces[marker.key] == marker.nonce else "duplicate")


def _about(link: Link, what: What) -> Difference:
    return Difference(what, link.key, link.title, link.url)


def _of(remote: Remote, marker: Marker, what: What) -> Difference:
    return Difference(what, marker.key, remote.title, remote.url)
