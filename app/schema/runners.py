"""The protocol between the control plane and its runners, under the role RUNNER: orders out, reports in."""

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import strawberry

from app import commands, store
from app.domain import limits
from app.domain.access import RUNNERS
from app.domain.errors import AppError
from app.domain.reports import (
    Body,
    Delivered,
    Exited,
    Line,
    Lines,
    Paused,
    Report,
    Resumed,
    Seen,
    Started,
    ToolEnded,
    ToolStarted,
    Used,
)
from app.domain.usage import Amounts
from app.schema.context import Context, Info
from app.schema.enums import Desire, ErrorCode, ExitReason, LogStream, Role
from app.schema.errors import UserError, user_error
from app.schema.inputs import given, optional, storable
from app.schema.scalars import Int53
from app.store.events import Filter
from app.store.orders import Orders


@strawberry.type(description="A variable of an agent's environment.")
class EnvVar:
    name: str = strawberry.field(description="Its name.")
    value: str = strawberry.field(description="Its value.")


@strawberry.type(description="What a runner starts.")
class Assignment:
    runtime: str = strawberry.field(description="How to talk to the agent: command.")
    argv: list[str] = strawberry.field(description="The executable and its arguments; no shell.")
    cwd: str = strawberry.field(description="The directory it starts in.")
    env: list[EnvVar] = strawberry.field(description="Variables added to the runner's own environment.")
    prompt: str = strawberry.field(description="What the agent is told, Markdown.")
    timeout_seconds: int | None = strawberry.field(
        description="How long it may work; waiting and pauses do not count."
    )
    heartbeat_seconds: float = strawberry.field(description="How often the runner beats.")


@strawberry.type(description="A context item to lay into the worker's inbox.")
class InboxItem:
    id: strawberry.ID = strawberry.field(description="The context item.")
    name: str = strawberry.field(description="A plain file name.")
    content: str = strawberry.field(description="The whole text.")


@strawberry.type(description="What is wanted of a worker's runner now. Level-triggered: the newest counts.")
class WorkerOrders:
    revision: int = strawberry.field(description="Grows with every change of what is wanted.")
    accepted_reports: int = strawberry.field(
        description="The highest report number taken: send what follows."
    )
    desired: Desire = strawberry.field(description="Run, pause or stop.")
    grace_seconds: int = strawberry.field(
        description="On STOP: how long after SIGTERM the tree gets SIGKILL."
    )
    waiting: bool = strawberry.field(
        description="Whether the worker waits for an answer: its time does not run."
    )
    assignment: Assignment = strawberry.field(description="What to start.")
    inbox: list[InboxItem] = strawberry.field(description="Context items that are not delivered yet.")

    @classmethod
    def of(cls, orders: Orders, context: Context) -> "WorkerOrders":
        return cls(
            revision=orders.revision,
            accepted_reports=orders.accepted_reports,
            desired=Desire(orders.desire),
            grace_seconds=orders.grace_seconds,
            waiting=orders.waiting,
            assignment=Assignment(
                runtime=orders.runtime["kind"],
                argv=orders.runtime["argv"],
                cwd=orders.root,
                env=_environment(orders, context),
                prompt=orders.prompt,
                timeout_seconds=orders.timeout_seconds,
                heartbeat_seconds=context.services.heartbeat_seconds,
            ),
            inbox=[
                InboxItem(id=strawberry.ID(item.id), name=item.name, content=item.content)
                for item in orders.inbox
            ],
        )


def _environment(orders: Orders, context: Context) -> list[EnvVar]:
    """What an agent finds its way by. Its token is good for this worker alone, and only while it lives."""
    services = context.services
    token = store.tokens.derive(services.signing_key(), Role.WORKER, orders.worker_id, orders.fence)
    own = {
        "TRACKSIDE_URL": services.url(),
        "TRACKSIDE_SERVER_FILE": services.server_file,
        "TRACKSIDE_TOKEN": token,
        "TRACKSIDE_PROJECT_ID": orders.project_id,
        "TRACKSIDE_RUN_ID": orders.run_id,
        "TRACKSIDE_TASK_ID": orders.task_id or "",
        "TRACKSIDE_WORKER_ID": orders.worker_id,
        "TRACKSIDE_SKILL": orders.skill or "",
    }
    return [EnvVar(name=name, value=value) for name, value in {**orders.environment, **own}.items()]


@strawberry.input(description="The agent's process is up.")
class StartedReport:
    pid: int = strawberry.field(description="Process id.")
    create_time: float = strawberry.field(description="When it was created, in seconds since 1970.")


@strawberry.input(description="A line that the agent wrote.")
class LineReport:
    stream: LogStream = strawberry.field(description="Where it comes from.")
    text: str = strawberry.field(description="The line, without its end.")
    at: datetime = strawberry.field(description="When it was read.")


@strawberry.input(description="The agent called a tool.")
class ToolStartedReport:
    call: str = strawberry.field(description="What the agent names the call by.")
    name: str = strawberry.field(description="What it calls the tool; the rest of a long one is cut.")
    input_summary: str | None = optional("What it was called with, in short; the rest is cut.")


@strawberry.input(description="A call of a tool has come back.")
class ToolEndedReport:
    call: str = strawberry.field(description="What the agent names the call by.")
    error: str | None = optional("Why it failed; left out where it did not.")


@strawberry.input(
    description="What the agent has used since the report before it: what comes on top, never a running total."
)
class UsageReport:
    model: str = strawberry.field(description="The model, as the agent names it.")
    input_tokens: Int53 | None = optional("Tokens that went in and were read from no cache.")
    output_tokens: Int53 | None = optional("Tokens that came out.")
    cache_read_tokens: Int53 | None = optional("Tokens that went in and were read from a cache.")
    cache_write_tokens: Int53 | None = optional("Tokens that were put into a cache.")
    cost_usd: Decimal | None = optional("US dollars; left out where the agent does not say.")


@strawberry.input(description="The whole process tree is gone.")
class ExitedReport:
    reason: ExitReason = strawberry.field(description="Why.")
    exit_code: int | None = optional("What the main process ended with.")
    signal: int | None = optional("The signal that ended it.")
    message: str | None = optional("More, for people.")


@strawberry.input(description="One numbered report: exactly one of its facts.")
class RunnerReportInput:
    n: int = strawberry.field(description="Its number; each is taken once, in order.")
    at: datetime = strawberry.field(description="When it was made.")
    started: StartedReport | None = optional("The process is up.")
    lines: list[LineReport] | None = optional("What it wrote.")
    paused: bool | None = optional("The tree is stopped.")
    resumed: bool | None = optional("The tree goes on.")
    seen: int | None = optional("The orders were read up to this revision.")
    delivered: list[strawberry.ID] | None = optional("These items lie in the inbox.")
    tool_started: ToolStartedReport | None = optional("A tool was called.")
    tool_ended: ToolEndedReport | None = optional("A tool has come back.")
    usage: UsageReport | None = optional("Something was used.")
    exited: ExitedReport | None = optional("The tree is gone.")

    def report(self) -> Report:
        bodies = [body for body in self._bodies() if body is not None]
        if len(bodies) != 1:
            raise limits.invalid("A report holds exactly one fact.", ["input", "reports"])
        return Report(self.n, self.at, bodies[0])

    def _bodies(self) -> list[Body | None]:
        started, lines, exited = given(self.started), given(self.lines), given(self.exited)
        delivered, seen = given(self.delivered), given(self.seen)
        return [
            Started(started.pid, started.create_time) if started is not None else None,
            Lines([Line(line.stream, storable(line.text), line.at) for line in lines])
            if lines is not None
            else None,
            Paused() if given(self.paused) else None,
            Resumed() if given(self.resumed) else None,
            Seen(seen) if seen is not None else None,
            Delivered([str(id) for id in delivered]) if delivered is not None else None,
            *self._tools(),
            _used(used) if (used := given(self.usage)) is not None else None,
            _exited(exited) if exited is not None else None,
        ]

    def _tools(self) -> list[Body | None]:
        started, ended = given(self.tool_started), given(self.tool_ended)
        return [
            ToolStarted(started.call, started.name, given(started.input_summary))
            if started is not None
            else None,
            ToolEnded(ended.call, given(ended.error)) if ended is not None else None,
        ]


def _used(report: UsageReport) -> Used:
    tokens = {
        "input_tokens": given(report.input_tokens) or 0,
        "output_tokens": given(report.output_tokens) or 0,
        "cache_read_tokens": given(report.cache_read_tokens) or 0,
        "cache_write_tokens": given(report.cache_write_tokens) or 0,
    }
    return Used(report.model, Amounts.reported(tokens, given(report.cost_usd)))


def _exited(report: ExitedReport) -> Exited:
    message = given(report.message)
    return Exited(
        reason=report.reason,
        exit_code=given(report.exit_code),
        signal=given(report.signal),
        message=storable(message)[: limits.TITLE] if message is not None else None,
    )


@strawberry.input(description="What a runner has to say of its worker.")
class ReportWorkerInput:
    worker_id: strawberry.ID = strawberry.field(description="The worker.")
    fence: int = strawberry.field(description="Its attempt.")
    reports: list[RunnerReportInput] = strawberry.field(description="In order; at most 1,000.")


@strawberry.input(description="A runner's sign of life.")
class BeatWorkerInput:
    worker_id: strawberry.ID = strawberry.field(description="The worker.")
    fence: int = strawberry.field(description="Its attempt.")


@strawberry.type(description="The answer to a runner.")
class ReportWorkerPayload:
    accepted_reports: int | None = strawberry.field(description="The highest report number taken.")
    user_errors: list[UserError] = strawberry.field(description="Why nothing was taken; empty where it was.")


@strawberry.type(description="The answer to a sign of life.")
class BeatWorkerPayload:
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty where it was not.")


def _own(context: Context, worker_id: str, fence: int) -> None:
    """A runner speaks for its own worker alone."""
    context.actor.require(RUNNERS)
    if (context.actor.worker_id, context.actor.fence) != (worker_id, fence):
        raise _stale(worker_id, fence)


def _stale(worker_id: str, fence: int) -> AppError:
    return AppError(ErrorCode.STALE_FENCE, f"Worker {worker_id} with fence {fence} is over.")


@strawberry.type
class RunnerMutation:
    @strawberry.mutation(description="Runners only: take numbered reports of a worker.")
    async def report_worker(
        self, info: Info, input: Annotated[ReportWorkerInput, strawberry.argument(description="The reports.")]
    ) -> ReportWorkerPayload | None:
        services = info.context.services
        try:
            _own(info.context, input.worker_id, input.fence)
            limits.count(input.reports, limits.OPERATIONS, "input", "reports")
            accepted = await services.db.write(
                commands.reports.take,
                worker_id=str(input.worker_id),
                fence=input.fence,
                reports=[report.report() for report in input.reports],
            )
        except AppError as error:
            return ReportWorkerPayload(accepted_reports=None, user_errors=[user_error(error)])
        services.tail.nudge(str(input.worker_id))
        return ReportWorkerPayload(accepted_reports=accepted, user_errors=[])

    @strawberry.mutation(description="Runners only: a sign of life.")
    async def beat_worker(
        self, info: Info, input: Annotated[BeatWorkerInput, strawberry.argument(description="Which worker.")]
    ) -> BeatWorkerPayload | None:
        try:
            _own(info.context, input.worker_id, input.fence)
            if not await info.context.services.db.write(
                store.workers.beat, str(input.worker_id), input.fence
            ):
                raise _stale(input.worker_id, input.fence)
        except AppError as error:
            return BeatWorkerPayload(user_errors=[user_error(error)])
        return BeatWorkerPayload(user_errors=[])


@strawberry.type
class RunnerSubscription:
    @strawberry.subscription(
        description="Runners only: what is wanted of a worker, now and whenever it changes."
    )
    async def worker_orders(
        self,
        info: Info,
        worker_id: Annotated[strawberry.ID, strawberry.argument(description="The worker.")],
        fence: Annotated[int, strawberry.argument(description="Its attempt.")],
    ) -> AsyncIterator[WorkerOrders]:
        context = info.context
        _own(context, worker_id, fence)
        services = context.services
        about_it = Filter(worker_ids=frozenset({str(worker_id)}))
        sent = 0
        while True:
            position, orders = await services.db.read(store.orders.read, str(worker_id), fence)
            if orders.revision != sent:
                yield WorkerOrders.of(orders, context)
                sent = orders.revision
                if orders.has_requests:
                    await services.db.write(
                        commands.reports.note_sent, worker_id=str(worker_id), revision=sent
                    )
            await services.tail.changed(about_it, position)
