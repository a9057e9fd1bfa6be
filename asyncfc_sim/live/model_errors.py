"""What went wrong with a request, as a ModelError: what happened, where, and what may help. Never a key."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from socket import gaierror
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from .endpoint import Endpoint, message_of, retry_after_s, shown
from .model import ModelError

# The server is busy, or had an accident: the same request may succeed later.
_RETRYABLE = {408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529}


def refused(endpoint: Endpoint, status: int, headers: Mapping[str, str], body: bytes) -> ModelError:
    """The server answered with an error."""
    words = endpoint.words(body)
    what = {
        401: "does not accept the API key (401); set OPENAI_API_KEY, or give another one",
        403: "does not allow this with the given API key (403)",
        404: "has no chat completions or no such model (404); is the base URL right?",
        413: "does not take so long a conversation (413)",
        429: "has had too many requests (429)",
    }.get(status, f"answered with status {status}")
    return ModelError(
        f"{endpoint.shown} {what}: {words}" if words else f"{endpoint.shown} {what}",
        retryable=status in _RETRYABLE and b"insufficient_quota" not in body,
        retry_after_s=retry_after_s(headers),
        unreachable=status in (401, 403, 404),
    )


def no_connection(endpoint: Endpoint, error: BaseException, *, retryable: bool) -> ModelError:
    """No answer at all: nobody listens, the name is not known, the certificate is not trusted, the line was cut."""
    cause = error
    while inner := cause.__cause__ or cause.__context__:
        cause = inner
    match cause:
        case ConnectionRefusedError():
            why = "nothing listens there; is the server running, and the base URL right?"
        case gaierror():
            why = "there is no host of that name; is the base URL right?"
        case ssl.SSLCertVerificationError():
            trust = "the trust store of the operating system is asked: is ca-certificates installed?"
            why = f"its certificate is not trusted ({cause.verify_message}); {trust}"
        case ssl.SSLError():
            why = f"no secure connection ({cause.reason}); is it http:// and not https://?"
        case _:
            why = endpoint.quote(str(cause) or str(error)) or type(cause).__name__
    reason = f"cannot reach {endpoint.shown}: {why}{_by_proxy(endpoint)}"
    return ModelError(reason, retryable=retryable, unreachable=True)


def _by_proxy(endpoint: Endpoint) -> str:
    """What is wrong may be so of the proxy that the environment names, and not of the server."""
    parts = urlsplit(endpoint.base_url)
    proxies, host = getproxies(), parts.netloc.rpartition("@")[2]
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(host):
        return ""
    named = shown(proxy if "://" in proxy else f"http://{proxy}")
    return f" (it is asked through the proxy {named}; NO_PROXY={parts.hostname} would ask it directly)"


def broke_off(
    endpoint: Endpoint, why: str, *, retryable: bool = True, retry_after_s: float | None = None
) -> ModelError:
    """The answer began, and did not end as it should."""
    reason = f"the answer of {endpoint.shown} broke off: {why}"
    return ModelError(reason, retryable=retryable, retry_after_s=retry_after_s)


def reported(endpoint: Endpoint, report: Mapping[str, object]) -> ModelError:
    """The server reports an error where a message was expected."""
    error = report.get("error")
    code = (error if isinstance(error, Mapping) else report).get("code")
    lasting = isinstance(code, int) and 400 <= code < 500 and code not in _RETRYABLE
    words = endpoint.quote(message_of(report) or str(error or report))
    return ModelError(f"{endpoint.shown} reports an error in its answer: {words}", retryable=not lasting)
