"""A plan carried out from here: on a server that is there, or on one of its own; reported at the end."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from app.cli import pipeline, text
from app.cli.execution import Ending, Execution, GivenUp, Started, start
from app.cli.exit_codes import ExitCode
from app.cli.interrupts import Interrupted, Interrupts
from app.cli.own_server import OwnServer
from app.cli.owner import end_workers, try_to
from app.cli.paging import nodes
from app.cli.run_board import INTERRUPTED, Board
from app.cli.run_display import display_for
from app.cli.run_verbs import PAUSE
from app.cli.run_views import show_question, total
from app.cli.runs import SHOW, TASKS
from app.cli.screen import Screen
from app.cli.wording import told
from app.client.errors import Refused
from app.client.http import Client, Server
from app.domain.runs import ENDED, RunStatus

T = TypeVar("T")

_PATIENT: Final = 12
"""Tries, about half a minute: a server of our own that has died is on its way back."""
_SETTLE_SECONDS: Final = 20.0
_MARKS: Final[dict[ExitCode, tuple[str, str]]] = {
    ExitCode.COMPLETED: ("✓", "bold green"),
    ExitCode.FAILED: ("✗", "bold red"),
    ExitCode.BLOCKED: ("■", "bold yellow"),
    ExitCode.WAITING: ("?", "bold yellow"),
}


@dataclass(frozen=True, slots=True)
class Request:
    """`input` is that of createRun, without the project, which is the directory `root`."""

    root: Path
    input: Mapping[str, Any]
    wait: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of the run in the end. `exit_code` is what the command ends with."""

    exit_code: ExitCode
    run: dict[str, Any] | None = None


async def run_on(
    client: Client, server: Server, screen: Screen, request: Request, interrupts: Interrupts
) -> Report:
    """Carry it out on a server that is there already."""
    url = server.locate().url
    run = await _begun(client, screen, request)
    if not screen.json and (found := (await client.query(pipeline.SHOW))["pipeline"])["paused"]:
        words = f"{pipeline.told(found)}. Nothing starts until `trackside pipeline resume`."
        screen.line(text.printable(words), style="yellow")
    try:
        ending = await _followed(client, server, screen, request, run, interrupts, suffix=f" --url {url}")
    except GivenUp:
        return Report(interrupts.exit_code)
    return await _report(client, screen, run, ending)


async def run_on_own_server(
    screen: Screen,
    environment: Mapping[str, str],
    request: Request,
    interrupts: Interrupts,
    *,
    ready: Callable[[OwnServer], None],
) -> Report:
    """Carry it out on a server that is started for it and ends with it; `ready` is told of it first."""
    try:
        with screen.busy("Starting a server …"):
            server = await interrupts.guard(OwnServer.start(environment))
    except Interrupted:
        return Report(interrupts.exit_code)
    ready(server)
    try:
        report = await _on_own(server, screen, request, interrupts)
        await interrupts.guard(server.stop())
    except (GivenUp, Interrupted):  # our end of its input closes with us, and it ends everything by itself
        return Report(interrupts.exit_code)
    except BaseException as error:
        with suppress(Interrupted):
            await interrupts.guard(server.abandon())
        if isinstance(error, Refused):
            server.discard()
        else:
            _tell_where(screen, server.directory, None)
        raise
    if report.exit_code is ExitCode.COMPLETED:
        server.discard()
    else:
        _tell_where(screen, server.directory, report.run)
    return report


async def _on_own(server: OwnServer, screen: Screen, request: Request, interrupts: Interrupts) -> Report:
    keeping = asyncio.create_task(server.keep())
    try:
        async with Client(server, tries_again=_PATIENT) as client:
            run = await _unless(keeping, _begun(client, screen, request))
            following = _followed(
                client, server, screen, request, run, interrupts, suffix=f" --url {server.url}"
            )
            ending = await _unless(keeping, following)
            report = await _report(client, screen, run, ending, data_dir=server.directory)
            await interrupts.guard(_settle(client, run, ending))
            return report
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def _unless(keeping: "asyncio.Task[Any]", work: Coroutine[Any, Any, T]) -> T:
    """Do something on a server that is kept up; its final death is the end of it."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task, keeping}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            await keeping
        return await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _begun(client: Client, screen: Screen, request: Request) -> Started:
    run = await start(client, request.root, dict(request.input))
    if not screen.json:
        phases = f" in {len(run.phases)} phases" if len(run.phases) > 1 else ""
        done = f", {run.done:,} of them done already" if run.done else ""
        screen.line(
            f"{text.printable(run.name)}: {text.count(run.tasks, 'task')}{phases}{done}", style="bold"
        )
        screen.note(run.id)
    return run


async def _followed(
    client: Client,
    server: Server,
    screen: Screen,
    request: Request,
    run: Started,
    interrupts: Interrupts,
    *,
    suffix: str,
) -> Ending:
    board = Board(run.name, run.phases, suffix)
    with display_for(screen) as display:
        execution = Execution(client, server, run, board, display, interrupts, wait=request.wait)
        return await execution.follow()


async def _report(
    client: Client, screen: Screen, run: Started, ending: Ending, *, data_dir: Path | None = None
) -> Report:
    found = (await client.query(SHOW, {"id": run.id}))["run"]
    items = [edge["node"] for edge in found.pop("attention")["edges"]]
    if screen.json:
        tasks = await nodes(client, TASKS, "run", "tasks", page=1000, id=run.id)
        kept = str(data_dir) if data_dir is not None and ending.status != RunStatus.COMPLETED else None
        document = {
            "run": {**found, "attention": items, "tasks": tasks},
            "exitCode": ending.exit_code,
            "dataDir": kept,
        }
        screen.document(document)
    else:
        _show_ending(screen, found, items, ending, before=run.done, stays=data_dir is None)
    return Report(ending.exit_code, found)


def _show_ending(
    screen: Screen,
    run: dict[str, Any],
    items: list[dict[str, Any]],
    ending: Ending,
    *,
    before: int,
    stays: bool,
) -> None:
    """`before`: how many tasks were done when it began. `stays`: the server is still there when we are not."""
    mark, style = _MARKS.get(ending.exit_code, ("-", "bold"))
    progress = run["progress"]
    took = ""
    if run["startedAt"] is not None:
        until = text.moment(run["completedAt"]) if run["completedAt"] is not None else text.now()
        took = f" in {text.duration((until - text.moment(run['startedAt'])).total_seconds())}"
    tasks = f"{progress['completed']:,} of {total(run):,} tasks completed{took}"
    if before:
        tasks += f", {before:,} of them before"
    screen.line("")
    screen.line(f"{mark} {text.printable(run['name'])}: {ending.status}, {tasks}", style=style)
    if ending.reason and ending.exit_code is not ExitCode.COMPLETED and ending.reason != INTERRUPTED:
        screen.line(f"  {text.printable(told(ending.reason))}")
    if ending.exit_code is ExitCode.WAITING:
        for item in items:
            show_question(screen, item, answerable=stays)
        if not stays:
            screen.note("To answer while it runs: trackside run --wait …")


async def _settle(client: Client, run: Started, ending: Ending) -> None:
    """End the workers of a run that has not ended, so that it can go on another day."""
    if ending.status not in ENDED:
        await try_to(client, PAUSE, {"runId": run.id, "reason": "trackside run has ended."})
    with suppress(TimeoutError):
        async with asyncio.timeout(_SETTLE_SECONDS):
            await end_workers(client, reason="trackside run has ended.", grace=None, run=run.id)


def _tell_where(screen: Screen, directory: Path, run: Mapping[str, Any] | None) -> None:
    at = text.quoted(str(directory))
    screen.note(f"Kept in {directory}. To look at it, or to go on with it:")
    screen.note(f"  trackside serve --data-dir {at}")
    if run is not None:
        screen.note(f"  trackside runs show {run['id']} --data-dir {at}")
