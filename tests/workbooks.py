"""A workbook as spreadsheets write it, in the least that they need; written here so that no writer is a dependency."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>{sheets}'
    '<Override PartName="/xl/styles.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>'
)
_SHEET_TYPE = (
    '<Override PartName="/xl/worksheets/sheet{}.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
)
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_ROOT = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="r1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
# Style 1 is a date, style 2 a date with a time.
_STYLES = (
    f"<styleSheet {_MAIN}><fonts><font/></fonts><fills><fill><patternFill/></fill></fills><borders><border/></borders>"
    "<cellStyleXfs><xf/></cellStyleXfs>"
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/></cellXfs></styleSheet>'
)


def text(value: str) -> str:
    """A cell of text."""
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>' if value else "<c/>"


def number(value: str, style: int = 0) -> str:
    """A cell of a number, of which dates are a style."""
    return f'<c s="{style}"><v>{value}</v></c>'


def workbook(
    sheets: Mapping[str, Sequence[Sequence[str]]], *, epoch_1904: bool = False, hidden: Sequence[str] = ()
) -> bytes:
    """The bytes of a workbook: its sheets by title, and rows of cells from `text` and `number`."""
    names = list(enumerate(sheets, 1))
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="r{n}"{" state=" + chr(34) + "hidden" + chr(34) if name in hidden else ""}/>'
        for n, name in names
    )
    related = (
        "".join(
            f'<Relationship Id="r{n}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n, _ in names
        )
        + f'<Relationship Id="rs" Type="{_RELATIONS}/styles" Target="styles.xml"/>'
    )
    parts = {
        "[Content_Types].xml": _TYPES.format(sheets="".join(_SHEET_TYPE.format(n) for n, _ in names)),
        "_rels/.rels": _ROOT,
        "xl/workbook.xml": f'<workbook {_MAIN} xmlns:r="{_RELATIONS}"><workbookPr date1904="{int(epoch_1904)}"/>'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{related}</Relationships>',
        "xl/styles.xml": _STYLES,
    }
    for (n, _), rows in zip(names, sheets.values(), strict=True):
        lines = "".join(f'<row r="{at}">{"".join(row)}</row>' for at, row in enumerate(rows, 1))
        parts[f"xl/worksheets/sheet{n}.xml"] = f"<worksheet {_MAIN}><sheetData>{lines}</sheetData></worksheet>"
    return zipped(parts)


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    """A ZIP archive of these members."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return data.getvalue()
