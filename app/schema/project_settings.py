"""What is set for a project. Its words come from the registry of flags."""

from typing import Any, Self

import strawberry

from app.domain import project_settings
from app.domain.project_settings import FLAGS, Flag, FlagKind, FlagOrigin
from app.schema.context import Info
from app.schema.enums import ConflictPolicy, describe
from app.schema.runtimes import as_input
from app.schema.scalars import Json
from app.store.tables import ProjectRow

describe(
    FlagOrigin,
    "Who says what a setting of a project is.",
    {
        "PROJECT": "It was set for the project.",
        "SERVER": "The server's own settings.",
        "DEFAULT": "Nobody: it is as it is where nothing was set.",
    },
)


def _told(name: str) -> Any:
    """A field with the words of its flag."""
    flag = FLAGS[name]
    return strawberry.field(description=f"{flag.description} Where it is not set: {flag.fallback}.")


@strawberry.type(
    description="What holds in a project: what was set for it, and the rest as the server has it."
)
class ProjectSettings:
    phase_guard: bool = _told("phase_guard")
    auto_advance: bool = _told("auto_advance")
    auto_complete: bool = _told("auto_complete")
    max_workers: int = _told("max_workers")
    runtime: Json | None = _told("runtime")
    conflict_policy: ConflictPolicy = _told("conflict_policy")
    stale_after_seconds: int = _told("stale_after_seconds")
    question_deadline_seconds: int | None = _told("question_deadline_seconds")
    skills: bool = _told("skills")
    index_files: bool = _told("index_files")
    watch_plans: bool = _told("watch_plans")

    @classmethod
    def of(cls, settings: project_settings.ProjectSettings) -> Self:
        return cls(**{name: _shown(FLAGS[name], getattr(settings, name)) for name in FLAGS})


@strawberry.type(description="One setting of a project, and where it comes from.")
class ProjectFlag:
    name: str = strawberry.field(description="Its name among the fields of ProjectSettings.")
    description: str = strawberry.field(description="What it does.")
    value: Json | None = strawberry.field(description="What holds.")
    origin: FlagOrigin = strawberry.field(description="Who says so.")
    default: Json | None = strawberry.field(description="What holds where the project says nothing.")


@strawberry.type
class ProjectConfiguration:
    row: strawberry.Private[ProjectRow]

    @strawberry.field(description="What holds in it.")
    async def settings(self, info: Info) -> ProjectSettings | None:
        said = await info.context.loaders.project_flags.load(self.row.id)
        return ProjectSettings.of(project_settings.effective(said, info.context.services.defaults))

    @strawberry.field(description="The same setting by setting, each with where it comes from.")
    async def flags(self, info: Info) -> list[ProjectFlag] | None:
        said = await info.context.loaders.project_flags.load(self.row.id)
        server = info.context.services.defaults
        settings = project_settings.effective(said, server)
        return [
            ProjectFlag(
                name=flag.camel,
                description=flag.description,
                value=_shown(flag, getattr(settings, flag.name)),
                origin=project_settings.origin(flag, said),
                default=_shown(flag, getattr(server, flag.name)),
            )
            for flag in FLAGS.values()
        ]


def _shown(flag: Flag, value: Any) -> Any:
    if flag.choices is not None:
        return flag.choices(value)
    return as_input(value) if flag.kind is FlagKind.RUNTIME and value is not None else value
