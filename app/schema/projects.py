"""Projects: directories that work happens in."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from app import commands, store
from app.domain import limits
from app.domain.access import OPERATORS
from app.schema import files, runs
from app.schema.connections import After, Before, Connection, First, Last, connect, window
from app.schema.context import Info
from app.schema.inputs import IDEMPOTENCY_KEY, optional
from app.schema.interfaces import Node
from app.schema.mutations import Write, act, refuse_scoped
from app.schema.payloads import Payload
from app.schema.project_settings import ProjectConfiguration
from app.schema.shapes import shape_of, shown
from app.store.paging import Key
from app.store.tables import ProjectRow

if TYPE_CHECKING:
    from app.schema.runs import Run, RunFilter, RunOrder


@shape_of(ProjectRow)
@strawberry.type(description="A directory that work happens in; runs belong to it.")
class Project(ProjectConfiguration, Node):
    name: str = strawberry.field(description="What people call it.")
    root: str = strawberry.field(description="Its directory, an absolute path on the server's host.")

    @classmethod
    def of(cls, row: ProjectRow) -> Self:
        return cls(row=row, id=strawberry.ID(row.id), name=row.name, root=row.root)

    @strawberry.field(description="Its runs.")
    async def runs(
        self,
        info: Info,
        filter: Annotated[
            Annotated["RunFilter", strawberry.lazy("app.schema.runs")] | None,
            strawberry.argument(description="Which of them."),
        ] = strawberry.UNSET,
        order_by: Annotated[
            Annotated["RunOrder", strawberry.lazy("app.schema.runs")] | None,
            strawberry.argument(description="In which order; newest first where it is left out."),
        ] = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[Annotated["Run", strawberry.lazy("app.schema.runs")]] | None:
        return await runs.connect_runs(
            info, filter, order_by, window(first, after, last, before), project_id=self.id
        )


@strawberry.type
class ProjectQuery:
    @strawberry.field(description="A project by its id.")
    async def project(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
    ) -> Project | None:
        row = await info.context.read(store.projects.find, id)
        return shown(row)

    @strawberry.field(description="Every project that the caller may see, by name.")
    async def projects(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[Project] | None:
        return await connect(
            info.context,
            store.projects.select_all,
            [Key(ProjectRow.name), Key(ProjectRow.id)],
            window(first, after, last, before),
            Project.of,
        )


@strawberry.input(description="A new project.")
class CreateProjectInput:
    name: str = strawberry.field(description="What people call it.")
    root: str = strawberry.field(
        description="An existing directory, as an absolute path on the server's host."
    )
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.type(description="The answer of a mutation that concerns a project.")
class ProjectPayload(Payload):
    @strawberry.field(description="The project as it is now.")
    async def project(self, info: Info) -> Project | None:
        id = self.outcome.ref("project")
        row = await info.context.loaders.projects.load(id) if id is not None else None
        return shown(row)


@strawberry.type
class ProjectMutation:
    @strawberry.mutation(
        description="Make a directory known as a project. One that is known already is answered with as it is, under the "
        "name that it has: a directory is one project."
    )
    async def create_project(
        self,
        info: Info,
        input: Annotated[CreateProjectInput, strawberry.argument(description="The project.")],
    ) -> ProjectPayload | None:
        async def prepare() -> Write:
            refuse_scoped(info.context.actor)
            root = await asyncio.to_thread(files.root, input.root)
            return commands.projects.create, {"name": limits.name(input.name, "input", "name"), "root": root}

        return ProjectPayload(outcome=await act(info, OPERATORS, input, prepare))
