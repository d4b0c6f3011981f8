"""Everything of one run, written out while it is read: for an archive, another program, or a report of a bug."""

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.text import Text

from app.cli import events, references, text
from app.cli.amounts import BUDGET, FIELDS
from app.cli.arguments import RunArgument
from app.cli.paging import Node, pages
from app.cli.session import Session, server_command
from app.client.errors import TracksideError

if TYPE_CHECKING:
    from app.client.http import Client

app = typer.Typer()

RUN = f"""
query ($id: ID!) {{
  cursor
  run(id: $id) {{
    id name status statusReason version maxWorkers phaseGuard autoAdvance autoComplete
    createdAt startedAt completedAt lastActivityAt openAttention allowedActions
    {BUDGET} usage {{ {FIELDS} }}
    project {{ id name root }}
    progress {{ total completed failed running pending cancelled percent }}
    supervisor {{ id state isAgent alive currentActivity progress restarts lastHeartbeatAt savedAt }}
    plan {{ format path hash text }}
    phases {{
      id key title status unfinishedTasks guard confirmedBy startedAt completedAt
      progress {{ total completed failed running pending cancelled percent }}
      gate {{ taskRequirement minimum tasks }}
      readiness {{ ready missing }}
      deliverables {{ id key title required status evidence reason changedBy changedAt }}
    }}
  }}
}}
"""
_PAGES: Final = "($id: ID!, $first: Int!, $after: String)"
_MORE: Final = "pageInfo { hasNextPage endCursor }"
STILL = "query ($id: ID!) { run(id: $id) { id } }"
TASKS = f"""
query {_PAGES} {{
  run(id: $id) {{ tasks(first: $first, after: $after) {{
    edges {{ node {{
      id key title description status statusReason priority attempts maxAttempts timeoutSeconds lastError retryAt
      runtime skill paths startedAt completedAt dependencyKeys usage {{ {FIELDS} }}
      phase {{ key }} subtasks {{ id title completed }} worker {{ id }}
    }} }} {_MORE}
  }} }}
}}
"""
WORKERS = f"""
query {_PAGES} {{
  run(id: $id) {{ workers(first: $first, after: $after) {{
    edges {{ node {{
      id name status statusReason runtime command pid exitCode attempt startedAt endedAt lastHeartbeatAt
      currentActivity progress usage {{ {FIELDS} }} task {{ key }} host {{ id name }}
    }} }} {_MORE}
  }} }}
}}
"""
ATTENTION = f"""
query {_PAGES} {{
  attention(
    filter: {{runId: $id, statuses: [OPEN, ANSWERED, DISMISSED, EXPIRED]}}, first: $first, after: $after
  ) {{
    edges {{ node {{
      id kind status title detail options {{ value label }} answerSchema defaultAnswer blockedTasks createdAt expiresAt
      answer answeredBy answeredAt task {{ key }} worker {{ id }}
    }} }} {_MORE}
  }}
}}
"""
COMMANDS = f"""
query {_PAGES} {{
  commands(filter: {{runId: $id}}, first: $first, after: $after) {{
    edges {{ node {{
      id verb actor status reason error errorCode at updatedAt input task {{ key }} worker {{ id }}
    }} }} {_MORE}
  }}
}}
"""
EVENTS = f"""
query ($runs: [ID!]!, $first: Int!, $after: Cursor) {{
  events(filter: {{runIds: $runs}}, first: $first, after: $after) {{
    edges {{ node {{ {events.SELECTION} }} }} {_MORE}
  }}
}}
"""
_SECTIONS: Final = {
    "Run": "run",
    "Plan": "plan",
    "Phase": "phases",
    "Task": "tasks",
    "Worker": "workers",
    "AttentionItem": "attention",
    "Command": "commands",
    "Event": "events",
}
_SINGLE: Final = frozenset({"Run", "Plan"})
_TELL_EVERY: Final = 50

Thing = tuple[str, dict[str, Any]]


@app.command("export")
@server_command
async def export_run(
    session: Session,
    run: RunArgument,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", "-f", metavar="FILE", dir_okay=False, help="Write it there, whole or not at all."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Take the place of a file that is there.")] = False,
) -> None:
    r"""Everything of one run, a JSON object a line: the run, its plan, phases, tasks, workers, items, commands and events.

    Each line says its `type`; the last one is of type End, counts the others, and is missing where it was cut off. What
    happens meanwhile may be in it or not; the first line names the cursor that it begins with. With --output json it is
    one document instead.

    \b
      trackside runs export nightly
      trackside runs export nightly --file nightly.ndjson --force
      trackside runs export nightly --output jsonl | tail -n 1
    """
    _refuse_taken(file, force=force)
    run_id = await references.run(session.client, run)
    whole = session.screen.json and not session.screen.records
    with _destination(session, file) as out, _progress(session, file) as tell:
        writer = _Document(out) if whole else _Lines(out)
        counts: dict[str, int] = {}
        async for kind, thing in _everything(session, run_id):
            writer.write(kind, thing)
            counts[kind] = counts.get(kind, 0) + 1
            tell(counts)
        writer.end(counts)
    if file is None:
        return
    if session.screen.json:
        session.screen.document({"file": str(file), "counts": counts})
    else:
        session.screen.line(f"{text.printable(str(file))}: {_words(counts)}")


def _refuse_taken(file: Path | None, *, force: bool) -> None:
    if file is not None and file.exists() and not force:
        raise TracksideError(
            "INVALID_INPUT", f"{file} is there already.", suggestion="Name another file, or add --force."
        )
    if file is not None and file.exists() and not file.is_file():  # such as /dev/null, which others need
        raise TracksideError(
            "INVALID_INPUT",
            f"{file} is no regular file, so nothing takes its place.",
            suggestion="Leave out --file to write to standard output.",
        )


@contextmanager
def _destination(session: Session, file: Path | None) -> Iterator[IO[str]]:
    """Standard output, or the file as soon as all of it is there: whatever interrupts us leaves it as it was."""
    if file is None:
        yield session.screen.out.file
        session.screen.out.file.flush()
        return
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with part.open("x", encoding="utf-8") as out:
            yield out
        part.replace(file)
    except OSError as error:
        raise TracksideError(
            "FAILED", f"{file} cannot be written: {(error.strerror or str(error)).lower()}."
        ) from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _progress(session: Session, file: Path | None) -> Iterator[Callable[[Mapping[str, int]], None]]:
    """In a terminal, how far it is; unless the terminal is where the export goes."""
    screen = session.screen
    if not screen.err.is_terminal or (file is None and screen.out.is_terminal):
        yield lambda counts: None
        return
    with screen.err.status(Text("Exporting …")) as status:

        def tell(counts: Mapping[str, int]) -> None:
            if sum(counts.values()) % _TELL_EVERY == 0:
                status.update(Text(f"Exporting: {_words(counts)}"))

        yield tell


def _words(counts: Mapping[str, int]) -> str:
    """`3 tasks, 1 worker, 40 events`."""
    nouns = {"Task": "task", "Worker": "worker", "AttentionItem": "item", "Event": "event"}
    return ", ".join(text.count(counts.get(kind, 0), noun) for kind, noun in nouns.items())


async def _everything(session: Session, run_id: str) -> AsyncIterator[Thing]:
    """Page by page: a run may be larger than memory."""
    client = session.client
    found = await client.query(RUN, {"id": run_id})
    run = found["run"]
    if run is None:
        raise TracksideError("NOT_FOUND", f"There is no run {run_id!r}.", suggestion="trackside runs list")
    plan, phases = run.pop("plan"), run.pop("phases")
    yield "Run", {"cursor": found["cursor"], **run}
    if plan is not None:
        yield "Plan", plan
    for phase in phases:
        yield "Phase", phase
    async for thing in _listed(client, run_id):
        yield thing
    if (await client.query(STILL, {"id": run_id}))["run"] is None:  # its lists have ended with it
        raise TracksideError("NOT_FOUND", f"The run {run_id} was deleted while it was exported.")


async def _listed(client: "Client", run_id: str) -> AsyncIterator[Thing]:
    """What there may be many of."""
    for kind, document, name, page in (("Task", TASKS, "tasks", 500), ("Worker", WORKERS, "workers", 100)):
        async for some, _ in pages(client, document, "run", name, page=page, id=run_id):
            for one in some:
                yield kind, one
    async for item in _items(client, run_id):
        yield "AttentionItem", item
    async for some, _ in pages(client, COMMANDS, "commands", id=run_id):
        for one in some:
            yield "Command", one
    async for some, _ in pages(client, EVENTS, "events", start="0", runs=[run_id]):
        for one in some:
            yield "Event", one


async def _items(client: "Client", run_id: str) -> AsyncIterator[Node]:
    """Each once. They are listed by what they hold back, so what moves between two pages is looked for again."""
    known: set[str] = set()
    while True:
        before, several = len(known), False
        async for some, more in pages(client, ATTENTION, "attention", page=100, id=run_id):
            several = several or more
            for item in some:
                if item["id"] not in known:
                    known.add(item["id"])
                    yield item
        if not several or len(known) == before:
            return


class _Lines:
    """A line for each thing."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out

    def write(self, kind: str, thing: dict[str, Any]) -> None:
        self._line({"type": kind, **(thing if kind != "Event" else {"event": thing})})

    def end(self, counts: dict[str, int]) -> None:
        self._line({"type": "End", "counts": counts})

    def _line(self, value: dict[str, Any]) -> None:
        self._out.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


class _Document:
    """One JSON document, written as it grows: what there may be many of is a list under its name."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._section = ""
        self._begun: set[str] = set()
        out.write("{")

    def write(self, kind: str, thing: dict[str, Any]) -> None:
        name = _SECTIONS[kind]
        if name != self._section:
            self._close()
            self._open(name, single=kind in _SINGLE)
        elif kind not in _SINGLE:
            self._out.write(",\n")
        self._out.write(json.dumps(thing, ensure_ascii=False))

    def end(self, counts: dict[str, int]) -> None:
        self._close()
        for kind, name in _SECTIONS.items():
            if name not in self._begun:
                self._open(name, single=kind in _SINGLE)
                self._out.write("null" if kind in _SINGLE else "")
                self._close()
        self._open("counts", single=True)
        self._out.write(f"{json.dumps(counts)}}}\n")

    def _open(self, name: str, *, single: bool) -> None:
        comma = ",\n" if self._begun else ""
        self._out.write(f"{comma}{json.dumps(name)}: {'' if single else '['}")
        self._section = name
        self._begun.add(name)

    def _close(self) -> None:
        if self._section and self._section not in ("run", "plan"):
            self._out.write("]")
        self._section = ""
