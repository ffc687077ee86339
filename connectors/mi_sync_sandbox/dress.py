"""What every page for a browser has in common: it takes nothing from elsewhere, and nothing from elsewhere uses it."""

from __future__ import annotations

import secrets

from flask import Blueprint, Response, g


def dressed(made: Blueprint, *, forms: bool = False) -> Blueprint:
    """The same routes, answered under a policy that lets no script or style but the page's own in.

    With `forms`, pages may post to where they come from. Then they also say so: without a referrer a browser calls
    the origin of a form "null", as it does for one from elsewhere.
    """

    def before() -> None:
        g.nonce = secrets.token_urlsafe(16)

    def after(reply: Response) -> Response:
        own, posts = f"'nonce-{g.nonce}'", "'self'" if forms else "'none'"
        reply.headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src {own}; style-src {own}; connect-src 'self'; "
            f"base-uri 'none'; form-action {posts}; frame-ancestors 'none'"
        )
        reply.headers["X-Content-Type-Options"] = "nosniff"
        reply.headers["Referrer-Policy"] = "same-origin" if forms else "no-referrer"
        reply.headers["Cache-Control"] = "no-store"
        return reply

    made.before_request(before)
    made.after_request(after)
    return made
