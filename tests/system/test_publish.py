"""What a run publishes besides its boards, through the real command line."""

from __future__ import annotations

import csv
import io
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
import vobject

from mi_sync import config as configuration
from mi_sync import events, publishing
from mi_sync.errors import Locked
from mi_sync.http import Wire
from mi_sync.opening import open_publisher
from mi_sync.state import Store
from programme import Project, Server
from slack_channel import TOKEN, Slack, served

pytestmark = pytest.mark.system

TABLE = """
[[targets]]
name = "table"
connector = "csv"
path = "tables/{view}.csv"
views = ["engagements", "milestones"]

[[targets]]
name = "calendar"
connector = "calendar"
path = "public/spring.ics"
omit = ["final"]
"""


@pytest.fixture
def published(project: Project) -> Project:
    project.write("config.toml", (project.folder / "config.toml").read_text("utf-8") + TABLE)
    return project


def table(project: Project, view: str) -> list[dict[str, str]]:
    text = (project.folder / "tables" / f"{view}.csv").read_text("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def counts(result: dict[str, Any]) -> tuple[int, int]:
    return result["targets"]["table"]["updated"], result["targets"]["table"]["unchanged"]


def test_a_table_tells_what_people_did_on_the_board(published: Project, server: Server) -> None:
    assert counts(published.run()) == (2, 0)
    assert counts(published.run()) == (0, 2)
    kickoff = server.card("Kickoff")
    server.call("PUT", f"/cards/{kickoff['id']}", dueComplete=True)
    assert counts(published.run()) == (2, 0)
    (engagement,) = table(published, "engagements")
    assert (engagement["posting"], engagement["intern"], engagement["done"], engagement["open"]) == (
        "Donor dashboard", "AL", "1", "1",
    )  # fmt: skip
    assert {row["title"]: row["state"] for row in table(published, "milestones")} == {
        "Kickoff: Donor dashboard (AL)": "done",
        "Final: Donor dashboard (AL)": "open",
    }
    assert "@" not in (published.folder / "tables" / "engagements.csv").read_text("utf-8")


LIKE = """
[[targets]]
name = "return"
connector = "csv"
path = "tables/return.csv"
like = "people"
allow = ["name", "contact"]
"""


def test_a_table_in_the_shape_of_an_export_can_take_its_place(project: Project) -> None:
    project.write("config.toml", (project.folder / "config.toml").read_text("utf-8") + LIKE)
    assert project.run()["targets"]["return"]["updated"] == 1
    (row,) = table(project, "return")
    assert list(row)[:5] == ["id", "name", "email", "posting_id", "status"]
    assert (row["id"], row["status"], row["done"], row["open"]) == ("S-1", "accepted", "0", "2")
    project.write("people.csv", (project.folder / "tables" / "return.csv").read_text("utf-8"))
    again = project.run()["targets"]
    assert (again["board"]["unchanged"], again["board"]["created"], again["return"]["unchanged"]) == (2, 0, 1)


def test_a_calendar_shows_the_steps_of_its_target_with_the_address_of_the_card(
    published: Project, server: Server
) -> None:
    assert published.run()["targets"]["calendar"]["updated"] == 1
    (event,) = vobject.readOne((published.folder / "public" / "spring.ics").read_text("utf-8")).vevent_list
    assert event.summary.value == "Kickoff: Donor dashboard (AL)"
    assert event.dtstart.value == datetime(2026, 3, 2, 23, 0, tzinfo=UTC)
    assert server.card("Kickoff")["url"].startswith(event.url.value)
    assert published.run()["targets"]["calendar"]["unchanged"] == 1


SLACK = """
[[targets]]
name = "chat"
connector = "slack"
token = { env = "SLACK_TOKEN" }
channel = "C01"
api_url = "%s"
"""


def test_a_channel_hears_of_each_run_that_changed_something_and_of_what_needs_an_eye(
    project: Project, server: Server
) -> None:
    slack = Slack()
    with served(slack) as url:
        project.write("config.toml", (project.folder / "config.toml").read_text("utf-8") + SLACK % url)
        for _ in range(2):
            ended = project.start("run", "--output", "json", SLACK_TOKEN=TOKEN)
            assert ended.code == 0, ended.err
        assert len(slack.messages) == 2  # the second run had nothing to say
        kickoff = server.card("Kickoff")
        server.call("PUT", f"/cards/{kickoff['id']}", dueComplete=True)
        assert project.start("run", SLACK_TOKEN=TOKEN).code == 0
    outlook, news = slack.shown()
    assert "*New (2)*" in news
    assert "Kickoff: Donor dashboard (AL)" in news
    assert "Kickoff" not in outlook  # it is done
    assert slack.calls == ["conversations.history", "chat.postMessage", "chat.postMessage", "chat.update"]


def test_items_that_are_remembered_by_their_marks_again_are_no_news(project: Project) -> None:
    """As in a job without state, in which every run does that."""
    with served(slack := Slack()) as url:
        project.write("config.toml", (project.folder / "config.toml").read_text("utf-8") + SLACK % url)
        assert project.start("run", SLACK_TOKEN=TOKEN).code == 0
        slack.calls.clear()
        (project.folder / "state.db").unlink()
        ended = project.start("run", "--output", "json", SLACK_TOKEN=TOKEN)
        assert ended.json()["targets"]["board"]["adopted"] == 2
    assert slack.calls == ["conversations.history", "chat.update"]


def test_a_table_that_cannot_be_written_stops_no_board(published: Project, server: Server) -> None:
    published.write("tables", "a file is in the way")
    ended = published.start("run", "--output", "json")
    assert ended.code == 3
    assert "in the way" in ended.json()["problems"][-1]["why"]
    assert len(server.cards()) == 2


def test_a_table_in_which_nothing_changed_makes_no_failed_board_a_partial_success(
    published: Project, server: Server
) -> None:
    published.run()
    server.fault(kind="fail_before", status=401, method="GET", path="/boards/*", times=9)
    assert published.start("run").code == 6


def test_whoever_is_forgotten_is_named_as_published_and_gone_with_the_next_run(published: Project) -> None:
    published.run()
    assert "Kickoff: Donor dashboard (AL)" in (published.folder / "public" / "spring.ics").read_text("utf-8")
    forgot = published.start("state", "forget", "ana.lopez@students.example", "--output", "json").json()
    assert [each for each in forgot["beyond"] if "until the next `mi-sync run`" in each]
    published.run()
    assert not [name for name, content in files(published).items() if b"(AL)" in content]


def test_who_lost_the_lock_publishes_nothing(published: Project) -> None:
    published.run()
    config = configuration.load(published.folder / "config.toml")
    table_ = published.folder / "tables" / "engagements.csv"
    table_.unlink()
    with (
        closing(Store.open(config.state, config.programme.id)) as store,
        closing(Store.open(config.state, config.programme.id)) as other,
        store.lock("board", "table", "calendar"),
    ):
        other.unlock()
        run = events.Run(config, store, events.Outside(wire=Wire()), events.Result("1"))
        opened = {it.name: open_publisher(it, config, run.outside.wire, {}) for it in config.publishers}
        list(publishing.publish(run, opened))
    assert [type(each) for each in run.result.target_failures] == [Locked, Locked]
    assert not table_.exists()


def files(project: Project) -> dict[str, bytes]:
    made = [*(project.folder / "tables").iterdir(), project.folder / "public" / "spring.ics"]
    return {file.name: file.read_bytes() for file in made}


@pytest.mark.parametrize("lost", ["jobs.csv", "people.csv"])
def test_a_source_of_which_nothing_is_known_empties_no_table_and_cancels_no_event(
    published: Project, lost: str
) -> None:
    """As in a job without state whose export cannot be fetched once."""
    published.run()
    before = files(published)
    (published.folder / "state.db").unlink()
    (published.folder / lost).rename(published.folder / "away.csv")
    ended = published.start("run", "--output", "json")
    assert ended.code != 0
    assert files(published) == before
    assert [each for each in ended.json()["problems"] if "nothing is published: source" in each["why"]]
    (published.folder / "away.csv").rename(published.folder / lost)
    assert counts(published.run()) == (0, 2)


def test_a_board_of_which_nothing_is_known_reopens_nothing_in_a_table(published: Project, server: Server) -> None:
    published.run()
    server.call("PUT", f"/cards/{server.card('Kickoff')['id']}", dueComplete=True)
    published.run()
    before = files(published)
    (published.folder / "state.db").unlink()
    server.fault(kind="fail_before", status=401, method="GET", path="/boards/*", times=9)
    ended = published.start("run", "--output", "json")
    assert files(published) == before
    assert [each for each in ended.json()["problems"] if "nothing is published: target" in each["why"]]


def test_a_source_that_fails_is_published_as_it_was_known(published: Project) -> None:
    published.run()
    (published.folder / "tables" / "engagements.csv").unlink()
    (published.folder / "people.csv").unlink()
    assert published.start("run").code == 3
    assert table(published, "engagements")[0]["intern"] == "AL"


def test_a_plan_publishes_nothing(published: Project, server: Server) -> None:
    assert published.start("plan").code == 0
    assert not (published.folder / "tables").exists()
    assert server.writes() == []


def test_a_view_that_the_connector_cannot_show_is_refused(published: Project) -> None:
    published.edit("config.toml", 'connector = "trello"', 'views = ["feedback"]\nconnector = "trello"')
    ended = published.start("check")
    assert ended.code == 2
    assert "cannot show 'feedback'; it can show milestones, postings" in ended.out + ended.err
