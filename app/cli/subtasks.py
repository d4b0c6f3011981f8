"""The tick-boxes under a task."""

from typing import Annotated, Any

import typer

from app.cli import outcomes, references, text
from app.cli.arguments import TaskArgument
from app.cli.session import Session, server_command
from app.client.errors import TracksideError

app = typer.Typer(no_args_is_help=True, help="Subtasks: the tick-boxes under a task.")

LIST = "query ($id: ID!) { task(id: $id) { id key subtasks { id title completed } } }"
CREATE = """
mutation ($input: CreateSubtaskInput!) {
  createSubtask(input: $input) {
    subtask { id title completed } command { id status } userErrors { code message path suggestion }
  }
}
"""
UPDATE = """
mutation ($input: UpdateSubtaskInput!) {
  updateSubtask(input: $input) {
    subtask { id title completed } command { id status } userErrors { code message path suggestion }
  }
}
"""
DELETE = """
mutation ($input: DeleteSubtaskInput!) {
  deleteSubtask(input: $input) {
    subtask { id title completed } command { id status } userErrors { code message path suggestion }
  }
}
"""
Which = Annotated[
    str,
    typer.Argument(
        metavar="SUBTASK", help="Its number in the list, its id, a unique part of it, or its title."
    ),
]


@app.command("list")
@server_command
async def list_subtasks(session: Session, task: TaskArgument) -> None:
    r"""The subtasks of a task, in order.

    \b
      trackside subtasks list nightly/T012
      trackside subtasks list nightly/T012 --output json
    """
    found = await _of(session, task)
    if session.screen.json:
        session.screen.document(found)
    elif not found:
        session.screen.line("No subtasks.")
    else:
        rows = [
            (str(number), "x" if one["completed"] else "-", one["id"], one["title"])
            for number, one in enumerate(found, 1)
        ]
        session.screen.table(("NO", "DONE", "ID", "TITLE"), rows)


@app.command("create")
@server_command
async def create_subtask(
    session: Session,
    task: TaskArgument,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What is to be done, in a line.")],
) -> None:
    r"""Put a tick-box under a task. Inside a worker its own task is "$TRACKSIDE_TASK_ID".

    \b
      trackside subtasks create nightly/T012 'Count the pears'
    """
    meant = await references.task_of(session.client, task)
    payload = await session.client.mutate(CREATE, {"taskId": meant.id, "title": title})
    _tell(session, payload)


@app.command("update")
@server_command
async def update_subtask(
    session: Session,
    task: TaskArgument,
    subtask: Which,
    done: Annotated[
        bool | None, typer.Option("--done/--not-done", help="Tick it, or take the tick away.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="What is to be done, in a line.")] = None,
) -> None:
    r"""Tick a subtask, take the tick away, or rename it.

    \b
      trackside subtasks update nightly/T012 1 --done
      trackside subtasks update nightly/T012 1 --not-done --title 'Count the red pears'
    """
    if done is None and title is None:
        raise TracksideError(
            "INVALID_INPUT",
            "There is nothing to change.",
            suggestion="Say --done, --not-done or --title TITLE",
        )
    subtask_id = _meant(await _of(session, task), subtask, task)
    payload = await session.client.mutate(
        UPDATE, {"subtaskId": subtask_id, "completed": done, "title": title}
    )
    _tell(session, payload)


@app.command("delete")
@server_command
async def delete_subtask(session: Session, task: TaskArgument, subtask: Which) -> None:
    r"""Take a subtask away.

    \b
      trackside subtasks delete nightly/T012 1
    """
    subtask_id = _meant(await _of(session, task), subtask, task)
    payload = await session.client.mutate(DELETE, {"subtaskId": subtask_id})
    outcomes.show(session, payload, "subtask", f"Deleted: {payload['subtask']['title']}")


def _tell(session: Session, payload: dict[str, Any]) -> None:
    subtask = payload["subtask"]
    mark = "x" if subtask["completed"] else "-"
    outcomes.show(session, payload, "subtask", f"{mark} {subtask['title']} ({subtask['id']})")


async def _of(session: Session, task: str) -> list[dict[str, Any]]:
    meant = await references.task_of(session.client, task)
    found: list[dict[str, Any]] = (await session.client.query(LIST, {"id": meant.id}))["task"]["subtasks"]
    return found


def _meant(subtasks: list[dict[str, Any]], words: str, task: str) -> str:
    if words.isascii() and words.isdigit() and 0 < int(words) <= len(subtasks):
        return str(subtasks[int(words) - 1]["id"])
    found = references.match(
        words, [references.Named(one["id"], one["title"]) for one in subtasks], "subtask"
    )
    if found is None:
        raise TracksideError(
            "NOT_FOUND",
            f"There is no subtask {words!r} under this task.",
            suggestion=f"trackside subtasks list {text.quoted(task)}",
        )
    return found.id
