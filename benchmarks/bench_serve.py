"""How fast `asyncfc serve tiny` decodes: the bare engine, and the endpoint with one client and with four.

Seconds of this machine; a second figure, per second of CPU, is there because the machine may be shared. `cold` is the
time to the first token of a prompt that was never seen, `again` that of the same prompt once more.

    python benchmarks/bench_serve.py [--model DIR] [--tokens 200]
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from urllib.request import Request, urlopen

from asyncfc_sim.live.sse import Events
from asyncfc_sim.serve.served_model import ServedModel
from asyncfc_sim.serve.tiny import model_folder, serve_tiny

ROUNDS = 5


@dataclass(frozen=True)
class Heard:
    """A streamed message: seconds to its first token, from there to its last, and how many there were."""

    first_s: float
    rest_s: float
    tokens: int


def engine(model: ServedModel, length: int, tokens: int) -> str:
    """Reading a prompt of so many tokens, then decoding after it."""
    reading, decoding, cpu = [], [], []
    for number in range(ROUNDS):
        cache = model.engine.cache(length + tokens)
        prompt = [Random(number).randrange(model.config.vocabulary) for _ in range(length)]
        began_s = time.perf_counter()
        scores = model.engine.forward(prompt, cache)
        read_s, cpu_s = time.perf_counter(), time.process_time()
        for _ in range(tokens):
            scores = model.engine.forward([int(scores.argmax())], cache)
        reading.append(read_s - began_s)
        decoding.append(tokens / (time.perf_counter() - read_s))
        cpu.append(tokens / (time.process_time() - cpu_s))
    return (
        f"engine, after {length} tokens: {1000 * median(reading):.0f} ms to read them, "
        f"{median(decoding):.0f} tokens/s, {median(cpu):.0f} a CPU second"
    )


def heard(base_url: str, prompt: str, tokens: int) -> Heard:
    body = {
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 2,  # so that it is not over soon
    }
    events, first_s, counted = Events(), 0.0, 0
    began_s = time.perf_counter()
    with urlopen(Request(f"{base_url}/chat/completions", json.dumps(body).encode())) as response:
        while block := response.read1():
            for data in events.feed(block):
                chunk = json.loads(data) if data != "[DONE]" else {}
                if not first_s and any(choice["delta"].get("content") for choice in chunk.get("choices", [])):
                    first_s = time.perf_counter()
                counted = chunk.get("usage", {}).get("completion_tokens", counted)
    return Heard(first_s - began_s, time.perf_counter() - first_s, counted)


def endpoint(base_url: str, tokens: int, clients: int) -> str:
    rates = []
    for number in range(ROUNDS):
        began_s = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            prompts = [f"Tell Anna{number}{client} the weather." for client in range(clients)]
            all_heard = list(pool.map(lambda prompt: heard(base_url, prompt, tokens), prompts))
        rates.append(sum(each.tokens for each in all_heard) / (time.perf_counter() - began_s))
    return f"endpoint, {clients} at once: {median(rates):.0f} tokens/s in all"


def first_token(base_url: str, words: int) -> str:
    times = []
    for number in range(ROUNDS):
        draw = Random(number)
        prompt = " ".join(draw.choice(("Anna", "weather", "room", "Friday", "send")) for _ in range(words))
        times.append([heard(base_url, prompt, 2).first_s for _ in range(2)])
    cold, again = (1000 * median(column) for column in zip(*times, strict=True))
    return f"first token of a prompt of {words} words: {cold:.0f} ms cold, {again:.0f} ms again"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--tokens", type=int, default=200)
    options = parser.parse_args()
    folder = model_folder(options.model)
    model = ServedModel(folder)
    print(
        f"{model.name}, {model.parameters / 1e6:.2f} million parameters; Python {platform.python_version()}; measured"
    )
    for length in (100, 1000):
        print(engine(model, length, options.tokens))
    with serve_tiny(folder, process=True) as base_url:
        for clients in (1, 4):
            print(endpoint(base_url, options.tokens, clients))
        for words in (100, 400):
            print(first_token(base_url, words))


if __name__ == "__main__":
    main()
