"""What is never kept: EEO data, IP addresses and coordinates, told by a column's name or by what its cells look like.

    is_eeo       by name: for every reader, which then refuses a mapping that names such a column
    looks_like   by value: for `inspect`, because a name may say nothing

EEO is what the US Equal Employment Opportunity Commission names as protected (race, colour, religion, sex, national
origin, age, disability, genetic information), with veteran and visa status. A name is judged by whole words, because
`Trace` is no race. Some words say it wherever they stand (`ethnicity`). Others say it only where nothing but words
about a person stand beside them: `Your age`, but not `Age of the company`. When in doubt a column is refused; whoever
knows better renames it. Nothing here reads files, the clock or the network.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache


def _listed(text: str, between: str | None = None) -> list[str]:
    return [" ".join(each.split()) for each in text.split(between) if each.strip()]


_CLEAR = frozenset(
    _listed("""
    ancestry birth birthdate birthday birthplace bisexual citizenship disabilities disability disabled dob eeo eeoc
    ethnic ethnicities ethnicity gay gender genders gps handicap handicapped hispanic immigration indigenous latina
    latino latinx latitude lesbian lgbt lgbtq lgbtqia longitude nationalities nationality nonbinary pregnancy
    pregnant pronoun pronouns racial religion religions religious sex sexual sexuality sponsorship transgender
    veteran veterans visa visas
    behinderung discapacidad ethnie etnia geburtsdatum geburtstag genero geschlecht handicape hautfarbe nacimiento
    nacionalidad naissance nationalitat nationalite raza religionszugehorigkeit sexe sexo staatsangehorigkeit
    staatsburgerschaft
    """)
)
"""Words that say it wherever they stand, in English and in the languages that forms are often in, without accents."""

_PHRASES = _listed(
    """
    armed forces, authorised to work, authorization to work, authorized to work, color of skin, country of origin,
    date de naissance, date of birth, eligibility to work, eligible to work, employment authorization,
    family status, first gen, first generation, gender identity, genetic information, geo location, how old are you,
    ip addr, ip address, ip addresses, legal to work, legally work, marital status, military service,
    military status, national origin, permanent resident, place of origin, require sponsoring, right to work,
    self identification, skin color, skin colour, titre de sejour, tribal affiliation, work authorisation,
    work authorization, work eligibility, work permit, working permit, year born, you born
    """,
    ",",
)
"""Words that say it together."""
_JOINED = frozenset(phrase.replace(" ", "") for phrase in _PHRASES)
"""The same as one word, such as `ipaddress`."""

_HARMLESS = _listed(
    """
    account disabled, citizen science, corporate sponsorship, disability insurance, disability services,
    disability studies, ethnic studies, event sponsorship, gender studies, notifications disabled, race condition,
    race conditions, race day, religious studies, sex education, sponsorship package, sponsorship packages,
    sponsorship sales, veterans day, visa card, visa gift card
    """,
    ",",
)
"""Words that say something else together: they are passed over."""

_VAGUE = frozenset(_listed("age ages citizen citizens coordinate coordinates ip lat lng lon race races"))
"""Words that say it only beside words about a person, or alone."""

_ABOUT = frozenset(
    _listed("""
    a an and answer applicant applicants are as at best birth bracket candidate candidates category choose client
    code codes contact current currently data demographic demographics desc describe describes description do does
    employee enter field geo group groups host how i id identify if in indicate info information intern interns is
    lat lng location lon long map me my name names not of old one optional or other please point prefer primary
    question range remote reported required resident response s say select self server source specify status student
    students survey text that the their to type u un us user value voluntary what which with would x y years you
    your
    """)
)
"""Words that stand beside such a word when it is about a person, or about where somebody sits."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


@lru_cache(maxsize=4096)
def is_eeo(column: str) -> bool:
    """Whether a column's name says that it holds what is never kept: EEO data, IP addresses, coordinates."""
    text = f" {' '.join(_words(column))} "
    for phrase in _HARMLESS:
        text = text.replace(f" {phrase} ", " … ")  # keeps what stood around it apart
    words = set(text.split())
    if not _CLEAR.isdisjoint(words) or not _JOINED.isdisjoint(words) or any(f" {it} " in text for it in _PHRASES):
        return True
    vague = _VAGUE & words
    return bool(vague) and words - vague <= _ABOUT


def _words(text: str) -> list[str]:
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return [word.casefold() for word in _WORD.findall(plain)]


# ------------------------------------------------------------------------------------------------------ values

_DECIMAL = r"[+-]?[0-9]{1,3}\.[0-9]{3,}"
_PAIR = re.compile(rf"\(?\s*({_DECIMAL})\s*[,; ]\s*({_DECIMAL})\s*\)?")
_ONE = re.compile(r"[+-]?[0-9]{1,3}\.[0-9]{4,}")
_DEGREES = re.compile(r"[0-9]{1,3}\s*°\s*[0-9]{1,2}(?:\.[0-9]+)?\s*['\u2032\u2019].*[NSEWO]?", re.IGNORECASE)


def looks_like(cells: Sequence[str]) -> str | None:
    """What most of a column's cells look like: "IP addresses", "coordinates", or None."""
    for what, test in (("IP addresses", _is_ip), ("coordinates", _is_coordinate)):
        if cells and sum(1 for cell in cells if test(cell.strip())) > len(cells) / 2:
            return what
    return None


def _is_ip(cell: str) -> bool:
    try:
        ipaddress.ip_address(cell.strip("[]"))
    except ValueError:
        return False
    return "." in cell or ":" in cell


def _is_coordinate(cell: str) -> bool:
    """A pair, degrees, or one number as finely divided as only places are."""
    if _DEGREES.fullmatch(cell):
        return True
    pair = _PAIR.fullmatch(cell)
    if pair:
        return abs(float(pair[1])) <= 90 and abs(float(pair[2])) <= 180
    return bool(_ONE.fullmatch(cell)) and abs(float(cell)) <= 180
