"""What an MCP tool returned, as a value."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)

from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.live.mcp_results import value_of


def value(*content: Any, **fields: Any) -> Any:
    return value_of("t", CallToolResult(content=list(content), **fields), "unknown")


def text(of: str) -> TextContent:
    return TextContent(type="text", text=of)


@pytest.mark.parametrize("structured", [{"n": 1}, {}, [1], 0, "x", False])
def test_structured_content_is_the_value(structured):
    assert value(text("something else"), structured_content=structured) == structured


@pytest.mark.parametrize("said", ["plain", '{"n": 1}', "[1]", "17", "null", ""])
def test_text_stays_text(said):
    assert value(text(said)) == said


def test_nothing_and_several():
    assert value() is None
    assert value(text("a"), text("b")) == ["a", "b"]


LINK = ResourceLink(type="resource_link", uri="file:///a", name="a", mime_type="text/plain")
BLOB = BlobResourceContents(uri="file:///b", mime_type="image/png", blob="AAAA")


@pytest.mark.parametrize(
    ("block", "described"),
    [
        (ImageContent(type="image", data="AAAA", mime_type="image/png"), ("image", {"bytes": 3})),
        (AudioContent(type="audio", data="AAAAAA==", mime_type="audio/wav"), ("audio", {"bytes": 4})),
        (ImageContent(type="image", data="A", mime_type="image/png"), ("image", {"bytes": None})),
        (LINK, ("resource_link", {"uri": "file:///a", "name": "a"})),
        (EmbeddedResource(type="resource", resource=BLOB), ("resource", {"uri": "file:///b", "bytes": 3})),
        (
            EmbeddedResource(type="resource", resource=TextResourceContents(uri="file:///c", text="see")),
            ("resource", {"uri": "file:///c", "text": "see", "mime_type": None}),
        ),
    ],
)
def test_what_is_no_text_is_described(block, described):
    kind, parts = described
    found = value(block)
    assert found["type"] == kind
    assert {name: found[name] for name in parts} == parts
    assert "AAAA" not in str(found)


def test_an_error_says_what_the_tool_says():
    assert value(text("no"), text("paper"), is_error=True) == ErrorValue(
        "tool_error", "t: no\npaper", effects="unknown"
    )
    assert value(is_error=True).message == "t: it failed, and said nothing"


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_structured_content_that_is_no_json_is_an_error(number: float):
    """Parsers let these numbers pass; a trace and a transcript cannot hold them."""
    failed = value(structured_content={"n": [1, number]})
    assert isinstance(failed, ErrorValue)
    assert "its result is no JSON" in failed.message
    assert failed.effects == "unknown"
