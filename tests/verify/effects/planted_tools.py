"""Plain functions over module-level dicts. Those of `GOOD` keep to what they declare; each of the others has a bug.

The bugs are those of formal.md 1.7, and one that is none: a write that reads first, which a declared write permits.
"""

from asyncfc_sim.tools.decorator import tool

FILES = {"a": "1", "b": "2"}
NUMBERS = {"n": 0, "m": 0}
PAGES = {"u": "home", "v": "news"}
OUTBOX: list[str] = []
CLOCK = {"now": 0}
STATS = {"reads": 0, "hits": 0}
QUOTA = {"used": 0}
CACHE: dict[str, str] = {}


@tool(reads=["file:{path}"])
def read(path: str) -> str:
    return FILES[path]


@tool(writes=["file:{path}"])
def write(path: str, text: str) -> str:
    FILES[path] = text
    return "ok"


@tool(writes=["file:{path}"])
def append(path: str, text: str) -> int:
    text = FILES.get(path, "") + text
    FILES[path] = text
    return len(text)


@tool(reads=["file:{src}"], writes=["file:{dst}"])
def copy(src: str, dst: str) -> None:
    text = FILES[src]
    FILES[dst] = text


@tool(writes=["file:{src}", "file:{dst}"])
def rename(src: str, dst: str) -> None:
    FILES[dst] = FILES.pop(src)


@tool(writes=["file:{path}"])
def delete(path: str) -> bool:
    return FILES.pop(path, None) is not None


@tool(writes=["file:{path}"])
def create(path: str) -> None:
    if path in FILES:
        raise FileExistsError(path)
    FILES[path] = ""


@tool(reads=["file:*"])
def ls() -> list[str]:
    return sorted(FILES)


@tool(writes=["number:{key}"])
def incr(key: str) -> int:
    value = NUMBERS.get(key, 0) + 1
    NUMBERS[key] = value
    return value


@tool(writes=["number:{key}"])
def add(key: str, n: int) -> None:
    NUMBERS[key] = NUMBERS.get(key, 0) + n


@tool(writes=["outbox"])
def send(text: str) -> int:
    OUTBOX.append(text)
    return len(OUTBOX)


@tool(reads=["web:{url}"])
def get(url: str) -> str | None:
    return PAGES.get(url)


@tool(writes=["clock"])
def now() -> int:
    CLOCK["now"] += 1
    return CLOCK["now"]


GOOD = [read, write, append, copy, rename, delete, create, ls, incr, add, send, get, now]


@tool(reads=["web:{url}"])
def fetch_cached(url: str) -> str:
    """Keeps the last page: what is in the cache afterwards depends on the order."""
    if CACHE.get("url") != url:
        CACHE["url"] = url
        CACHE["page"] = PAGES.get(url, "")
    return CACHE["page"]


@tool(reads=["file:{path}"])
def read_lru(path: str) -> str | None:
    """Declared as a read, it bumps a counter that it never shows."""
    STATS["reads"] += 1
    return FILES.get(path)


@tool(writes=["file:{path}"])
def write_quota(path: str, text: str) -> str:
    """All files share a quota, which bites when it is nearly used up."""
    if QUOTA["used"] >= 4:
        raise OSError("quota exceeded")
    QUOTA["used"] += 1
    FILES[path] = text
    return "ok"


@tool(reads=[], writes=[])
def hits() -> None:
    """Commutes with itself if each call is one step; otherwise it loses updates."""
    STATS["hits"] += 1


@tool(reads=[], writes=[])
def now_undeclared() -> int:
    """Two readings are never the same."""
    CLOCK["now"] += 1
    return CLOCK["now"]


@tool(reads=["file:{path}"])
def ci_read(path: str) -> str | None:
    """Its store takes no notice of case; its declaration does."""
    return FILES.get(path.lower())


BAD = [fetch_cached, read_lru, write_quota, hits, now_undeclared, ci_read]


@tool(writes=["number:{key}"])
def add_wo(key: str, n: int) -> None:
    """No bug: it reads before it writes, and declaring a write permits reading."""
    value = NUMBERS.get(key, 0)
    NUMBERS[key] = value + n


@tool(writes=["number:{key}"], commutes_with=["add_commuting"])
def add_commuting(key: str, n: int) -> None:
    """In either order, but not at once."""
    value = NUMBERS.get(key, 0)
    NUMBERS[key] = value + n
