"""A conversation as the text that a model reads: by its own Jinja template, rendered as transformers renders it.

A template comes with the weights, and so from elsewhere: it is rendered in a sandbox.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from .model_config import ModelFault

# What an expression of a template may raise when it meets a message that its author did not think of.
_FAILURES = (TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class UnfitMessages(ValueError):
    """A conversation that the model's template cannot render: what the template says of it."""


class ChatTemplate:
    """The template `source`; `names` are the special tokens that it may speak of (`eos_token`).

    Raises ModelFault if it is no template.
    """

    def __init__(self, source: str, names: Mapping[str, str]) -> None:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.filters["tojson"] = _tojson
        environment.globals |= {"raise_exception": _raise, "strftime_now": _now}
        self._names = dict(names)
        try:
            self._template = environment.from_string(source)
        except TemplateError as error:
            raise ModelFault(f"the chat template is not valid Jinja: {error}") from None

    def render(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> str:
        """Up to where the model's next message begins. Raises UnfitMessages."""
        given = {"messages": messages, "tools": tools or None, "documents": None, "add_generation_prompt": True}
        try:
            return self._template.render(**self._names, **given)
        except _FAILURES as error:
            raise UnfitMessages(f"the chat template of this model cannot render these messages: {error}") from None


def _tojson(value: Any, ensure_ascii: bool = False, indent: int | None = None, sort_keys: bool = False) -> str:
    """Jinja's own filter would escape what HTML must not hold."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, sort_keys=sort_keys)


def _raise(message: str) -> None:
    raise TemplateError(message)


def _now(form: str) -> str:
    return datetime.now().strftime(form)
