"""The OpenAPI 3.1 description of the server.

It is written by hand, because one derived by a framework would lack the limits, the two forms of a request
and the errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._version import __version__
from ..limits import Limits
from .intake import FORM, WITH_ALPHA
from .settings import KINDS, schemas

Schema = dict[str, Any]

_FAILURES = {
    "400": "The request is malformed.",
    "408": "The request arrived too slowly.",
    "413": "The request is longer than the limit.",
    "415": "The body is of an unsupported type.",
    "422": "Composite or mask cannot be used: damaged, of different sizes, or of too many pixels.",
    "429": "The queue of the server is full.",
    "500": "The server failed.",
    "503": "The request was not processed in time, or memory is short.",
    "504": "Processing took too long.",
}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {"error": {"type": "string", "description": "One sentence."}},
}
_HEALTH = {
    "type": "object",
    "required": ["status", "running", "waiting"],
    "additionalProperties": False,
    "properties": {
        "status": {"enum": ["ready", "busy"], "description": "busy: a picture would be refused with 429."},
        "running": {"type": "integer", "minimum": 0},
        "waiting": {"type": "integer", "minimum": 0},
    },
}
_TABLE = {
    "type": "object",
    "required": ["cube", "remark", "seconds"],
    "additionalProperties": False,
    "properties": {
        "cube": {
            "type": ["string", "null"],
            "description": "A .cube file; null if the model has no table or the mask is black.",
        },
        "remark": {"type": ["string", "null"], "description": "What is unusual about the mask."},
        "seconds": {
            "type": "object",
            "description": "The time of each step.",
            "additionalProperties": {"type": "number", "minimum": 0},
        },
    },
}
_HEADERS = {
    "Server-Timing": {"description": "Milliseconds of each step.", "schema": {"type": "string"}},
    "Cdtnet-Remark": {
        "description": "What is unusual about the mask, or why little is changed.",
        "schema": {"type": "string"},
    },
}
_RETRY = {
    "Retry-After": {
        "description": "Seconds to wait before a retry.",
        "schema": {"type": "integer"},
    }
}
_BINARY = {"type": "string", "format": "binary"}
_FILE = {**_BINARY, "description": "JPEG, PNG, TIFF, WebP or another format that the server reads."}


def describe_server(models: Mapping[str, object], limits: Limits, *, key: bool) -> Schema:
    """Make the OpenAPI document of a server.

    Args:
        models: The models by name, the default first.
        limits: The limits of a request.
        key: Whether requests must contain a key.
    """
    settings = schemas(models)
    harmonize, alpha = _harmonize(settings, limits), _harmonize_alpha(settings, limits)
    metrics = _get("Counters for Prometheus", "text/plain", {"type": "string"})
    components: Schema = {"schemas": {"Error": _ERROR}}
    if key:
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        for operation in (harmonize, alpha, metrics):
            operation["security"] = [{"key": []}]
            operation["responses"]["401"] = _failure("The key is missing or wrong.")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "cdtnet",
            "version": __version__,
            "summary": "Recolors a pasted foreground so that its colors match the picture.",
        },
        "paths": {
            "/v1/harmonize": {"post": harmonize},
            "/v1/harmonize/alpha": {"post": alpha},
            "/health": {"get": _get("The state of the server", "application/json", _HEALTH)},
            "/metrics": {"get": metrics},
            "/openapi.json": {"get": _get("This description", "application/json", {"type": "object"})},
        },
        "components": components,
    }


def _harmonize(settings: Schema, limits: Limits) -> Schema:
    form = {
        "type": "object",
        "required": ["composite", "mask"],
        "additionalProperties": False,
        "properties": {"composite": _FILE, "mask": _FILE, **settings},
    }
    return {
        "operationId": "harmonize",
        "summary": "Harmonize a picture where a mask is white",
        "requestBody": {"required": True, "content": {FORM: {"schema": form}}},
        **_answer(limits),
    }


def _harmonize_alpha(settings: Schema, limits: Limits) -> Schema:
    return {
        "operationId": "harmonizeAlpha",
        "summary": "Harmonize a picture whose alpha channel is the mask; the result is opaque",
        "parameters": [{"name": name, "in": "query", "schema": schema} for name, schema in settings.items()],
        "requestBody": {"required": True, "content": {kind: {"schema": _BINARY} for kind in WITH_ALPHA}},
        **_answer(limits),
    }


def _answer(limits: Limits) -> Schema:
    pictures = {kind.media_type: {"schema": _BINARY} for kind in KINDS.values()}
    return {
        "description": "The response is the picture, in the composite's format, depth and color profile, "
        "with its metadata; or, if Accept names application/json and no picture, the lookup table. "
        f"At most {limits.max_bytes:,} bytes, {limits.max_pixels:,} pixels and {limits.timeout:g} seconds.",
        "responses": {
            "200": {
                "description": "The harmonized picture, or its lookup table.",
                "headers": _HEADERS,
                "content": {**pictures, "application/json": {"schema": _TABLE}},
            },
            **{status: _failure(why, retry=status in ("429", "503")) for status, why in _FAILURES.items()},
        },
    }


def _get(summary: str, media_type: str, schema: Schema) -> Schema:
    content = {media_type: {"schema": schema}}
    return {"summary": summary, "responses": {"200": {"description": summary, "content": content}}}


def _failure(why: str, *, retry: bool = False) -> Schema:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {"description": why, "content": content, **({"headers": _RETRY} if retry else {})}
