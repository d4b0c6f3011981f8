"""What an ACP agent tells again of a session that is taken up: it was told to a process before, and is not heard twice."""

import asyncio
from typing import Final

SECONDS_OF_SILENCE: Final = 0.5
MOST_SECONDS: Final = 10.0
"""After the agent has answered."""


class Replay:
    """From the request to take the session up until its next turn; of one that could not be taken up, for ever."""

    def __init__(self) -> None:
        self._session: str | None = None
        self._heard = asyncio.Event()

    def expect(self, session: str) -> None:
        self._session = session

    def covers(self, session: str) -> bool:
        """Asked of whatever the agent sends."""
        if session != self._session:
            return False
        self._heard.set()
        return True

    async def ended(self) -> None:
        """Some agents answer first and replay then: nothing but their silence tells that it is over."""
        try:
            async with asyncio.timeout(MOST_SECONDS):
                while await self._is_heard():
                    self._heard.clear()
        except TimeoutError:
            pass

    def end(self, session: str) -> None:
        if session == self._session:
            self._session = None

    async def _is_heard(self) -> bool:
        try:
            async with asyncio.timeout(SECONDS_OF_SILENCE):
                return await self._heard.wait()
        except TimeoutError:
            return False
