"""A run made out of a plan on a server that is there, for others to look after."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli import completion, outcomes, references, text
from app.cli.amounts import NewBudget, new_budget
from app.cli.arguments import AutoAdvance, AutoComplete, ConflictsOption
from app.cli.commandlines import (
    AgentOption,
    ModelOption,
    PromptOption,
    SupervisorAgentOption,
    SupervisorOption,
    chosen_runtime,
    supervising_runtime,
)
from app.cli.plan_files import as_sent, read_plan
from app.cli.run_phases import Deliverables, Gates, Guards, Phases, phase_inputs
from app.cli.session import Session, server_command
from app.domain.plans import PlanFormat

app = typer.Typer()

CREATE = """
mutation ($input: CreateRunInput!) {
  createRun(input: $input) {
    run { id name status statusReason version maxWorkers progress { total } project { id name root } }
    command { id status }
    userErrors { code message path suggestion }
  }
}
"""
ROOT = "query ($id: ID!) { project(id: $id) { root } }"


@app.command("create")
@server_command
async def create_run(
    session: Session,
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="The plan: Markdown, YAML or JSON.")],
    project: Annotated[
        str | None,
        typer.Option(
            metavar="PROJECT",
            help="Its id, name or directory; the current directory, made a project, where it is left out.",
            autocompletion=completion.project,
        ),
    ] = None,
    command: Annotated[
        str | None,
        typer.Option(
            metavar="'PROGRAM ARGS'", help="What a task runs that does not say so itself; no shell."
        ),
    ] = None,
    agent: AgentOption = None,
    model: ModelOption = None,
    prompt: PromptOption = None,
    supervisor: SupervisorOption = None,
    supervisor_agent: SupervisorAgentOption = None,
    name: Annotated[
        str | None, typer.Option(help="What to call the run; the plan's title otherwise.")
    ] = None,
    max_workers: Annotated[int | None, typer.Option(min=1, help="How many workers at once.")] = None,
    budget: NewBudget = None,
    conflicts: ConflictsOption = None,
    format: Annotated[
        PlanFormat | None,
        typer.Option(case_sensitive=False, help="How the plan is written; found out where it is left out."),
    ] = None,
    phase: Phases = None,
    deliverable: Deliverables = None,
    gate: Gates = None,
    guard: Guards = None,
    auto_advance: AutoAdvance = None,
    auto_complete: AutoComplete = None,
    start: Annotated[bool, typer.Option("--start", help="Start it at once.")] = False,
) -> None:
    r"""Make a run out of a plan, and leave it to the server. `trackside run` makes one and stays with it.

    \b
      trackside runs create plan.md --command 'true'
      trackside runs create plan.md --agent claude --model opus
      trackside runs create plan.md --project . --name nightly-2 --max-workers 8 --start
      trackside runs create plan.md --command 'true' --budget 20
      trackside runs create plan.md --phase phase-1:Counting --deliverable phase-1:report --guard phase-1
      trackside runs create plan.md --gate phase-1:MIN=1
      trackside runs create plan.md --gate phase-1:NAMED=T1,T2 --deliverable 'phase-1:report:A report of all pears'
      trackside runs create plan.md --command 'true' --supervisor 'sleep 60' --start
    """
    read, content = read_plan(plan, format)
    root = Path.cwd().resolve()
    if project is not None:
        project_id = await references.project(session.client, project)
        root = Path((await session.client.query(ROOT, {"id": project_id}))["project"]["root"])
    else:
        project_id = await references.project_at(session.client, root)
    given = {
        "projectId": project_id,
        "plan": as_sent(read, content, plan, root),
        "name": name or (None if read.title else plan.stem),
        "runtime": chosen_runtime(command, agent, model, prompt),
        "supervisor": supervising_runtime(supervisor, supervisor_agent),
        "maxWorkers": max_workers,
        "budgetUsd": new_budget(budget),
        "phases": phase_inputs(phase, deliverable, gate, guard),
        "autoAdvance": auto_advance,
        "autoComplete": auto_complete,
        "conflictPolicy": conflicts,
        "start": start or None,
    }
    payload = await session.client.mutate(CREATE, given)
    run = payload["run"]
    tasks = text.count(run["progress"]["total"], "task")
    outcomes.show(session, payload, "run", outcomes.state(run, f"{run['name']}, {tasks}"))
    if read.warnings:
        warnings = text.count(len(read.warnings), "warning")
        session.screen.note(f"{warnings} about the plan: trackside plan show {text.quoted(str(plan))}")
