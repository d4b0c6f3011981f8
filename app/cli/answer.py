"""An answer to a question: the person's side of `trackside ask`."""

import json
from typing import Annotated, Any

import typer

from app.cli import references, text
from app.cli.arguments import ItemArgument
from app.cli.session import Session, server_command
from app.client.errors import TracksideError

app = typer.Typer()

ANSWER = """
mutation ($input: AnswerAttentionInput!) {
  answerAttention(input: $input) {
    item { id title status answer answeredBy answeredAt run { id name } }
    command { id status }
    userErrors { code message path suggestion ... on AlreadyAnsweredError { item { id status answer answeredBy } } }
  }
}
"""


@app.command("answer")
@server_command
async def answer(
    session: Session,
    item: ItemArgument,
    value: Annotated[str, typer.Argument(metavar="ANSWER", help="The answer.")],
    is_json: Annotated[
        bool, typer.Option("--json", help="ANSWER is JSON: a number, a list, an object …")
    ] = False,
) -> None:
    r"""Answer a question. Everyone who asked it goes on.

    \b
      trackside answer q4t9z yes
      trackside answer q4t9z 'use the second one'
      trackside answer q4t9z '{"port": 8080}' --json
    """
    given = parsed(value) if is_json else value
    item_id = await references.item(session.client, item)
    payload = await session.client.mutate_as_given(ANSWER, {"itemId": item_id, "answer": given})
    if session.screen.json:
        session.screen.document({"item": payload["item"], "command": payload["command"]})
    else:
        session.screen.line(f"Answered: {text.printable(payload['item']['title'])}")


def parsed(value: str) -> Any:
    """An answer that was announced as JSON."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise TracksideError(
            "INVALID_INPUT",
            f"The answer is not JSON: {error}.",
            suggestion="Leave out --json to answer with text.",
        ) from error
