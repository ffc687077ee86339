"""The sandbox's own remote control: `/trello/faults`.

`GET` lists the faults in force, `POST` adds one (the fields of `Fault` as a JSON object), `DELETE` ends all.
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request
from pydantic import ValidationError

from mi_sync_trello.sandbox.faults import Fault, Faults


def blueprint(faults: Faults) -> Blueprint:
    """The routes that control these faults."""
    made = Blueprint("control", __name__)

    @made.get("/trello/faults")
    def listed() -> Response:
        return jsonify(faults.listed())

    @made.post("/trello/faults")
    def added() -> tuple[Response, int]:
        # Only JSON, which a web page of somebody else cannot post here without being asked for its origin.
        if not request.is_json:
            return jsonify(error="send a JSON object, with Content-Type: application/json"), 415
        try:
            faults.add(Fault.model_validate_json(request.get_data()))
        except ValidationError as error:
            return jsonify(error=_problems(error)), 400
        return jsonify(faults.listed()), 201

    @made.delete("/trello/faults")
    def cleared() -> Response:
        faults.clear()
        return jsonify(faults.listed())

    return made


def _problems(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in found)
