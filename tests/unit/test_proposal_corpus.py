"""How good proposals are on headers of real formats; the numbers are published in benchmarks/README.md."""

from __future__ import annotations

import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mi_sync.model import RECORDS


@pytest.fixture(scope="module")
def benchmark() -> dict[str, Any]:
    return runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "inspect_headers.py"))


def test_most_proposals_are_right_and_most_columns_get_one(benchmark: dict[str, Any]) -> None:
    precision, coverage = benchmark["total"](list(benchmark["measure"]()))
    assert precision >= 0.85
    assert coverage >= 0.7


def test_no_column_of_a_sensitive_kind_gets_a_field(benchmark: dict[str, Any]) -> None:
    wrong = " ".join(why for score in benchmark["measure"]() for why in score.wrong)
    assert not any(word in wrong for word in ("ethnicity", "gender", "IPAddress", "Latitude", "work_authorization"))


def test_the_corpus_names_columns_and_records_that_there_are(repository: Path) -> None:
    corpus = tomllib.loads((repository / "benchmarks" / "headers.toml").read_text("utf-8"))
    for name, entry in corpus.items():
        assert set(entry["fields"]) <= set(entry["header"]), name
        assert {field.partition(".")[0] for field in entry["fields"].values()} <= set(RECORDS), name
