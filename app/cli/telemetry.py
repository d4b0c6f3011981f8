"""How the server that answers is doing."""

import asyncio
from contextlib import aclosing
from typing import Annotated, Any, Final

import typer

from app.cli import text
from app.cli.screen import Screen
from app.cli.session import Session, server_command
from app.client.errors import TracksideError, failure
from app.client.socket import ConnectionLost, GraphQLFailure, GraphQLSocket

app = typer.Typer()

_FIELDS: Final = "at cpuPercent rssBytes eventLoopLagMs subscribers queuedEvents databaseLatencyMs processes"
NOW = f"query {{ telemetry {{ {_FIELDS} }} }}"
FOLLOW = f"subscription ($every: Int) {{ telemetry(intervalMs: $every) {{ {_FIELDS} }} }}"


@app.command("telemetry")
@server_command
async def telemetry(
    session: Session,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on measuring, until Ctrl-C.")] = False,
    every: Annotated[
        int, typer.Option(metavar="MILLISECONDS", min=250, help="With --watch: how often.")
    ] = 1000,
) -> None:
    r"""What the server that answers costs and how quick it is: one line for each measurement.

    \b
      trackside telemetry
      trackside telemetry --watch --every 500
      trackside telemetry --output json
    """
    if not watch:
        found = (await session.client.query(NOW))["telemetry"]
        if session.screen.json:
            session.screen.document(found)
        else:
            session.screen.line(told(found))
        return
    located = session.server.locate()
    try:
        socket = await GraphQLSocket.open(located.url, token=located.token)
        async with socket, aclosing(socket.subscribe(FOLLOW, {"every": every})) as stream:
            async for data in stream:
                _show(session.screen, data["telemetry"])
    except asyncio.CancelledError:  # Ctrl-C
        return
    except GraphQLFailure as error:
        raise failure(error.errors) from error
    except ConnectionLost as error:
        raise TracksideError("FAILED", f"The connection was lost: {error.reason}") from error


def told(found: dict[str, Any]) -> str:
    """A measurement in a line."""
    return "  ".join(
        (
            text.clock(found["at"]),
            f"cpu {found['cpuPercent']:.0f} %",
            f"memory {found['rssBytes'] / 1_048_576:.0f} MiB",
            f"loop {found['eventLoopLagMs']:.1f} ms",
            f"database {found['databaseLatencyMs']:.1f} ms",
            text.count(found["subscribers"], "subscriber"),
            f"{text.count(found['queuedEvents'], 'event')} waiting",
            f"{found['processes']:,} at work",
        )
    )


def _show(screen: Screen, found: dict[str, Any]) -> None:
    if screen.json:
        screen.record(found)
    else:
        screen.line(told(found))
