"""Spans of a file of OTLP-JSON: one document, or one object a line, `{"resourceSpans": [...]}` or an element of that.

Ids are opaque, times are nanoseconds since 1970. Attributes come out as plain values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from asyncfc_sim.traces import semconv

from .records import FieldFault, Record, documents, maybe, objects, section, text
from .source import Source

Key = tuple[str, str]  # trace and span

# No span is older than 1973: what reads so is seconds, milliseconds or microseconds.
OLDEST_NS: Final = 10**17


@dataclass(frozen=True, slots=True)
class Span:
    """One span. `line` is where it stands in its file, `resource` what its process said of itself."""

    key: Key
    parent: Key | None
    name: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Any] = field(default_factory=dict)
    links: tuple[tuple[Key, Mapping[str, Any]], ...] = ()
    failed: bool = False
    resource: Mapping[str, Any] = field(default_factory=dict)
    line: int | None = None
    operation: str | None = None  # CHAT, TOOL or AGENT; None if it is none of them

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return (self.end_ns - self.start_ns) / 1e9

    def get(self, names: str | tuple[str, ...]) -> Any:
        """The first of these attributes that is there."""
        return _first(self.attributes, names)


def _first(attributes: Mapping[str, Any], names: str | tuple[str, ...]) -> Any:
    for name in (names,) if isinstance(names, str) else names:
        if (value := attributes.get(name)) is not None:
            return value
    return None


def _operation(attributes: Mapping[str, Any]) -> str | None:
    named = _first(attributes, (semconv.OPERATION, semconv.OBSERVATION))
    if named is not None:
        return semconv.OPERATIONS.get(str(named).lower())
    # Older instrumentations tell by what they record.
    if semconv.TOOL_NAME in attributes:
        return semconv.TOOL
    if semconv.REQUEST_MODEL in attributes and _first(attributes, semconv.PROVIDER + semconv.OUTPUT_TOKENS) is not None:
        return semconv.CHAT
    return semconv.AGENT if _first(attributes, semconv.AGENT_NAME) is not None else None


def has_spans(record: Record) -> bool:
    """Whether a document or line is one of OTLP spans."""
    return "resourceSpans" in record or "scopeSpans" in record


def read_spans(source: Source) -> Iterator[Span]:
    """All spans of the file; what is broken in one is told to the source, and that span left out."""
    for line, record in documents(source):
        try:
            for scope, resource in _scopes(record):
                for span in objects(scope, "spans"):
                    try:
                        yield _span(span, resource, line)
                    except FieldFault as error:
                        source.fault(f"span {span.get('spanId')!r} ({span.get('name')!r:.60}): {error}", line)
        except FieldFault as error:
            source.fault(str(error), line)


def _scopes(record: Record) -> Iterator[tuple[Record, Mapping[str, Any]]]:
    if not has_spans(record):
        raise FieldFault('expected OTLP-JSON: an object with "resourceSpans" or "scopeSpans"')
    for part in objects(record, "resourceSpans") if "resourceSpans" in record else [record]:
        resource = _attributes(section(part, "resource").get("attributes"))
        for scope in objects(part, "scopeSpans"):
            yield scope, resource


def _span(record: Record, resource: Mapping[str, Any], line: int | None) -> Span:
    trace = text(record, "traceId")
    parent = maybe(text, record, "parentSpanId")
    start_ns, end_ns = _nanoseconds(record, "startTimeUnixNano"), _nanoseconds(record, "endTimeUnixNano")
    if end_ns < start_ns:
        raise FieldFault(f"it ends {(start_ns - end_ns) / 1e9:g} s before it starts")
    status = section(record, "status").get("code")
    attributes = _attributes(record.get("attributes"))
    return Span(
        key=(trace, text(record, "spanId")),
        parent=(trace, parent) if parent else None,
        name=str(record.get("name", "")),
        start_ns=start_ns,
        end_ns=end_ns,
        attributes=attributes,
        links=tuple(
            ((text(link, "traceId"), text(link, "spanId")), _attributes(link.get("attributes")))
            for link in (maybe(objects, record, "links") or ())
        ),
        failed=status in (2, "STATUS_CODE_ERROR") or semconv.ERROR_TYPE in attributes,
        resource=resource,
        line=line,
        operation=_operation(attributes),
    )


def _nanoseconds(record: Record, name: str) -> int:
    value = record.get(name)
    try:
        time_ns = int(value) if isinstance(value, str | int) and not isinstance(value, bool) else -1
    except ValueError:
        time_ns = -1
    if time_ns < OLDEST_NS:
        raise FieldFault(f"{name} is {value!r:.40}; expected nanoseconds since 1970, of a time after 1973")
    return time_ns


def _attributes(pairs: Any) -> dict[str, Any]:
    if pairs is None:
        return {}
    if not isinstance(pairs, list) or not all(isinstance(pair, dict) and "key" in pair for pair in pairs):
        raise FieldFault(f'attributes are {pairs!r:.60}; expected a list of {{"key", "value"}}')
    return {str(pair["key"]): _value(pair.get("value")) for pair in pairs}


def _value(value: Any) -> Any:
    """A value of protobuf's AnyValue in its JSON form, in which 64-bit integers are strings."""
    if not value and (value is None or isinstance(value, dict)):
        return None
    if isinstance(value, dict) and len(value) == 1:
        ((kind, plain),) = value.items()
        if kind in _VALUES:
            try:
                return _VALUES[kind](plain)
            except (TypeError, ValueError):
                pass
    raise FieldFault(f"an attribute is {value!r:.60}; expected a value of OTLP-JSON")


def _only(kind: type) -> Callable[[Any], Any]:
    def check(plain: Any) -> Any:
        if not isinstance(plain, kind):
            raise TypeError
        return plain

    return check


_VALUES: Final[dict[str, Callable[[Any], Any]]] = {
    "stringValue": _only(str),
    "bytesValue": _only(str),
    "boolValue": _only(bool),
    "intValue": int,
    "doubleValue": float,
    "arrayValue": lambda array: [_value(item) for item in _only(list)(_only(dict)(array).get("values") or [])],
    "kvlistValue": lambda pairs: _attributes(_only(dict)(pairs).get("values")),
}
