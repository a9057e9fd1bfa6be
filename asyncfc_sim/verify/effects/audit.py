"""What tools do beside Python objects, seen through audit events: files, databases, and what must not be tried.

One hook is installed once, because a hook cannot be removed; it does nothing but while a `Watcher` is at work. What
would change the world outside the sandbox folder is refused before it happens.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from .access import FILES, KEYS, Access
from .sandbox import Sandbox

Note = Callable[[Access], None]

_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC
_DEVICES: Final = frozenset(f"/dev/{name}" for name in ("null", "zero", "full", "tty", "stdout", "stderr"))
# Events that reach out of this process, or change it as a whole, and what they are called.
_OUTSIDE: Final = {
    "socket.connect": "it connects to the network",
    "socket.bind": "it listens on the network",
    "socket.getaddrinfo": "it looks up an address on the network",
    "socket.sendto": "it sends to the network",
    "subprocess.Popen": "it starts a program",
    "os.system": "it starts a program",
    "os.exec": "it starts a program",
    "os.posix_spawn": "it starts a program",
    "os.fork": "it starts a process",
    "os.forkpty": "it starts a process",
    "os.kill": "it sends a signal",
    "os.killpg": "it sends a signal",
    "os.putenv": "it changes an environment variable",
    "os.unsetenv": "it changes an environment variable",
    "os.chdir": "it changes the working folder, which all threads share",
}
# Of a file, but of no content: inside the sandbox nobody looks at it.
_ATTRIBUTES: Final = frozenset({"os.chmod", "os.chown", "os.utime", "os.setxattr", "os.removexattr"})
_SQL_WRITES: Final = frozenset({sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE})


class Refused(BaseException):
    """A tool tried what cannot be undone here. No `Exception`, so that a tool's own handlers do not catch it."""


class Watcher:
    """Notes what is done in a sandbox; `outside_allowed` if the tools' author resets and observes the rest."""

    def __init__(self, sandbox: Sandbox, *, outside_allowed: bool = False) -> None:
        self._sandbox = sandbox
        self._outside_allowed = outside_allowed
        self.note: Note | None = None
        self.refusal: Refused | None = None
        self._inside: set[int] = set()  # the threads that run a call
        self._bystanders = {thread.ident for thread in threading.enumerate()}
        self._closed = False
        self._lock = threading.Lock()
        self._own = threading.local()
        self._connections: list[sqlite3.Connection] = []

    @contextmanager
    def at_work(self, note: Note | None = None) -> Iterator[None]:
        """Around a call: what must not be is refused; accesses are noted, if anybody wants them."""
        _install()
        thread = threading.get_ident()
        with self._lock:  # calls may overlap
            self._inside.add(thread)
            self._activate()
        self.note = note
        try:
            yield
        finally:
            self.note = None
            with self._lock:
                self._inside.remove(thread)
                self._activate()

    def _activate(self) -> None:
        global _active
        _active = self if self._inside and not self._closed else None

    def close(self) -> None:
        """Watch no more, even if some call hangs for ever."""
        with self._lock:
            self._closed = True
            self._activate()

    def event(self, event: str, args: tuple[Any, ...]) -> None:
        thread = threading.get_ident()
        if getattr(self._own, "looking", False) or (thread in self._bystanders and thread not in self._inside):
            return
        with self._looking():
            try:
                self._event(event, args)
            except Refused as why:
                self.refusal = self.refusal or why
                raise

    def take_refusal(self) -> Refused | None:
        """What was refused since it was asked last: in a thread of its own, or past a bare `except`, it is lost."""
        refusal, self.refusal = self.refusal, None
        return refusal

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """Around looking at paths and connections, which causes events too."""
        self._own.looking = True
        try:
            yield
        finally:
            self._own.looking = False

    def _event(self, event: str, args: tuple[Any, ...]) -> None:
        if event in _OUTSIDE and not self._outside_allowed:
            raise Refused(f"{_OUTSIDE[event]} ({event}{_shown(args)})")
        match event:
            case "open" if isinstance(args[0], str | bytes | os.PathLike):
                self._opened(args[0], args[2])
            case "os.listdir" | "os.scandir":
                path = _path(".") if args[0] is None else _path(args[0])
                if path is not None and (where := self._sandbox.location(path)) is not None:
                    self._note(Access("r", (*where, KEYS)))
            case _ if event in _ATTRIBUTES:
                folder = -1 if event.endswith("xattr") else args[-1]
                if (path := _path(args[0], folder)) is not None and self._sandbox.location(path) is None:
                    self._refuse_outside(path)
            case "os.truncate" if isinstance(args[0], str | bytes | os.PathLike):
                self._changed(args[0], entry=False)
            case "sqlite3.connect":
                self._connected(args[0])
            case "sqlite3.connect/handle" if self.note is not None:
                self._connections.append(args[0])
            case "os.remove" | "os.rmdir":
                if (path := _path(args[0], args[1])) is not None:
                    self._changed(path, entry=True)
            case "os.mkdir" | "os.rename" | "os.link" | "os.symlink":
                for path in args[: 1 if event == "os.mkdir" else 2]:
                    self._changed(path, entry=True)

    def _opened(self, path: Any, flags: int) -> None:
        where = self._sandbox.location(path)
        if not flags & _WRITING:
            if where is not None:
                self._note(Access("r", where))
            return
        if not os.path.isdir(path):  # which cannot be opened for writing
            self._changed(path, entry=not os.path.exists(path))

    def _changed(self, path: Any, *, entry: bool) -> None:
        """A file or folder is written; with `entry`, it appears or goes."""
        where = self._sandbox.location(path)
        if where is None:
            self._refuse_outside(path)
            return
        self._note(Access("w", where, below=True))
        if entry and where != FILES:
            self._note(Access("add", (*where[:-1], KEYS)))

    def _refuse_outside(self, path: Any) -> None:
        if not self._may_write(path):
            raise Refused(f"it writes {os.fsdecode(path)!r}, which lies outside the working folder")

    def _may_write(self, path: Any) -> bool:
        absolute = os.path.realpath(os.fsdecode(path))
        scratch = str(self._sandbox.folder.with_name("tmp"))
        return self._outside_allowed or absolute in _DEVICES or absolute.startswith(f"{scratch}{os.sep}")

    def _connected(self, database: Any) -> None:
        path = _database_file(os.fsdecode(database))
        if path and self._sandbox.location(path) is None and not self._may_write(path):
            raise Refused(f"it opens the database {path!r}, which lies outside the working folder")

    def catch_up(self) -> None:
        """Watch the databases opened since: in its event, a connection is not ready for that."""
        while self._connections:
            with self._looking(), suppress(sqlite3.Error):  # closed again already
                self._watch_connection(self._connections.pop())

    def _watch_connection(self, connection: sqlite3.Connection) -> None:
        file = next((row[2] for row in connection.execute("PRAGMA database_list") if row[1] == "main"), "")
        where = self._sandbox.location(file) if file else None
        if where is None:
            return  # in memory: whoever holds it, holds an object

        def authorize(action: int, table: str | None, *_: Any) -> int:
            if table is not None and not table.startswith("sqlite_"):
                place = (*where, ("table", table))
                if action == sqlite3.SQLITE_READ:
                    self._note(Access("r", place, below=True, certain=False))
                elif action in _SQL_WRITES:
                    self._note(Access("w", place, below=True, certain=False))
            return sqlite3.SQLITE_OK

        connection.set_authorizer(authorize)

    def _note(self, access: Access) -> None:
        if self.note is not None:
            self.note(access)


_active: Watcher | None = None
_installed = False


def _install() -> None:
    global _installed
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if _active is not None:
        _active.event(event, args)


def _path(path: Any, folder: int = -1) -> str | None:
    """A path as text, also where it is an open folder, or relative to one; None if that cannot be known."""
    try:
        if isinstance(path, int):
            return os.readlink(f"/proc/self/fd/{path}")
        text = os.fsdecode(path)
        return text if folder < 0 else os.path.join(os.readlink(f"/proc/self/fd/{folder}"), text)
    except OSError:  # no such system, or closed again
        return None


def _database_file(name: str) -> str:
    """The file that may be written under a database's name, which may be a URI; "" if there is none."""
    if not name.startswith("file:"):
        return "" if name == ":memory:" else name
    uri = urlsplit(name)
    modes = parse_qs(uri.query)
    harmless = unquote(uri.path) == ":memory:" or {"ro", "memory"} & set(modes.get("mode", ()))
    return "" if harmless else unquote(uri.path)


def _shown(args: tuple[Any, ...]) -> str:
    text = ", ".join(repr(arg) for arg in args if isinstance(arg, str | int | bytes | tuple | list))
    return f": {text[:80]}" if text else ""
