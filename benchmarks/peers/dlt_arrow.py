"""dlt, given Arrow tables, merging into DuckDB by the primary key: its fastest way that keeps one row for each key."""

import sys
from pathlib import Path

import dlt  # pyright: ignore[reportMissingImports]
import pyarrow.csv  # pyright: ignore[reportMissingImports]

export, folder = Path(sys.argv[1]), Path(sys.argv[2])
PARSE = pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=lambda _: "skip")


@dlt.resource(name="applicants", primary_key="username", write_disposition="merge")
def applicants():  # type: ignore[no-untyped-def]  # noqa: ANN201
    """All columns as text."""
    header = export.open(encoding="utf-8-sig").readline().strip().replace('"', "").split(",")
    yield pyarrow.csv.read_csv(
        export,
        parse_options=PARSE,
        convert_options=pyarrow.csv.ConvertOptions(column_types={name: pyarrow.string() for name in header}),
    )


pipeline = dlt.pipeline(
    "applicants",
    pipelines_dir=str(folder / "pipelines"),
    destination=dlt.destinations.duckdb(str(folder / "peer.duckdb")),
    dataset_name="exports",
)
pipeline.run(applicants())
