"""Something to see within a minute of installing it: a real plan, carried out in front of one's eyes."""

import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from app.cli import demo_project
from app.cli.exit_codes import ExitCode
from app.cli.interrupts import Interrupts
from app.cli.own_server import OwnServer
from app.cli.running import Report, Request, run_on_own_server
from app.cli.screen import Screen
from app.cli.session import local_command
from app.domain.plans import PlanFormat

app = typer.Typer()


@app.command("demo")
@local_command
def demo(
    screen: Screen,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the project, to look at it and play with it.")
    ] = False,
) -> ExitCode:
    r"""Make a small git project with a plan of real commands, carry it out, and show it live.

    Two phases; two tasks side by side that a third one waits for; a task that fails once and is tried again; a question
    that its deadline answers, unless you are quicker. It takes about ten seconds, uses a server of its own, and leaves
    nothing behind.

    \b
      trackside demo
      trackside demo --keep
    """
    directory = Path(tempfile.mkdtemp(prefix="trackside-demo-")).resolve()
    try:
        if not demo_project.make(directory):
            screen.note("Without git: the project is a plain directory.")
        report = asyncio.run(_run(screen, directory))
        if report.exit_code is ExitCode.COMPLETED and not screen.json:
            _what_next(screen)
    finally:
        if keep:
            screen.note(f"The project is in {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
    return report.exit_code


async def _run(screen: Screen, directory: Path) -> Report:
    def ready(server: OwnServer) -> None:
        if not screen.json:
            screen.line(f"Server   {server.url}")
            screen.line(f"Project  {directory}")
            screen.line("")

    plan = {"text": {"format": PlanFormat.TRACKSIDE, "content": demo_project.PLAN}}
    with Interrupts() as interrupts:
        return await run_on_own_server(
            screen, os.environ, Request(directory, {"plan": plan}), interrupts, ready=ready
        )


def _what_next(screen: Screen) -> None:
    screen.line("")
    screen.line("Next:", style="bold")
    for words in (
        "trackside demo --keep                           read the plan that was carried out",
        "trackside plan show PLAN                        see what Trackside makes of a plan of yours",
        "trackside run PLAN --command 'PROGRAM ARGS'     carry it out with your agent",
        "trackside serve                                 a server that stays; then: trackside runs list",
    ):
        screen.line(f"  {words}")
