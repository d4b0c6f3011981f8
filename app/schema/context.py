"""What a resolver gets: the services, the caller, and loaders that batch what one answer needs."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, Concatenate, ParamSpec, TypeVar

from strawberry.dataloader import DataLoader
from strawberry.types.info import Info as StrawberryInfo

from app import store
from app.domain.access import READERS, Actor
from app.domain.agents import Agents
from app.domain.errors import AppError
from app.domain.observation import NOBODY, Observer
from app.domain.project_settings import ProjectSettings
from app.domain.runs import STALE_AFTER
from app.domain.usage import Amounts
from app.live.log import Tail
from app.live.requests import Requests
from app.live.telemetry import Telemetry
from app.schema.enums import Role
from app.schema.inputs import refuse_unstorable
from app.store.dashboard import Numbers
from app.store.db import Database, Tx
from app.store.deliverable_tables import DeliverableRow
from app.store.finding_tables import FindingRow
from app.store.host_tables import HostRow
from app.store.skill_tables import SkillRow
from app.store.supervisor_tables import SupervisorRow
from app.store.supervisors import Leader
from app.store.tables import (
    AskerRow,
    AttentionRow,
    CommandRow,
    ContextItemRow,
    PhaseRow,
    ProjectRow,
    RunRow,
    SubtaskRow,
    TaskRow,
    WorkerRow,
)
from app.store.token_tables import TokenRow
from app.store.tool_tables import ToolCallRow

P = ParamSpec("P")
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Services:
    """What lives as long as the server. `url` is the address that agents are given, `server_file` where the address of a
    successor will stand, `configuration` the user's directory that holds skills for every project. A run is stale after
    `stale_after` of silence where neither a reader nor its project says anything else; `defaults` is what holds in projects
    that say nothing. `agents` are those that tasks may name,
    `index_requests` the projects whose files are to be looked at anew.
    """

    db: Database
    tail: Tail
    telemetry: Telemetry
    url: Callable[[], str]
    server_file: str
    signing_key: Callable[[], bytes]
    heartbeat_seconds: float
    configuration: str
    supervisor_heartbeat_seconds: float = 30.0
    observer: Observer = NOBODY
    defaults: ProjectSettings = field(default_factory=ProjectSettings)
    index_requests: Requests = field(default_factory=Requests)
    stale_after: timedelta = STALE_AFTER
    agents: Agents = field(default_factory=dict)


class Context:
    """One per operation. Loaders remember what they have read; a subscription forgets it before each event."""

    def __init__(self, services: Services, actor: Actor) -> None:
        self.services = services
        self.actor = actor
        self.loaders = Loaders(self)
        self._began: asyncio.Future[int] | None = None

    def began(self) -> Awaitable[int]:
        """Position of the log before anything was read for this operation: every other read waits for it."""
        self.actor.require(READERS)
        if self._began is None:
            self._began = asyncio.ensure_future(self._read(store.events.head))
        return self._began

    async def read(self, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Read as the caller: within its project, and not at all with a runner's token."""
        self.require_reader()
        return await self.read_unchecked(function, *args, **kwargs)

    async def read_unchecked(
        self, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Read within the caller's project, whatever its role: for runners, and for the answers of mutations."""
        for asked_for in (*args, *kwargs.values()):
            if isinstance(asked_for, str):
                refuse_unstorable(asked_for)

        if self._began is not None:
            await self._began
        return await self._read(function, *args, **kwargs)

    async def _read(self, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        def scoped(tx: Tx) -> T:
            tx.scope = self.actor.project_id
            return function(tx, *args, **kwargs)

        return await self.services.db.read(scoped)

    def require_reader(self) -> None:
        """Refuse those who only report."""
        self.actor.require(READERS)

    def forget(self) -> None:
        """Read everything anew from here on."""
        self.loaders = Loaders(self)

    @property
    def is_runner(self) -> bool:
        return self.actor.role is Role.RUNNER


Info = StrawberryInfo[Context, None]


class Loaders:
    """One batch for all objects of a kind that one level of an answer asks for. Made when first asked for."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @cached_property
    def reads(self) -> DataLoader[Callable[[Tx], Any], Any]:
        """Whatever one level of an answer wants to know, in one transaction: fifty pages of fifty runs, say."""

        async def load(wanted: list[Callable[[Tx], Any]]) -> list[Any]:
            return await self._context.read(lambda tx: [_outcome(tx, one) for one in wanted])

        return DataLoader(load_fn=load, cache=False)

    @cached_property
    def numbers(self) -> DataLoader[str | None, Numbers]:
        async def load(projects: list[str | None]) -> list[Numbers]:
            return await self._context.read(
                lambda tx: [store.dashboard.numbers(tx, project) for project in projects]
            )

        return DataLoader(load_fn=load)

    @cached_property
    def projects(self) -> DataLoader[str, ProjectRow | None]:
        return self._found(store.projects.by_ids)

    @cached_property
    def project_flags(self) -> DataLoader[str, dict[str, Any]]:
        """What projects have set, by name."""
        return self._listed(store.project_flags.of_projects)

    @cached_property
    def runs(self) -> DataLoader[str, RunRow | None]:
        return self._found(store.runs.by_ids)

    @cached_property
    def supervisors(self) -> DataLoader[str, SupervisorRow | None]:
        """By the run that they look after."""
        return self._found(store.supervisors.of_runs)

    @cached_property
    def leader(self) -> DataLoader[str, Leader]:
        """The same for whatever key: read once for an answer."""

        async def load(keys: list[str]) -> list[Leader]:
            found = await self._context.read_unchecked(store.supervisors.leader)
            return [found for _ in keys]

        return DataLoader(load_fn=load)

    @cached_property
    def plan_texts(self) -> DataLoader[str, str | None]:
        return self._found(store.runs.plan_texts)

    @cached_property
    def phases(self) -> DataLoader[str, PhaseRow | None]:
        return self._found(store.phases.by_ids)

    @cached_property
    def deliverables(self) -> DataLoader[str, DeliverableRow | None]:
        return self._found(store.deliverables.by_ids)

    @cached_property
    def deliverables_of_phase(self) -> DataLoader[str, list[DeliverableRow]]:
        return self._listed(store.deliverables.of_phases)

    @cached_property
    def missing(self) -> DataLoader[str, list[str]]:
        """What the gates of phases wait for."""
        return self._listed(store.gates.missing_of)

    @cached_property
    def tasks(self) -> DataLoader[str, TaskRow | None]:
        return self._found(store.tasks.by_ids)

    @cached_property
    def workers(self) -> DataLoader[str, WorkerRow | None]:
        return self._found(store.workers.by_ids)

    @cached_property
    def hosts(self) -> DataLoader[str, HostRow | None]:
        return self._found(store.hosts.by_ids)

    @cached_property
    def running_on_host(self) -> DataLoader[str, int]:
        return self._listed(store.hosts.running_on)

    @cached_property
    def attention(self) -> DataLoader[str, AttentionRow | None]:
        return self._found(store.attention.by_ids)

    @cached_property
    def commands(self) -> DataLoader[str, CommandRow | None]:
        return self._found(store.commands.by_ids)

    @cached_property
    def tokens(self) -> DataLoader[str, TokenRow | None]:
        return self._found(store.tokens.by_ids)

    @cached_property
    def context_items(self) -> DataLoader[str, ContextItemRow | None]:
        return self._found(store.context.by_ids)

    @cached_property
    def skeletons(self) -> DataLoader[str, str | None]:
        return self._found(store.context_files.skeletons)

    @cached_property
    def skills_of_workers(self) -> DataLoader[tuple[str, str], SkillRow | None]:
        return self._found(store.skills.of_workers)

    @cached_property
    def phases_of_run(self) -> DataLoader[str, list[PhaseRow]]:
        return self._listed(store.phases.of_runs)

    @cached_property
    def needs(self) -> DataLoader[str, list[TaskRow]]:
        return self._listed(store.tasks.needs_of)

    @cached_property
    def dependents(self) -> DataLoader[str, list[TaskRow]]:
        return self._listed(store.tasks.dependents_of)

    @cached_property
    def subtasks(self) -> DataLoader[str, list[SubtaskRow]]:
        return self._listed(store.subtasks.of_tasks)

    @cached_property
    def tool_calls(self) -> DataLoader[str, ToolCallRow | None]:
        return self._found(store.tool_calls.by_ids)

    @cached_property
    def last_tool_calls(self) -> DataLoader[str, ToolCallRow | None]:
        return self._listed(store.tool_calls.last_of_workers)

    @cached_property
    def usage(self) -> DataLoader[str, Amounts | None]:
        """By the worker, the task or the run that it is summed up for."""
        return self._listed(store.usage.sums_of)

    @cached_property
    def findings(self) -> DataLoader[str, list[FindingRow]]:
        return self._listed(store.findings.of_tasks)

    @cached_property
    def subtask(self) -> DataLoader[str, SubtaskRow | None]:
        return self._found(store.subtasks.by_ids)

    @cached_property
    def finding(self) -> DataLoader[str, FindingRow | None]:
        return self._found(store.findings.by_ids)

    @cached_property
    def askers(self) -> DataLoader[str, list[AskerRow]]:
        return self._listed(store.attention.askers_of)

    @cached_property
    def attention_tasks(self) -> DataLoader[str, list[TaskRow]]:
        return self._listed(store.attention.tasks_of)

    @cached_property
    def context_of_worker(self) -> DataLoader[str, list[ContextItemRow]]:
        return self._listed(store.context.of_workers)

    @cached_property
    def blocked_behind(self) -> DataLoader[str, int]:
        return self._listed(store.tasks.blocked_behind_each)

    def _found(self, by_ids: Callable[[Tx, Sequence[K]], Mapping[K, T]]) -> "DataLoader[K, T | None]":
        async def load(keys: list[K]) -> list[T | None]:
            found = await self._context.read_unchecked(by_ids, keys)
            return [found.get(key) for key in keys]

        return DataLoader(load_fn=load)

    def _listed(self, of_ids: Callable[[Tx, Sequence[str]], Mapping[str, T]]) -> "DataLoader[str, T]":
        async def load(keys: list[str]) -> list[T]:
            found = await self._context.read_unchecked(of_ids, keys)
            return [found[key] for key in keys]

        return DataLoader(load_fn=load)


def _outcome(tx: Tx, read: Callable[[Tx], Any]) -> Any:
    """What was read, or why it was refused: the others of the same batch are answered all the same."""
    try:
        return read(tx)
    except AppError as error:
        return error
