"""A plain function as a tool: its schemas, what the scheduler knows of it, and how it is called.

Arguments stay JSON on their way through the scheduler. `core.validate` says whether the function would accept them
and hands them on as they were; `call` turns them into the declared Python types, once, for the function. (A second
reading of what was read already would go wrong for types that do not survive it: secrets, say.) Parameters that a
call leaves out are left to the function's own defaults; footprints see these (effects.py).

What the function is annotated to return is taken at its word: `core.lacks` knows no other parts of its results.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pydantic import TypeAdapter

from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, ErrorValue, Value
from asyncfc_sim.language.widen import widen

from .decorator import Metadata, metadata_of, named, valid_name
from .docstring import described
from .effects import as_given, effects_of
from .errors import ToolError
from .json_schema import Schema, json_schema
from .overrides import check_templates
from .parameters import BadArguments, Parameters, parameters_of, written
from .paths import lacks
from .to_json import NotJson, to_json


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """A function that a model may call. `input_schema` is what arguments are validated against.

    `widened_schema` is what a model that may pass references is shown; `output_schema` is None where nothing is known
    of what the function returns.
    """

    name: str
    function: Callable[..., Any]
    description: str
    input_schema: Schema
    output_schema: Schema | None
    widened_schema: Schema
    core: Tool
    parameters: Parameters
    metadata: Metadata | None
    is_async: bool

    def overridden(self, override: Callable[[Tool], Tool]) -> FunctionTool:
        """The same function, with the last word on what it does being somebody else's.

        Raises ToolError if that names parameters which the function does not have.
        """
        core = override(self.core)
        if core.effects is not None and core.effects is not self.core.effects:
            check_templates(core, self.parameters.adapters)
            core = replace(core, effects=as_given(core.effects, self.parameters))
        return replace(self, core=core)

    def arguments(self, args: Mapping[str, JSON]) -> tuple[list[Any], dict[str, Any]] | ErrorValue:
        """What to call the function with, by position and by name; or why these arguments are refused."""
        return _read(self.name, self.parameters, args)

    def call(self, args: Mapping[str, JSON]) -> Value:
        """Call the function and wait for its result, as JSON; what it raises becomes an error value.

        An async function gets an event loop of its own: not from within a running one.
        """
        given = self.arguments(args)
        if isinstance(given, ErrorValue):
            return given
        positional, by_name = given
        try:
            result = self.function(*positional, **by_name)
            if inspect.isawaitable(result):
                result = asyncio.run(_awaited(result))
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            return self.failed(error)
        return self.result(result)

    def failed(self, error: BaseException) -> ErrorValue:
        """The value of a call that raised. What it did before that is not known.

        The same call may succeed later if a connection failed or something took too long (ConnectionError,
        TimeoutError), or if the exception says so: it has an attribute `retryable` that is True.
        """
        reason = str(error)
        text = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
        passing = isinstance(error, ConnectionError | TimeoutError) or getattr(error, "retryable", False) is True
        return ErrorValue("tool_error", f"{self.name}: {text}", retryable=passing, effects="unknown")

    def result(self, result: Any) -> Value:
        """What the function returned, as JSON; an error value if it is none."""
        try:
            return to_json(result)
        except NotJson as error:
            why = f"its result, of the type {type(result).__name__}, is no JSON: {error}"
            return ErrorValue("tool_error", f"{self.name}: {why}", effects="applied")


def function_tool(function: Callable[..., Any], name: str | None = None) -> FunctionTool:
    """Make a tool of a function, decorated or not. Raises ToolError if it cannot be one."""
    metadata = metadata_of(function)
    name = name or (metadata.name if metadata and metadata.name else named(function))
    if not callable(function) or isinstance(function, type):
        raise ToolError(name, "a function is expected")
    if not isinstance(name, str) or not valid_name(name):
        raise ToolError(name, 'a name of 1 to 64 of A-Z a-z 0-9 _ - is expected: give it one, @tool(name="...")')
    if inspect.isasyncgenfunction(written(function)):
        raise ToolError(name, "it yields; a tool returns its result")
    said = described(written(function).__doc__)
    parameters = parameters_of(name, function, said.parameters)
    output_schema = _output_schema(parameters.returns)
    description = "\n\n".join(filter(None, (said.text, said.returns and f"Returns: {said.returns}")))
    return FunctionTool(
        name,
        function,
        description,
        parameters.schema,
        output_schema,
        widen(parameters.schema),
        _core(name, metadata, parameters, output_schema),
        parameters,
        metadata,
        inspect.iscoroutinefunction(written(function)),
    )


def _core(name: str, metadata: Metadata | None, parameters: Parameters, output_schema: Schema | None) -> Tool:
    said = metadata or Metadata()

    def validate(args: Mapping[str, JSON]) -> Mapping[str, JSON] | ErrorValue:
        read = _read(name, parameters, args)
        return read if isinstance(read, ErrorValue) else args

    return Tool(
        name,
        effects=effects_of(metadata, parameters),
        irreversible=said.irreversible,
        idempotent=said.idempotent,
        commutes_with=frozenset(said.commutes_with),
        concurrency=said.concurrency,
        timeout_s=said.timeout_s,
        approval=said.approval,
        validate=validate,
        lacks=None if output_schema is None else partial(lacks, output_schema, closed=True),
    )


def _read(name: str, parameters: Parameters, args: Mapping[str, JSON]) -> tuple[list[Any], dict[str, Any]] | ErrorValue:
    try:
        return parameters.to_python(args)
    except BadArguments as error:
        return ErrorValue("invalid_argument", f"{name}: {error}")


def _output_schema(hint: Any) -> Schema | None:
    if hint is inspect.Signature.empty:
        return None
    try:
        return json_schema(TypeAdapter(hint), "serialization")
    except Exception:  # a type without a schema: results are turned into JSON as they come
        return None


async def _awaited(result: Any) -> Any:
    return await result
