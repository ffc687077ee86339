"""The commands: the only package that prints, prompts or exits.

This module is all that `mi-sync --help` imports: the shape of the command line. What a command does lies in
`commands`, what it prints in `show`, and both are imported when a command runs.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from mi_sync import __version__
from mi_sync.errors import STATUSES, ConfigError, ExitCode, MiSyncError


@dataclass(slots=True)
class Settings:
    """The global options."""

    config: Path = Path("config.toml")
    output: str = "text"
    verbose: int = 0
    log_format: str = "text"
    no_color: bool = False


def _global_options() -> list[click.Parameter]:
    """Accepted before and after the command's name, because people type them in both places."""
    return [
        click.Option(
            ["--config"],
            type=click.Path(path_type=Path, dir_okay=False),
            help="The configuration (default: $MI_SYNC_CONFIG, else ./config.toml).",
        ),
        click.Option(["--output"], type=click.Choice(["text", "json"]), help="How results are printed (stdout)."),
        click.Option(["-v", "--verbose"], count=True, help="Log what happens (stderr); -vv logs every request."),
        click.Option(["--log-format"], type=click.Choice(["text", "json"]), help="How the log is printed."),
        click.Option(["--no-color"], is_flag=True, help="No colours; NO_COLOR does the same."),
    ]


def _take_globals(context: click.Context) -> None:
    """Moves the global options out of the command's own; what was given last wins."""
    settings = context.find_root().ensure_object(Settings)
    for option in _global_options():
        value = context.params.pop(option.name or "", None)
        if value:
            setattr(settings, option.name or "", value)


class _WithGlobals(click.Command):
    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  as click's
        super().__init__(*args, **kwargs)
        self.params += _global_options()

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  as click's
        _take_globals(ctx)
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # before click makes it exit code 1
            forget_readers()
            return ExitCode.OK


class _Group(_WithGlobals, click.Group):
    command_class = _WithGlobals


_Group.group_class = _Group


def forget_readers() -> None:
    """Nobody reads our output any more, as after `| head`: that is no failure. What is left goes nowhere."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `mi-sync demo`, which needs no account, or `mi-sync init`.",
)
@click.version_option(__version__, prog_name="mi-sync")
def cli() -> None:
    """Keep the boards of a micro-internship programme in step with its exports, exactly once."""


def _example(*lines: str) -> str:
    return "\n".join(("\b", "Example:", *(f"  {line}" for line in lines)))


def _limits(function: Callable[..., ExitCode]) -> Callable[..., ExitCode]:
    for option in (
        click.option(
            "--force",
            multiple=True,
            type=click.Choice(["archive", "create"]),
            help="Go beyond this limit of [safety].",
        ),
        click.option(
            "--recreate",
            multiple=True,
            metavar="KEY",
            help="Bring this dismissed item back; `status` lists keys. Can be repeated.",
        ),
        click.option(
            "--adopt",
            is_flag=True,
            help="Take over an item without our mark that has the title of a missing one, instead of making a second.",
        ),
        click.option(
            "--max-requests",
            type=click.IntRange(min=1),
            help="Stop cleanly after this many requests (exit 8); the next run goes on.",
        ),
        click.option(
            "--max-seconds",
            type=click.FloatRange(min=0, min_open=True),
            help="Send nothing more after this time (exit 8); the next run goes on.",
        ),
    ):
        function = option(function)
    return function


# -------------------------------------------------------------------------------------------- commands


@cli.command(epilog=_example("mi-sync init spring-2026"))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".", metavar="[DIR]")
@click.pass_obj
def init(settings: Settings, folder: Path) -> ExitCode:
    """Make a working project folder with sample exports.

    It holds a configuration, a mapping, sample exports and an overlay of engagements that you keep by hand.
    Nothing that is there already is overwritten.
    """
    from mi_sync.cli import project

    return project.init(settings, folder)


@cli.command(epilog=_example("mi-sync check --config spring-2026/config.toml"))
@click.pass_obj
def check(settings: Settings) -> ExitCode:
    """Check configuration, secrets, exports, state and boards.

    Contacts every target by reading only, and writes nothing. Tells where the state and a board differ;
    that alone is no failure, because people may remove and copy what they like.
    """
    from mi_sync.cli import commands

    return commands.check(settings)


@cli.command(epilog=_example("mi-sync connectors", "mi-sync connectors files"))
@click.argument("name", required=False)
@click.pass_obj
def connectors(settings: Settings, name: str | None) -> ExitCode:
    """List what is installed and what each can do.

    With NAME: what that connector can and cannot do, and its settings.
    """
    from mi_sync.cli import commands

    return commands.connectors(settings, name)


@cli.command(epilog=_example("mi-sync inspect export.csv", "mi-sync inspect export.csv --write mappings/ours.toml"))
@click.argument("file")
@click.option("--mapping", metavar="NAME", help="Look at it with this mapping, recognised or not.")
@click.option(
    "--write",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the mapping, proposed or as recognised, to a new file.",
)
@click.option(
    "--set",
    "settings_",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the source, such as delimiter=';'. Can be repeated.",
)
@click.pass_obj
def inspect(
    settings: Settings, file: str, mapping: str | None, write: Path | None, settings_: tuple[str, ...]
) -> ExitCode:
    """Tell what an export is, or propose a mapping.

    Shows format, encoding, delimiter, header row, the mapping that it is recognised as, and what each column is read
    as. For an unknown file: a proposed mapping, with a confidence for each column. No value is ever shown. Needs no
    configuration; mappings beside one are known, too.
    """
    from mi_sync.cli import inspection

    return inspection.inspect(settings, file, mapping, write, settings_)


@cli.command(epilog=_example("mi-sync pull", "mi-sync pull --output json > records.json"))
@click.pass_obj
def pull(settings: Settings) -> ExitCode:
    """Read and map the exports; contacts no target."""
    from mi_sync.cli import commands

    return commands.pull(settings)


@cli.command(epilog=_example("mi-sync plan", "mi-sync plan --out spring.plan && mi-sync apply spring.plan"))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Save the plan, for `mi-sync apply`.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 9 when something would change.")
@_limits
@click.pass_obj
def plan(settings: Settings, /, *, out: Path | None, detailed_exitcode: bool, **limits: Any) -> ExitCode:  # noqa: ANN401  the options of `_limits`
    """Show what would change, and change nothing.

    Writes nothing but the file that it is asked for.
    """
    from mi_sync.cli import commands

    return commands.plan(settings, commands.Limits(**limits), out=out, detailed=detailed_exitcode)


@cli.command(epilog=_example("mi-sync apply spring.plan", "mi-sync apply --recreate k3v7q…"))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@_limits
@click.pass_obj
def apply(settings: Settings, /, *, file: Path | None, **limits: Any) -> ExitCode:  # noqa: ANN401  as above
    """Apply exactly a saved plan, or refuse it as stale.

    It is refused, and nothing is done, when anything that it names has moved since it was made. An interrupted one
    resumes with the same file. Without FILE: plan from the records as last pulled, and apply.
    """
    from mi_sync.cli import commands

    return commands.apply(settings, commands.Limits(**limits), file)


@cli.command(epilog=_example("mi-sync run", "mi-sync run --dry-run"))
@click.option("--dry-run", is_flag=True, help="Only show what would change, as `mi-sync plan` does.")
@_limits
@click.pass_obj
def run(settings: Settings, /, *, dry_run: bool, **limits: Any) -> ExitCode:  # noqa: ANN401  as above
    """Pull, plan and apply: bring the boards in step."""
    from mi_sync.cli import commands

    if dry_run:
        return commands.plan(settings, commands.Limits(**limits))
    return commands.run(settings, commands.Limits(**limits))


@cli.command(epilog=_example("mi-sync rehearse", "mi-sync rehearse --no-serve --output json"))
@click.option("--serve/--no-serve", default=None, help="Keep the copies to be looked at (default: on a terminal).")
@_limits
@click.pass_obj
def rehearse(settings: Settings, /, *, serve: bool | None, **limits: Any) -> ExitCode:  # noqa: ANN401  as above
    """Try a run on copies of the boards first.

    The real boards are only read. The copies are local, and everything else is as in `mi-sync run`: settings, exports,
    plan, requests. Tells what came of it, and the command for the real thing. State and publishers are left alone.
    """
    from mi_sync.cli import rehearsing
    from mi_sync.cli.commands import Limits

    on_terminal = settings.output == "text" and sys.stdin.isatty() and sys.stdout.isatty()
    return rehearsing.rehearse(settings, Limits(**limits), stay=on_terminal if serve is None else serve)


@cli.command(epilog=_example("mi-sync status", "mi-sync status --output json"))
@click.pass_obj
def status(settings: Settings) -> ExitCode:
    """Show what is late, due soon or needs a look.

    As of the last run: overdue, due within seven days, without a date, without an owner, dismissed and in conflict.
    """
    from mi_sync.cli import commands

    return commands.status(settings)


@cli.command(epilog=_example("mi-sync report", "mi-sync report --out spring.html"))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write it (default: report.html beside the configuration).",
)
@click.pass_obj
def report(settings: Settings, out: Path | None) -> ExitCode:
    """Write the programme as one HTML page.

    As of the last run: openings, applicants, milestones, the coming week, feedback, runs and what was left out. The
    file needs nothing beside it, fetches nothing, prints, and holds only what [privacy] allows.
    """
    from mi_sync.cli import reporting

    return reporting.report(settings, out)


@cli.command(epilog=_example("mi-sync history --limit 5"))
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many runs.")
@click.pass_obj
def history(settings: Settings, limit: int) -> ExitCode:
    """Show the past runs, newest first."""
    from mi_sync.cli import commands

    return commands.history(settings, limit)


@cli.command(
    epilog=_example("mi-sync why 'Kickoff: Donor dashboard (AL)' due", "mi-sync why https://trello.com/c/AbCd1234")
)
@click.argument("key")
@click.argument("field", required=False)
@click.pass_obj
def why(settings: Settings, key: str, field: str | None) -> ExitCode:
    """Show where a value came from: row, column, mapping line.

    KEY is an item's key, address or title, or a record's key. FIELD is one of its fields, such as title, due or
    posting.starts_on; without it, all of them. Values of a class that [privacy] does not allow are not shown.
    """
    from mi_sync.cli import tracing

    return tracing.why(settings, key, field)


@cli.group()
def quarantine() -> None:
    """Look at the rows that were left out, and try them again."""


@quarantine.command("list", epilog=_example("mi-sync quarantine list", "mi-sync quarantine list --export rows.csv"))
@click.option(
    "--export",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write them into this CSV file, for its owner alone; no cell of it is a formula.",
)
@click.pass_obj
def quarantine_list(settings: Settings, export: Path | None) -> ExitCode:
    """List the rows that were left out, and why."""
    from mi_sync.cli import tracing

    return tracing.quarantine_list(settings, export)


@quarantine.command(
    "show", epilog=_example("mi-sync quarantine show 1", "mi-sync quarantine show exports/applicants.csv:8")
)
@click.argument("row")
@click.pass_obj
def quarantine_show(settings: Settings, row: str) -> ExitCode:
    """Show one row that was left out; never its cells.

    ROW is its number in `mi-sync quarantine list`, or its place, file:line.
    """
    from mi_sync.cli import tracing

    return tracing.quarantine_show(settings, row)


@quarantine.command("retry", epilog=_example("mi-sync quarantine retry"))
@click.pass_obj
def quarantine_retry(settings: Settings) -> ExitCode:
    """Read the rows that were left out again.

    A pull that reads their files even if these are unchanged, and tells which rows got through. Contacts no target.
    """
    from mi_sync.cli import tracing

    return tracing.quarantine_retry(settings)


@cli.group()
def state() -> None:
    """Look at what mi-sync remembers, or make it forget."""


@state.command("show", epilog=_example("mi-sync state show"))
@click.pass_obj
def state_show(settings: Settings) -> ExitCode:
    """Show what the state holds, in counts."""
    from mi_sync.cli import tracing

    return tracing.state_show(settings)


@state.command(
    "forget",
    epilog=_example(
        "mi-sync state forget ana@example.org --dry-run", "mi-sync state forget ana@example.org --items rewrite"
    ),
)
@click.argument("address", metavar="EMAIL")
@click.option(
    "--items",
    type=click.Choice(["list", "archive", "rewrite"]),
    default="list",
    show_default=True,
    help="What to do with the person's items on boards: rewrite takes out what we wrote of them.",
)
@click.option("--lift", is_flag=True, help="Take rows of a forgotten person again.")
@click.option("--dry-run", is_flag=True, help="Only show what would be erased.")
@click.pass_obj
def state_forget(settings: Settings, /, *, address: str, items: str, lift: bool, dry_run: bool) -> ExitCode:
    """Erase a person from the state, for good.

    EMAIL is any address of theirs. Records, names and what past runs say of them go; rows about them are skipped from
    now on. Exports and saved plans are yours: the rows to remove are named. Nothing is ever deleted on a board.
    """
    from mi_sync.cli import forgetting

    if lift:
        return forgetting.lift(settings, address)
    return forgetting.forget(settings, address, items, dry_run=dry_run)


@state.command("rebuild", epilog=_example("mi-sync state rebuild", "mi-sync state rebuild --target board"))
@click.option("--target", "targets", multiple=True, metavar="NAME", help="Only this target. Can be repeated.")
@click.pass_obj
def state_rebuild(settings: Settings, targets: tuple[str, ...]) -> ExitCode:
    """Restore a lost state from the marks on the boards.

    Pulls, then links every item that carries our mark and is not linked, with what its mark says was last written, so
    that edits of people are still told from ours. Writes to no board, and changes no link that is there: where one
    differs from its board, that is listed. What no board tells is listed, too.
    """
    from mi_sync.cli import recovery

    return recovery.rebuild(settings, targets)


@state.command("unlock", epilog=_example("mi-sync state unlock", "mi-sync state unlock --force"))
@click.option("--force", is_flag=True, help="Also from a run that may still be alive; it stops at its next step.")
@click.pass_obj
def state_unlock(settings: Settings, *, force: bool) -> ExitCode:
    """Free the lock of a run that is gone.

    The next run frees it itself when that process is gone from this machine, or after two minutes without a sign of it.
    A run that may be alive keeps it (exit 7) unless --force; it can store and send nothing new afterwards.
    """
    from mi_sync.cli import recovery

    return recovery.unlock(settings, force=force)


@state.command("forget-source", epilog=_example("mi-sync state forget-source old-portal"))
@click.argument("name")
@click.pass_obj
def state_forget_source(settings: Settings, name: str) -> ExitCode:
    """Let go what a source said that is no longer configured.

    As if a complete export no longer had its rows: postings become closed, applications that were not accepted
    withdrawn, engagements are reported and kept. Contacts no target.
    """
    from mi_sync.cli import tracing

    return tracing.state_forget_source(settings, name)


@cli.command(
    epilog=_example(
        "mi-sync schedule cron --every 1h",
        "mi-sync schedule systemd --at 07:30 | sh",
        "mi-sync schedule github > .github/workflows/mi-sync.yml",
    )
)
@click.argument("kind", type=click.Choice(["cron", "systemd", "github"]))
@click.option("--every", metavar="TIME", help="How often: 15m, 1h, 6h, 1d, … (default: 1h).")
@click.option("--at", metavar="HH:MM", help="The time of a daily run, in the programme's time zone.")
@click.pass_obj
def schedule(settings: Settings, kind: str, every: str | None, at: str | None) -> ExitCode:
    """Print a recipe for unattended runs, ready to use.

    For this very configuration: a crontab, a shell script that makes a systemd service and timer, or a GitHub Actions
    workflow. Secrets are named, never shown. Changes nothing by itself.
    """
    from mi_sync.cli import scheduling

    return scheduling.schedule(settings, kind, every, at)


@cli.command(epilog=_example("mi-sync sandbox --port 8377"))
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address to serve on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8377, show_default=True, help="0 takes a free one.")
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    default="sandbox",
    show_default=True,
    help="The folder that it keeps its boards in.",
)
@click.option("--rate-limit", type=click.IntRange(min=1), help="Requests for each token in the tool's own window.")
@click.pass_obj
def sandbox(settings: Settings, host: str, port: int, state: Path, rate_limit: int | None) -> ExitCode:
    """Serve a local stand-in for the boards.

    It speaks the tools' own REST interfaces and shows the boards on a web page; no account, no network.
    """
    from mi_sync.cli import serve

    return serve.sandbox(settings, host, port, state, rate_limit)


@cli.command(epilog=_example("mi-sync demo"))
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default="demo",
    show_default=True,
    help="Where the sample project is made, anew each time.",
)
@click.option("--stay/--no-stay", default=None, help="Keep the board open at the end (default: on a terminal).")
@click.pass_obj
def demo(settings: Settings, folder: Path, *, stay: bool | None) -> ExitCode:
    """See the main job on samples; no account needed.

    Runs the real commands on shipped sample exports against the local sandbox, and never leaves this machine.
    """
    from mi_sync.cli import showcase

    return showcase.demo(settings, folder, stay=sys.stdin.isatty() and sys.stdout.isatty() if stay is None else stay)


# ------------------------------------------------------------------------------------------------- main


def main() -> None:
    """The entry point of the command line."""
    # What is imported and read holds no garbage: to look for it as often as Python does takes a tenth of a short run.
    gc.set_threshold(50_000, 20, 20)
    _open_streams()
    code = invoke(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        pass
    except OSError as error:
        code = code or _fail(Settings(), _full(error))
    forget_readers()
    sys.exit(code)


def _open_streams() -> None:
    """A standard stream that was closed before we began, as some schedulers do, leads nowhere.

    Without it the next file to be opened, such as the state, would get its number, and messages would go into it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  as long as the process


def invoke(arguments: list[str]) -> int:
    """Runs a command line to its exit code; every error becomes one of the contract's."""
    settings = Settings(
        config=Path(os.environ.get("MI_SYNC_CONFIG") or "config.toml"), no_color=bool(os.environ.get("NO_COLOR"))
    )
    try:
        code = cli.main(arguments, prog_name="mi-sync", standalone_mode=False, obj=settings)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help(), err=True)
        return ExitCode.CONFIG
    except click.ClickException as error:
        error.show()
        return ExitCode.CONFIG
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except MiSyncError as error:
        return _fail(settings, error)
    except Exception as error:  # noqa: BLE001  the last resort: a bug becomes exit 1 and a log file
        return _fail(settings, _full(error)) if _is_full(error) else _bug(settings, error)
    return code if isinstance(code, int) else ExitCode.OK


def _is_full(error: Exception) -> bool:
    """Whether nothing more can be written where output or a temporary file goes, which no code of ours can mend."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def _full(error: Exception) -> MiSyncError:
    why = f"output or a temporary file cannot be written: {getattr(error, 'strerror', None) or error}."
    return ConfigError(why, remedy="Make room, and run again; `mi-sync history` tells what was done.")


def _fail(settings: Settings, error: MiSyncError) -> int:
    from mi_sync.cli import github, logs, show

    problems = error.all_problems()
    with contextlib.suppress(OSError):  # the exit code is told all the same
        if settings.output == "json":
            _print_failure(error)
    with contextlib.suppress(OSError):
        if settings.log_format == "json":
            logs.failed(settings, problems)
        else:
            for problem in problems:
                show.echo(f"mi-sync: {problem}", err=True)
        github.show(github.Outcome("", error.exit_code, settings.config.parent, problems))
    return error.exit_code


def _print_failure(error: MiSyncError) -> None:
    from mi_sync.cli import show

    show.json_object(
        {
            "run_id": None,
            "status": STATUSES[error.exit_code],
            "exit_code": int(error.exit_code),
            "sources": {},
            "targets": {},
            "problems": [show.problem_as_json(p) for p in error.all_problems()],
        }
    )


def _bug(settings: Settings, error: Exception) -> int:
    from mi_sync.cli import show

    why = f"this is a bug in mi-sync ({type(error).__name__}); please report it with {show.log_bug(error)}"
    return _fail(settings, MiSyncError(f"{why}."))
