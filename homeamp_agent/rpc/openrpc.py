"""The OpenRPC 1.3 document, made from the registered methods and their pydantic models.

Specification: https://spec.open-rpc.org (1.3.2).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from homeamp_agent import PRODUCT, VERSION
from homeamp_agent.rpc.protocol import PROTOCOL_MAJOR, PROTOCOL_MINOR
from homeamp_agent.rpc.protocol.errors import (
    AccessDenied,
    InternalError,
    InvalidParams,
    ReplyTooLarge,
    RpcError,
    Stopping,
)
from homeamp_agent.rpc.protocol.messages import Access, param_names
from homeamp_agent.rpc.registry import Method, Registry

OPENRPC_VERSION = "1.3.2"
_SCHEMA_REF = "#/components/schemas/{model}"
_ANY_METHOD: tuple[type[RpcError], ...] = (
    InvalidParams,
    InternalError,
    AccessDenied,
    ReplyTooLarge,
    Stopping,
)


def document_of(registry: Registry) -> dict[str, Any]:
    """The OpenRPC document of all methods, as JSON."""
    methods = [registry[name] for name in sorted(registry)]
    params = {each.params for each in methods}
    results = {each.result for each in methods}
    schemas, definitions = models_json_schema(
        [(model, "validation") for model in sorted(params, key=_name)]
        + [(model, "serialization") for model in sorted(results, key=_name)],
        ref_template=_SCHEMA_REF,
    )
    components = definitions.get("$defs", {})
    param_schemas = {model: _resolved(schemas[model, "validation"], components) for model in params}
    return {
        "openrpc": OPENRPC_VERSION,
        "info": {
            "title": f"{PRODUCT} agent",
            "version": f"{PROTOCOL_MAJOR}.{PROTOCOL_MINOR}",
            "description": f"{PRODUCT} {VERSION}: JSON-RPC 2.0, one document a line, "
            "over a Unix stream socket.",
        },
        "methods": [
            _method(each, param_schemas[each.params], schemas[each.result, "serialization"])
            for each in methods
        ],
        "components": {"schemas": components},
    }


def _name(model: type[BaseModel]) -> str:
    return model.__name__


def _resolved(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """The object schema behind a top-level reference."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: dict[str, Any] = components[str(reference).rsplit("/", 1)[-1]]
    return found


def _method(method: Method[Any], params: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    needs = "operate" if method.access is Access.OPERATE else "read"
    return {
        "name": method.name,
        "summary": method.summary,
        "tags": [{"name": method.name.partition(".")[0]}],
        "paramStructure": "either",
        "params": list(_descriptors(method.params, params)),
        "result": {"name": method.result.__name__, "schema": result},
        "errors": [_error(each) for each in (*_ANY_METHOD, *method.errors)],
        "x-access": needs,
    }


def _descriptors(model: type[BaseModel], schema: dict[str, Any]) -> Iterable[dict[str, Any]]:
    required = set(schema.get("required", ()))
    for name in param_names(model):
        inner = schema["properties"][name]
        descriptor = {"name": name, "required": name in required, "schema": inner}
        if "description" in inner:
            descriptor["description"] = inner["description"]
        yield descriptor


def _error(kind: type[RpcError]) -> dict[str, Any]:
    summary = (kind.__doc__ or kind.kind).strip().partition("\n")[0]
    return {"code": kind.code, "message": summary, "data": {"kind": kind.kind}}
