"""Pushing and planning against the sandboxes: requests, pace, and the CPU of planning when there is nothing to do."""

from __future__ import annotations

import contextlib
import csv
import json
import math
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.exports import ROOT
from benchmarks.measuring import Bench, Command, Figure, Process, Spent, our_cli, spend, turn

TOOLS = ("trello", "asana")
PEERS = Path(__file__).parents[1] / "peers"
UNLIMITED = 10**6
LATENCY = 0.05
"""Seconds that a board takes to answer, on top of what its sandbox takes."""

CONFIG = """\
[programme]
id = "benchmark-{name}"
name = "Benchmark"
timezone = "America/Chicago"

[state]
url = "sqlite:///{state}"

[[sources]]
name = "jobs"
connector = "files"
path = "jobs.csv"
mapping = "generic_postings"

[[milestones.steps]]
key = "brief"
per = "posting"
title = "Brief {{{{ posting.title }}}} for {{{{ posting.organization }}}}"
body = "{{{{ posting.summary }}}}"
due = "start-1w"
list = "{column}"
labels = ["brief"]

[safety]
max_create = 20000

[[targets]]
name = "board"
connector = "{connector}"
{settings}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running board server."""

    url: str
    boards: Mapping[str, Any]

    def counts(self) -> dict[str, float]:
        """How many requests came since this was asked last: `all`, by method, and those that were refused (`429`)."""
        with urllib.request.urlopen(f"{self.url}/counts") as reply:  # noqa: S310  our own server on this machine
            return {name: float(number) for name, number in json.load(reply).items()}

    def raise_limits(self) -> None:
        """Lets Trello's board hold more cards than a real one does."""
        wanted = json.dumps({"cards": {"openPerBoard": 50_000, "openPerList": 50_000}}).encode()
        # By its id, which the board itself tells under the short link of its address.
        target = self.boards["trello"]
        link = target["settings"]["board"].rstrip("/").rpartition("/")[2]
        key, token = (target["environ"][target["settings"][name]["env"]] for name in ("key", "token"))
        shown = f"{self.url}/1/boards/{link}?fields=id&key={key}&token={token}"
        with urllib.request.urlopen(shown) as reply:  # noqa: S310  as above
            id_ = json.load(reply)["id"]
        asked = urllib.request.Request(  # noqa: S310  as above
            f"{self.url}/trello/limits/{id_}", wanted, {"Content-Type": "application/json"}, method="PUT"
        )
        urllib.request.urlopen(asked).close()  # noqa: S310  as above


@contextlib.contextmanager
def serving(folder: Path, rate_limit: int | None = UNLIMITED, latency: float = 0.0, **more: int) -> Iterator[Server]:
    """A board server in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.board_server", str(folder), "--latency", str(latency)]
    command += ["--rate-limit", str(rate_limit)] if rate_limit else []
    command += [word for name, number in more.items() for word in (f"--{name}", str(number))]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603  our own command
    try:
        assert process.stdout is not None  # noqa: S101  it is a pipe
        told = json.loads(process.stdout.readline())
        yield Server(told["url"], told["boards"])
    finally:
        process.terminate()
        process.wait()


class Project:
    """A configuration with so many postings, each of which is one item on the board of one tool."""

    def __init__(self, folder: Path, server: Server, tool: str, items: int, name: str = "1", **more: str) -> None:
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        self._environ = server.boards[tool]["environ"]
        settings = "\n".join(
            [
                *(f"{key} = {_toml(value)}" for key, value in server.boards[tool]["settings"].items()),
                *(f'{key} = "{value}"' for key, value in more.items() if key != "state"),
            ]
        )
        state = more.get("state", "state.db")
        filled = CONFIG.format(connector=tool, settings=settings, name=name, column=f"To do {name}", state=state)
        (self.folder / "config.toml").write_text(filled, "utf-8")
        self._write(items)

    def command(self, *arguments: str) -> Command:
        """One of ours on this project."""
        return Command([*our_cli(), *arguments], self.folder, self._environ)

    def _write(self, items: int) -> None:
        with (self.folder / "jobs.csv").open("w", encoding="utf-8", newline="") as file:
            written = csv.writer(file)
            written.writerow(["id", "title", "organization", "summary", "starts_on", "ends_on", "status"])
            for number in range(items):
                day = f"2027-0{1 + number % 9}-{1 + number % 28:02d}"
                told = f"Find out what {number} people need.\n\n- ask\n- write down"
                written.writerow([f"P-{number}", f"Survey {number}", "Food bank", told, day, "2027-12-01", "open"])


def _toml(value: Any) -> str:  # noqa: ANN401  a setting of any sandbox
    return f'{{ env = "{value["env"]}" }}' if isinstance(value, Mapping) else json.dumps(value)


def requests(bench: Bench) -> Iterator[Figure]:
    """How many requests a first push takes, and a run with nothing to do; counted by the server."""
    items = 20 if bench.quick else 600
    for tool in TOOLS:
        folder = bench.folder(f"requests-{tool}")
        # Pages of Trello's cards overlap by those of one second, which must not be more than a real board could get.
        with serving(folder / "boards", latency=0.0 if bench.quick else LATENCY) as server:
            server.raise_limits()
            paid = {"plan": "paid"} if tool == "asana" else {}  # else it would pace itself for minutes
            project = Project(folder, server, tool, items, **paid)
            for step in ("first push", "nothing to do"):
                server.counts()
                spent = spend(project.command("run"))
                counts = server.counts()
                writes = counts.get("all", 0) - counts.get("GET", 0)
                counted = {"requests": counts.get("all", 0), "writes": writes, "items": float(items)}
                yield spent.figure(step, tool, 0, **counted)


def plan(bench: Bench) -> Iterator[Figure]:
    """The CPU of a plan of many items with nothing to do, and of reading their links, which is the least it takes."""
    most = 200 if bench.quick else 10_000
    for items in (most // 2, most):
        folder = bench.folder("plan")
        with serving(folder / "boards") as server:
            server.raise_limits()
            project = Project(folder, server, "trello", items)
            spend(project.command("run"))
            for round_ in range(bench.rounds):
                read: list[str | Path] = [sys.executable, PEERS / "read_links.py", "state.db", "benchmark-1"]
                yield spend(project.command("plan")).figure(f"{items} items", "mi-sync", round_)
                yield spend(Command(read, project.folder)).figure(f"{items} items", "reading links", round_)


def noop(bench: Bench) -> Iterator[Figure]:
    """The CPU of a run with nothing to do, a warm state and one small board, and of imports that it cannot avoid."""
    folder = bench.folder("noop")
    imports = [sys.executable, "-c", "import click, pydantic, requests, sqlite3"]
    with serving(folder / "boards") as server:
        project = Project(folder, server, "trello", 12)
        spend(project.command("run"))
        for round_ in range(bench.rounds):
            yield spend(project.command("run")).figure("nothing to do", "mi-sync", round_)
            yield spend(Command(imports, project.folder)).figure("nothing to do", "imports", round_)


@dataclass(frozen=True, slots=True)
class Pace:
    """A way to be limited: which tool, how many requests in how many seconds, and which settings say so."""

    tool: str
    limit: int
    seconds: float
    settings: Mapping[str, str]

    def floor(self, requests: float) -> float:
        """The least seconds in which so many requests can be sent: the first window costs nothing."""
        return (math.ceil(requests / self.limit) - 1) * self.seconds


PACES = (Pace("trello", 100, 10.0, {}), Pace("asana", 150, 60.0, {"plan": "free"}))


def pace(bench: Bench) -> Iterator[Figure]:
    """1,000 creates under each tool's limit: alone on the token, and by three runners who share it; in real time."""
    items = 10 if bench.quick else 1000
    for it in PACES:
        for round_ in range(1 if it.tool == "asana" else bench.rounds):
            for runners in (1, 3):
                yield _paced(bench, it, items, runners, round_)


def _paced(bench: Bench, it: Pace, items: int, runners: int, round_: int) -> Figure:
    folder = bench.folder(f"pace-{it.tool}")
    with serving(folder / "boards", it.limit, LATENCY) as server:
        shared = {**it.settings, "state": f"{folder / 'state.db'}"}
        share = [items // runners + (number < items % runners) for number in range(runners)]
        projects = [
            Project(folder, server, it.tool, many, str(number), **shared) for number, many in enumerate(share, 1)
        ]
        server.counts()
        all_ = [Process(project.command("run")) for project in projects]
        spent = [process.wait() for process in all_]
        counts = server.counts()
    return _together(spent).figure(
        f"{runners} on the token",
        it.tool,
        round_,
        requests=counts["all"],
        refused=counts.get("429", 0),
        floor=it.floor(counts["all"] - counts.get("429", 0)),
    )


def _together(spent: list[Spent]) -> Spent:
    return Spent(max(it.wall for it in spent), sum(it.cpu for it in spent), max(it.rss for it in spent))


def lowered(bench: Bench) -> Iterator[Figure]:
    """A limit that is half of what it was, from the middle of a push on: how often are we refused?"""
    items = 10 if bench.quick else 300
    for it in PACES:
        folder = bench.folder(f"lowered-{it.tool}")
        with serving(folder / "boards", it.limit, LATENCY, lower=it.limit // 2, after=it.limit * 3 // 2) as server:
            project = Project(folder, server, it.tool, items, **it.settings)
            server.counts()
            spent = spend(project.command("run"))
            counts = server.counts()
        yield spent.figure("lowered", it.tool, 0, requests=counts["all"], refused=counts.get("429", 0))


def start(bench: Bench) -> Iterator[Figure]:
    """What it takes to say what we are, beside a click hello and octodns-sync."""
    folder = bench.folder("start")
    commands: dict[str, list[str | Path]] = {
        "mi-sync": [*our_cli()],
        "click hello": [sys.executable, PEERS / "click_hello.py"],
    }
    if not bench.quick:
        commands["octodns-sync"] = [bench.environments.bin("octodns") / "octodns-sync"]
    for round_ in range(1 if bench.quick else 4 * bench.rounds):  # they take next to nothing, and wobble
        for step in ("--help", "--version"):
            for subject in turn(list(commands), round_):
                environ = {"PYTHONPATH": ""} if subject == "octodns-sync" else {}
                spent = spend(Command([*commands[subject], step], folder, environ))
                yield spent.figure(step, subject, round_)
