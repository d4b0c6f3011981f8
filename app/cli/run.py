"""The main job: a plan in, its tasks done, an exit status out."""

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from app.cli import exit_codes, text
from app.cli.amounts import NewBudget, new_budget
from app.cli.arguments import ConflictsOption
from app.cli.commandlines import (
    AgentOption,
    ModelOption,
    PromptOption,
    SupervisorAgentOption,
    SupervisorOption,
    chosen_runtime,
    supervising_runtime,
)
from app.cli.exit_codes import ExitCode
from app.cli.interrupts import Interrupts
from app.cli.own_server import OwnServer
from app.cli.plan_files import as_sent, read_plan
from app.cli.running import Request, run_on, run_on_own_server
from app.cli.session import Session, server_command
from app.domain.plans import PlanFormat

app = typer.Typer()

ENDS: Final = [code for code in ExitCode if code is not ExitCode.UNANSWERED]


@app.command("run", epilog="\b\nExit statuses:\n" + exit_codes.table(*ENDS))
@server_command
async def run(
    session: Session,
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="The plan: Markdown, YAML or JSON.")],
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
    name: Annotated[str | None, typer.Option(help="What to call the run.")] = None,
    max_workers: Annotated[int | None, typer.Option(min=1, help="How many workers at once.")] = None,
    budget: NewBudget = None,
    conflicts: ConflictsOption = None,
    format: Annotated[
        PlanFormat | None,
        typer.Option(case_sensitive=False, help="How the plan is written; found out where it is left out."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Go on waiting when nothing can go on but by an answer.")
    ] = False,
) -> ExitCode:
    r"""Carry out a plan in the current directory, and show it while it goes on.

    Without --url it brings a server of its own, which ends with it. Ctrl-C stops the run and its workers.

    \b
      trackside run plan.md --command 'my-agent --yes'
      trackside run plan.md --agent claude --model opus
      trackside run plan.yaml --max-workers 8 --budget 20
      trackside run plan.md --command 'my-agent --yes' --supervisor 'my-agent --watch'
      trackside run plan.md --command 'make check' --output json
    """
    read, content = read_plan(plan, format)
    root = Path.cwd().resolve()
    input = {
        "plan": as_sent(read, content, plan, root),
        "name": name or (None if read.title else plan.stem),
        "runtime": chosen_runtime(command, agent, model, prompt),
        "supervisor": supervising_runtime(supervisor, supervisor_agent),
        "maxWorkers": max_workers,
        "budgetUsd": new_budget(budget),
        "conflictPolicy": conflicts,
    }
    if read.warnings:
        warnings = text.count(len(read.warnings), "warning")
        session.screen.note(f"{warnings} about the plan: trackside plan show {text.quoted(str(plan))}")
    request = Request(root, input, wait)
    with Interrupts() as interrupts:
        if session.given:
            report = await run_on(session.client, session.server, session.screen, request, interrupts)
        else:
            report = await run_on_own_server(
                session.screen, os.environ, request, interrupts, ready=lambda server: _ready(session, server)
            )
    if report.exit_code is ExitCode.BLOCKED and command is None and agent is None:
        session.screen.note(
            "Tasks that name no runtime are done by hand, unless --agent or --command says what to run."
        )
    return report.exit_code


def _ready(session: Session, server: OwnServer) -> None:
    session.screen.note(f"Server: {server.url}")
