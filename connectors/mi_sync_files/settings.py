"""What a source of files can be told."""

from __future__ import annotations

import codecs
import io
from typing import Annotated

from pydantic import AfterValidator, Field

from mi_sync.connector import ConnectorConfig
from mi_sync_files.address import checked
from mi_sync_files.header import MOST_ROWS


def _path(value: str) -> str:
    if "\0" in value:
        raise ValueError("a path cannot hold a NUL character")
    return checked(value)


def _encoding(value: str) -> str:
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=value)
        codecs.getincrementaldecoder(value)
    except (LookupError, ValueError):
        raise ValueError('is no text encoding; use "utf-8", "cp1252" or "utf-16", or leave it out') from None
    return value


def _delimiter(value: str) -> str:
    if len(value) != 1 or value in '"\r\n\0':
        raise ValueError(r'a delimiter is one character, such as "," or ";" or "\t"')
    return value


class Settings(ConnectorConfig):
    """The settings of a source of files. In a path, `~` is a plain character."""

    path: Annotated[str, Field(min_length=1), AfterValidator(_path)] = Field(
        exclude=True,  # an address may hold a secret, and says nothing of how the file is read
        repr=False,
        description="a file or a glob (*, ?, […], **), from the folder of the configuration, or an address: https://, "
        "s3:// or another that fsspec knows; of a ZIP archive also the member: export.zip!Jobs/Saved Jobs.csv",
    )
    encoding: Annotated[str, AfterValidator(_encoding)] | None = Field(
        default=None,
        description="a name that Python knows; left out: by byte order mark, else UTF-8, else Windows-1252",
    )
    delimiter: Annotated[str, AfterValidator(_delimiter)] | None = Field(
        default=None, description="one character; left out: by a line `sep=…`, else found from the first rows"
    )
    sheet: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="the part that holds the rows: a sheet by its name, a list of a JSON file (jobs), "
        "an element of an XML feed (job); left out: the first sheet, or found",
    )
    header_row: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="the line of the column names in text, their row in a sheet, from 1; left out: found",
    )
    header_rows: Annotated[int, Field(ge=1, le=MOST_ROWS)] | None = Field(
        default=None,
        description="how many rows of column names there are, 1 to 3; left out: as many as Qualtrics or SurveyMonkey "
        "surely wrote, else 1",
    )
