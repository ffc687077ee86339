"""Numbers, hours, ratings, yes and no."""

from __future__ import annotations

import re

from mi_sync.values.text import BadValue, fold, line

_PLAIN = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,17})?")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?P<s>[, '\u2019])[0-9]{3}(?:(?P=s)[0-9]{3}){0,3}(?:\.[0-9]{1,17})?")
_PERHAPS_GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")
_SWAP = str.maketrans(",.", ".,")
_SIGNS = "$€£¥₹"
_DECIMAL_COMMA = 'decimal = "," in the mapping for a decimal comma'
_TRUE = frozenset({"yes", "y", "true", "t", "1", "on", "x"})
_FALSE = frozenset({"no", "n", "false", "f", "0", "off"})
_HOURS = re.compile(r"(?P<number>.*[0-9])\s*(?:hours?|hrs?\.?|h)?", re.IGNORECASE)
_MOST = 80
"""No number, with what stands around it, has more characters."""
_SEVERAL = re.compile(r"[0-9].*(?:[-\u2010-\u2015]|\bto\b).*[0-9]|[0-9]\s*\+|\+\s*$", re.IGNORECASE)


def number(text: str, decimal: str = ".") -> float:
    """A finite number, with or without thousands separators (`1,200.50`; with `decimal = ","`: `1.200,50`)."""
    digits = line(text)
    digits = digits.translate(_SWAP) if decimal == "," else digits
    if _PLAIN.fullmatch(digits):
        return float(digits)
    if _GROUPED.fullmatch(digits):
        return float(re.sub(r"[, '\u2019]", "", digits))
    raise BadValue(f"is no plain number; write 450 or 1,200.50, or set {_DECIMAL_COMMA}")


def integer(text: str, decimal: str = ".") -> int:
    """A whole number; `3.0` is one."""
    value = number(text, decimal)
    if not value.is_integer():
        raise BadValue("is no whole number; write digits only")
    return int(value)


def amount(text: str, decimal: str = ".") -> float:
    """An amount of money, with or without a currency sign.

    No currency has a unit of a thousandth that pay is told in, so `1.200` is meant to be 1,200 or is a slip.
    """
    digits = line(line(text).strip(_SIGNS))
    if _PERHAPS_GROUPED.fullmatch(digits.translate(_SWAP) if decimal == "," else digits):
        raise BadValue(f"could be thousands or a fraction; write 1200 or 1.20, or set {_DECIMAL_COMMA}")
    return number(digits, decimal)


def hours(text: str, decimal: str = ".") -> float:
    """A number of hours, with or without the word; a range is no number."""
    clean = line(text)
    if _PLAIN.fullmatch(clean):
        return number(clean, decimal)
    if _SEVERAL.search(clean[:_MOST]):
        raise BadValue("says no single number of hours; write one, or map the text with `values`")
    found = _HOURS.fullmatch(clean)
    return number(found["number"] if found else clean, decimal)


def boolean(text: str) -> bool:
    """Yes or no, as people and programs write it."""
    word = fold(text)
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise BadValue("is neither yes nor no; write one of them, or map the word with `values`")


# ---------------------------------------------------------------------------------------------- ratings

_PERCENT = re.compile(r"(?P<number>.*[0-9])\s*%")
_OUT_OF = re.compile(r"(?P<number>.*?[0-9])\s*(?:/|\bout of\b|\bof\b)\s*(?P<top>[0-9].*)", re.IGNORECASE)
_STARS = re.compile(r"(?P<full>[★⭐🌟\ufe0f]+)(?P<empty>[☆✩\ufe0f]*)")
_IN_STARS = re.compile(r"(?P<number>.*[0-9])\s*(?:stars?|points?|[★⭐])", re.IGNORECASE)
_UNSCALED = "needs its scale; set scale = [1, 5], or [0, 10], in the mapping"


def rating(text: str, scale: tuple[float, float] | None = None, decimal: str = ".") -> float:
    """A rating from 0 to 1: `4`, `4/5`, `4 out of 5`, `4 stars` or `★★★★☆` on a scale, or `80%`.

    What says its own highest value is still refused without a scale, because it does not say its lowest.
    """
    clean = line(text)[:_MOST]
    if found := _PERCENT.fullmatch(clean):
        return _placed(number(found["number"], decimal), (0, 100))
    value, top = _points(clean, decimal)
    if scale is None:
        if top is not None or not 0 <= value <= 1:
            raise BadValue(_UNSCALED)
        return value
    if top not in {None, 0, scale[1]}:
        raise BadValue(f"is out of another number than {scale[1]:g}; correct it, or the mapping's `scale`")
    return _placed(value, scale)


def _points(text: str, decimal: str) -> tuple[float, float | None]:
    """The points, and out of how many: 0 where the text counts in stars or points, but does not say that."""
    if found := _OUT_OF.fullmatch(text):
        top = _IN_STARS.fullmatch(found["top"])
        return number(found["number"], decimal), number(top["number"] if top else found["top"], decimal)
    if found := _STARS.fullmatch(text):
        full, empty = (len(found[part].replace("\ufe0f", "")) for part in ("full", "empty"))
        return full, full + empty if empty else 0
    if found := _IN_STARS.fullmatch(text):
        return number(found["number"], decimal), 0
    return number(text, decimal), None


def _placed(value: float, scale: tuple[float, float]) -> float:
    low, high = scale
    if not low <= value <= high:
        raise BadValue(f"is outside the scale from {low:g} to {high:g}; correct it, or the mapping's `scale`")
    return (value - low) / (high - low)
