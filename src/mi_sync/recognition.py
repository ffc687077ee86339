"""Which mapping a file is for, told from its header: with confidence, or not at all.

    fits       how well each mapping fits a header, best first
    recognise  the one that fits clearly best, or an error that names the candidates

Nothing here reads files, the clock or the network.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from mi_sync.errors import SourceError
from mi_sync.fields import Options
from mi_sync.language import Mapping
from mi_sync.mapping import compile_mapping
from mi_sync.sensitive import is_eeo
from mi_sync.values import fold, line

ENOUGH = 0.6
"""The share of a header that a mapping must know, unless it has a signature of its own."""
MARGIN = 0.05
"""Two mappings whose scores are closer than this are told apart by what they are, not by their scores."""
_SIGNED = 0.5
"""What columns are worth that only this format has."""
_ATTESTED = {"header": 2, "fields": 1, "none": 0}


@dataclass(frozen=True)
class Fit:
    """How well a mapping fits a header.

    Attributes:
        mapping: which.
        known: how many columns of the header it knows: those that it reads, and those of its `looks_like`.
        columns: how many the header has, those that are never kept aside.
        signed: whether its `looks_like` holds a column that no mapping without one knows.
    """

    mapping: Mapping
    known: int
    columns: int
    signed: bool

    @cached_property
    def score(self) -> float:
        """The share of the header that it knows, and more for columns that only its format has."""
        return self.known / self.columns + (_SIGNED if self.signed else 0.0)

    @property
    def confidence(self) -> float:
        """The score as a number from 0 to 1."""
        return round(min(1.0, self.score), 2)

    @property
    def evidence(self) -> str:
        """The score in words."""
        own = ", some of which only this format has" if self.signed else ""
        return f"knows {self.known} of {self.columns} columns{own}"

    @property
    def standing(self) -> tuple[bool, int]:
        """Of two that fit equally well, the one that declares its looks wins, then the better attested one."""
        return bool(self.mapping.looks_like), _ATTESTED[self.mapping.attested]


def fits(header: Sequence[str], mappings: Iterable[Mapping]) -> list[Fit]:
    """The mappings that could read this header, best first; those that go by name only are left out."""
    names = {fold(name) for name in header if line(name) and not is_eeo(name)}
    offered = [it for it in mappings if it.looks_like is None or it.looks_like]
    common = {name for it in offered if it.looks_like is None for name in _reads(it)}
    found = [_fit(it, names, common) for it in offered if _could_read(it, header, names)]
    return sorted(found, key=lambda fit: (-fit.score, *(-int(part) for part in fit.standing), fit.mapping.name))


def recognise(header: Sequence[str], mappings: Iterable[Mapping], file: str) -> Fit:
    """The mapping that fits this header clearly best.

    Raises:
        SourceError: none fits well enough, or two fit equally well; the message names the candidates.
    """
    found = fits(header, mappings)
    enough = [fit for fit in found if _is_enough(fit)]
    near = [fit for fit in enough if enough[0].score - fit.score < MARGIN]
    near.sort(key=lambda fit: fit.standing, reverse=True)
    if not near:
        raise _refusal("it is not recognised", found, file)
    if len(near) > 1 and near[1].standing == near[0].standing:
        raise _refusal("it could be several things", near, file)
    return near[0]


def _is_enough(fit: Fit) -> bool:
    return fit.signed or fit.known / fit.columns >= ENOUGH


def _reads(it: Mapping) -> set[str]:
    """The columns that a mapping reads, folded."""
    return {fold(column) for record in it.records for f in record.fields for column in f.spec.columns}


def _could_read(it: Mapping, header: Sequence[str], names: Collection[str]) -> bool:
    if any(fold(column) not in names for column in it.looks_like or ()):
        return False
    try:
        compile_mapping(it, header, Options(), programme="", file="")
    except SourceError:
        return False
    return True


def _fit(it: Mapping, names: Collection[str], common: Collection[str]) -> Fit:
    looks = {fold(column) for column in it.looks_like or ()}
    known = (_reads(it) | looks) & set(names)
    return Fit(it, len(known), len(names), signed=bool(looks - set(common)))


def _refusal(why: str, found: Sequence[Fit], file: str) -> SourceError:
    candidates = "; ".join(f"{fit.mapping.name} ({fit.evidence})" for fit in found[:5])
    told = f"the candidates are {candidates}" if found else "no mapping fits its header"
    return SourceError(
        f"{why}: {told}.",
        where=file,
        remedy='Name one: mapping = "…"; `mi-sync inspect FILE` shows what the file is and proposes a mapping.',
    )
