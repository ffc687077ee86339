"""The connector for tables: the programme as CSV or as an Excel workbook, for people, and to be uploaded again."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from mi_sync.connector import Connector, ConnectorConfig, Context, Publisher

__all__ = ["TableConfig", "connector"]


def _is_table(path: str) -> str:
    if not path.casefold().endswith((".csv", ".xlsx")):
        raise ValueError("must end in .csv or .xlsx")
    return path


class TableConfig(ConnectorConfig):
    """The settings of a target with `connector = "csv"`."""

    path: Annotated[str, AfterValidator(_is_table)] = Field(
        description="where to write: NAME.csv, with {view} in it where there are several, or NAME.xlsx"
    )


def _open(settings: TableConfig, context: Context) -> Publisher:
    from mi_sync_table.publisher import TablePublisher  # late: openpyxl takes a quarter of a second

    return TablePublisher(settings, context)


connector = Connector(
    name="csv",
    kind="publisher",
    summary="tables of the programme, as CSV or as an Excel workbook",
    config=TableConfig,
    open=_open,
    views=("engagements", "milestones", "postings", "feedback"),
    shown=("engagements",),
    can=(
        "writes how far each engagement has come, how it was judged, and whether they would engage again",
        "writes milestones, postings with their counts, and evaluations",
        "writes engagements with the columns and words of a source's export, to be uploaded there again (`like`)",
        "writes no cell that a spreadsheet would compute",
        "leaves a file alone that already says the same",
    ),
    cannot=(
        "read its own tables back: what you change in them is overwritten; a source reads files",
        "promise that a platform takes such a table: few publish what they take (`mappings/README.md`)",
        "keep other sheets, formats or notes of a workbook that it writes",
    ),
)
