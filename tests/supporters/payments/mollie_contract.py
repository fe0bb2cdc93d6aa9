"""Whether a request is one that Mollie's own OpenAPI description allows, with nothing in it that it does not name.

The description is the vendor's and under its own licence: it stands beside the project, never in it.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jsonschema_rs

from tests.modules import ROOT

Json = dict[str, Any]

SPEC = Path(os.environ.get("MOLLIE_OPENAPI") or ROOT.parent / "shared" / "specs" / "mollie-openapi.json")
ABSENT = f"Mollie's OpenAPI description is not at {SPEC}; MOLLIE_OPENAPI can say where it is"


@dataclass(frozen=True)
class Asked:
    """One request as it came in; ``path`` is without the prefix it is served under."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


def violations(asked: Asked) -> list[str]:
    """What is wrong with it, in words; nothing where it is as described."""
    operation = _operation(asked.method, asked.path)
    if operation is None:
        return [f"{asked.method} {asked.path} is not in the description"]
    found = _wrong_parameters(operation, asked)
    schema = _schema_of_body(operation)
    if schema is None and asked.body:
        found.append("it has a body, and none is described")
    elif schema is not None and (asked.body or asked.method == "POST"):
        found += _wrong_body(schema, asked)
    return [f"{asked.method} {asked.path}: {each}" for each in found]


def _wrong_body(schema: Json, asked: Asked) -> list[str]:
    if asked.headers.get("content-type") != "application/json":
        return [f"its body is {asked.headers.get('content-type')}"]
    try:
        body = json.loads(asked.body)
    except ValueError:
        return ["its body is no JSON"]
    strict = _strict(schema)
    if isinstance(body, dict) and body.get("sequenceType") == "recurring":
        # In words the description says so, in its schema it does not: without the donor there is no way back.
        strict = strict | {"required": [name for name in strict["required"] if name != "redirectUrl"]}
    errors = jsonschema_rs.Draft202012Validator(strict, validate_formats=True).iter_errors(body)
    return [f"{'.'.join(map(str, error.instance_path)) or 'body'}: {error.message}" for error in errors]


def _wrong_parameters(operation: Json, asked: Asked) -> list[str]:
    described = {(each["in"], each["name"].lower()): each for each in map(_found, operation["parameters"])}
    given = parse_qsl(asked.query, keep_blank_values=True)
    found = [f"?{name} is given twice" for name in {one for one, _ in given if [n for n, _ in given].count(one) > 1}]
    for name, value in given:
        parameter = described.get(("query", name.lower()))
        found += [f"?{name} is not described"] if parameter is None else _wrong_value(f"?{name}", parameter, value)
    for name, value in operation["in_path"].items():
        found += _wrong_value(name, described["path", name.lower()], value)
    if "idempotency-key" in asked.headers:
        found += _wrong_value(
            "Idempotency-Key", described["header", "idempotency-key"], asked.headers["idempotency-key"]
        )
    return found


def _wrong_value(name: str, parameter: Json, text: str) -> list[str]:
    schema = _strict(parameter["schema"])
    types = schema.get("type", [])
    value = int(text) if "integer" in ([types] if isinstance(types, str) else types) and text.isdecimal() else text
    return [f"{name}: {error.message}" for error in jsonschema_rs.Draft202012Validator(schema).iter_errors(value)]


# --- reading the description ------------------------------------------------------------------------------------------


@cache
def _description() -> Json:
    found: Json = json.loads(SPEC.read_text(encoding="utf-8"))
    return found


def _operation(method: str, path: str) -> Json | None:
    for template, operations in _description()["paths"].items():
        names = re.findall(r"\{(\w+)\}", template)
        shape = "([^/]+)".join(map(re.escape, re.split(r"\{\w+\}", template)))
        fits = re.fullmatch(shape, path)
        if fits and method.lower() in operations:
            own = operations[method.lower()]
            parameters = own.get("parameters", []) + operations.get("parameters", [])
            return own | {"parameters": parameters, "in_path": dict(zip(names, fits.groups(), strict=True))}
    return None


def _schema_of_body(operation: Json) -> Json | None:
    content = _found(operation.get("requestBody") or {}).get("content", {})
    return content["application/json"]["schema"] if content else None


def _found(node: Json) -> Json:
    """What it refers to, with what stands beside the reference."""
    while "$ref" in node:
        target: Any = _description()
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target | {key: value for key, value in node.items() if key != "$ref"}
    return node


def _strict(node: Json) -> Json:
    """The schema of a request: whole, without what only answers have, and closed for what is not in it."""
    node = _found(node)
    made = {key: value for key, value in node.items() if key in _KEPT}
    for key in ("oneOf", "anyOf"):
        if key in node:
            made[key] = [_strict(each) for each in node[key]]
    if "items" in node:
        made["items"] = _strict(node["items"])
    if "properties" in node:
        readable = {name: _found(each) for name, each in node["properties"].items()}
        made["properties"] = {name: _strict(each) for name, each in readable.items() if not each.get("readOnly")}
        made["required"] = [one for one in node.get("required", []) if one in made["properties"] or one not in readable]
        made["additionalProperties"] = node.get("additionalProperties", False)
    elif "required" in node:
        made["required"] = node["required"]
    parts = [_strict(each) for each in node.get("allOf", [])]
    if not any("properties" in part for part in parts):
        return made | ({"allOf": parts} if parts else {})
    return _merged([made, *parts], {name for part in node["allOf"] for name in _only_read(part)})


_KEPT = ("type", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "format", "const")


def _only_read(node: Json) -> list[str]:
    return [name for name, each in _found(node).get("properties", {}).items() if _found(each).get("readOnly")]


def _merged(parts: list[Json], only_read: set[str]) -> Json:
    """Parts of one object are one object: of several, each would refuse what another allows."""
    properties: dict[str, list[Json]] = {}
    required: list[str] = []
    for part in parts:
        required += part.get("required", [])
        for name, schema in part.get("properties", {}).items():
            properties.setdefault(name, []).append(schema)
    return {
        "type": "object",
        "properties": {name: {"allOf": schemas} for name, schemas in properties.items()},
        "required": sorted(set(required) - only_read),
        "additionalProperties": False,
    }
