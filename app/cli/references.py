"""What people type for an id: all of it, its beginning or end as far as it is unique, or an exact name."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from app.cli.paging import nodes
from app.cli.text import printable, quoted
from app.client.errors import TracksideError

if TYPE_CHECKING:
    from app.client.http import Client

SHORTEST: Final = 4
"""Fewer characters than this are no part of an id but a slip of the finger."""
_SHOWN: Final = 5

RUN = "query ($id: ID!) { run(id: $id) { id } }"
RUNS = """
query ($search: String, $first: Int!, $after: String) {
  runs(filter: {search: $search}, first: $first, after: $after) {
    edges { node { id name } } pageInfo { hasNextPage endCursor }
  }
}
"""
PROJECTS = """
query ($first: Int!, $after: String) {
  projects(first: $first, after: $after) { edges { node { id name root } } pageInfo { hasNextPage endCursor } }
}
"""
CREATE_PROJECT = """
mutation ($input: CreateProjectInput!) {
  createProject(input: $input) { project { id } userErrors { code message path suggestion } }
}
"""
WORKER = "query ($id: ID!) { worker(id: $id) { id } }"
WORKERS = """
query ($first: Int!, $after: String) {
  workers(first: $first, after: $after) { edges { node { id name } } pageInfo { hasNextPage endCursor } }
}
"""
HOSTS = "{ hosts { id name } }"
ITEM = "query ($id: ID!) { node(id: $id) { ... on AttentionItem { id } } }"
ITEMS = """
query ($first: Int!, $after: String) {
  attention(first: $first, after: $after) { edges { node { id title } } pageInfo { hasNextPage endCursor } }
}
"""
TOKENS = """
query ($first: Int!, $after: String) {
  tokens(first: $first, after: $after) { edges { node { id name } } pageInfo { hasNextPage endCursor } }
}
"""
TASK_OF_ID = "query ($id: ID!) { task(id: $id) { id key run { id } } }"
COMMAND = "query ($id: ID!) { node(id: $id) { ... on Command { id } } }"
COMMANDS = """
query ($first: Int!, $after: String) {
  commands(first: $first, after: $after) { edges { node { id verb } } pageInfo { hasNextPage endCursor } }
}
"""
_RECENT: Final = 1000
TASK = """
query ($run: ID!, $key: String!, $first: Int!, $after: String) {
  run(id: $run) {
    tasks(filter: {search: $key}, first: $first, after: $after) {
      edges { node { id key } } pageInfo { hasNextPage endCursor }
    }
  }
}
"""


@dataclass(frozen=True, slots=True)
class Named:
    """Something that has an id and is called something."""

    id: str
    name: str


def match(text: str, candidates: Iterable[Named], noun: str) -> Named | None:
    """The one that is meant, or None. An exact name wins over a part of an id; what fits several is refused."""
    known = list(candidates)
    for fits in _WAYS:
        found = [one for one in known if fits(one, text)]
        if len(found) == 1:
            return found[0]
        if found:
            raise _ambiguous(text, found, noun)
    return None


_WAYS: Final[Sequence[Callable[[Named, str], bool]]] = (
    lambda one, text: one.id == text,
    lambda one, text: one.name == text,
    lambda one, text: len(text) >= SHORTEST and (one.id.startswith(text) or one.id.endswith(text)),
)


async def host(client: "Client", text: str) -> str:
    """The id of a host."""
    found = (await client.query(HOSTS))["hosts"]
    meant = match(text, [Named(one["id"], one["name"]) for one in found], "host")
    return _id(meant, "host", text, "trackside hosts list")


async def run(client: "Client", text: str) -> str:
    """The id of a run."""
    if (found := (await client.query(RUN, {"id": text}))["run"]) is not None:
        return str(found["id"])
    named = [one for one in await _named(client, RUNS, "runs", search=text) if one.name == text]
    meant = match(text, named or await _named(client, RUNS, "runs"), "run")
    return _id(meant, "run", text, "trackside runs list")


async def run_or_own(client: "Client", text: str | None, environment: Mapping[str, str], said: str) -> str:
    """The id of a run: inside a worker, the worker's own where none is named. `said` is what the run is needed for."""
    if text is not None:
        return await run(client, text)
    if own := environment.get("TRACKSIDE_RUN_ID"):
        return own
    raise TracksideError(
        "INVALID_INPUT",
        f"This is no worker, so it cannot be told which run {said}.",
        suggestion="Say which one: --run RUN",
    )


async def project(client: "Client", text: str) -> str:
    """The id of a project, also by its directory, as it is called from here."""
    known = await nodes(client, PROJECTS, "projects")
    if (at_home := _at(known, _directory(text))) is not None:
        return at_home
    meant = match(text, [Named(one["id"], one["name"]) for one in known], "project")
    return _id(meant, "project", text, _way_to_a_project(text))


def _directory(text: str) -> str:
    return os.path.realpath(text)


async def project_at(client: "Client", root: Path) -> str:
    """The id of the project of this directory, which is made one where it is none."""
    if (known := _at(await nodes(client, PROJECTS, "projects"), str(root))) is not None:
        return known
    made = await client.mutate(CREATE_PROJECT, {"name": printable(root.name) or "project", "root": str(root)})
    return str(made["project"]["id"])


def _at(projects: Iterable[Mapping[str, Any]], directory: str) -> str | None:
    """The first that was made of it: servers of earlier versions made several of one directory."""
    return min((str(one["id"]) for one in projects if one["root"] == directory), default=None)


def _way_to_a_project(text: str) -> str:
    """What to do where nothing is called so: a directory that is not known yet can be made known."""
    return f"trackside projects create {quoted(text)}" if os.path.isdir(text) else "trackside projects list"


async def worker(client: "Client", text: str) -> str:
    """The id of a worker."""
    if (found := (await client.query(WORKER, {"id": text}))["worker"]) is not None:
        return str(found["id"])
    meant = match(text, await _named(client, WORKERS, "workers"), "worker")
    return _id(meant, "worker", text, "trackside workers list")


async def token(client: "Client", text: str) -> str:
    """The id of a token."""
    meant = match(text, await _named(client, TOKENS, "tokens"), "token")
    return _id(meant, "token", text, "trackside tokens list --all")


async def item(client: "Client", text: str) -> str:
    """The id of an attention item: any one by its whole id, open ones by a part of it."""
    if found := (await client.query(ITEM, {"id": text}))["node"]:
        return str(found["id"])
    meant = match(text, await _named(client, ITEMS, "attention", name="title"), "item")
    return _id(meant, "item", text, "trackside attention list")


@dataclass(frozen=True, slots=True)
class TaskOfRun:
    """A task by its id and by its run and key: edits of the DAG want the one, verbs the other."""

    id: str
    key: str
    run_id: str


async def task(client: "Client", run_text: str, key: str) -> str:
    """The id of a run's task, by its key."""
    run_id = await run(client, run_text)
    return (await _keyed(client, run_id, key)).id


async def task_of(client: "Client", text: str) -> TaskOfRun:
    """A task by RUN/KEY or by its id."""
    run_text, slash, key = text.partition("/")
    if slash:
        return await _keyed(client, await run(client, run_text), key)
    if found := (await client.query(TASK_OF_ID, {"id": text}))["task"]:
        return TaskOfRun(found["id"], found["key"], found["run"]["id"])
    raise TracksideError(
        "NOT_FOUND",
        f"There is no task {text!r}.",
        suggestion="Say RUN/KEY; the keys: trackside tasks list RUN",
    )


async def _keyed(client: "Client", run_id: str, key: str) -> TaskOfRun:
    found = await nodes(client, TASK, "run", "tasks", page=1000, run=run_id, key=key)
    keyed = [one for one in found if one["key"] == key]
    meant = Named(keyed[0]["id"], key) if keyed else None
    return TaskOfRun(_id(meant, "task", key, f"trackside tasks list {run_id}"), key, run_id)


async def command(client: "Client", text: str) -> str:
    """The id of a command: any one by its whole id, the latest by a part of it."""
    if found := (await client.query(COMMAND, {"id": text}))["node"]:
        return str(found["id"])
    latest = await nodes(client, COMMANDS, "commands", most=_RECENT)
    meant = match(text, [Named(one["id"], one["id"]) for one in latest], "command")
    return _id(meant, "command", text, "trackside commands list")


async def _named(
    client: "Client", document: str, field: str, name: str = "name", **variables: Any
) -> list[Named]:
    return [Named(one["id"], one[name]) for one in await nodes(client, document, field, **variables)]


def _id(meant: Named | None, noun: str, text: str, listing: str) -> str:
    if meant is None:
        raise TracksideError("NOT_FOUND", f"There is no {noun} {text!r}.", suggestion=listing)
    return meant.id


def _ambiguous(text: str, found: Sequence[Named], noun: str) -> TracksideError:
    shown = ", ".join(one.id for one in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return TracksideError(
        "AMBIGUOUS",
        f"{text!r} may mean {len(found)} {noun}s: {shown}{more}.",
        suggestion="Give more of the id.",
    )
