"""What goes on between a runner and an agent that is talked to, whatever its protocol."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from app.agents.assignments import Assignment, ContextItem
from app.agents.reporting import Reporter


class Outcome(Enum):
    FINISHED = auto()
    FAILED = auto()
    BROKEN = auto()
    """The agent went away in the middle of it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Pipes:
    """The agent's standard input and output. Neither blocks; whoever has them closes them."""

    stdin: int
    stdout: int


class Conversation(Protocol):
    """Begins when it is made. `ended` is done when the agent has said its last, or when it cannot be talked to any more."""

    ended: asyncio.Future[Verdict]

    def give(self, items: Sequence[ContextItem]) -> None:
        """For the next turn; `Reporter.received` says when the agent has them."""

    def answer(self, request: str, answer: str | None) -> None:
        """To a request of `Reporter.asked`: one of its options, or None where nobody chose one."""

    def hold(self, held: bool) -> None:
        """While it is held, the agent is asked for nothing new: its processes are about to be stopped, or are."""

    async def cancel(self) -> None:
        """Ask the agent to end its turn, and return when it has. It may never."""

    def hang_up(self) -> None:
        """Close its input: an agent that behaves ends by itself."""

    async def close(self, seconds: float) -> None:
        """Read to the end, for so long at most: all that the agent has said is reported when this returns."""


Converse = Callable[[Assignment, Pipes, Reporter], Conversation]
