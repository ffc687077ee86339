"""A local Asana: the part of its REST API that clients commonly use, stateful in a file, with a page of the project.

It behaves as Asana was documented or seen to behave, and each behaviour names its source: "spec" is Asana's own
OpenAPI document (Asana/openapi, defs/asana_oas.yaml), docs/… are pages below developers.asana.com, forum/… are reports
below forum.asana.com/t. Where nothing is known it is the stricter of two guesses. Events, webhooks, search, typeahead,
teams, portfolios, goals, duplication and uploaded files are beyond it: their paths are unknown to it. So is the cost
limit, which depends on figures that Asana does not publish.
"""

from __future__ import annotations

from mi_sync.connector import Context, Sandbox, SandboxApp, SandboxOptions
from mi_sync_asana import AsanaConfig


def _open(options: SandboxOptions) -> SandboxApp:
    from mi_sync_asana.sandbox.app import create_app
    from mi_sync_asana.sandbox.gate import TOKEN
    from mi_sync_asana.sandbox.seed import PROJECT

    return SandboxApp(
        wsgi=create_app(options),
        control="/asana/control",
        page=f"/0/{PROJECT}",
        settings={
            "project": PROJECT,
            "token": {"env": "MI_SYNC_SANDBOX_ASANA_TOKEN"},
            "api_url": f"{options.base_url}/api/1.0",
        },
        environ={"MI_SYNC_SANDBOX_ASANA_TOKEN": TOKEN},
    )


def _rehearse(settings: AsanaConfig, context: Context, options: SandboxOptions) -> SandboxApp:
    from mi_sync_asana.sandbox.rehearsal import rehearse

    return rehearse(settings, context, options)


sandbox = Sandbox(
    name="asana",
    summary="a local Asana with a page of its project",
    prefixes=("/api/1.0", "/0", "/asana"),
    open=_open,
    order=2,
    rehearse=_rehearse,
)
