"""What is over and old, put away: runs archived, archived ones deleted, files of `trackside run` removed."""

import asyncio
import os
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from app.cli import references, text
from app.cli.arguments import ProjectOption, Reason, span
from app.cli.exit_codes import ExitCode
from app.cli.run_batches import BATCH
from app.cli.session import Session, server_command
from app.cli.wording import told
from app.client.discovery import LOCAL, state_dir
from app.client.errors import TracksideError
from app.dispatch import leftovers
from app.dispatch.leftovers import Leftover

app = typer.Typer()

_MOST: Final = 500
"""As many runs as one request changes: where it has changed so many there may be more."""


class Step(StrEnum):
    """In this order: what is archived now is never deleted by the same command, which did not say so of it."""

    DELETE = "delete"
    ARCHIVE = "archive"
    FILES = "files"


_OPERATIONS: Final = {Step.DELETE: "CLEANUP_ARCHIVED", Step.ARCHIVE: "ARCHIVE_OLD"}
_DONE: Final = {Step.DELETE: "deleted for good", Step.ARCHIVE: "archived"}


@app.command("cleanup")
@server_command
async def clean_up(
    session: Session,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do it, instead of only telling what is meant.")
    ] = False,
    older_than: Annotated[
        str,
        typer.Option(
            metavar="SPAN", help="Only what has not been touched for so long, such as 12h or 30d; a week."
        ),
    ] = "7d",
    only: Annotated[
        list[Step] | None,
        typer.Option(
            case_sensitive=False,
            help="delete archived runs, archive those that have ended, or remove the files that `trackside run` has left on "
            "this machine; may be repeated. All of it otherwise; with --project no files, which are of every project.",
        ),
    ] = None,
    project: ProjectOption = None,
    reason: Reason = None,
) -> ExitCode:
    r"""Delete old archived runs for good, archive old ones that have ended, and remove files that are left on this machine.

    Without --yes it only tells what it would do. What a deleted run did stays in the event log, and the audit trail keeps
    who deleted it. For ADMINs. Workers' own files are removed by the server, ten minutes after they have ended.

    \b
      trackside runs cleanup
      trackside runs cleanup --older-than 30d --project . --yes --reason 'end of the month'
      trackside runs cleanup --only files --older-than 90d --output json
    """
    steps = _steps(only, project)
    seconds = span(older_than, "--older-than") or 0
    filter = {"projectId": await references.project(session.client, project)} if project is not None else None
    document: dict[str, Any] = {"done": yes}
    for step in steps:
        if step is Step.FILES:
            document["files"] = await _clear_files(session, timedelta(seconds=seconds), yes=yes)
            continue
        given = {
            "operation": _OPERATIONS[step],
            "filter": filter,
            "olderThanHours": -(-seconds // 3600),
            "dryRun": not yes,
            "reason": reason,
        }
        document[step.value] = await _batch(session, step, given)
    if session.screen.json:
        session.screen.document(document)
    elif not yes:
        session.screen.note("Nothing was changed: --yes does it.")
    failed = any(document[step.value]["failures"] for step in steps if step is not Step.FILES)
    return ExitCode.REFUSED if failed else ExitCode.COMPLETED


def _steps(only: list[Step] | None, project: str | None) -> list[Step]:
    """Nothing tells whose a directory of `trackside run` is: who means one project means none of them."""
    if project is not None and Step.FILES in (only or ()):
        raise TracksideError(
            "INVALID_INPUT",
            "The files that `trackside run` has left are those of every project.",
            suggestion="Leave out --project, or --only files.",
        )
    whole = [one for one in Step if project is None or one is not Step.FILES]
    return [one for one in whole if not only or one in only]


async def _batch(session: Session, step: Step, given: dict[str, Any]) -> dict[str, Any]:
    """As many requests as it takes: one changes so many runs at most."""
    runs: list[dict[str, Any]] = []
    ids: list[str] = []
    failures: list[dict[str, Any]] = []
    while True:
        payload = await session.client.mutate(BATCH, given)
        runs, ids = runs + payload["runs"], ids + payload["affectedIds"]
        failures = payload["failures"]
        looked_at = payload["affectedCount"] + len(failures)
        if given["dryRun"] or looked_at < _MOST or not payload["affectedCount"]:
            break
    more = given["dryRun"] and looked_at >= _MOST
    if not session.screen.json:
        _tell(
            session,
            step,
            runs,
            failures,
            count=f"{text.count(len(ids), 'run')}{' or more' if more else ''}",
            dry=given["dryRun"],
        )
    return {"count": len(ids), "more": more, "ids": ids, "failures": failures}


def _tell(
    session: Session,
    step: Step,
    runs: list[dict[str, Any]],
    failures: list[dict[str, Any]],
    *,
    count: str,
    dry: bool,
) -> None:
    done = f"would be {_DONE[step]}" if dry else f"{_DONE[step]}"
    session.screen.line(f"{count} {done}")
    for run in runs:
        session.screen.line(f"  {run['id']}  {run['status']}  {text.printable(run['name'])}")
    for failure in failures:
        session.screen.line(f"  {failure['runId']}: {text.printable(told(failure['message']))}", style="red")


async def _clear_files(session: Session, age: timedelta, *, yes: bool) -> list[dict[str, Any]]:
    """Interrupted, it has removed some of them, each whole."""
    local = state_dir(os.environ) / LOCAL
    found = await asyncio.to_thread(leftovers.find, local, before=text.now() - age)
    screen, cleared = session.screen, []
    if not screen.json:
        many = "directory" if len(found) == 1 else "directories"
        screen.line(f"{len(found):,} {many} of `trackside run`{'' if yes else ' would be removed'}")
    for one in found:
        removed = yes and await asyncio.to_thread(leftovers.remove, one)
        cleared.append({**_as_json(one), "removed": removed})
        if not screen.json:
            kept = "  still in use" if yes and not removed else ""
            screen.line(
                f"  {one.path}  {_size(one.size)}  {text.ago(one.used_at.isoformat(), text.now())}{kept}"
            )
    return cleared


def _as_json(one: Leftover) -> dict[str, Any]:
    return {"path": str(one.path), "usedAt": one.used_at.isoformat(), "bytes": one.size}


def _size(size: int) -> str:
    return f"{size / 1_048_576:.1f} MiB"
