"""What a `$ref` of a JSON schema points at."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote


def pointed_at(root: Any, reference: str, otherwise: bool) -> Any:
    """The part of `root` that a local reference names (`#/$defs/Point`, RFC 6901); `otherwise`, a schema that allows
    everything or nothing, for any other reference."""
    if not reference.startswith("#"):
        return otherwise
    found = root
    for part in unquote(reference[1:]).split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        elif isinstance(found, dict) and part in found:
            found = found[part]
        else:
            return otherwise
    return found
