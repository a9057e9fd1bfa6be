"""Arguments of MCP tools, held against the schema that the server gives for them, before they are sent.

Servers need not check them. What the schema leaves open, or says in a way that cannot be followed, is theirs to check.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asyncfc_sim.core.tool import Validate
from asyncfc_sim.core.values import JSON, ErrorValue


def check_of(name: str, schema: Mapping[str, Any]) -> Validate | None:
    """The check of the arguments of the tool `name`; None if `schema` is none. Nothing is fetched that it refers to."""
    from jsonschema import SchemaError
    from jsonschema.exceptions import best_match
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError:
        return None
    validator = kind(schema, registry=Registry())

    def check(args: Mapping[str, JSON]) -> Mapping[str, JSON] | ErrorValue:
        try:
            fault = best_match(validator.iter_errors(args))
        except Unresolvable:
            return args
        if fault is None:
            return args
        where = fault.json_path.removeprefix("$").removeprefix(".")
        return ErrorValue("invalid_argument", f"{name}: {where and f'{where}: '}{fault.message[:300]}")

    return check
