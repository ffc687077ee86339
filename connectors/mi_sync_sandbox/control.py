"""A sandbox's own remote control, for programs: `/<tool>/faults` and `/<tool>/rates`.

Of faults, `GET` lists those in force, `POST` adds one (the fields of `Fault` as a JSON object), `DELETE` ends all. Of
rate limits, `GET` lists them, `PUT` turns some: `{"token": 20}`, or null for the tool's own number.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from flask import Blueprint, Response, jsonify, request
from pydantic import ValidationError

from mi_sync_sandbox.faults import Fault, Faults, Kind
from mi_sync_sandbox.journal import Journal
from mi_sync_sandbox.rates import Rates


@dataclass(frozen=True, slots=True)
class Levers:
    """What can be done to one tool while it runs, and what it was asked.

    Attributes:
        faults: those in force.
        kinds: the ones that this tool has.
        rates: its rate limits.
        journal: its latest requests.
    """

    faults: Faults
    kinds: AbstractSet[Kind]
    rates: Rates
    journal: Journal

    def throw(self, given: object) -> None:
        """Puts a fault in force: the fields of `Fault`, as JSON or as a form gives them.

        Raises:
            ValueError: they make none, or none that this tool has.
        """
        try:
            fault = Fault.model_validate(given)
        except ValidationError as error:
            raise ValueError(_problems(error)) from None
        if fault.kind not in self.kinds:
            raise ValueError(f"kind: there is no {fault.kind} here; there are {', '.join(sorted(self.kinds))}")
        self.faults.add(fault)


def blueprint(home: str, levers: Levers) -> Blueprint:
    """The routes that work them, below the path `home`, such as /trello.

    A change is JSON alone, which a web page of somebody else cannot send here without being asked for its origin.
    """
    made = Blueprint("control", __name__, url_prefix=home)

    @made.get("/faults")
    def listed() -> Response:
        return jsonify(levers.faults.listed())

    @made.post("/faults")
    def added() -> tuple[Response, int]:
        if not request.is_json:
            return _no_json()
        try:
            levers.throw(request.get_json(silent=True))
        except ValueError as error:
            return jsonify(error=str(error)), 400
        return jsonify(levers.faults.listed()), 201

    @made.delete("/faults")
    def cleared() -> Response:
        levers.faults.clear()
        return jsonify(levers.faults.listed())

    @made.get("/rates")
    def rates() -> Response:
        return jsonify(levers.rates.listed())

    @made.put("/rates")
    def turned() -> tuple[Response, int]:
        given = request.get_json(silent=True) if request.is_json else None
        if not isinstance(given, dict):
            return _no_json()
        try:
            levers.rates.turn(given)
        except ValueError as error:
            return jsonify(error=str(error)), 400
        return jsonify(levers.rates.listed()), 200

    return made


def _no_json() -> tuple[Response, int]:
    return jsonify(error="send a JSON object, with Content-Type: application/json"), 415


def _problems(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in found)
