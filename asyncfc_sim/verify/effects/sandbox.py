"""A folder of one's own: tools run in it as their working folder, and the files in it are part of the state.

Databases (SQLite) are compared by their rows, not by their bytes: the same rows may lie in other pages.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Hashable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from .access import FILES, Location, Segment
from .observation import Observation

_SQLITE: Final = b"SQLite format 3\x00"
_BESIDE: Final = ("-journal", "-wal", "-shm")  # what SQLite keeps beside a database while it is in use


class Sandbox:
    """`folder` is where tools run; what they put into `tempfile`'s folder is nobody's business."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.path.realpath(folder))

    def clear(self) -> None:
        """Empty it, and make it the working folder."""
        try:
            for entry in os.scandir(self.folder):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    os.unlink(entry.path)
        except FileNotFoundError:  # a tool removed the folder itself
            self.folder.mkdir(exist_ok=True)
        os.chdir(self.folder)

    def observe(self) -> Observation:
        content: dict[Location, str] = {}
        order: dict[Location, tuple[Hashable, ...]] = {}
        if not self.folder.is_dir():
            return Observation({FILES: "the working folder is gone"})
        for where, path in _below(FILES, self.folder):
            if path.is_symlink():
                content[where] = f"link to {os.readlink(path)}"
            elif path.is_dir():
                content[where] = "folder"
            elif (data := path.read_bytes()).startswith(_SQLITE):
                content[where] = "database"
                for table, rows in _tables(path):
                    _table((*where, ("table", table)), rows, content, order)
            else:
                content[where] = repr(data.decode("utf-8", "backslashreplace"))
        return Observation(content, order)

    def location(self, path: str | bytes | os.PathLike[str]) -> Location | None:
        """Where a path is in this folder; None if it lies outside."""
        absolute = os.path.realpath(os.path.join(self.folder, os.fsdecode(path)))
        if absolute == str(self.folder):
            return FILES
        if not absolute.startswith(f"{self.folder}{os.sep}"):
            return None
        return (*FILES, *(("/", name) for name in os.path.relpath(absolute, self.folder).split(os.sep)))


@contextmanager
def sandbox() -> Iterator[Sandbox]:
    """A fresh folder, which is the working folder inside and gone afterwards."""
    before = Path.cwd()
    temporary = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="asyncfc-check-", dir=_memory()) as outer:
        work, scratch = Path(outer, "work"), Path(outer, "tmp")
        work.mkdir()
        scratch.mkdir()
        tempfile.tempdir = str(scratch)
        os.chdir(work)
        try:
            yield Sandbox(work)
        finally:
            tempfile.tempdir = temporary
            os.chdir(before)


def _memory() -> str | None:
    """A folder in memory, where there is one: databases wait for the disk at every commit."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None


def _below(where: Location, folder: Path) -> Iterator[tuple[Location, Path]]:
    for entry in sorted(folder.iterdir()):
        if entry.name.endswith(_BESIDE) and entry.with_name(entry.name.rpartition("-")[0]).exists():
            continue
        inside = (*where, ("/", entry.name))
        yield inside, entry
        if entry.is_dir() and not entry.is_symlink():
            yield from _below(inside, entry)


Rows = list[tuple[Segment, str]]


def _tables(path: Path) -> Iterator[tuple[str, Rows]]:
    """Each table's rows, by primary key, or by their place where there is none."""
    with closing(sqlite3.connect(path)) as connection:
        schema = connection.execute("SELECT name, sql FROM sqlite_schema")
        yield "sqlite_schema", [(("row", name), sql or "") for name, sql in schema]
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for name in names:
            quoted = '"{}"'.format(name.replace('"', '""'))
            keys = [column[1] for column in connection.execute(f"PRAGMA table_info({quoted})") if column[5]]
            cursor = connection.execute(f"SELECT * FROM {quoted}")
            columns = [column[0] for column in cursor.description]
            places = [columns.index(key) for key in keys]
            yield name, [(_row(row, places, number), repr(row)) for number, row in enumerate(cursor)]


def _row(row: tuple[Hashable, ...], places: list[int], number: int) -> Segment:
    key = tuple(row[place] for place in places)
    return ("row", key[0] if len(key) == 1 else key) if key else ("#", number)


def _table(
    where: Location, rows: Rows, content: dict[Location, str], order: dict[Location, tuple[Hashable, ...]]
) -> None:
    content[where] = "table"
    for segment, row in rows:
        content[(*where, segment)] = row
    order[where] = tuple(name for (_, name), _ in rows)
