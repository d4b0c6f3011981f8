"""Setting what holds in a project."""

import asyncio
from typing import Annotated, Any

import strawberry

from app import commands, store
from app.domain import limits
from app.domain.access import OPERATORS
from app.domain.project_settings import FLAGS, FlagKind, named
from app.schema.context import Info
from app.schema.enums import ConflictPolicy
from app.schema.inputs import IDEMPOTENCY_KEY, REASON, given, optional
from app.schema.mutations import Write, act
from app.schema.projects import ProjectPayload
from app.schema.runtimes import RuntimeInput, Site, runtime_of


def _set(name: str) -> Any:
    return optional(FLAGS[name].description)


@strawberry.input(description="New settings of a project; what is left out stays as it is.")
class ConfigureProjectInput:
    project_id: strawberry.ID = strawberry.field(description="The project.")
    phase_guard: bool | None = _set("phase_guard")
    auto_advance: bool | None = _set("auto_advance")
    auto_complete: bool | None = _set("auto_complete")
    max_workers: int | None = _set("max_workers")
    runtime: RuntimeInput | None = _set("runtime")
    conflict_policy: ConflictPolicy | None = _set("conflict_policy")
    stale_after_seconds: int | None = _set("stale_after_seconds")
    question_deadline_seconds: int | None = _set("question_deadline_seconds")
    skills: bool | None = _set("skills")
    index_files: bool | None = _set("index_files")
    watch_plans: bool | None = _set("watch_plans")
    reset: list[str] | None = optional(
        "Names of settings that the project is to say nothing of any more: the server's hold again, or the defaults."
    )
    reason: str | None = optional(REASON)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.type
class ProjectSettingsMutation:
    @strawberry.mutation(
        description="Change the settings of a project. What is for new runs leaves those that are there as they are."
    )
    async def configure_project(
        self,
        info: Info,
        input: Annotated[ConfigureProjectInput, strawberry.argument(description="Which project, and what.")],
    ) -> ProjectPayload | None:
        async def prepare() -> Write:
            project = await info.context.read(store.projects.get, input.project_id)
            reset = given(input.reset) or []
            limits.count(reset, len(FLAGS), "input", "reset")
            settings = {name: value for name in FLAGS if (value := _given(input, name)) is not None}
            if "runtime" in settings:
                settings["runtime"] = await asyncio.to_thread(
                    runtime_of,
                    input.runtime,
                    Site(project.root, info.context.services.agents),
                    "input",
                    "runtime",
                )
            return commands.projects.configure, {
                "project_id": project.id,
                "settings": settings,
                "reset": named(reset, "input", "reset"),
            }

        return ProjectPayload(outcome=await act(info, OPERATORS, input, prepare))


def _given(input: ConfigureProjectInput, name: str) -> Any:
    flag, value = FLAGS[name], given(getattr(input, name))
    if flag.kind is FlagKind.NUMBER and value is not None:
        return limits.number(value, "input", flag.camel, least=1, most=flag.most)
    return value
