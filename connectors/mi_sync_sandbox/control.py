"""A sandbox's own remote control: `/<tool>/faults`.

`GET` lists the faults in force, `POST` adds one (the fields of `Fault` as a JSON object), `DELETE` ends all.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from flask import Blueprint, Response, jsonify, request
from pydantic import ValidationError

from mi_sync_sandbox.faults import COMMON, Fault, Faults, Kind


def blueprint(home: str, faults: Faults, kinds: AbstractSet[Kind] = COMMON) -> Blueprint:
    """The routes that control these faults.

    Args:
        home: the path above them, such as /trello.
        faults: those in force.
        kinds: the ones that this tool has.
    """
    made = Blueprint("control", __name__, url_prefix=home)

    @made.get("/faults")
    def listed() -> Response:
        return jsonify(faults.listed())

    @made.post("/faults")
    def added() -> tuple[Response, int]:
        # Only JSON, which a web page of somebody else cannot post here without being asked for its origin.
        if not request.is_json:
            return jsonify(error="send a JSON object, with Content-Type: application/json"), 415
        try:
            fault = Fault.model_validate_json(request.get_data())
        except ValidationError as error:
            return jsonify(error=_problems(error)), 400
        if fault.kind not in kinds:
            return jsonify(error=f"kind: there is no {fault.kind} here; there are {', '.join(sorted(kinds))}"), 400
        faults.add(fault)
        return jsonify(faults.listed()), 201

    @made.delete("/faults")
    def cleared() -> Response:
        faults.clear()
        return jsonify(faults.listed())

    return made


def _problems(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in found)
