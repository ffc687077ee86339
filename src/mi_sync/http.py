from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wire:
    """Stub until http.py is written."""
