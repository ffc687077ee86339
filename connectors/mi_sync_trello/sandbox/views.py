"""How things are shown: JSON with the fields that clients ask for.

The shapes are those that py-trello 0.20.1 and trello.js 2.2.0 parse; the latter's schemas are audited against the
live service every night (MrRefactoring/trello.js).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Any

from mi_sync_sandbox.store import Doc, Session
from mi_sync_trello.sandbox import custom, limits, values
from mi_sync_trello.sandbox.values import ApiError, Params

MAX_CARDS = 1000
"""Cards in one answer, however many were asked for (rwjdk/TrelloDotNet, GetCardsNormalOrViaPagination)."""

MAX_NESTED = 300
"""Cards in one answer that may come with checklists, attachments or actions (airbytehq/airbyte #22037)."""

CARD_FILTERS = ("all", "closed", "complete", "incomplete", "none", "open", "visible")
LIST_FILTERS = ("all", "closed", "none", "open")

BOARD_DEFAULTS = (
    *("name", "desc", "descData", "closed", "idOrganization", "idEnterprise", "pinned"),
    *("url", "shortUrl", "prefs", "labelNames"),
)
WORKSPACE = "5f0000000000000000000001"
"""Whose board it is where nobody said: there are no boards outside a workspace (trello.js 2.2.0, BoardSchema)."""

_NO_EMOJI: Doc = {"emoji": {}}
"""What is said beside a text about its own emoji (trello.js 2.2.0, CardSchema and CheckItemSchema)."""

_MEMBER_DEFAULTS = ("fullName", "username")
_MEMBER_NESTED = ("avatarHash", "avatarUrl", "fullName", "initials", "username")


def pick(shown: Doc, wanted: object, default: Sequence[str] | None = None) -> Doc:
    """The fields that `fields=` asks for, and always the id; `all` and no default mean everything.

    An unknown field is refused. Whether Trello does so is not confirmed: a sandbox that let a typing error pass
    would be the worse one.
    """
    if isinstance(wanted, list):
        asked = [str(each) for each in wanted]
    else:
        asked = [part.strip() for part in str(wanted or "").split(",") if part.strip()] or list(default or ["all"])
    if "all" in asked:
        return shown
    if unknown := set(asked) - set(shown):
        raise ApiError(400, f"invalid value for fields: {', '.join(sorted(unknown))}")
    return {"id": shown["id"], **{name: shown[name] for name in asked}}


def single(shown: Doc, name: str) -> Any:  # noqa: ANN401  whatever the field is
    """One field by itself: `{"_value": …}`, or the object or array that it is (py-trello, get_last_activity)."""
    if name not in shown:
        raise values.missing()
    value = shown[name]
    return value if isinstance(value, (dict, list)) else {"_value": value}


def asks(params: Params, name: str) -> bool:
    """Whether a nested resource is wanted, in any of the spellings that clients use (nested-resources guide)."""
    return str(params.get(name) or "false").lower() not in ("false", "none", "0")


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "untitled"


class Views:
    """Shows the documents of one transaction; `base` is the address under which the sandbox is being asked."""

    def __init__(self, db: Session, base: str) -> None:
        self._db = db
        self._base = base.rstrip("/")
        self._labels: dict[str, dict[str, Doc]] = {}
        self._children: dict[tuple[str, str], dict[str, list[Doc]]] = {}

    # ------------------------------------------------------------------------------------------- things

    def board(self, doc: Doc, *, counted: bool = True) -> Doc:
        """A board with all its fields; its limits take counting, so they can be left out."""
        url = f"{self._base}/b/{doc['shortLink']}"
        return {
            "id": doc["id"],
            "nodeId": f"ari:cloud:trello::board/workspace/sandbox/{doc['id']}",
            "name": doc["name"],
            "desc": doc["desc"],
            "descData": None,
            "closed": doc["closed"],
            "dateClosed": None,
            "idOrganization": doc["idOrganization"] or WORKSPACE,
            "idEnterprise": None,
            "idMemberCreator": doc["memberships"][0]["idMember"] if doc["memberships"] else None,
            "pinned": False,
            "starred": False,
            "subscribed": doc["subscribed"],
            "url": url,
            "shortUrl": url,
            "shortLink": doc["shortLink"],
            "dateLastActivity": doc["dateLastActivity"],
            "dateLastView": doc["dateLastActivity"],
            "idTags": [],
            "powerUps": [],
            "premiumFeatures": [],
            "labelNames": self._label_names(doc["id"]),
            "memberships": self.memberships(doc),
            "limits": limits.told(self._db, doc) if counted else {},
            "prefs": {
                "permissionLevel": doc["permission"],
                "voting": "disabled",
                "comments": "members",
                "invitations": "members",
                "selfJoin": True,
                "cardCovers": True,
                "cardAging": "regular",
                "background": "blue",
                "backgroundColor": "#0079BF",
                "hideVotes": False,
                "calendarFeedEnabled": False,
            },
        }

    def _label_names(self, board: str) -> dict[str, str]:
        names = dict.fromkeys(sorted(values.COLOURS), "")
        for label in self._board_labels(board).values():
            if label["color"]:
                names[label["color"]] = names[label["color"]] or label["name"]
        return names

    def memberships(self, doc: Doc) -> list[Doc]:
        """Who is on a board, as what."""
        extra = {"unconfirmed": False, "deactivated": False}
        return [{**each, **extra} for each in doc["memberships"]]

    def list_(self, doc: Doc) -> Doc:
        """A list with all its fields."""
        plain = {name: doc[name] for name in ("id", "name", "closed", "idBoard", "pos", "subscribed")}
        return {**plain, "color": None, "softLimit": None, "type": None, "datasource": {"filter": False}}

    def label(self, doc: Doc) -> Doc:
        """A label, and how many cards wear it."""
        return self._board_labels(doc["idBoard"])[doc["id"]]

    def _board_labels(self, board: str) -> dict[str, Doc]:
        if board not in self._labels:
            uses = self._db.uses("card", board, "idLabels")
            docs = self._db.all("label", scope=board)
            self._labels[board] = {doc["id"]: {**doc, "uses": uses.get(doc["id"], 0)} for doc in docs}
        return self._labels[board]

    def member(self, doc: Doc) -> Doc:
        """A member with all fields; there is no e-mail address to see (api-group-members).

        Everybody has a picture, which is a string at the live service too (trello.js 2.2.0, MemberSchema).
        """
        picture = sha256(doc["id"].encode()).hexdigest()[:32]
        return {
            **doc,
            "activityBlocked": False,
            "avatarHash": picture,
            "avatarUrl": f"{self._base}/u/{doc['username']}/{picture}",
            "bio": "",
            "bioData": None,
            "confirmed": True,
            "email": None,
            "idEnterprise": None,
            "idMemberReferrer": None,
            "idOrganizations": [],
            "idBoards": [],
            "memberType": "normal",
            "nonPublic": {},
            "nonPublicAvailable": False,
            "products": [],
            "status": "disconnected",
            "url": f"{self._base}/u/{doc['username']}",
        }

    def member_by_id(self, ref: str) -> Doc | None:
        """A member, if there is one."""
        doc = self._db.get("member", ref)
        return None if doc is None else self.member(doc)

    def card(self, doc: Doc) -> Doc:
        """A card with all its own fields, without nested ones."""
        labels = self._board_labels(doc["idBoard"])
        checklists = self._of_card("checklist", doc)
        short = f"{self._base}/c/{doc['shortLink']}"
        return {
            "id": doc["id"],
            "nodeId": f"ari:cloud:trello::card/workspace/sandbox/{doc['id']}",
            "idShort": doc["idShort"],
            "shortLink": doc["shortLink"],
            "shortUrl": short,
            "url": f"{short}/{doc['idShort']}-{_slug(doc['name'])}",
            "name": doc["name"],
            "desc": doc["desc"],
            "descData": _NO_EMOJI if doc["desc"] else None,  # a-straube/trello-project-mgmt-dashboard has the null
            "due": doc["due"],
            "dueComplete": doc["dueComplete"],
            "dueReminder": doc["dueReminder"],
            "start": doc["start"],
            "closed": doc["closed"],
            "dateClosed": None,
            "dateLastActivity": doc["dateLastActivity"],
            "idBoard": doc["idBoard"],
            "idList": doc["idList"],
            "idLabels": doc["idLabels"],
            "labels": [labels[each] for each in doc["idLabels"] if each in labels],
            "idMembers": doc["idMembers"],
            "idMembersVoted": [],
            "idChecklists": [each["id"] for each in checklists],
            "idAttachmentCover": doc.get("idAttachmentCover"),
            "manualCoverAttachment": False,
            "cover": doc.get("cover") or {"color": None, "size": "normal", "brightness": "dark"},
            "address": doc.get("address"),
            "locationName": doc.get("locationName"),
            "coordinates": doc.get("coordinates"),
            "cardRole": None,
            "isTemplate": False,
            "mirrorSourceId": None,
            "pinned": False,
            "email": None,
            "pos": doc["pos"],
            "subscribed": doc["subscribed"],
            "checkItemStates": self._states(checklists),
            "badges": self._badges(doc, checklists),
        }

    def _states(self, checklists: Sequence[Doc]) -> list[Doc]:
        items = (item for each in checklists for item in each["checkItems"])
        return [{"idCheckItem": item["id"], "state": "complete"} for item in items if item["state"] == "complete"]

    def _badges(self, doc: Doc, checklists: Sequence[Doc]) -> Doc:
        states = [item["state"] for each in checklists for item in each["checkItems"]]
        return {
            "attachments": len(self._of_card("attachment", doc)),
            "attachmentsByType": {"trello": {"board": 0, "card": 0}},
            "checkItems": len(states),
            "checkItemsChecked": states.count("complete"),
            "checkItemsEarliestDue": None,
            "comments": doc["comments"],
            "description": bool(doc["desc"]),
            "due": doc["due"],
            "dueComplete": doc["dueComplete"],
            "fogbugz": "",
            "lastUpdatedByAi": False,
            "location": False,
            "maliciousAttachments": 0,
            "start": doc["start"],
            "subscribed": doc["subscribed"],
            "viewingMemberVoted": False,
            "votes": 0,
            "externalSource": None,
        }

    def checklist(self, doc: Doc) -> Doc:
        """A checklist with its lines, in their order."""
        lines = sorted(doc["checkItems"], key=lambda item: (item["pos"], item["id"]))
        plain = {name: doc[name] for name in ("id", "name", "idBoard", "idCard", "pos")}
        return {**plain, "checkItems": [self.check_item(doc["id"], item) for item in lines]}

    def check_item(self, checklist: str, item: Doc) -> Doc:
        """A line of a checklist."""
        return {**item, "nameData": _NO_EMOJI, "idChecklist": checklist}

    def attachment(self, doc: Doc) -> Doc:
        """An attachment."""
        hidden = ("idBoard", "idCard")
        shown = {name: value for name, value in doc.items() if name not in hidden}
        return {**shown, "edgeColor": None, "isMalicious": False, "previews": []}

    def action(self, doc: Doc) -> Doc:
        """Something that happened, a comment among others."""
        creator = self.member_by_id(doc["idMemberCreator"])
        shown = {name: doc[name] for name in ("id", "idMemberCreator", "type", "date", "data")}
        author = None if creator is None else pick(creator, None, _MEMBER_NESTED)
        return {**shown, "appCreator": None, "limits": None, "memberCreator": author}

    # ------------------------------------------------------------------------------------------ listings

    def preload(self, board: str) -> None:
        """Reads the children of all cards of a board at once, before many of them are shown."""
        for kind in ("checklist", "attachment"):
            grouped: dict[str, list[Doc]] = defaultdict(list)
            for child in self._db.all(kind, scope=board):
                grouped[child["idCard"]].append(child)
            self._children[kind, board] = grouped

    def _of_card(self, kind: str, card: Doc) -> Sequence[Doc]:
        grouped = self._children.get((kind, card["idBoard"]))
        docs = self._db.all(kind, parent=card["id"]) if grouped is None else grouped.get(card["id"], [])
        return sorted(docs, key=lambda doc: (doc["pos"], doc["id"]))

    def lists(self, board: str, which: str) -> Sequence[Doc]:
        """A board's lists in their order."""
        if which not in LIST_FILTERS:
            raise values.invalid("filter")
        wanted = {"all": (True, False), "closed": (True,), "none": (), "open": (False,)}[which]
        docs = [doc for doc in self._db.all("list", scope=board) if doc["closed"] in wanted]
        return sorted(docs, key=lambda doc: (doc["pos"], doc["id"]))

    def labels(self, board: str, params: Params, limit: str = "limit") -> Sequence[Doc]:
        """A board's labels, the first 50 unless more are asked for (py-trello #242; at most 1000)."""
        most = values.size(params, limit, default=50, most=1000)
        return list(self._board_labels(board).values())[:most]

    def checklists(self, *, board: str | None = None, card: str | None = None) -> Sequence[Doc]:
        """The checklists of a board or of a card."""
        docs = self._db.all("checklist", scope=board, parent=card)
        return [self.checklist(doc) for doc in sorted(docs, key=lambda doc: (doc["pos"], doc["id"]))]

    def cards(self, docs: Iterable[Doc], params: Params, which: str, *, short: bool = False) -> list[Doc]:
        """One page of cards.

        `before` and `since` speak of creation. Without `sort=-id` the order is that on the board, so that paging
        by `before` misses cards, as it does at Trello (rwjdk/TrelloDotNet). `short` is the fault of that name.
        """
        page = self._page(docs, params, which)
        if short:
            page = page[: max(len(page) // 2, 1)]  # never empty, because an empty page says that this was all
        if len(page) > MAX_NESTED and any(asks(params, n) for n in ("checklists", "attachments", "actions")):
            raise ApiError(403, "Too many checklists")
        if len(page) > 1:
            self.preload(page[0]["idBoard"])
        return [self.full_card(doc, params) for doc in page]

    def _page(self, docs: Iterable[Doc], params: Params, which: str) -> list[Doc]:
        before, since = values.boundary(params, "before"), values.boundary(params, "since")
        chosen = [
            doc
            for doc in self._filter(docs, which)
            if (before is None or doc["id"] < before) and (since is None or doc["id"] > since)
        ]
        limit = values.size(params, "limit", default=MAX_CARDS, most=MAX_CARDS)
        return self._sort(chosen, str(params.get("sort") or ""))[:limit]

    def _filter(self, docs: Iterable[Doc], which: str) -> list[Doc]:
        """`open` cards may lie in an archived list, `visible` ones do not (api-group-boards)."""
        if which not in CARD_FILTERS:
            raise values.invalid("filter")
        docs = list(docs)
        shut = {each["id"] for each in self._db.all("list") if each["closed"]} if which == "visible" else set()
        tests: dict[str, Callable[[Doc], bool]] = {
            "all": lambda _: True,
            "closed": lambda doc: doc["closed"],
            "complete": lambda doc: doc["dueComplete"],
            "incomplete": lambda doc: not doc["dueComplete"],
            "none": lambda _: False,
            "open": lambda doc: not doc["closed"],
            "visible": lambda doc: not doc["closed"] and doc["idList"] not in shut,
        }
        return [doc for doc in docs if tests[which](doc)]

    def _sort(self, docs: list[Doc], order: str) -> list[Doc]:
        if order in ("id", "-id"):
            return sorted(docs, key=lambda doc: doc["id"], reverse=order == "-id")
        if order:
            raise values.invalid("sort")
        boards = {doc["idBoard"] for doc in docs}
        places = {each["id"]: each["pos"] for board in boards for each in self._db.all("list", scope=board)}
        return sorted(docs, key=lambda doc: (places[doc["idList"]], doc["pos"], doc["id"]))

    def actions(self, docs: Iterable[Doc], params: Params, which: str = "", limit: str = "limit") -> list[Doc]:
        """What happened, newest first: 50 at a time, at most 1000, pages 0 to 19 (api-group-actions)."""
        before, since = values.boundary(params, "before"), values.boundary(params, "since")
        page = int(values.number(params.get("page") or 0, "page"))
        if not 0 <= page < 20:
            raise values.invalid("page")
        chosen = [
            doc
            for doc in sorted(docs, key=lambda doc: doc["id"], reverse=True)
            if (before is None or doc["id"] < before) and (since is None or doc["id"] > since)
            if _is_of(doc, which or str(params.get("filter") or "all"))
        ]
        size = values.size(params, limit, default=50, most=1000)
        fields = params.get("fields") if limit == "limit" else params.get("action_fields")
        return [pick(self.action(doc), fields) for doc in chosen[page * size : (page + 1) * size]]

    # -------------------------------------------------------------------------------------------- nested

    def full_card(self, doc: Doc, params: Params) -> Doc:
        """A card with the nested resources that were asked for (nested-resources guide)."""
        shown = pick(self.card(doc), params.get("fields"))
        shown |= self._card_children(doc, params)
        if asks(params, "members"):
            people = [m for each in doc["idMembers"] if (m := self.member_by_id(each))]
            shown["members"] = [pick(m, params.get("member_fields"), _MEMBER_NESTED) for m in people]
        if asks(params, "board") and (board := self._db.get("board", doc["idBoard"])):
            shown["board"] = pick(self.board(board), params.get("board_fields"), BOARD_DEFAULTS)
        if asks(params, "list") and (parent := self._db.get("list", doc["idList"])):
            shown["list"] = self.list_(parent)
        if asks(params, "customFieldItems"):
            shown["customFieldItems"] = custom.items(doc)
        # Stickers and Power-Up data are beyond the sandbox: asked for, they are empty.
        return shown | {name: [] for name in ("stickers", "pluginData") if asks(params, name)}

    def _card_children(self, doc: Doc, params: Params) -> Doc:
        shown: Doc = {}
        if asks(params, "checklists"):
            shown["checklists"] = [self.checklist(each) for each in self._of_card("checklist", doc)]
        if asks(params, "attachments"):
            found = [self.attachment(each) for each in self._of_card("attachment", doc)]
            shown["attachments"] = [pick(each, params.get("attachment_fields")) for each in found]
        if asks(params, "actions"):
            which = "all" if str(params["actions"]).lower() == "true" else str(params["actions"])
            docs = self._db.all("action", parent=doc["id"])
            shown["actions"] = self.actions(docs, _without(params), which, "actions_limit")
        return shown

    def full_board(self, doc: Doc, params: Params) -> Doc:
        """A board with the nested resources that were asked for (nested-resources guide)."""
        wanted = params.get("fields")
        counted = any(word in str(wanted) for word in ("limits", "all"))
        shown = pick(self.board(doc, counted=counted), wanted, BOARD_DEFAULTS)
        board = doc["id"]
        if asks(params, "lists"):
            lists = self.lists(board, _which(params, "lists", "all"))
            shown["lists"] = [pick(self.list_(each), params.get("list_fields")) for each in lists]
        if asks(params, "labels"):
            labels = self.labels(board, params, "labels_limit")
            shown["labels"] = [pick(each, params.get("label_fields")) for each in labels]
        if asks(params, "members"):
            shown["members"] = self.members(doc, params.get("member_fields"), _MEMBER_NESTED)
        if asks(params, "memberships"):
            shown["memberships"] = self.memberships(doc)
        return shown | self._board_contents(board, params)

    def _board_contents(self, board: str, params: Params) -> Doc:
        shown: Doc = {}
        if asks(params, "checklists"):
            found = self.checklists(board=board)
            shown["checklists"] = [pick(each, params.get("checklist_fields")) for each in found]
        if asks(params, "cards"):
            inner = {
                name.removeprefix("card_").removeprefix("cards_"): value
                for name, value in params.items()
                if name.startswith(("card_", "cards_"))
            }
            shown["cards"] = self.cards(self._db.all("card", scope=board), inner, _which(params, "cards", "visible"))
        if asks(params, "actions"):
            docs = self._db.all("action", scope=board)
            shown["actions"] = self.actions(docs, _without(params), _which(params, "actions", "all"), "actions_limit")
        if asks(params, "customFields"):
            shown["customFields"] = self.custom_fields(board)
        return shown | {name: [] for name in ("pluginData", "boardStars") if asks(params, name)}

    def custom_fields(self, board: str) -> list[Doc]:
        """The custom fields that a board defines."""
        return [custom.definition(each) for each in self._db.all("customField", scope=board)]

    def members(self, board: Doc, wanted: object, default: Sequence[str] = _MEMBER_DEFAULTS) -> list[Doc]:
        """The people on a board."""
        people = [m for each in board["memberships"] if (m := self.member_by_id(each["idMember"]))]
        return [pick(m, wanted, default) for m in people]


def _is_of(action: Doc, which: str) -> bool:
    """Whether an action is of the asked types; `updateCard:idList` means that this field was changed."""
    for each in which.split(","):
        kind, _, field = each.strip().partition(":")
        if kind == "all" or (kind == action["type"] and (not field or field in action["data"].get("old", {}))):
            return True
    return False


def _which(params: Params, name: str, default: str) -> str:
    value = str(params.get(name) or default)
    return default if value.lower() == "true" else value


def _without(params: Params) -> Params:
    """The parameters of nested actions: those of the outer resource are not theirs."""
    return {k: v for k, v in params.items() if k in ("actions_limit", "action_fields")}
