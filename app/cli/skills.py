"""Skills: instructions that workers are started with."""

from typing import Annotated, Any, Final

import typer

from app.cli import completion, references, text
from app.cli.exit_codes import ExitCode
from app.cli.session import Session, server_command
from app.client.errors import TracksideError

app = typer.Typer(no_args_is_help=True, help="Skills: instructions that workers are started with.")

READ = """
query ($projectId: ID, $role: SkillRole) {
  skills(projectId: $projectId, role: $role) { name version role description instructions }
  skillProblems(projectId: $projectId) { code path message }
}
"""
ROLES: Final = ("ORCHESTRATOR", "WORKER", "CLI")

Project = Annotated[
    str | None,
    typer.Option(
        help="Those of this project too: its id, name or directory.", autocompletion=completion.project
    ),
]


@app.command("list")
@server_command
async def list_skills(
    session: Session,
    project: Project = None,
    role: Annotated[
        str | None,
        typer.Option(help=f"For whom: {', '.join(ROLES)}.", autocompletion=lambda: list(ROLES)),
    ] = None,
) -> None:
    r"""The skills that tasks may name: yours, and a project's own.

    \b
      trackside skills list --project .
      trackside skills list --role WORKER --output json
    """
    if role is not None and role.upper() not in ROLES:
        raise TracksideError(
            "INVALID_INPUT", f"There is no role {role!r}.", suggestion=f"There are {', '.join(ROLES)}."
        )
    found = await _read(session, project, role=role.upper() if role is not None else None)
    if session.screen.json:
        session.screen.document(found["skills"])
        return
    if not found["skills"]:
        session.screen.line("No skills.")
    else:
        rows = [(one["name"], one["version"], one["role"], one["description"]) for one in found["skills"]]
        session.screen.table(("NAME", "VERSION", "ROLE", "FOR"), rows)
    if found["skillProblems"]:
        count = text.count(len(found["skillProblems"]), "folder")
        session.screen.note(f"{count} cannot be used: trackside skills check says why.")


@app.command("show")
@server_command
async def show_skill(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What tasks call it.")],
    project: Project = None,
) -> None:
    r"""A skill with its instructions.

    \b
      trackside skills show testing --project .
    """
    found = await _read(session, project)
    skill = next((one for one in found["skills"] if one["name"] == name), None)
    if skill is None:
        raise TracksideError(
            "NOT_FOUND",
            f"There is no skill {name!r}.",
            suggestion="trackside skills list shows what there is.",
        )
    if session.screen.json:
        session.screen.document(skill)
        return
    session.screen.line(text.printable(f"{skill['name']} {skill['version']}"), style="bold")
    session.screen.facts([("role", skill["role"]), ("for", skill["description"])])
    for line in skill["instructions"].splitlines():
        session.screen.line(text.printable(line))


@app.command("check")
@server_command
async def check_skills(session: Session, project: Project = None) -> ExitCode:
    r"""What is wrong with folders that are not taken as skills. The exit status is not 0 where there is anything.

    \b
      trackside skills check --project .
    """
    found = await _read(session, project)
    problems = found["skillProblems"]
    if session.screen.json:
        session.screen.document(problems)
    elif not problems:
        session.screen.line(f"{text.count(len(found['skills']), 'skill')}, nothing wrong.")
    else:
        rows = [(one["code"], one["path"], one["message"]) for one in problems]
        session.screen.table(("WHAT", "WHERE", "WHY"), rows)
    return ExitCode.FAILED if problems else ExitCode.COMPLETED


async def _read(session: Session, project: str | None, **variables: Any) -> dict[str, Any]:
    if project is not None:
        variables["projectId"] = await references.project(session.client, project)
    return await session.client.query(READ, variables)
