"""Where a model is served: its address as it is asked and as it is shown, and the words of a server that refuses."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit, urlunsplit

OPENAI: Final = "https://api.openai.com/v1"
_LONGEST = 300  # characters of a server's words
_SHORTEST = 6  # characters of what may be a secret; shorter words turn up by chance
_CHAT: Final = "/chat/completions"


class EndpointError(ValueError):
    """An address at which no model can be served."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`base_url` with or without a scheme and `/v1`; a path is kept as it is. `secrets` are shown nowhere."""

    base_url: str
    secrets: tuple[str, ...] = ()

    @classmethod
    def at(cls, base_url: str | None, secrets: Iterable[str] = ()) -> Endpoint:
        """The endpoint that a person means. Raises EndpointError for an address that is none."""
        text = (base_url or OPENAI).strip()
        try:
            parts = urlsplit(text if "://" in text else f"http://{text}")
            _ = parts.port
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise EndpointError("the base URL is no address of a server: expected one like http://localhost:8000/v1")
        path = parts.path.rstrip("/").removesuffix(_CHAT) or "/v1"
        hidden = sorted(filter(None, (*secrets, *_hidden(parts))), key=len, reverse=True)
        return cls(urlunsplit(parts._replace(path=path, fragment="")), tuple(hidden))

    @property
    def shown(self) -> str:
        """The address without what may be a secret in it."""
        return shown(self.base_url)

    @property
    def authorization(self) -> str | None:
        """The header that the user and the password in the address stand for, if there are some."""
        return _basic(urlsplit(self.base_url))

    def url(self, path: str) -> str:
        """The address of something that is served there, to be asked for with `authorization`."""
        parts = urlsplit(self.base_url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], path=parts.path + path))

    def quote(self, words: str) -> str:
        """A server's words, fit to be shown (see `one_line`)."""
        return one_line(words, self.secrets)

    def words(self, body: bytes | str) -> str:
        """What an error's body says: the message in it if it is JSON of a known form, else the text."""
        text = body.decode("utf-8", errors="replace") if isinstance(body, bytes) else body
        try:
            found = json.loads(text)
        except ValueError:
            return "an HTML page" if "<html" in text[:1000].lower() else self.quote(text[: 10 * _LONGEST])
        return self.quote(message_of(found) or text)


def one_line(words: str, secrets: Iterable[str] = ()) -> str:
    """What somebody else says, fit to be shown: one short line, without secrets and control characters."""
    for secret in secrets:
        words = words.replace(secret, "***")
    line = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "..."


def shown(url: str) -> str:
    """A URL without what may be a secret in it: user, password and query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def secrets_in(url: str = "", headers: Mapping[str, str] | None = None) -> list[str]:
    """What may be a secret in a URL and in headers, in each form in which a server may repeat it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    given = (word for value in (headers or {}).values() for word in (value, value.partition(" ")[2]))
    return [*_hidden(parts), *(word for word in given if len(word) >= _SHORTEST)]


def _hidden(parts: SplitResult) -> list[str]:
    basic = _basic(parts)
    words = [] if basic is None else [basic.split()[1], parts.password or "", unquote(parts.password or "")]
    return [*words, *(value for _, value in parse_qsl(parts.query) if len(value) >= _SHORTEST)]


def _basic(parts: SplitResult) -> str | None:
    if parts.username is None:
        return None
    named = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {b64encode(named.encode()).decode()}"


def message_of(body: object) -> str:
    """The message in an error object; empty if it has none. OpenAI, vLLM and FastAPI each have a form of their own."""
    match body:
        case {"error": dict() | str() as error}:
            return message_of(error)
        case {"message": str(message)}:
            return message
        case {"detail": str(detail)}:
            return detail
        case {"detail": list(faults)}:
            return "; ".join(_field_fault(fault) for fault in faults if isinstance(fault, dict))
        case str():
            return body
    return ""


def _field_fault(fault: Mapping[str, object]) -> str:
    where = fault.get("loc")
    return f"{'.'.join(map(str, where)) if isinstance(where, list) else where}: {fault.get('msg')}"


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """How long a server asks to wait, if it does: `retry-after-ms`, or `retry-after` in seconds or as a date."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        if isfinite(seconds):
            return max(0.0, seconds)
    try:
        return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
