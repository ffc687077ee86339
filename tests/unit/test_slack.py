"""The messages in Slack: the contract of publishers against a stand-in that takes only what Slack's own library knows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mi_sync.connector import Context, Secret, SecretRef, View
from mi_sync.errors import ConfigError, MiSyncError, NotAuthorised, OutcomeUnknown, RequestRefused, Unavailable
from mi_sync.http import Wire
from mi_sync_slack import SlackConfig, messages
from mi_sync_slack.publisher import SlackPublisher
from publisher_labs import CHICAGO, SlackLab
from slack_channel import HOOK, TOKEN

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)


@pytest.fixture
def lab() -> SlackLab:
    return SlackLab()


def row(title: str, question: str = "overdue", **more: Any) -> dict[str, Any]:
    shown = {"question": question, "title": title, "due": date(2026, 3, 3), "url": "https://board.example.org/1"}
    return {**shown, "action": "create", **more}


def outlook(*rows: dict[str, Any], days: int = 0) -> View:
    return View("Spring 2026", NOW + timedelta(days=days), rows, "outlook")


def news(*rows: dict[str, Any]) -> View:
    return View("Spring 2026", NOW, rows, "news")


def test_one_message_a_week_is_kept_up_to_date(lab: SlackLab) -> None:
    lab.open().publish(outlook(row("Kickoff")))
    lab.open().publish(outlook(row("Final"), row("Report", "no_owner", due=None), days=1))
    assert lab.slack.calls == ["conversations.history", "chat.postMessage", "chat.update"]
    (text,) = lab.slack.shown()
    assert "*Overdue (1)*\\n• <https://board.example.org/1|Final> · Tue 3 Mar" in text
    assert "*Nobody's (1)*\\n• <https://board.example.org/1|Report>" in text
    lab.open().publish(outlook(row("Final"), days=5))
    assert [each["text"] for each in lab.slack.messages.values()] == [
        "Spring 2026: week of Mon 2 Mar (overdue: 1, nobody's: 1)",
        "Spring 2026: week of Mon 9 Mar (overdue: 1)",
    ]


def test_each_run_that_changed_something_is_answered_once_in_the_thread(lab: SlackLab) -> None:
    lab.open().publish(outlook())
    changed = (row("Kickoff"), row("Final", action="archive"), row(None, action="archive", due=None))  # type: ignore[arg-type]
    assert lab.open().publish(news(*changed))
    assert not lab.open().publish(news(*changed))
    assert not lab.open().publish(news())
    first, answer = lab.slack.messages.values()
    assert "thread_ts" not in first
    assert answer["thread_ts"] == "1.0"
    assert [block["text"]["text"].splitlines()[0] for block in answer["blocks"]] == ["*New (1)*", "*Archived (2)*"]
    assert "an item" in lab.slack.shown()[1]


def test_a_lost_state_or_a_lost_answer_finds_the_message_again(lab: SlackLab) -> None:
    lab.slack.loses = {"chat.postMessage"}
    with pytest.raises(OutcomeUnknown):
        lab.open().publish(outlook(row("Kickoff")))
    assert lab.open().publish(outlook(row("Kickoff")))
    lab.memory.clear()
    assert lab.open().publish(outlook(row("Final")))
    assert len(lab.slack.messages) == 1
    assert "Final" in lab.published()


def test_a_bot_that_may_not_read_posts_all_the_same(lab: SlackLab) -> None:
    lab.slack.refuses = {"conversations.history": "missing_scope"}
    assert lab.open().publish(outlook(row("Kickoff")))


@pytest.mark.parametrize("code", ["message_not_found", "cant_update_message", "edit_window_closed"])
def test_a_message_that_is_no_longer_to_be_changed_is_posted_anew(code: str, lab: SlackLab) -> None:
    lab.open().publish(outlook(row("Kickoff")))
    lab.slack.refuses = {"chat.update": code}
    assert lab.open().publish(outlook(row("Final")))
    assert not lab.open().publish(outlook(row("Final")))
    assert len(lab.slack.messages) == 2


@pytest.mark.parametrize(
    ("code", "kind", "told"),
    [
        ("invalid_auth", NotAuthorised, "Check the bot token"),
        ("token_revoked", NotAuthorised, "Check the bot token"),
        ("not_in_channel", RequestRefused, "Invite the bot"),
        ("something_new", RequestRefused, "Slack answers something_new"),
    ],
)
def test_a_refusal_says_what_to_do(code: str, kind: type[Exception], told: str, lab: SlackLab) -> None:
    lab.slack.refuses = {"chat.postMessage": code}
    with pytest.raises(kind) as refused:
        lab.open().publish(outlook(row("Kickoff")))
    assert told in str(refused.value)
    assert TOKEN not in str(refused.value)
    assert "ts" not in lab.memory


def test_a_webhook_posts_the_outlook_once_a_week_and_the_news_as_they_come(lab: SlackLab) -> None:
    assert lab.open(webhook=True).publish(outlook(row("Kickoff")))
    assert not lab.open(webhook=True).publish(outlook(row("Final"), days=1))
    assert lab.open(webhook=True).publish(news(row("Kickoff")))
    assert lab.open(webhook=True).publish(outlook(row("Final"), days=5))
    assert len(lab.slack.messages) == 3


@pytest.mark.parametrize(
    ("status", "kind"), [(404, RequestRefused), (410, RequestRefused), (429, Unavailable), (500, Unavailable)]
)
def test_a_webhook_that_refuses_is_told_without_its_address(status: int, kind: type[Exception], lab: SlackLab) -> None:
    lab.slack.status = status
    with pytest.raises(kind) as refused:
        lab.open(webhook=True).publish(outlook(row("Kickoff")))
    assert "x-secret" not in str(refused.value)
    assert "no_service" in str(refused.value)


@pytest.mark.parametrize("slash", ["/", "\\/"])
def test_a_refusal_that_repeats_a_webhooks_address_is_told_without_it(slash: str, lab: SlackLab) -> None:
    path = HOOK.removeprefix("https://hooks.slack.com").replace("/", slash)
    lab.slack.status, lab.slack.refusal = 500, f'{{"message": "nothing at {path}"}}'.encode()
    with pytest.raises(MiSyncError, match="nothing at") as refused:
        lab.open(webhook=True).publish(outlook(row("Kickoff")))
    assert "x-secret" not in str(refused.value)


def test_a_webhook_that_is_no_address_is_told_so(lab: SlackLab) -> None:
    context = Context("slack", Path(), CHICAGO, Wire(), {"webhook": Secret("x-secret")}, lab.memory)
    with pytest.raises(ConfigError) as refused:
        SlackPublisher(SlackConfig(webhook=SecretRef(env="HOOK")), context)
    assert "x-secret" not in str(refused.value)


TEXTS = st.text(max_size=300)


@given(
    titles=st.lists(TEXTS, max_size=25),
    address=st.sampled_from(["https://b.example.org/1", "javascript:x", "", "https://x|y>"]),
)
def test_whatever_a_title_holds_mentions_nobody_and_fits(titles: list[str], address: str) -> None:
    lab = SlackLab()
    lab.open().publish(outlook(*(row(f"<!channel> {title} <@U1>", url=address) for title in titles)))
    for block in next(iter(lab.slack.messages.values()))["blocks"]:
        text = block["text"]["text"]
        assert "<!" not in text
        assert "<@" not in text
        assert text.count("<") == text.count("<https://b.example.org/1|")


def test_more_than_ten_lines_are_counted() -> None:
    _, (_, section) = messages.outlook("Spring", date(2026, 3, 2), [row(f"Step {n}") for n in range(12)], CHICAGO)
    lines = section.to_dict()["text"]["text"].splitlines()
    assert (len(lines), lines[0], lines[-1]) == (12, "*Overdue (12)*", "… and 2 more")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"token": {"env": "A"}},
        {"channel": "C01"},
        {"token": {"env": "A"}, "channel": "C01", "webhook": {"env": "B"}},
    ],
)
def test_it_is_either_a_bot_or_a_webhook(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="needs either token and channel, or webhook"):
        SlackConfig.model_validate(settings)
