from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mi_sync.connector import SandboxOptions
from mi_sync_sandbox.adapter import WsgiAdapter
from mi_sync_trello.sandbox import sandbox
from mi_sync_trello.sandbox.app import create_app
from mi_sync_trello.sandbox.gate import (
    ACCESS_TOKEN,
    GUEST_TOKEN,
    KEY,
    READ_ONLY_ACCESS_TOKEN,
    READ_ONLY_TOKEN,
    TOKEN,
)
from mi_sync_trello.sandbox.seed import BOARD

BASE = "http://127.0.0.1:8377"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Client:
    """Calls a sandbox in this process, with its own credentials."""

    def __init__(self, state: Path, clock: Clock | None = None, rate_limit: int | None = 10**6) -> None:
        self.clock = clock or Clock()
        self.session = requests.Session()
        options = SandboxOptions(state, BASE, self.clock, rate_limit)
        self.session.mount("http://", WsgiAdapter(create_app(options)))
        self.use(KEY, TOKEN)

    def use(self, key: str, token: str) -> None:
        self.session.headers["Authorization"] = f'OAuth oauth_consumer_key="{key}", oauth_token="{token}"'

    def reply(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        return self.session.request(method, f"{BASE}/1{path}", timeout=(1, 5), **kwargs)

    def get(self, path: str, **params: Any) -> Any:
        return self._done(self.reply("GET", path, params=params))

    def post(self, path: str, **body: Any) -> Any:
        return self._done(self.reply("POST", path, json=body))

    def put(self, path: str, **body: Any) -> Any:
        return self._done(self.reply("PUT", path, json=body))

    def delete(self, path: str) -> Any:
        return self._done(self.reply("DELETE", path))

    def list_id(self, name: str = "To Do") -> str:
        return next(str(each["id"]) for each in self.get(f"/boards/{BOARD}/lists") if each["name"] == name)

    def card(self, name: str = "A card", **fields: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.post("/cards", **{"idList": self.list_id(), "name": name, **fields})
        return made

    @staticmethod
    def _done(reply: requests.Response) -> Any:
        assert reply.status_code == 200, reply.text
        return reply.json()


def refusal(reply: requests.Response) -> tuple[int, str]:
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    return reply.status_code, reply.text


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(tmp_path)


# ----------------------------------------------------------------------------------------- opening


def test_the_entry_point_opens_a_sandbox_that_its_own_settings_reach(tmp_path: Path) -> None:
    app = sandbox.open(SandboxOptions(tmp_path, BASE, Clock()))
    session = requests.Session()
    session.mount("http://", WsgiAdapter(app.wsgi))
    key, token = (app.environ[app.settings[name]["env"]] for name in ("key", "token"))
    board = session.get(
        f"{app.settings['api_url']}/boards/{app.settings['board']}",
        headers={"Authorization": f'OAuth oauth_consumer_key="{key}", oauth_token="{token}"'},
        timeout=5,
    ).json()
    assert board["name"] == "Spring 2026 micro-internships"
    assert board["url"] == f"{BASE}{app.page}"
    assert app.page.startswith(sandbox.prefixes)


def test_the_first_board_has_three_lists_six_unnamed_labels_and_people(client: Client) -> None:
    board = client.get(f"/boards/{BOARD}", lists="all", labels="all", members="all", checklists="all")
    assert [each["name"] for each in board["lists"]] == ["To Do", "Doing", "Done"]
    assert [each["name"] for each in board["labels"]] == [""] * 6
    assert {"sandbox", "amara_osei"} < {each["username"] for each in board["members"]}
    assert board["checklists"] == []


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    made = Client(tmp_path).card("Kept", desc="text")
    again = Client(tmp_path)
    assert again.get(f"/cards/{made['shortLink']}")["desc"] == "text"
    assert len(again.get("/members/me/boards")) == 1
    assert again.card("Next")["id"] > made["id"]


def test_the_state_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    Client(tmp_path).card()
    assert (tmp_path / "trello.db").stat().st_mode & 0o077 == 0


# ------------------------------------------------------------------------------------- credentials


@pytest.mark.parametrize(
    "header",
    [
        f'OAuth oauth_consumer_key="{KEY}", oauth_token="{TOKEN}"',
        f'OAuth oauth_nonce="1", oauth_consumer_key="{KEY}",oauth_token="{TOKEN}",oauth_signature="x%3D"',
    ],
)
def test_the_header_opens_with_and_without_a_signature(client: Client, header: str) -> None:
    assert client.reply("GET", "/members/me", headers={"Authorization": header}).json()["username"] == "sandbox"


def test_key_and_token_open_as_parameters_and_are_no_fields(client: Client) -> None:
    del client.session.headers["Authorization"]
    list_id = client.get(f"/boards/{BOARD}/lists", key=KEY, token=TOKEN)[0]["id"]
    made = client.post("/cards", idList=list_id, name="By body", key=KEY, token=TOKEN)
    assert client.get(f"/cards/{made['id']}", key=KEY, token=TOKEN)["name"] == "By body"


@pytest.mark.parametrize(
    ("key", "token", "why"),
    [
        ("", TOKEN, "invalid key"),
        ("other", TOKEN, "invalid key"),
        (KEY, "", "invalid token"),
        (KEY, "x", "invalid token"),
    ],
)
def test_wrong_credentials_are_a_401_in_plain_text(client: Client, key: str, token: str, why: str) -> None:
    client.use(key, token)
    assert refusal(client.reply("GET", "/members/me")) == (401, why)


def test_a_token_without_the_right_is_a_401_too(client: Client) -> None:
    list_id = client.list_id()
    client.use(KEY, READ_ONLY_TOKEN)
    body = {"idList": list_id, "name": "x"}
    assert refusal(client.reply("POST", "/cards", json=body)) == (401, "unauthorized permission requested")
    assert client.get(f"/boards/{BOARD}/cards") == []
    client.use(KEY, GUEST_TOKEN)
    assert refusal(client.reply("GET", f"/boards/{BOARD}")) == (401, "unauthorized permission requested")
    assert refusal(client.reply("POST", "/cards", json=body)) == (400, "invalid value for idList")


# ------------------------------------------------------------------------------------- rate limits


def test_every_reply_tells_what_is_left_and_the_101st_is_refused_until_the_window_ends(tmp_path: Path) -> None:
    client = Client(tmp_path, rate_limit=None)
    first = client.reply("GET", f"/boards/{BOARD}")
    assert {k: v for k, v in first.headers.items() if k.startswith("x-rate")} == {
        "x-rate-limit-api-token-interval-ms": "10000",
        "x-rate-limit-api-token-max": "100",
        "x-rate-limit-api-token-remaining": "99",
        "x-rate-limit-api-key-interval-ms": "10000",
        "x-rate-limit-api-key-max": "300",
        "x-rate-limit-api-key-remaining": "299",
    }
    statuses = [client.reply("GET", "/cards/no-id").status_code for _ in range(99)]
    assert set(statuses) == {400}
    refused = client.reply("GET", f"/boards/{BOARD}")
    assert refused.status_code == 429
    assert refused.json() == {"error": "API_TOKEN_LIMIT_EXCEEDED", "message": "Rate limit exceeded"}
    assert refused.headers["x-rate-limit-api-token-remaining"] == "0"
    assert "Retry-After" not in refused.headers
    client.clock.pass_seconds(10)
    assert client.reply("GET", f"/boards/{BOARD}").status_code == 200


def test_refused_credentials_count_and_tell_the_rate_as_well(client: Client) -> None:
    client.use(KEY, "wrong")
    left = [client.reply("GET", "/members/me").headers["x-rate-limit-api-token-remaining"] for _ in range(2)]
    assert int(left[0]) - int(left[1]) == 1


def test_more_than_200_refusals_shut_out_the_key_whatever_the_token(tmp_path: Path) -> None:
    client = Client(tmp_path, rate_limit=5)
    for _ in range(5 + 200):
        client.reply("GET", f"/boards/{BOARD}")
    client.use(KEY, READ_ONLY_TOKEN)
    assert client.reply("GET", f"/boards/{BOARD}").status_code == 200
    client.use(KEY, TOKEN)
    client.reply("GET", f"/boards/{BOARD}")
    client.use(KEY, READ_ONLY_TOKEN)
    refused = client.reply("GET", f"/boards/{BOARD}")
    assert (refused.status_code, refused.json()["error"]) == (429, "API_KEY_LIMIT_EXCEEDED")
    client.clock.pass_seconds(10)
    assert client.reply("GET", f"/boards/{BOARD}").status_code == 200


def test_members_have_a_stricter_limit(client: Client) -> None:
    for _ in range(100):
        assert client.reply("GET", "/members/me").status_code == 200
    refused = client.reply("GET", "/members/me")
    assert refused.status_code == 429
    assert refused.json()["message"] == "Exceeded rate limit to /1/member"
    assert client.reply("GET", f"/boards/{BOARD}").status_code == 200
    client.clock.pass_seconds(900)
    assert client.reply("GET", "/members/me").status_code == 200


# ------------------------------------------------------------------------ limits of a board, access tokens


def limit(client: Client, content: Any, board: str = BOARD) -> int:
    reply = client.session.put(f"{BASE}/trello/limits/{board}", json=content, timeout=5)
    return reply.status_code


def fill(client: Client, group: str, name: str, there: int) -> None:
    assert limit(client, {group: {name: there}}) == 200


def new_card(client: Client) -> tuple[str, str, dict[str, Any]]:
    return "POST", "/cards", {"idList": client.list_id(), "name": "One more"}


def reopened_card(client: Client) -> tuple[str, str, dict[str, Any]]:
    (card,) = client.get(f"/boards/{BOARD}/cards/closed")
    return "PUT", f"/cards/{card['id']}", {"closed": False}


def moved_card(client: Client) -> tuple[str, str, dict[str, Any]]:
    done = client.post("/cards", idList=client.list_id("Done"), name="Moves")["id"]
    return "PUT", f"/cards/{done}", {"idList": client.list_id()}


def new_list(client: Client) -> tuple[str, str, dict[str, Any]]:
    return "POST", "/lists", {"idBoard": client.get(f"/boards/{BOARD}")["id"], "name": "Week 4"}


def reopened_list(client: Client) -> tuple[str, str, dict[str, Any]]:
    id_ = client.list_id("Doing")
    client.put(f"/lists/{id_}", closed=True)
    return "PUT", f"/lists/{id_}", {"closed": False}


def new_label(_: Client) -> tuple[str, str, dict[str, Any]]:
    return "POST", f"/boards/{BOARD}/labels", {"name": "New", "color": "sky"}


def checklist(client: Client) -> str:
    (card,) = client.get(f"/boards/{BOARD}/cards/open")
    return str(client.post("/checklists", idCard=card["id"], name="Steps")["id"])


def new_line(client: Client) -> tuple[str, str, dict[str, Any]]:
    return "POST", f"/checklists/{checklist(client)}/checkItems", {"name": "First"}


def new_checklist(client: Client) -> tuple[str, str, dict[str, Any]]:
    card = client.get(f"/checklists/{checklist(client)}")["idCard"]
    return "POST", "/checklists", {"idCard": card, "name": "Another"}


@pytest.mark.parametrize(
    ("group", "name", "there", "ask"),
    [
        ("cards", "openPerBoard", 1, new_card),
        ("cards", "totalPerBoard", 2, new_card),
        ("cards", "openPerList", 1, new_card),
        ("cards", "totalPerList", 2, new_card),
        ("cards", "openPerBoard", 1, reopened_card),
        ("cards", "openPerList", 1, moved_card),
        ("lists", "openPerBoard", 3, new_list),
        ("lists", "totalPerBoard", 3, new_list),
        ("lists", "openPerBoard", 2, reopened_list),
        ("labels", "perBoard", 6, new_label),
        ("checkItems", "perChecklist", 0, new_line),
        ("checklists", "perCard", 1, new_checklist),
        ("checklists", "perBoard", 1, new_checklist),
    ],
)
def test_a_limit_that_is_reached_refuses_one_more_and_one_below_does_not(
    client: Client, group: str, name: str, there: int, ask: Callable[[Client], tuple[str, str, dict[str, Any]]]
) -> None:
    client.card("Open")
    client.put(f"/cards/{client.card('Closed')['id']}", closed=True)
    method, path, sent = ask(client)
    fill(client, group, name, there)
    assert refusal(client.reply(method, path, json=sent)) == (403, f"board limit exceeded: {group} {name}")
    fill(client, group, name, there + 1)
    assert client.reply(method, path, json=sent).status_code == 200


def test_what_is_set_is_told_and_the_rest_stays(client: Client) -> None:
    client.card()
    fill(client, "cards", "openPerBoard", 1)
    fill(client, "lists", "openPerBoard", 2)
    told = client.get(f"/boards/{BOARD}", fields="limits")["limits"]
    assert told["cards"]["openPerBoard"] == {"status": "disabled", "disableAt": 1, "warnAt": 0, "count": 1}
    assert told["lists"]["openPerBoard"]["status"] == "maxExceeded"
    assert told["labels"]["perBoard"] == {"status": "ok", "disableAt": 1000, "warnAt": 900}


@pytest.mark.parametrize(
    "content", [[], {"cards": 3}, {"cards": {"openPerBoard": "3"}}, {"cards": {"open": 3}}, {"x": {}}]
)
def test_what_is_no_limit_is_refused(client: Client, content: Any) -> None:
    assert limit(client, content) == 400
    assert limit(client, {}, "Unknown1") == 404


def test_an_access_token_needs_no_key(client: Client) -> None:
    client.session.headers["Authorization"] = f"Bearer {ACCESS_TOKEN}"
    assert client.card()["name"] == "A card"


@pytest.mark.parametrize("token", ["", TOKEN, "nobody"])
def test_only_an_access_token_is_a_bearers(client: Client, token: str) -> None:
    client.session.headers["Authorization"] = f"Bearer {token}"
    assert refusal(client.reply("GET", f"/boards/{BOARD}")) == (401, "invalid token")
    client.use(KEY, ACCESS_TOKEN)
    assert refusal(client.reply("GET", f"/boards/{BOARD}")) == (401, "invalid token")


def test_an_access_token_without_the_scope_reads_alone(client: Client) -> None:
    sent = new_card(client)[2]
    client.session.headers["Authorization"] = f"Bearer {READ_ONLY_ACCESS_TOKEN}"
    assert client.get(f"/boards/{BOARD}")["name"]
    assert client.reply("POST", "/cards", json=sent).status_code == 401


# ---------------------------------------------------------------------------------------- requests


def test_parameters_come_as_json_form_or_query_alike(client: Client) -> None:
    fields = {"idList": client.list_id(), "name": "Same", "desc": "text", "due": "2026-03-30T22:00:00.000Z"}
    made = [client.reply("POST", "/cards", **{kind: fields}).json() for kind in ("json", "data", "params")]
    assert [{k: each[k] for k in fields} for each in made] == [fields] * 3


def test_a_long_address_is_refused_in_html_before_anything_else(client: Client) -> None:
    client.use("wrong", "wrong")
    reply = client.reply("POST", "/cards", params={"name": "x" * 8200})
    assert reply.status_code == 414
    assert reply.headers["Content-Type"].startswith("text/html")
    assert "x-rate-limit-api-token-max" not in reply.headers


def test_a_body_takes_what_an_address_cannot(client: Client) -> None:
    assert len(client.card(desc="ü" * 16384)["desc"]) == 16384
    reply = client.reply("POST", "/cards", json={"idList": client.list_id(), "desc": "x" * 16385})
    assert refusal(reply) == (400, "invalid value for desc")


@pytest.mark.parametrize("body", ["{", "[1]", "NaN", '{"name": NaN}', b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(client: Client, body: str | bytes) -> None:
    reply = client.reply("POST", "/cards", data=body, headers={"Content-Type": "application/json"})
    assert refusal(reply) == (400, "invalid json")


def test_what_is_not_there_says_so_in_plain_text(client: Client) -> None:
    missing = (404, "The requested resource was not found.")
    assert refusal(client.reply("GET", f"/cards/{'0' * 24}")) == missing
    assert refusal(client.reply("GET", "/cards/no-id")) == (400, "invalid id")
    assert refusal(client.reply("GET", "/nonsense")) == (404, "Cannot GET /1/nonsense")


def test_a_host_that_is_not_ours_is_refused(client: Client) -> None:
    reply = client.session.get("http://evil.example/trello", timeout=5)
    assert reply.status_code == 400
    assert client.session.get(f"{BASE}/trello", timeout=5).status_code == 200


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
DATES = st.sampled_from(
    ["0001-01-01", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "2026-02-30", "20260302"]
)
FIELDS = st.sampled_from(
    [
        *("name", "desc", "due", "start", "dueComplete", "dueReminder", "closed", "idLabels", "idMembers"),
        *("pos", "idList", "idBoard", "value", "urlSource", "text", "idCardSource", "keepFromSource", "checked"),
        *("fields", "limit", "before", "sort", "filter", "cards", "checklists", "actions", "page"),
        *("state"),
    ]
)
CALLS = st.sampled_from(
    [
        ("POST", "/cards"),
        ("PUT", "/cards/{card}"),
        ("PUT", "/cards/{card}/pos"),
        ("POST", "/cards/{card}/idLabels"),
        ("POST", "/cards/{card}/idMembers"),
        ("POST", "/cards/{card}/actions/comments"),
        ("POST", "/cards/{card}/attachments"),
        ("POST", "/cards/{card}/checklists"),
        ("POST", "/checklists"),
        ("POST", "/checklists/{checklist}/checkItems"),
        ("PUT", "/cards/{card}/checkItem/{item}"),
        ("POST", "/lists"),
        ("PUT", "/lists/{list}"),
        ("POST", "/labels"),
        ("POST", "/lists/{list}/moveAllCards"),
        ("POST", "/boards"),
        ("PUT", "/boards/{board}"),
        ("GET", "/boards/{board}"),
        ("GET", "/boards/{board}/cards"),
        ("GET", "/boards/{board}/actions"),
        ("GET", "/batch"),
    ]
)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Client, dict[str, str]]:
    client = Client(tmp_path_factory.mktemp("fuzzed"))
    card = client.card()
    checklist = client.post("/checklists", idCard=card["id"], name="Checklist")
    item = client.post(f"/checklists/{checklist['id']}/checkItems", name="line")
    names = {"list": card["idList"], "card": card["id"], "board": card["idBoard"]}
    return client, {**names, "checklist": checklist["id"], "item": item["id"]}


@settings(max_examples=300, deadline=None)
@given(call=CALLS, body=st.dictionaries(FIELDS, ANYTHING | DATES, max_size=5), real=st.booleans())
def test_no_parameter_breaks_it(
    fuzzed: tuple[Client, dict[str, str]], call: tuple[str, str], body: dict[str, Any], *, real: bool
) -> None:
    client, ids = fuzzed
    method, path = call
    if real:
        body = {**body, "idList": ids["list"], "idCard": ids["card"], "idBoard": ids["board"], "name": "x"}
    sent = (
        {"params": {k: str(v)[:200].encode("utf-8", "replace") for k, v in body.items()}}
        if method == "GET"
        else {"json": body}
    )
    reply = client.reply(method, path.format(**ids), **sent)
    assert reply.status_code in (200, 400, 403, 404), reply.text
    assert client.reply("GET", f"/boards/{ids['board']}", params={"cards": "all", "actions": "all"}).status_code == 200


@pytest.mark.parametrize(
    "due", ["0001-01-01T00:00:00+12:00", "9999-12-31T23:59:59-12:00", "2026-02-30", "soon", 5, ["x"]]
)
def test_a_date_that_is_none_is_refused(client: Client, due: object) -> None:
    reply = client.reply("POST", "/cards", json={"idList": client.list_id(), "name": "x", "due": due})
    assert refusal(reply) == (400, "invalid value for due")


# ------------------------------------------------------------------------------------------- cards


def test_a_card_is_made_with_everything_in_one_request(client: Client) -> None:
    label = client.post("/labels", idBoard=BOARD, name="draft", color="yellow_dark")["id"]
    member = client.get(f"/boards/{BOARD}/members")[1]["id"]
    made = client.card(
        "Draft",
        desc="text",
        due="2026-03-30T17:00:00-05:00",
        start="2026-03-09",
        dueComplete=True,
        idLabels=[label],
        idMembers=member,
        pos="top",
        urlSource="https://example.org/brief",
    )
    read = client.get(f"/cards/{made['shortLink']}", attachments="true", members="true", list="true")
    assert read["due"] == "2026-03-30T22:00:00.000Z"
    assert read["start"] == "2026-03-09T00:00:00.000Z"
    assert (read["dueComplete"], read["idLabels"], read["idMembers"]) == (True, [label], [member])
    assert read["labels"][0]["color"] == "yellow_dark"
    assert [each["url"] for each in read["attachments"]] == ["https://example.org/brief"]
    assert read["list"]["name"] == "To Do"
    assert int(read["id"][:8], 16) == int(START.timestamp())


def test_put_changes_the_given_fields_alone_and_null_or_nothing_clears(client: Client) -> None:
    made = client.card("Old", desc="text", due="2026-03-30", start="2026-03-09")
    changed = client.put(f"/cards/{made['id']}", name="New", due=None, start="")
    assert (changed["name"], changed["desc"], changed["due"], changed["start"]) == ("New", "text", None, None)
    assert refusal(client.reply("PUT", f"/cards/{made['id']}", json={"name": " "})) == (400, "invalid value for name")


def test_put_replaces_the_whole_set_and_single_calls_do_not(client: Client) -> None:
    one, two = (client.post("/labels", idBoard=BOARD, name=name, color=None)["id"] for name in ("one", "two"))
    card = client.card(idLabels=[one])["id"]
    assert client.post(f"/cards/{card}/idLabels", value=two) == [one, two]
    twice = client.reply("POST", f"/cards/{card}/idLabels", json={"value": two})
    assert refusal(twice) == (400, "that label is already on the card")
    client.delete(f"/cards/{card}/idLabels/{one}")
    assert client.get(f"/cards/{card}")["idLabels"] == [two]
    assert client.put(f"/cards/{card}", idLabels=[one])["idLabels"] == [one]


@pytest.mark.parametrize("field", ["idLabels", "idMembers"])
def test_what_is_not_of_the_board_cannot_be_put_on_a_card(client: Client, field: str) -> None:
    reply = client.reply("POST", "/cards", json={"idList": client.list_id(), "name": "x", field: ["0" * 24]})
    assert refusal(reply) == (400, f"invalid value for {field}")
    assert client.get(f"/boards/{BOARD}/cards") == []


def test_an_archived_card_comes_back_and_a_deleted_one_does_not(client: Client) -> None:
    card = client.card()["id"]
    client.put(f"/cards/{card}", closed=True)
    assert client.get(f"/boards/{BOARD}/cards") == []
    assert [each["id"] for each in client.get(f"/boards/{BOARD}/cards", filter="all")] == [card]
    assert client.put(f"/cards/{card}", closed=False)["closed"] is False
    client.delete(f"/cards/{card}")
    assert client.reply("GET", f"/cards/{card}").status_code == 404


def test_open_cards_of_an_archived_list_are_open_and_not_visible(client: Client) -> None:
    card = client.card()["id"]
    client.put(f"/lists/{client.list_id()}/closed", value=True)
    assert [each["id"] for each in client.get(f"/boards/{BOARD}/cards/open")] == [card]
    assert client.get(f"/boards/{BOARD}/cards/visible") == []
    assert [each["name"] for each in client.get(f"/boards/{BOARD}/lists")] == ["Doing", "Done"]


def test_a_checklist_takes_its_lines_one_by_one_and_their_state_through_the_card(client: Client) -> None:
    card = client.card()["id"]
    checklist = client.post(f"/cards/{card}/checklists", name="Checklist")["id"]
    lines = [client.post(f"/checklists/{checklist}/checkItems", name=name, pos="bottom") for name in ("one", "two")]
    client.put(f"/cards/{card}/checkItem/{lines[0]['id']}", state="complete")
    read = client.get(f"/boards/{BOARD}", checklists="all")["checklists"]
    assert [(item["name"], item["state"]) for item in read[0]["checkItems"]] == [
        ("one", "complete"),
        ("two", "incomplete"),
    ]
    assert client.get(f"/cards/{card}")["badges"]["checkItemsChecked"] == 1
    client.delete(f"/checklists/{checklist}/checkItems/{lines[1]['id']}")
    assert len(client.get(f"/checklists/{checklist}/checkItems")) == 1


def test_a_copied_card_carries_the_description_of_the_first(client: Client) -> None:
    first = client.card(desc="text [mi-sync](https://mi-sync.invalid/1.a)")
    copy = client.card("Copy", idCardSource=first["id"])
    assert copy["desc"] == first["desc"]
    assert copy["id"] != first["id"]


def test_comments_and_moves_are_actions(client: Client) -> None:
    card = client.card()["id"]
    client.post(f"/cards/{card}/actions/comments", text="Hello")
    client.put(f"/cards/{card}", idList=client.list_id("Doing"))
    moved, said = client.get(f"/cards/{card}/actions")
    assert (said["type"], said["data"]["text"]) == ("commentCard", "Hello")
    assert (moved["data"]["listBefore"]["name"], moved["data"]["listAfter"]["name"]) == ("To Do", "Doing")


def test_a_refused_change_changes_nothing(client: Client) -> None:
    card = client.card("Old")
    reply = client.reply("PUT", f"/cards/{card['id']}", json={"name": "New", "pos": "nowhere"})
    assert refusal(reply) == (400, "invalid value for pos")
    after = client.get(f"/cards/{card['id']}")
    assert after == {name: card[name] for name in after}


def test_a_refused_card_leaves_nothing_behind(client: Client) -> None:
    body = {"idList": client.list_id(), "name": "x", "urlSource": "no address"}
    assert refusal(client.reply("POST", "/cards", json=body)) == (400, "invalid value for url")
    assert client.get(f"/boards/{BOARD}/cards") == []


# ------------------------------------------------------------------------------------------ reading


COUNT = 1050


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Client:
    client = Client(tmp_path_factory.mktemp("full"))
    list_id = client.list_id()
    for number in range(COUNT):
        client.post("/cards", idList=list_id, name=str(number))
    return client


def pages(client: Client, limit: int, **params: Any) -> Iterator[list[dict[str, Any]]]:
    before: dict[str, str] = {}
    for _ in range(COUNT // limit + 3):
        page = client.get(f"/boards/{BOARD}/cards/all", limit=limit, fields="name", **params, **before)
        if not page:
            return
        yield page
        before = {"before": min(card["id"] for card in page)}
    pytest.fail("paging does not end")


# No shrinking, because each example reads the whole board.
@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(limit=st.integers(min_value=100, max_value=2000))
def test_paging_by_before_gives_every_card_exactly_once(full: Client, limit: int) -> None:
    found = list(pages(full, limit, sort="-id"))
    assert all(len(page) <= min(limit, 1000) for page in found)
    assert [int(card["name"]) for page in found for card in page] == list(range(COUNT - 1, -1, -1))


def test_no_answer_holds_more_than_a_thousand_cards(full: Client) -> None:
    assert len(full.get(f"/boards/{BOARD}/cards")) == 1000
    assert len(full.get(f"/boards/{BOARD}/cards", limit=20000)) == 1000


def test_paging_without_the_sort_misses_cards(full: Client) -> None:
    full.put(f"/cards/{full.get(f'/boards/{BOARD}/cards', limit=1, sort='id')[0]['id']}", pos="top")
    found = {card["id"] for page in pages(full, 100) for card in page}
    assert len(found) < COUNT


def test_many_cards_with_checklists_at_once_are_too_many(full: Client) -> None:
    reply = full.reply("GET", f"/boards/{BOARD}/cards/all", params={"checklists": "all", "limit": 1000})
    assert refusal(reply) == (403, "Too many checklists")
    assert len(full.get(f"/boards/{BOARD}/cards/all", checklists="all", limit=250)) == 250


def test_before_and_since_speak_of_creation(client: Client) -> None:
    old = client.card("Old")["id"]
    client.clock.pass_seconds(3600)
    new = client.card("New")["id"]
    client.put(f"/cards/{old}", name="Changed later")
    half = (START + timedelta(minutes=30)).isoformat()
    assert [c["id"] for c in client.get(f"/boards/{BOARD}/cards", since=half)] == [new]
    assert [c["id"] for c in client.get(f"/boards/{BOARD}/cards", before=half)] == [old]
    assert [c["id"] for c in client.get(f"/boards/{BOARD}/cards", since=old)] == [new]


def test_fields_limits_and_unknown_fields(client: Client) -> None:
    board = client.get(f"/boards/{BOARD}", fields="name,closed,limits")
    assert set(board) == {"id", "name", "closed", "limits"}
    assert board["limits"]["cards"]["openPerBoard"] == {"status": "ok", "disableAt": 5000, "warnAt": 4500}
    assert client.reply("GET", f"/boards/{BOARD}", params={"fields": "nmae"}).status_code == 400


def test_a_batch_answers_in_order_each_with_its_own_status(client: Client) -> None:
    card = client.card()["id"]
    answers = client.get("/batch", urls=f"/cards/{card}?fields=name,/cards/{'0' * 24},/boards/{BOARD}/lists")
    assert answers[0] == {"200": {"id": card, "name": "A card"}}
    assert answers[1]["404"]["statusCode"] == 404
    assert len(answers[2]["200"]) == 3
    eleven = ",".join([f"/cards/{card}"] * 11)
    assert client.reply("GET", "/batch", params={"urls": eleven}).status_code == 400
    assert client.reply("GET", "/batch", params={"urls": "/batch?urls=/x"}).status_code == 400


def test_a_board_tells_its_first_fifty_labels_unless_asked_for_more(client: Client) -> None:
    for number in range(50):
        client.post("/labels", idBoard=BOARD, name=f"label {number}", color=None)
    assert len(client.get(f"/boards/{BOARD}/labels")) == 50
    assert len(client.get(f"/boards/{BOARD}", labels="all", labels_limit=1000)["labels"]) == 56


def test_a_new_board_has_trellos_lists_and_labels_unless_told_otherwise(client: Client) -> None:
    made = client.post("/boards", name="Fresh")["id"]
    assert [each["name"] for each in client.get(f"/boards/{made}/lists")] == ["To Do", "Doing", "Done"]
    assert len(client.get(f"/boards/{made}/labels")) == 6
    bare = client.post("/boards", name="Bare", defaultLists=False, defaultLabels="false")["id"]
    assert client.get(f"/boards/{bare}/lists") == client.get(f"/boards/{bare}/labels") == []


def test_two_lists_or_labels_may_have_one_name(client: Client) -> None:
    for _ in range(2):
        client.post("/lists", idBoard=BOARD, name="Twice", pos="bottom")
    names = [each["name"] for each in client.get(f"/boards/{BOARD}/lists")]
    assert names == ["To Do", "Doing", "Done", "Twice", "Twice"]


def test_moving_to_another_board_leaves_labels_behind(client: Client) -> None:
    label = client.get(f"/boards/{BOARD}/labels")[0]["id"]
    other = client.post("/boards", name="Other")["id"]
    card = client.card(idLabels=[label])["id"]
    moved = client.put(f"/cards/{card}", idBoard=other)
    assert (moved["idBoard"], moved["idLabels"]) == (other, [])


# ---------------------------------------------------------------------------------------- custom fields


def a_field(client: Client, kind: str, name: str = "A field", **more: Any) -> dict[str, Any]:
    board = client.get(f"/boards/{BOARD}")["id"]
    made: dict[str, Any] = client.post(
        "/customFields", idModel=board, modelType="board", name=name, type=kind, pos="bottom", **more
    )
    return made


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("text", {"text": "x"}, {"text": "x"}),
        ("number", {"number": "42"}, {"number": "42"}),
        ("checkbox", {"checked": "true"}, {"checked": "true"}),
        ("date", {"date": "2026-04-06T17:00:00Z"}, {"date": "2026-04-06T17:00:00.000Z"}),
    ],
)
def test_a_card_says_of_a_custom_field_what_fits_it(client: Client, kind: str, value: Any, kept: Any) -> None:
    field, card = a_field(client, kind), client.card()
    path = f"/cards/{card['id']}/customField/{field['id']}/item"
    said = client.put(path, value=value)
    assert (said["value"], said["idCustomField"], said["idModel"]) == (kept, field["id"], card["id"])
    assert client.get(f"/cards/{card['id']}", customFieldItems="true")["customFieldItems"] == [said]
    for wrong in ({"other": "x"}, "x", {next(iter(value)): 5}):
        assert client.reply("PUT", path, json={"value": wrong}).status_code == 400
    client.put(path, value="")
    assert client.get(f"/cards/{card['id']}/customFieldItems") == []


def test_a_list_takes_the_id_of_an_option(client: Client) -> None:
    field = a_field(client, "list", options=[{"value": {"text": "Open"}}])
    more = client.post(f"/customFields/{field['id']}/options", value={"text": "Done"}, pos="bottom")
    shown = client.get(f"/boards/{BOARD}", customFields="true")["customFields"]
    assert [each["value"]["text"] for each in shown[0]["options"]] == ["Open", "Done"]
    path = f"/cards/{client.card()['id']}/customField/{field['id']}/item"
    assert client.put(path, idValue=more["id"])["idValue"] == more["id"]
    assert refusal(client.reply("PUT", path, json={"idValue": "0" * 24})) == (400, "invalid value for idValue")


def test_a_copy_keeps_custom_fields_and_a_deleted_one_is_off_all_cards(client: Client) -> None:
    field, card = a_field(client, "text"), client.card()
    client.put(f"/cards/{card['id']}/customField/{field['id']}/item", value={"text": "x"})
    twin = client.post("/cards", idCardSource=card["id"], idList=client.list_id(), keepFromSource="all")
    assert [each["value"] for each in client.get(f"/cards/{twin['id']}/customFieldItems")] == [{"text": "x"}]
    client.delete(f"/customFields/{field['id']}")
    assert client.get(f"/cards/{card['id']}/customFieldItems") == []
    assert client.get(f"/boards/{BOARD}/customFields") == []
