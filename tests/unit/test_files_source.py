"""Which files the connector finds, and what it says of those that are not what they should be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from mi_sync.connector import Context, Source
from mi_sync.errors import EmptySource, SourceError
from mi_sync_files import FilesSource, Settings, connector

CSV = b"id,title\r\n1,Data\r\n"


def source(root: Path, path: str, **settings: str) -> FilesSource:
    return FilesSource(Settings.model_validate({"path": path, **settings}), Context("jobs", root, ZoneInfo("UTC")))


def refusal(root: Path, path: str, **settings: str) -> str:
    """The message with which the source, or its first file, refuses."""
    with pytest.raises(SourceError) as caught:  # noqa: PT012  finding, opening and reading may each refuse
        file = source(root, path, **settings).files()[0]
        with file.open() as table:
            list(table.rows)
    return str(caught.value)


def write(root: Path, name: str, content: bytes = CSV) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(root: Path, path: str) -> list[str]:
    return [file.name for file in source(root, path).files()]


# ------------------------------------------------------------------------------------------ connector


def test_the_entry_point_opens_a_source(tmp_path: Path) -> None:
    opened = connector.open(connector.config(path="jobs.csv"), Context("jobs", tmp_path, ZoneInfo("UTC")))  # type: ignore[call-arg]  # the base class knows no settings
    assert isinstance(opened, Source)
    assert (connector.name, connector.kind) == ("files", "source")


@pytest.mark.parametrize(
    ("settings", "remedy"),
    [
        ({"path": ""}, "at least 1 character"),
        ({"path": "a\0b"}, "NUL"),
        ({"path": "a.csv", "encoding": "klingon"}, "no text encoding"),
        ({"path": "a.csv", "encoding": "hex"}, "no text encoding"),
        ({"path": "a.csv", "encoding": "locale"}, "no text encoding"),
        ({"path": "a.csv", "delimiter": ";;"}, "one character"),
        ({"path": "a.csv", "delimiter": '"'}, "one character"),
        ({"path": "a.csv", "sheet": ""}, "at least 1 character"),
        ({"path": "a.csv", "header_row": 0}, "greater than or equal to 1"),
        ({"path": "a.csv", "page": "1"}, "Extra inputs are not permitted"),
    ],
)
def test_bad_settings_are_refused_with_a_remedy(settings: dict[str, str | int], remedy: str) -> None:
    with pytest.raises(ValidationError, match=remedy):
        Settings.model_validate(settings)


# -------------------------------------------------------------------------------------------- finding


def test_a_path_is_meant_from_the_configurations_folder_and_names_the_file(tmp_path: Path) -> None:
    write(tmp_path, "exports/jobs.csv")
    assert names(tmp_path, "exports/jobs.csv") == ["exports/jobs.csv"]
    assert names(tmp_path, "./exports/jobs.csv") == ["./exports/jobs.csv"]


def test_an_absolute_path_is_allowed(tmp_path: Path) -> None:
    path = write(tmp_path, "jobs.csv")
    assert names(Path("/"), str(path)) == [path.as_posix()]


def test_a_glob_finds_files_sorted_by_name_and_no_folders(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "C.csv", "notes.txt"):
        write(tmp_path, f"exports/{name}")
    (tmp_path / "exports/d.csv").mkdir()
    assert names(tmp_path, "./exports/*.csv") == ["./exports/C.csv", "./exports/a.csv", "./exports/b.csv"]


def test_a_file_that_a_glob_finds_twice_comes_once(tmp_path: Path) -> None:
    path = write(tmp_path, "exports/deep/jobs.csv")
    (tmp_path / "exports/zz-latest.csv").symlink_to(path)
    assert names(tmp_path, "exports/**/**/*.csv") == ["exports/deep/jobs.csv"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    write(tmp_path, "jobs [1].csv")
    write(tmp_path, "jobs 1.csv")
    assert names(tmp_path, "jobs [1].csv") == ["jobs [1].csv"]
    assert names(tmp_path, "jobs [12].csv") == ["jobs 1.csv"]


def test_a_missing_file_is_named_with_its_folder_a_near_name_and_a_remedy(tmp_path: Path) -> None:
    write(tmp_path, "exports/jobs.csv")
    why = refusal(tmp_path, "exports/job.csv")
    assert why.startswith("exports/job.csv: ")
    assert f"{tmp_path / 'exports'}; there is jobs.csv" in why
    assert "`path` of the source 'jobs'" in why


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert f"the folder {tmp_path / 'export'} cannot be opened (No such file" in refusal(tmp_path, "export/jobs.csv")


def test_a_glob_without_matches_is_refused(tmp_path: Path) -> None:
    assert f"no file in {tmp_path} matches" in refusal(tmp_path, "exports/*.csv")


def test_a_home_folder_is_not_expanded_and_the_message_says_so(tmp_path: Path) -> None:
    assert "~ does not stand for a home folder" in refusal(tmp_path, "~/jobs.csv")
    assert "~ does not stand for a home folder" in refusal(tmp_path, "~/*.csv")


def test_a_file_that_went_after_it_was_found_is_an_error_of_its_own(tmp_path: Path) -> None:
    path = write(tmp_path, "jobs.csv")
    file = source(tmp_path, "jobs.csv").files()[0]
    path.unlink()
    with pytest.raises(SourceError, match=r"^jobs\.csv: it cannot be read: No such file"):
        file.digest()


# ------------------------------------------------------------------------------------------ refusals


def test_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    assert "folder or a device" in refusal(tmp_path, "exports")


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "jobs.csv")
    assert "folder or a device" in refusal(tmp_path, "jobs.csv")


@contextmanager
def nobody() -> Iterator[None]:
    """As a user without rights, because permissions do not stop root."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "jobs.csv").chmod(0)
    file = source(tmp_path, "jobs.csv").files()[0]
    with nobody(), pytest.raises(SourceError, match=r"^jobs\.csv: no permission to read it\. Give this user access"):
        file.digest()


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b" \r\n\t\n", "\ufeff \n".encode("utf-16-le")])
def test_a_file_without_content_is_an_empty_source(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, "jobs.csv", content)
    with pytest.raises(EmptySource, match=r"^jobs\.csv: "), source(tmp_path, "jobs.csv").files()[0].open():
        pass


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("jobs.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(40), "an old Excel"),
        ("jobs.csv", b"BZh91AY" + bytes(40), "compressed in a way"),
        ("jobs.csv", b"PAR1" + bytes(40), "Parquet"),
        ("jobs.csv", b"%PDF-1.7", "PDF"),
    ],
)
def test_another_format_is_named_and_refused(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    write(tmp_path, name, content)
    why = refusal(tmp_path, name)
    assert why.startswith(f"{name}: it looks like {kind}")
    assert "Export or save it as CSV" in why


def test_binary_content_is_refused_with_the_line_of_its_first_nul(tmp_path: Path) -> None:
    write(tmp_path, "jobs.csv", b"id,title\n1,x\n2,\0\n")
    assert refusal(tmp_path, "jobs.csv").startswith("jobs.csv:3: a NUL character")


def test_utf_16_without_a_mark_is_refused_with_the_setting_that_helps(tmp_path: Path) -> None:
    write(tmp_path, "jobs.csv", "id,title\n1,x\n".encode("utf-16-le"))
    assert 'encoding = "utf-16-le"' in refusal(tmp_path, "jobs.csv")
    with source(tmp_path, "jobs.csv", encoding="utf-16-le").files()[0].open() as table:
        assert list(table.header) == ["id", "title"]


def test_undecodable_text_is_refused_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, "jobs.csv", b"id,title\r\n1,x\r\n2,\x81\r\n")
    assert refusal(tmp_path, "jobs.csv").startswith("jobs.csv:3: its text is not utf-8 or cp1252.")


def test_a_configured_encoding_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "jobs.csv", b"id\nZ\xfcrich\n")
    assert refusal(tmp_path, "jobs.csv", encoding="utf-8").startswith("jobs.csv:2: its text is not utf-8.")


def test_a_file_without_bytes_is_empty_whatever_its_name_promises(tmp_path: Path) -> None:
    write(tmp_path, "jobs.xlsx", b"")
    with pytest.raises(EmptySource, match=r"^jobs\.xlsx: the file is empty\."):
        source(tmp_path, "jobs.xlsx").files()[0].open().__enter__()


# ----------------------------------------------------------------------------------- digest and change


def test_the_digest_is_of_the_bytes_alone(tmp_path: Path) -> None:
    for name, content in (("a.csv", CSV), ("b.csv", CSV), ("c.csv", CSV + b" ")):
        write(tmp_path, name, content)
    a, b, c = (file.digest() for file in source(tmp_path, "*.csv").files())
    assert a == b != c


def test_a_changed_file_has_another_digest(tmp_path: Path) -> None:
    path = write(tmp_path, "jobs.csv")
    file = source(tmp_path, "jobs.csv").files()[0]
    before = file.digest()
    path.write_bytes(CSV + b"2,More\r\n")
    assert file.digest() != before


def test_a_binary_file_has_a_digest_too(tmp_path: Path) -> None:
    write(tmp_path, "jobs.csv", b"\0\x81")
    assert source(tmp_path, "jobs.csv").files()[0].digest()


def test_a_file_that_grows_while_it_is_read_is_refused_at_the_end(tmp_path: Path) -> None:
    path = write(tmp_path, "jobs.csv")
    with source(tmp_path, "jobs.csv").files()[0].open() as table:
        first = next(table.rows)
        with path.open("ab") as more:
            more.write(b"2,More\r\n")
        with pytest.raises(SourceError, match=r"^jobs\.csv: it changed while it was read\."):
            list(table.rows)
    assert list(first.cells) == ["1", "Data"]


def test_a_file_that_becomes_undecodable_while_it_is_read_is_refused_as_changed(tmp_path: Path) -> None:
    path = write(tmp_path, "jobs.csv", b"id,title\n" + b"1,x\n" * 100_000)
    with source(tmp_path, "jobs.csv").files()[0].open() as table:
        next(table.rows)
        path.write_bytes(b"\xff" * path.stat().st_size)
        with pytest.raises(SourceError, match="it changed while it was read"):
            list(table.rows)


def test_a_file_that_is_replaced_by_another_is_read_to_its_own_end(tmp_path: Path) -> None:
    path = write(tmp_path, "jobs.csv")
    with source(tmp_path, "jobs.csv").files()[0].open() as table:
        write(tmp_path, "new.csv", CSV * 2).replace(path)
        assert [list(row.cells) for row in table.rows] == [["1", "Data"]]
