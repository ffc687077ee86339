"""A local Trello: the part of its REST API that clients commonly use, stateful in a file, with a page of the board.

It behaves as Trello was documented or seen to behave, and each behaviour names its source. Where nothing is known it
is the stricter of two guesses. Webhooks, custom fields, Power-Ups, organisations and search are beyond it.
"""

from __future__ import annotations

from mi_sync.connector import Context, Sandbox, SandboxApp, SandboxOptions
from mi_sync_trello import TrelloConfig


def _open(options: SandboxOptions) -> SandboxApp:
    from mi_sync_trello.sandbox.app import create_app
    from mi_sync_trello.sandbox.gate import KEY, TOKEN
    from mi_sync_trello.sandbox.seed import BOARD

    return SandboxApp(
        wsgi=create_app(options),
        control="/trello/control",
        page=f"/b/{BOARD}",
        settings={
            "board": BOARD,
            "key": {"env": "MI_SYNC_SANDBOX_KEY"},
            "token": {"env": "MI_SYNC_SANDBOX_TOKEN"},
            "api_url": f"{options.base_url}/1",
        },
        environ={"MI_SYNC_SANDBOX_KEY": KEY, "MI_SYNC_SANDBOX_TOKEN": TOKEN},
    )


def _rehearse(settings: TrelloConfig, context: Context, options: SandboxOptions) -> SandboxApp:
    from mi_sync_trello.sandbox.rehearsal import rehearse

    return rehearse(settings, context, options)


sandbox = Sandbox(
    name="trello",
    summary="a local Trello with a page of its board",
    prefixes=("/1", "/b", "/c", "/trello"),
    open=_open,
    order=1,
    rehearse=_rehearse,
)
