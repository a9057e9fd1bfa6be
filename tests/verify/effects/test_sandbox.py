"""Files and databases are part of the state, what is done with them is noted, and nothing outside is touched."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from asyncfc_sim.verify.effects.access import Access, told
from asyncfc_sim.verify.effects.audit import Refused, Watcher
from asyncfc_sim.verify.effects.sandbox import Sandbox, sandbox


def noted(work: object, folder: Sandbox) -> set[tuple[str, str]]:
    seen: list[Access] = []
    watcher = Watcher(folder)
    with watcher.at_work(seen.append):
        work(watcher)  # type: ignore[operator]
    return {(access.kind, told(access.where)) for access in seen}


def test_tools_work_in_a_folder_that_is_gone_afterwards():
    before = Path.cwd()
    with sandbox() as files:
        assert Path.cwd() == files.folder
        Path("a.txt").write_text("x")
    assert Path.cwd() == before
    assert not files.folder.exists()


def test_a_state_is_the_files_and_what_is_in_them():
    with sandbox() as files:
        empty = files.observe()
        Path("d").mkdir()
        Path("d/a.txt").write_text("x")
        full = files.observe()
        assert [told(where) for where in empty.changed(full)] == ["file 'd'"]
        Path("d/a.txt").write_text("y")
        assert [told(where) for where in full.changed(files.observe())] == ["file 'd/a.txt'"]
        files.clear()
        assert files.observe().content == empty.content


def test_databases_are_compared_by_their_rows():
    def filled(*rows: tuple[int, str]) -> None:
        with closing(sqlite3.connect("shop.db")) as connection, connection:
            connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT)")
            connection.executemany("INSERT INTO orders VALUES (?, ?)", rows)

    with sandbox() as files:
        filled((1, "lamp"), (2, "desk"))
        one = files.observe()
        files.clear()
        filled((2, "desk"), (1, "lamp"))
        assert one.changed(files.observe()) == []
        with closing(sqlite3.connect("shop.db")) as connection, connection:
            connection.execute("UPDATE orders SET item = 'sofa' WHERE id = 2")
        assert [told(where) for where in one.changed(files.observe())] == ["row 2 of table 'orders' of file 'shop.db'"]


def test_reading_and_writing_files_is_noted():
    with sandbox() as files:
        new = noted(lambda _: Path("a.txt").write_text("x"), files)
        assert new == {("w", "file 'a.txt'"), ("add", "the names in folder '.'")}
        assert noted(lambda _: Path("a.txt").read_text(), files) == {("r", "file 'a.txt'")}
        assert noted(lambda _: os.listdir(), files) == {("r", "the names in folder '.'")}
        assert ("w", "file 'b.txt'") in noted(lambda _: os.replace("a.txt", "b.txt"), files)
        assert noted(lambda _: tempfile.TemporaryFile().close(), files) == set()


def test_removing_a_folder_with_all_that_is_in_it_is_noted():
    with sandbox() as files:
        Path("d/e").mkdir(parents=True)
        Path("d/e/a.txt").write_text("x")
        assert ("w", "file 'd/e/a.txt'") in noted(lambda _: shutil.rmtree("d"), files)
        assert files.observe().content == {}


def test_queries_are_noted_by_table():
    def query(watcher: Watcher) -> None:
        with closing(sqlite3.connect("shop.db")) as connection:
            watcher.catch_up()
            connection.execute("CREATE TABLE orders (id)")
            connection.execute("INSERT INTO orders VALUES (1)")
            connection.execute("SELECT * FROM orders").fetchall()

    with sandbox() as files:
        seen = noted(query, files)
    assert seen == {("w", "table 'orders' of file 'shop.db'"), ("r", "table 'orders' of file 'shop.db'")}


@pytest.mark.parametrize("path", ["../outside.txt", "/tmp/asyncfc-outside.txt"])
def test_writing_outside_is_refused_before_it_happens(path: str):
    with sandbox() as files, pytest.raises(Refused, match="outside the working folder"):
        noted(lambda _: Path(path).write_text("x"), files)
    assert not Path("/tmp/asyncfc-outside.txt").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda path: os.chmod(path, 0o600),
        lambda path: os.utime(path, (1, 1)),
        lambda path: os.chown(path, os.getuid(), os.getgid()),
    ],
)
def test_changing_what_is_known_of_a_file_outside_is_refused_too(change: Callable[[Path], None], tmp_path: Path):
    mine = tmp_path / "mine.txt"
    mine.write_text("x")
    before = mine.stat()
    with sandbox() as files:
        with pytest.raises(Refused, match="outside the working folder"):
            noted(lambda _: change(mine), files)
        Path("a.txt").write_text("x")
        assert noted(lambda _: change(Path("a.txt")), files) == set()
    assert mine.stat().st_mode == before.st_mode
    assert mine.stat().st_mtime_ns == before.st_mtime_ns


def test_a_database_outside_may_be_read_by_its_uri_and_not_written(tmp_path: Path):
    file = tmp_path / "my shop.db"
    uri = file.as_uri()
    with sandbox() as files:
        for address in (uri, f"{uri}?mode=rwc"):
            with pytest.raises(Refused, match="outside the working folder"):
                noted(lambda _, at=address: sqlite3.connect(at, uri=True), files)
        assert not file.exists()
        sqlite3.connect(file).close()
        for address in (f"{uri}?mode=ro", "file:a.db", "file::memory:", "file:x?mode=memory&cache=shared"):
            noted(lambda _, at=address: sqlite3.connect(at, uri=True).close(), files)


@pytest.mark.parametrize(
    ("work", "why"),
    [
        (lambda _: __import__("socket").create_connection(("localhost", 9)), "network"),
        (lambda _: __import__("subprocess").run(["true"], check=False), "starts a program"),
        (lambda _: os.environ.update(ASYNCFC_X="1"), "environment"),
        (lambda _: os.chdir("/"), "working folder"),
        (lambda _: os.kill(os.getpid(), 0), "signal"),
    ],
)
def test_what_reaches_out_of_the_process_is_refused(work: object, why: str):
    with sandbox() as files, pytest.raises(Refused, match=why):
        noted(work, files)


def test_outside_of_calls_nothing_is_watched():
    with sandbox() as files:
        watcher = Watcher(files)
        with watcher.at_work():
            pass
        os.environ["ASYNCFC_X"] = "1"
        del os.environ["ASYNCFC_X"]
