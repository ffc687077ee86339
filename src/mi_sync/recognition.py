"""Which mapping a file is for, told from its header: with confidence, or not at all.

    fits       how well each mapping fits a header, best first
    recognise  the one that fits clearly best, or an error that names the candidates

Nothing here reads files, the clock or the network.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from functools import cached_property

from mi_sync.errors import SourceError
from mi_sync.fields import Options, column_pattern, is_numbered
from mi_sync.language import Mapping
from mi_sync.mapping import Untold, compile_mapping
from mi_sync.sensitive import is_eeo
from mi_sync.values import fold, line

ENOUGH = 0.6
"""The share of a header that a mapping must know, unless it has a signature of its own."""
MARGIN = 0.05
"""Two mappings whose scores are closer than this are told apart by what they are, not by their scores."""
_SIGNED = 0.5
"""What columns are worth that only this format has."""
_ATTESTED = {"header": 2, "fields": 1, "none": 0}
_ANSWERS = frozenset({"kind", "rating", "would_engage_again"})
"""What makes a form one for feedback: comments, dates and names are in every other one, too."""


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
    def standing(self) -> tuple[bool, bool, int]:
        """Of two that fit equally well: the one that declares its looks, then one's own, then the better attested."""
        return bool(self.mapping.looks_like), self.mapping.own, _ATTESTED[self.mapping.attested]


def fits(header: Sequence[str], mappings: Iterable[Mapping], labels: Sequence[str] = ()) -> list[Fit]:
    """The mappings that could read this header, best first; those that go by name only are left out.

    `labels` are what else the file says of each column, such as the question of a form: as good as a name.
    """
    named = zip(header, labels or [""] * len(header), strict=True)
    kept = ((name, label) for name, label in named if line(name) and not (is_eeo(name) or is_eeo(label)))
    columns = {fold(name): fold(label) for name, label in kept}
    offered = [it for it in mappings if it.looks_like is None or it.looks_like]
    common = {name for it in offered if it.looks_like is None for name in _reads(it)}
    names = {*columns, *filter(None, columns.values())}
    found = [_fit(it, columns, common) for it in offered if _could_read(it, header, labels, names)]
    return sorted(found, key=lambda fit: (-fit.score, *(-int(part) for part in fit.standing), fit.mapping.name))


def recognise(header: Sequence[str], mappings: Iterable[Mapping], file: str, labels: Sequence[str] = ()) -> Fit:
    """The mapping that fits this header clearly best.

    Raises:
        SourceError: none fits well enough, or two fit equally well; the message names the candidates.
    """
    mappings = list(mappings)
    found = fits(header, mappings, labels)
    enough = [fit for fit in found if _is_enough(fit)]
    near = [fit for fit in enough if enough[0].score - fit.score < MARGIN]
    near.sort(key=lambda fit: fit.standing, reverse=True)
    if not found and (alike := _look_alike(header, mappings)):
        raise SourceError(
            f"it looks like {alike}, but no column of it is one from which that mapping reads what a row is about.",
            where=file,
            remedy=f'Write a mapping that begins with extends = "{alike}" and names your columns; mappings/README.md '
            "tells how.",
        )
    if not near:
        raise _refusal("it is not recognised", found, file)
    if len(near) > 1 and near[1].standing == near[0].standing:
        raise _refusal("it could be several things", near, file)
    return near[0]


def _look_alike(header: Sequence[str], mappings: Iterable[Mapping]) -> str:
    """The one mapping whose looks the header has, such as a form tool's whose questions are the customer's own."""
    names = set(map(fold, header))
    alike = [it.name for it in mappings if it.looks_like and all(fold(column) in names for column in it.looks_like)]
    return alike[0] if len(alike) == 1 else ""


def _is_enough(fit: Fit) -> bool:
    return fit.signed or fit.known / fit.columns >= ENOUGH


def _reads(it: Mapping) -> set[str]:
    """The columns that a mapping knows, folded; a star stands for any number."""
    return {fold(column) for column in it.columns}


def _could_read(it: Mapping, header: Sequence[str], labels: Sequence[str], names: Collection[str]) -> bool:
    if any(fold(column) not in names for column in it.looks_like or ()) or not _is_about(it, names):
        return False
    try:
        compile_mapping(it, header, Options(), programme="", file="", labels=labels)
    except Untold as error:  # what the file does not say, the source can; but what it is about must be sure
        return bool(it.looks_like) or "posting.title" not in error.names
    except SourceError:
        return False
    return True


def _is_about(it: Mapping, names: Collection[str]) -> bool:
    """Whether the file holds what a row is about: of feedback an answer."""
    if it.primary != "feedback":
        return True
    told = [f for f in it.records[-1].fields if f.name in _ANSWERS]
    return any(f.line is None or any(fold(column) in names for column in f.spec.columns) for f in told)


def _fit(it: Mapping, columns: Dict[str, str], common: Collection[str]) -> Fit:
    looks = {fold(column) for column in it.looks_like or ()}
    wanted = _reads(it) | looks
    numbered = [column_pattern(each) for each in wanted if is_numbered(each)]
    known = sum(
        name in wanted or label in wanted or any(each.fullmatch(name) for each in numbered)
        for name, label in columns.items()
    )
    return Fit(it, known, len(columns), signed=bool(looks - set(common)))


def _refusal(why: str, found: Sequence[Fit], file: str) -> SourceError:
    candidates = "; ".join(f"{fit.mapping.name} ({fit.evidence})" for fit in found[:5])
    told = f"the candidates are {candidates}" if found else "no mapping fits its header"
    return SourceError(
        f"{why}: {told}.",
        where=file,
        remedy='Name one: mapping = "…"; `mi-sync inspect FILE` shows what the file is and proposes a mapping.',
    )
