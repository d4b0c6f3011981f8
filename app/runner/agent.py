"""The agent's process and everything that came from it, as one thing that runs, stands or is gone."""

import asyncio
import os
from collections.abc import Callable

from app.agents.assignments import Launch, Place
from app.processes import ending, pausing, spawning
from app.processes.children import Children, Ending
from app.processes.identity import Identity, Seen
from app.processes.table import SYSTEM
from app.processes.tree import Tree
from app.runner.outbox import Outbox
from app.runner.output import Output
from app.runner.reports import Stream

DRAIN_SECONDS = 2.0


class Agent:
    """Raises CannotStart when made. `subreaper`: nothing of the tree can leave it without our being told."""

    def __init__(
        self, launch: Launch, place: Place, outbox: Outbox, *, subreaper: bool, stir: Callable[[], None]
    ) -> None:
        self._outbox = outbox
        self._subreaper = subreaper
        self._children = Children()
        try:
            started = spawning.start(launch.argv, cwd=launch.cwd, env=launch.env)
        except BaseException:
            self._children.close()
            raise
        self._ending = self._children.expect(started.identity.pid)
        self._ending.add_done_callback(lambda _: stir())
        self._outputs = [
            Output(started.stdout, Stream.STDOUT, outbox),
            Output(started.stderr, Stream.STDERR, outbox),
        ]
        self._tree = Tree(place.tag, keeper=os.getpid(), roots=[started.identity])
        self.identity: Identity = started.identity
        self.paused = False

    @property
    def created_at(self) -> float:
        return SYSTEM.created_at(self.identity)

    @property
    def ended(self) -> bool:
        """The main process has; what it left behind may still be there."""
        return self._ending.done()

    async def pause(self) -> None:
        if not await pausing.pause(self._tree):
            self._outbox.system("Not every process of the agent could be stopped.")
        self.paused = True

    async def resume(self) -> None:
        await pausing.resume(self._tree)
        self.paused = False

    async def end(self, grace: Callable[[], float]) -> Ending:
        """The whole tree is gone, and all it wrote is in the outbox, when this returns."""
        left_nothing = self.ended and self._subreaper and not self._children.reap()
        if not left_nothing:
            await ending.end(self._tree, grace, stubborn=self._complain)
            while self._subreaper and self._children.reap():  # "no children" is the only certain answer
                await ending.end(self._tree, lambda: 0.0, stubborn=self._complain)
        how = await self._ending
        await self._drain()
        self._children.close()
        return how

    async def _drain(self) -> None:
        waiting = [output.ended for output in self._outputs]
        await asyncio.wait(waiting, timeout=DRAIN_SECONDS)
        for output in self._outputs:
            output.close()

    def _complain(self, members: list[Seen]) -> None:
        pids = ", ".join(str(seen.identity.pid) for seen in members[:20])
        self._outbox.system(f"These processes do not end although they were killed: {pids}.")
