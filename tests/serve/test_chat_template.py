"""Chat templates: rendered as transformers does, in a sandbox; what they cannot render is said in words.

tests/serve/test_against_transformers.py compares whole conversations.
"""

from __future__ import annotations

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
