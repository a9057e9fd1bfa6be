"""An agent that plans a trip, with five plain functions: two slow lookups, a sum, a file and a message.

    asyncfc replay examples/06_agent.replay.jsonl
    asyncfc run "Plan three nights in Kyoto, and tell Ada." --tools examples/06_agent.tools.py \\
        --base-url http://127.0.0.1:8000/v1

The lookups wait, as services let one wait. The last two really write, into the folder in which the agent runs.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

from asyncfc_sim import tool


@tool(reads=["flights:{city}"])
def find_flight(city: str) -> dict[str, Any]:
    """Find the cheapest flight to a city: its number, and its price in euros."""
    time.sleep(0.8)
    return {"flight": "NH 204", "price": 740}


@tool(reads=["hotels:{city}"])
async def find_hotel(city: str) -> dict[str, Any]:
    """Find a good hotel in a city: its name, and its price in euros a night."""
    await asyncio.sleep(0.8)
    return {"hotel": "Kamo Inn", "price": 95}


@tool(reads=[])
def total_price(flight: int, hotel: int, nights: int) -> int:
    """What a flight and so many nights in a hotel cost together."""
    return flight + nights * hotel


@tool(writes=["file:{file}"])
def save_plan(file: str, text: str) -> str:
    """Write a plan into a file; returns the name of the file."""
    Path(file).write_text(text + "\n", encoding="utf-8")
    return file


# A message cannot be taken back, so it is sent only when all that was asked for before it has gone well.
@tool(writes=["outbox"], irreversible=True)
def send_message(to: str, text: str) -> str:
    """Send somebody a message."""
    with Path("outbox.txt").open("a", encoding="utf-8") as outbox:
        outbox.write(f"{to}: {text}\n")
    return "sent"
