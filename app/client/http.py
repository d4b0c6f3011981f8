"""GraphQL over HTTP: one request, one answer, asked again where a lost connection makes that necessary and safe."""

import asyncio
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Protocol, Self

import httpx

from app.client import retries
from app.client.addresses import graphql_url, is_loopback
from app.client.discovery import Located
from app.client.errors import (
    NoServer,
    NotAllowed,
    Refused,
    RequestFailed,
    TracksideError,
    Unreachable,
    failure,
)

TIMEOUT: Final = httpx.Timeout(75.0, connect=5.0)
"""Longer than a server works at a query, unless it is set otherwise: so that its word is heard."""
_PASSING: Final = frozenset({429, 502, 503, 504})
_SECRET: Final = re.compile(r"[\x21-\x7e]+")
_MEDIA_TYPES: Final = "application/graphql-response+json, application/json;q=0.9"


class Server(Protocol):
    """Asked before every attempt: a server that was restarted may have moved."""

    def locate(self) -> Located: ...


@dataclass(frozen=True, slots=True)
class At:
    """A server whose address is known."""

    url: str
    token: str | None = None

    def locate(self) -> Located:
        return Located(self.url, self.token)


class _Passing(Exception):
    """It did not work this time; `cause` is what to tell where it never does."""

    def __init__(self, cause: TracksideError, *, wait: float = 0.0) -> None:
        self.cause = cause
        self.wait = wait


class Client:
    """Use as an async context manager. Errors are TracksideError: Refused, RequestFailed, NotAllowed, Unreachable.

    Asks again, with back-off, when the connection is lost or the server is busy. Queries may be repeated as they are;
    mutations carry an idempotency key, so that one that was carried out without our hearing of it is not done twice.
    A server that has never answered and is known to be gone is not asked again; one that has may be restarting.
    """

    def __init__(
        self,
        server: Server,
        *,
        tries_again: int = retries.DEFAULT,
        back_off: retries.BackOff | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.server = server
        self.tries_again = tries_again
        self._back_off = back_off or retries.BackOff()
        self._transport = transport
        self._http: dict[bool, httpx.AsyncClient] = {}
        self._met = False

    async def query(self, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer's `data`."""
        return await self._ask(document, dict(variables or {}))

    async def mutate(self, document: str, input: Mapping[str, Any]) -> dict[str, Any]:
        """The payload of the document's only mutation, which takes `$input`; Refused where it has userErrors.

        What is None is left out.
        """
        given = {name: value for name, value in input.items() if value is not None}
        return await self.mutate_as_given(document, given)

    async def mutate_as_given(self, document: str, input: Mapping[str, Any]) -> dict[str, Any]:
        """As `mutate`, for inputs in which null means something."""
        keyed = {"idempotencyKey": f"cli-{uuid.uuid4().hex}", **input}
        data = await self._ask(document, {"input": keyed})
        payload = next(iter(data.values()), None)
        if not isinstance(payload, dict):
            raise RequestFailed("FAILED", "The server answered the mutation with nothing.")
        if payload.get("userErrors"):
            raise Refused(payload["userErrors"])
        return payload

    async def close(self) -> None:
        for http in self._http.values():
            await http.aclose()
        self._http = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # ------------------------------------------------------------------ asking

    async def _ask(self, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        body = _encoded({"query": document, "variables": variables})
        failures = 0
        while True:
            gone, wait = False, 0.0
            try:
                located = self.server.locate()
                gone = located.gone
                answer = await self._post(located, body)
            except NoServer as error:
                cause: TracksideError = error
            except _Passing as error:
                cause, wait = error.cause, error.wait
            else:
                self._met = True
                return answer
            failures += 1
            if failures > self.tries_again or (not self._met and (gone or isinstance(cause, NoServer))):
                raise _last_word(cause, failures, gone=gone)
            await asyncio.sleep(max(wait, self._back_off.delay(failures)))

    async def _post(self, located: Located, body: bytes) -> dict[str, Any]:
        url = graphql_url(located.url)
        headers = {"content-type": "application/json", "accept": _MEDIA_TYPES}
        if located.token is not None:
            if not _SECRET.fullmatch(located.token):
                raise NotAllowed("UNAUTHENTICATED", "The token holds characters that no token has.")
            headers["authorization"] = f"Bearer {located.token}"
        try:
            response = await self._connection(url).post(url, content=body, headers=headers)
        except httpx.TransportError as error:
            raise _Passing(Unreachable(f"{located.url} does not answer: {_words(error)}.")) from error
        return _data(response)

    def _connection(self, url: str) -> httpx.AsyncClient:
        direct = is_loopback(url)  # a proxy has no business on the loopback interface
        if direct not in self._http:
            self._http[direct] = httpx.AsyncClient(
                timeout=TIMEOUT,
                trust_env=not direct,
                transport=self._transport,
                headers={"user-agent": "trackside"},
            )
        return self._http[direct]


def _encoded(request: dict[str, Any]) -> bytes:
    try:
        return json.dumps(request, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a surrogate pair: let the server say where
        return json.dumps(request).encode()


def _data(response: httpx.Response) -> dict[str, Any]:
    answer = _json(response)
    errors = answer.get("errors") if isinstance(answer, dict) else None
    listed = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    if listed or response.status_code in (401, 403):
        error = failure(listed, response.status_code)
        if error.code == "UNAVAILABLE" or response.status_code in _PASSING:
            raise _Passing(error, wait=_retry_after(response))
        raise error
    if response.status_code in _PASSING:
        raise _Passing(
            Unreachable(f"the server answered with status {response.status_code}."),
            wait=_retry_after(response),
        )
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict):
        raise RequestFailed(
            "FAILED",
            f"What answers at {response.url} is no Trackside server (status {response.status_code}).",
            suggestion="Check the address.",
        )
    return data


def _json(response: httpx.Response) -> Any:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return None


def _retry_after(response: httpx.Response) -> float:
    text = response.headers.get("retry-after", "")
    return min(float(text), 60.0) if text.isascii() and text.isdigit() else 0.0


def _last_word(cause: TracksideError, tries: int, *, gone: bool) -> TracksideError:
    if not isinstance(cause, Unreachable) or isinstance(cause, NoServer):
        return cause
    if gone:
        return NoServer("The server has ended.", suggestion="Start it again: trackside serve")
    times = f" It was tried {tries} times." if tries > 1 else ""
    return Unreachable(
        f"{cause.message}{times}",
        suggestion="Check the address, and whether the server runs: trackside serve",
    )


def _words(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "it took too long"
    return str(error).rstrip(".") or type(error).__name__
