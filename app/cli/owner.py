"""The other end of an owner's pipe: when the owner is gone, however it went, its server ends what it runs, and itself."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from app.cli.own_server import OWNER_PIPE
from app.cli.paging import nodes
from app.client.discovery import Discovery
from app.client.errors import Refused, TracksideError
from app.client.http import Client
from app.domain.runs import ENDED, RunStatus
from app.domain.workers import LIVE

log = logging.getLogger(__name__)

OPEN_RUNS = """
query ($statuses: [RunStatus!], $first: Int!, $after: String) {
  runs(filter: {statuses: $statuses}, first: $first, after: $after) {
    edges { node { id } } pageInfo { hasNextPage endCursor }
  }
}
"""
STOP = """
mutation ($input: StopRunInput!) { stopRun(input: $input) { userErrors { code message path suggestion } } }
"""
LIVE_WORKERS = """
query ($run: ID, $statuses: [WorkerStatus!], $first: Int!, $after: String) {
  workers(filter: {runId: $run, statuses: $statuses}, first: $first, after: $after) {
    edges { node { id } } pageInfo { hasNextPage endCursor }
  }
}
"""
KILL = """
mutation ($input: KillWorkerInput!) { killWorker(input: $input) { userErrors { code message path suggestion } } }
"""
REASON: Final = "Its owner is gone."
_PATIENCE: Final = 15.0
_LOOK_SECONDS: Final = 0.1


def watch(environment: Mapping[str, str], data_dir: Path) -> bool:
    """Called by `serve`: does nothing, and says so, unless the environment says that the server has an owner."""
    if environment.get(OWNER_PIPE) != "1":
        return False
    threading.Thread(target=_watch, args=(environment, data_dir), name="owner", daemon=True).start()
    return True


def _watch(environment: Mapping[str, str], data_dir: Path) -> None:
    while True:
        try:
            if not os.read(0, 4096):
                break
        except OSError:
            break
    try:
        asyncio.run(_end_everything(Discovery({"HOME": environment.get("HOME", "/")}, data_dir=data_dir)))
    except (TracksideError, TimeoutError) as error:
        log.warning("the owner is gone, and not everything could be ended: %s", error)
    os.kill(os.getpid(), signal.SIGTERM)


async def _end_everything(server: Discovery) -> None:
    async with Client(server) as client, asyncio.timeout(_PATIENCE):
        statuses = [status.value for status in RunStatus if status not in ENDED]
        for run in await nodes(client, OPEN_RUNS, "runs", statuses=statuses):
            await try_to(client, STOP, {"runId": run["id"], "mode": "NOW", "reason": REASON})
        await end_workers(client, reason=REASON, grace=2)


async def end_workers(client: Client, *, reason: str, grace: int | None, run: str | None = None) -> None:
    """Kill every live worker, of one run or of all, and return when none is left."""
    asked: set[str] = set()
    while workers := await nodes(
        client, LIVE_WORKERS, "workers", run=run, statuses=[status.value for status in sorted(LIVE)]
    ):
        for worker in workers:
            if worker["id"] not in asked:
                asked.add(worker["id"])
                await try_to(
                    client, KILL, {"workerId": worker["id"], "graceSeconds": grace, "reason": reason}
                )
        await asyncio.sleep(_LOOK_SECONDS)


async def try_to(client: Client, document: str, input: dict[str, Any]) -> None:
    """What is refused here has been done already, or is over."""
    try:
        await client.mutate(document, input)
    except Refused as error:
        log.debug("%s: %s", error.code, error.message)
