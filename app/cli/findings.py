"""What workers and people leave under a task."""

import sys
from typing import Annotated, Final

import typer

from app.cli import outcomes, references, text
from app.cli.arguments import TaskArgument
from app.cli.session import Session, server_command
from app.client.errors import TracksideError

app = typer.Typer(no_args_is_help=True, help="Findings: documents that are left under a task.")

LIST = "query ($id: ID!) { task(id: $id) { id key findings { id title content at actor } } }"
ADD = """
mutation ($input: AddFindingInput!) {
  addFinding(input: $input) {
    finding { id title content at actor } command { id status } userErrors { code message path suggestion }
  }
}
"""
_PIPE: Final = "-"


@app.command("list")
@server_command
async def list_findings(
    session: Session,
    task: TaskArgument,
    full: Annotated[bool, typer.Option("--full", help="With all that they say.")] = False,
) -> None:
    r"""What was found out and left under a task, oldest first.

    \b
      trackside findings list nightly/T012
      trackside findings list nightly/T012 --full
      trackside findings list nightly/T012 --output json
    """
    meant = await references.task_of(session.client, task)
    found = (await session.client.query(LIST, {"id": meant.id}))["task"]["findings"]
    if session.screen.json:
        session.screen.document(found)
    elif not found:
        session.screen.line("No findings.")
    elif full:
        for one in found:
            session.screen.line(text.printable(one["title"]), style="bold")
            session.screen.line(f"  {text.exact(one['at'])}  {text.printable(one['actor'])}", style="dim")
            for line in one["content"].splitlines():
                session.screen.line(f"  {text.printable(line)}".rstrip())
    else:
        now = text.now()
        rows = [(one["id"], text.ago(one["at"], now), one["actor"], one["title"]) for one in found]
        session.screen.table(("ID", "LEFT", "BY", "TITLE"), rows)
        session.screen.note("What they say: --full")


@app.command("add")
@server_command
async def add_finding(
    session: Session,
    task: TaskArgument,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What it is about, in a line.")],
    content: Annotated[str, typer.Argument(metavar="TEXT", help="The whole text; - for standard input.")],
) -> None:
    r"""Leave something under a task. Inside a worker its own task is "$TRACKSIDE_TASK_ID".

    \b
      trackside findings add nightly/T012 'Two pears are missing' 'They were eaten.'
      git diff | trackside findings add nightly/T012 'What I changed' -
    """
    meant = await references.task_of(session.client, task)
    if content == _PIPE:
        try:
            content = sys.stdin.buffer.read().decode("utf-8")
        except UnicodeDecodeError as error:
            raise TracksideError("INVALID_INPUT", "Standard input is not UTF-8 text.") from error
    payload = await session.client.mutate(ADD, {"taskId": meant.id, "title": title, "content": content})
    found = payload["finding"]
    outcomes.show(session, payload, "finding", f"{found['title']} ({found['id']})")
