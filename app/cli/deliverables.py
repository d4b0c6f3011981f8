"""What the phases of a run owe."""

from collections.abc import Mapping
from typing import Annotated, Final

import typer

from app.cli import completion, outcomes, references
from app.cli.arguments import Expect, Reason, RunArgument
from app.cli.session import Session, server_command

app = typer.Typer(no_args_is_help=True, help="Deliverables: what the phases of a run owe.")

LIST = """
query ($id: ID!) {
  run(id: $id) {
    phases {
      key title
      deliverables { id key title required status evidence reason changedBy changedAt }
    }
  }
}
"""
_AFTER: Final = """
    run {
      id name status statusReason version
      phases { key deliverables { id key title required status evidence reason changedBy changedAt } }
    }
    command { id status }
    userErrors { code message path suggestion }
"""
COMPLETE = (
    f"mutation ($input: CompleteDeliverableInput!) {{ completeDeliverable(input: $input) {{ {_AFTER} }} }}"
)
WAIVE = f"mutation ($input: WaiveDeliverableInput!) {{ waiveDeliverable(input: $input) {{ {_AFTER} }} }}"

PhaseArgument = Annotated[
    str, typer.Argument(metavar="PHASE", help="Key of the phase.", autocompletion=completion.phase)
]
Which = Annotated[str, typer.Argument(metavar="DELIVERABLE", help="Its key.")]


@app.command("list")
@server_command
async def list_deliverables(session: Session, run: RunArgument) -> None:
    r"""What the phases of a run owe, and what became of it.

    \b
      trackside deliverables list nightly
      trackside deliverables list nightly --output json
    """
    run_id = await references.run(session.client, run)
    phases = (await session.client.query(LIST, {"id": run_id}))["run"]["phases"]
    found = [{"phase": phase["key"], **one} for phase in phases for one in phase["deliverables"]]
    if session.screen.json:
        session.screen.document(found)
    elif not found:
        session.screen.line("No deliverables.")
    else:
        rows = [
            (
                one["phase"],
                one["key"],
                one["status"],
                "required" if one["required"] else "-",
                one["changedBy"] or "-",
                one["evidence"] or one["reason"] or one["title"],
            )
            for one in found
        ]
        session.screen.table(("PHASE", "KEY", "STATUS", "", "BY", "WHAT"), rows)


@app.command("complete")
@server_command
async def complete_deliverable(
    session: Session,
    run: RunArgument,
    phase: PhaseArgument,
    deliverable: Which,
    evidence: Annotated[str | None, typer.Option(help="What shows that it is there.")] = None,
    expect_version: Expect = None,
) -> None:
    r"""Say that a deliverable is there.

    \b
      trackside deliverables complete nightly count report --evidence docs/api.md
    """
    given = {"evidence": evidence, "expectedVersion": expect_version}
    await _act(session, COMPLETE, run, phase, deliverable, given)


@app.command("waive")
@server_command
async def waive_deliverable(
    session: Session,
    run: RunArgument,
    phase: PhaseArgument,
    deliverable: Which,
    reason: Reason = None,
    expect_version: Expect = None,
) -> None:
    r"""Do without a deliverable.

    \b
      trackside deliverables waive nightly count report --reason 'nobody reads it'
    """
    given = {"reason": reason, "expectedVersion": expect_version}
    await _act(session, WAIVE, run, phase, deliverable, given)


async def _act(
    session: Session, document: str, run: str, phase: str, deliverable: str, given: Mapping[str, object]
) -> None:
    run_id = await references.run(session.client, run)
    payload = await session.client.mutate(
        document, {"runId": run_id, "phase": phase, "deliverable": deliverable, **given}
    )
    (found,) = [
        one
        for known in payload["run"]["phases"]
        for one in known["deliverables"]
        if (known["key"], one["key"]) == (phase, deliverable)
    ]
    outcomes.show(session, payload, "run", f"{found['title']} is {found['status']}")
