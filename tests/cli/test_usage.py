"""Tokens and money, as people and programs see them."""

import asyncio
from pathlib import Path

import pytest

from app.cli.amounts import spent
from app.domain.usage import Amounts
from app.store import runs, usage, workers
from app.store.db import Database, Tx
from tests.cli.program import Trackside, task, write_plan
from tests.e2e.served import Served


def use(server: Served, worker_id: str, model: str, amounts: Amounts) -> None:
    """Past the server, because no kind of agent tells it of anything yet."""

    def write(tx: Tx) -> None:
        worker = workers.get(tx, worker_id)
        worker.model = model
        usage.add(tx, runs.lock(tx, worker.run_id), worker, model, tx.now, amounts, models=9)

    db = Database(f"sqlite:///{server.data_dir / 'trackside.db'}")
    try:
        asyncio.run(db.write(write))
    finally:
        db.close()


@pytest.fixture
def spender(trackside: Trackside, server: Served, project: Path) -> tuple[str, str]:
    """A run of one task and its worker, which has used two models."""
    name = f"Spender {project.parent.name}"
    plan = write_plan(project, name, task("a", "true"))
    assert trackside("run", plan, "--url", server.url).status == 0
    (worker,) = trackside("workers", "list", "--run", name, "--output", "json").json
    use(server, worker["id"], "m-1", Amounts(1000, 200, 3000, 0, cost=125_000_000))
    use(server, worker["id"], "m-2", Amounts(5, 6, 0, 8, cost=10_000_000_000))
    return name, worker["id"]


def test_what_was_used_is_told_by_what_one_likes(
    trackside: Trackside, spender: tuple[str, str], project: Path
) -> None:
    name, worker = spender
    head, first, second = trackside("usage", "--by", "model", "--run", name).lines
    assert head.split() == ["INPUT", "OUTPUT", "CACHE", "READ", "CACHE", "WRITE", "USD", "MODEL"]
    assert first.split() == ["5", "6", "0", "8", "1", "m-2"]
    assert second.split() == ["1,000", "200", "3,000", "0", "0.0125", "m-1"]
    assert len(trackside("usage", "--by", "model", "--run", name, "-n", "1").lines) == 2

    (bucket,) = trackside("usage", "--by", "worker", "--worker", worker, "--output", "json").json
    assert (bucket["key"], bucket["usage"]["costUsd"], bucket["start"]) == (worker, "1.0125", None)
    (line,) = trackside("usage", "--by", "task", "--task", f"{name}/a", "--project", str(project)).lines[1:]
    assert line.split()[:5] == ["1,005", "206", "3,000", "8", "1.0125"]
    (line,) = trackside("usage", "--run", name, "--since", "1h").lines[1:]
    assert line.split()[4:7] == ["1.0125", *name.split()]
    (head, line) = trackside("usage", "--by", "run", "--each", "hour", "--run", name).lines
    assert head.split()[0] == "BEGAN"
    assert line.split()[1].endswith(":00")
    nothing = trackside("usage", "--run", name, "--until", "2020-01-01")
    assert nothing.out == "Nothing was used that anybody told of.\n"
    assert trackside("usage", "--by", "mood").status == 2


def test_runs_and_workers_say_what_they_used(trackside: Trackside, spender: tuple[str, str]) -> None:
    name, worker = spender
    words = "4,013 tokens in, 3,000 of them from a cache, 206 out, $1.0125"
    shown = trackside("workers", "show", worker)
    assert words in shown.out
    assert "m-2" in shown.out
    assert f"  used {words}" in trackside("runs", "show", name).lines
    assert trackside("runs", "show", name, "--output", "json").json["usage"]["costUsd"] == "1.0125"
    dearest = trackside("runs", "list", "--sort", "cost", "--search", name, "--output", "json").json
    assert [run["name"] for run in dearest] == [name]


def test_words_for_what_was_used() -> None:
    nothing = dict.fromkeys(("inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens"), 0)
    assert spent(None) == ""
    assert spent({**nothing, "inputTokens": 1200, "costUsd": "0"}) == "1,200 tokens in, 0 out"
