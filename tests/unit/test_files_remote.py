"""Exports that are elsewhere: https, and what fsspec knows. No message, log or state repeats what may be a secret."""

from __future__ import annotations

import gc
import gzip
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mi_sync.cli import invoke
from mi_sync.connector import Context
from mi_sync.errors import EmptySource, MiSyncError, NotAuthorised, SourceError, Unavailable
from mi_sync.http import ATTEMPTS, Budget, Wire
from mi_sync_files import FilesSource, Settings, remote
from mi_sync_files.address import parse
from mi_sync_files.file import ExportFile
from workbooks import text, workbook, zipped

CSV = b"id,title\r\n1,Data\r\n"
SECRET = "X-Signature=invented-signature"


class Server:
    """A web server on the loopback address; `pages` are what it answers, by path."""

    def __init__(self) -> None:
        self.pages: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[str] = []
        self.stop = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                outer.pages.get(self.path.partition("?")[0], answer(404))(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self.stop.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def answer(status: int, body: bytes = b"", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return send


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def source(path: str, wire: Wire | None = None, **configured: Any) -> FilesSource:
    wire = wire or Wire(sleep=lambda _: None, timeout=(2.0, 5.0))
    return FilesSource(
        Settings.model_validate({"path": path, **configured}), Context("jobs", Path(), ZoneInfo("UTC"), wire)
    )


def cells(file: ExportFile) -> list[list[str]]:
    with file.open() as table:
        return [list(row.cells) for row in table.rows]


def refusal(path: str, kind: type[MiSyncError], wire: Wire | None = None) -> str:
    with pytest.raises(kind) as caught:  # noqa: PT012  finding and reading may each refuse
        for file in source(path, wire).files():
            cells(file)
    assert type(caught.value) is kind
    assert "invented" not in repr(caught.value) + str(caught.value)
    return str(caught.value)


# ------------------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("path", "shown", "member"),
    [
        ("https://h.example/a/b.csv?sig=1#x", "https://h.example/a/b.csv", ""),
        ("https://kim:pw@h.example:8/a.csv", "https://h.example:8/a.csv", ""),
        ("https://h.example/x.zip!Jobs/Saved Jobs.csv", "https://h.example/x.zip", "Jobs/Saved Jobs.csv"),
        ("https://h.example/x.ZIP?sig=1!a.csv", "https://h.example/x.ZIP", "a.csv"),
        ("s3://bucket/exports/*.csv", "s3://bucket/exports/*.csv", ""),
        ("sftp://kim:p@w@h.example/a.csv", "sftp://h.example/a.csv", ""),
    ],
)
def test_what_is_shown_of_an_address_holds_no_secret(path: str, shown: str, member: str) -> None:
    address = parse(path)
    assert (address.shown, address.member) == (shown, member)


@given(st.text(st.characters(exclude_characters="/?#!"), min_size=1), st.text(st.characters(exclude_characters="!")))
def test_no_credentials_and_no_query_are_ever_shown(user: str, query: str) -> None:
    assert parse(f"https://{user}@h.example/a.zip?{query}!b.csv").shown == "https://h.example/a.zip"
    assert parse(f"ftp://{user}@h.example/a.csv#{query}").shown == "ftp://h.example/a.csv"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("http://h.example/invented.csv", "must start with https://"),
        ("https:///invented.csv", "is no address such as"),
        ("https://h.example:99999/invented.csv", "is no address such as"),
        ("simplecache::https://h.example/invented.csv", "is a chain of addresses"),
        ("zip://a.csv::s3://bucket/invented.zip", "is a chain of addresses"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused_at_load(path: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why) as caught:
        Settings.model_validate({"path": path})
    assert "invented" not in str(caught.value)


def test_settings_never_tell_the_path() -> None:
    settings = Settings(path=f"https://h.example/a.csv?{SECRET}")
    assert "invented" not in repr(settings) + str(settings) + settings.model_dump_json()


# ----------------------------------------------------------------------------------------------------- https


@pytest.mark.parametrize(
    ("name", "body", "headers"),
    [
        ("/a.csv", CSV, {}),
        ("/export", CSV, {"Content_Type": "application/octet-stream"}),
        ("/a.csv.gz", gzip.compress(CSV, mtime=0), {}),
        ("/b.csv", gzip.compress(CSV, mtime=0), {"Content_Encoding": "gzip"}),
        ("/a.json", b'[{"id": 1, "title": "Data"}]', {"Content_Type": "text/html"}),
        ("/a.xlsx", workbook({"S": [[text("id"), text("title")], [text("1"), text("Data")]]}), {}),
        ("/a.xml", b"<jobs><job><id>1</id><title>Data</title></job></jobs>", {}),
        ("/a.zip", zipped({"t.csv": CSV}), {}),
    ],
)
def test_every_format_is_read_from_the_web(server: Server, name: str, body: bytes, headers: dict[str, str]) -> None:
    server.pages[name] = answer(200, body, **headers)
    (file,) = source(f"{server.url}{name}?{SECRET}").files()
    assert file.name == f"{server.url}{name}"
    assert cells(file) == [["1", "Data"]]


def test_a_member_of_an_archive_is_named_after_its_address(server: Server) -> None:
    server.pages["/x.zip"] = answer(200, zipped({"Jobs/Saved Jobs.csv": CSV, "b.csv": b"x\n"}))
    (file,) = source(f"{server.url}/x.zip?{SECRET}!Jobs/Saved Jobs.csv").files()
    assert file.name == f"{server.url}/x.zip!Jobs/Saved Jobs.csv"
    assert cells(file) == [["1", "Data"]]


def test_a_file_is_fetched_once_however_often_it_is_read_and_by_several_readers(server: Server) -> None:
    server.pages["/a.csv"] = answer(200, b"id\n" + b"".join(b"%d\n" % n for n in range(50_000)))
    (file,) = source(f"{server.url}/a.csv").files()
    first = file.digest()
    with file.open() as one, file.open() as two:
        rows = zip(one.rows, two.rows, strict=True)
        assert all(a == b for a, b in rows)
    assert file.digest() == first
    assert server.asked == ["/a.csv"]


def test_a_new_source_sees_a_new_file(server: Server) -> None:
    server.pages["/a.csv"] = answer(200, CSV)
    before = source(f"{server.url}/a.csv").files()[0].digest()
    server.pages["/a.csv"] = answer(200, CSV + b"2,x\r\n")
    assert source(f"{server.url}/a.csv").files()[0].digest() != before


@pytest.mark.parametrize(
    ("status", "kind", "why"),
    [
        (401, NotAuthorised, "it may not be read with these credentials"),
        (403, NotAuthorised, "A link that was signed may have expired"),
        (404, SourceError, r"there is no such file (HTTP 404)"),
        (410, SourceError, r"there is no such file (HTTP 410)"),
        (418, SourceError, "(HTTP 418)"),
        (204, SourceError, "(HTTP 204)"),
        (500, Unavailable, "Try again later."),
        (429, Unavailable, "Try again later."),
    ],
)
def test_a_refusal_names_the_file_and_what_to_do(
    server: Server, status: int, kind: type[MiSyncError], why: str
) -> None:
    server.pages["/a.csv"] = answer(status, b"the invented signature is wrong")
    message = refusal(f"{server.url}/a.csv?{SECRET}", kind)
    assert message.startswith(f"{server.url}/a.csv: ")
    assert why in message
    assert len(server.asked) == (ATTEMPTS if kind is Unavailable else 1)


def test_an_answer_that_is_cut_short_is_asked_for_again_and_never_half_read(server: Server) -> None:
    whole, cut = answer(200, CSV), answer(200, CSV[:-8], Content_Length=str(len(CSV)))

    def page(handler: BaseHTTPRequestHandler) -> None:
        (cut if len(server.asked) < 3 else whole)(handler)

    server.pages["/a.csv"] = page
    assert cells(source(f"{server.url}/a.csv").files()[0]) == [["1", "Data"]]
    assert len(server.asked) == 3
    server.pages["/a.csv"] = cut
    assert "the reply was cut short" in refusal(f"{server.url}/a.csv", Unavailable)


def test_a_server_that_says_nothing_is_given_up(server: Server) -> None:
    def silent(_: BaseHTTPRequestHandler) -> None:
        server.stop.wait(20)

    server.pages["/a.csv"] = silent
    wire = Wire(sleep=lambda _: None, timeout=(2.0, 0.05))
    assert "no answer within the time allowed" in refusal(f"{server.url}/a.csv", Unavailable, wire)


def test_a_server_that_drips_is_given_up(server: Server) -> None:
    server.pages["/a.csv"] = answer(200, CSV)
    seconds = iter(range(0, 10**9, 1000))
    wire = Wire(sleep=lambda _: None, monotonic=lambda: float(next(seconds)))
    assert "no answer within the time allowed" in refusal(f"{server.url}/a.csv", Unavailable, wire)


def test_a_file_has_a_bound(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "MAX_FILE", 10)
    server.pages["/a.csv"] = answer(200, CSV)
    assert "it has more than 10 bytes" in refusal(f"{server.url}/a.csv", SourceError)
    assert len(server.asked) == 1


def test_an_empty_answer_is_an_empty_source(server: Server) -> None:
    server.pages["/a.csv"] = answer(200)
    assert "the file is empty" in refusal(f"{server.url}/a.csv", EmptySource)


def test_a_page_to_log_in_is_no_export(server: Server) -> None:
    server.pages["/a.csv"] = answer(200, b"<!doctype html><title>Sign in</title>", Content_Type="text/html")
    assert "It may be a page to log in" in refusal(f"{server.url}/a.csv?{SECRET}", SourceError)


def test_a_redirection_is_followed_and_the_name_stays(server: Server) -> None:
    server.pages["/a.csv"] = answer(302, Location="/elsewhere?invented=1")
    server.pages["/elsewhere"] = answer(200, CSV)
    (file,) = source(f"{server.url}/a.csv").files()
    assert (file.name, cells(file)) == (f"{server.url}/a.csv", [["1", "Data"]])


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://h.example/invented.csv", "not encrypted"),
        ("ftp://h.example/invented.csv", "not encrypted"),
        ("/a.csv?invented", "more than 5 times"),
    ],
)
def test_a_redirection_that_leads_nowhere_good_is_refused(server: Server, location: str, why: str) -> None:
    server.pages["/a.csv"] = answer(301, Location=location)
    assert why in refusal(f"{server.url}/a.csv", SourceError)


def test_a_redirection_to_what_is_no_address_is_no_bug(server: Server) -> None:
    server.pages["/a.csv"] = answer(301, Location="http://[invented")
    assert "the connection broke" in refusal(f"{server.url}/a.csv", Unavailable)


def test_credentials_in_an_address_are_sent_and_told_to_nobody(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "mi_sync")
    seen: list[str | None] = []

    def page(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers["Authorization"])
        answer(200, CSV)(handler)

    server.pages["/a.csv"] = page
    (file,) = source(f"{server.url.replace('://', '://kim:invented%21@')}/a.csv?{SECRET}").files()
    assert (file.name, cells(file)) == (f"{server.url}/a.csv", [["1", "Data"]])
    assert seen == ["Basic a2ltOmludmVudGVkIQ=="]
    assert "/a.csv" in caplog.text
    assert not {"invented", "kim", "a2lt"} & {word for word in ("invented", "kim", "a2lt") if word in caplog.text}


def test_the_budget_counts_downloads(server: Server) -> None:
    server.pages["/a.csv"] = answer(500)
    budget = Budget(requests=2)
    with pytest.raises(MiSyncError, match="budget of 2 requests"):
        source(f"{server.url}/a.csv", Wire(sleep=lambda _: None, budget=budget)).files()[0].digest()


def open_files() -> set[str]:
    numbers = list(Path("/proc/self/fd").iterdir())
    return {str(number.readlink()) for number in numbers if number.is_symlink()}


@pytest.mark.parametrize("status", [200, 404, 500])
def test_nothing_of_a_file_is_left_behind(
    server: Server, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    server.pages["/a.csv"] = answer(status, CSV)
    file = source(f"{server.url}/a.csv").files()[0]
    try:
        cells(file)
    except MiSyncError as error:
        assert status != 200, error  # noqa: PT017  either outcome is right
    assert list(tmp_path.iterdir()) == []
    del file
    gc.collect()
    assert not [name for name in open_files() if name.startswith(str(tmp_path))]


# ---------------------------------------------------------------------------------------------------- fsspec


@pytest.fixture
def memory() -> Iterator[Any]:
    files = fsspec.filesystem("memory")
    yield files
    files.store.clear()
    files.pseudo_dirs[:] = [""]


def test_what_fsspec_knows_is_read(memory: Any) -> None:
    memory.pipe("/exports/a.csv", CSV)
    (file,) = source("memory://exports/a.csv").files()
    assert (file.name, cells(file)) == ("memory://exports/a.csv", [["1", "Data"]])


def test_a_pattern_finds_files_by_name_and_no_folders(memory: Any) -> None:
    for name in ("b.csv", "a.csv", "c.txt", "d.csv/x"):
        memory.pipe(f"/exports/{name}", CSV)
    assert [file.name for file in source("memory://exports/*.csv").files()] == [
        "memory:///exports/a.csv",
        "memory:///exports/b.csv",
    ]
    assert [cells(file) for file in source("memory://exports/*.csv").files()] == [[["1", "Data"]]] * 2


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(memory: Any) -> None:
    memory.pipe("/jobs[1].csv", CSV)
    assert [file.name for file in source("memory://jobs[1].csv").files()] == ["memory://jobs[1].csv"]


def test_a_member_of_an_archive_elsewhere(memory: Any) -> None:
    memory.pipe("/x.zip", zipped({"Jobs/a.csv": CSV, "b.csv": b"x\n"}))
    assert cells(source("memory://x.zip!Jobs/a.csv").files()[0]) == [["1", "Data"]]


@pytest.mark.parametrize("path", ["memory://none.csv", "memory://none/*.csv"])
@pytest.mark.usefixtures("memory")
def test_what_is_not_there_is_named(path: str) -> None:
    assert refusal(path, SourceError).startswith(f"{path}: ")


def test_a_folder_is_no_file(memory: Any) -> None:
    memory.pipe("/exports/a.csv", CSV)
    assert "it is a folder" in refusal("memory://exports", SourceError)


def test_a_file_address_is_read(tmp_path: Path) -> None:
    (tmp_path / "a b.csv").write_bytes(CSV)
    assert cells(source(f"file://{tmp_path}/a b.csv").files()[0]) == [["1", "Data"]]


def test_a_link_is_followed_and_a_pipe_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    (tmp_path / "b.csv").symlink_to(tmp_path / "a.csv")
    os.mkfifo(tmp_path / "c.csv")
    assert [file.name for file in source(f"file://{tmp_path}/[ab].csv").files()] == [
        f"file://{tmp_path}/a.csv",
        f"file://{tmp_path}/b.csv",
    ]
    assert cells(source(f"file://{tmp_path}/b.csv").files()[0]) == [["1", "Data"]]
    assert "it is a folder or a device" in refusal(f"file://{tmp_path}/c.csv", SourceError)


def test_a_library_that_is_not_installed_is_named_with_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> Any:
        raise ImportError("Install s3fs")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    assert "Run: pip install 'mi-sync[s3]'." in refusal("s3://bucket/a.csv", SourceError)
    assert "mi-sync[gs]" in refusal("gs://bucket/a.csv", SourceError)
    assert "SMB requires" in refusal("smb://h.example/a.csv", SourceError)


def test_an_unknown_protocol_is_named() -> None:
    assert "klingon:// is no protocol that is known" in refusal("klingon://a/b.csv", SourceError)


class NoCredentialsError(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (PermissionError("invented"), NotAuthorised),
        (NoCredentialsError("invented"), NotAuthorised),
        (FileNotFoundError("invented"), SourceError),
        (TimeoutError("invented"), Unavailable),
        (ValueError("invented"), Unavailable),
    ],
)
def test_what_a_library_raises_is_told_in_our_words(
    memory: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[MiSyncError]
) -> None:
    memory.pipe("/a.csv", CSV)

    def broken(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(type(memory), "open", broken)
    assert refusal("memory://a.csv", kind).startswith("memory://a.csv: ")


def test_a_file_elsewhere_has_a_bound_and_a_size_that_must_be_met(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.pipe("/a.csv", CSV)
    monkeypatch.setattr(type(memory), "info", lambda *_, **__: {"name": "/a.csv", "size": len(CSV) + 1, "type": "file"})
    assert "it was cut short" in refusal("memory://a.csv", Unavailable)
    monkeypatch.setattr(remote, "MAX_FILE", 10)
    assert "it has more than 10 bytes" in refusal("memory://a.csv", SourceError)


# -------------------------------------------------------------------------------------- through the whole of it

CONFIG = """\
[programme]
id = "spring-2026-7f3k9q"
timezone = "America/Chicago"

[[sources]]
name = "jobs"
connector = "files"
path = "{path}"
mapping = "generic_postings"
"""


def test_no_secret_of_an_address_is_in_the_state_in_what_is_printed_or_in_the_log(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = f"{server.url.replace('://', '://kim:invented@')}/jobs.csv?{SECRET}"
    (tmp_path / "config.toml").write_text(CONFIG.format(path=path), "utf-8")
    server.pages["/jobs.csv"] = answer(200, b"id,title,apply_by\nP-1,Data,2026-03-02\nP-2,Data,oops\n")
    shown = []
    for arguments, code in (
        (["-vv", "run"], 3),
        (["run", "--output", "json"], 0),
        (["check"], 0),
        (["pull", "--output", "json"], 0),
        (["quarantine", "show", "1"], 0),
        (["why", "posting-tudkq37kumvwrirb", "title"], 0),
        (["inspect", path], 0),
    ):
        assert invoke(arguments) == code, arguments
        out, err = capsys.readouterr()
        shown.append(out + err)
    server.pages["/jobs.csv"] = answer(403)
    assert invoke(["run"]) == 6
    shown.append("".join(capsys.readouterr()))
    assert all(f"{server.url}/jobs.csv" in text for text in shown), [t for t in shown if server.url not in t]
    state = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.name != "config.toml")
    assert b"invented" not in state
    assert f"{server.url}/jobs.csv".encode() in state
    assert "invented" not in "".join(shown)


def test_a_new_signature_on_the_same_file_is_no_new_file(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    server.pages["/jobs.csv"] = answer(200, b"id,title\nP-1,Data\n")
    counts = []
    for signature in ("one", "two"):
        path = f"{server.url}/jobs.csv?sig={signature}"
        (tmp_path / "config.toml").write_text(CONFIG.format(path=path), "utf-8")
        assert invoke(["run", "--output", "json"]) == 0
        counts.append(json.loads(capsys.readouterr().out)["sources"]["jobs"])
    assert [(it["mapped"], it["unchanged"]) for it in counts] == [(1, 0), (0, 1)]
