"""Chat templates: rendered as transformers does, in a sandbox; what they cannot render is said in words.

tests/serve/test_against_transformers.py compares whole conversations.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from asyncfc_sim.serve.chat_template import ChatTemplate, UnfitMessages
from asyncfc_sim.serve.model_config import ModelFault

USER = {"role": "user", "content": "<b>ü & 'x'</b>"}


def rendered(
    source: str, messages: list[dict[str, Any]] | None = None, tools: list[dict[str, Any]] | None = None
) -> str:
    return ChatTemplate(source, {"eos_token": "<end>"}).render(messages or [USER], tools or [])


def test_json_is_written_as_it_is_and_not_for_html():
    assert rendered("{{ messages[0] | tojson }}") == '{"role": "user", "content": "<b>ü & \'x\'</b>"}'
    assert rendered("{{ {'b': 'ü', 'a': 1} | tojson(indent=1, sort_keys=True) }}") == '{\n "a": 1,\n "b": "ü"\n}'


def test_blocks_leave_no_space_behind():
    assert rendered("a\n  {% if true %}\nb\n  {% endif %}\nc") == "a\nb\nc"


def test_what_a_template_may_speak_of():
    assert rendered("{{ eos_token }}{{ add_generation_prompt }}{{ tools }}") == "<end>TrueNone"
    assert rendered("{{ tools | length }}", tools=[{}, {}]) == "2"
    assert rendered("{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}x{% endfor %}") == ""
    assert len(rendered("{{ strftime_now('%Y') }}")) == 4


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ raise_exception('roles must alternate') }}", "roles must alternate"),
        ("{{ messages[0].name.first }}", "has no attribute 'name'"),
        ("{{ messages[0].content + 1 }}", "concatenate"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ messages.append(1) }}", "not safely callable|access to attribute"),
        ("{{ ''.__class__.__mro__ }}", "access to attribute '__class__'"),
    ],
)
def test_what_cannot_be_rendered_is_said(source: str, message: str):
    with pytest.raises(UnfitMessages, match=message):
        rendered(source)


def test_what_is_no_template_is_said():
    with pytest.raises(ModelFault, match="not valid Jinja"):
        ChatTemplate("{% for %}", {})


TEMPLATE = Path(__file__).parents[2] / "models" / "tiny-futures" / "chat_template.jinja"


def called(*names: str) -> dict[str, Any]:
    calls = [{"id": f"id_{name}", "type": "function", "function": {"name": name, "arguments": "{}"}} for name in names]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def answered(*contents: str) -> list[dict[str, Any]]:
    return [{"role": "tool", "tool_call_id": "?", "content": content} for content in contents]


def test_tiny_futures_is_told_the_numbers_of_its_futures():
    """Of the next one before it writes, and of each answer; an await has none."""
    messages = [USER, called("get_weather", "find_user"), *answered("sun", "u1")]
    messages += [called("await_future", "convert"), *answered("all", "5 EUR"), {"role": "assistant", "content": "done"}]
    text = rendered(TEMPLATE.read_text(encoding="utf-8"), messages)
    assert re.findall(r"assistant( \$f\d+)\n", text) == [" $f1", " $f3", " $f4", " $f4"]
    assert re.findall(r"<tool_response>(.*)\n(.*)\n", text) == [
        (" $f1", "sun"),
        (" $f2", "u1"),
        ("", "all"),
        (" $f3", "5 EUR"),
    ]
