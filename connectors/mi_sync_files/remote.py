"""Files that are elsewhere: each is copied once, to a temporary file without a name, and read from there.

https comes over `mi_sync.http`; everything else that fsspec knows (s3, gs, memory, file, …) through fsspec, imported
late. What these libraries say is not repeated, because addresses and headers in it may hold secrets.
"""

from __future__ import annotations

import base64
import glob
import io
import re
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, BinaryIO, cast
from urllib.parse import unquote, urlsplit

from mi_sync.connector import Context
from mi_sync.errors import MiSyncError, NotAuthorised, RequestRefused, Unavailable
from mi_sync.http import Http, Window
from mi_sync_files.address import Address
from mi_sync_files.place import Place

MAX_FILE = 1 << 31
"""No file elsewhere has more bytes."""
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}
"""What brings the library for a protocol: mi-sync[…]."""
_BLOCK = 1 << 22
"""Bytes that are asked for at a time."""
_SIGNED = "A link that was signed may have expired: make a new one, or download the file and give its path."

_OWN = "Credentials are found as the library does, such as those of AWS_PROFILE; look whether these may read it."
_CREDENTIALS = re.compile("credential|auth|forbidden|token", re.IGNORECASE)

Fetch = Callable[[IO[bytes], Place], None]
"""Copies a file, from its start, into another one."""


class RemoteFile:
    """The bytes of a file elsewhere, which stay the same for as long as this object lives."""

    def __init__(self, fetch: Fetch, place: Place) -> None:
        self._fetch = fetch
        self._place = place
        self._copy: IO[bytes] | None = None

    def open(self) -> BinaryIO:
        """The bytes, to be read in any order, by several readers at once.

        Raises:
            SourceError, NotAuthorised, Unavailable, BudgetReached: they cannot be had.
        """
        if self._copy is None:
            copy = tempfile.TemporaryFile()  # noqa: SIM115  closed with this object, and gone with it
            weakref.finalize(self, copy.close)
            try:
                self._fetch(copy, self._place)
                copy.flush()
            except OSError as error:
                why = f"it cannot be copied to a temporary file: {error.strerror or 'input/output error'}."
                raise self._place.error(why, "Make room for it.") from None
            self._copy = copy
        return cast("BinaryIO", io.BufferedReader(_Reader(self._copy)))


class _Reader(io.RawIOBase):
    """A reader with a position of its own in a file that others read, too; closing it closes nothing else."""

    _lock = threading.Lock()

    def __init__(self, inner: IO[bytes]) -> None:
        self._inner = inner
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._inner.fileno()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_SET:
            self._at = offset
        elif whence == io.SEEK_CUR:
            self._at += offset
        else:
            with self._lock:
                self._at = self._inner.seek(offset, whence)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed: any buffer
        with self._lock:
            self._inner.seek(self._at)
            data = self._inner.read(len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def find(address: Address, context: Context) -> Iterator[tuple[str, Fetch]]:
    """The files at an address: how people may call each, and what copies it.

    Raises:
        SourceError, NotAuthorised, Unavailable: a pattern finds none, or the library for the protocol is not there.
    """
    if address.protocol in {"http", "https"}:
        yield address.shown, _over_http(address, context)
    else:
        yield from _over_fsspec(address)


# ------------------------------------------------------------------------------------------------- https


def _over_http(address: Address, context: Context) -> Fetch:
    parts = urlsplit(address.url)
    host = parts.netloc.rpartition("@")[2]
    headers, secrets = {}, [parts.query]
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        token = base64.b64encode(pair.encode()).decode()
        headers["Authorization"] = f"Basic {token}"
        secrets += [token, parts.password or parts.username]
    http = Http(
        f"{parts.scheme}://{host}",
        headers=headers,
        secrets=secrets,
        wire=context.wire,
        window=Window(10, 1.0),
        name=host,
    )
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"

    def fetch(into: IO[bytes], place: Place) -> None:
        try:
            http.download(path, into, MAX_FILE)
        except RequestRefused as error:
            raise _refused(error, place) from None
        except NotAuthorised:
            raise _not_authorised(place) from None
        except Unavailable as error:
            raise Unavailable(error.why, where=place.name, remedy="Try again later.") from None

    return fetch


def _refused(error: RequestRefused, place: Place) -> MiSyncError:
    if error.status == 403:
        return _not_authorised(place)
    if error.status in {404, 410}:
        return place.error(f"there is no such file (HTTP {error.status}).", "Correct `path`.")
    return place.error(error.why, "Correct `path`, or download the file and give its path.")


def _not_authorised(place: Place, remedy: str = _SIGNED) -> MiSyncError:
    return NotAuthorised("it may not be read with these credentials, or without any.", where=place.name, remedy=remedy)


# ------------------------------------------------------------------------------------------------ fsspec


def _over_fsspec(address: Address) -> Iterator[tuple[str, Fetch]]:
    place = Place(address.shown)
    with _told(place):
        files, path = _file_system(address, place)
        if not glob.has_magic(path) or files.isfile(path):
            found = {address.shown: path}
        else:
            found = {
                _name(files, p): p for p, it in files.glob(path, detail=True).items() if it.get("type") != "directory"
            }
    if not found:
        raise place.error("no file matches this pattern.", "Correct `path`, or put the export there.")
    for name in sorted(found):
        yield name, _copying(files, found[name])


@contextmanager
def _told(place: Place) -> Iterator[None]:
    """What goes wrong in a library, in our words."""
    try:
        yield
    except MiSyncError:
        raise
    except FileNotFoundError:
        raise place.error("there is no such file.", "Correct `path`.") from None
    except IsADirectoryError:
        raise place.error("it is a folder or a device, not a file.", "Give the path of a file, or a pattern.") from None
    except Exception as error:  # noqa: BLE001  these libraries fail in ways of their own
        kind = type(error).__name__
        if isinstance(error, PermissionError) or _CREDENTIALS.search(kind):
            raise _not_authorised(place, _OWN) from None
        raise Unavailable(f"it cannot be read ({kind}).", where=place.name, remedy="Try again later.") from None


def _name(files: Any, path: str) -> str:  # noqa: ANN401  fsspec has no types
    return Address(str(files.unstrip_protocol(path))).shown


def _file_system(address: Address, place: Place) -> tuple[Any, str]:
    """The library that knows a protocol, and what it calls the file."""
    from fsspec.core import url_to_fs
    from fsspec.registry import known_implementations

    try:
        files, path = url_to_fs(address.url)
    except ImportError:
        extra = EXTRAS.get(address.protocol)
        known = known_implementations.get(address.protocol, {}).get("err", "Install it")
        remedy = f"Run: pip install 'mi-sync[{extra}]'." if extra else f"{known}."
        raise place.error(f"the library that reads {address.protocol}:// is not installed.", remedy) from None
    except ValueError:
        raise place.error(f"{address.protocol}:// is no protocol that is known.", "Correct `path`.") from None
    files.invalidate_cache()
    return files, path


def _copying(files: Any, path: str) -> Fetch:  # noqa: ANN401  fsspec has no types
    def fetch(into: IO[bytes], place: Place) -> None:
        with _told(place):
            about = files.info(path)
            if about.get("type") in {"directory", "other"}:  # a pipe would wait for its writer
                raise IsADirectoryError
            with files.open(path, "rb", block_size=_BLOCK) as stream:
                size = 0
                while piece := stream.read(_BLOCK):
                    size += len(piece)
                    if size > MAX_FILE:
                        raise place.error(f"it has more than {MAX_FILE:,} bytes.", "Is this an export?")
                    into.write(piece)
        if size < (about.get("size") or 0):
            raise Unavailable("it was cut short.", where=place.name, remedy="Try again later.")

    return fetch
