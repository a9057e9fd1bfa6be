"""What a docstring says: of the function, of each parameter, of the result. Google, NumPy or Sphinx style."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import griffe


@dataclass(frozen=True, slots=True)
class Described:
    """The parts of a docstring; empty where it says nothing."""

    text: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    returns: str = ""


def described(docstring: str | None) -> Described:
    """Read a docstring, whatever its style."""
    if not docstring:
        return Described()
    quiet: Any = {"warnings": False}
    options: Any = {"google": {**quiet, "returns_multiple_items": False, "returns_named_value": False}}
    options |= {"numpy": quiet, "sphinx": quiet}
    sections = griffe.parse_auto(
        griffe.Docstring(inspect.cleandoc(docstring)), default="google", per_style_options=options
    )
    texts: list[str] = []
    parameters: dict[str, str] = {}
    returns = ""
    for section in sections:
        match section:
            case griffe.DocstringSectionText(value=value):
                texts.append(value.strip())
            case griffe.DocstringSectionAdmonition(title=title, value=note):
                texts.append(f"{title}: {note.description.strip()}")
            case griffe.DocstringSectionParameters(value=items) | griffe.DocstringSectionOtherParameters(value=items):
                parameters |= {item.name: item.description.strip() for item in items if item.description}
            case griffe.DocstringSectionReturns(value=items):
                returns = "; ".join(item.description.strip() for item in items if item.description)
    return Described("\n\n".join(text for text in texts if text), parameters, returns)
