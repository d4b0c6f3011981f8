"""A plan that was edited while its run goes on: what it would change, and doing it."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from app.cli import completion, references, text
from app.cli.plan_files import as_sent, read_plan
from app.cli.screen import Screen
from app.cli.session import Session, server_command
from app.cli.wording import told

_SHOWN: Final = "{ kind key title phase dependsOn fields }"
IMPORT: Final = f"""
mutation ($input: ImportPlanInput!) {{
  importPlan(input: $input) {{
    run {{ id name version plan {{ path hash }} }}
    operations {_SHOWN}
    remarks {{ task message }}
    impact {{ ready {{ key }} pending {{ key }} killedWorkers {{ id }} }}
    command {{ id status }}
    userErrors {{ code message path suggestion }}
  }}
}}
"""
ROOT: Final = "query ($id: ID!) { run(id: $id) { version project { root } } }"
_SIGNS: Final = {
    "ADD_PHASE": "+ phase",
    "RENAME_PHASE": "~ phase",
    "ADD_TASK": "+ task",
    "REMOVE_TASK": "- task",
    "EDIT_TASK": "~ task",
    "ADD_DEPENDENCY": "+ wait",
    "REMOVE_DEPENDENCY": "- wait",
}

Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Its id, a unique beginning or end of it, or its name.",
        autocompletion=completion.run,
    ),
]
File = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE", help="The plan; the file that the run was made from where it is left out."
    ),
]
Kill = Annotated[
    bool, typer.Option("--kill", help="Also take out tasks that a worker is on, and end the worker.")
]


@server_command
async def diff(session: Session, run: Run, file: File = None, kill: Kill = False) -> None:
    r"""What an import of the edited plan would change in its run. Nothing is changed.

    \b
      trackside plan diff nightly
      trackside plan diff nightly plan.md --output json
    """
    input = await _input(session, run, file, kill)
    found = await session.client.mutate(IMPORT, {**input, "dryRun": True})
    _show(session.screen, found, done=False)


@server_command
async def apply(
    session: Session,
    run: Run,
    file: File = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do it, instead of only telling what would be done.")
    ] = False,
    kill: Kill = False,
    expected_version: Annotated[
        int | None,
        typer.Option(help="Only if the run is at this version: what `plan diff` told is still so."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why, for the audit trail.")] = None,
) -> None:
    r"""Bring a run to what its plan says now, all of it or nothing. What was done to the run by hand stays.

    \b
      trackside plan apply nightly
      trackside plan apply nightly --yes --reason 'two tasks more'
      trackside plan apply nightly plan.md --yes --kill --expected-version 12
    """
    input = await _input(session, run, file, kill)
    given = {"dryRun": not yes, "expectedVersion": expected_version, "reason": reason}
    found = await session.client.mutate(IMPORT, {**input, **given})
    _show(session.screen, found, done=yes)
    if not yes:
        session.screen.note("Nothing was changed: --yes does it.")


async def _input(session: Session, run: str, file: Path | None, kill: bool) -> dict[str, Any]:
    run_id = await references.run(session.client, run)
    input: dict[str, Any] = {"runId": run_id, "killWorkers": kill}
    if file is not None:
        root = Path((await session.client.query(ROOT, {"id": run_id}))["run"]["project"]["root"])
        input["plan"] = as_sent(*read_plan(file), file, root)
    return input


def _show(screen: Screen, found: dict[str, Any], *, done: bool) -> None:
    if screen.json:
        shown = ("run", "operations", "remarks", "impact", "command")
        screen.document({"applied": done, **{name: found[name] for name in shown}})
        return
    if not found["operations"]:
        screen.line("The plan changes nothing in the run.")
    for one in found["operations"]:
        screen.line(f"{_SIGNS[one['kind']]:<8}{text.printable(one['key'])}{_more(one)}")
    for remark in found["remarks"]:
        about = f"{text.printable(remark['task'])}: " if remark["task"] is not None else ""
        screen.line(f"! {about}{text.printable(told(remark['message']))}", style="yellow")
    if done:
        run = found["run"]
        screen.line(f"{text.printable(run['name'])} ({run['id']}) is at version {run['version']}")


def _more(one: dict[str, Any]) -> str:
    title = f"  {text.printable(one['title'])}" if one["title"] else ""
    needs = ", ".join(map(text.printable, one["dependsOn"]))
    match one["kind"]:
        case "ADD_TASK":
            return f"{title}  [{text.printable(one['phase'])}]" + (f"  (after {needs})" if needs else "")
        case "EDIT_TASK":
            return f"{title}  ({', '.join(one['fields'])})"
        case "ADD_DEPENDENCY" | "REMOVE_DEPENDENCY":
            return f" after {needs}"
        case _:
            return title
