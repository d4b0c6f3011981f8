"""What can be asked of a run: start, pause, resume, stop, retry, put away, look after it anew, change its settings."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final

import typer

from app.cli import outcomes, references
from app.cli.amounts import BUDGET, Budget, budgeted, limit
from app.cli.arguments import AutoAdvance, AutoComplete, ConflictsOption, Expect, Reason, RunArgument
from app.cli.run_details import settings
from app.cli.session import Session, server_command
from app.client.errors import TracksideError

app = typer.Typer()

_AFTER: Final = """
    run { id name status statusReason version }
    command { id status }
    userErrors { code message path suggestion }
"""
PAUSE = f"mutation ($input: PauseRunInput!) {{ pauseRun(input: $input) {{ {_AFTER} }} }}"
RESUME = f"mutation ($input: RunVerbInput!) {{ resumeRun(input: $input) {{ {_AFTER} }} }}"
STOP = f"mutation ($input: StopRunInput!) {{ stopRun(input: $input) {{ {_AFTER} }} }}"
RETRY = f"mutation ($input: RetryRunInput!) {{ retryRun(input: $input) {{ {_AFTER} }} }}"

START = f"mutation ($input: RunVerbInput!) {{ startRun(input: $input) {{ {_AFTER} }} }}"
ARCHIVE = f"mutation ($input: RunVerbInput!) {{ archiveRun(input: $input) {{ {_AFTER} }} }}"
RESTART_SUPERVISOR = f"mutation ($input: RunVerbInput!) {{ restartSupervisor(input: $input) {{ {_AFTER} }} }}"
SYNC_SUPERVISOR = f"mutation ($input: RunVerbInput!) {{ syncSupervisor(input: $input) {{ {_AFTER} }} }}"
CONFIGURE = f"""
mutation ($input: ConfigureRunInput!) {{
  configureRun(input: $input) {{
    run {{ maxWorkers phaseGuard autoAdvance autoComplete conflictPolicy {BUDGET} }}
    {_AFTER}
  }}
}}
"""


@app.command("pause")
@server_command
async def pause_run(
    session: Session,
    run: RunArgument,
    at_once: Annotated[
        bool, typer.Option("--now", help="Pause the workers too, instead of letting them finish.")
    ] = False,
    reason: Reason = None,
    expect_version: Expect = None,
) -> None:
    r"""Start nothing more. Running workers finish, or are paused with --now.

    \b
      trackside runs pause nightly --reason 'the tests are red'
      trackside runs pause nightly --now
    """
    await _act(session, PAUSE, run, reason, expect_version, mode="NOW" if at_once else "DRAIN")


@app.command("resume")
@server_command
async def resume_run(
    session: Session, run: RunArgument, reason: Reason = None, expect_version: Expect = None
) -> None:
    r"""Go on with a paused run and its paused workers.

    \b
      trackside runs resume nightly
    """
    await _act(session, RESUME, run, reason, expect_version)


@app.command("stop")
@server_command
async def stop_run(
    session: Session,
    run: RunArgument,
    at_once: Annotated[
        bool, typer.Option("--now", help="End the workers too, instead of letting them finish.")
    ] = False,
    reason: Reason = None,
    expect_version: Expect = None,
) -> None:
    r"""End a run for good: what has not started is cancelled.

    \b
      trackside runs stop nightly
      trackside runs stop nightly --now --reason 'wrong plan'
    """
    await _act(session, STOP, run, reason, expect_version, mode="NOW" if at_once else "DRAIN")


@app.command("retry")
@server_command
async def retry_run(
    session: Session, run: RunArgument, reason: Reason = None, expect_version: Expect = None
) -> None:
    r"""Make the failed tasks ready again and go on.

    \b
      trackside runs retry nightly
    """
    await _act(session, RETRY, run, reason, expect_version)


@app.command("start")
@server_command
async def start_run(
    session: Session, run: RunArgument, reason: Reason = None, expect_version: Expect = None
) -> None:
    r"""Start a run that was only created.

    \b
      trackside runs start nightly
    """
    await _act(session, START, run, reason, expect_version)


@app.command("archive")
@server_command
async def archive_run(
    session: Session, run: RunArgument, reason: Reason = None, expect_version: Expect = None
) -> None:
    r"""Put away a run that has ended.

    \b
      trackside runs archive nightly
    """
    await _act(session, ARCHIVE, run, reason, expect_version)


@app.command("restart-supervisor")
@server_command
async def restart_supervisor(
    session: Session, run: RunArgument, reason: Reason = None, expect_version: Expect = None
) -> None:
    r"""Have what looks after a run begin again. An agent that was given up may act again after this.

    \b
      trackside runs restart-supervisor nightly
    """
    await _act(session, RESTART_SUPERVISOR, run, reason, expect_version)


@app.command("sync-supervisor")
@server_command
async def sync_supervisor(
    session: Session, run: RunArgument, reason: Reason = None, expect_version: Expect = None
) -> None:
    r"""Have what looks after a run write its state now.

    \b
      trackside runs sync-supervisor nightly
    """
    await _act(session, SYNC_SUPERVISOR, run, reason, expect_version)


@app.command("configure")
@server_command
async def configure_run(
    session: Session,
    run: RunArgument,
    max_workers: Annotated[int | None, typer.Option(min=1, help="How many workers at once.")] = None,
    budget: Budget = None,
    guard: Annotated[
        bool | None,
        typer.Option("--guard/--no-guard", help="Whether somebody is asked at the end of each phase."),
    ] = None,
    auto_advance: AutoAdvance = None,
    auto_complete: AutoComplete = None,
    conflicts: ConflictsOption = None,
    reason: Reason = None,
    expect_version: Expect = None,
) -> None:
    r"""Change the settings of a run; what is left out stays as it is.

    \b
      trackside runs configure nightly --max-workers 8
      trackside runs configure nightly --guard --no-auto-complete
      trackside runs configure nightly --conflicts serialize
      trackside runs configure nightly --budget 20
      trackside runs configure nightly --budget none
    """
    given = {
        "maxWorkers": max_workers,
        "phaseGuard": guard,
        "autoAdvance": auto_advance,
        "autoComplete": auto_complete,
        "conflictPolicy": conflicts,
    }
    if budget is None and all(value is None for value in given.values()):
        raise TracksideError(
            "INVALID_INPUT", "There is nothing to change.", suggestion="Name something: --max-workers 8"
        )
    changed = await _act(session, CONFIGURE, run, reason, expect_version, limit(budget), **given)
    if not (session.screen.json or session.screen.compact):
        session.screen.facts(
            (
                ("settings", settings(changed)),
                ("same paths", changed["conflictPolicy"]),
                ("budget", budgeted(changed["budget"]) or "none"),
            )
        )


async def _act(
    session: Session,
    document: str,
    run: str,
    reason: str | None,
    expect_version: int | None,
    exact: Mapping[str, Any] = MappingProxyType({}),
    **more: Any,
) -> Mapping[str, Any]:
    """The run afterwards. `exact` is sent as it is, null too; of the rest what was said."""
    run_id = await references.run(session.client, run)
    given = {"runId": run_id, "reason": reason, "expectedVersion": expect_version, **more}
    said = {name: value for name, value in given.items() if value is not None}
    payload = await session.client.mutate_as_given(document, {**said, **exact})
    changed: Mapping[str, Any] = payload["run"]
    outcomes.show(session, payload, "run", outcomes.state(changed, changed["name"]))
    return changed
