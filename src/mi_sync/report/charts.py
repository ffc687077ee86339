"""Charts as SVG inside the page: drawn by pygal, without its script, its styles and its pop-ups.

Colours and fonts come from the page's own stylesheet, which knows light, dark and paper. A chart is an image with a
name; what it shows stands in the table behind it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from xml.etree import ElementTree as ET  # only to change what we drew ourselves

import pygal
from markupsafe import Markup
from pygal.style import Style

# It looks for maps of its own at every import, in a way that Python no longer knows; we draw none.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]

WIDE, HALF = 1040, 440
"""Units of a chart's width, which are pixels where there is room."""
_BAR, _GROUP, _ROW = 34, 52, 26
"""Units of height for a bar, for two beside each other, and for a row of a timeline."""
_AROUND = 64
_FONT = 13
LABEL, _SHORT = 32, 22
"""Characters of a label on a timeline and beside a bar; the table has all of them."""

Bar = tuple[str, Sequence[float | None]]
"""A label, and a value for each series."""

_SILENT: Mapping[str, Any] = {
    "js": [],
    "no_prefix": True,
    "show_legend": False,
    "margin": 10,
    "print_zeroes": False,
    "style": Style(label_font_size=_FONT, major_label_font_size=_FONT, value_font_size=_FONT),
}


def bars(name: str, rows: Sequence[Bar], width: int = HALF) -> Markup:
    """A bar for each row, made of one part for each series."""
    chart = pygal.HorizontalStackedBar(**_sized(width, len(rows), _BAR), print_values=True)
    _fill(chart, rows, max((sum(it or 0 for it in values) for _, values in rows), default=0))
    return _drawn(chart, name)


def groups(name: str, rows: Sequence[Bar], most: float, width: int = HALF) -> Markup:
    """Bars beside each other for each row, one for each series."""
    chart = pygal.HorizontalBar(**_sized(width, len(rows), _GROUP), print_values=True)
    _fill(chart, rows, most)
    return _drawn(chart, name)


def columns(name: str, values: Mapping[str, float], width: int = HALF) -> Markup:
    """A column for each value, in the order of time."""
    chart = pygal.Bar(width=width, height=220, print_values=True, **_SILENT)
    chart.x_labels = [cut(label) for label in values]
    chart.add("", list(values.values()))
    return _drawn(chart, name)


def timeline(
    name: str, rows: Sequence[str], dots: Mapping[str, Sequence[tuple[date, int, str]]], today: date, width: int = WIDE
) -> Markup:
    """A line for each row, on which each series has dots: (day, number of the row, what it is)."""
    days = [day for series in dots.values() for day, _, _ in series] or [today]
    first, last = min(*days, today) - timedelta(days=3), max(*days, today) + timedelta(days=3)
    chart = pygal.DateLine(
        **_sized(width, len(rows), _ROW),
        stroke=False,
        dots_size=6,
        range=(0, len(rows) + 1),
        xrange=(first, last),
        x_value_formatter=lambda day: f"{day.day} {day:%b}",
        truncate_label=-1,
    )
    chart.x_labels = list(_ticks(first, last))
    chart.y_labels = [{"label": cut(row), "value": len(rows) - number} for number, row in enumerate(rows)]
    for series, found in dots.items():
        chart.add(series, [{"value": (day, len(rows) - row), "label": what} for day, row, what in found])
    chart.add("Today", [(today, 0), (today, len(rows) + 1)], stroke=True, show_dots=False)
    return _drawn(chart, name)


def _ticks(first: date, last: date) -> Iterable[date]:
    """Mondays, so far apart that a dozen labels stand on the axis."""
    monday = first + timedelta(days=-first.weekday() % 7)
    step = timedelta(weeks=max(1, round((last - first).days / 7 / 12)))
    while monday <= last:
        yield monday
        monday += step


def _sized(width: int, rows: int, height: int) -> dict[str, Any]:
    return {"width": width, "height": _AROUND + height * max(1, rows), **_SILENT}


def _fill(chart: Any, rows: Sequence[Bar], most: float) -> None:  # noqa: ANN401  pygal has no types
    """The first row stands on top, which is the last of the axis, whose few numbers are whole."""
    top = max(1, math.ceil(most))
    chart.config.range = (0, top)
    chart.y_labels = list(range(0, top + 1, math.ceil(top / 5)))
    upwards = rows[::-1]
    chart.x_labels = [cut(label, _SHORT) for label, _ in upwards]
    for number, values in enumerate(zip(*(values for _, values in upwards), strict=True)):
        chart.add(str(number), list(values))


def cut(label: str, most: int = LABEL) -> str:
    """The label, not longer than a chart has room for."""
    return label if len(label) <= most else f"{label[: max(1, most) - 1]}…"


# ------------------------------------------------------------------------------------------- what is kept


def _drawn(chart: Any, name: str) -> Markup:  # noqa: ANN401  as above
    root: ET.Element = chart.render_tree()
    width, height = chart.config.width, chart.config.height
    _prune(root)
    kept = {"viewBox": f"0 0 {width} {height}", "class": "chart", "role": "img", "aria-label": name}
    root.attrib.clear()
    root.attrib.update({"xmlns": "http://www.w3.org/2000/svg", "width": str(width), "height": str(height), **kept})
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704  ElementTree has escaped every text


def _prune(parent: ET.Element) -> None:
    """Takes out scripts, styles, what only a script could show, and what a policy would refuse.

    Of a dot's hidden description its label becomes a title, which a browser shows on its own.
    """
    label = next((each.text for each in parent if each.tag == "desc" and each.get("class") == "label"), None)
    for each in list(parent):
        tag: Any = each.tag  # of a comment it is a function
        if tag is ET.Comment or tag in {"defs", "script", "style", "desc", "title"} or _is_popup(each):
            parent.remove(each)
        else:
            _prune(each)
    for attribute in ("style", "id"):
        parent.attrib.pop(attribute, None)
    if label:
        ET.SubElement(parent, "title").text = label


def _is_popup(it: ET.Element) -> bool:
    return "tooltip" in it.get("class", "").split()
