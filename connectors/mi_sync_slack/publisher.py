"""The messages as Slack holds them: one a week, which is updated, with an answer for each run that changed something.

Slack gives no key with which a message could be posted twice and be there once. So which message is ours is remembered;
when that was lost, it is looked for in the channel, by metadata that people do not see.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from slack_sdk.models.blocks import Block

from mi_sync.connector import Context, View, api_address
from mi_sync.errors import ConfigError, MiSyncError, NotAuthorised, Problem, RequestRefused, Unavailable
from mi_sync.http import Http, Window
from mi_sync.shapes import Json
from mi_sync_slack import SlackConfig, messages

EVENT = "mi_sync_outlook"
"""The type of our metadata."""
_LOOKED_AT = 100
"""Messages of the channel among which ours is looked for."""
_SECRET = 8
"""Letters that a secret part of a webhook's address has at least."""
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found"})
_NOT_AUTHORISED = frozenset({"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"})
_NO_WEBHOOK = "the secret is no address such as https://hooks.slack.com/services/…; copy it again."
_REMEDIES = {
    "not_in_channel": "Invite the bot into the channel.",
    "channel_not_found": "Name the channel by its id, and invite the bot into it.",
    "is_archived": "The channel is archived; name another.",
    "missing_scope": "Give the bot the scope chat:write and install it again.",
    "msg_too_long": "Please report this: the message should have been short enough.",
}


class SlackPublisher:
    """Publishes into one channel.

    Args:
        settings: the target's.
        context: from the core; holds the secrets, and remembers which message is ours.
    """

    def __init__(self, settings: SlackConfig, context: Context) -> None:
        self._timezone: ZoneInfo = context.timezone
        self._memory, self._target = context.memory, context.name
        self._channel: _Channel = _bot(settings, context) if settings.token else _webhook(context)

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return self._channel.http.requests

    def publish(self, view: View) -> bool:
        """Posts or updates what the view says, if that is not there already."""
        return self._news(view) if view.name == "news" else self._outlook(view)

    def _outlook(self, view: View) -> bool:
        today = view.taken_at.astimezone(self._timezone).date()
        monday = today - timedelta(days=today.weekday())
        text, blocks = messages.outlook(view.programme, monday, view.rows, self._timezone)
        said = _digest(text, blocks)
        known = self._memory.get("ts", "") if self._memory.get("week") == monday.isoformat() else ""
        if known and (self._memory.get("said") == said or not self._channel.updates):
            return False
        ts = self._channel.put(text, blocks, self._ours(view.programme, monday), known)
        self._memory.update(week=monday.isoformat(), ts=ts, said=said)
        return True

    def _ours(self, programme: str, monday: date) -> Json:
        payload = {"programme": programme, "target": self._target, "week": monday.isoformat()}
        return {"event_type": EVENT, "event_payload": payload}

    def _news(self, view: View) -> bool:
        """Of a run that changed nothing there is nothing to say."""
        text, blocks = messages.news(view.programme, view.rows, self._timezone)
        said = _digest(text, blocks)
        if not view.rows or self._memory.get("news") == said:
            self._memory["news"] = said
            return False
        self._memory["news"] = said  # before it is sent: news that are lost hurt less than news that come twice
        self._channel.answer(text, blocks, self._memory.get("ts", ""))
        return True


class _Channel(Protocol):
    """Where the messages go."""

    http: Http
    updates: bool

    def put(self, text: str, blocks: Sequence[Block], ours: Json, known: str) -> str:
        """Updates the message, or posts it if it is not there; returns which one it is."""
        ...

    def answer(self, text: str, blocks: Sequence[Block], ts: str) -> None:
        """Answers in the thread of a message, or without one in the channel."""
        ...


class _Bot:
    """A channel as a bot sees it."""

    updates = True

    def __init__(self, http: Http, channel: str) -> None:
        self.http, self._id = http, channel

    def put(self, text: str, blocks: Sequence[Block], ours: Json, known: str) -> str:
        """Updates the message, or posts it if it is not there; returns which one it is."""
        message = {"text": text, "blocks": [block.to_dict() for block in blocks], "metadata": ours}
        if ts := known or self._find(ours):
            try:
                self._call("chat.update", {"channel": self._id, "ts": ts, **message})
            except _No as error:
                if error.code not in _GONE:
                    raise
            else:
                return ts
        return str(self._post(message).get("ts") or "")

    def answer(self, text: str, blocks: Sequence[Block], ts: str) -> None:
        """Answers in the thread of a message, or without one in the channel."""
        message = {"text": text, "blocks": [block.to_dict() for block in blocks]}
        self._post({**message, "thread_ts": ts} if ts else message)

    def _post(self, message: Json) -> Json:
        plain = {"channel": self._id, "unfurl_links": False, "unfurl_media": False}
        return self._call("chat.postMessage", {**plain, **message})

    def _find(self, ours: Json) -> str:
        """Our message of this week, in case the state was lost; a bot that may not read the channel finds none."""
        asked = {"channel": self._id, "limit": _LOOKED_AT, "include_all_metadata": True}
        try:
            found = self._call("conversations.history", asked).get("messages")
        except RequestRefused:
            return ""
        mine = [each for each in found or [] if isinstance(each, dict) and each.get("metadata") == ours]
        return str(mine[0].get("ts") or "") if mine else ""

    def _call(self, method: str, body: Json) -> Json:
        reply = self.http.post(f"/{method}", body)
        if not isinstance(reply, dict):
            raise RequestRefused("the answer is none of Slack's.", where=method)
        if reply.get("ok"):
            return reply
        raise _refusal(method, str(reply.get("error") or "unknown_error"))


class _Webhook:
    """A channel behind an incoming webhook, which tells nothing of what it posted, so that it stays as it is."""

    updates = False

    def __init__(self, http: Http, path: str) -> None:
        self.http, self._path = http, path

    def put(self, text: str, blocks: Sequence[Block], ours: Json, known: str) -> str:
        """Posts it, whatever is known."""
        del ours, known
        self._post(text, blocks)
        return "posted"

    def answer(self, text: str, blocks: Sequence[Block], ts: str) -> None:
        """As a message of its own."""
        del ts
        self._post(text, blocks)

    def _post(self, text: str, blocks: Sequence[Block]) -> None:
        body = json.dumps({"text": text, "blocks": [block.to_dict() for block in blocks]})
        reply = self.http.tell(self._path, body, {}, "application/json; charset=utf-8")
        if reply.status == 200:
            return
        if reply.status == 429 or reply.status >= 500:
            raise Unavailable(f"Slack answers {reply.message}.", where="webhook", remedy="The next run tries again.")
        remedy = "Make a new webhook if this one was removed."
        raise RequestRefused(f"Slack answers {reply.message}.", status=reply.status, where="webhook", remedy=remedy)


class _No(RequestRefused):
    """Slack refuses with a status of 200 and a word."""

    def __init__(self, method: str, code: str) -> None:
        super().__init__(f"Slack answers {code}.", where=method, remedy=_REMEDIES.get(code, ""))
        self.code = code


def _refusal(method: str, code: str) -> MiSyncError:
    if code in _NOT_AUTHORISED:
        return NotAuthorised(f"Slack answers {code}.", where=method, remedy="Check the bot token.")
    return _No(method, code)


def _bot(settings: SlackConfig, context: Context) -> _Channel:
    token = context.header_secret("token")
    http = _http(settings.api_url, context, [token], {"Authorization": f"Bearer {token}"})
    return _Bot(http, settings.channel or "")


def _webhook(context: Context) -> _Channel:
    """The address is the secret; what stands in front of its path is not."""
    address = context.secrets["webhook"].reveal().strip()
    try:
        parts = urlsplit(api_address(address, example="https://hooks.slack.com/services/…"))
    except ValueError:
        raise ConfigError([Problem(f"targets.{context.name}", "webhook", _NO_WEBHOOK)]) from None
    secrets = [address, parts.path, *_long(parts.path.rpartition("/")[2])]
    return _Webhook(_http(f"{parts.scheme}://{parts.netloc}", context, secrets, {}), parts.path)


def _long(word: str) -> Iterator[str]:
    """What nobody would find in a text by chance: the last part of the path, which JSON may give with other slashes."""
    if len(word) >= _SECRET:
        yield word


def _http(address: str, context: Context, secrets: Sequence[str], headers: Mapping[str, str]) -> Http:
    """Slack takes about one message a second for a channel (docs.slack.dev, rate limits)."""
    return Http(
        address,
        headers={**headers, "Accept": "application/json"},
        secrets=secrets,
        wire=context.wire,
        window=Window(1, 1.0, guard=0.1),
        name="Slack",
    )


def _digest(text: str, blocks: Sequence[Block]) -> str:
    said = json.dumps([text, *(block.to_dict() for block in blocks)], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:32]
