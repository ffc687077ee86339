"""Pay, as people write it: an amount or a range, a currency, and for how long it is paid.

The grammar is strict: every word of the text must be understood, or the text is refused. A price parser that looks for
the first number would read `$20 plus bonus` and `2 x $450` with great confidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mi_sync.values.markup import text
from mi_sync.values.numbers import amount
from mi_sync.values.text import BadValue, fold, line

_CODES = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
    CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL
    HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD
    MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG
    QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD
    TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CODES.split())
"""ISO 4217, without funds, metals and testing codes, and with BGN, which exports from before 2026 have."""
_SIGNS = {
    "us$": "USD", "ca$": "CAD", "c$": "", "a$": "AUD", "au$": "AUD", "nz$": "NZD", "hk$": "HKD", "r$": "BRL",
    "mx$": "MXN", "€": "EUR", "₹": "INR", "euro": "EUR", "euros": "EUR", "$": "", "£": "", "¥": "", "dollars": "",
}  # fmt: skip
"""Signs and words, and the currency that each names; that of several countries names none (CLDR, English)."""
_PERIODS = {
    "hour": "hour", "hr": "hour", "h": "hour", "day": "day", "week": "week", "wk": "week", "month": "month",
    "mo": "month", "mth": "month", "year": "year", "yr": "year", "annum": "year", "project": "fixed",
}  # fmt: skip
"""What pay is for, behind a word such as `per`; alone, `20 hour` says how long."""
_PER = frozenset({"/", "per", "a", "an"})
_EVERY = {
    "hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month", "annual": "year", "annually": "year",
    "yearly": "year", "p.a.": "year", "fixed": "fixed", "flat": "fixed", "once": "fixed", "one-time": "fixed",
    "lump": "fixed", "project": "fixed", "total": "fixed",
}  # fmt: skip
"""What pay is for, in a word of its own."""
_BOUNDS = {"from": "f", "least": "f", "min": "f", "minimum": "f", "starting": "f", "between": "b", "up": "u"} | {
    "max": "m", "maximum": "m", "most": "m",
}  # fmt: skip
_PLAIN = frozenset(
    {"/", ":", "(", ")", ".", ",", "per", "a", "an", "at", "for", "the", "in", "sum", "fee", "pay", "paid", "payment"}
    | {"rate", "salary", "stipend", "wage", "wages", "compensation", "range"}
)
"""What says nothing more. A stipend may be a single payment or one of many."""
_NO_AMOUNT = frozenset(
    fold(text)
    for text in (
        "competitive", "competitive salary", "competitive pay", "negotiable", "doe", "depends on experience",
        "depending on experience", "commensurate with experience", "to be determined", "tbd", "tba", "n/a", "none",
        "varies", "not specified", "not disclosed", "undisclosed", "-",
    )
)  # fmt: skip
"""Texts that say that no amount is said."""
_UNPAID = frozenset({"unpaid", "nopay", "volunteer", "voluntary"})
_NUMBER = r"[0-9](?:[0-9.,'\u2019]|\s(?=[0-9]{3}(?![0-9])))*(?<![.,'\u2019])"
_SIGN = r"us\s?\$|(?:ca|c|au|a|nz|hk|r|mx)?\$|[€₹£¥]"
_PIECE = re.compile(
    rf"\s*(?:(?P<sign>{_SIGN})|(?P<number>{_NUMBER})(?P<k>k\b)?|(?P<to>[-\u2010-\u2015]|to\b)|(?P<open>\+)|(?P<and>and\b)"
    r"|(?P<word>p\.\s?a\.|one-time\b|[^\W\d_]+|[/:().,]))",
    re.IGNORECASE,
)
_BARE = re.compile(r"[0-9]+(?:[.,][0-9]+)?")
_LONGEST = 200
"""No text about pay that is understood is longer, in characters."""
_UNREADABLE = (
    "says pay in words that are not understood; write it like USD 450 fixed or $15 - $20 per hour, or say what it "
    'means: values = { pay = { "the text" = "USD 450 fixed" } } at the source'
)


def currency(cell: str) -> str:
    """A currency code, or a sign that names one currency."""
    code = line(cell).upper()
    code = _SIGNS.get(code.casefold()) or code
    if code not in CURRENCIES:
        raise BadValue("is no currency code; write three letters of ISO 4217, such as USD")
    return code


def pay(cell: str, decimal: str = ".") -> dict[str, Any] | None:
    """The parts of `model.Pay` that a text says; None where it says that there is nothing to say (`Competitive`).

    A sign that several countries share, such as `$`, names no currency; without a word such as `fixed` or `per hour`
    it is not known what an amount is for.
    """
    clean = text(cell)
    if _BARE.fullmatch(clean):  # most amounts, so that they are quick
        value = amount(clean, decimal)
        return {"min": value, "max": value}
    word = fold(clean)
    if word in _NO_AMOUNT:
        return None
    if word in _UNPAID:
        return {"min": 0.0, "max": 0.0}
    if len(clean) > _LONGEST:
        raise BadValue(_UNREADABLE)
    return _Reading(clean, decimal).parts()


_LETTERS = {"number": "n", "k": "n", "to": "-", "open": "+", "and": "&"}
_WRITTEN = CURRENCIES - {"ALL", "TOP"}
"""The codes that stand for a currency within a text; the others are English words."""
_BEFORE, _AFTER = "(?:w+-?)?", "(?:-?w+)?"
_ONE = re.compile(f"{_BEFORE}n{_AFTER}")
_TWO = re.compile(f"{_BEFORE}(?:[fb]w*)?nw*-n{_AFTER}|{_BEFORE}bw*nw*&n{_AFTER}")
_LEAST = re.compile(rf"{_BEFORE}f+w*n{_AFTER}|{_BEFORE}nw*\+w*")
_MOST = re.compile(f"{_BEFORE}(?:u-|m)w*n{_AFTER}")


class _Reading:
    """One text, read once from left to right: what it names, and how its amounts and words follow each other.

    That is one letter for each piece: `n` an amount, `-` to, `+` or more, `w` a word or mark that says nothing more,
    `f` from, `b` between, `u` up, `m` at most, `&` and.
    """

    def __init__(self, clean: str, decimal: str) -> None:
        self._decimal = decimal
        self._currencies: set[str] = set()
        self._periods: set[str] = set()
        self._amounts: list[str] = []
        before = ""
        self._shape = ""
        for kind, piece in _pieces(clean):
            self._shape += self._letter(kind, piece, before)
            before = piece

    def parts(self) -> dict[str, Any]:
        """What of `model.Pay` it says."""
        if len(self._currencies) > 1 or len(self._periods) > 1:
            raise BadValue("names two currencies or two periods; write one of each, such as USD 450 fixed")
        low, high = self._range()
        found = {"min": low, "max": high, "currency": _only(self._currencies), "per": _only(self._periods)}
        return {name: value for name, value in found.items() if value is not None}

    def _letter(self, kind: str, piece: str, before: str) -> str:
        if kind in _LETTERS:
            if kind in {"number", "k"}:
                self._amounts.append(piece)
            return _LETTERS[kind]
        code = _SIGNS.get(piece.replace(" ", ""), piece.upper() if piece.upper() in _WRITTEN else None)
        if code is not None:
            self._currencies |= {code} if code else set()
            return ""
        period = _PERIODS.get(piece) if before in _PER else _EVERY.get(piece)
        if period:
            self._periods.add(period)
        elif piece in _BOUNDS:
            return _BOUNDS[piece]
        elif piece not in _PLAIN:
            raise BadValue(_UNREADABLE)
        return "w"

    def _range(self) -> tuple[float | None, float | None]:
        amounts = [self._amount(piece) for piece in self._amounts]
        if _ONE.fullmatch(self._shape):
            return amounts[0], amounts[0]
        if _LEAST.fullmatch(self._shape):
            return amounts[0], None
        if _MOST.fullmatch(self._shape):
            return None, amounts[0]
        if not _TWO.fullmatch(self._shape):
            raise BadValue(_UNREADABLE)
        if amounts[0] > amounts[1] or self._is_half_shortened():
            raise BadValue("is a range that does not rise; write both ends in full, such as USD 50,000 - 60,000")
        return amounts[0], amounts[1]

    def _is_half_shortened(self) -> bool:
        """Whether `$50 - 60K` may mean that the first is shortened, too."""
        first, second = self._amounts
        bare = amount(second.removesuffix("k"), self._decimal)
        return second.endswith("k") and not first.endswith("k") and amount(first, self._decimal) <= bare

    def _amount(self, piece: str) -> float:
        value = amount(piece.removesuffix("k"), self._decimal)
        return round(value * 1000, 2) if piece.endswith("k") else value


def _pieces(clean: str) -> Iterator[tuple[str, str]]:
    """Kind and text, in small letters, of each piece."""
    at = 0
    while at < len(clean):
        piece = _PIECE.match(clean, at)
        if not piece:
            raise BadValue(_UNREADABLE)
        text_of = piece[0].strip().casefold()
        yield piece.lastgroup or "", "p.a." if text_of.startswith("p.") else text_of
        at = piece.end()


def _only(names: set[str]) -> str | None:
    return next(iter(names), None)
