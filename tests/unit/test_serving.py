"""The sandbox answers this machine, and no web page that somebody visits meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from mi_sync.cli import serve


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve.serving(tmp_path_factory.mktemp("sandbox")) as served:
        yield served.url


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.evil.example"},
        {"Host": "127.0.0.1.evil.example:8377"},
        {"Host": ""},
        {"Host": "["},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1.evil.example"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/trello"), ("POST", "/trello/faults"), ("GET", "/asana")])
def test_a_page_from_elsewhere_neither_reads_nor_changes_anything(
    url: str, method: str, path: str, headers: dict[str, str]
) -> None:
    reply = requests.request(method, f"{url}{path}", headers=headers, json={}, timeout=10)
    assert (reply.status_code, reply.text) == (403, "The sandbox is for this machine alone.")


@pytest.mark.parametrize("headers", [{}, {"Host": "localhost:1"}, {"Origin": "http://127.0.0.1:8377"}])
def test_this_machine_is_answered(url: str, headers: dict[str, str]) -> None:
    assert requests.get(f"{url}/trello", headers=headers, timeout=10).status_code == 200
