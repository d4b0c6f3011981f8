"""A question to people, as agents and scripts ask it: the command waits for the answer and prints it."""

import json
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from app.cli import completion, references
from app.cli.exit_codes import ExitCode
from app.cli.session import Session, server_command
from app.client.errors import TracksideError

app = typer.Typer()

ASK = """
mutation ($input: AskQuestionInput!) {
  askQuestion(input: $input) {
    item { id status answer answeredBy run { id } }
    userErrors { code message path suggestion }
  }
}
"""
NOW = "query { cursor }"
CLOSED = """
subscription ($run: ID!, $after: Cursor!) {
  events(filter: {runIds: [$run], types: ["AttentionClosed"]}, after: $after) {
    cursor
    ... on AttentionClosed { item { id status answer answeredBy } }
  }
}
"""
OPEN: Final = "OPEN"
EXPIRED: Final = "EXPIRED"


@app.command("ask")
@server_command
async def ask(
    session: Session,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What is asked, in a line.")],
    option: Annotated[list[str] | None, typer.Option(help="An answer there is; may be repeated.")] = None,
    schema: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="A file with the JSON Schema that the answer must satisfy."
        ),
    ] = None,
    default: Annotated[
        str | None, typer.Option(help="What is answered at the deadline: JSON, or else text.")
    ] = None,
    expires: Annotated[int | None, typer.Option(min=1, help="The deadline, in seconds from now.")] = None,
    detail: Annotated[str | None, typer.Option(help="What one should know to answer it.")] = None,
    run: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="The run it is about; inside a worker, the worker's own.",
            autocompletion=completion.run,
        ),
    ] = None,
) -> ExitCode:
    r"""Ask people something, wait for the answer, and print it: text as it is, anything else as JSON.

    Inside a worker the question belongs to its task, which waits with it. Ends with 0 when it is answered (by its
    default, too) and with 6 when it was dismissed, or expired without a default.

    \b
      trackside ask 'Which database?' --option sqlite --option postgres --run nightly
      trackside ask 'Release now?' --option yes --option no --default no --expires 600 --run nightly
      trackside ask 'How many?' --schema number.json --run nightly
    """
    environment = session.server.environment
    run_id = await references.run_or_own(session.client, run, environment, "the question is about")
    own = run_id == environment.get("TRACKSIDE_RUN_ID")
    asked = {
        "runId": run_id,
        "taskId": environment.get("TRACKSIDE_TASK_ID") or None if own else None,
        "workerId": environment.get("TRACKSIDE_WORKER_ID") or None if own else None,
        "question": question,
        "detail": detail,
        "options": option or None,
        "expiresInSeconds": expires,
        "answerSchema": _schema(schema) if schema is not None else None,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    if default is not None:
        given["defaultAnswer"] = json_or_text(default, options=option)
    cursor = (await session.client.query(NOW))["cursor"]
    item = (await session.client.mutate_as_given(ASK, given))["item"]
    if item["status"] == OPEN:
        session.screen.note(f"Waiting for an answer: trackside answer {item['id']} …")
        item = {**item, **await _closed(session, item["id"], run_id, cursor)}
    return _show(session, item, has_default=default is not None)


def json_or_text(value: str, *, options: list[str] | None = None) -> Any:
    """Options are texts, so one of them is never read as a number."""
    if options:
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


async def _closed(session: Session, item_id: str, run_id: str, cursor: str) -> dict[str, Any]:
    """The item as soon as it waits no more. A connection that is lost meanwhile is made again."""
    stream = session.line().follow(
        CLOSED, {"run": run_id}, after=cursor, cursor=lambda data: str(data["events"]["cursor"])
    )
    async with aclosing(stream):
        async for data in stream:
            item: dict[str, Any] = data["events"]["item"]
            if item["id"] == item_id:
                return item
    raise AssertionError("an endless subscription has ended")


def _schema(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise TracksideError(
            "INVALID_INPUT", f"{path} holds no JSON: {error}.", suggestion="Give a file with a JSON Schema."
        ) from error


def _show(session: Session, item: dict[str, Any], *, has_default: bool) -> ExitCode:
    answer = item["answer"]
    answered = item["status"] == "ANSWERED" or (
        item["status"] == EXPIRED and (answer is not None or has_default)
    )
    if session.screen.json:
        shown = {name: item[name] for name in ("id", "status", "answer", "answeredBy")}
        session.screen.document({"item": shown, "answered": answered})
    elif answered:
        session.screen.raw(answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False))
    else:
        session.screen.note(f"There is no answer: the question is {item['status']}.")
    return ExitCode.COMPLETED if answered else ExitCode.UNANSWERED
