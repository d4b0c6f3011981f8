"""What waits for a person."""

from typing import Annotated, Any

import typer

from app.cli import references, text
from app.cli.paging import nodes
from app.cli.session import Session, server_command

app = typer.Typer(no_args_is_help=True, help="What waits for a person.")

LIST = """
query ($run: ID, $first: Int!, $after: String) {
  attention(filter: {runId: $run}, first: $first, after: $after) {
    edges { node {
      id kind status title detail options { value } answerSchema defaultAnswer blockedTasks createdAt expiresAt
      run { id name } task { id key title } worker { id }
    } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
DISMISS = """
mutation ($input: DismissAttentionInput!) {
  dismissAttention(input: $input) {
    item { id title status run { id name } }
    command { id status }
    userErrors { code message path suggestion }
  }
}
"""


@app.callback()
def attention() -> None:
    """What waits for a person."""


@app.command("list")
@server_command
async def list_attention(
    session: Session, run: Annotated[str | None, typer.Option(help="Of this run.")] = None
) -> None:
    r"""Open items, the one that holds back most work first.

    \b
      trackside attention list
      trackside attention list --output json
    """
    run_id = await references.run(session.client, run) if run is not None else None
    found = await nodes(session.client, LIST, "attention", run=run_id)
    if session.screen.json:
        session.screen.document(found)
    elif not found:
        session.screen.line("Nothing waits for you.")
    else:
        now = text.now()
        rows = [
            (
                one["id"],
                str(one["blockedTasks"]),
                text.ago(one["createdAt"], now),
                _where(one),
                _question(one),
            )
            for one in found
        ]
        session.screen.table(("ID", "HOLDS", "ASKED", "TASK", "QUESTION"), rows)
        session.screen.note("Answer one: trackside answer ID ANSWER")


@app.command("dismiss")
@server_command
async def dismiss_attention(
    session: Session,
    item: Annotated[str, typer.Argument(metavar="ITEM", help="Its id, or a unique beginning or end of it.")],
    reason: Annotated[str | None, typer.Option(help="Why, for the audit trail.")] = None,
) -> None:
    r"""Close an item without an answer. Everyone who asked goes on without one.

    \b
      trackside attention dismiss 6qz3v --reason 'it has settled itself'
    """
    item_id = await references.item(session.client, item)
    payload = await session.client.mutate(DISMISS, {"itemId": item_id, "reason": reason})
    if session.screen.json:
        session.screen.document({"item": payload["item"], "command": payload["command"]})
    else:
        session.screen.line(f"Dismissed: {text.printable(payload['item']['title'])}")


def _where(item: dict[str, Any]) -> str:
    task = item["task"]
    return str(task["key"]) if task is not None else "-"


def _question(item: dict[str, Any]) -> str:
    options = " | ".join(option["value"] for option in item["options"])
    return f"{item['title']} [{options}]" if options else str(item["title"])
