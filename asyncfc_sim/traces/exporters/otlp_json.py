"""Spans as OTLP-JSON. Ids are hashes of names, so equal sessions give equal bytes; times are whole nanoseconds."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from asyncfc_sim.traces import semconv
from asyncfc_sim.traces.trace import package_version

INTERNAL: Final = 1
CLIENT: Final = 3
ERROR: Final = 2  # the code of a status

# When records are said to begin, 2020-01-01: they say when after their start a thing was, not when that start was.
START_NS: Final = 1_577_836_800 * 10**9


@dataclass(slots=True)
class SpanOut:
    """A span to be written. What is None among its attributes is left out."""

    name: str
    trace: str
    span: str
    parent: str | None
    start_ns: int
    end_ns: int
    kind: int = INTERNAL
    attributes: dict[str, Any] = field(default_factory=dict)
    links: list[tuple[SpanOut, str]] = field(default_factory=list)  # to producers: data, read, call
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The span in the JSON form of protobuf."""
        own = {**self.attributes, semconv.ERROR_TYPE: self.error}
        return {
            "traceId": self.trace,
            "spanId": self.span,
            **({"parentSpanId": self.parent} if self.parent else {}),
            "name": self.name,
            "kind": self.kind,
            "startTimeUnixNano": str(self.start_ns),
            "endTimeUnixNano": str(self.end_ns),
            "attributes": attributes(own),
            **(
                {
                    "links": [
                        {"traceId": to.trace, "spanId": to.span, "attributes": attributes({semconv.EDGE: edge})}
                        for to, edge in self.links
                    ]
                }
                if self.links
                else {}
            ),
            "status": {"code": ERROR} if self.error else {},
        }


def trace_id(*names: object) -> str:
    """16 bytes in hexadecimal digits, made of names."""
    return _digest(16, "trace", *names)


def span_id(*names: object) -> str:
    """8 bytes in hexadecimal digits, made of names."""
    return _digest(8, "span", *names)


def _digest(size: int, *names: object) -> str:
    text = json.dumps([str(name) for name in names])
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=size).hexdigest()


def nanoseconds(seconds: float) -> int:
    """The nearest whole number of them."""
    return round(seconds * 1e9)


def attributes(pairs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Attributes as a list of keys with values; None and empty lists are left out."""
    return [{"key": key, "value": _value(value)} for key, value in pairs.items() if value is not None and value != []]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}  # 64 bits are more than a number of JSON is sure to hold
        case float():
            return {"doubleValue": value}
        case list() | tuple():
            return {"arrayValue": {"values": [_value(item) for item in value]}}
        case _:
            return {"stringValue": str(value)}


def line(spans: Iterable[SpanOut], start_ns: int) -> str:
    """One object of `resourceSpans`, as a line of a file."""
    resource = {"service.name": "asyncfc-sim", "asyncfc.semconv": semconv.SEMCONV, semconv.RECORDS_START: start_ns}
    scope = {"name": "asyncfc_sim", "version": package_version()}
    body = {
        "resource": {"attributes": attributes(resource)},
        "scopeSpans": [{"scope": scope, "spans": [span.to_json() for span in spans]}],
    }
    # Escaped, because half of a surrogate pair is legal in a string of JSON, and cannot be written as UTF-8.
    return json.dumps({"resourceSpans": [body]}, allow_nan=False, separators=(",", ":"))


def content_is_wanted() -> bool:
    """Whether the environment asks for content (prompts, arguments, results) in spans. By default it does not."""
    return os.environ.get(semconv.CAPTURE_CONTENT, "").lower() in ("1", "true", "span_only", "span_and_event")


def as_text(value: object) -> str:
    """Content as a text: JSON, in one line."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
