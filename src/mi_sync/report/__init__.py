"""The report: the programme on one HTML page that needs nothing beside it.

`facts` reads the state, `charts` draws, `page` puts both into `page.html.j2`. The page has no script, fetches nothing,
and holds what `[privacy]` allows; for the same state and clock it is the same.
"""

from __future__ import annotations

from mi_sync.report.facts import Facts, gather
from mi_sync.report.page import glance, render

__all__ = ["Facts", "gather", "glance", "render"]
