"""Subscriptions that outlive their connection: they go on from the last cursor, without gaps and without repeats."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from app.client.errors import NotAllowed, TracksideError, Unreachable, failure
from app.client.http import Server
from app.client.retries import BackOff
from app.client.socket import ConnectionLost, GraphQLFailure, GraphQLSocket, SlowConsumer

PATIENCE: Final = 600.0
"""As long as a runner looks for its server."""

STEADY_SECONDS: Final = 15.0
"""A connection that lasted this long was a good one; longer than it may take to come up."""

_BACK_OFF: Final = BackOff()
_REFUSED_CLOSES: Final = frozenset({4401, 4403})
_PASSING_CODES: Final = frozenset({"UNAVAILABLE"})


@dataclass(frozen=True, slots=True)
class Line:
    """How a subscription is kept up. `lost` hears, in words, when it breaks; not of every try to mend it."""

    server: Server
    patience: float = PATIENCE
    back_off: BackOff = _BACK_OFF
    lost: Callable[[str], None] = lambda words: None

    async def follow(
        self,
        document: str,
        variables: Mapping[str, Any],
        *,
        after: str,
        cursor: Callable[[dict[str, Any]], str],
        endless: bool = True,
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Each item's `data`, in order, each once. `document` takes `$after`.

        Unless it is `endless`, it ends when the server says that it is over. Raises Unreachable where no connection
        came up for `patience` seconds, RequestFailed for what the server refuses.
        """
        clock = asyncio.get_running_loop().time
        failures, since = 0, clock()
        while True:
            began, heard, cause = clock(), False, "the server ended the subscription"
            try:
                async with aclosing(self._once(document, {**variables, "after": after})) as stream:
                    async for data in stream:
                        heard, after = True, cursor(data)
                        yield data
                if not endless:
                    return
            except (ConnectionLost, SlowConsumer, GraphQLFailure) as error:
                cause = _passing(error)
            if heard or clock() - began > STEADY_SECONDS:
                failures, since = 0, clock()
            failures += 1
            if clock() - since > self.patience:
                raise Unreachable(f"The connection was lost and did not come back: {cause}.")
            if failures == 1:
                self.lost(cause)
            await asyncio.sleep(self.back_off.delay(failures))

    async def _once(
        self, document: str, variables: Mapping[str, Any]
    ) -> AsyncGenerator[dict[str, Any], None]:
        try:
            located = self.server.locate()
        except TracksideError as error:
            raise ConnectionLost(None, error.message) from error
        socket = await GraphQLSocket.open(located.url, token=located.token)
        async with socket, aclosing(socket.subscribe(document, variables)) as stream:
            async for data in stream:
                yield data


def _passing(error: Exception) -> str:
    """Why it did not work this time, in words; raises what will not work another time either."""
    if isinstance(error, ConnectionLost) and error.code in _REFUSED_CLOSES:
        raise NotAllowed("UNAUTHENTICATED", error.reason or "The token was refused.") from error
    if isinstance(error, GraphQLFailure) and error.code not in _PASSING_CODES:
        raise failure(error.errors) from error
    return (error.reason if isinstance(error, ConnectionLost) else str(error)).rstrip(".")
