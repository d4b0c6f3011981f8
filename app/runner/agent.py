"""The agent's process and everything that came from it, as one thing that runs, stands or is gone."""

import asyncio
import os
from collections.abc import Callable
from typing import Any

from app.agents.assignments import Launch, Place
from app.agents.conversations import Conversation, Outcome, Pipes, Verdict
from app.agents.reporting import Reporter
from app.processes import ending, pausing, spawning
from app.processes.children import Children, Ending
from app.processes.identity import Identity, Seen
from app.processes.table import SYSTEM
from app.processes.tree import Tree
from app.runner.outbox import Outbox
from app.runner.output import Output
from app.runner.reporter import OutboxReporter
from app.runner.reports import Stream

Converse = Callable[[Pipes, Reporter], Conversation]

DRAIN_SECONDS = 2.0
CANCEL_SECONDS = 5.0
"""What an agent may take to end its turn when it is told to, within the grace that it is given at all."""
LEAVE_SECONDS = 2.0
"""What an agent that has done its work may take to end by itself once its input is closed."""
LOOK_SECONDS = 0.1


class Agent:
    """Raises CannotStart when made. `subreaper`: nothing of the tree can leave it without our being told. With `converse`
    its standard input and output are a conversation, else its output is its log.
    """

    def __init__(
        self,
        launch: Launch,
        place: Place,
        outbox: Outbox,
        *,
        subreaper: bool,
        stir: Callable[[], None],
        converse: Converse | None = None,
    ) -> None:
        self._outbox = outbox
        self._subreaper = subreaper
        self._stir = stir
        self._children = Children()
        try:
            started = spawning.start(
                launch.argv, cwd=launch.cwd, env=launch.env, spoken_to=converse is not None
            )
        except BaseException:
            self._children.close()
            raise
        self._ending = self._children.expect(started.identity.pid)
        self._ending.add_done_callback(self._has_ended)
        self._outputs = [Output(started.stderr, Stream.STDERR, outbox)]
        self._reporter = OutboxReporter(outbox)
        self.conversation: Conversation | None = None
        if converse is not None and started.stdin is not None:
            self.conversation = converse(Pipes(started.stdin, started.stdout), self._reporter)
            self.conversation.ended.add_done_callback(lambda _: stir())
        else:
            self._outputs.append(Output(started.stdout, Stream.STDOUT, outbox))
        self._tree = Tree(place.tag, keeper=os.getpid(), roots=[started.identity])
        self.identity: Identity = started.identity
        self.paused = False
        self.left = False
        """Whether it ended without a signal of ours."""
        self._silent = False

    @property
    def _clock(self) -> Callable[[], float]:
        return asyncio.get_running_loop().time

    @property
    def created_at(self) -> float:
        return SYSTEM.created_at(self.identity)

    @property
    def ended(self) -> bool:
        """The main process has; what it left behind may still be there."""
        return self._ending.done()

    @property
    def verdict(self) -> Verdict | None:
        """How the conversation came to its end; None while it goes on, and where there is none."""
        if self.conversation is None:
            return None
        if self.conversation.ended.done():
            return self.conversation.ended.result()
        return Verdict(Outcome.BROKEN) if self._silent else None

    async def pause(self) -> None:
        if self.conversation is not None:
            self.conversation.hold(True)
        if not await pausing.pause(self._tree):
            self._outbox.system("Not every process of the agent could be stopped.")
        self.paused = True

    async def resume(self) -> None:
        await pausing.resume(self._tree)
        self.paused = False
        if self.conversation is not None:
            self.conversation.hold(False)

    async def end(self, grace: Callable[[], float]) -> Ending:
        """The whole tree is gone, and all it wrote is in the outbox, when this returns."""
        began = self._clock()
        if self.conversation is not None:
            await self._take_leave(self.conversation, grace)
        self.left = self.ended
        left_nothing = self.ended and self._subreaper and not self._children.reap()
        if not left_nothing:
            await ending.end(self._tree, lambda: grace() - (self._clock() - began), stubborn=self._complain)
            while self._subreaper and self._children.reap():  # "no children" is the only certain answer
                await ending.end(self._tree, lambda: 0.0, stubborn=self._complain)
        how = await self._ending
        await self._drain()
        self._children.close()
        return how

    async def _take_leave(self, conversation: Conversation, grace: Callable[[], float]) -> None:
        """Let it end its turn, close its input, and wait for it to leave by itself. What is stopped hears of nothing."""
        said_its_last = conversation.ended.done()
        if not self.paused and not self.ended:
            cancelling = asyncio.ensure_future(conversation.cancel())
            await self._wait(cancelling, lambda: min(CANCEL_SECONDS, grace() / 2))
            cancelling.cancel()
        conversation.hang_up()
        if not self.paused:
            await self._wait(
                self._ending, lambda: LEAVE_SECONDS if said_its_last else min(LEAVE_SECONDS, grace() / 2)
            )

    async def _wait(self, future: asyncio.Future[Any], seconds: Callable[[], float]) -> None:
        """How long is asked again and again, because the grace may be shortened meanwhile."""
        began = self._clock()
        while not future.done() and (left := seconds() - (self._clock() - began)) > 0:
            await asyncio.wait([future], timeout=min(left, LOOK_SECONDS))

    def _has_ended(self, _: object) -> None:
        """What it said last may still lie in the pipe; something that outlives it may hold the pipe open."""
        self._stir()
        asyncio.get_running_loop().call_later(DRAIN_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._silent = True
        self._stir()

    async def _drain(self) -> None:
        if self.conversation is not None:
            await self.conversation.close(DRAIN_SECONDS)
        self._reporter.finish()
        waiting = [output.ended for output in self._outputs]
        await asyncio.wait(waiting, timeout=DRAIN_SECONDS)
        for output in self._outputs:
            output.close()

    def _complain(self, members: list[Seen]) -> None:
        pids = ", ".join(str(seen.identity.pid) for seen in members[:20])
        self._outbox.system(f"These processes do not end although they were killed: {pids}.")
