"""An answer to questions: the person's side of `trackside ask`."""

import json
from typing import Annotated, Any

import typer

from app.cli import completion, references, text
from app.cli.arguments import ProjectOption, RunOption
from app.cli.attention import LIST
from app.cli.exit_codes import ExitCode
from app.cli.paging import nodes
from app.cli.session import Session, server_command
from app.cli.wording import told
from app.client.errors import Refused, TracksideError
from app.domain.attention import AttentionKind

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
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[ITEM]... ANSWER",
            help="Items, each by its id or a unique beginning or end of it, then the answer. With --all, --run, --project or "
            "--kind the answer alone.",
            autocompletion=completion.item,
        ),
    ],
    every: Annotated[bool, typer.Option("--all", help="Every open item, narrowed by what follows.")] = False,
    run: RunOption = None,
    project: ProjectOption = None,
    kind: Annotated[
        list[AttentionKind] | None,
        typer.Option(case_sensitive=False, help="Every open item of this kind; may be repeated."),
    ] = None,
    is_json: Annotated[
        bool, typer.Option("--json", help="ANSWER is JSON: a number, a list, an object …")
    ] = False,
) -> ExitCode:
    r"""Answer a question, or give many the same answer. Everyone who asked goes on.

    Of many, one that refuses the answer does not keep the others from theirs; then it ends with 2.

    \b
      trackside answer q4t9z yes
      trackside answer q4t9z 'use the second one'
      trackside answer q4t9z '{"port": 8080}' --json
      trackside answer --run nightly yes
      trackside answer --all --run nightly --kind QUESTION 'as you like'
    """
    *named, value = words
    given = parsed(value) if is_json else value
    if every or run or project or kind:
        if named:
            raise TracksideError(
                "INVALID_INPUT",
                "Items are named, and meant by --all, --run, --project or --kind as well.",
                suggestion="Name them, or leave their names out. An answer of several words wants quotation marks.",
            )
        return await _answer_many(session, await _open(session, run, project, kind), given)
    if not named:
        raise TracksideError(
            "INVALID_INPUT",
            "There is an answer, and no item that it is for."
            if len(words) == 1
            else "There is nothing to answer.",
            suggestion="Say trackside answer ITEM ANSWER; the items: trackside attention list",
        )
    ids = [await references.item(session.client, one) for one in named]
    if len(ids) > 1:
        return await _answer_many(session, ids, given)
    payload = await _answer(session, ids[0], given)
    if session.screen.json:
        session.screen.document({"item": payload["item"], "command": payload["command"]})
    else:
        session.screen.line(f"Answered: {text.printable(payload['item']['title'])}")
    return ExitCode.COMPLETED


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


async def _open(
    session: Session, run: str | None, project: str | None, kinds: list[AttentionKind] | None
) -> list[str]:
    """Ids of the open items that are meant, the one that holds back most first."""
    client = session.client
    found = await nodes(
        client,
        LIST,
        "attention",
        run=await references.run(client, run) if run is not None else None,
        project=await references.project(client, project) if project is not None else None,
        kinds=[one.value for one in kinds] if kinds else None,
    )
    return [one["id"] for one in found]


async def _answer(session: Session, item_id: str, answer: Any) -> dict[str, Any]:
    payload: dict[str, Any] = await session.client.mutate_as_given(
        ANSWER, {"itemId": item_id, "answer": answer}
    )
    return payload


async def _answer_many(session: Session, ids: list[str], answer: Any) -> ExitCode:
    """One after the other, each a request of its own in the audit trail. What is done stays done when this is interrupted."""
    screen, answered, failures = session.screen, [], []
    for item_id in dict.fromkeys(ids):
        try:
            payload = await _answer(session, item_id, answer)
        except Refused as error:
            failures.append({"itemId": item_id, "code": error.code, "message": error.message})
            if not screen.json:
                screen.line(f"Not answered: {item_id}: {text.printable(told(error.message))}", style="red")
            continue
        answered.append({"item": payload["item"], "command": payload["command"]})
        if not screen.json:
            screen.line(f"Answered: {text.printable(payload['item']['title'])}")
    if screen.json:
        screen.document({"answered": answered, "failures": failures})
    elif not ids:
        screen.line("Nothing waits for you.")
    else:
        screen.note(f"{len(answered):,} of {text.count(len(answered) + len(failures), 'item')} answered.")
    return ExitCode.REFUSED if failures else ExitCode.COMPLETED
