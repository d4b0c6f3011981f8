"""A runner's life: take the lock, see what came before, do what is left to do, deliver every report."""

import asyncio
import logging
import signal
from contextlib import suppress

from app.processes import ending
from app.processes.locks import Lock
from app.processes.subreaper import become_subreaper
from app.processes.tree import Tree
from app.runner.allowance import Allowance
from app.runner.attempt import Attempt
from app.runner.control import Control
from app.runner.journal import Journal, Past
from app.runner.launches import Launch
from app.runner.outbox import Outbox
from app.runner.reports import Kind, Reason

log = logging.getLogger(__name__)

DONE, UNDELIVERED = 0, 75
_LAST_WORDS_SECONDS = 5.0  # what a machine that shuts down leaves us to deliver in


def run(launch: Launch) -> int:
    """Idempotent: asked for a second time it finds the lock taken, or goes on where the first was ended."""
    directory = launch.directory
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    lock = Lock.take(directory / "lock")
    if lock is None:
        return DONE
    lock.sign()
    journal = Journal(directory / "journal.jsonl")
    past = journal.read()
    try:
        return asyncio.run(_Runner.serve(launch, journal, past))
    finally:
        journal.close()
        lock.close()


class _Runner:
    def __init__(self, launch: Launch, journal: Journal, past: Past) -> None:
        self._launch = launch
        self._past = past
        self._stir = asyncio.Event()
        self._outbox = Outbox(journal, past, allowance=Allowance(), stir=self._stir.set)
        self._control = Control(launch, self._outbox, stir=self._stir.set)
        self._attempt = Attempt(
            launch, journal, self._outbox, self._control, stir=self._stir, subreaper=become_subreaper()
        )

    @classmethod
    async def serve(cls, launch: Launch, journal: Journal, past: Past) -> int:
        self = cls(launch, journal, past)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._told_to_end)
        line = asyncio.create_task(self._control.run())
        try:
            if past.starting and not past.exited:
                await self._recover()
            elif not past.exited:
                await self._attempt.run()
            delivered = await self._deliver()
        finally:
            line.cancel()
            with suppress(asyncio.CancelledError):
                await line
            loop.remove_signal_handler(signal.SIGTERM)
        return DONE if delivered else UNDELIVERED

    def _told_to_end(self) -> None:
        self._attempt.told_to_end = True
        self._stir.set()

    async def _recover(self) -> None:
        """The earlier runner died: whatever it left is ended whether or not a server hears of it."""
        tree = Tree(self._launch.place.tag, roots=[self._past.agent] if self._past.agent else [])
        log.warning("an earlier runner left %d processes", len(tree.members(everywhere=True)))
        await ending.end(tree, lambda: 0.0)
        # Numbered only now: the server may have taken reports that the journal lost with the machine's power.
        if await self._wait_until_connected():
            message = "The runner ended before its agent; what was left of the agent has been ended."
            body = {"reason": Reason.RUNNER_LOST, "exitCode": None, "signal": None, "message": message}
            self._outbox.fact(Kind.EXITED, body)

    async def _wait_until_connected(self) -> bool:
        while self._control.orders is None and self._control.fenced is None:
            if not await self._stirred():
                return False
        return self._control.fenced is None

    async def _deliver(self) -> bool:
        """True when the server has everything, or wants nothing more; False when no server answered for too long."""
        while not self._outbox.empty and self._control.fenced is None:
            if not await self._stirred():
                return False
        return True

    async def _stirred(self) -> bool:
        self._stir.clear()
        seconds = self._launch.give_up_seconds
        if self._attempt.told_to_end:
            seconds = min(seconds, _LAST_WORDS_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stir.wait()
            return True
        return False
