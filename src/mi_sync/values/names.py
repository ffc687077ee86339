"""Names of persons, their parts and initials."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mi_sync.values.markup import text
from mi_sync.values.text import BadValue, line

_PARTICLES = frozenset(
    {"af", "al", "av", "bin", "da", "das", "de", "del", "della", "den", "der", "di", "do", "dos", "du", "el", "la"}
    | {"le", "los", "ten", "ter", "van", "von", "zu"}
)
_SMALL = frozenset({"da", "das", "de", "del", "della", "den", "der", "dos", "du", "ten", "ter", "van", "von", "zu"})
"""Particles that are hardly ever names of their own, so that they are small again where all was in capitals."""
_SUFFIXES = {
    "jr": "Jr", "sr": "Sr", "ii": "II", "iii": "III", "iv": "IV", "phd": "PhD", "esq": "Esq", "mba": "MBA",
    "cpa": "CPA", "edd": "EdD", "jd": "JD",
}  # fmt: skip
"""What stands behind a name and is none."""
_DOCTOR = re.compile(r"M\.?D\.?|Ph\.D\.?")
"""With a small letter, `Md` is a given name."""
_SCOTTISH = re.compile(r"\bMc([^\W\d_])")


def person(cell: str) -> str:
    """A name or a part of one: `SMITH, ANNA` is Anna Smith; all capitals become capitalised words."""
    name = text(cell)
    if turned := _surname_first(name):
        name = ", ".join([f"{turned.given} {turned.family}", *turned.suffixes])
    return _capitalised(name) if name.isupper() and len(name) > 2 else name


class _Turned(NamedTuple):
    """A name whose comma tells its parts."""

    given: str
    family: str
    suffixes: Sequence[str]


def _surname_first(name: str) -> _Turned | None:
    """The parts of `O'Brien, Sam, Jr.`; None where only suffixes stand behind a comma, or more than a comma tells."""
    parts = [part.strip() for part in name.split(",")]
    names = [part for part in parts if not _is_suffix(part)]
    if len(names) != 2 or not all(names) or parts[0] != names[0]:
        return None
    return _Turned(names[1], names[0], [part for part in parts if _is_suffix(part)])


def _is_suffix(word: str) -> bool:
    return word.casefold().rstrip(".") in _SUFFIXES or bool(_DOCTOR.fullmatch(word))


def _capitalised(name: str) -> str:
    words = name.split(" ")
    inner = range(1, len(words) - 1)
    return " ".join(_word(word, is_inner=index in inner) for index, word in enumerate(words))


def _word(word: str, *, is_inner: bool) -> str:
    core = word.rstrip(".,")
    if is_inner and core.casefold() in _SMALL:
        return word.casefold()
    if suffix := _SUFFIXES.get(core.casefold()):
        return suffix + word[len(core) :]
    if _DOCTOR.fullmatch(core):
        return word
    titled = unicodedata.normalize("NFC", word.title())
    return _SCOTTISH.sub(lambda found: f"Mc{found[1].upper()}", titled)


def name_parts(cell: str) -> tuple[str | None, str | None]:
    """Given and family name, of a name as it is written.

    A comma tells them: `García López, Ana`. Without one the family name is the last word, with the particles before it
    (`van der Berg`).
    """
    words = person(cell).partition(",")[0].split()
    while len(words) > 2 and _is_suffix(words[-1]):
        words.pop()
    if len(words) < 2:
        return (words[0] if words else None), None
    turned = _surname_first(text(cell))
    start = len(turned.given.split()) if turned else _family_start(words)
    return " ".join(words[:start]), " ".join(words[start:])


def _family_start(words: Sequence[str]) -> int:
    start = len(words) - 1
    while start > 1 and words[start - 1].casefold() in _PARTICLES:
        start -= 1
    return start


def initials_of(given: str | None, family: str | None) -> str | None:
    """The first letter of the given and of the family name, particles aside: Ana María López is AL."""
    words = [next(iter((given or "").split()), ""), next(iter(_without_particles(family)), "")]
    return "".join(letter for word in words for letter in _first_letter(word)) or None


def _without_particles(family: str | None) -> Sequence[str]:
    words = (family or "").split()
    return [word for word in words if word.casefold() not in _PARTICLES] or words


def _first_letter(word: str) -> Iterator[str]:
    letter = next((c for c in word if c.isalpha()), "")
    yield unicodedata.normalize("NFC", letter.upper())[:1]


def initials(cell: str) -> str:
    """Initials as given. They are public, so that a whole name in this column must not pass."""
    letters = line(cell)
    words = re.findall(r"[^\W\d_]+", letters)
    names = [word for word in words if len(word) > 2 and word[1:].islower()]
    if len(letters) > 6 or names or len([word for word in words if len(word) > 1]) > 1:
        raise BadValue("is too long for initials; give at most 6 characters, such as AL or A. L.")
    return letters
