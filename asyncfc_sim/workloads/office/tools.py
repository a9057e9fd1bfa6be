"""The tools of an office, as plain functions with their footprints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asyncfc_sim.tools.decorator import tool

from .office import Office


def office_tools(office: Office) -> list[Callable[..., Any]]:
    """find_user, get_weather, get_schedule, book_room, send_message and convert, of this office."""

    @tool(reads=[])
    def find_user(name: str) -> dict[str, str]:
        """Look up the id of a person."""
        return office.find_user(name)

    @tool(reads=[])
    def get_weather(city: str, day: str) -> dict[str, Any]:
        """The weather in a city on a day: its sky, and its high in degrees."""
        return office.get_weather(city, day)

    @tool(reads=[])
    def get_schedule(user: str, day: str) -> dict[str, str]:
        """When a user (by id) is free on a day."""
        return office.get_schedule(user, day)

    @tool(reads=[], writes=["room:{room}"])
    def book_room(room: str, day: str, time: str, user: str) -> dict[str, str]:
        """Book a room for a user (by id)."""
        return office.book_room(room, day, time, user)

    @tool(reads=[], writes=["inbox:{to}"])
    def send_message(to: str, text: str) -> dict[str, str]:
        """Send a user (by id) a message."""
        return office.send_message(to, text)

    @tool(reads=[])
    def convert(amount: int, src: str, dst: str) -> dict[str, str]:
        """Convert an amount of money to another currency."""
        return office.convert(amount, src, dst)

    return [find_user, get_weather, get_schedule, book_room, send_message, convert]
