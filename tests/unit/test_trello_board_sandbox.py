"""The connector against a stateful Trello: what it writes it reads back, and no outcome makes anything twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mi_sync.connector import Context, SandboxOptions, Secret, SecretRef
from mi_sync.errors import NotFound, OutcomeUnknown, RequestRefused
from mi_sync.http import Wire
from mi_sync.model import CheckItem, Children, Fields, Patch, Remote
from mi_sync_sandbox.adapter import WsgiAdapter
from mi_sync_sandbox.faults import Fault, Faults
from mi_sync_trello import TrelloConfig
from mi_sync_trello.board import TrelloBoard
from mi_sync_trello.sandbox.app import create_app
from mi_sync_trello.sandbox.gate import KEY, TOKEN
from mi_sync_trello.sandbox.seed import BOARD

BASE = "http://127.0.0.1:8377"
WRITES = {"POST", "PUT", "DELETE"}


@dataclass
class Clock:
    at: datetime = datetime(2026, 3, 2, 12, tzinfo=UTC)
    while_asleep: Callable[[], object] = field(default=lambda: None)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.while_asleep()


class World:
    """A sandbox, and as many processes as are asked for."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.faults = Clock(), Faults()
        options = SandboxOptions(folder, BASE, self.clock.now)
        self.transport = WsgiAdapter(create_app(options, faults=self.faults, sleep=self.clock.sleep))

    def board(self) -> TrelloBoard:
        config = TrelloConfig(board=BOARD, key=SecretRef(env="K"), token=SecretRef(env="T"), api_url=f"{BASE}/1")
        clock = self.clock
        wire = Wire(now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep, transport=self.transport)
        secrets = {"key": Secret(KEY), "token": Secret(TOKEN)}
        return TrelloBoard(config, Context("board", Path(), ZoneInfo("America/Chicago"), wire, secrets))

    @property
    def writes(self) -> list[str]:
        return [
            f"{request.method} {str(request.url).removeprefix(f'{BASE}/1')}"
            for request in self.transport.sent
            if request.method in WRITES
        ]

    def by_hand(self, method: str, path: str, **body: Any) -> Any:
        """What a person does in Trello."""
        from mi_sync.http import Http, Window

        headers = {"Authorization": f'OAuth oauth_consumer_key="{KEY}", oauth_token="{TOKEN}"'}
        wire = Wire(self.clock.now, self.clock.monotonic, self.clock.sleep, self.transport)
        http = Http(f"{BASE}/1", headers=headers, secrets=[], wire=wire, window=Window(100, 10.0), name="Trello")
        call: dict[str, Callable[[], Any]] = {
            "GET": lambda: http.get(path, **body),
            "POST": lambda: http.post(path, body),
            "PUT": lambda: http.put(path, body),
            "DELETE": lambda: http.delete(path),
        }
        done = call[method]()
        self.transport.sent.clear()
        return done


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def created(board: TrelloBoard, **fields: Any) -> Remote:
    return board.merge(Patch(None, "1.a.b.c", "Talk.", cast("Fields", {"title": "Kickoff", "list": "To Do", **fields})))


def seen(world: World, id_: str) -> Remote:
    """The card as another process sees it."""
    remote = world.board().read(id_)
    assert remote is not None
    return remote


def texts(remote: Remote) -> list[str]:
    return [line.text for line in remote.checklist]


def test_what_is_written_is_read_back(world: World) -> None:
    board = world.board()
    kim = board.snapshot().members[0].id
    due = datetime(2026, 3, 10, 17, tzinfo=ZoneInfo("America/Chicago"))
    made = created(board, due=due, start=date(2026, 3, 3), done=True, labels=("new",), list="New", assignee=kim)
    board.merge_children(made, Children(add_checks=("Ä", "B")))
    (remote,) = world.board().snapshot().remotes
    assert remote == Remote(
        id=made.id,
        url=made.url,
        title="Kickoff",
        body="Talk.",
        marker="1.a.b.c",
        due=due.astimezone(UTC),
        start=date(2026, 3, 3),
        done=True,
        list="New",
        labels=("new",),
        checklist=remote.checklist,
        assignees=(kim,),
    )
    assert texts(remote) == ["Ä", "B"]
    assert seen(world, made.id) == world.board().newest()[0] == remote


def test_a_change_is_read_back_and_touches_nothing_else(world: World) -> None:
    board = world.board()
    made = created(board, due=datetime(2026, 3, 10, tzinfo=UTC), labels=("ours",))
    world.by_hand("POST", f"/cards/{made.id}/labels", name="theirs", color="red")
    board.merge(Patch(made.id, "1.a.b.d", "Theirs.", Fields(title="New", due=None)))
    after = seen(world, made.id)
    assert (after.title, after.body, after.marker, after.due) == ("New", "Theirs.", "1.a.b.d", None)
    assert after.labels == ("ours", "theirs")


def test_archived_cards_stay_in_sight_and_come_back(world: World) -> None:
    board = world.board()
    made = created(board)
    assert board.merge(Patch(made.id, "1.a.b.c", "", Fields(archived=True))).archived
    (remote,) = world.board().snapshot().remotes
    assert remote.archived
    assert not board.merge(Patch(made.id, "1.a.b.c", "", Fields(archived=False))).archived
    assert not seen(world, made.id).archived


def test_all_pages_of_a_board_are_read(world: World) -> None:
    board = world.board()
    made = [created(board).id for _ in range(7)]
    world.faults.add(Fault(kind="short_page", path="/cards/all$", times=2))
    assert [remote.id for remote in world.board().snapshot().remotes] == sorted(made, reverse=True)


@pytest.mark.parametrize("id_", ["f" * 24, "no-such-card", "nonsense1", "../members/me"])
def test_a_card_that_never_was_is_none(world: World, id_: str) -> None:
    assert world.board().read(id_) is None


# ------------------------------------------------------------------------------------------- children


def test_the_lines_of_a_new_card_cost_one_request_each_and_one_for_the_checklist(world: World) -> None:
    board = world.board()
    board.snapshot()
    before = board.requests
    board.merge_children(created(board), Children(add_checks=("A", "B", "C")))
    assert board.requests - before == 1 + 1 + 3


def test_what_is_already_so_is_skipped(world: World) -> None:
    board = world.board()
    made = created(board)
    children = Children(add_labels=("l",), add_checks=("A", "A"))
    board.merge_children(made, children)
    world.transport.sent.clear()
    board.merge_children(made, children)  # with the same, now outdated remote
    assert world.writes == []
    assert texts(seen(world, made.id)) == ["A"]


def test_another_process_looks_and_then_does_only_what_is_missing(world: World) -> None:
    board = world.board()
    made = created(board)
    board.merge_children(made, Children(add_checks=("A",)))
    world.transport.sent.clear()
    world.board().merge_children(made, Children(add_checks=("A", "B"), add_labels=("l",)))
    assert [line.rpartition("/")[2] for line in world.writes] == ["checkItems", "labels", "idLabels"]
    assert texts(seen(world, made.id)) == ["A", "B"]


def test_what_was_seen_long_ago_is_looked_at_again(world: World) -> None:
    board = world.board()
    made = created(board)
    world.board().merge_children(made, Children(add_checks=("A",)))
    world.clock.sleep(31)
    world.transport.sent.clear()
    board.merge_children(made, Children(add_checks=("A",)))
    assert world.writes == []


def test_only_our_unticked_lines_are_removed(world: World) -> None:
    board = world.board()
    made = created(board)
    board.merge_children(made, Children(add_checks=("ticked", "open", "kept")))
    ticked = seen(world, made.id).checklist[0]
    world.by_hand("PUT", f"/cards/{made.id}/checkItem/{ticked.id}", state="complete")
    theirs = world.by_hand("POST", "/checklists", idCard=made.id, name="Checklist")["id"]
    world.by_hand("POST", f"/checklists/{theirs}/checkItems", name="open")
    world.board().merge_children(made, Children(remove_checks=("ticked", "open", "not there")))
    assert len(world.writes) == 1
    after = seen(world, made.id)
    assert after.checklist[0] == CheckItem(ticked.id, "ticked", True)
    assert texts(after) == ["ticked", "kept"]
    (line,) = world.by_hand("GET", f"/checklists/{theirs}/checkItems")
    assert line["name"] == "open"


def test_a_line_that_was_ticked_a_moment_ago_is_kept_when_the_caller_knows(world: World) -> None:
    board = world.board()
    made = created(board)
    board.merge_children(made, Children(add_checks=("A",)))
    world.by_hand("PUT", f"/cards/{made.id}/checkItem/{seen(world, made.id).checklist[0].id}", state="complete")
    board.merge_children(seen(world, made.id), Children(remove_checks=("A",)))
    assert texts(seen(world, made.id)) == ["A"]


def test_labels_come_and_go_one_by_one_beside_those_of_people(world: World) -> None:
    board = world.board()
    made = created(board, labels=("old", "kept"))
    world.by_hand("POST", f"/cards/{made.id}/labels", name="theirs", color="red")
    world.board().merge_children(made, Children(add_labels=("new",), remove_labels=("old", "not there")))
    assert set(seen(world, made.id).labels) == {"kept", "theirs", "new"}
    assert not any(line.startswith("PUT") for line in world.writes)


def test_a_label_that_somebody_added_a_moment_ago_is_no_failure(world: World) -> None:
    board = world.board()
    made = created(board)
    world.board().merge_children(made, Children(add_labels=("l",)))
    board.merge_children(made, Children(add_labels=("l",)))  # Trello answers: that label is already on the card
    assert seen(world, made.id).labels == ("l",)


def test_a_checklist_that_somebody_removed_a_moment_ago_stops_nothing_for_good(world: World) -> None:
    board = world.board()
    made = created(board)
    board.merge_children(made, Children(add_checks=("A",)))
    made = seen(world, made.id)
    (checklist,) = world.by_hand("GET", f"/cards/{made.id}/checklists")
    world.by_hand("DELETE", f"/checklists/{checklist['id']}")
    with pytest.raises(RequestRefused, match="checklist is gone"):
        board.merge_children(made, Children(add_checks=("B",)))
    board.merge_children(made, Children(add_checks=("B",)))
    assert texts(seen(world, made.id)) == ["B"]


def test_a_card_that_is_gone_says_so(world: World) -> None:
    made = created(world.board())
    world.by_hand("DELETE", f"/cards/{made.id}")
    with pytest.raises(NotFound, match="card is gone"):
        world.board().merge_children(made, Children(add_checks=("A",)))


# ------------------------------------------------------------------------------------------- faults

BEFORE: dict[str, Any] = {"add_checks": ("gone", "kept"), "add_labels": ("gone", "kept")}
CHANGES = Children(add_labels=("new",), remove_labels=("gone",), add_checks=("new",), remove_checks=("gone",))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "^/checklists$"),
        ("POST", "/checkItems$"),
        ("POST", "/idLabels$"),
        ("DELETE", "/checkItems/"),
        ("DELETE", "/idLabels/"),
    ],
)
@pytest.mark.parametrize("how", ["status", "reset"])
@pytest.mark.parametrize("kind", ["fail_before", "fail_after", "cut", "rate_limit"])
def test_a_lost_answer_leaves_each_child_exactly_once(
    world: World, method: str, path: str, how: str, kind: str
) -> None:
    board = world.board()
    made = created(board)
    world.faults.add(Fault.model_validate({"kind": kind, "how": how, "method": method, "path": path}))
    board.merge_children(made, Children(**BEFORE))
    board.merge_children(made, CHANGES)
    after = seen(world, made.id)
    assert sorted(texts(after)) == ["kept", "new"]
    assert sorted(after.labels) == ["kept", "new"]
    assert len(world.by_hand("GET", f"/cards/{made.id}/checklists")) == 1


@pytest.mark.parametrize("path", ["^/checklists$", "/checkItems$"])
def test_an_effect_that_comes_late_is_waited_for(world: World, path: str) -> None:
    board = world.board()
    made = created(board)
    world.clock.while_asleep = world.transport.deliver_late
    world.faults.add(Fault(kind="slow", when="before", method="POST", path=path))
    world.faults.add(Fault(kind="slow", when="after", method="POST", path=path))
    board.merge_children(made, Children(add_checks=("A", "B")))
    assert world.transport.deliver_late() == 0  # it came while it was waited for
    assert texts(seen(world, made.id)) == ["A", "B"]
    assert len(world.by_hand("GET", f"/cards/{made.id}/checklists")) == 1


def test_it_gives_up_after_a_few_attempts_and_leaves_the_outcome_open(world: World) -> None:
    board = world.board()
    made = created(board)
    world.faults.add(Fault(kind="fail_before", path="/checkItems$", times=None))
    with pytest.raises(OutcomeUnknown):
        board.merge_children(made, Children(add_checks=("A",)))
    assert sum("/checkItems" in line for line in world.writes) == 3
    world.faults.clear()
    board.merge_children(made, Children(add_checks=("A",)))
    assert texts(seen(world, made.id)) == ["A"]


def test_a_new_card_that_is_not_found_everywhere_yet_is_waited_for(world: World) -> None:
    board = world.board()
    made = created(board)
    world.faults.add(Fault(kind="fail_before", status=404, method="POST", path="^/checklists$"))
    world.faults.add(Fault(kind="fail_before", status=404, method="GET", path="^/cards/[^/]+$"))
    board.merge_children(made, Children(add_checks=("A",)))
    assert texts(seen(world, made.id)) == ["A"]
    assert len(world.by_hand("GET", f"/cards/{made.id}/checklists")) == 1


def test_a_refusal_that_repeats_is_final(world: World) -> None:
    board = world.board()
    made = created(board)
    with pytest.raises(RequestRefused, match="invalid value for name"):
        board.merge_children(made, Children(add_checks=("",)))
    assert sum("/checkItems" in line for line in world.writes) == 2


NAMES = st.lists(st.sampled_from("abcd"), max_size=3).map(tuple)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_change_of_children_ends_where_it_should_and_repeats_without_a_write(data: st.DataObject) -> None:
    first = data.draw(NAMES)
    add = data.draw(NAMES)
    remove = tuple(name for name in data.draw(NAMES) if name not in add)
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        board = world.board()
        made = created(board)
        board.merge_children(made, Children(add_labels=first, add_checks=first))
        change = Children(add, remove, add, remove)
        board.merge_children(made, change)
        after = seen(world, made.id)
        assert set(texts(after)) == set(after.labels) == (set(first) | set(add)) - set(remove)
        assert len(texts(after)) == len(set(texts(after)))
        world.transport.sent.clear()
        world.board().merge_children(made, change)
        assert world.writes == []


def test_a_field_that_a_person_filled_meanwhile_is_seen_before_it_is_set(world: World) -> None:
    board = world.by_hand("GET", f"/boards/{BOARD}")["id"]
    field_ = world.by_hand("POST", "/customFields", idModel=board, modelType="board", name="Intern", type="text")
    made, wanted = created(world.board()), Children(set_fields={"Intern": "AL"})
    first = world.board()
    first.snapshot()
    first.merge_children(seen(world, made.id), wanted)
    world.by_hand("PUT", f"/cards/{made.id}/customField/{field_['id']}/item", value={"text": "A person's"})
    first.merge_children(seen(world, made.id), wanted)
    assert seen(world, made.id).fields == {"Intern": "AL"}


@pytest.mark.parametrize(("method", "path"), [("PUT", "/customField/"), ("POST", "/actions/comments$")])
@pytest.mark.parametrize("how", ["status", "reset"])
@pytest.mark.parametrize("kind", ["fail_before", "fail_after", "cut", "rate_limit"])
def test_a_lost_answer_leaves_a_field_set_and_a_comment_said_once(
    world: World, method: str, path: str, how: str, kind: str
) -> None:
    ref = world.by_hand("GET", f"/boards/{BOARD}")["id"]
    world.by_hand("POST", "/customFields", idModel=ref, modelType="board", name="Intern", type="text")
    made = created(world.board())
    world.faults.add(Fault.model_validate({"kind": kind, "how": how, "method": method, "path": path}))
    world.board().merge_children(made, Children(set_fields={"Intern": "AL"}, comment="Welcome"))
    assert seen(world, made.id).fields == {"Intern": "AL"}
    said = world.by_hand("GET", f"/cards/{made.id}/actions", filter="commentCard")
    assert [each["data"]["text"] for each in said] == ["Welcome"]
