"""The protocol between the control plane and its runners, under the role RUNNER: orders out, reports in."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Annotated

import strawberry

from app import commands, store
from app.domain import limits
from app.domain.access import RUNNERS
from app.domain.errors import AppError
from app.domain.usage import dollars
from app.schema.context import Context, Info
from app.schema.enums import Desire, ErrorCode, Role
from app.schema.errors import UserError, user_error
from app.schema.runner_reports import RunnerReportInput
from app.store.events import Filter
from app.store.orders import Orders


@strawberry.type(description="A variable of an agent's environment.")
class EnvVar:
    name: str = strawberry.field(description="Its name.")
    value: str = strawberry.field(description="Its value.")


@strawberry.type(description="What a runner starts.")
class Assignment:
    runtime: str = strawberry.field(description="How to talk to the agent: command or acp.")
    argv: list[str] = strawberry.field(description="The executable and its arguments; no shell.")
    model: str | None = strawberry.field(description="The model to ask the agent for.")
    mode: str | None = strawberry.field(description="The mode of its own that the agent is put into.")
    session: str | None = strawberry.field(
        description="The agent's session of a process before, for it to resume where it can."
    )
    session_cost_usd: Decimal = strawberry.field(
        description="What was counted of that session: a total that the agent goes on with begins there."
    )
    problem: str | None = strawberry.field(
        description="Why it cannot be started on this host, such as an agent that nobody has configured here; then there "
        "is no argv."
    )
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


@strawberry.type(description="What became of a request for permission.")
class PermissionAnswer:
    request: str = strawberry.field(description="What the runner numbers it by.")
    answer: str | None = strawberry.field(description="The option; null where nobody chose one.")


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
    answers: list[PermissionAnswer] = strawberry.field(
        description="Answers that the agent does not have yet."
    )

    @classmethod
    def of(cls, orders: Orders, context: Context) -> "WorkerOrders":
        return cls(
            revision=orders.revision,
            accepted_reports=orders.accepted_reports,
            desired=Desire(orders.desire),
            grace_seconds=orders.grace_seconds,
            waiting=orders.waiting,
            assignment=_assignment(orders, context),
            inbox=[
                InboxItem(id=strawberry.ID(item.id), name=item.name, content=item.content)
                for item in orders.inbox
            ],
            answers=[PermissionAnswer(request=request, answer=answer) for request, answer in orders.answers],
        )


def _assignment(orders: Orders, context: Context) -> Assignment:
    """An agent is looked up by its name only now: it is started as this server has it configured."""
    runtime = orders.runtime
    argv, how, problem = runtime.get("argv", []), "command", None
    model, mode, env = runtime.get("model"), None, dict[str, str]()
    if runtime["kind"] == "agent":
        agent = context.services.agents.get(runtime["name"])
        if agent is None:
            problem = f"There is no agent {runtime['name']!r} in the settings of this host's server."
        else:
            argv, how, env = list(agent.argv), agent.protocol, dict(agent.env)
            model, mode = model or agent.model, agent.mode
    return Assignment(
        runtime=how,
        argv=argv,
        model=model,
        mode=mode,
        session=orders.session_id,
        session_cost_usd=dollars(orders.session_cost),
        problem=problem,
        cwd=orders.root,
        env=_environment(orders, context, env),
        prompt=orders.prompt,
        timeout_seconds=orders.timeout_seconds,
        heartbeat_seconds=context.services.heartbeat_seconds,
    )


def _environment(orders: Orders, context: Context, configured: dict[str, str]) -> list[EnvVar]:
    """What an agent finds its way by. Its token is good for this worker, or its run, alone, and only while it lives."""
    services = context.services
    role = Role(orders.role)
    token = store.tokens.derive(services.signing_key(), role, orders.worker_id, orders.fence)
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
    if orders.session_id is not None:
        own["TRACKSIDE_SESSION_ID"] = orders.session_id
    if role is Role.ORCHESTRATOR:
        own["TRACKSIDE_HEARTBEAT_SECONDS"] = f"{services.supervisor_heartbeat_seconds:g}"
    return [
        EnvVar(name=name, value=value) for name, value in {**configured, **orders.environment, **own}.items()
    ]


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
