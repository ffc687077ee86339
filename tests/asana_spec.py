"""Requests and replies, held against Asana's own OpenAPI document.

The document's copy is `data/asana_oas.json`. It is stricter here than it says itself: a property that it does not name
is wrong, as is a field of `opt_fields` that no schema has.

Two exceptions are known. `memberships` is marked as read-only, though its text says that creation takes it, with gids
where reading shows objects. The values of `custom_fields` are said to be text, though each type has its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator, oas30_format_checker
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Request

Json = Any

_DOCUMENT = Path(__file__).parent / "data" / "asana_oas.json"
_MEMBERSHIPS: Json = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["project"],
        "properties": {"project": {"type": "string"}, "section": {"type": "string"}},
        "additionalProperties": False,
    },
}
_CUSTOM_FIELDS: Json = {"type": "object", "additionalProperties": {}}
_REFUSALS = {400, 401, 402, 403, 404, 412, 429, 451, 500, 502, 503, 504}
"""Every operation may answer with one of them, whatever the document lists for it."""

SDK_HABITS = re.compile(
    r"\S+ \S+: (query: (limit|body): not a parameter of this operation|body: this operation takes none)"
)
"""What Asana's own clients say beside the document, in every language, because all come from one generator.

They ask every listing for pages, repeat an optional body in the address, and send `{}` where nothing is wanted.
"""


class NotInSpec(AssertionError):
    """A request or a reply that the document does not allow; the message says where and why."""


def check_request(method: str, path: str, query: Mapping[str, str] | None = None, body: Json = None) -> None:
    """Holds a request against the document; a batch with all its actions.

    Args:
        method: in any case.
        path: below /api/1.0, without a query.
        query: the parameters of the address.
        body: the JSON of the body, or the fields of a form; None for no body.

    Raises:
        NotInSpec: there is no such operation, or it takes no such parameter or body.
    """
    operation = _operation(method, path)
    problems = [*_query_problems(operation, query or {}), *_body_problems(operation, body)]
    _raise(problems, f"{method.upper()} {path}")
    for action in body["data"]["actions"] if path == "/batch" else ():
        options = action.get("options") or {}
        inner = {name: str(value) for name, value in options.items() if name != "fields"}
        inner |= {"opt_fields": ",".join(options["fields"])} if options.get("fields") else {}
        data = action.get("data")
        if action["method"] == "get":
            check_request("get", action["relative_path"], {**inner, **(data or {})})
        else:
            check_request(action["method"], action["relative_path"], inner, None if data is None else {"data": data})


def check_reply(method: str, path: str, status: int, body: Json) -> None:
    """Holds the JSON of a reply against the document.

    Raises:
        NotInSpec: the operation has no reply of that status, or its JSON is of another shape.
    """
    operation = _operation(method, path)
    where = f"{status} for {method.upper()} {path}"
    if status in _REFUSALS:
        _raise(_problems({"$ref": "#/components/schemas/ErrorResponse"}, body, OAS30ReadValidator), where)
        return
    if str(status) not in operation["responses"]:
        raise NotInSpec(f"{where}: the document has {', '.join(operation['responses'])}")
    schema = operation["responses"][str(status)]["content"]["application/json"]["schema"]
    _raise(_problems(schema, body, OAS30ReadValidator), where)


def _raise(problems: list[str], where: str) -> None:
    if problems:
        raise NotInSpec(f"{where}: {'; '.join(problems)}")


class Judged:
    """A WSGI application whose every request and reply below a path is held against the document.

    Requests that the application refuses are not judged, only its refusals: what is wrong may be sent on purpose.

    Args:
        app: the application.
        prefix: the path below which the API lies.
    """

    def __init__(self, app: Callable[..., Any], prefix: str = "/api/1.0") -> None:
        self._app = app
        self._prefix = prefix
        self.judged: list[tuple[str, str]] = []
        self.problems: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """One request."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, headers, reply = _run(self._app, {**environ, "wsgi.input": BytesIO(body)})
        path = urlsplit(environ.get("REQUEST_URI") or environ["PATH_INFO"]).path
        if path.startswith(f"{self._prefix}/"):
            try:
                self._judge(environ, path.removeprefix(self._prefix), body, int(status.split()[0]), reply)
            except NotInSpec as problem:
                self.problems.append(str(problem))
        start_response(status, headers)
        return [reply]

    def _judge(self, environ: Mapping[str, Any], path: str, body: bytes, status: int, reply: bytes) -> None:
        method = environ["REQUEST_METHOD"]
        self.judged.append((method, path))
        if status < 300:
            query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
            is_json = environ.get("CONTENT_TYPE", "").startswith("application/json")
            form = _form(environ, body) if body and not is_json else None
            check_request(method, path, query, json.loads(body) if body and is_json else form)
        check_reply(method, path, status, json.loads(reply))


def _run(app: Callable[..., Any], environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    chunks, status, headers = run_wsgi_app(app, environ, buffered=True)
    return status, list(headers), b"".join(chunks)


def _form(environ: Mapping[str, Any], body: bytes) -> Json:
    return Request({**environ, "wsgi.input": BytesIO(body)}).form.to_dict()


def strict_document(known: Mapping[str, str | None]) -> Json:
    """The document as it is read here, for whoever makes requests from it.

    Things have no other property than those that it names, every body has its `data`, and refusals are among the
    replies. `offset` is left out, because only the reply before can tell one.

    Args:
        known: by name of a path's or query's parameter, or of a text in a body or of a list of them, the only value
            to be sent for it; None leaves it out.
    """
    paths = json.loads(json.dumps(_document()["paths"]))
    for item in paths.values():
        for operation in (each for each in item.values() if isinstance(each, dict)):
            parameters = [*item.get("parameters", []), *operation.get("parameters", [])]
            operation["parameters"] = [_known_parameter(_parameter(each), known) for each in parameters]
            operation["parameters"] = [each for each in operation["parameters"] if each["name"] != "offset"]
            for content in operation.get("requestBody", {}).get("content", {}).values():
                content["schema"] = _known_body(_merged(_followed(content["schema"])), known)
            for content in (inner for reply in operation["responses"].values() for inner in reply["content"].values()):
                content["schema"] = _merged(content["schema"])
            operation["responses"] |= {str(status): _REFUSED for status in sorted(_REFUSALS) if status < 500}
        item.pop("parameters", None)
    info = {"title": "Asana", "version": "1.0"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": _components()}


_REFUSED: Json = {
    "description": "a refusal",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}},
}


def _known_parameter(parameter: Json, known: Mapping[str, str | None]) -> Json:
    name = parameter["name"]
    if name == "opt_fields":
        return {**parameter, "schema": {"type": "array", "items": {"enum": ["gid", "resource_type"]}}}
    return {**parameter, "schema": {"enum": [known[name]]}} if name in known else parameter


def _known_value(schema: Json, value: str | None) -> Json:
    if value is None or schema.get("type") not in {"string", "array"}:
        return schema
    return {"enum": [value]} if schema["type"] == "string" else {"type": "array", "items": {"enum": [value]}}


def _known_body(schema: Json, known: Mapping[str, str | None]) -> Json:
    data = schema.get("properties", {}).get("data")
    if data is None:
        return schema
    whole = _merged(_followed(data))
    properties = {
        name: _known_value(each, known.get(name))
        for name, each in whole.get("properties", {}).items()
        if not each.get("readOnly") and known.get(name, "") is not None
    }
    return {**schema, "required": ["data"], "properties": {"data": {**whole, "properties": properties}}}


# ------------------------------------------------------------------------------------------ the document


@cache
def _document() -> Json:
    whole = json.loads(_DOCUMENT.read_text("utf-8"))
    schemas = whole["components"]["schemas"]
    for name, fixed in (
        ("TaskCreateRequest", {"memberships": _MEMBERSHIPS, "custom_fields": _CUSTOM_FIELDS}),
        ("TaskUpdateRequest", {"custom_fields": _CUSTOM_FIELDS}),
    ):
        schemas[name]["allOf"].append({"type": "object", "properties": fixed})
    return whole


@cache
def _operation(method: str, path: str) -> Json:
    for template, item in _document()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) and method.lower() in item:
            found = item[method.lower()]
            return {**found, "parameters": [*item.get("parameters", []), *found.get("parameters", [])]}
    raise NotInSpec(f"{method.upper()} {path}: there is no such operation in {_DOCUMENT.name}")


def _schema(name: str) -> Json:
    return _document()["components"]["schemas"].get(name)


def _name(node: Json) -> str:
    return str(node["$ref"]).rpartition("/")[2] if "$ref" in node else ""


def _merged(node: Json, *, inside: bool = False) -> Json:
    """A schema without `allOf`, which refuses what it does not name.

    Inside a thing, a compact other thing has all that a full one may have, for whoever asks for it.
    """
    if isinstance(node, list):
        return [_merged(each, inside=True) for each in node]
    if not isinstance(node, dict) or "$ref" in node:
        return node
    if inside and (other := next((part for part in node.get("allOf", ()) if "$ref" in part), None)):
        nullable = any(part.get("nullable") for part in node["allOf"])
        told = {"readOnly": True} if any(part.get("readOnly") for part in (node, *node["allOf"])) else {}
        return {"anyOf": [_full(other), *([{"enum": [None]}] if nullable else [])], **told}
    merged: Json = {}
    for part in node.get("allOf", ()):
        inner = _merged(_followed(part))
        properties = {**merged.get("properties", {}), **inner.get("properties", {})}
        required = [*merged.get("required", ()), *inner.get("required", ())]
        merged |= inner | {"properties": properties} | ({"required": required} if required else {})
    merged |= {name: _merged(value, inside=True) for name, value in node.items() if name not in {"allOf", "properties"}}
    own = {name: _merged(value, inside=True) for name, value in node.get("properties", {}).items()}
    if properties := merged.get("properties", {}) | own:
        merged |= {"properties": properties, "additionalProperties": node.get("additionalProperties", False)}
    return merged


def _full(node: Json) -> Json:
    name = _name(node).replace("Compact", "Response")
    return {"$ref": f"#/components/schemas/{name}"} if _schema(name) else node


def _followed(node: Json) -> Json:
    while "$ref" in node:
        node = _schema(_name(node))
    return node


@cache
def _components() -> Json:
    names = _document()["components"]["schemas"]
    full = {name: _full({"$ref": f"#/components/schemas/{name}"}) for name in names}
    return {"schemas": {name: _merged(_followed(schema)) for name, schema in full.items()}}


def _problems(schema: Json, instance: Json, validator: Any) -> list[str]:
    root = {"allOf": [_merged(schema)], "components": _components()}
    found = validator(root, format_checker=oas30_format_checker).iter_errors(instance)
    return [f"{'/'.join(map(str, error.absolute_path)) or 'body'}: {error.message[:300]}" for error in found]


# ------------------------------------------------------------------------------------- parts of a request


def _query_problems(operation: Json, query: Mapping[str, str]) -> Iterator[str]:
    known = {each["name"]: each for each in map(_parameter, operation["parameters"]) if each["in"] == "query"}
    for name, value in query.items():
        if name not in known:
            yield f"query: {name}: not a parameter of this operation"
        elif name == "opt_fields":
            yield from _field_problems(operation, value)
        else:
            kind = known[name]["schema"].get("type")
            typed = int(value) if kind == "integer" and value.isdigit() else value
            typed = value == "true" if kind == "boolean" and value in {"true", "false"} else typed
            if not (name.endswith("_since") and value == "now"):  # documented in prose, beside the format
                yield from _problems(known[name]["schema"], typed, OAS30WriteValidator)
    yield from (f"query: {name}: is required" for name in known if known[name].get("required") and name not in query)


def _parameter(node: Json) -> Json:
    return _document()["components"]["parameters"][_name(node)] if "$ref" in node else node


def _body_problems(operation: Json, body: Json) -> list[str]:
    if "requestBody" not in operation:
        return [] if body is None else ["body: this operation takes none"]
    if body is None:
        return ["body: is missing"]
    (content,) = operation["requestBody"]["content"].values()
    return _problems(content["schema"], body, OAS30WriteValidator)


def _field_problems(operation: Json, asked: str) -> Iterator[str]:
    (reply,) = operation["responses"].values()
    data = reply["content"]["application/json"]["schema"]["properties"]["data"]
    for path in asked.split(","):
        nodes = [data]
        for name in path.split("."):
            nodes = [inner for node in nodes for inner in _property(node, name)]
        if not nodes:
            yield f"query: opt_fields: {path}: no schema has it"


def _property(node: Json, name: str) -> Iterator[Json]:
    """The schemas of a property of a thing, or of the things in a list; a compact thing has all that a full one has."""
    if node.get("type") == "array":
        yield from _property(node["items"], name)
        return
    for part in _parts(node):
        yield from (each["properties"][name] for each in _parts(_full(part)) if name in each.get("properties", {}))


def _parts(node: Json) -> Iterator[Json]:
    """A schema and all that it is made of."""
    yield node
    for part in [_schema(_name(node))] if "$ref" in node else node.get("allOf", ()):
        yield from _parts(part)
