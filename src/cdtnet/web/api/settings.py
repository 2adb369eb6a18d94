"""The settings of a request: their JSON schemas and checks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import Field, dataclass, fields
from typing import Any

from starlette.exceptions import HTTPException

from ...imaging.formats import WRITTEN
from ...imaging.pages import MOST_PAGES
from ...imaging.read import COLOR_SPACES
from ...inference.controls import Controls
from ...inference.options import Options

KINDS = {format_.key: format_ for format_ in WRITTEN.values()}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


@dataclass(frozen=True, kw_only=True)
class RequestOptions(Options):
    """The options of a request.

    Attributes:
        model: The name of one of the server's models.
        format: The format of the response, a key of `KINDS`; None for that of the composite.
        page: The page of a composite with several pages, from 1 on; None if it has one.
        fit: Whether to fit the requested table to the harmonized picture.
    """

    model: str
    format: str | None = None
    page: int | None = None
    fit: bool = False


def schemas(models: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the JSON schema of each setting.

    Args:
        models: The names of models, the default first.
    """
    names = list(models)
    return {
        "model": {"type": "string", "enum": names, "default": names[0]},
        **{control.name: _schema(control) for control in fields(Controls)},
        "format": {
            "type": "string",
            "enum": list(KINDS),
            "description": "Format of the picture in the response; by default that of the composite.",
        },
        "quality": {
            "type": "integer",
            "minimum": 1,
            "maximum": 100,
            "default": 95,
            "description": "Quality of JPEG and lossy WebP.",
        },
        "resize_mask": {
            "type": "boolean",
            "default": False,
            "description": "Accept a mask of another size.",
        },
        "apply_anyway": {
            "type": "boolean",
            "default": False,
            "description": "Apply the whole change even where the analysis is uncertain.",
        },
        "page": {
            "type": "integer",
            "minimum": 1,
            "maximum": MOST_PAGES,
            "description": "Page of a TIFF, GIF or WebP composite with several pages.",
        },
        "color_space": {
            "type": "string",
            "enum": list(COLOR_SPACES),
            "description": "Color space of a composite without a profile; by default what its file declares.",
        },
        "fit": {
            "type": "boolean",
            "default": False,
            "description": "Fit the table to the harmonized picture; its first line states the error.",
        },
    }


def read_settings(given: Iterable[tuple[str, str]], models: Iterable[str]) -> RequestOptions:
    """Parse and check settings.

    Args:
        given: Names and values as text.
        models: The names of models, the default first.

    Raises:
        HTTPException: 400, if a setting is unknown, repeated, or out of range.
    """
    allowed = schemas(models)
    settings = {"model": allowed["model"]["default"]}
    seen = set[str]()
    for name, text in given:
        if name not in allowed:
            raise HTTPException(400, f"There is no setting {name[:40]!r}, only {', '.join(allowed)}.")
        if name in seen:
            raise HTTPException(400, f"The setting {name} is given twice.")
        seen.add(name)
        settings[name] = _read(name, text, allowed[name])
    return RequestOptions(model=settings.pop("model")).but(**settings)


def _schema(control: Field[Any]) -> dict[str, Any]:
    meaning = control.metadata["meaning"]
    described = {"default": control.default, "description": f"{meaning[0].upper()}{meaning[1:]}."}
    if "least" not in control.metadata:
        return {"type": "boolean", **described}
    return {
        "type": "number",
        "minimum": control.metadata["least"],
        "maximum": control.metadata["most"],
        **described,
    }


def _read(name: str, text: str, schema: dict[str, Any]) -> Any:
    try:
        value = text if schema["type"] == "string" else json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if (
        type(value) in _TYPES[schema["type"]]
        and value in schema.get("enum", [value])
        and ("minimum" not in schema or schema["minimum"] <= value <= schema["maximum"])
    ):
        return value
    raise HTTPException(400, f"The setting {name} must be {_describe(schema)}.")


def _describe(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    if schema["type"] == "boolean":
        return "true or false"
    whole = "whole " if schema["type"] == "integer" else ""
    return f"a {whole}number from {schema['minimum']} to {schema['maximum']}"
