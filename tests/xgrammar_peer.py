"""xgrammar in a process of its own, in an environment that has it: it brings torch, which the tests do without.

Reads lines of JSON, {"grammar": ..., "texts": [...]}, and answers each with {"accepted": [...]} or {"error": ...}.
Its model knows the tags of calls as tokens of their own, and besides has a token for each byte.
"""

import json
import sys
from importlib.metadata import version
from typing import Any


def main() -> None:
    import xgrammar

    specials = ["<tool_call>", "</tool_call>", "<eos>"]
    vocabulary: list[Any] = [bytes([byte]) for byte in range(256)] + specials
    info = xgrammar.TokenizerInfo(vocabulary, xgrammar.VocabType.RAW, stop_token_ids=[258])
    print(json.dumps({"ready": version("xgrammar")}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            compiled = xgrammar.GrammarCompiler(info).compile_lark(asked["grammar"])
        except Exception as error:
            print(json.dumps({"error": str(error)}), flush=True)
            continue
        print(json.dumps({"accepted": [fits(xgrammar, compiled, text) for text in asked["texts"]]}), flush=True)


def fits(xgrammar: Any, compiled: Any, tokens: list[int]) -> bool:
    matcher = xgrammar.GrammarMatcher(compiled)
    return all(matcher.accept_token(token) for token in tokens) and matcher.is_completed()


if __name__ == "__main__":
    main()
