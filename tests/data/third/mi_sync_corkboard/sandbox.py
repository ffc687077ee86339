"""A local Corkboard: a board is one JSON file, and this is its whole API, below /corkboard/v1/boards/ID.

    GET          the board: id, name, url, columns, people
    POST         /columns      a new column: name
    GET          /notes        the newest notes, at most 200 of them; with `before`, those that are older than that id
    POST         /notes        a new note, at the bottom of its column
    GET, PUT     /notes/ID     one note; what is put is changed, and the rest stays

A refusal has a status from 400 on and says why: {"error": "…"}. Every request has the header `Authorization: Bearer …`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, abort, jsonify, render_template_string, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from mi_sync.connector import Sandbox, SandboxApp, SandboxOptions
from mi_sync_corkboard import CAPABILITIES

HOME, BOARD, TOKEN = "/corkboard", "DEMO", "corkboard-token"
LONGEST = {"title": CAPABILITIES.max_title, "text": CAPABILITIES.max_body}

_PEOPLE = [
    {"id": "kim", "name": "Kim", "email": "kim@example.org"},
    {"id": "lee", "name": "Lee", "email": "lee@example.org"},
]
_NOTE = {"title": "", "text": "", "due": None, "done": False, "archived": False, "person": None}
_SHOWN = """\
<!doctype html><title>{{ name }}</title><h1>{{ name }}</h1>
{% for column in columns %}<h2>{{ column }}</h2><ul>{% for note in notes.values() if note.column == column %}
<li id="{{ note.id }}">{{ note.title }}{% if note.due %}, due {{ note.due }}{% endif %}
{%- if note.done %}, done{% endif %}{% if note.archived %}, archived{% endif %}<pre>{{ note.text }}</pre></li>
{% endfor %}</ul>{% endfor %}"""


class Cork:
    """A board and its notes, kept in a file; one change at a time."""

    page_size = 200

    def __init__(self, path: Path, base_url: str) -> None:
        self._path, self._url, self._lock = path, f"{base_url}{HOME}", threading.RLock()
        self._new = {"id": BOARD, "name": "Demo", "url": self._url, "columns": [], "people": _PEOPLE, "notes": {}}
        self.board: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else self._new

    @property
    def notes(self) -> dict[str, dict[str, Any]]:
        """The notes by id, oldest first."""
        notes: dict[str, dict[str, Any]] = self.board["notes"]
        return notes

    @contextmanager
    def changing(self) -> Iterator[None]:
        """What happens in this context is kept, unless it fails."""
        with self._lock:
            yield
            partial = self._path.with_suffix(".partial")
            partial.write_text(json.dumps(self.board), "utf-8")
            partial.replace(self._path)

    def add_column(self, name: str) -> None:
        """A new column, on the right."""
        with self.changing():
            if name in self.board["columns"]:
                abort(409, "there is a column of this name")
            self.board["columns"].append(name)

    def pin(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """A new note."""
        with self.changing():
            id_ = f"{int(max(self.notes, default='0')) + 1:06}"
            note = {**_NOTE, "column": None, "id": id_, "url": f"{self._url}#{id_}", "place": int(id_)}
            self._set(note, given)
            self.notes[id_] = note
        return note

    def change(self, id_: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Other fields for a note."""
        with self.changing():
            self._set(self.note(id_), given)
        return self.note(id_)

    def note(self, id_: str) -> dict[str, Any]:
        """One note."""
        return self.notes.get(id_) or abort(404, "there is no such note")

    def _set(self, note: dict[str, Any], given: Mapping[str, Any]) -> None:
        for name, most in LONGEST.items():
            if len(given.get(name, "")) > most:
                abort(422, f"{name} has more than {most} characters")
        if given.get("column", note["column"]) not in self.board["columns"]:
            abort(422, "there is no such column")
        if unknown := given.keys() - note.keys():
            abort(422, f"a note has no {min(unknown)}")
        note.update(given)


def create_app(cork: Cork) -> Flask:
    """The API, and a page for people."""
    app = Flask(__name__)
    app.register_blueprint(_api(cork))

    @app.get(HOME)
    def page() -> str:
        return render_template_string(_SHOWN, **cork.board)

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> ResponseReturnValue:
        return jsonify(error=error.description), error.code or 500

    return app


def _api(cork: Cork) -> Blueprint:
    api = Blueprint("api", __name__, url_prefix=f"{HOME}/v1/boards/{BOARD}")

    @api.before_request
    def authorised() -> None:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            abort(401, "this token is not known")

    @api.get("")
    def board() -> ResponseReturnValue:
        return jsonify({name: value for name, value in cork.board.items() if name != "notes"})

    @api.post("/columns")
    def column() -> ResponseReturnValue:
        cork.add_column(request.get_json()["name"])
        return jsonify(request.get_json()), 201

    @api.get("/notes")
    def notes() -> ResponseReturnValue:
        before = request.args.get("before", "~")  # comes after every digit
        return jsonify([note for id_, note in reversed(cork.notes.items()) if id_ < before][: cork.page_size])

    @api.post("/notes")
    def pin() -> ResponseReturnValue:
        return jsonify(cork.pin(request.get_json())), 201

    @api.get("/notes/<id_>")
    def note(id_: str) -> ResponseReturnValue:
        return jsonify(cork.note(id_))

    @api.put("/notes/<id_>")
    def change(id_: str) -> ResponseReturnValue:
        return jsonify(cork.change(id_, request.get_json()))

    return api


def _open(options: SandboxOptions) -> SandboxApp:
    options.state.mkdir(parents=True, exist_ok=True)
    cork = Cork(options.state / "corkboard.json", options.base_url)
    return SandboxApp(
        wsgi=create_app(cork),
        page=HOME,
        settings={
            "board": BOARD,
            "token": {"env": "CORKBOARD_TOKEN"},
            "api_url": f"{options.base_url}{HOME}/v1",
        },
        environ={"CORKBOARD_TOKEN": TOKEN},
    )


sandbox = Sandbox(name="corkboard", summary="a local Corkboard with a page of its board", prefixes=(HOME,), open=_open)
