"""Write a file whole or not at all: a run that is interrupted leaves the old file, or none, never half of one."""

from __future__ import annotations

import gzip
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file that takes the place of `path` when the block ends well; compressed if the name ends in `.gz`.

    A link is followed; a pipe or a device is written as it stands. Raises OSError as `open` does.
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        with target.open("wb") as out:
            yield cast(BinaryIO, out)
        return
    target = Path(os.path.realpath(target))
    # In the same folder, because a rename is atomic only within one file system.
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as out:
            if target.name.endswith(".gz"):
                # No name and no date inside: the same runs give the same bytes.
                with gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as packed:
                    yield cast(BinaryIO, packed)
            else:
                yield cast(BinaryIO, out)
        os.replace(temporary, target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename == str(temporary):
            error.filename = os.fspath(path)  # nobody asked for the other
        raise
