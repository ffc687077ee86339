"""What `mi-sync inspect` does: look at one file, and tell what it is without telling what stands in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from mi_sync import loader, proposal, recognition
from mi_sync.cli import Settings, logs, show
from mi_sync.connector import Connector, Context, Registry, Row, Source, SourceFile, Table
from mi_sync.errors import ConfigError, ExitCode, SourceError
from mi_sync.fields import Options
from mi_sync.http import Wire
from mi_sync.language import Mapping
from mi_sync.mapping import Untold, compile_mapping
from mi_sync.values import line
from mi_sync.writing import write_new


@dataclass(slots=True)
class Found:
    """What a file is.

    Attributes:
        file: as it was named.
        table: its dialect and header; the rows are spent.
        rows: how many there are; `faults` of them cannot be read, and `skipped` are no records.
        samples: some cells of each column.
        mapping: the one that it is recognised as, or that was named.
        confidence: of the recognition, or of the best guess where it failed; 1 for a mapping that was named.
        why: what speaks for that.
        fits: the candidates, best first.
        columns: what each column is read as, or is proposed to be.
        sensitive: the columns that are never kept.
    """

    file: str
    table: Table
    rows: int
    faults: int
    samples: Sequence[Sequence[str]]
    skipped: int = 0
    mapping: Mapping | None = None
    confidence: float = 0.0
    why: str = ""
    fits: Sequence[recognition.Fit] = ()
    columns: Sequence[proposal.Column] = ()
    sensitive: Sequence[str] = ()


def inspect(settings: Settings, file: str, mapping: str | None, write: Path | None, more: Sequence[str]) -> ExitCode:
    """Looks at a file, shows what it is, and writes a mapping for it if asked to."""
    logs.start(settings)
    root = settings.config.parent
    named = None if mapping is None else loader.find_mapping(mapping, root)
    known = loader.find_all(root)
    found = _looked_at(_open(file, dict(_setting(each) for each in more)))
    _recognise(found, known, named)
    header, labels = found.table.header, found.table.labels
    found.sensitive = proposal.sensitive(header, found.samples, labels)
    if found.mapping is not None:
        found.columns = proposal.bound(header, found.mapping, labels)
    else:
        found.columns = proposal.propose(header, found.samples, known, labels)
    if write is not None:
        _write(write, _mapping_text(found, root))
    show.inspection(settings, found, write)
    return ExitCode.OK


# ------------------------------------------------------------------------------------------------- looking


def _setting(given: str) -> tuple[str, str]:
    key, equals, value = given.partition("=")
    if not equals:
        raise ConfigError("is no KEY=VALUE.", where="--set", remedy="Write for example --set delimiter=';'.")
    return key, value


def _open(file: str, more: dict[str, str]) -> SourceFile:
    """The file, by whichever installed source reads paths; paths are relative to the working directory."""
    registry = Registry()
    loaded = (registry.load(name) for name in registry.names)
    sources = [it for it in loaded if isinstance(it, Connector) and it.kind == "source"]
    connector = next((it for it in sources if "path" in it.config.model_fields), None)
    if connector is None:
        raise ConfigError("no installed connector reads files; `mi-sync connectors` lists them.")
    try:
        settings = connector.config.model_validate({"path": file, **more})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = f"--set {first['loc'][0]}" if first["loc"] and first["loc"][0] != "path" else file
        remedy = f"`mi-sync connectors {connector.name}` lists the settings."
        raise ConfigError(f"{first['msg'].removeprefix('Value error, ')}.", where=where, remedy=remedy) from None
    source = connector.open(settings, Context("inspect", Path(), ZoneInfo("UTC"), Wire()))
    assert isinstance(source, Source)  # noqa: S101  the connector says so
    files = source.files()
    if len(files) != 1:
        raise ConfigError(f"these are {len(files)} files.", where=file, remedy="Name one of them.")
    return files[0]


def _looked_at(file: SourceFile) -> Found:
    with file.open() as table:
        _refuse_data(table, file.name)
        found = Found(file.name, table, 0, 0, ())
        found.samples = proposal.samples(len(table.header), _counted(table.rows, found))
    return found


_DATA = re.compile(r"\S+@\S+\.\S+|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}|'?\+?[0-9 ()-]{7,}")
"""What no column is called: addresses, dates, phone numbers."""


def _refuse_data(table: Table, name: str) -> None:
    """A file that lacks its header begins with a person, whom we must not show."""
    if any(_DATA.fullmatch(line(cell)) for cell in table.header):
        raise SourceError(
            "what should be the header looks like data.",
            where=f"{name}:{table.header_line}",
            remedy="Give it a first row with the names of the columns.",
        )


def _counted(rows: Iterable[Row], found: Found) -> Iterator[Sequence[str]]:
    for row in rows:
        found.rows += 1
        found.faults += bool(row.fault)
        found.skipped += bool(row.skip)
        if row.is_record:
            yield row.cells


def _recognise(found: Found, known: Sequence[Mapping], named: Mapping | None) -> None:
    header = found.table.header
    found.fits = recognition.fits(header, known, found.table.labels)
    if named is not None:
        found.mapping = named
        found.confidence, remark = _binds(found, named)
        found.why = f"it was named{remark}"
        return
    try:
        fit = recognition.recognise(header, known, found.file, found.table.labels)
    except SourceError as error:
        found.confidence, found.why = (found.fits[0].confidence if found.fits else 0.0), error.why
    else:
        _, untold = _binds(found, fit.mapping)
        found.mapping, found.confidence, found.why = fit.mapping, fit.confidence, f"{fit.evidence}{untold}"


def _binds(found: Found, it: Mapping) -> tuple[float, str]:
    """Whether a mapping can read the file, and what is to be said of that."""
    table = found.table
    try:
        compile_mapping(it, table.header, Options(), programme="", file=found.file, labels=table.labels)
    except Untold as error:
        return 1.0, f"; {error.why} {error.remedy}"
    except SourceError as error:
        return 0.0, f", but it cannot read this file: {error.why}"
    return 1.0, ""


# ------------------------------------------------------------------------------------------------- writing


def _mapping_text(found: Found, root: Path) -> str:
    if found.mapping is not None:
        return f"# A copy of the mapping {found.mapping.name!r}, to change.\n{loader.text_of(found.mapping.name, root)}"
    text = proposal.as_toml(found.columns, Path(found.file).name)
    if not text:
        raise SourceError(
            "no column is recognised well enough to propose a mapping.",
            where=found.file,
            remedy="mappings/README.md tells how to write one.",
        )
    return text


def _write(path: Path, text: str) -> None:
    """Writes a new file; one that is there already is somebody's work."""
    if not write_new(path, text):
        raise ConfigError("there is such a file, and it is kept.", where=str(path), remedy="Name another.")
