"""One attempt of one task, from the first order to the agent's end: what is ordered against what is."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from app.agents import runtimes
from app.agents.assignments import Assignment, ContextItem
from app.agents.conversations import Conversation, Outcome
from app.processes.children import Ending
from app.processes.spawning import CannotStart
from app.runner import inbox
from app.runner.active_time import ActiveTime
from app.runner.agent import Agent
from app.runner.control import Control
from app.runner.journal import Journal
from app.runner.launches import Launch
from app.runner.orders import Desired, Orders
from app.runner.outbox import Outbox
from app.runner.reports import Kind, Reason

_BY_ITSELF = {Reason.EXITED, Reason.FINISHED, Reason.FAILED}
LEFTOVER_GRACE = 2.0  # what an agent that has ended, or that was replaced, may take to clear its background


class Attempt:
    """Level-triggered: every stir compares the newest orders with the state, so none has to be read in turn."""

    def __init__(
        self,
        launch: Launch,
        journal: Journal,
        outbox: Outbox,
        control: Control,
        *,
        stir: asyncio.Event,
        subreaper: bool,
    ) -> None:
        self._launch = launch
        self._journal = journal
        self._outbox = outbox
        self._control = control
        self._stir = stir
        self._subreaper = subreaper
        self._attended: Orders | None = None
        self._told = Desired.RUN
        self._delivered: set[str] = set()
        self._undelivered: set[str] = set()
        self._answered: set[str] = set()
        self.told_to_end = False

    async def run(self) -> None:
        """The last report is in the outbox when this returns, unless nothing was started or nobody wants reports."""
        assignment = await self._clearance()
        agent = self._start(assignment) if assignment else None
        if assignment is None or agent is None:
            return
        self._outbox.fact(Kind.STARTED, {"pid": agent.identity.pid, "createTime": agent.created_at})
        reason = await self._watch(agent, assignment)
        how = await agent.end(lambda: self._grace(reason))
        if self._control.fenced is None:
            self._outbox.close_log()
            self._exited(reason, how=how, message=self._why(agent, how))

    async def _clearance(self) -> Assignment | None:
        """What to start, or None when it is over before it began."""
        clock = asyncio.get_running_loop().time
        with suppress(OSError):  # what comes next says what is wrong, where it can be reported
            self._launch.place.inbox.mkdir(mode=0o700, exist_ok=True)
        while self._control.fenced is None and not self.told_to_end:
            orders = self._control.orders
            if self._control.ahead:
                self._exited(
                    Reason.RUNNER_LOST, message="The journal of the runner that started the agent is gone."
                )
                return None
            if orders is not None:
                self._attend(orders)
                if orders.desired is Desired.STOP:
                    self._exited(Reason.KILLED, message="Stopped before it was started.")
                    return None
                if orders.desired is Desired.RUN and orders.assignment is not None:
                    return orders.assignment
            left = self._control.answered + self._launch.give_up_seconds - clock()
            if left <= 0:
                return None
            await self._stirred(left)
        return None

    def _start(self, assignment: Assignment) -> Agent | None:
        place = self._launch.place
        if assignment.problem is not None:
            self._exited(Reason.CANNOT_START, message=assignment.problem)
            return None
        try:
            runtime = runtimes.find(assignment.runtime)
            prepared = runtime.prepare(assignment, place, os.environ)
            converse = partial(runtime.converse, assignment) if runtime.converse is not None else None
            self._journal.starting()
            _write_private(place.prompt_file, assignment.prompt)
            agent = Agent(
                prepared,
                place,
                self._outbox,
                subreaper=self._subreaper,
                stir=self._stir.set,
                converse=converse,
            )
        except (CannotStart, runtimes.UnknownRuntime, OSError) as error:
            self._exited(Reason.CANNOT_START, message=str(error))
            return None
        self._journal.started(agent.identity)
        self._attended = None  # what they bring is handed over to the agent, where it could not be before
        return agent

    async def _watch(self, agent: Agent, assignment: Assignment) -> Reason:
        """Why the agent has ended or has to."""
        clock = asyncio.get_running_loop().time
        active = ActiveTime(assignment.timeout_seconds, now=clock())
        while True:
            orders = self._control.orders
            assert orders is not None, "an agent is started on orders only"
            if (verdict := agent.verdict) is not None:
                return Reason.FINISHED if verdict.outcome is Outcome.FINISHED else Reason.FAILED
            if agent.ended and agent.conversation is None:
                return Reason.EXITED
            if self._control.fenced is not None or self.told_to_end:
                return Reason.RUNNER_LOST
            self._attend(orders, agent)
            if orders.desired is Desired.STOP:
                return Reason.KILLED
            await self._pause_or_resume(agent, orders)
            active.run(not agent.paused and not orders.waiting, now=clock())
            left = active.left(now=clock())
            if left is not None and left <= 0:
                return Reason.TIMED_OUT
            await self._stirred(left)

    async def _pause_or_resume(self, agent: Agent, orders: Orders) -> None:
        if orders.desired is Desired.PAUSE and not agent.paused:
            await agent.pause()
            self._outbox.fact(Kind.PAUSED, True)
        elif orders.desired is Desired.RUN and agent.paused:
            await agent.resume()
            self._outbox.fact(Kind.RESUMED, True)

    def _attend(self, orders: Orders, agent: Agent | None = None) -> None:
        """Say that new orders were read, and hand over what they bring."""
        if orders is self._attended:
            return
        self._attended = orders
        fresh = [item for item in orders.inbox if item.id not in self._delivered]
        if orders.desired is not self._told or fresh:
            self._outbox.fact(Kind.SEEN, orders.revision)
        self._told = orders.desired
        if agent is not None and agent.conversation is not None:
            agent.conversation.give(fresh)
            self._delivered.update(item.id for item in fresh)
            self._hand_on(orders.answers, agent.conversation)
        elif agent is not None or not _is_talked_to(orders.assignment):
            self._lay_into_inbox(fresh)

    def _hand_on(self, answers: Sequence[tuple[str, str | None]], conversation: Conversation) -> None:
        fresh = [(request, answer) for request, answer in answers if request not in self._answered]
        for request, answer in fresh:
            conversation.answer(request, answer)
        if fresh:
            self._answered.update(request for request, _ in fresh)
            self._outbox.fact(Kind.ANSWERED, [request for request, _ in fresh])

    def _lay_into_inbox(self, items: list[ContextItem]) -> None:
        delivered = []
        for item in items:
            try:
                inbox.write(self._launch.place.inbox, item)
            except OSError as error:
                self._cannot_deliver(item, error)
            else:
                delivered.append(item.id)
        if delivered:
            self._delivered.update(delivered)
            self._outbox.fact(Kind.DELIVERED, delivered)

    def _cannot_deliver(self, item: ContextItem, error: OSError) -> None:
        if item.id not in self._undelivered:
            self._undelivered.add(item.id)
            self._outbox.system(f"Cannot put {item.name!r} into the inbox: {error}.")

    def _grace(self, reason: Reason) -> float:
        """Asked while the tree is ending: an order may shorten it meanwhile."""
        orders = self._control.orders
        grace = orders.grace_seconds if orders else 0.0
        gone = reason in _BY_ITSELF or self._control.fenced is not None
        return min(grace, LEFTOVER_GRACE) if gone else grace

    def _why(self, agent: Agent, how: Ending) -> str | None:
        if self.told_to_end:
            return "The runner was told to end."
        verdict = agent.verdict
        if verdict is None or verdict.outcome is not Outcome.BROKEN or verdict.message is not None:
            return verdict.message if verdict is not None else None
        if not agent.left:
            return "The agent closed its output before it had done its work."
        status = f"exit code {how.exit_code}" if how.signal is None else f"signal {how.signal}"
        return f"The agent ended before it had done its work, with {status}."

    def _exited(self, reason: Reason, *, how: Ending | None = None, message: str | None = None) -> None:
        code, number = (how.exit_code, how.signal) if how else (None, None)
        body = {"reason": reason, "exitCode": code, "signal": number, "message": message}
        self._outbox.fact(Kind.EXITED, body)

    async def _stirred(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stir.wait()
        self._stir.clear()


def _is_talked_to(assignment: Assignment | None) -> bool:
    """Such an agent is given everything by word of mouth, once it is there."""
    try:
        return assignment is not None and runtimes.find(assignment.runtime).converse is not None
    except runtimes.UnknownRuntime:
        return False


def _write_private(path: os.PathLike[str], text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(text.encode("utf-8", "replace"))
