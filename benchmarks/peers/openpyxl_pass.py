"""openpyxl's read-only mode: every row of a workbook, and nothing done with them."""

import sys

from openpyxl import load_workbook

for sheet in load_workbook(sys.argv[1], read_only=True).worksheets:
    for _ in sheet.iter_rows(values_only=True):
        pass
