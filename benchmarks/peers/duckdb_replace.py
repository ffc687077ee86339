"""DuckDB, INSERT OR REPLACE of what its own reader of CSV gives: loads text, checks and reports nothing."""

import sys
from pathlib import Path

import duckdb  # pyright: ignore[reportMissingImports]

export, folder = Path(sys.argv[1]), Path(sys.argv[2])
READ = f"""SELECT * FROM read_csv('{export}', all_varchar = true, header = true, quote = '"', escape = '"',
  delim = ',', null_padding = false, ignore_errors = true, parallel = false)"""  # noqa: S608  our own path

db = duckdb.connect(str(folder / "peer.duckdb"))
db.execute(f"CREATE TABLE IF NOT EXISTS applicants AS {READ} LIMIT 0")
db.execute("CREATE UNIQUE INDEX IF NOT EXISTS by_username ON applicants (username)")
db.execute(
    f"INSERT OR REPLACE INTO applicants {READ} WHERE trim(username) <> '' "
    "QUALIFY row_number() OVER (PARTITION BY username) = 1"
)
db.close()
