"""The routes of the REST API: which path does what. Paths and parameters are those of Trello's own specification.

Handlers know nothing of the web framework, so that `GET /batch` can call them too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from mi_sync_sandbox.store import Doc, Session
from mi_sync_trello.sandbox import custom, effects, values
from mi_sync_trello.sandbox.values import ApiError, Params
from mi_sync_trello.sandbox.views import BOARD_DEFAULTS, CARD_FILTERS, Views, asks, pick, single


@dataclass(frozen=True, slots=True)
class Call:
    """One request, its credentials already accepted.

    Attributes:
        db: the transaction that it runs in.
        view: how things are shown in it.
        me: the id of the member whose token it is.
        params: from query, form and JSON body together.
        upload: name, type and size of an uploaded file.
        short: the fault that makes a page of cards come back short.
        dispatch: answers another GET in the same transaction.
    """

    db: Session
    view: Views
    me: str
    params: Params
    upload: Doc | None = None
    short: bool = False
    dispatch: Callable[[Call, str], Any] | None = None

    def board(self, ref: str) -> Doc:
        """The board of a path."""
        return effects.open_board(self.db, self.me, ref)

    def find(self, kind: str, ref: str) -> Doc:
        """Anything else of a path."""
        return effects.open_doc(self.db, self.me, kind, ref)


Handler = Callable[..., Any]
ROUTES: list[tuple[str, str, Handler]] = []
_H = TypeVar("_H", bound=Handler)


def on(method: str, *rules: str) -> Callable[[_H], _H]:
    """Registers a handler for some paths below `/1`."""

    def register(handler: _H) -> _H:
        ROUTES.extend((method, rule, handler) for rule in rules)
        return handler

    return register


# ------------------------------------------------------------------------------------------------ boards


@on("GET", "/boards/<ref>")
def get_board(call: Call, ref: str) -> Doc:
    """A board with nested resources."""
    return call.view.full_board(call.board(ref), call.params)


@on("POST", "/boards")
def post_board(call: Call) -> Doc:
    """A new board."""
    board = effects.create_board(call.db, call.me, call.params)
    return pick(call.view.board(board), None)


@on("PUT", "/boards/<ref>")
def put_board(call: Call, ref: str) -> Doc:
    """Some fields of a board."""
    return call.view.board(effects.update_board(call.db, call.board(ref), call.params))


@on("DELETE", "/boards/<ref>")
def delete_board(call: Call, ref: str) -> Doc:
    """A board, for good."""
    effects.delete_board(call.db, call.board(ref))
    return {"_value": None}


@on("GET", "/boards/<ref>/<field>")
def get_board_field(call: Call, ref: str, field: str) -> Any:  # noqa: ANN401  whatever the field is
    """One field, or an empty list for what the sandbox does not keep."""
    board = call.board(ref)
    if field in ("plugins", "boardPlugins", "boardStars", "pluginData"):
        return []  # Power-Ups are beyond the sandbox
    return single(call.view.board(board), field)


@on("PUT", "/boards/<ref>/<field>")
def put_board_field(call: Call, ref: str, field: str) -> Doc:
    """One field."""
    return put_board(_only(call, "board", field), ref)


@on("GET", "/boards/<ref>/lists", "/boards/<ref>/lists/<which>")
def get_board_lists(call: Call, ref: str, which: str = "") -> list[Doc]:
    """A board's lists, open ones unless told otherwise, with their cards if asked."""
    board = call.board(ref)["id"]
    docs = call.view.lists(board, which or str(call.params.get("filter") or "open"))
    shown = [pick(call.view.list_(doc), call.params.get("fields")) for doc in docs]
    if asks(call.params, "cards"):
        inner = {"fields": call.params.get("card_fields")}
        for each in shown:
            cards = call.db.all("card", parent=each["id"])
            each["cards"] = call.view.cards(cards, inner, str(call.params["cards"]))
    return shown


@on("POST", "/boards/<ref>/lists")
def post_board_list(call: Call, ref: str) -> Doc:
    """A new list on a board."""
    return call.view.list_(effects.create_list(call.db, call.me, call.board(ref), call.params))


@on("GET", "/boards/<ref>/cards", "/boards/<ref>/cards/<which>")
def get_board_cards(call: Call, ref: str, which: str = "") -> Any:  # noqa: ANN401  a list, or one card by its id
    """One page of a board's cards; a card's id in place of the filter gives that card (py-trello, get_card)."""
    board = call.board(ref)["id"]
    if which and which not in CARD_FILTERS and len(which) in (8, 24):
        card = call.find("card", which)
        if card["idBoard"] != board:
            raise values.missing()
        return call.view.full_card(card, call.params)
    which = which or str(call.params.get("filter") or "visible")
    return call.view.cards(call.db.all("card", scope=board), call.params, which, short=call.short)


@on("GET", "/boards/<ref>/labels")
def get_board_labels(call: Call, ref: str) -> list[Doc]:
    """A board's labels, 50 unless told otherwise."""
    labels = call.view.labels(call.board(ref)["id"], call.params)
    return [pick(each, call.params.get("fields")) for each in labels]


@on("POST", "/boards/<ref>/labels")
def post_board_label(call: Call, ref: str) -> Doc:
    """A new label on a board."""
    return call.view.label(effects.create_label(call.db, call.board(ref), call.params))


@on("GET", "/boards/<ref>/labels/<label>")
def get_board_label(call: Call, ref: str, label: str) -> Doc:
    """One label, by way of its board (py-trello, Board.get_label)."""
    call.board(ref)
    return get_label(call, label)


@on("GET", "/boards/<ref>/members")
def get_board_members(call: Call, ref: str) -> list[Doc]:
    """The people on a board, by id, name and username unless told otherwise."""
    return call.view.members(call.board(ref), call.params.get("fields"))


@on("PUT", "/boards/<ref>/members/<member>")
def put_board_member(call: Call, ref: str, member: str) -> Doc:
    """Puts a member on a board; the reply has its people alone (trello.js 2.2.0, BoardMembersResultSchema)."""
    kind = values.choice(call.params, "type", ("admin", "normal", "observer"), "normal")
    person = _member(call, member)
    board = effects.join_board(call.db, call.board(ref), person["id"], kind)
    shown = call.view.full_board(board, {"fields": "id", "members": "all", "memberships": "all"})
    return {name: shown[name] for name in ("id", "members", "memberships")}


@on("DELETE", "/boards/<ref>/members/<member>")
def delete_board_member(call: Call, ref: str, member: str) -> Doc:
    """Takes a member off a board."""
    board = effects.leave_board(call.db, call.board(ref), _member(call, member)["id"])
    return call.view.full_board(board, {"members": "all"})


@on("GET", "/boards/<ref>/memberships")
def get_board_memberships(call: Call, ref: str) -> list[Doc]:
    """Who is what on a board."""
    return call.view.memberships(call.board(ref))


@on("GET", "/boards/<ref>/checklists")
def get_board_checklists(call: Call, ref: str) -> list[Doc]:
    """All checklists of a board, to be joined to its cards by `idCard`."""
    found = call.view.checklists(board=call.board(ref)["id"])
    return [pick(each, call.params.get("fields")) for each in found]


@on("GET", "/boards/<ref>/actions")
def get_board_actions(call: Call, ref: str) -> list[Doc]:
    """What happened on a board."""
    return call.view.actions(call.db.all("action", scope=call.board(ref)["id"]), call.params)


# ------------------------------------------------------------------------------------------------- lists


@on("POST", "/lists")
def post_list(call: Call) -> Doc:
    """A new list."""
    return post_board_list(call, _board_param(call))


@on("GET", "/lists/<ref>")
def get_list(call: Call, ref: str) -> Doc:
    """A list."""
    return pick(call.view.list_(call.find("list", ref)), call.params.get("fields"))


@on("PUT", "/lists/<ref>")
def put_list(call: Call, ref: str) -> Doc:
    """Some fields of a list."""
    return call.view.list_(effects.update_list(call.db, call.me, call.find("list", ref), call.params))


@on("PUT", "/lists/<ref>/<field>")
def put_list_field(call: Call, ref: str, field: str) -> Doc:
    """One field of a list."""
    return put_list(_only(call, "list", field, "idBoard"), ref)


@on("GET", "/lists/<ref>/<field>")
def get_list_field(call: Call, ref: str, field: str) -> Any:  # noqa: ANN401  whatever the field is
    """One field of a list."""
    return single(call.view.list_(call.find("list", ref)), field)


@on("GET", "/lists/<ref>/cards")
def get_list_cards(call: Call, ref: str) -> list[Doc]:
    """One page of a list's cards."""
    cards = call.db.all("card", parent=call.find("list", ref)["id"])
    return call.view.cards(cards, call.params, str(call.params.get("filter") or "open"), short=call.short)


@on("POST", "/lists/<ref>/cards")
def post_list_card(call: Call, ref: str) -> Doc:
    """A new card, by way of its list, as older clients do it."""
    return post_card(replace(call, params={**call.params, "idList": call.find("list", ref)["id"]}))


@on("GET", "/lists/<ref>/board", "/cards/<card>/board", "/checklists/<checklist>/board")
def get_parent_board(call: Call, ref: str = "", card: str = "", checklist: str = "") -> Doc:
    """The board that something is on."""
    kind, own = ("list", ref) if ref else ("card", card) if card else ("checklist", checklist)
    board = effects.board_of(call.db, call.find(kind, own))
    return pick(call.view.board(board), call.params.get("fields"), BOARD_DEFAULTS)


@on("GET", "/lists/<ref>/actions")
def get_list_actions(call: Call, ref: str) -> list[Doc]:
    """What happened on the cards of a list."""
    cards = call.db.all("card", parent=call.find("list", ref)["id"])
    docs = [doc for card in cards for doc in call.db.all("action", parent=card["id"])]
    return call.view.actions(docs, call.params)


@on("POST", "/lists/<ref>/archiveAllCards")
def archive_all_cards(call: Call, ref: str) -> Doc:
    """Archives the cards of a list."""
    for card in call.db.all("card", parent=call.find("list", ref)["id"]):
        effects.update_card(call.db, call.me, card, {"closed": True})
    return {}


@on("POST", "/lists/<ref>/moveAllCards")
def move_all_cards(call: Call, ref: str) -> list[Doc]:
    """Moves the cards of a list to another."""
    source = call.find("list", ref)
    target = {name: call.params.get(name) for name in ("idBoard", "idList")}
    for card in call.db.all("card", parent=source["id"]):
        effects.update_card(call.db, call.me, card, target)
    moved = call.db.all("card", parent=str(target["idList"]))
    return call.view.cards(moved, {}, "open")


# ------------------------------------------------------------------------------------------------ labels


@on("POST", "/labels")
def post_label(call: Call) -> Doc:
    """A new label."""
    return post_board_label(call, _board_param(call))


@on("GET", "/labels/<ref>")
def get_label(call: Call, ref: str) -> Doc:
    """A label."""
    return pick(call.view.label(call.find("label", ref)), call.params.get("fields"))


@on("PUT", "/labels/<ref>")
def put_label(call: Call, ref: str) -> Doc:
    """Some fields of a label."""
    return call.view.label(effects.update_label(call.db, call.find("label", ref), call.params))


@on("PUT", "/labels/<ref>/<field>")
def put_label_field(call: Call, ref: str, field: str) -> Doc:
    """One field of a label."""
    return put_label(_only(call, "label", field), ref)


@on("DELETE", "/labels/<ref>")
def delete_label(call: Call, ref: str) -> Doc:
    """A label, off all cards too."""
    effects.delete_label(call.db, call.find("label", ref))
    return {"limits": {}}


# ------------------------------------------------------------------------------------------------- cards


@on("POST", "/cards")
def post_card(call: Call) -> Doc:
    """A new card."""
    card = effects.create_card(call.db, call.me, call.params)
    return {**call.view.full_card(card, {"attachments": "true"}), "stickers": [], "limits": {}}


@on("GET", "/cards/<ref>")
def get_card(call: Call, ref: str) -> Doc:
    """A card with nested resources."""
    return call.view.full_card(call.find("card", ref), call.params)


@on("PUT", "/cards/<ref>")
def put_card(call: Call, ref: str) -> Doc:
    """Some fields of a card."""
    return call.view.card(effects.update_card(call.db, call.me, call.find("card", ref), call.params))


@on("DELETE", "/cards/<ref>")
def delete_card(call: Call, ref: str) -> Doc:
    """A card, for good."""
    effects.delete_card(call.db, call.me, call.find("card", ref))
    return {"limits": {}}


@on("GET", "/cards/<ref>/<field>")
def get_card_field(call: Call, ref: str, field: str) -> Any:  # noqa: ANN401  whatever the field is
    """One field of a card, or an empty list for what the sandbox does not keep."""
    card = call.find("card", ref)
    if field in ("pluginData", "stickers", "membersVoted"):
        return []
    return single(call.view.card(card), field)


@on("PUT", "/cards/<ref>/<field>")
def put_card_field(call: Call, ref: str, field: str) -> Doc:
    """One field of a card."""
    return put_card(_only(call, "card", field, "idBoard"), ref)


@on("POST", "/cards/<ref>/idLabels")
def post_card_label(call: Call, ref: str) -> list[str]:
    """One label more."""
    return list(effects.add_to_set(call.db, call.me, call.find("card", ref), "idLabels", call.params)["idLabels"])


@on("DELETE", "/cards/<ref>/idLabels/<label>")
def delete_card_label(call: Call, ref: str, label: str) -> Doc:
    """One label less."""
    effects.take_from_set(call.db, call.me, call.find("card", ref), "idLabels", label)
    return {"_value": None}


@on("POST", "/cards/<ref>/labels")
def post_card_new_label(call: Call, ref: str) -> Doc:
    """A new label of the board, worn by this card."""
    card = call.find("card", ref)
    label = effects.create_label(call.db, effects.board_of(call.db, card), call.params)
    effects.add_to_set(call.db, call.me, card, "idLabels", {"value": label["id"]})
    return call.view.label(label)


@on("GET", "/cards/<ref>/members")
def get_card_members(call: Call, ref: str) -> list[Doc]:
    """The people on a card."""
    people = [m for each in call.find("card", ref)["idMembers"] if (m := call.view.member_by_id(each))]
    return [pick(m, call.params.get("fields"), ("fullName", "username", "initials")) for m in people]


@on("POST", "/cards/<ref>/idMembers", "/cards/<ref>/members")
def post_card_member(call: Call, ref: str) -> list[Doc]:
    """One member more."""
    effects.add_to_set(call.db, call.me, call.find("card", ref), "idMembers", call.params)
    return get_card_members(replace(call, params={}), ref)


@on("DELETE", "/cards/<ref>/idMembers/<member>")
def delete_card_member(call: Call, ref: str, member: str) -> list[Doc]:
    """One member less."""
    effects.take_from_set(call.db, call.me, call.find("card", ref), "idMembers", member)
    return get_card_members(call, ref)


@on("GET", "/cards/<ref>/list")
def get_card_list(call: Call, ref: str) -> Doc:
    """The list that a card lies in."""
    return get_list(call, call.find("card", ref)["idList"])


@on("GET", "/cards/<ref>/actions")
def get_card_actions(call: Call, ref: str) -> list[Doc]:
    """What happened to a card; comments and moves unless told otherwise (api-group-cards)."""
    docs = call.db.all("action", parent=call.find("card", ref)["id"])
    return call.view.actions(docs, {"filter": "commentCard,updateCard:idList", **call.params})


@on("POST", "/cards/<ref>/actions/comments")
def post_comment(call: Call, ref: str) -> Doc:
    """A comment."""
    return call.view.action(effects.comment(call.db, call.me, call.find("card", ref), call.params))


@on("PUT", "/cards/<ref>/actions/<action>/comments")
def put_comment(call: Call, ref: str, action: str) -> Doc:
    """A comment's text."""
    call.find("card", ref)
    return put_action(call, action)


@on("DELETE", "/cards/<ref>/actions/<action>/comments")
def delete_comment(call: Call, ref: str, action: str) -> Doc:
    """A comment, for good."""
    call.find("card", ref)
    return delete_action(call, action)


@on("GET", "/cards/<ref>/attachments")
def get_attachments(call: Call, ref: str) -> list[Doc]:
    """A card's attachments."""
    shown = call.view.full_card(
        call.find("card", ref), {"attachments": "true", "attachment_fields": call.params.get("fields")}
    )
    return list(shown["attachments"])


@on("POST", "/cards/<ref>/attachments")
def post_attachment(call: Call, ref: str) -> Doc:
    """A new attachment, by address or as a file."""
    made = effects.attach(call.db, call.me, call.find("card", ref), call.params, call.upload)
    return call.view.attachment(made)


@on("GET", "/cards/<ref>/attachments/<attachment>")
def get_attachment(call: Call, ref: str, attachment: str) -> Doc:
    """One attachment."""
    call.find("card", ref)
    return pick(call.view.attachment(call.find("attachment", attachment)), call.params.get("fields"))


@on("DELETE", "/cards/<ref>/attachments/<attachment>")
def delete_attachment(call: Call, ref: str, attachment: str) -> Doc:
    """An attachment, for good."""
    effects.detach(call.db, call.find("card", ref), attachment)
    return {"limits": {}}


# -------------------------------------------------------------------------------------------- checklists


@on("GET", "/cards/<ref>/checklists")
def get_card_checklists(call: Call, ref: str) -> list[Doc]:
    """A card's checklists."""
    found = call.view.checklists(card=call.find("card", ref)["id"])
    return [pick(each, call.params.get("fields")) for each in found]


@on("POST", "/cards/<ref>/checklists")
def post_card_checklist(call: Call, ref: str) -> Doc:
    """A new checklist."""
    return call.view.checklist(effects.create_checklist(call.db, call.find("card", ref), call.params))


@on("POST", "/checklists")
def post_checklist(call: Call) -> Doc:
    """A new checklist."""
    ref = str(call.params.get("idCard") or "")
    if not ref or call.db.get("card", ref) is None:
        raise values.invalid("idCard")
    return post_card_checklist(call, ref)


@on("GET", "/checklists/<ref>")
def get_checklist(call: Call, ref: str) -> Doc:
    """A checklist."""
    return pick(call.view.checklist(call.find("checklist", ref)), call.params.get("fields"))


@on("PUT", "/checklists/<ref>")
def put_checklist(call: Call, ref: str) -> Doc:
    """Some fields of a checklist."""
    return call.view.checklist(effects.update_checklist(call.db, call.find("checklist", ref), call.params))


@on("GET", "/checklists/<ref>/<field>")
def get_checklist_field(call: Call, ref: str, field: str) -> Any:  # noqa: ANN401  whatever the field is
    """One field of a checklist."""
    return single(call.view.checklist(call.find("checklist", ref)), field)


@on("PUT", "/checklists/<ref>/<field>")
def put_checklist_field(call: Call, ref: str, field: str) -> Doc:
    """One field of a checklist."""
    return put_checklist(_only(call, "checklist", field), ref)


@on("DELETE", "/checklists/<ref>")
def delete_checklist(call: Call, ref: str) -> Doc:
    """A checklist, for good."""
    effects.delete_checklist(call.db, call.find("checklist", ref))
    return {"limits": {}}


@on("DELETE", "/cards/<ref>/checklists/<checklist>")
def delete_card_checklist(call: Call, ref: str, checklist: str) -> Doc:
    """A checklist, by way of its card."""
    call.find("card", ref)
    return delete_checklist(call, checklist)


@on("POST", "/checklists/<ref>/checkItems")
def post_check_item(call: Call, ref: str) -> Doc:
    """One line more."""
    checklist = call.find("checklist", ref)
    return call.view.check_item(checklist["id"], effects.add_check_item(call.db, checklist, call.params))


@on("GET", "/checklists/<ref>/checkItems/<item>")
def get_check_item(call: Call, ref: str, item: str) -> Doc:
    """One line."""
    lines: list[Doc] = call.view.checklist(call.find("checklist", ref))["checkItems"]
    found = next((line for line in lines if line["id"] == values.reference(item)), None)
    if found is None:
        raise values.missing()
    return found


@on("DELETE", "/checklists/<ref>/checkItems/<item>")
def delete_check_item(call: Call, ref: str, item: str) -> Doc:
    """One line less."""
    effects.delete_check_item(call.db, call.find("checklist", ref), item)
    return {"limits": {}}


@on("GET", "/cards/<ref>/checkItem/<item>")
def get_card_check_item(call: Call, ref: str, item: str) -> Doc:
    """One line of any checklist of a card."""
    checklist, line = effects.find_check_item(call.db, call.find("card", ref), item)
    return call.view.check_item(checklist["id"], line)


@on("PUT", "/cards/<ref>/checkItem/<item>", "/cards/<ref>/checklist/<checklist>/checkItem/<item>")
def put_card_check_item(call: Call, ref: str, item: str, checklist: str = "") -> Doc:
    """A line's text, state or place."""
    if checklist:
        call.find("checklist", checklist)
    changed = effects.update_check_item(call.db, call.me, call.find("card", ref), item, call.params)
    return call.view.check_item(changed["idChecklist"], changed)


@on("DELETE", "/cards/<ref>/checkItem/<item>")
def delete_card_check_item(call: Call, ref: str, item: str) -> Doc:
    """One line less, by way of its card."""
    checklist, _ = effects.find_check_item(call.db, call.find("card", ref), item)
    return delete_check_item(call, checklist["id"], item)


# ----------------------------------------------------------------------------------------- custom fields


@on("GET", "/boards/<ref>/customFields")
def get_custom_fields(call: Call, ref: str) -> list[Doc]:
    """The custom fields that a board defines."""
    return call.view.custom_fields(call.board(ref)["id"])


@on("POST", "/customFields")
def post_custom_field(call: Call) -> Doc:
    """A new custom field of a board."""
    return custom.definition(custom.create(call.db, call.me, call.params))


@on("GET", "/customFields/<ref>")
def get_custom_field(call: Call, ref: str) -> Doc:
    """A custom field."""
    return custom.definition(call.find("customField", ref))


@on("PUT", "/customFields/<ref>")
def put_custom_field(call: Call, ref: str) -> Doc:
    """A custom field's name."""
    return custom.definition(custom.update(call.db, call.find("customField", ref), call.params))


@on("DELETE", "/customFields/<ref>")
def delete_custom_field(call: Call, ref: str) -> Doc:
    """A custom field, and what all cards say of it."""
    custom.delete(call.db, call.find("customField", ref))
    return {"limits": {}}


@on("GET", "/customFields/<ref>/options")
def get_custom_field_options(call: Call, ref: str) -> list[Doc]:
    """The options of a list."""
    return list(call.find("customField", ref)["options"])


@on("POST", "/customFields/<ref>/options")
def post_custom_field_option(call: Call, ref: str) -> Doc:
    """One option more."""
    return custom.add_option(call.db, call.find("customField", ref), call.params)


@on("GET", "/cards/<ref>/customFieldItems")
def get_custom_field_items(call: Call, ref: str) -> list[Doc]:
    """What a card says of its custom fields."""
    return list(custom.items(call.find("card", ref)))


@on("PUT", "/cards/<ref>/customField/<field>/item")
def put_custom_field_item(call: Call, ref: str, field: str) -> Doc:
    """What a card says of one custom field."""
    return custom.set_value(call.db, call.find("card", ref), call.find("customField", field), call.params)


# ----------------------------------------------------------------------------------------------- actions


@on("GET", "/actions/<ref>")
def get_action(call: Call, ref: str) -> Doc:
    """Something that happened."""
    return pick(call.view.action(call.find("action", ref)), call.params.get("fields"))


@on("PUT", "/actions/<ref>")
def put_action(call: Call, ref: str) -> Doc:
    """A comment's text."""
    return call.view.action(effects.edit_comment(call.db, call.find("action", ref), call.params))


@on("PUT", "/actions/<ref>/text")
def put_action_text(call: Call, ref: str) -> Doc:
    """A comment's text, as `value`."""
    return put_action(replace(call, params={"text": call.params.get("value")}), ref)


@on("DELETE", "/actions/<ref>")
def delete_action(call: Call, ref: str) -> Doc:
    """A comment, for good."""
    effects.delete_comment(call.db, call.find("action", ref))
    return {"_value": None}


# --------------------------------------------------------------------------------------- members, tokens


@on("GET", "/members/<ref>")
def get_member(call: Call, ref: str) -> Doc:
    """A member."""
    return pick(call.view.member(_member(call, ref)), call.params.get("fields"))


@on("GET", "/members/<ref>/<field>")
def get_member_field(call: Call, ref: str, field: str) -> Any:  # noqa: ANN401  whatever the field is
    """One field of a member; an empty list for what the sandbox does not keep."""
    member = _member(call, ref)
    return [] if field in ("organizations", "notifications") else single(call.view.member(member), field)


@on("GET", "/members/<ref>/boards", "/members/<ref>/boards/<which>")
def get_member_boards(call: Call, ref: str, which: str = "") -> list[Doc]:
    """The boards that a member is on."""
    member = _member(call, ref)["id"]
    which = which or str(call.params.get("filter") or "all")
    states = {"all": (True, False), "open": (False,), "closed": (True,)}
    if which not in states:
        raise values.invalid("filter")
    boards = [b for b in call.db.all("board") if member in effects.member_ids(b) and b["closed"] in states[which]]
    inner = {k: v for k, v in call.params.items() if k in ("lists", "fields")}
    return [call.view.full_board(board, {"fields": "all", **inner}) for board in boards]


@on("GET", "/members/<ref>/cards", "/members/<ref>/cards/<which>")
def get_member_cards(call: Call, ref: str, which: str = "") -> list[Doc]:
    """The cards that a member is on."""
    member = _member(call, ref)["id"]
    cards = [card for card in call.db.all("card") if member in card["idMembers"]]
    return call.view.cards(cards, call.params, which or str(call.params.get("filter") or "visible"))


@on("GET", "/tokens/<token>")
def get_token(call: Call, token: str) -> Doc:
    """What a token may do; its own value is not repeated."""
    del token
    everything = [{"idModel": "*", "modelType": kind, "read": True, "write": True} for kind in ("Board", "Member")]
    return {
        "id": "0" * 24,
        "identifier": "mi-sync sandbox",
        "idMember": call.me,
        "dateCreated": values.stamp(call.db.now),
        "dateExpires": None,
        "permissions": everything,
    }


@on("GET", "/tokens/<token>/member")
def get_token_member(call: Call, token: str) -> Doc:
    """Whose token it is."""
    del token
    return get_member(call, call.me)


@on("GET", "/tokens/<token>/webhooks")
def get_token_webhooks(call: Call, token: str) -> list[Doc]:
    """None: webhooks are beyond the sandbox."""
    del call, token
    return []


# ------------------------------------------------------------------------------------------------- batch


@on("GET", "/batch")
def get_batch(call: Call) -> list[Doc]:
    """Up to ten GETs, answered in their order as `{"200": …}` or `{"<code>": …}` (api-group-batch)."""
    urls = [unquote(url) for url in str(call.params.get("urls") or "").split(",") if url]
    if not 1 <= len(urls) <= 10 or any(url.startswith("/batch") for url in urls):
        raise values.invalid("urls")
    return [_answer(call, url) for url in urls]


def _answer(call: Call, url: str) -> Doc:
    parts = urlsplit(url)
    inner = replace(call, params=dict(parse_qsl(parts.query, keep_blank_values=True)))
    try:
        if call.dispatch is None:
            raise values.missing()
        return {"200": call.dispatch(inner, parts.path)}
    except ApiError as error:
        return {str(error.status): {"name": "Error", "message": error.text, "statusCode": error.status}}


# ------------------------------------------------------------------------------------------------ shared


def _only(call: Call, kind: str, field: str, *more: str) -> Call:
    """The call `PUT …/{field}` with `value`, as one that names the field."""
    if field not in effects.WRITES[kind] and field not in more:
        raise values.missing()
    rest = {name: value for name, value in call.params.items() if name != "value"}
    return replace(call, params={**rest, field: call.params.get("value", "")})


def _board_param(call: Call) -> str:
    ref = str(call.params.get("idBoard") or "")
    if call.db.get("board", ref) is None:
        raise values.invalid("idBoard")
    return ref


def _member(call: Call, ref: str) -> Doc:
    """A member by id, username, or `me`."""
    return effects.member_named(call.db, call.me if ref == "me" else ref)
