"""Hosts: which machines run workers, and how to keep new workers off one."""

from typing import Annotated, Final

import typer

from app.cli import outcomes, references, text
from app.cli.arguments import Reason
from app.cli.session import Session, server_command

app = typer.Typer(no_args_is_help=True, help="Hosts: machines that run workers; drain one, let it go on.")

LIST = "query { hosts { id name status slots running labels lastSeenAt } }"
_AFTER: Final = """
    host { id name status slots running }
    command { id status }
    userErrors { code message path suggestion }
"""
DRAIN = f"mutation ($input: HostVerbInput!) {{ drainHost(input: $input) {{ {_AFTER} }} }}"
RESUME = f"mutation ($input: HostVerbInput!) {{ resumeHost(input: $input) {{ {_AFTER} }} }}"

HostArgument = Annotated[
    str, typer.Argument(metavar="HOST", help="Its name or id, or a unique beginning or end of the id.")
]


@app.command("list")
@server_command
async def list_hosts(session: Session) -> None:
    r"""Hosts, by name, with what runs on them.

    \b
      trackside hosts list
      trackside hosts list --output json
    """
    found = (await session.client.query(LIST))["hosts"]
    if session.screen.json:
        session.screen.document(found)
        return
    now = text.now()
    session.screen.table(
        ("ID", "NAME", "STATUS", "RUNNING", "SEEN", "LABELS"),
        [
            (
                host["id"],
                host["name"],
                host["status"],
                f"{host['running']}/{host['slots']}",
                text.ago(host["lastSeenAt"], now),
                " ".join(host["labels"]) or "-",
            )
            for host in found
        ],
    )


@app.command("drain")
@server_command
async def drain_host(session: Session, host: HostArgument, reason: Reason = None) -> None:
    r"""Give a host no new workers; those that it has go on.

    \b
      trackside hosts drain builder-2 --reason 'new kernel tonight'
    """
    await _switch(session, DRAIN, host, reason)


@app.command("resume")
@server_command
async def resume_host(session: Session, host: HostArgument, reason: Reason = None) -> None:
    r"""Let a drained host take new workers again.

    \b
      trackside hosts resume builder-2
    """
    await _switch(session, RESUME, host, reason)


async def _switch(session: Session, document: str, host: str, reason: str | None) -> None:
    host_id = await references.host(session.client, host)
    payload = await session.client.mutate(document, {"hostId": host_id, "reason": reason})
    outcomes.show(session, payload, "host", f"{payload['host']['name']} is {payload['host']['status']}")
