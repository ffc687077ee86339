"""One cell at a time: text as it stands in a file becomes a canonical value, or a `BadValue`, never a guess.

Pure functions. A `BadValue` says what is wrong and what to do; it never repeats the cell. What is canonical already
reads back as itself.
"""

from __future__ import annotations

from mi_sync.values.addresses import email, identifier, phone, url
from mi_sync.values.dates import AmbiguousDate, DateOrder, DateReader, column_order, is_epoch
from mi_sync.values.graduation import graduation
from mi_sync.values.markup import long_text, split, text
from mi_sync.values.names import initials, initials_of, name_parts, person
from mi_sync.values.numbers import amount, boolean, hours, integer, number, rating
from mi_sync.values.pay import currency, pay
from mi_sync.values.text import BadValue, fold, line

__all__ = [
    "AmbiguousDate",
    "BadValue",
    "DateOrder",
    "DateReader",
    "amount",
    "boolean",
    "column_order",
    "currency",
    "email",
    "fold",
    "graduation",
    "hours",
    "identifier",
    "initials",
    "initials_of",
    "integer",
    "is_epoch",
    "line",
    "long_text",
    "name_parts",
    "number",
    "pay",
    "person",
    "phone",
    "rating",
    "split",
    "text",
    "url",
]
