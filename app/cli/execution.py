"""One run from its creation to its end: made, followed, told, and stopped when we are asked to end."""

import asyncio
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.cli import references, text
from app.cli.exit_codes import ExitCode
from app.cli.interrupts import Interrupts
from app.cli.owner import KILL, LIVE_WORKERS, STOP, try_to
from app.cli.paging import nodes
from app.cli.run_board import INTERRUPTED, SELECTION, Board, Fact
from app.cli.run_display import Display
from app.client.errors import TracksideError
from app.client.following import Line
from app.client.http import Client, Server
from app.domain.budgets import BudgetState
from app.domain.runs import RunStatus
from app.domain.workers import LIVE

CURSOR = "query { cursor }"
CREATE_RUN = """
mutation ($input: CreateRunInput!) {
  createRun(input: $input) {
    run { id name maxWorkers progress { total completed } phases { key title } }
    userErrors { code message path suggestion }
  }
}
"""
FOLLOW = f"""
subscription ($run: ID!, $after: Cursor!) {{
  events(filter: {{runIds: [$run]}}, after: $after) {{ {SELECTION} }}
}}
"""
STANDING = """
query ($id: ID!) {
  run(id: $id) {
    status statusReason budget { state }
    attention(first: 100) { edges { node { id title options { value } expiresAt } } }
  }
}
"""
LAST_WORDS = """
query ($task: ID!) {
  workers(filter: {taskId: $task}, first: 1) { edges { node { logs(last: 5) { edges { node { text } } } } } }
}
"""
_TICK_SECONDS: Final = 0.2

ENDINGS: Final[dict[str, ExitCode]] = {
    RunStatus.COMPLETED: ExitCode.COMPLETED,
    RunStatus.FAILED: ExitCode.FAILED,
    RunStatus.BLOCKED: ExitCode.BLOCKED,
    RunStatus.WAITING_FOR_INPUT: ExitCode.WAITING,
    RunStatus.CANCELLED: ExitCode.CANCELLED,
    RunStatus.ARCHIVED: ExitCode.COMPLETED,
}
"""Where following a run ends; in BLOCKED and WAITING_FOR_INPUT only if nothing but a person can help."""


class GivenUp(Exception):
    """Asked to end for the third time: nothing is waited for any more."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How it stood when it was no longer followed."""

    status: str
    reason: str | None
    exit_code: ExitCode


@dataclass(frozen=True, slots=True)
class Started:
    """A run that was just made. `cursor` is a position of the log before it, `done` how many of its `tasks` the plan says are."""

    id: str
    name: str
    cursor: str
    tasks: int
    done: int
    phases: dict[str, str]


async def start(client: Client, root: Path, input: dict[str, Any]) -> Started:
    """Make the run that `input` describes, in the project of this directory."""
    project = await references.project_at(client, root)
    cursor = (await client.query(CURSOR))["cursor"]
    run = (await client.mutate(CREATE_RUN, {**input, "projectId": project, "start": True}))["run"]
    phases = {phase["key"]: phase["title"] for phase in run["phases"]}
    progress = run["progress"]
    return Started(run["id"], run["name"], cursor, progress["total"], progress["completed"], phases)


@dataclass(slots=True)
class Execution:
    """`follow` returns when the run has ended, or can go on only by what `wait` says not to wait for."""

    client: Client
    server: Server
    run: Started
    board: Board
    display: Display
    interrupts: Interrupts
    wait: bool = False

    async def follow(self) -> Ending:
        following = asyncio.create_task(self._until_it_ends())
        others = [asyncio.create_task(self._stop_when_asked()), asyncio.create_task(self._keep_showing())]
        try:
            done, _ = await asyncio.wait({following, *others}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {following}:
                await task  # they end by failing only
            return await following
        finally:
            for task in (following, *others):
                task.cancel()
            await asyncio.gather(following, *others, return_exceptions=True)

    async def _until_it_ends(self) -> Ending:
        line = Line(self.server, lost=lambda words: self._say(f"Connection lost ({words}); trying again."))
        stream = line.follow(
            FOLLOW,
            {"run": self.run.id},
            after=self.run.cursor,
            cursor=lambda data: str(data["events"]["cursor"]),
        )
        async with aclosing(stream):
            async for data in stream:
                event = data["events"]
                for fact in self.board.tell(event):
                    self.display.tell(fact, await self._last_words(fact))
                if event["type"] in ("RunStatusChanged", "AttentionClosed"):
                    ending = await self._ending()
                    if ending is not None:
                        return ending
        raise AssertionError("an endless subscription has ended")

    async def _ending(self) -> Ending | None:
        """How it stands, if that is the end. The event may be overtaken, so it is looked at anew."""
        if self.board.status not in ENDINGS and self.board.status != RunStatus.PAUSED:
            return None
        run = (await self.client.query(STANDING, {"id": self.run.id}))["run"]
        status = run["status"]
        code = ExitCode.WAITING if _is_out_of_money(run) else ENDINGS.get(status)
        if code is None or (code is ExitCode.WAITING and (self.wait or _will_be_answered(run))):
            return None
        if status == RunStatus.CANCELLED and self.interrupts.count:
            code = self.interrupts.exit_code
        return Ending(status, run["statusReason"], code)

    async def _last_words(self, fact: Fact) -> list[str]:
        if fact.failed is None:
            return []
        with suppress(TracksideError):
            found = await self.client.query(LAST_WORDS, {"task": fact.failed})
            return [
                line["node"]["text"]
                for worker in found["workers"]["edges"]
                for line in worker["node"]["logs"]["edges"]
            ]
        return []

    async def _stop_when_asked(self) -> None:
        """Once: stop the run. Twice: kill its workers at once. Three times: wait for nothing."""
        count = await self.interrupts.beyond(0)
        self._say("Stopping the run. Ctrl-C again kills its workers at once.")
        await try_to(self.client, STOP, {"runId": self.run.id, "mode": "NOW", "reason": INTERRUPTED})
        if count < 2:
            count = await self.interrupts.beyond(1)
        self._say("Killing its workers.")
        statuses = [status.value for status in sorted(LIVE)]
        for worker in await nodes(self.client, LIVE_WORKERS, "workers", run=self.run.id, statuses=statuses):
            await try_to(
                self.client, KILL, {"workerId": worker["id"], "graceSeconds": 0, "reason": INTERRUPTED}
            )
        if count < 3:
            await self.interrupts.beyond(2)
        raise GivenUp

    async def _keep_showing(self) -> None:
        while True:
            self.display.tick(self.board, text.now())
            await asyncio.sleep(_TICK_SECONDS)

    def _say(self, words: str) -> None:
        self.display.tell(Fact(words, "yellow"))


def _is_out_of_money(run: dict[str, Any]) -> bool:
    """Paused until its budget is raised. What a person has paused, he will resume."""
    used_up = run["budget"] is not None and run["budget"]["state"] == BudgetState.USED_UP
    return bool(used_up and run["status"] == RunStatus.PAUSED)


def _will_be_answered(run: dict[str, Any]) -> bool:
    return any(edge["node"]["expiresAt"] is not None for edge in run["attention"]["edges"])
