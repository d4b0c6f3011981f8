"""Tokens: made, looked through, taken back."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import typer

from app.cli import references, text
from app.cli.paging import nodes
from app.cli.session import Session, server_command
from app.client.errors import TracksideError
from app.domain.access import Role

app = typer.Typer(no_args_is_help=True, help="Tokens: make them, look through them, revoke them. For ADMINs.")

LIST = """
query ($first: Int!, $after: String) {
  tokens(first: $first, after: $after) {
    edges { node {
      id name role createdAt expiresAt revokedAt lastUsedAt project { id name } run { id name } worker { id name }
    } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
CREATE = """
mutation ($input: CreateTokenInput!) {
  createToken(input: $input) {
    secret
    token { id name role createdAt expiresAt project { id name } run { id name } worker { id name } }
    userErrors { code message path suggestion }
  }
}
"""
REVOKE = """
mutation ($input: RevokeTokenInput!) {
  revokeToken(input: $input) {
    token { id name role revokedAt }
    command { id status }
    userErrors { code message path suggestion }
  }
}
"""
_SPAN: Final = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@app.callback()
def tokens() -> None:
    """Tokens: make them, look through them, revoke them. For ADMINs."""


@app.command("create")
@server_command
async def create_token(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who or what it is for.")],
    role: Annotated[Role, typer.Option(case_sensitive=False, help="What it may do.")] = Role.VIEWER,
    project: Annotated[
        str | None, typer.Option(help="The one project it is good for: its id, name or directory.")
    ] = None,
    run: Annotated[str | None, typer.Option(help="The run it is for: of an ORCHESTRATOR.")] = None,
    worker: Annotated[str | None, typer.Option(help="The worker it is for: of a WORKER.")] = None,
    expires: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN", help="When it ends: 90m, 12h, 30d, or an instant such as 2030-01-01T00:00:00Z."
        ),
    ] = None,
) -> None:
    r"""Make a token and print its secret, which is shown this once and kept nowhere.

    \b
      trackside tokens create ci --role operator --project . --expires 30d
      TRACKSIDE_TOKEN=$(trackside tokens create dashboard)
    """
    payload = await session.client.mutate(
        CREATE,
        {
            "name": name,
            "role": role.value,
            "projectId": await references.project(session.client, project) if project is not None else None,
            "runId": await references.run(session.client, run) if run is not None else None,
            "workerId": await references.worker(session.client, worker) if worker is not None else None,
            "expiresAt": when(expires, text.now()).isoformat() if expires is not None else None,
        },
    )
    token = payload["token"]
    if payload["secret"] is None:  # the first answer was lost, and this is the second
        raise TracksideError(
            "FAILED",
            f"The token {token['id']} was made, and its secret was lost on the way.",
            suggestion=f"trackside tokens revoke {token['id']}, and make another one.",
        )
    if session.screen.json:
        session.screen.document({"secret": payload["secret"], "token": token})
        return
    session.screen.line(payload["secret"])
    ends = f", until {text.exact(token['expiresAt'])}" if token["expiresAt"] is not None else ""
    session.screen.note(f"{token['id']}: {token['role']} for {_reach(token)}{ends}. It is not shown again.")


@app.command("list")
@server_command
async def list_tokens(
    session: Session,
    every: Annotated[bool, typer.Option("--all", help="Those as well that are no longer good.")] = False,
) -> None:
    r"""Tokens that are good, newest first. What workers are started with is not among them.

    \b
      trackside tokens list
      trackside tokens list --all --output json
    """
    now = text.now()
    found = await nodes(session.client, LIST, "tokens")
    found = [one for one in found if every or _state(one, now) == "good"]
    if session.screen.json:
        session.screen.document(found)
        return
    rows = [
        (
            one["id"],
            one["name"],
            one["role"],
            _reach(one),
            _state(one, now),
            text.exact(one["expiresAt"]),
            text.ago(one["lastUsedAt"], now),
        )
        for one in found
    ]
    session.screen.table(("ID", "NAME", "ROLE", "FOR", "STATE", "EXPIRES", "USED"), rows)


@app.command("revoke")
@server_command
async def revoke_token(
    session: Session,
    which: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id, a part of it, or its name.")],
    reason: Annotated[str | None, typer.Option(help="Why, for the audit trail.")] = None,
) -> None:
    r"""Take a token back for good. Whoever uses it is cut off at once.

    \b
      trackside tokens revoke dashboard --reason 'it was in a log'
    """
    token_id = await references.token(session.client, which)
    payload = await session.client.mutate(REVOKE, {"tokenId": token_id, "reason": reason})
    if session.screen.json:
        session.screen.document({"token": payload["token"], "command": payload["command"]})
    else:
        session.screen.line(f"Revoked: {text.printable(payload['token']['name'])} ({payload['token']['id']})")


def when(wanted: str, now: datetime) -> datetime:
    """An instant, or a span from now on."""
    span = _SPAN.fullmatch(wanted)
    try:
        moment = (
            now + timedelta(**{_UNITS[span[2]]: int(span[1])}) if span else datetime.fromisoformat(wanted)
        )
        if moment.tzinfo is None:
            raise ValueError("an instant has an offset")
    except (ValueError, OverflowError) as error:
        raise TracksideError(
            "INVALID_INPUT",
            f"{wanted!r} is neither a span of time nor an instant.",
            suggestion="Give 90m, 12h, 30d, 4w, or an instant with its offset: 2030-01-01T00:00:00Z.",
        ) from error
    return moment


def _state(token: dict[str, Any], now: datetime) -> str:
    if token["revokedAt"] is not None:
        return "revoked"
    ended = token["expiresAt"] is not None and text.moment(token["expiresAt"]) <= now
    return "expired" if ended else "good"


def _reach(token: dict[str, Any]) -> str:
    for noun in ("worker", "run", "project"):
        if token[noun] is not None:
            return f"{noun} {text.printable(token[noun]['name'])}"
    return "everything"
