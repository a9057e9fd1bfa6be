"""An office: who works there, what the weather is, which rooms are booked, which messages were sent.

What can be looked up follows from the question (a checksum of its words), so that every office gives the same answers.
What is done in an office is kept in SQLite, and that is its state.
"""

from __future__ import annotations

import sqlite3
import threading
from os import PathLike
from pathlib import Path
from typing import Any, Self
from zlib import crc32

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
CURRENCIES = ("USD", "EUR", "GBP", "JPY", "CHF", "SEK", "INR", "BRL")
SKIES = ("rain", "sun", "snow", "fog")

_UNKNOWN_OF = 12  # one name in so many is nobody's
_TAKEN_OF = 8  # one room in so many is taken on a day
_TABLES = """
create table if not exists bookings (room text, day text, time text, user text, primary key (room, day, time));
create table if not exists messages (number integer primary key, recipient text, body text);
"""


class Office:
    """One office; `path` is its database, in memory if none is given, and made when something is first done in it.

    Its methods may be called from any thread.
    """

    def __init__(self, path: str | PathLike[str] = ":memory:") -> None:
        self._path = path
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def find_user(self, name: str) -> dict[str, str]:
        """Raises LookupError for a name that nobody has."""
        if _drawn(_UNKNOWN_OF, "user", name) == 0:
            raise LookupError(f"there is no user {name}")
        return {"id": f"u{100 + _drawn(900, 'id', name)}"}

    def get_weather(self, city: str, day: str) -> dict[str, Any]:
        return {"sky": SKIES[_drawn(len(SKIES), "sky", city, day)], "high": 1 + _drawn(35, "high", city, day)}

    def get_schedule(self, user: str, day: str) -> dict[str, str]:
        quarter = _drawn(40, "free", user, day)
        return {"free": f"{8 + quarter // 4}:{quarter % 4 * 15:02}"}

    def convert(self, amount: int, src: str, dst: str) -> dict[str, str]:
        rate = (_worth(src) / _worth(dst)) if src != dst else 1.0
        return {"value": f"{max(1, round(amount * rate))} {dst}"}

    def book_room(self, room: str, day: str, time: str, user: str) -> dict[str, str]:
        """Raises ValueError if the room is taken."""
        if _drawn(_TAKEN_OF, "room", room, day) == 0:
            raise ValueError(f"room {room} is taken on {day}")
        try:
            self._do("insert into bookings values (?, ?, ?, ?)", room, day, time, user)
        except sqlite3.IntegrityError:
            raise ValueError(f"room {room} is taken on {day} at {time}") from None
        return {"id": f"b{100 + _drawn(900, room, day, time)}"}

    def send_message(self, to: str, text: str) -> dict[str, str]:
        self._do("insert into messages (recipient, body) values (?, ?)", to, text)
        return {"id": f"m{100 + _drawn(900, to, text)}"}

    def bookings(self) -> list[tuple[str, ...]]:
        """All bookings (room, day, time, user), sorted."""
        return self._do("select room, day, time, user from bookings order by 1, 2, 3")

    def messages(self) -> dict[str, list[str]]:
        """The messages that each user was sent, in order."""
        sent: dict[str, list[str]] = {}
        for recipient, body in self._do("select recipient, body from messages order by number"):
            sent.setdefault(recipient, []).append(body)
        return sent

    def _do(self, sql: str, *values: str) -> list[tuple[str, ...]]:
        with self._lock:
            if self._db is None:
                # Autocommit: each booking and each message is on disk before its call returns.
                self._db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=30)
                self._db.executescript(_TABLES)
            return self._db.execute(sql, values).fetchall()


def office_file(folder: Path) -> Path:
    """Where the office of a folder is kept."""
    return folder / "office.db"


def _drawn(below: int, *words: str) -> int:
    """A number that follows from the words."""
    return crc32("|".join(words).encode()) // 7 % below


def _worth(currency: str) -> float:
    return 0.2 + _drawn(30, "worth", currency) / 10
