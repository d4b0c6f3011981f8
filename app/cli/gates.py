"""The gates between the phases of a run: looked at, passed, confirmed."""

from typing import Annotated, Final

import typer

from app.cli import completion, outcomes, references, text
from app.cli.arguments import Expect, Reason, RunArgument
from app.cli.session import Session, server_command

app = typer.Typer()

_AFTER: Final = """
    run { id name status statusReason version phase { key title status } }
    command { id status }
    userErrors { code message path suggestion ... on ValidationFailed { missing } }
"""
ADVANCE = f"mutation ($input: AdvancePhaseInput!) {{ advancePhase(input: $input) {{ {_AFTER} }} }}"
CHECK = f"""
mutation ($input: RunVerbInput!) {{ checkCompletion(input: $input) {{ ready wouldComplete missing {_AFTER} }} }}
"""


@app.command("advance")
@server_command
async def advance_run(
    session: Session,
    run: RunArgument,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            "--phase",
            metavar="PHASE",
            help="Key of the phase to go on to; the next one.",
            autocompletion=completion.phase,
        ),
    ] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="Open a gate that is guarded.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Whatever the gate asks for is missing; for ADMINs.")
    ] = False,
    reason: Reason = None,
    expect_version: Expect = None,
) -> None:
    r"""Go on to the next phase, where the gate of this one holds. `runs show --verbose` tells what it waits for.

    A phase that is guarded is left only with --confirm. With --force an ADMIN leaves it whatever is missing.

    \b
      trackside runs advance nightly
      trackside runs advance nightly --to tell
      trackside runs advance nightly --confirm
      trackside runs advance nightly --force --reason 'it is done elsewhere'
      trackside runs advance nightly --confirm --force
    """
    given = {
        "runId": await references.run(session.client, run),
        "toPhase": to,
        "confirmed": confirm or None,
        "force": force or None,
        "reason": reason,
        "expectedVersion": expect_version,
    }
    payload = await session.client.mutate(ADVANCE, given)
    after = payload["run"]
    phase = f", in {after['phase']['title']}" if after["phase"] else ""
    outcomes.show(session, payload, "run", f"{outcomes.state(after, after['name'])}{phase}")


@app.command("check")
@server_command
async def check_run(
    session: Session, run: RunArgument, reason: Reason = None, expect_version: Expect = None
) -> None:
    r"""Ask whether a run would complete, and complete it if it may.

    \b
      trackside runs check nightly
    """
    run_id = await references.run(session.client, run)
    payload = await session.client.mutate(
        CHECK, {"runId": run_id, "reason": reason, "expectedVersion": expect_version}
    )
    if session.screen.json:
        shown = ("run", "ready", "wouldComplete", "missing", "command")
        session.screen.document({name: payload[name] for name in shown})
        return
    session.screen.line(text.printable(outcomes.state(payload["run"], payload["run"]["name"])))
    for missing in payload["missing"]:
        session.screen.line(f"  missing: {text.printable(missing)}")
