"""What agents have used, added up by what one likes."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from app.cli import references, text
from app.cli.amounts import BUDGET, FIELDS, budgeted
from app.cli.arguments import ProjectOption, RunOption, Since, TaskOption, Until, WorkerOption, instant
from app.cli.session import Session, server_command

app = typer.Typer()

USAGE = f"""
query ($filter: UsageFilter, $by: UsageGroup, $interval: UsageInterval, $first: Int) {{
  usage(filter: $filter, groupBy: $by, interval: $interval, first: $first) {{
    key label start usage {{ {FIELDS} }}
    node {{ ... on Run {{ {BUDGET} }} ... on Task {{ {BUDGET} }} ... on Worker {{ {BUDGET} }} }}
  }}
}}
"""
HEADER = ("INPUT", "OUTPUT", "CACHE READ", "CACHE WRITE", "USD")


class By(StrEnum):
    PROJECT = "project"
    RUN = "run"
    PHASE = "phase"
    TASK = "task"
    WORKER = "worker"
    MODEL = "model"
    DAY = "day"


class Each(StrEnum):
    HOUR = "hour"
    DAY = "day"


@app.command("usage")
@server_command
async def usage(
    session: Session,
    by: Annotated[By, typer.Option(case_sensitive=False, help="What each line is of.")] = By.RUN,
    each: Annotated[
        Each | None, typer.Option(case_sensitive=False, help="A line for each hour or day, UTC.")
    ] = None,
    project: ProjectOption = None,
    run: RunOption = None,
    task: TaskOption = None,
    worker: WorkerOption = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many lines.")] = 100,
) -> None:
    r"""Tokens and money that agents have used, as their own programs told it: the dearest first, or the newest.

    Whole hours are counted: with --since from the one on that it lies in, with --until those that began before it.

    \b
      trackside usage
      trackside usage --by model --since 7d
      trackside usage --by task --run nightly --output json
      trackside usage --by model --each day --project .
    """
    client = session.client
    given = {
        "projectId": await references.project(client, project) if project is not None else None,
        "runId": await references.run(client, run) if run is not None else None,
        "taskId": (await references.task_of(client, task)).id if task is not None else None,
        "workerId": await references.worker(client, worker) if worker is not None else None,
        "since": instant(since, "--since"),
        "until": instant(until, "--until"),
    }
    filter = {name: value for name, value in given.items() if value is not None}
    variables = {
        "filter": filter,
        "by": by.name,
        "interval": each.name if each is not None else None,
        "first": limit,
    }
    found = (await client.query(USAGE, variables))["usage"]
    if session.screen.json:
        session.screen.document(found)
    elif not found:
        session.screen.line("Nothing was used that anybody told of.")
    else:
        timed, limited = each is not None, any(_budget(one) for one in found)
        header = (*(("BEGAN",) if timed else ()), *HEADER, *(("BUDGET",) if limited else ()), by.name)
        session.screen.table(header, [_row(one, timed=timed, limited=limited) for one in found])
        if len(found) == limit:
            session.screen.note(f"There may be more than these {limit:,}: --limit shows up to 1,000.")


def _budget(bucket: dict[str, Any]) -> str:
    """How the budget of what this line is of stands now, all that was spent of it included."""
    return budgeted((bucket["node"] or {}).get("budget"))


def _row(bucket: dict[str, Any], *, timed: bool, limited: bool) -> tuple[str, ...]:
    """The id follows the name: it is what other commands take."""
    used, key, label = bucket["usage"], bucket["key"], bucket["label"]
    numbers = [f"{used[name]:,}" for name in FIELDS.split()[:4]]
    what = "-" if not key else key if label in (None, key) else f"{label} ({key})"
    began = (text.exact(bucket["start"])[:16],) if timed else ()
    return (*began, *numbers, used["costUsd"], *((_budget(bucket) or "-",) if limited else ()), what)
