"""dlt, given rows as people write it (a generator of dicts), merging into DuckDB over Parquet files."""

import csv
import sys
from pathlib import Path

import dlt  # pyright: ignore[reportMissingImports]

export, folder = Path(sys.argv[1]), Path(sys.argv[2])


@dlt.resource(name="applicants", primary_key="username", write_disposition="merge")
def applicants():  # type: ignore[no-untyped-def]  # noqa: ANN201
    """All columns as text."""
    with export.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            row.pop(None, None)  # pyright: ignore[reportArgumentType, reportCallIssue]
            yield row


pipeline = dlt.pipeline(
    "applicants",
    pipelines_dir=str(folder / "pipelines"),
    destination=dlt.destinations.duckdb(str(folder / "peer.duckdb")),
    dataset_name="exports",
)
pipeline.run(applicants(), loader_file_format="parquet")
