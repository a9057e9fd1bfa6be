"""Booking seats. Two bookings of different seats look independent, and are not.

    asyncfc check examples/04_race.tools.py

finds two such bookings, the place where they meet, and the declaration that would be right.
"""

from asyncfc_sim import tool

SEATS: dict[str, str | None] = {"12A": None, "12B": None, "14C": "Ada"}
COUNTERS = {"next": 1}


@tool(reads=["seat:{seat}"])
def get_seat(seat: str) -> str | None:
    return SEATS[seat]


@tool(writes=["seat:{seat}"])
def book_seat(seat: str, name: str) -> str:
    if SEATS[seat] is not None:
        raise ValueError(f"seat {seat} is taken")
    number = COUNTERS["next"]
    SEATS[seat] = name
    COUNTERS["next"] = number + 1
    return f"{name}, booking {number}: seat {seat}"


@tool(writes=["seat:{seat}"])
def free_seat(seat: str) -> None:
    SEATS[seat] = None


@tool(reads=["seat:*"])
def list_free_seats() -> list[str]:
    return [seat for seat, name in sorted(SEATS.items()) if name is None]
