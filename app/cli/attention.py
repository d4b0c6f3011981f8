"""What waits for a person."""

import json
from typing import Annotated, Any, Final

import typer

from app.cli import outcomes, references, text
from app.cli.arguments import ItemArgument, ProjectOption, Reason, RunOption
from app.cli.lists import Listing, list_command
from app.cli.paging import Node
from app.cli.run_views import answer_with
from app.cli.screen import Screen
from app.cli.session import Session, server_command
from app.domain.attention import AttentionKind, AttentionStatus

app = typer.Typer(no_args_is_help=True, help="What waits for a person.")

LIST = """
query (
  $run: ID, $project: ID, $statuses: [AttentionStatus!], $kinds: [AttentionKind!], $first: Int!, $after: String
) {
  attention(
    filter: {runId: $run, projectId: $project, statuses: $statuses, kinds: $kinds}, first: $first, after: $after
  ) {
    edges { node {
      id kind status title detail options { value } answerSchema defaultAnswer blockedTasks createdAt expiresAt
      answer answeredBy answeredAt
      run { id name } task { id key title } worker { id }
    } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
SHOW = """
query ($id: ID!) {
  node(id: $id) {
    ... on AttentionItem {
      id kind status title detail options { value label } answerSchema defaultAnswer blockedTasks
      createdAt expiresAt answer answeredBy answeredAt
      run { id name } task { id key title } worker { id } tasks { id key title status }
    }
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


@app.command("list")
@list_command
async def list_attention(
    session: Session,
    run: RunOption = None,
    project: ProjectOption = None,
    status: Annotated[
        list[AttentionStatus] | None,
        typer.Option(
            case_sensitive=False, help="In this status; may be repeated. Open ones where it is left out."
        ),
    ] = None,
    kind: Annotated[
        list[AttentionKind] | None,
        typer.Option(case_sensitive=False, help="Of this kind; may be repeated."),
    ] = None,
) -> Listing:
    r"""Open items, the one that holds back most work first.

    \b
      trackside attention list
      trackside attention list --run nightly --watch
      trackside attention list --status ANSWERED --status EXPIRED --output json
    """
    run_id = await references.run(session.client, run) if run is not None else None
    narrowed = status or kind
    return Listing(
        document=LIST,
        path=("attention",),
        header=("ID", "HOLDS", "ASKED", "TASK", "QUESTION") if not status else _SETTLED,
        row=_row if not status else _settled_row,
        none="No such items." if narrowed else "Nothing waits for you.",
        variables={
            "run": run_id,
            "project": await references.project(session.client, project) if project is not None else None,
            "statuses": [one.value for one in status] if status else None,
            "kinds": [one.value for one in kind] if kind else None,
        },
        events={
            "types": ["AttentionOpened", "AttentionClosed", "TaskStatusChanged"],
            **({"runIds": [run_id]} if run_id else {}),
        },
        hint="Answer one: trackside answer ID ANSWER" if not status else None,
    )


@app.command("show")
@server_command
async def show_attention(session: Session, item: ItemArgument) -> None:
    r"""One item: what is asked, what may be answered, what it holds back.

    \b
      trackside attention show q4t9z
      trackside attention show q4t9z --output json
    """
    item_id = await references.item(session.client, item)
    found = (await session.client.query(SHOW, {"id": item_id}))["node"]
    if session.screen.json:
        session.screen.document(found)
    else:
        _show(session.screen, found)


@app.command("dismiss")
@server_command
async def dismiss_attention(
    session: Session,
    item: ItemArgument,
    reason: Reason = None,
) -> None:
    r"""Close an item without an answer. Everyone who asked goes on without one.

    \b
      trackside attention dismiss q4t9z --reason 'it has settled itself'
    """
    item_id = await references.item(session.client, item)
    payload = await session.client.mutate(DISMISS, {"itemId": item_id, "reason": reason})
    outcomes.show(session, payload, "item", f"Dismissed: {payload['item']['title']}")


def _row(item: Node) -> tuple[str, ...]:
    asked = text.ago(item["createdAt"], text.now())
    return (item["id"], str(item["blockedTasks"]), asked, _where(item), _question(item))


_SETTLED: Final = ("ID", "STATUS", "ASKED", "TASK", "BY", "ANSWER", "QUESTION")


def _settled_row(item: Node) -> tuple[str, ...]:
    asked, answer = text.ago(item["createdAt"], text.now()), _said(item["answer"])
    return (item["id"], item["status"], asked, _where(item), item["answeredBy"] or "-", answer, item["title"])


def _show(screen: Screen, item: Node) -> None:
    screen.line(f"? {text.printable(item['title'])}", style="bold")
    task, schema = item["task"], item["answerSchema"]
    rows = [
        ("id", item["id"]),
        ("status", f"{item['status']}, {item['kind']}"),
        ("run", f"{item['run']['name']} ({item['run']['id']})" if item["run"] else ""),
        ("task", f"{task['key']}  {task['title']}" if task else ""),
        ("asked", text.exact(item["createdAt"])),
        ("until", text.exact(item["expiresAt"]) if item["expiresAt"] else ""),
        ("else", _said(item["defaultAnswer"]) if item["defaultAnswer"] is not None else ""),
        ("options", " | ".join(option["value"] for option in item["options"])),
        ("schema", json.dumps(schema, ensure_ascii=False) if schema is not None else ""),
        ("holds", text.count(item["blockedTasks"], "task")),
        ("answer", f"{_said(item['answer'])}, says {item['answeredBy']}" if item["answeredAt"] else ""),
    ]
    screen.facts(rows)
    for line in (item["detail"] or "").splitlines():
        screen.line(f"  {text.printable(line)}".rstrip())
    if item["status"] == AttentionStatus.OPEN:
        screen.note(answer_with(item["id"], [option["value"] for option in item["options"]]))


def _said(answer: Any) -> str:
    if answer is None:
        return "-"
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)


def _where(item: dict[str, Any]) -> str:
    task = item["task"]
    return str(task["key"]) if task is not None else "-"


def _question(item: dict[str, Any]) -> str:
    options = " | ".join(option["value"] for option in item["options"])
    return f"{item['title']} [{options}]" if options else str(item["title"])
