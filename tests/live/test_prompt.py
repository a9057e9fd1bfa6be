"""What a model is told: as much as its policy needs, and the same in every request."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

import pytest

from asyncfc_sim.core.messages import AWAIT, CANCEL, placeholder
from asyncfc_sim.core.policy import Policy, policy_named
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, Value
from asyncfc_sim.live.prompt import FUTURES, LATE_BOUND, instructions, tool_schemas

ASYNCFC = policy_named("asyncfc", late_bound=False)


@dataclass(frozen=True)
class Given:
    """A tool as it comes, with a parameter that is no free text."""

    core: Tool = field(default_factory=lambda: Tool("f"))
    description: str = "Does f."
    input_schema: Mapping[str, Any] = field(
        default_factory=lambda: {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    )

    async def run(self, args: Mapping[str, JSON]) -> Value:
        raise NotImplementedError


def names(policy: Policy) -> list[str]:
    return [schema["function"]["name"] for schema in tool_schemas([Given()], policy)]


@pytest.mark.parametrize("name", ["sync", "sync_parallel", "early_start"])
def test_a_policy_that_shows_no_futures_says_nothing_of_them(name: str):
    policy = policy_named(name)
    assert instructions(policy, None) == ""
    assert instructions(policy, "Be brief.") == "Be brief."
    assert names(policy) == ["f"]
    (schema,) = tool_schemas([Given()], policy)
    assert schema["function"]["parameters"] == Given().input_schema


@pytest.mark.parametrize("policy", [ASYNCFC, policy_named("blind", late_bound=False)], ids=["asyncfc", "blind"])
def test_where_placeholders_are_shown_they_are_explained(policy: Policy):
    assert instructions(policy, None) == FUTURES
    assert instructions(policy, "Be brief.") == f"Be brief.\n\n{FUTURES}"
    assert names(policy) == ["f", AWAIT, CANCEL]


def test_a_late_bound_answer_is_offered_only_where_it_is_filled_in():
    assert instructions(policy_named("asyncfc", late_bound=True), None) == f"{FUTURES}\n\n{LATE_BOUND}"
    assert instructions(policy_named("sync", late_bound=True), None) == ""


def test_the_rules_show_a_placeholder_as_it_looks():
    """What is explained is what the model will see, and in the words that the session understands."""
    assert placeholder(3) in FUTURES
    for word in ('"$f3"', '"$f3.items[0].id"', '"${f3.name}"', AWAIT, CANCEL, '"resolved"', '"$$f3"'):
        assert word in FUTURES


def test_a_parameter_has_room_for_a_reference():
    schema = tool_schemas([Given()], ASYNCFC)[0]["function"]["parameters"]
    original, reference = schema["properties"]["n"]["anyOf"]
    assert original == {"type": "integer"}
    assert reference == {"$ref": "#/$defs/FutureRef"}


def test_every_request_says_the_same():
    assert tool_schemas([Given()], ASYNCFC) == tool_schemas([Given()], ASYNCFC)


def test_previews_are_explained_only_where_there_are_some():
    short = replace(ASYNCFC, preview_chars=100)
    assert '"preview"' in instructions(short, None)
    assert '"preview"' not in instructions(ASYNCFC, None)
    assert instructions(replace(short, grace_s=inf), "Be brief.") == "Be brief."
