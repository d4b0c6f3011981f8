"""Opening an ACP agent's session: a new one, or again that of a process before."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from acp.client.connection import ClientSideConnection
from acp.schema import AgentCapabilities, LoadSessionResponse, NewSessionResponse, ResumeSessionResponse

from app.agents.acp_replays import Replay


@dataclass(frozen=True, slots=True)
class Session:
    """`offered` are the models and modes that it may be put into."""

    id: str
    offered: NewSessionResponse | ResumeSessionResponse | LoadSessionResponse


Open = Callable[[], Awaitable[Session]]


def begin(connection: ClientSideConnection, cwd: str) -> Open:
    async def opened() -> Session:
        answer = await connection.new_session(cwd=cwd, mcp_servers=[])
        return Session(answer.session_id, answer)

    return opened


def take_up(
    connection: ClientSideConnection,
    able: AgentCapabilities | None,
    replay: Replay,
    *,
    session: str,
    cwd: str,
) -> Open | None:
    """How to go on with a session; None where the agent cannot. Its history is not heard again either way."""
    sessions = able.session_capabilities if able is not None else None

    async def resumed() -> Session:
        replay.expect(session)
        return Session(session, await connection.resume_session(session_id=session, cwd=cwd, mcp_servers=[]))

    async def loaded() -> Session:
        replay.expect(session)
        answer = await connection.load_session(session_id=session, cwd=cwd, mcp_servers=[])
        await replay.ended()
        return Session(session, answer)

    if sessions is not None and sessions.resume is not None:
        return resumed
    return loaded if able is not None and able.load_session else None
