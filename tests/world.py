"""A folder of exports and its records: what `pull` makes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from mi_sync import config, sync
from mi_sync.events import Outside, Result, Run
from mi_sync.http import Wire
from mi_sync.model import Application, Posting
from mi_sync.state import Location, Store

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
CONFIG = """\
[programme]
id = "spring-2026-7f3k9q"
timezone = "America/Chicago"

[[sources]]
name = "overlay"
connector = "files"
path = "engagements.csv"
mapping = "engagements"

[[sources]]
name = "jobs"
connector = "files"
path = "jobs*.csv"
mapping = "generic_postings"
complete = true

[[sources]]
name = "people"
namespace = "jobs"
connector = "files"
path = "people.csv"
mapping = "generic_applicants"
complete = true
"""
OVERLAY = "posting_id,email,status,starts_on,ends_on,supervisor_email\n"
JOBS = "id,title,starts_on\nP-1,Donor dashboard,2026-03-02\nP-2,Donor atlas,2026-03-09\n"
PEOPLE = (
    "id,name,email,posting_id,status\nS-1,Ana Lopez,ana@s.example,P-1,accepted\nS-2,Bo Li,bo@s.example,P-1,applied\n"
)


class World:
    def __init__(self, folder: Path, config: str = CONFIG, place: Location | None = None) -> None:
        self.folder = folder
        self.write("config.toml", config)
        self.write("engagements.csv", OVERLAY)
        self.write("jobs.csv", JOBS)
        self.write("people.csv", PEOPLE)
        self.store = Store.open(place or folder / "state.db", "spring-2026-7f3k9q")

    def write(self, name: str, content: str | bytes) -> None:
        (self.folder / name).write_bytes(content.encode() if isinstance(content, str) else content)

    def pull(self) -> Result:
        loaded = config.load(self.folder / "config.toml")
        result = Result("run")
        run = Run(loaded, self.store, Outside(wire=Wire(now=lambda: NOW)), result)
        for _ in sync.pull(run):
            pass
        for counts in result.sources.values():
            parts = counts.mapped + counts.unchanged + counts.quarantined + counts.skipped
            assert counts.rows == parts, counts
        return result

    def statuses(self) -> dict[str, str | None]:
        postings = [r for r in self.store.records("posting") if isinstance(r, Posting)]
        return {str(posting.id): posting.status for posting in postings}

    def applications(self) -> list[Application]:
        return [r for r in self.store.records("application") if isinstance(r, Application)]

    def status_of(self, person: str) -> str | None:
        keys = {getattr(r, "id", None): r.key for r in self.store.records("applicant")}
        (found,) = [a.status for a in self.applications() if a.applicant == keys[person]]
        return found
