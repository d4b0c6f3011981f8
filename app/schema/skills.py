"""Skills: instructions that workers are started with."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Self

import strawberry

from app import skills, store
from app.commands.audit import Change
from app.domain import limits
from app.domain.errors import AppError
from app.domain.skills import Skill as Found, SkillProblem as Problem, SkillProblemCode, SkillRole
from app.schema.context import Context, Info
from app.schema.enums import describe
from app.schema.inputs import given
from app.store.db import Tx
from app.store.skill_tables import SkillRow
from app.store.tables import ProjectRow

describe(
    SkillProblemCode,
    "What is wrong with a folder that is not taken as a skill.",
    {
        "MANIFEST_MISSING": "It has no manifest.",
        "MANIFEST_UNREADABLE": "Its manifest cannot be read or parsed.",
        "MANIFEST_AMBIGUOUS": "It has more than one manifest.",
        "FIELD_MISSING": "Its manifest leaves out a field.",
        "FIELD_INVALID": "A field of its manifest is not the text that it should be.",
        "ROLE_UNKNOWN": "Its role is none of those that there are.",
        "NAME_TAKEN": "Another skill in the same place has its name.",
        "TEXT_MISSING": "There is no skill.md.",
        "TEXT_UNREADABLE": "Its skill.md cannot be read, or is too long.",
    },
)
describe(
    SkillRole,
    "Whom a skill instructs.",
    {
        "ORCHESTRATOR": "An agent that looks after a run.",
        "WORKER": "An agent that works on a task.",
        "CLI": "A person's own agent, at the command line.",
    },
)

OfProject = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="A project whose own are told as well; those of the user's configuration directory alone where it "
        "is left out."
    ),
]


@strawberry.type(description="Instructions with a manifest, read from disk, that a worker is started with.")
class Skill:
    name: str = strawberry.field(description="What tasks call it.")
    version: str = strawberry.field(description="As its manifest says.")
    role: SkillRole = strawberry.field(description="Whom it instructs.")
    description: str = strawberry.field(description="What it is for.")
    instructions: str = strawberry.field(description="Its text, Markdown.")

    @classmethod
    def of(cls, skill: Found | SkillRow) -> Self:
        return cls(
            name=skill.name,
            version=skill.version,
            role=SkillRole(skill.role),
            description=skill.description,
            instructions=skill.text,
        )


@strawberry.type(description="Why a folder is not taken as a skill.")
class SkillProblem:
    code: SkillProblemCode = strawberry.field(description="What is wrong, for programs.")
    path: str = strawberry.field(description="The file or folder that is to be mended.")
    message: str = strawberry.field(description="What is wrong, for people.")

    @classmethod
    def of(cls, problem: Problem) -> Self:
        return cls(code=SkillProblemCode(problem.code), path=problem.path, message=problem.message)


@strawberry.type
class SkillQuery:
    @strawberry.field(
        description="What is found in `skills/*/` of the project and of the user's configuration directory, by name; a "
        "project's own hides the user's of the same name. Null where there is no such project."
    )
    async def skills(
        self,
        info: Info,
        role: Annotated[
            SkillRole | None, strawberry.argument(description="Only those for this role.")
        ] = strawberry.UNSET,
        project_id: OfProject = strawberry.UNSET,
    ) -> list[Skill] | None:
        loaded = await _load(info.context, given(project_id))
        if loaded is None:
            return None
        wanted = given(role)
        return [Skill.of(skill) for skill in loaded.skills if wanted is None or skill.role == wanted]

    @strawberry.field(
        description="What is wrong with folders there that are not taken as skills. Null where there is no such project."
    )
    async def skill_problems(
        self, info: Info, project_id: OfProject = strawberry.UNSET
    ) -> list[SkillProblem] | None:
        loaded = await _load(info.context, given(project_id))
        return None if loaded is None else [SkillProblem.of(problem) for problem in loaded.problems]


async def _load(context: Context, project_id: str | None) -> skills.Loaded | None:
    root = ""
    if project_id is not None:
        project = await context.read(store.projects.find, project_id)
        if project is None:
            return None
        root = project.root
    else:
        context.require_reader()
    return await asyncio.to_thread(skills.load, root, context.services.configuration)


async def checked(
    context: Context,
    project: ProjectRow,
    named: Iterable[tuple[str, Sequence[str]]],
    change: Callable[..., Change],
) -> Callable[..., Change]:
    """`change`, which finds the skills that are named as they are on disk; `named` says with each where it stands.

    Refuses one that a worker could not be started with, unless the project has skills turned off.
    """
    wanted = dict(named)
    if not wanted or not await context.read(store.skills.are_used, project.id):
        return change
    loaded = await asyncio.to_thread(skills.load, project.root, context.services.configuration)
    known = {skill.name: skill for skill in loaded.skills if skill.role == SkillRole.WORKER}
    for name, where in wanted.items():
        if name not in known:
            raise _unknown(name, where, loaded)

    def with_skills(tx: Tx, **arguments: Any) -> Change:
        store.skills.sync(tx, project.id, loaded.skills)
        return change(tx, **arguments)

    return with_skills


def _unknown(name: str, where: Sequence[str], loaded: skills.Loaded) -> AppError:
    other = next((skill for skill in loaded.skills if skill.name == name), None)
    if other is not None:
        return limits.invalid(
            f"The skill {name!r} is for {other.role}, not for a worker.",
            where,
            "Name one whose role is WORKER.",
        )
    wrong = next((problem for problem in loaded.problems if f"/{name}" in problem.path), None)
    if wrong is not None:
        return limits.invalid(
            f"The skill {name!r} cannot be used: {wrong.path}: {wrong.message}",
            where,
            "Mend it, or name another.",
        )
    known = ", ".join(skill.name for skill in loaded.skills if skill.role == SkillRole.WORKER)
    return limits.invalid(
        f"There is no skill {name!r}.",
        where,
        f"Known are {known}."
        if known
        else f"Write skills/{name}/manifest.yaml and skills/{name}/skill.md in the project.",
    )
