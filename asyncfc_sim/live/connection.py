"""The way to a server: the SDK's client, one for each event loop, and what its failures mean."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import httpx2
import openai

from .chunks import short_if_error
from .endpoint import Endpoint
from .model import ModelError
from .model_errors import no_connection
from .whole_text import whole_in

CONNECT_TIMEOUT_S: Final = 10.0


class Connection:
    """Sends requests to the server `at`; nothing is tried again. `answered`: the server has answered once."""

    def __init__(self, at: Endpoint, key: str, headers: Mapping[str, str]) -> None:
        self.answered = False
        self._at, self._key, self._headers = at, key, headers
        self._client: openai.AsyncOpenAI | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> openai.AsyncOpenAI:
        """The client of this event loop; connections are of no use to another. As many as there are requests."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            limits = httpx2.Limits(max_connections=None, max_keepalive_connections=100)
            timeout = httpx2.Timeout(None, connect=CONNECT_TIMEOUT_S)
            http_client = openai.DefaultAsyncHttpxClient(
                limits=limits, timeout=timeout, event_hooks={"response": [short_if_error]}
            )
            self._loop = loop
            self._client = openai.AsyncOpenAI(
                api_key=self._key,
                base_url=self._at.base_url,
                default_headers=self._headers,
                timeout=timeout,
                max_retries=0,
                http_client=http_client,
            )
        return self._client

    async def close(self) -> None:
        """Close all connections. The next request opens new ones."""
        client, self._client = self._client, None
        if client is not None and self._loop is asyncio.get_running_loop():
            await client.close()

    async def send(self, path: str, body: Mapping[str, Any] | None, within_s: float) -> httpx2.Response:
        """POST `body`, or GET. Of an answer that is an error the body is read. Raises ModelError without an answer."""
        client, of = self.open(), openai.AsyncStream[object]
        fault: ModelError
        try:
            async with asyncio.timeout(within_s):
                if body is None:
                    return (await client.get(path, cast_to=object, stream=True, stream_cls=of)).response
                return (await client.post(path, body=body, cast_to=object, stream=True, stream_cls=of)).response
        except UnicodeEncodeError:
            if (body_as_sent := whole_in(body)) == body:
                raise
            return await self.send(path, body_as_sent, within_s)
        except openai.APIStatusError as error:
            return error.response
        except openai.APITimeoutError:
            reason = f"no connection within {CONNECT_TIMEOUT_S:g} s; is the base URL right?"
            fault = ModelError(f"cannot reach {self._at.shown}: {reason}", retryable=self.answered, unreachable=True)
        except openai.APIConnectionError as error:
            refused_at_once = isinstance(error.__cause__, httpx2.ConnectError)
            fault = no_connection(self._at, error, retryable=self.answered or not refused_at_once)
        except TimeoutError:
            fault = ModelError(f"{self._at.shown} sent no answer for {within_s:g} s", retryable=True)
        raise fault
