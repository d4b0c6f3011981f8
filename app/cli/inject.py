"""Context for workers: files of the project, text, or what comes in through a pipe."""

import os
import sys
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from app.cli import completion, references, text
from app.cli.arguments import Reason
from app.cli.session import Session, server_command
from app.client.errors import TracksideError

app = typer.Typer()

INJECT = """
mutation ($input: InjectContextInput!) {
  injectContext(input: $input) {
    items { id kind path tokens deliveredAt }
    command { id status }
    userErrors { code message path suggestion }
  }
}
"""
ROOT = """
query ($id: ID!) {
  node(id: $id) {
    ... on Run { project { root } }
    ... on Task { run { project { root } } }
    ... on Worker { run { project { root } } }
  }
}
"""


class Deliver(StrEnum):
    NOW = "now"
    NEXT_TURN = "next-turn"


_DELIVERIES: Final = {Deliver.NOW: None, Deliver.NEXT_TURN: "NEXT_TURN"}
_KINDS: Final = {"run_": "runId", "task_": "taskId", "wrk_": "workerId"}
_PIPE: Final = "-"


@app.command("inject")
@server_command
async def inject(
    session: Session,
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="A run or a worker, as elsewhere; a task by its id or as RUN/KEY.",
            autocompletion=completion.target,
        ),
    ],
    pipe: Annotated[
        str | None, typer.Argument(metavar="-", help="A dash: the text comes from standard input.")
    ] = None,
    file: Annotated[
        list[str] | None, typer.Option(help="A text file inside the project; may be repeated.")
    ] = None,
    skeleton: Annotated[
        list[str] | None,
        typer.Option(help="The same without the bodies of its functions; may be repeated."),
    ] = None,
    words: Annotated[
        list[str] | None, typer.Option("--text", help="The text itself; may be repeated.")
    ] = None,
    deliver: Annotated[
        Deliver,
        typer.Option(
            case_sensitive=False, help="At once where the runtime can, or at the worker's next turn."
        ),
    ] = Deliver.NOW,
    reason: Reason = None,
) -> None:
    r"""Give files or text to a worker, to a task's worker or its next one, or to every worker of a run.

    A command finds them as files in the directory TRACKSIDE_INBOX; an agent is given them when its turn ends.

    \b
      trackside inject nightly/T012 --file docs/api.md --skeleton src/app.py
      trackside inject nightly/T012 --text 'Use the second approach.' --deliver next-turn
      trackside inject 7xk2p --text 'Hurry.' --reason 'the deadline moved'
      git diff | trackside inject nightly -
    """
    name, id = await _target(session, target)
    items = [{"file": await _from_root(session, id, path)} for path in file or []]
    items += [{"skeleton": await _from_root(session, id, path)} for path in skeleton or []]
    items += [{"text": one if one.endswith("\n") else f"{one}\n"} for one in words or []]
    if pipe is not None:
        items.append({"text": _piped(pipe)})
    if not items:
        raise TracksideError(
            "INVALID_INPUT",
            "There is nothing to give.",
            suggestion="Name something: --file PATH, --skeleton PATH, --text TEXT, or - for standard input.",
        )
    given = {"target": {name: id}, "items": items, "deliver": _DELIVERIES[deliver], "reason": reason}
    payload = await session.client.mutate(INJECT, given)
    if session.screen.json:
        session.screen.document({"items": payload["items"], "command": payload["command"]})
    else:
        _show(session, payload["items"])


async def _target(session: Session, target: str) -> tuple[str, str]:
    """The field of the input and the id."""
    run, slash, key = target.partition("/")
    if slash:
        return "taskId", await references.task(session.client, run, key)
    for prefix, name in _KINDS.items():
        if target.startswith(prefix):
            if name == "runId":
                return name, await references.run(session.client, target)
            if name == "workerId":
                return name, await references.worker(session.client, target)
            return name, target
    try:
        return "runId", await references.run(session.client, target)
    except TracksideError as error:
        if error.code != "NOT_FOUND":
            raise
    try:
        return "workerId", await references.worker(session.client, target)
    except TracksideError as error:
        if error.code != "NOT_FOUND":
            raise
    raise TracksideError(
        "NOT_FOUND",
        f"There is no run and no worker {target!r}.",
        suggestion="trackside runs list, trackside workers list; a task is RUN/KEY",
    )


async def _from_root(session: Session, id: str, path: str) -> str:
    """The path as the server knows it: from the project's root, where the file lies in it here."""
    node: dict[str, Any] = (await session.client.query(ROOT, {"id": id}))["node"] or {}
    project = (node.get("run") or node).get("project")
    return path if project is None else from_root(path, project["root"])


def from_root(path: str, root: str) -> str:
    """A path from here as one from the root; as it stands where there is no such file here, or it lies elsewhere."""
    if not os.path.exists(path):
        return path
    relative = os.path.relpath(os.path.realpath(path), os.path.realpath(root))
    return path if relative.split(os.sep)[0] == os.pardir else relative


def _piped(pipe: str) -> str:
    if pipe != _PIPE:
        raise TracksideError(
            "INVALID_INPUT",
            f"It is not clear what {pipe!r} is.",
            suggestion=f"Say --file {text.quoted(pipe)}, --text {text.quoted(pipe)}, or - for standard input.",
        )
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise TracksideError("INVALID_INPUT", "Standard input is not UTF-8 text.") from error


def _show(session: Session, items: list[dict[str, Any]]) -> None:
    if not items:
        session.screen.line("No worker is at work there: nobody was given anything.")
        return
    for item in items:
        what = text.printable(item["path"] or "text")
        state = "delivered" if item["deliveredAt"] else "on its way"
        session.screen.line(f"{what}: about {text.count(item['tokens'], 'token')}, {state}")
