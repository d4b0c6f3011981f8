"""Any request to the API, as it stands in schema.graphql: what no command of its own does, or not in this way."""

import asyncio
import json
import re
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from app.cli.exit_codes import ExitCode
from app.cli.screen import Output, Screen
from app.cli.session import Session, server_command
from app.client.errors import TracksideError, failure
from app.client.socket import ConnectionLost, GraphQLFailure, GraphQLSocket

app = typer.Typer()

_PIPE: Final = "-"
_SUBSCRIPTION: Final = re.compile(r"(?m)^\s*subscription\b")


@app.command("graphql")
@server_command
async def graphql(
    session: Session,
    document: Annotated[
        str | None, typer.Argument(metavar="DOCUMENT", help="The request itself; - for standard input.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", exists=True, dir_okay=False, help="A file with the request."),
    ] = None,
    variables: Annotated[
        str | None, typer.Option(metavar="JSON", help="Its variables: a JSON object, or @FILE.")
    ] = None,
    variable: Annotated[
        list[str] | None,
        typer.Option("--var", metavar="NAME=VALUE", help="One of them: JSON, or else text; may be repeated."),
    ] = None,
) -> ExitCode:
    r"""Send any request to the API and print its `data`, as JSON. Of a subscription, a line for each item, until Ctrl-C.

    A mutation whose payload has userErrors ends with status 2.

    \b
      trackside graphql '{ viewer { name role } }'
      trackside graphql -f request.graphql --var run=nightly
      trackside graphql 'query ($n: Int) { runs(first: $n) { totalCount } }' --variables '{"n": 5}'
      trackside graphql 'subscription { events(after: "0") { cursor at __typename } }'
      echo '{ cursor }' | trackside graphql - --output jsonl
    """
    text = _document(document, file)
    given = {**_object(variables), **dict(_one(words) for words in variable or [])}
    screen = session.screen if session.screen.json else Screen(Output.JSON)
    if _SUBSCRIPTION.search(text):
        await _follow(session, screen, text, given)
        return ExitCode.COMPLETED
    data = await session.client.query(text, given)
    screen.document(data)
    refused = [one for one in data.values() if isinstance(one, dict) and one.get("userErrors")]
    return ExitCode.REFUSED if refused else ExitCode.COMPLETED


async def _follow(session: Session, screen: Screen, document: str, variables: dict[str, Any]) -> None:
    """Nothing is known of its cursors, so a connection that is lost is the end of it."""
    located = session.server.locate()
    try:
        socket = await GraphQLSocket.open(located.url, token=located.token)
        async with socket, aclosing(socket.subscribe(document, variables)) as stream:
            async for data in stream:
                screen.record(data)
    except asyncio.CancelledError:
        return
    except GraphQLFailure as error:
        raise failure(error.errors) from error
    except ConnectionLost as error:
        raise TracksideError(
            "FAILED",
            f"The connection was lost: {error.reason}",
            suggestion="trackside events follow goes on by itself.",
        ) from error


def _document(document: str | None, file: Path | None) -> str:
    if (document is None) == (file is None):
        raise TracksideError(
            "INVALID_INPUT",
            "Give one request.",
            suggestion="As an argument, with --file, or - for standard input.",
        )
    if file is not None:
        return file.read_text(encoding="utf-8")
    return sys.stdin.read() if document == _PIPE else str(document)


def _object(words: str | None) -> dict[str, Any]:
    if words is None:
        return {}
    try:
        content = Path(words[1:]).read_text(encoding="utf-8") if words.startswith("@") else words
        found = json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise _no_variables(str(error)) from error
    if not isinstance(found, dict):
        raise _no_variables("it is no object")
    return found


def _no_variables(why: str) -> TracksideError:
    return TracksideError(
        "INVALID_INPUT",
        f"--variables holds no variables: {why}.",
        suggestion="""Such as '{"id": "run_01k…"}'""",
    )


def _one(words: str) -> tuple[str, Any]:
    name, equals, value = words.partition("=")
    if not equals:
        raise TracksideError(
            "INVALID_INPUT", f"--var {words!r} is no variable.", suggestion="Say --var NAME=VALUE"
        )
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value
