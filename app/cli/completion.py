"""What the shell offers at a tab: ids, names and keys from the running server; silence where there is none."""

import json
import os
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import typer

from app.cli.wording import COMMANDS
from app.client.addresses import graphql_url, is_loopback
from app.client.discovery import Discovery, Located
from app.client.errors import TracksideError
from app.domain.events import EventKind

Offer = tuple[str, str]
"""A word and what it stands for."""

TIMEOUT: Final = 1.0
"""Seconds after which nothing is offered: whoever typed a tab waits for it."""
_SHORTEST_END: Final = 5

RUNS = "query { runs(first: 100) { edges { node { id name status } } } }"
TASKS = """
query ($run: ID!) { run(id: $run) { tasks(first: 1000) { edges { node { key title status } } } } }
"""
PHASES = "query ($run: ID!) { run(id: $run) { phases { key title } } }"
WORKERS = "query { workers(first: 100) { edges { node { id name status task { key } } } } }"
ITEMS = "query { attention(first: 100) { edges { node { id title } } } }"
PROJECTS = "query { projects(first: 100) { edges { node { id name root } } } }"
COMMANDS_DONE = "query { commands(first: 100) { edges { node { id verb status } } } }"


def run(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """By name, by the end of its id, or by all of it once `run_` is typed."""
    return _offered(_runs(ctx), incomplete)


def task(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """RUN/KEY: first the run, then the key."""
    named, slash, key = incomplete.partition("/")
    if not slash:
        return [(f"{word}/", words) for word, words in run(ctx, incomplete)]
    found = [one for one in _runs(ctx) if named == one["name"] or (named and one["id"].endswith(named))]
    data = _ask(ctx, TASKS, run=found[0]["id"]) if found else {}
    keys = [(edge["node"]["key"], edge["node"]["title"]) for edge in _edges(data, "run", "tasks")]
    return [(f"{named}/{one}", title) for one, title in keys if one.startswith(key)]


def target(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """A run, a task or a worker."""
    if "/" in incomplete:
        return task(ctx, incomplete)
    return run(ctx, incomplete) + worker(ctx, incomplete)


def key(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Keys of the run that the command line names already."""
    run_id = _run_named(ctx)
    data = _ask(ctx, TASKS, run=run_id) if run_id else {}
    keys = [(edge["node"]["key"], edge["node"]["title"]) for edge in _edges(data, "run", "tasks")]
    return [(one, title) for one, title in keys if one.startswith(incomplete)]


def phase(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Keys of that run's phases."""
    run_id = _run_named(ctx)
    data = _ask(ctx, PHASES, run=run_id) if run_id else {}
    phases = (data.get("run") or {}).get("phases") or []
    return [(one["key"], one["title"]) for one in phases if one["key"].startswith(incomplete)]


def worker(ctx: typer.Context, incomplete: str) -> list[Offer]:
    found = [edge["node"] for edge in _edges(_ask(ctx, WORKERS), "workers")]
    for one in found:
        one["words"] = f"{one['task']['key'] if one['task'] else one['name']}, {one['status']}"
        del one["name"]  # a worker is called like its task: many have the same name
    return _offered(found, incomplete)


def item(ctx: typer.Context, incomplete: str) -> list[Offer]:
    found = [edge["node"] for edge in _edges(_ask(ctx, ITEMS), "attention")]
    return _offered([{"id": one["id"], "words": one["title"]} for one in found], incomplete)


def project(ctx: typer.Context, incomplete: str) -> list[Offer]:
    found = [edge["node"] for edge in _edges(_ask(ctx, PROJECTS), "projects")]
    return _offered([{**one, "words": one["root"]} for one in found], incomplete)


def command(ctx: typer.Context, incomplete: str) -> list[Offer]:
    found = [edge["node"] for edge in _edges(_ask(ctx, COMMANDS_DONE), "commands")]
    return _offered(
        [{"id": one["id"], "words": f"{one['verb']} {one['status']}"} for one in found], incomplete
    )


def event_type(incomplete: str) -> list[str]:
    return [kind.value for kind in EventKind if kind.value.startswith(incomplete)]


def verb(incomplete: str) -> list[str]:
    return [one for one in COMMANDS if one.startswith(incomplete)]


# ---------------------------------------------------------------- asking


def _runs(ctx: typer.Context) -> list[dict[str, Any]]:
    found = [edge["node"] for edge in _edges(_ask(ctx, RUNS), "runs")]
    return [{**one, "words": f"{one['name']}, {one['status']}"} for one in found]


def _run_named(ctx: typer.Context) -> str | None:
    named = ctx.params.get("run") or str(ctx.params.get("task") or "").partition("/")[0]
    fits = [one["id"] for one in _runs(ctx) if named in (one["id"], one["name"]) or one["id"].endswith(named)]
    return fits[0] if named and fits else None


def _ask(ctx: typer.Context, document: str, **variables: Any) -> dict[str, Any]:
    """The answer's data, or nothing: whatever goes wrong here, the reader is typing."""
    given = ctx.params
    directory = Path(given["data_dir"]) if given.get("data_dir") else None
    try:
        found = Discovery(
            os.environ, url=given.get("url"), token=given.get("token"), data_dir=directory
        ).locate()
        if found.gone:
            return {}
        data = json.loads(_answer(found, {"query": document, "variables": variables})).get("data")
    except (TracksideError, OSError, ValueError, AttributeError):
        return {}
    return data if isinstance(data, dict) else {}


def _answer(server: Located, request: dict[str, Any]) -> bytes:
    """OSError where there is none."""
    httpx, url = import_module("httpx"), graphql_url(server.url)  # loaded only where there is somebody to ask
    try:
        content: bytes = httpx.post(
            url,
            json=request,
            headers={"authorization": f"Bearer {server.token}"} if server.token else {},
            timeout=TIMEOUT,
            trust_env=not is_loopback(url),
            verify=url.startswith("https:"),  # certificates take time to load
        ).content
    except httpx.HTTPError as error:
        raise OSError(str(error)) from error
    return content


def _edges(data: dict[str, Any], *path: str) -> list[dict[str, Any]]:
    found: Any = data
    for name in path:
        found = (found or {}).get(name)
    edges: list[dict[str, Any]] = (found or {}).get("edges") or []
    return edges


def _offered(things: Iterable[dict[str, Any]], incomplete: str) -> list[Offer]:
    """Whole ids once their prefix is typed, else names and ends of ids. The shell wants words without blanks."""
    known = list(things)
    if "_" in incomplete and any(one["id"].startswith(incomplete) for one in known):
        return [(one["id"], one["words"]) for one in known if one["id"].startswith(incomplete)]
    names = [one.get("name") for one in known]
    offers = []
    for one in known:
        word = one.get("name")
        if not word or names.count(word) > 1 or not word.isprintable() or set(word) & set(" \t'\"\\/:"):
            word = _end(one["id"], [other["id"] for other in known])
        if word.startswith(incomplete):
            offers.append((word, one["words"]))
    return offers


def _end(id: str, others: list[str]) -> str:
    """The shortest end of an id that no other has."""
    for length in range(_SHORTEST_END, len(id)):
        if sum(other.endswith(id[-length:]) for other in others) == 1:
            return id[-length:]
    return id
