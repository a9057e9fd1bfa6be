"""What `asyncfc doctor` reports of real engines is what is known of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.engine_servers import Engine
from tests.office_runs import TOOLS, asyncfc

pytestmark = pytest.mark.slow

PROMPT = "Compare the weather in Paris and Bimear on Friday."

# Check, the verdicts that are right (by time alone it may not be clear on a busy machine), and words of what came or of
# what it means.
KNOWN: dict[str, list[tuple[str, str, str]]] = {
    "transformers": [
        ("reachable", "ok", "no models"),
        ("calls", "ok", ", whole"),
        ("tool_choice", "ok", "is not heeded"),
        ("parallel calls", "ok", "a call runs while the next is written"),
        ("prefix cache", "costs or unknown", "cached tokens are not counted"),
        ("side by side", "costs or unknown", "the other"),  # unknown where this machine writes a message too quickly
        ("model name", "ok", "Server is pinned to"),
        ("unknown fields", "ok", "Unexpected fields in the request"),
        ("oddities", "ok", "a stream ended without [DONE]"),
    ],
    "vllm": [
        ("reachable", "ok", "tiny"),
        ("calls", "ok", "its name first, then"),
        ("tool_choice", "ok", "is heeded"),
        ("parallel calls", "ok", "a call runs while the next is written"),
        ("side by side", "ok", "both were written at once"),
        ("model name", "ok", "does not exist"),
        ("unknown fields", "ok", "passed over"),
    ],
    "llama": [
        ("reachable", "ok", "tiny"),
        ("calls", "ok", "its name with the first of"),
        ("forced calls", "ok", "its name with the first of"),
        ("tool_choice", "ok", "is heeded"),
        ("parallel calls", "ok", "a call runs while the next is written"),
        ("prefix cache", "ok", "cached_tokens"),
        ("side by side", "ok", "both were written at once"),
        ("model name", "ok", "is not found out"),
        ("unknown fields", "ok", "passed over"),
        ("oddities", "ok", "none"),
    ],
}


@pytest.fixture(scope="module")
def findings(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The model knows the tools of the office only, so it is asked with those."""
    asked = ("--tools", TOOLS, "--prompt", PROMPT, "--extra-body", '{"temperature": 0}', "--timeout", 300)
    where = ("--base-url", engine.base_url, "--model", engine.model)
    process = asyncfc("doctor", *where, *asked, "--json", cwd=tmp_path_factory.mktemp("doctor"))
    printed, errors = process.communicate(timeout=1200)
    assert process.returncode in (0, 1), errors
    return {finding["check"]: finding for finding in json.loads(printed)["findings"]}


def test_what_is_known_of_an_engine_is_reported(engine: Engine, findings: dict[str, dict[str, Any]]) -> None:
    for check, verdicts, words in KNOWN[engine.name]:
        found = findings[check]
        assert found["verdict"] in verdicts.split(" or "), found
        assert words in found["came"] + found["means"], found


def test_each_takes_what_a_run_sends(findings: dict[str, dict[str, Any]]) -> None:
    assert findings["futures"]["verdict"] == "ok", findings["futures"]
    assert "is refused" not in findings["oddities"]["came"]
