"""What verbs print on stdout: with `--json` one JSON document and nothing else, otherwise text."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

SECRET_OPTIONS = ("--api-key", "--header")


def document(
    kind: str, *, seed: int | None = None, config: Mapping[str, Any] | None = None, **results: Any
) -> dict[str, Any]:
    """The document of a verb: what was asked (`argv`, `seed`, `config`, and `config_file` if one was read), then the
    results.

    `kind` names its form: `parse/1`. There is no date in it and no duration of our own work, so that the same
    request with the same seed gives the same bytes.
    """
    from asyncfc_sim.traces.trace import package_version

    from .config import file_in_use

    head = {
        "schema": f"asyncfc.{kind}",
        "version": package_version(),
        "argv": _without_secrets(sys.argv[1:]),
        "seed": seed,
    }
    if (path := file_in_use()) is not None:
        head["config_file"] = path
    return {**head, "config": dict(config or {}), **results}


def _without_secrets(argv: Sequence[str]) -> list[str]:
    """The command line, fit to be kept: keys are left out, and what may hold some (headers, parts of addresses)."""
    kept: list[str] = []
    hidden = False
    for word in argv:
        option, equals, _ = word.partition("=")
        secret = option in SECRET_OPTIONS
        kept.append("***" if hidden else f"{option}=***" if secret and equals else _without_password(word))
        hidden = secret and not equals and not hidden
    return kept


def _without_password(word: str) -> str:
    """An address without its user, its password and its query; any other word as it is."""
    return re.sub(r"(https?://)(?:[^\s/?#@]*@)?([^\s?#]*)(?:\?[^\s#]*)?", r"\1\2", word)


def emit(document: Mapping[str, Any], path: str | None = None) -> None:
    """Print the document, or write it to `path`, whole or not at all. Raises ValueError for NaN and infinities."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2)
    try:
        text.encode(_encoding() if path is None else "utf-8")
    except UnicodeEncodeError:  # a terminal that is not UTF, or a file name that is no text
        text = json.dumps(document, allow_nan=False, indent=2)
    if path is None:
        print(text)
        return
    from asyncfc_sim.traces.files import atomic_write

    with atomic_write(path) as out:
        out.write(f"{text}\n".encode())


def emit_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table to `path`, whole or not at all; what is None is left empty. Raises OSError."""
    import csv
    import io

    from asyncfc_sim.traces.files import atomic_write

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    with atomic_write(path) as out:
        out.write(text.getvalue().encode())


def report_faults(faults: Sequence[str], shown: int = 5) -> None:
    """Say on stderr what of a file was broken and skipped."""
    for fault in faults[:shown]:
        print(f"skipped: {fault}", file=sys.stderr)
    if len(faults) > shown:
        print(f"skipped: {len(faults) - shown} more", file=sys.stderr)


def show(text: str) -> None:
    """Print text; a character that the terminal cannot show is written as an escape."""
    print(text.encode(_encoding(), "backslashreplace").decode(_encoding()), end="")


def _encoding() -> str:
    return getattr(sys.stdout, "encoding", None) or "utf-8"
