"""Hosts: which machines run workers, and how to keep new workers off one."""

from typing import Annotated

import typer

from app.cli import references, text
from app.cli.session import Session, server_command

app = typer.Typer(no_args_is_help=True, help="Hosts: machines that run workers; drain one, let it go on.")

LIST = "{ hosts { id name status slots running labels lastSeenAt } }"
VERB = """
mutation ($input: HostVerbInput!) {{
  {verb}(input: $input) {{
    host {{ id name status slots running }}
    command {{ id status }}
    userErrors {{ code message path suggestion }}
  }}
}}
"""

HostArgument = Annotated[
    str, typer.Argument(metavar="HOST", help="Its name or id, or a unique beginning or end of the id.")
]
Reason = Annotated[str | None, typer.Option(help="Why, for the audit trail.")]


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
    await _switch(session, "drainHost", host, reason)


@app.command("resume")
@server_command
async def resume_host(session: Session, host: HostArgument, reason: Reason = None) -> None:
    r"""Let a drained host take new workers again.

    \b
      trackside hosts resume builder-2
    """
    await _switch(session, "resumeHost", host, reason)


async def _switch(session: Session, verb: str, host: str, reason: str | None) -> None:
    host_id = await references.host(session.client, host)
    payload = await session.client.mutate(VERB.format(verb=verb), {"hostId": host_id, "reason": reason})
    if session.screen.json:
        session.screen.document({"host": payload["host"], "command": payload["command"]})
    else:
        session.screen.line(f"{payload['host']['name']} is {payload['host']['status']}")
