"""Distils Asana's OpenAPI document into `asana_oas.json` beside this file.

    python tests/data/asana_oas.py path/to/asana_oas.yaml

The document is `defs/asana_oas.yaml` of github.com/Asana/openapi, Apache-2.0 (asana_oas.LICENSE beside this file). What is kept is
unchanged but for what is left out: operations that the sandbox does not serve, schemas that none of the others uses,
error replies, the values listed for `opt_fields`, descriptions, examples and extensions. PyYAML is needed, which
nothing else here does.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

KEPT = [
    "/attachments",
    "/attachments/{}",
    "/batch",
    "/custom_fields",
    "/custom_fields/{}",
    "/custom_fields/{}/enum_options",
    "/projects",
    "/projects/{}",
    "/projects/{}/addCustomFieldSetting",
    "/projects/{}/custom_field_settings",
    "/projects/{}/removeCustomFieldSetting",
    "/projects/{}/sections",
    "/projects/{}/sections/insert",
    "/projects/{}/task_counts",
    "/projects/{}/tasks",
    "/sections/{}",
    "/sections/{}/addTask",
    "/sections/{}/tasks",
    "/stories/{}",
    "/tags",
    "/tags/{}",
    "/tags/{}/tasks",
    "/tasks",
    "/tasks/{}",
    "/tasks/{}/addDependencies",
    "/tasks/{}/addFollowers",
    "/tasks/{}/addProject",
    "/tasks/{}/addTag",
    "/tasks/{}/dependencies",
    "/tasks/{}/dependents",
    "/tasks/{}/projects",
    "/tasks/{}/removeDependencies",
    "/tasks/{}/removeFollowers",
    "/tasks/{}/removeProject",
    "/tasks/{}/removeTag",
    "/tasks/{}/setParent",
    "/tasks/{}/stories",
    "/tasks/{}/subtasks",
    "/tasks/{}/tags",
    "/users",
    "/users/{}",
    "/workspaces",
    "/workspaces/{}",
    "/workspaces/{}/custom_fields",
    "/workspaces/{}/projects",
    "/workspaces/{}/tags",
    "/workspaces/{}/users",
]

NOISE = {"description", "example", "examples", "externalDocs", "summary", "title", "tags", "operationId", "security"}

Json = Any


def main() -> None:
    """Reads the document and writes what is kept of it."""
    yaml: Any = import_module("yaml")
    with Path(sys.argv[1]).open(encoding="utf-8") as document:
        whole = yaml.load(document, Loader=yaml.CSafeLoader)
    kept = distilled(whole)
    Path(__file__).with_suffix(".json").write_text(one_a_line(kept), "utf-8")


def one_a_line(kept: Json) -> str:
    """JSON with one path or schema a line, so that a difference can be read."""
    text = json.dumps(kept, sort_keys=True)
    for name in [*kept["paths"], *(name for group in kept["components"].values() for name in group)]:
        text = text.replace(f'"{name}": {{', f'\n"{name}": {{', 1)
    assert json.loads(text) == kept
    return f"{text}\n"


def distilled(whole: Json) -> Json:
    """The kept operations, with all that they refer to."""
    paths = {path: quiet(item) for path, item in whole["paths"].items() if re.sub(r"\{\w+\}", "{}", path) in KEPT}
    for path in paths.values():
        for operation in path.values():
            if isinstance(operation, dict):
                operation["responses"] = {c: r for c, r in operation["responses"].items() if c.startswith("2")}
                for parameter in operation.get("parameters", []):
                    if parameter.get("name") == "opt_fields":
                        del parameter["schema"]["items"]["enum"]
    components: Json = {"schemas": {"ErrorResponse": quiet(whole["components"]["schemas"]["ErrorResponse"])}}
    waiting = set(references([paths, components]))
    while waiting:
        kind, name = waiting.pop()
        group = components.setdefault(kind, {})
        if name not in group or name == "ErrorResponse":
            group[name] = quiet(whole["components"][kind][name])
            waiting |= {ref for ref in references(group[name]) if ref[1] not in components.get(ref[0], {})}
    return {
        "source": f"github.com/Asana/openapi, defs/asana_oas.yaml, version {whole['info']['version']}",
        "licence": "Apache-2.0, asana_oas.LICENSE; shortened by asana_oas.py",
        "paths": paths,
        "components": components,
    }


def quiet(node: Json) -> Json:
    """A part of the document without prose; a property may be called like a piece of prose."""
    if isinstance(node, list):
        return [quiet(each) for each in node]
    if not isinstance(node, dict):
        return node if isinstance(node, str | int | float | bool | None) else str(node)
    return {
        str(name): {each: quiet(inner) for each, inner in value.items()} if name == "properties" else quiet(value)
        for name, value in node.items()
        if name not in NOISE and not str(name).startswith("x-")
    }


def references(node: Json) -> Iterator[tuple[str, str]]:
    """Kind and name of every component that is referred to."""
    yield from re.findall(r'"#/components/(\w+)/(\w+)"', json.dumps(node))


if __name__ == "__main__":
    main()
