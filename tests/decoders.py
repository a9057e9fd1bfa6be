"""The engines that decode under a grammar, asked whether a text fits it: llguidance here, xgrammar in a process of its
own, because it brings torch."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
PEER = ROOT / "tests" / "xgrammar_peer.py"
TAGS = ("<tool_call>", "</tool_call>")
END = 256 + len(TAGS)


def tokens(text: str) -> list[int]:
    """The tags are tokens of their own, as models have them; everything else is its bytes."""
    found: list[int] = []
    for part in re.split(f"({'|'.join(TAGS)})", text):
        found += [256 + TAGS.index(part)] if part in TAGS else part.encode()
    return found


class Model:
    """Its tokens, as llguidance asks for them."""

    eos_token_id = END
    bos_token_id = None
    tokens = (*(bytes([byte]) for byte in range(256)), *(tag.encode() for tag in TAGS), b"<end>")
    special_token_ids = tuple(range(256, END + 1))

    def __call__(self, text: str | bytes) -> list[int]:
        return tokens(text if isinstance(text, str) else text.decode())


def llguidance(grammar: str, texts: Sequence[str]) -> list[bool]:
    fresh = _matcher(grammar)

    def fits(text: str) -> bool:
        matcher = fresh.deep_copy()
        return all(matcher.consume_token(token) for token in tokens(text)) and matcher.is_accepting()

    return list(map(fits, texts))


def random_texts(grammar: str, count: int) -> list[str]:
    """Texts of tokens drawn at random from those that llguidance lets through, each as likely as any other."""
    from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

    fresh, rng, mask = _matcher(grammar), np.random.default_rng(0), allocate_token_bitmask(1, END + 1)
    texts = []
    for _ in range(count):
        matcher, written = fresh.deep_copy(), b""
        while True:
            fill_next_token_bitmask(matcher, mask, 0)
            allowed = np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")[: END + 1])
            token = int(rng.choice(allowed))
            if token == END:
                break
            assert matcher.consume_token(token)
            written += Model.tokens[token]
        texts.append(written.decode())
    return texts


def _matcher(grammar: str) -> Any:
    from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

    compiled = LLMatcher.grammar_from_lark(grammar)
    vocabulary = LLTokenizer(TokenizerWrapper(Model()))
    assert LLMatcher.validate_grammar(compiled, vocabulary) == ""
    return LLMatcher(vocabulary, compiled, log_level=0)


class XGrammar:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.ready = self._read()

    def __call__(self, grammar: str, texts: Sequence[str]) -> list[bool]:
        assert self._process.stdin is not None
        asked = {"grammar": grammar, "texts": list(map(tokens, texts))}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = self._read()
        assert "error" not in answer, answer
        accepted: list[bool] = answer["accepted"]
        return accepted

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "xgrammar ended"
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def xgrammar() -> Iterator[XGrammar]:
    """Started in the first environment that has it; without one, the test is skipped."""
    with subprocess.Popen(
        [_python_with_xgrammar(), str(PEER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield XGrammar(process)
        assert process.stdin is not None
        process.stdin.close()


def _python_with_xgrammar() -> str:
    for environment in (".venv-vllm", ".venv-hf"):
        if any((ROOT / environment).glob("lib/python*/site-packages/xgrammar")):
            return str(ROOT / environment / "bin" / "python")
    pytest.skip("xgrammar is not installed: it comes with vLLM, which bash scripts/engines.sh vllm makes")
