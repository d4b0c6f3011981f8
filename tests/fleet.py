"""Acts on a control plane as clients, the engine and runners do, one line for each thing they do."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlmodel import col, select

from app import commands, store
from app.commands.audit import Change, Receipt, Request
from app.commands.runs import PlanSource
from app.commands.scheduling import Launch
from app.domain.access import Actor
from app.domain.errors import AppError
from app.domain.events import EventKind
from app.domain.plans import Plan
from app.domain.reports import Body, Exited, Report, Started
from app.domain.workers import ExitReason
from app.store.db import Database, Tx
from app.store.leases import Lease
from app.store.supervisor_tables import SupervisorRow
from app.store.tables import (
    AttentionRow,
    CommandRow,
    ContextItemRow,
    EventRow,
    PhaseRow,
    RunRow,
    TaskRow,
    WorkerRow,
)
from tests.factories import COMMAND, OPERATOR, Entry, a_plan

PLENTY = 1_000
HOST = "host_of_the_fleet"
_NOUNS = {
    "deliverables": "Deliverable",
    "runs": "Run",
    "tasks": "Task",
    "workers": "Worker",
    "pipeline": "Pipeline",
    "projects": "Project",
    "tokens": "Token",
}
_VERBS = {
    commands.batches.perform: "batchRuns",
    commands.supervisors.restart: "restartSupervisor",
    commands.supervisors.sync: "syncSupervisor",
    commands.attention.ask: "askQuestion",
    commands.attention.answer: "answerAttention",
    commands.attention.dismiss: "dismissAttention",
    commands.context.inject: "injectContext",
    commands.dag.mutate: "mutateDag",
    commands.phases.advance: "advancePhase",
    commands.phases.check_completion: "checkCompletion",
    commands.workers.report_progress: "reportProgress",
}


class Timepiece(Protocol):
    def __call__(self) -> datetime: ...

    def advance(self, **by: float) -> datetime: ...


def verb_of(change: Callable[..., Change]) -> str:
    """The name of the mutation that carries this command out."""
    noun = _NOUNS.get(change.__module__.rpartition(".")[2], "")
    return _VERBS.get(change) or f"{change.__name__}{noun}"


class Fleet:
    def __init__(self, db: Database, clock: Timepiece) -> None:
        self.db = db
        self.clock = clock

    # ------------------------------------------------------------ clients

    async def do(
        self,
        change: Callable[..., Change],
        *,
        by: Actor = OPERATOR,
        key: str | None = None,
        because: str | None = None,
        **arguments: Any,
    ) -> Receipt:
        """Carry a command out as the mutation of its name would."""
        return await self.db.write(
            commands.audit.perform, request(change, by, key, because, arguments), change, **arguments
        )

    async def refused(self, change: Callable[..., Change], **arguments: Any) -> AppError:
        """The refusal of a command that has to be refused."""
        try:
            await self.do(change, **arguments)
        except AppError as error:
            return error
        raise AssertionError(f"{verb_of(change)} was not refused")

    async def a_project(self, name: str = "demo") -> str:
        """One more each time, in a directory of its own."""
        root = f"/srv/{store.ids.new(name)}"
        return str((await self.do(commands.projects.create, name=name, root=root)).refs["project"])

    async def a_run(
        self,
        *entries: Entry | Sequence[Entry],
        plan: Plan | None = None,
        project_id: str | None = None,
        runtime: dict[str, Any] | None = COMMAND,
        start: bool = True,
        **arguments: Any,
    ) -> str:
        """A run of `a_plan(*entries)`, of one task where nothing is said; started unless told otherwise."""
        receipt = await self.do(
            commands.runs.create,
            project_id=project_id or await self.a_project(),
            plan=plan or a_plan(*(entries or ("task",))),
            source=PlanSource(),
            runtime=runtime,
            start=start,
            **arguments,
        )
        return str(receipt.refs["run"])

    # ------------------------------------------------------------ engine and runners

    async def claim(self, slots: int = PLENTY) -> list[str]:
        """What the scheduler does at each turn: the ids of the workers it begins."""
        launches = await self.db.write(self._turn, slots)
        return [launch.worker_id for launch in launches]

    async def lead(self, host_id: str = HOST, slots: int = PLENTY) -> Lease:
        """A host with so many slots, whose server leads."""
        return await self.db.write(self._lead, host_id, slots)

    @staticmethod
    def _lead(tx: Tx, host_id: str, slots: int) -> Lease:
        lease, _ = commands.hosts.beat(tx, host_id=host_id, session=host_id)  # first: others may do the same
        assert lease is not None
        commands.hosts.register(tx, host_id=host_id, name="fleet", slots=slots, labels=["linux"])
        tx.session.flush()
        tx.facts.clear()  # no test is about these, but some count what is in the log
        return lease

    @classmethod
    def _turn(cls, tx: Tx, slots: int) -> list[Launch]:
        return commands.scheduling.turn(tx, host_id=HOST, lease=cls._lead(tx, HOST, slots))

    async def report(self, worker_id: str, *bodies: Body) -> int:
        """The next reports of a worker's runner."""
        worker = await self.worker(worker_id)
        return await self.send(worker_id, worker.fence, *enumerate_reports(worker, bodies, self.clock()))

    async def send(self, worker_id: str, fence: int, *reports: Report) -> int:
        return await self.db.write(
            commands.reports.take, worker_id=worker_id, fence=fence, reports=list(reports)
        )

    async def up(self, worker_id: str) -> str:
        """The worker's process has started."""
        await self.report(worker_id, Started(pid=4242, created=1.5))
        return worker_id

    async def exit(self, worker_id: str, code: int = 0, reason: ExitReason = ExitReason.EXITED) -> None:
        await self.report(worker_id, Exited(reason, exit_code=code if reason is ExitReason.EXITED else None))

    async def working(self, run_id: str, key: str) -> str:
        """The worker of a task, running; claimed first where there is none."""
        task = await self.task(run_id, key)
        if task.worker_id is None:
            await self.claim()
            task = await self.task(run_id, key)
        assert task.worker_id is not None, f"no worker took {key}, which is {task.status}"
        if (await self.worker(task.worker_id)).status == "SPAWNING":
            await self.up(task.worker_id)
        return task.worker_id

    async def finish(self, run_id: str, *keys: str) -> None:
        """Have tasks worked on, one after the other, and done."""
        for key in keys:
            await self.exit(await self.working(run_id, key))

    async def fail(self, run_id: str, key: str, code: int = 1) -> None:
        await self.exit(await self.working(run_id, key), code)

    async def asking(self, run_id: str, key: str, question: str = "Which?", **arguments: Any) -> str:
        """The item of a question that the worker of a task has asked."""
        worker_id = await self.working(run_id, key)
        receipt = await self.do(
            commands.attention.ask, run_id=run_id, worker_id=worker_id, question=question, **arguments
        )
        return str(receipt.refs["item"])

    # ------------------------------------------------------------ looking

    async def run(self, run_id: str) -> RunRow:
        return await self.db.read(store.runs.get, run_id)

    async def supervisor(self, run_id: str) -> SupervisorRow:
        return await self.db.read(store.supervisors.of_run, run_id)

    async def worker(self, worker_id: str) -> WorkerRow:
        return await self.db.read(store.workers.get, worker_id)

    async def item(self, item_id: str) -> AttentionRow:
        return await self.db.read(store.attention.get, item_id)

    async def command(self, receipt: Receipt) -> CommandRow:
        return await self.db.read(store.commands.get, receipt.command_id)

    async def tasks(self, run_id: str) -> dict[str, TaskRow]:
        return await self.db.read(store.tasks.by_keys, run_id)

    async def task(self, run_id: str, key: str) -> TaskRow:
        return (await self.tasks(run_id))[key]

    async def statuses(self, run_id: str) -> dict[str, str]:
        """The status of each task, by key."""
        return {key: task.status for key, task in (await self.tasks(run_id)).items()}

    async def phases(self, run_id: str) -> dict[str, str]:
        rows = await self.db.read(store.phases.of_run, run_id)
        return {phase.key: phase.status for phase in rows}

    async def phase(self, run_id: str, key: str) -> PhaseRow:
        return next(phase for phase in await self.db.read(store.phases.of_run, run_id) if phase.key == key)

    async def live(self, run_id: str | None = None) -> list[WorkerRow]:
        return list(await self.db.read(store.workers.live, run_id=run_id))

    async def context(self, worker_id: str) -> list[ContextItemRow]:
        found = await self.db.read(store.context.of_workers, [worker_id])
        return found[worker_id]

    async def events(self, *kinds: EventKind) -> list[EventRow]:
        """The log, in order; all of it or these kinds."""
        wanted = store.events.Filter(kinds=frozenset(kinds) if kinds else None)
        return list(await self.db.read(store.events.after, 0, limit=100_000, only=wanted))

    async def all_commands(self) -> list[CommandRow]:
        return list(
            await self.db.read(
                lambda tx: tx.session.exec(select(CommandRow).order_by(col(CommandRow.id))).all()
            )
        )


def request(
    change: Callable[..., Change],
    by: Actor,
    key: str | None,
    because: str | None,
    arguments: dict[str, Any],
) -> Request:
    return Request(verb_of(change), by, {name: str(value) for name, value in arguments.items()}, because, key)


def enumerate_reports(worker: WorkerRow, bodies: Sequence[Body], at: datetime) -> list[Report]:
    return [Report(n, at, body) for n, body in enumerate(bodies, worker.reports + 1)]


def add(tx: Tx, *rows: Any) -> None:
    """Write rows past every rule, for tests of what reads them."""
    tx.session.add_all(rows)
    tx.session.flush()
