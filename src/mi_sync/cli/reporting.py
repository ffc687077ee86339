"""What `report` does: the page, where it was asked for."""

from __future__ import annotations

from pathlib import Path

from mi_sync.cli import Settings, show
from mi_sync.cli.plain import redact
from mi_sync.cli.session import Session
from mi_sync.errors import ExitCode
from mi_sync.writing import write_atomically

NAME = "report.html"
"""Beside the configuration, unless another place is named."""


def report(settings: Settings, out: Path | None) -> ExitCode:
    """Writes the page from the state as the last run left it; contacts nobody."""
    session = Session(settings)
    file = out or session.config.root / NAME
    from mi_sync import report as page

    with session.scratch() as run:
        facts = page.gather(run)
    write_atomically(file, redact(page.render(facts)), with_folder=True)
    numbers = page.glance(facts)
    if settings.output == "json":
        show.json_object({"status": "ok", "exit_code": 0, "file": str(file), "glance": numbers})
        return ExitCode.OK
    show.echo(
        f"{facts.programme}: {numbers['openings']} openings, {numbers['applicants']} applicants,"
        f" {numbers['accepted']} accepted, {numbers['on_time']} on time, {numbers['late']} late."
    )
    show.echo(f"Written: {file}. It is for you alone until you share it.")
    return ExitCode.OK
