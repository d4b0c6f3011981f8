"""The plan documents that lie below a project's root."""

import asyncio
import hashlib
from typing import Annotated

import strawberry

from app import store
from app.plans import finding
from app.schema.context import Info
from app.schema.enums import PlanFormat


@strawberry.type(description="A plan document of a project, as it lies there now.")
class Plan:
    id: strawberry.ID = strawberry.field(description="Opaque; the same as long as the file has its path.")
    path: str = strawberry.field(description="From the project's root: what createRun takes as `plan.path`.")
    format: PlanFormat = strawberry.field(description="How it is written.")
    title: str | None = strawberry.field(description="What it is called, where it says so.")
    task_count: int = strawberry.field(description="How many tasks it has, subtasks not counted.")
    completed_count: int = strawberry.field(description="How many of them it marks as done or cancelled.")


@strawberry.type
class PlanQuery:
    @strawberry.field(
        description="Plan documents found under the project's root, in every supported format, by path; at most 500. A file "
        "counts where its name or its folder speaks of plans or tasks and it can be read as one. Null where there is no "
        "such project."
    )
    async def plans(
        self,
        info: Info,
        project_id: Annotated[strawberry.ID, strawberry.argument(description="The project's id.")],
    ) -> list[Plan] | None:
        project = await info.context.read(store.projects.find, project_id)
        if project is None:
            return None
        return [
            Plan(
                id=_id(project.id, found.path),
                path=found.path,
                format=found.format,
                title=found.title,
                task_count=found.tasks,
                completed_count=found.completed,
            )
            for found in await asyncio.to_thread(finding.find, project.root)
        ]


def _id(project_id: str, path: str) -> strawberry.ID:
    digest = hashlib.sha256(f"{project_id}\0{path}".encode(errors="surrogateescape")).hexdigest()
    return strawberry.ID(f"plan_{digest[:26]}")
