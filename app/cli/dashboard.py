"""What is going on, at a glance."""

import asyncio
from contextlib import aclosing, nullcontext
from typing import Annotated, Any, Final

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from app.cli import events, references, text
from app.cli.amounts import FIELDS, anything, spent
from app.cli.arguments import ProjectOption, Threshold, span
from app.cli.screen import Screen
from app.cli.session import Session, server_command

app = typer.Typer()

_FIELDS: Final = f"""
    statusCounts {{ status count }}
    phaseCounts {{ phase count }}
    stale(first: $first) {{ staleSeconds run {{ id name status }} }}
    attention(first: $first) {{ id kind title blockedTasks createdAt options {{ value }} run {{ id name }} }}
    recentEvents(first: $first) {{ {events.SELECTION} }}
    resources {{ supervisors runningTasks pendingTasks hosts worktrees }}
    usage {{ {FIELDS} }}
"""
NOW = f"""
query ($project: ID, $stale: Int, $first: Int!) {{
  dashboard(projectId: $project, staleAfterSeconds: $stale) {{ {_FIELDS} }}
}}
"""
FOLLOW = f"""
subscription ($project: ID, $stale: Int, $first: Int!) {{
  dashboard(projectId: $project, staleAfterSeconds: $stale) {{ {_FIELDS} }}
}}
"""

Dashboard = dict[str, Any]


@app.command("dashboard")
@server_command
async def dashboard(
    session: Session,
    project: ProjectOption = None,
    threshold: Threshold = None,
    limit: Annotated[
        int,
        typer.Option("-n", "--limit", min=1, max=100, help="How many items, stale runs and events at most."),
    ] = 10,
    watch: Annotated[
        bool,
        typer.Option("--watch", "-w", help="Show it again whenever anything has happened, until Ctrl-C."),
    ] = False,
) -> None:
    r"""Runs by status and phase, what is stale, what waits for people, what is in use, and the latest events.

    \b
      trackside dashboard
      trackside dashboard --project . --threshold 10m -n 5
      trackside dashboard --watch
      trackside dashboard --output compact
    """
    wanted = {
        "project": await references.project(session.client, project) if project is not None else None,
        "stale": span(threshold, "--threshold"),
        "first": limit,
    }
    if not watch:
        found = (await session.client.query(NOW, wanted))["dashboard"]
        if session.screen.json:
            session.screen.document(found)
        else:
            _print(session.screen, found)
        return
    try:
        await _follow(session, wanted)
    except asyncio.CancelledError:  # Ctrl-C
        return


async def _follow(session: Session, wanted: dict[str, Any]) -> None:
    screen, live = session.screen, Live(console=session.screen.out, auto_refresh=False)
    # it has no cursor, and wants none: after a lost connection the next one begins with how it stands then
    stream = session.line().follow(FOLLOW, wanted, after="0", cursor=lambda _: "0")
    first = True
    with live if screen.interactive else nullcontext():
        async with aclosing(stream) as shown:
            async for data in shown:
                found = data["dashboard"]
                if screen.json:
                    screen.record(found)
                elif screen.interactive:
                    lines = lines_of(found)
                    live.update(Group(*lines[: max(2, screen.out.height - 1)]), refresh=True)
                else:
                    if not first and not screen.compact:
                        screen.line("")
                    _print(screen, found)
                first = False


def _print(screen: Screen, found: Dashboard) -> None:
    if screen.compact:
        screen.line(compact(found))
        return
    for line in lines_of(found):
        screen.out.print(line, soft_wrap=True)


def compact(found: Dashboard) -> str:
    """One line, for a status bar."""
    resources = found["resources"]
    counts = [f"{one['status']}:{one['count']}" for one in found["statusCounts"]]
    waiting, stale = len(found["attention"]), len(found["stale"])
    return " ".join([*counts, f"tasks:{resources['runningTasks']}", f"asks:{waiting}", f"stale:{stale}"])


def lines_of(found: Dashboard) -> list[Text]:
    resources = found["resources"]
    facts = [
        ("runs", _counted(found["statusCounts"], "status") or "none"),
        ("phases", _counted(found["phaseCounts"], "phase")),
        ("tasks", f"{resources['runningTasks']:,} under way, {resources['pendingTasks']:,} to come"),
        (
            "looked after",
            f"{text.count(resources['supervisors'], 'run')}, on {text.count(resources['hosts'], 'host')}",
        ),
        ("used", spent(found["usage"]) if anything(found["usage"]) else ""),
    ]
    lines = [_line(f"{word:<14}{value}") for word, value in facts if value]
    for one in found["stale"]:
        silent = text.duration(one["staleSeconds"])
        lines.append(_line(f"! {one['run']['name'] if one['run'] else '?'} is silent for {silent}", "red"))
    for item in found["attention"]:
        lines += _question(item)
    for event in reversed(found["recentEvents"]):
        run = f"  {event['run']['name']}:" if event["run"] else ""
        lines.append(_line(f"  {text.clock(event['at'])}{run}  {events.told(event)}", "dim"))
    return lines


def _question(item: dict[str, Any]) -> list[Text]:
    options = " | ".join(option["value"] for option in item["options"])
    run = f"{item['run']['name']}: " if item["run"] else ""
    holds = f"holds {text.count(item['blockedTasks'], 'task')}, " if item["blockedTasks"] else ""
    asked = text.ago(item["createdAt"], text.now())
    return [
        _line(f"? {run}{item['title']}{f' [{options}]' if options else ''}", "yellow"),
        _line(f"    {item['id']}  {holds}asked {asked}"),
    ]


def _counted(counts: list[dict[str, Any]], name: str) -> str:
    return ", ".join(f"{one['count']:,} {one[name]}" for one in counts)


def _line(words: str, style: str = "") -> Text:
    return Text(text.printable(words), style=style)
