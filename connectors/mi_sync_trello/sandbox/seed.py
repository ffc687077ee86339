"""What a new sandbox holds: one board and a few invented people."""

from __future__ import annotations

from mi_sync_sandbox.store import Store
from mi_sync_trello.sandbox import effects

BOARD = "DEMO2026"
"""The short link of the first board."""

LISTS = ("To Do", "Doing", "Done")

PEOPLE = {
    "kim_duarte": "Kim Duarte",
    "amara_osei": "Amara Osei",
    "jonas_lind": "Jonas Lind",
    "priya_nair": "Priya Nair",
}
"""Username and full name of a coordinator and three supervisors, all of them on the board."""

GUEST = "guest"
"""Somebody who has a token and is on no board."""


def seed(store: Store) -> None:
    """Fills a sandbox that is new; one that was opened before stays as it is."""
    with store.transaction() as db:
        if db.all("member"):
            return
        me = effects.ensure_member(db, "Sandbox Coordinator", effects.OWNER)["id"]
        effects.ensure_member(db, "Guest", GUEST)
        named = {"name": "Spring 2026 micro-internships", "defaultLists": False}
        board = effects.create_board(db, me, named, BOARD)
        for name in LISTS:
            effects.create_list(db, me, board, {"name": name, "pos": "bottom"})
            board = effects.fetch(db, "board", BOARD)
        for username, full_name in PEOPLE.items():
            member = effects.ensure_member(db, full_name, username)
            board = effects.join_board(db, board, member["id"])
