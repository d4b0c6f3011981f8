"""A sign of life of the agent that looks after a run, as such agents and their scripts give it."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any, Final

import typer

from app.cli import completion, references, text
from app.cli.session import Session, server_command
from app.client.errors import TracksideError, Unreachable
from app.domain.supervisors import SupervisorState

app = typer.Typer()

_PASSING: Final = frozenset({"UNAVAILABLE", "RATE_LIMITED"})
"""What a server says that is there, and busy or without its database: that is no refusal."""
BEAT = """
mutation ($input: HeartbeatInput!) {
  heartbeat(input: $input) { at everySeconds restoration { text sessionId } userErrors { code message path suggestion } }
}
"""


@app.command("heartbeat")
@server_command
async def heartbeat(
    session: Session,
    state: Annotated[
        SupervisorState, typer.Option(case_sensitive=False, help="How it stands.")
    ] = SupervisorState.WORKING,
    activity: Annotated[str | None, typer.Option(help="What it is doing, in a line.")] = None,
    progress: Annotated[int | None, typer.Option(min=0, max=100, help="How far it is.")] = None,
    phase: Annotated[str | None, typer.Option(metavar="KEY", help="The phase that it is at.")] = None,
    waits_for: Annotated[
        list[str] | None,
        typer.Option(metavar="TASK", help="A task that it waits for, by its key; may be repeated."),
    ] = None,
    memo: Annotated[
        str | None,
        typer.Option(help="Notes for whoever goes on where it may leave off; they replace earlier ones."),
    ] = None,
    session_id: Annotated[
        str | None,
        typer.Option("--session", metavar="ID", help="Its own session, which its successor may resume."),
    ] = None,
    every: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=0.1, help="Say it again and again, until the command is ended."),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="The run it looks after; inside a worker, the worker's own.",
            autocompletion=completion.run,
        ),
    ] = None,
) -> None:
    r"""Say that the agent which looks after a run is alive, and how it stands.

    It takes an ORCHESTRATOR token for the run, which an agent that Trackside has started finds in its environment. With
    --every it goes on while the server is away, and ends when it is refused. That says that this command lives: an agent
    that would be missed when it hangs has to beat by itself.

    \b
      trackside heartbeat --activity 'Reading the logs' --run nightly --token trk_coordinator
      trackside heartbeat --state WAITING_FOR_TASKS --waits-for T012 --run nightly --token trk_coordinator
      trackside heartbeat --every 30 --run nightly --token trk_coordinator
    """
    run_id = await references.run_or_own(session.client, run, session.server.environment, "it looks after")
    tasks = [await references.task(session.client, run_id, key) for key in waits_for or ()]
    said = {
        "runId": run_id,
        "state": state.value,
        "currentActivity": activity,
        "progress": progress,
        "phase": phase,
        "pendingTaskIds": tasks or None,
        "memo": memo,
        "sessionId": session_id,
    }
    if every is None:
        payload = await session.client.mutate(BEAT, said)
        if session.screen.json:
            session.screen.document(_answer(payload))
        else:
            session.screen.line(_words(payload, state))
        return
    with suppress(asyncio.CancelledError):  # by Ctrl-C, which ends it as it is meant to end
        await _again_and_again(session, said, state, every)


async def _again_and_again(
    session: Session, said: dict[str, Any], state: SupervisorState, every: float
) -> None:
    while True:
        try:
            payload = await session.client.mutate(BEAT, said)
        except TracksideError as error:
            if not isinstance(error, Unreachable) and error.code not in _PASSING:
                raise
            session.screen.note(f"Not heard: {error.message}")
        else:
            if session.screen.json:
                session.screen.record(_answer(payload))
            else:
                session.screen.line(_words(payload, state))
        await asyncio.sleep(every)


def _answer(payload: dict[str, Any]) -> dict[str, Any]:
    return {name: payload[name] for name in ("at", "everySeconds", "restoration")}


def _words(payload: dict[str, Any], state: SupervisorState) -> str:
    heard = f"{text.clock(payload['at'])}  heard: {state.value}"
    if payload["restoration"] is None:
        return heard
    return "\n".join([heard, "", *map(text.printable, payload["restoration"]["text"].splitlines())])
