"""A model in memory for benchmarks: it looks two numbers up and tells their sum, under every policy."""

import asyncio
import json

from asyncfc_sim.live.model import Began, CallPart, Ended, ModelError, TextPart, Usage
from asyncfc_sim.tools.decorator import tool

POPULATIONS = {"Berlin": 3, "Paris": 2}
LOOKUP_S = 0.03
COUNTED = Usage(100, 20, 50)


@tool(reads=["population"])
async def population(city: str) -> int:
    """The population of a city, in millions."""
    await asyncio.sleep(LOOKUP_S)
    return POPULATIONS[city]


class SumModel:
    """Asks for two populations, awaits them if it must, and answers "the sum is 5".

    What it says depends only on what it is shown. `broken` prompts are refused by the server, as often as asked;
    `misled` ones are answered wrong after a placeholder. `under_way` counts the conversations it is in the middle of,
    `most` the most of them at once; `asked` holds the prompts in the order in which their conversations began.
    """

    name = "sum"
    endpoint = "memory"

    def __init__(self, *, token_s=0.004, broken=(), misled=(), unreachable=False, usage=COUNTED):
        self.token_s, self.unreachable, self.usage = token_s, unreachable, usage
        self.broken, self.misled = set(broken), set(misled)
        self.requests = self.under_way = self.most = 0
        self.asked = []

    async def stream(self, messages, tools):
        self.requests += 1
        if self.unreachable:
            raise ModelError("nothing answers at memory", unreachable=True)
        prompt = next(message["content"] for message in messages if message["role"] == "user")
        if prompt in self.broken:
            raise ModelError("the server says 400: no")
        await asyncio.sleep(self.token_s)
        yield Began()
        if messages[-1]["role"] == "user":
            self.asked.append(prompt)
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            for number, city in enumerate(POPULATIONS):
                await asyncio.sleep(self.token_s)
                yield CallPart(f"call_{self.requests}_{number}", "population", json.dumps({"city": city}))
        else:
            latest = json.loads(messages[-1]["content"])
            if isinstance(latest, dict) and latest.get("status") == "pending":
                yield CallPart(f"call_{self.requests}_a", "await_future", '{"ids": ["$f1", "$f2"]}')
            else:
                self.under_way -= 1
                shown_futures = any('"pending"' in (message["content"] or "") for message in messages)
                yield TextPart(f"the sum is {6 if shown_futures and prompt in self.misled else 5}")
        yield Ended("stop", self.usage)
