"""How `why`, `quarantine` and `state` answer. Values are shown only where `[privacy]` allows them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from mi_sync.cli import Settings, plain, show
from mi_sync.cli.session import Session
from mi_sync.errors import ExitCode
from mi_sync.model import Privacy, Quarantined
from mi_sync.provenance import NO_ROW, Came, Candidate, Named, Place
from mi_sync.state import Location, Store

LEFT_OUT = ("source", "file", "line", "field", "why", "since", "stage")
"""What is told of a row that was left out."""

_WIDTH = 100
"""Characters of a value or a template; more of it is in the record."""

# ------------------------------------------------------------------------------------------------- why


@dataclass(frozen=True, slots=True)
class Explained:
    """An answer of `why`: a record with its `rows`, or an item with what it is `made` of."""

    what: str
    key: str
    values: Sequence[Came] = ()
    rows: Sequence[Place] = ()
    item: Candidate | None = None
    made: Sequence[Named] = field(default_factory=list)
    step_is_known: bool = True


def why(settings: Settings, found: Sequence[Explained], allow: Collection[Privacy]) -> None:
    """Where the values came from."""
    if settings.output == "json":
        show.json_object({"found": [_explained_as_json(it, allow) for it in found]})
        return
    for it in found:
        show.echo("\n".join(_explained(it, allow)))


def _explained_as_json(it: Explained, allow: Collection[Privacy]) -> dict[str, Any]:
    values = [_came_as_json(each, allow) for each in it.values]
    if it.item is None:
        return {"what": it.what, "key": it.key, "rows": [_place(row) for row in it.rows], "values": values}
    link, item = it.item.link, it.item.item
    return {
        "what": it.what,
        "key": it.key,
        "target": it.item.target,
        "url": link.url if link else None,
        "title": it.item.title,
        "step": it.item.step,
        "n": item.n if item else None,
        "due": item.due_on if item else None,
        "due_on_board": link.seen.due if link else None,
        "owner": it.item.owner,
        "fields": [asdict(each) for each in it.made],
        "values": values,
    }


def _came_as_json(it: Came, allow: Collection[Privacy]) -> dict[str, Any]:
    shown = it.privacy in allow
    place = _place(it.place) if it.place else dict.fromkeys(Place.__slots__)
    rest = {"column": it.column, "mapping": it.mapping, "mapping_line": it.mapping_line, "transform": it.transform}
    return {
        "field": it.field,
        "privacy": it.privacy,
        "shown": shown,
        "value": _plain(it.value) if shown else None,
        **place,
        **rest,
        "overruled": [_place(each) for each in it.overruled],
    }


def _place(it: Place) -> dict[str, Any]:
    """What nobody knows is null."""
    return {**asdict(it), "run": it.run or None, "content": it.content or None}


def _plain(value: Any) -> Any:  # noqa: ANN401  a field is of any type
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def _explained(it: Explained, allow: Collection[Privacy]) -> Iterator[str]:
    if it.item is None:
        yield f"{it.what} {it.key}"
    else:
        yield from _item(it, it.item)
    for each in it.values:
        if it.item or len(it.values) == 1 or not _is_dull(each):
            yield ""
            yield from _came(each, allow)
    told = it.rows or [each.place for each in it.values if each.place]
    if told:
        yield "\nRows"
    for row in dict.fromkeys(told):
        yield from _row(row)


def _is_dull(it: Came) -> bool:
    """Nobody asks for it by itself."""
    return NO_ROW in it.transform or it.field.endswith(".key")


def _row(row: Place) -> Iterator[str]:
    yield f"  {_where(row)}{', gone from the export' if row.gone else ''}"
    if row.unread:
        yield "    it cannot be read now (`mi-sync quarantine list`), so what it said before still stands"
    yield f"    what it says was first read by run {row.run or '(not recorded then)'}"
    if row.content:
        yield f"    its file as last read has the BLAKE2b (b2sum) {row.content[:16]}…"


def _item(it: Explained, item: Candidate) -> Iterator[str]:
    yield plain.one_line(item.title)
    where = item.link.url if item.link else "not yet on the board"
    yield f"  {where} (target {item.target}, key {item.key})"
    count = f", number {item.item.n}" if item.item and item.item.n else ""
    yield f"  step {item.step}{count} of {item.owner}"
    if not it.step_is_known:
        yield "  The step is no longer in the configuration, so nothing tells what its fields are made of."
    for each in it.made:
        yield f"  {each.field}: {_short('; '.join(each.says))}"
        if each.counted:
            yield f"    counted from {each.counted.anchor}, which is {each.counted.day or 'not known'}"
        if each.field == "due":
            yield from _dates(item)
        if each.names:
            yield f"    from {', '.join(each.names)}"


def _dates(it: Candidate) -> Iterator[str]:
    """What the records ask for, and what the board showed last: a person's change of a date is kept."""
    if it.item:
        yield f"    so the records ask for {it.item.due_on or 'no date'}"
    if it.link and not it.link.seen.gone:
        yield f"    the board last showed {it.link.seen.due or 'no date'}"


def _came(it: Came, allow: Collection[Privacy]) -> Iterator[str]:
    yield f"{it.field}{_value(it, allow)}"
    if it.place:
        column = f", column {it.column!r}" if it.column else ""
        yield f"  {_where(it.place)}{column}"
    if it.mapping_line and it.mapping:
        yield f"  {it.mapping}:{it.mapping_line}: {', '.join(it.transform)}"
    elif it.transform:
        yield f"  {', '.join(it.transform)}"
    yield from (f"  overruled: {_where(other)} says it, too" for other in it.overruled)


def _value(it: Came, allow: Collection[Privacy]) -> str:
    value = _plain(it.value)
    if value is None or value in ("", [], (), {}):
        return ""
    if it.privacy not in allow:
        return f" ({it.privacy}: not shown; allow it in [privacy])"
    text = "; ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
    return f" = {_short(text)}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1].rstrip()}…"


def _where(place: Place) -> str:
    return f"{place.file}:{place.line} (source {place.source})"


# -------------------------------------------------------------------------------------------- quarantine


def quarantine(settings: Settings, rows: Iterable[tuple[int, Quarantined]]) -> None:
    """The rows that were left out; never their content."""
    if settings.output == "json":
        show.json_stream([("quarantined", (_row_as_json(number, q) for number, q in rows))])
        return
    number = 0
    for number, q in rows:
        show.echo(f"{number}  {_headline(q)}\n    {q.why}")
    show.echo(f"{_count(number)} left out." if number else "No row is left out.")


def _row_as_json(number: int, q: Quarantined) -> dict[str, Any]:
    return {"number": number, **{name: getattr(q, name) for name in LEFT_OUT}}


def _headline(q: Quarantined) -> str:
    return plain.one_line(f"{q.file}:{q.line}{f' [{q.field}]' if q.field else ''} since {show.moment(q.since)}")


def _count(number: int) -> str:
    return f"{number} row{'' if number == 1 else 's'}"


_STAGES = {
    "map": "the row cannot be read; once its file changes, the next pull tries it again",
    "link": "the row was read, and what it refers to is not there; every pull looks for it again",
}


def left_out(settings: Settings, rows: Sequence[tuple[int, Quarantined, Sequence[str] | None]]) -> None:
    """Rows that were left out, with the names of the columns that are read, and no cell."""
    if settings.output == "json":
        show.json_object({"quarantined": [{**_row_as_json(n, q), "columns": columns} for n, q, columns in rows]})
        return
    for number, q, columns in rows:
        show.echo(f"{number}  {_headline(q)}\n  {q.why}")
        show.echo(f"  source {q.source}; stage {q.stage}: {_STAGES.get(q.stage, q.stage)}.")
        known = ", ".join(map(repr, columns)) if columns is not None else "not known: the file cannot be read now"
        show.echo(f"  Columns that the mapping reads: {known}")


def exported(settings: Settings, file: Path, rows: int) -> None:
    """What was written."""
    if settings.output == "json":
        show.json_object({"file": str(file), "rows": rows})
        return
    show.echo(f"{_count(rows)} left out; written to {file}.")


def retried(session: Session, tried: Sequence[Quarantined], through: Collection[Quarantined]) -> ExitCode:
    """How the pull went, and which of the rows are no longer left out."""
    if session.settings.output == "json":
        code = session.finish(printed=True)
        rows = [{**{name: getattr(q, name) for name in LEFT_OUT}, "left_out": q not in through} for q in tried]
        show.json_object({**show.result_as_json(session.result, code), "retried": rows})
        return code
    code = session.finish()
    for q in through:
        show.echo(f"✓ {q.file}:{q.line}{f' [{q.field}]' if q.field else ''}")
    show.echo(f"Of {_count(len(tried))} left out, {len(through)} got through." if tried else "No row was left out.")
    return code


# ------------------------------------------------------------------------------------------------- state


def state(settings: Settings, place: Location, store: Store, newest: int) -> None:
    """What the store holds, in counts. Its schema is 0 when there is none; `newest` is that of this version."""
    size, schema, counts = store.size, store.schema, store.counts()
    if settings.output == "json":
        show.json_object({"file": str(place), "bytes": size, "schema": schema, "newest_schema": newest, **counts})
        return
    show.echo(f"{place}: {f'{size:,} bytes, schema {schema} of {newest}' if schema else 'there is none yet'}")
    for name, words in _HELD.items():
        parts = ", ".join(f"{part} {number}" for part, number in counts[name].items())
        show.echo(f"{words}: {sum(counts[name].values())}{f' ({parts})' if parts else ''}")


_HELD = {
    "files": "Files",
    "records": "Records",
    "links": "Items on boards",
    "archived": "…of these archived by mi-sync",
    "open_intents": "Changes whose outcome is not recorded",
    "quarantine": "Rows left out",
    "runs": "Runs",
}


def forgotten(session: Session, source: str, records: int) -> ExitCode:
    """How many records held something that a source said, and what is left to look at."""
    code = session.finish(printed=True)
    if session.settings.output == "json":
        show.json_object({**show.result_as_json(session.result, code), "source": source, "records": records})
    elif code is ExitCode.OK:
        show.echo(f"{source}: let go; {records} record{'' if records == 1 else 's'} held something that it said.")
    return code
