"""Asana's API as plain calls: the envelope, pages, batches, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from mi_sync.connector import Context
from mi_sync.errors import NotFound, OutcomeUnknown, RequestRefused, Unavailable
from mi_sync.http import Http, Window
from mi_sync.shapes import Json, Unreadable
from mi_sync_asana import AsanaConfig
from mi_sync_asana.wire import an_object, objects, thing, unreadable

PAGE = 100
"""Objects in one page, the most that Asana gives."""

BATCH = 10
"""Actions in one batch, the most that Asana takes (docs/batch-requests)."""

_PER_MINUTE = {"free": 150, "paid": 1500}
"""Requests that a token may send in a minute (docs/rate-limits). Rejected ones count."""

_RESTARTS = 3

_DULL = 3
"""So many pages in a row may bring nothing new; a listing with more of them would never end."""

_REMEDIES: tuple[tuple[int, str, str], ...] = (
    (400, "custom", "Asana does not take this value; check what kind of field it is in the project."),
    (400, "followers", "Somebody who should follow left the workspace; name somebody else in [people]."),
    (400, "assignee", "The person left the workspace or is unknown there; name somebody else in [people]."),
    (
        400,
        "xml",
        "This is no rich text to Asana. If the description has pictures or tables of its own, make them links.",
    ),
    (400, "start", "A start date needs a due date on that day or later, in the timezone of the token's owner."),
    (401, "", "Check that the token is valid: it may have expired or been revoked."),
    (402, "", "The workspace does not pay for this feature of Asana."),
    (403, "", "The token's owner lacks the right; ask an admin of the project to make them an editor of it."),
    (404, "", "It is gone, or this token may no longer see it."),
    (451, "", "Asana may not show this for legal reasons; ask the workspace's administrator."),
)


def session(settings: AsanaConfig, context: Context) -> Http:
    """The session with its token."""
    token = context.header_secret("token")
    return Http(
        settings.api_url,
        headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
        secrets=[token],
        wire=context.wire,
        window=Window(_PER_MINUTE[settings.plan], 60.0),
        name="Asana",
        remedy=_remedy,
    )


class Api:
    """Calls that give what is in the envelope.

    Args:
        http: the session.
    """

    def __init__(self, http: Http) -> None:
        self._http = http

    def get(self, path: str, **params: str | int) -> Any:  # noqa: ANN401  JSON is anything
        """Reads one thing."""
        return _data(self._http.get(path, **params))

    def post(self, path: str, data: Mapping[str, Any]) -> Any:  # noqa: ANN401  as above
        """Adds, moves or asks."""
        with _unknown_unless_readable():
            return _data(self._http.post(path, {"data": data}))

    def make(self, path: str, data: Mapping[str, Any], fields: str) -> Json:
        """Creates one thing, and gives it with these fields."""
        with _unknown_unless_readable():
            return thing(_data(self._http.post(path, {"data": data}, opt_fields=fields)))

    def put(self, path: str, data: Mapping[str, Any], fields: str) -> Json:
        """Sets fields of one thing, and gives it with these fields."""
        with _unknown_unless_readable():
            return thing(_data(self._http.put(path, {"data": data}, opt_fields=fields)))

    def delete(self, path: str) -> None:
        """Puts into the trash."""
        self._http.delete(path)

    # -- many things --------------------------------------------------------------------------------

    def all(self, path: str, *, limit: int = PAGE, **params: str | int) -> list[Json]:
        """A whole listing, each object once.

        An offset is good for some minutes; when one has expired, the listing begins anew (docs/pagination).

        Raises:
            Unavailable: offsets expire again and again.
        """
        params = {**params, **({"limit": limit} if limit else {})}
        for _ in range(_RESTARTS):
            with suppress(_OffsetExpired):
                return list(self._pages(path, params).values())
        why = "the pages of a listing expired again and again before they were read."
        raise Unavailable(why, where=f"GET {path}", remedy="Try again later, when Asana is less busy.")

    def _pages(self, path: str, params: Mapping[str, str | int]) -> dict[str, Json]:
        found: dict[str, Json] = {}
        offsets, sizes = [""], [0]
        while True:
            reply = self._page(path, {**params, **({"offset": offsets[-1]} if offsets[-1] else {})})
            found |= {each["gid"]: each for each in objects(reply.get("data"), "listing")}
            offset = _next(reply)
            if not offset:
                return found
            if offset in offsets or sizes[-_DULL:] == [len(found)] * _DULL:  # it would never end
                raise unreadable("next page")
            offsets.append(offset)
            sizes.append(len(found))

    def _page(self, path: str, params: Mapping[str, str | int]) -> Json:
        try:
            return an_object(self._http.get(path, **params), "listing")
        except RequestRefused as error:
            if error.status == 400 and "offset" in params:
                raise _OffsetExpired(error.why, status=400) from None
            raise

    def each(self, paths: Sequence[str], fields: str) -> Iterator[list[Json]]:
        """A listing for each path, in their order; ten share one request where there are several.

        A batch is a POST, but only reads, so what it does not answer is asked one by one.
        """
        for at in range(0, len(paths), BATCH):
            some = paths[at : at + BATCH]
            answers = self._batch(some, fields) if some[1:] else [None]
            for path, answer in zip(some, answers, strict=True):
                yield answer if answer is not None else self.all(path, opt_fields=fields)

    def _batch(self, paths: Sequence[str], fields: str) -> list[list[Json] | None]:
        options = {"fields": fields.split(","), "limit": PAGE}
        actions = [{"method": "get", "relative_path": path, "options": options} for path in paths]
        try:
            replies = self.post("/batch", {"actions": actions})
        except (OutcomeUnknown, RequestRefused):
            replies = []
        if not isinstance(replies, list) or len(replies) != len(paths):
            return [None] * len(paths)
        return [_whole(reply) for reply in replies]


class _OffsetExpired(RequestRefused):
    """The listing has to begin anew."""


def _remedy(status: int, text: str) -> str:
    """What to do about a refusal; nothing where nothing is known about it."""
    return next((what for code, part, what in _REMEDIES if code == status and part in text.casefold()), "")


@contextmanager
def _unknown_unless_readable() -> Iterator[None]:
    """A write whose reply cannot be understood may have happened."""
    try:
        yield
    except Unreadable as error:
        raise OutcomeUnknown(error.why) from None


def _data(reply: object) -> Any:  # noqa: ANN401  JSON is anything
    body = an_object(reply, "reply")
    if "data" not in body:
        raise unreadable("reply")
    return body["data"]


def _next(reply: Json) -> str:
    page = reply.get("next_page")
    return str(page.get("offset") or "") if isinstance(page, dict) else ""


def _whole(reply: object) -> list[Json] | None:
    """The listing in one answer of a batch; None when it failed or goes on."""
    if not isinstance(reply, dict) or reply.get("status_code") != 200 or not isinstance(reply.get("body"), dict):
        return None
    return None if _next(reply["body"]) else objects(reply["body"].get("data"), "listing")


def is_missing(error: RequestRefused) -> bool:
    """Whether there is no such thing, or none that this token may see."""
    return isinstance(error, NotFound)
