"""The GraphQL edge: translate, call one function, translate back."""

from typing import Any, Final

import strawberry
from strawberry.schema.config import StrawberryConfig

from app.schema.attention import AlreadyAnsweredError, AttentionMutation, AttentionQuery
from app.schema.attention_feed import AttentionSubscription
from app.schema.batches import BatchMutation
from app.schema.commands import CommandQuery
from app.schema.context_files import ContextFileQuery
from app.schema.context_items import ContextMutation
from app.schema.dag import DagMutation
from app.schema.dashboard import DashboardQuery, DashboardSubscription
from app.schema.errors import DagCycleError, GenericError, VersionConflict
from app.schema.event_log import EventQuery, EventSubscription
from app.schema.events import SHAPES
from app.schema.findings import FindingMutation
from app.schema.hosts import HostMutation, HostQuery
from app.schema.logs import LogSubscription
from app.schema.naming import Names
from app.schema.nodes import NodeQuery
from app.schema.phase_mutations import PhaseGuardRequired, PhaseMutation, ValidationFailed
from app.schema.pipeline import PipelineMutation, PipelineQuery
from app.schema.plan_imports import PlanImportMutation
from app.schema.plans import PlanQuery
from app.schema.project_mutations import ProjectSettingsMutation
from app.schema.projects import ProjectMutation, ProjectQuery
from app.schema.run_mutations import RunMutation
from app.schema.runners import RunnerMutation, RunnerSubscription
from app.schema.runs import RunQuery
from app.schema.scalars import SCALARS
from app.schema.skills import SkillQuery
from app.schema.state import StateQuery
from app.schema.subtasks import SubtaskMutation
from app.schema.supervisor_mutations import SupervisorMutation
from app.schema.tasks import TaskMutation, TaskQuery
from app.schema.telemetry import TelemetryQuery, TelemetrySubscription
from app.schema.tokens import TokenMutation, TokenQuery
from app.schema.usage import UsageQuery
from app.schema.viewer import ViewerQuery
from app.schema.workers import WorkerMutation, WorkerQuery


@strawberry.type(description="What can be read.")
class Query(
    AttentionQuery,
    CommandQuery,
    ContextFileQuery,
    DashboardQuery,
    EventQuery,
    HostQuery,
    NodeQuery,
    PipelineQuery,
    PlanQuery,
    ProjectQuery,
    RunQuery,
    SkillQuery,
    StateQuery,
    TaskQuery,
    TelemetryQuery,
    TokenQuery,
    UsageQuery,
    ViewerQuery,
    WorkerQuery,
):
    pass


@strawberry.type(description="What can be done. Each takes one input and answers with typed userErrors.")
class Mutation(
    AttentionMutation,
    BatchMutation,
    ContextMutation,
    DagMutation,
    FindingMutation,
    HostMutation,
    PhaseMutation,
    PipelineMutation,
    PlanImportMutation,
    ProjectMutation,
    ProjectSettingsMutation,
    RunMutation,
    RunnerMutation,
    SubtaskMutation,
    SupervisorMutation,
    TaskMutation,
    TokenMutation,
    WorkerMutation,
):
    pass


@strawberry.type(description="What can be followed.")
class Subscription(
    AttentionSubscription,
    DashboardSubscription,
    EventSubscription,
    LogSubscription,
    RunnerSubscription,
    TelemetrySubscription,
):
    pass


TYPES: Final[list[Any]] = [
    AlreadyAnsweredError,
    DagCycleError,
    GenericError,
    PhaseGuardRequired,
    ValidationFailed,
    VersionConflict,
    *SHAPES.values(),
]
"""Types that are only reached through an interface."""

CONFIG: Final = StrawberryConfig(scalar_map=SCALARS, name_converter=Names())
