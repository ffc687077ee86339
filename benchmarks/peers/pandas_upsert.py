"""pandas and SQLAlchemy, as people write an upsert into SQLite: read all, insert in chunks on conflict."""

import sys
from pathlib import Path

import pandas as pd  # pyright: ignore[reportMissingImports]
import sqlalchemy as sa  # pyright: ignore[reportMissingImports]
from sqlalchemy.dialects.sqlite import (  # pyright: ignore[reportMissingImports]
    insert,
)

export, folder = Path(sys.argv[1]), Path(sys.argv[2])
frame = pd.read_csv(export, dtype=str, keep_default_na=False, encoding="utf-8-sig", on_bad_lines="skip")
columns = [sa.Column(name, sa.String, primary_key=name == "username") for name in frame.columns]
table = sa.Table("applicants", sa.MetaData(), *columns)
engine = sa.create_engine(f"sqlite:///{folder / 'peer.db'}")
table.metadata.create_all(engine)
adding = insert(table)
upsert = adding.on_conflict_do_update(
    index_elements=["username"],
    set_={column.name: adding.excluded[column.name] for column in columns if not column.primary_key},
)
with engine.begin() as connection:
    for start in range(0, len(frame), 10_000):
        connection.execute(upsert, frame.iloc[start : start + 10_000].to_dict("records"))
