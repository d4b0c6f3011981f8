"""An agent that speaks the Agent Client Protocol on its standard input and output: one session, one prompt after another.

The SDK does the protocol. Starting and ending the process is the runner's: an agent's adapter may leave children of its
own behind, and the SDK ends only the first of them.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Sequence
from typing import Final, TypeVar, cast

from acp import RequestError, connect_to_agent, text_block
from acp.client.connection import ClientSideConnection
from acp.interfaces import Client
from acp.schema import (
    AgentCapabilities,
    ClientCapabilities,
    FileSystemCapabilities,
    Implementation,
    PromptResponse,
    TextContentBlock,
)
from pydantic import ValidationError

from app.agents import acp_models, acp_sessions
from app.agents.acp_listening import Listener
from app.agents.acp_sessions import Session
from app.agents.acp_wire import Wire
from app.agents.assignments import Assignment, ContextItem
from app.agents.conversations import Outcome, Pipes, Verdict
from app.agents.reporting import Reporter

log = logging.getLogger(__name__)
T = TypeVar("T")

PROTOCOL: Final = 1
START_SECONDS: Final = 120.0
"""For each step before the first prompt: some agents are started by a script that looks for a newer version first."""
_PROMPT: Final = "session/prompt"
_GIVEN: Final = "You are given something to take into account:"
_NOTHING_OF_OURS: Final = ClientCapabilities(
    fs=FileSystemCapabilities(read_text_file=False, write_text_file=False), terminal=False
)
_ENDS: Final = {
    "max_tokens": "The agent stopped: the model may write no more tokens.",
    "max_turn_requests": "The agent stopped: it may ask the model no more often in one turn.",
    "refusal": "The agent refuses to go on.",
    "cancelled": "The agent's turn was cancelled.",
}


class AcpConversation:
    """What comes while a turn goes on waits for its end: of two prompts at once agents lose or cancel one."""

    def __init__(self, assignment: Assignment, pipes: Pipes, reporter: Reporter) -> None:
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[Verdict] = loop.create_future()
        self._assignment = assignment
        self._reporter = reporter
        self._listener = Listener(reporter)
        self._wire = Wire(pipes, printed=reporter.printed, sent=self._was_sent)
        self._connection: ClientSideConnection | None = None
        self._waiting: deque[ContextItem] = deque()
        self._on_their_way: list[str] = []
        self._free = asyncio.Event()
        self._free.set()
        self._asked = False
        self._leaving = False
        self._session: str | None = None
        self._patience: asyncio.Timeout | None = None
        self._task = loop.create_task(self._run())

    def give(self, items: Sequence[ContextItem]) -> None:
        self._waiting.extend(items)

    def answer(self, request: str, answer: str | None) -> None:
        self._listener.permissions.answer(request, answer)

    def hold(self, held: bool) -> None:
        if held:
            self._free.clear()
        else:
            self._free.set()
        if self._patience is not None:  # a stopped process answers nobody
            self._patience.reschedule(None if held else _soon())

    async def cancel(self) -> None:
        self._leaving = True
        if self._connection is None or self._session is None or self.ended.done():
            return
        self._listener.permissions.withdraw()
        try:
            await self._connection.cancel(session_id=self._session)
        except ConnectionError:
            return
        await asyncio.wait([self.ended])

    def hang_up(self) -> None:
        self._wire.hang_up()

    async def close(self, seconds: float) -> None:
        await asyncio.wait([self._wire.over], timeout=seconds)
        self._task.cancel()
        await asyncio.wait([self._task])
        try:
            if self._connection is not None:
                await self._connection.close()
        except Exception:  # how it ended has still to be reported
            log.exception("the connection could not be closed in order")
        await self._wire.close()
        self._listener.finish()
        self._end(Verdict(Outcome.BROKEN))

    async def _run(self) -> None:
        try:
            self._end(await self._talk())
        except (ConnectionError, OSError):
            self._end(Verdict(Outcome.BROKEN, self._wire.problem))
        except acp_models.NotOffered as error:
            self._end(Verdict(Outcome.FAILED, str(error)))
        except Exception:  # whatever it is, the worker must not wait for ever
            log.exception("the conversation failed")
            self._end(Verdict(Outcome.FAILED, "The conversation with the agent failed."))

    def _end(self, verdict: Verdict) -> None:
        if not self.ended.done():
            self.ended.set_result(verdict)

    async def _talk(self) -> Verdict:
        await self._wire.open()
        self._connection = connection = connect_to_agent(cast(Client, self._listener), self._wire)
        try:
            await self._begin(connection)
            while True:
                await self._free.wait()
                verdict = await self._turn(connection)
                if verdict.outcome is not Outcome.FINISHED or not self._waiting or self._leaving:
                    return verdict
        except _Refused as error:
            return Verdict(Outcome.FAILED, str(error))

    async def _begin(self, connection: ClientSideConnection) -> None:
        """Up to where it can be given its task."""
        ready = await self._step(
            "the handshake",
            connection.initialize(
                protocol_version=PROTOCOL,
                client_capabilities=_NOTHING_OF_OURS,
                client_info=Implementation(name="trackside", title="Trackside", version="1"),
            ),
        )
        if ready.protocol_version != PROTOCOL:
            raise _Refused(
                f"The agent speaks version {ready.protocol_version} of the protocol, we speak {PROTOCOL}."
            )
        session = await self._take_up(connection, ready.agent_capabilities)
        if session is None:
            session = await self._step("a session", acp_sessions.begin(connection, self._assignment.cwd)())
        self._reporter.has_session(session.id)
        choice = acp_models.choose(
            connection,
            session,
            model=self._assignment.model,
            mode=self._assignment.mode,
            reporter=self._reporter,
        )
        model = await self._step("its model and mode", choice)
        if model is not None:
            self._listener.spending.uses(model)
        self._session = session.id

    async def _take_up(
        self, connection: ClientSideConnection, able: AgentCapabilities | None
    ) -> Session | None:
        """The session of a process before. Where there is no way back into it the agent works on in a new one."""
        before, cwd = self._assignment.session, self._assignment.cwd
        if before is None:
            return None
        way = acp_sessions.take_up(connection, able, self._listener.replay, session=before, cwd=cwd)
        if way is None:
            self._reporter.noted("The agent cannot resume sessions: it begins a new one.")
            return None
        try:
            session = await self._step(f"its session {before}", way())
        except _Refused as error:
            self._reporter.noted(f"{error} It begins a new one.")
            return None
        self._listener.spending.goes_on_from(self._assignment.session_cost)
        return session

    async def _turn(self, connection: ClientSideConnection) -> Verdict:
        assert self._session is not None
        blocks, items = self._next_prompt()
        self._on_their_way = [item.id for item in items]
        self._listener.begin_turn(self._session)
        try:
            end: PromptResponse = await connection.prompt(session_id=self._session, prompt=[*blocks])
        except RequestError as error:
            return Verdict(Outcome.FAILED, f"The agent's turn failed: {_words(error)}")
        except ValidationError:
            return Verdict(Outcome.FAILED, "The agent ended its turn with something that is no answer.")
        self._listener.spending.settle(end.usage)
        if words := _ENDS.get(end.stop_reason):
            return Verdict(Outcome.FAILED, words)
        return Verdict(Outcome.FINISHED)

    def _next_prompt(self) -> tuple[list[TextContentBlock], list[ContextItem]]:
        items, first = list(self._waiting), not self._asked
        self._waiting.clear()
        self._asked = True
        blocks = [text_block(self._assignment.prompt)] if first else []
        return [*blocks, *(text_block(f"{_GIVEN} {item.name}\n\n{item.content}") for item in items)], items

    def _was_sent(self, method: str) -> None:
        if method == _PROMPT and self._on_their_way:
            self._reporter.received(self._on_their_way)
            self._on_their_way = []

    async def _step(self, what: str, request: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout_at(_soon() if self._free.is_set() else None) as self._patience:
                return await request
        except TimeoutError:
            raise _Refused(f"Asked for {what}, the agent said nothing for {START_SECONDS:g} s.") from None
        except RequestError as error:
            raise _Refused(f"Asked for {what}, the agent refused: {_words(error)}") from error
        except ValidationError as error:
            raise _Refused(f"Asked for {what}, the agent said something that is no answer.") from error
        finally:
            self._patience = None


class _Refused(Exception):
    """The conversation has not come to a first prompt; words for people."""


def _soon() -> float:
    return asyncio.get_running_loop().time() + START_SECONDS


def _words(error: RequestError) -> str:
    data = error.data
    details = data.get("details") or data.get("message") if isinstance(data, dict) else data
    words = f"{error}: {details}" if isinstance(details, str) and details else str(error)
    return words if words.endswith(".") else f"{words}."
