"""A stand-in for the control plane: the three operations of the runner protocol, on a real socket."""

import asyncio
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

TOKEN = "the-runner-token"


@dataclass
class Worker:
    """What the server knows of one worker, and every report it took, in the order it took them."""

    id: str
    argv: list[str]
    cwd: str
    fence: int = 1
    env: dict[str, str] = field(default_factory=dict)
    prompt: str = "Do it."
    runtime: str = "command"
    model: str | None = None
    mode: str | None = None
    session: str | None = None
    session_cost: str = "0"
    problem: str | None = None
    timeout_seconds: float | None = None
    heartbeat_seconds: float = 30.0
    desired: str = "RUN"
    grace_seconds: float = 0.0
    waiting: bool = False
    inbox: list[dict[str, str]] = field(default_factory=list)
    answers: dict[str, str | None] = field(default_factory=dict)
    revision: int = 1
    accepted: int = 0
    reports: list[dict[str, Any]] = field(default_factory=list)
    repeats: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    beats: int = 0
    subscriptions: int = 0
    refuses: Callable[[dict[str, Any]], str | None] = lambda report: None
    ended_with: str | None = None
    reports_fenced: bool = False  # in answers to reports only: the subscription is not told
    keeps_inbox: bool = False  # slow to take note of what was delivered
    needless: int = 0  # reports sent although the orders of that very connection said they had arrived
    largest_batch: tuple[int, int] = (0, 0)

    def take(self, report: dict[str, Any]) -> None:
        if report["n"] <= self.accepted:
            self.repeats += 1
            return
        if report["n"] != self.accepted + 1:
            self.gaps.append((self.accepted, report["n"]))
            return
        self.accepted = report["n"]
        self.reports.append(report)
        if "delivered" in report and not self.keeps_inbox:
            self.inbox = [item for item in self.inbox if item["id"] not in report["delivered"]]

    def orders(self) -> dict[str, Any]:
        return {
            "revision": self.revision,
            "acceptedReports": self.accepted,
            "desired": self.desired,
            "graceSeconds": self.grace_seconds,
            "waiting": self.waiting,
            "assignment": {
                "runtime": self.runtime,
                "model": self.model,
                "mode": self.mode,
                "session": self.session,
                "sessionCostUsd": self.session_cost,
                "problem": self.problem,
                "argv": self.argv,
                "cwd": self.cwd,
                "env": [{"name": name, "value": value} for name, value in self.env.items()],
                "prompt": self.prompt,
                "timeoutSeconds": self.timeout_seconds,
                "heartbeatSeconds": self.heartbeat_seconds,
            },
            "inbox": self.inbox,
            "answers": [{"request": one, "answer": answer} for one, answer in self.answers.items()],
        }

    def facts(self, kind: str) -> list[Any]:
        return [report[kind] for report in self.reports if kind in report]

    @property
    def kinds(self) -> list[str]:
        """What was reported, log lines left out."""
        kinds = [next(key for key in report if key not in ("n", "at")) for report in self.reports]
        return [kind for kind in kinds if kind != "lines"]

    def log(self, *streams: str) -> list[str]:
        wanted = streams or ("STDOUT",)
        return [line["text"] for lines in self.facts("lines") for line in lines if line["stream"] in wanted]

    @property
    def exited(self) -> dict[str, Any] | None:
        found = self.facts("exited")
        assert len(found) <= 1, found
        return found[0] if found else None


class ControlPlane:
    """May be killed (every socket torn, nothing said) and started again on another port."""

    def __init__(self, directory: Path) -> None:
        self.server_file = directory / "server.json"
        self.workers: dict[str, Worker] = {}
        self.token = TOKEN
        self.connections: set[ServerConnection] = set()
        self.refused = 0
        self.mute = False  # takes what it is sent, and is gone before it can answer
        self._told: dict[ServerConnection, int] = {}
        self._server: Server | None = None
        self._changed = asyncio.Event()

    def add(self, worker: Worker) -> Worker:
        self.workers[worker.id] = worker
        return worker

    async def start(self) -> None:
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            0,
            subprotocols=["graphql-transport-ws"],
            compression=None,
            max_size=1 << 20,
        )
        port = next(iter(self._server.sockets)).getsockname()[1]
        fresh = self.server_file.with_suffix(".new")
        fresh.write_text(json.dumps({"url": f"http://127.0.0.1:{port}", "pid": 0}))
        fresh.replace(self.server_file)

    async def kill(self) -> None:
        """As kill -9 would: no close frame, no answer to what was sent."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close(close_connections=False)
        for connection in self.connections:
            connection.transport.abort()
        await server.wait_closed()

    def order(self, worker: Worker, **changes: Any) -> None:
        for name, value in changes.items():
            setattr(worker, name, value)
        worker.revision += 1
        self.touch()

    def touch(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, condition: Callable[[], Any], seconds: float = 15.0) -> None:
        """Wakes with every report; no polling."""
        async with asyncio.timeout(seconds):
            while not condition():
                await self._changed.wait()

    async def ended(self, worker: Worker, seconds: float = 15.0) -> dict[str, Any]:
        await self.until(lambda: worker.exited is not None, seconds)
        assert worker.exited is not None
        assert worker.gaps == []
        assert worker.needless == 0
        return worker.exited

    async def _serve(self, connection: ServerConnection) -> None:
        self.connections.add(connection)
        tasks: dict[str, asyncio.Task[None]] = {}
        try:
            hello = json.loads(await connection.recv())
            if hello.get("payload", {}).get("token") != self.token:
                self.refused += 1
                await connection.close(4403, "Forbidden")
                return
            await connection.send('{"type":"connection_ack"}')
            async for text in connection:
                message = json.loads(text)
                if message["type"] == "subscribe":
                    operation = self._operation(connection, message["id"], message["payload"])
                    tasks[message["id"]] = asyncio.create_task(operation)
                elif message["type"] == "complete" and message["id"] in tasks:
                    tasks[message["id"]].cancel()
        except ConnectionClosed:
            pass
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
            self.connections.discard(connection)
            self._told.pop(connection, None)
            self.touch()

    async def _operation(self, connection: ServerConnection, id: str, payload: dict[str, Any]) -> None:
        query, variables = payload["query"], payload["variables"]
        with suppress(ConnectionClosed):
            if "subscription workerOrders" in query:
                await self._orders(connection, id, variables)
            else:
                name = "reportWorker" if "mutation reportWorker" in query else "beatWorker"
                data = {name: self._mutate(connection, name, variables["input"])}
                if self.mute:
                    return
                await connection.send(json.dumps({"id": id, "type": "next", "payload": {"data": data}}))
                await connection.send(json.dumps({"id": id, "type": "complete"}))

    async def _orders(self, connection: ServerConnection, id: str, variables: dict[str, Any]) -> None:
        worker = self.workers.get(variables["workerId"])
        if worker is not None:
            worker.subscriptions += 1
        told = None
        while True:
            code = self._fenced(worker, variables["fence"])
            if code is not None or worker is None:
                error = {"message": "no longer yours", "extensions": {"code": code}}
                await connection.send(json.dumps({"id": id, "type": "error", "payload": [error]}))
                return
            changed = self._changed
            if told != worker.revision:
                told = worker.revision
                self._told[connection] = worker.accepted
                data = {"workerOrders": worker.orders()}
                await connection.send(json.dumps({"id": id, "type": "next", "payload": {"data": data}}))
            await changed.wait()

    def _mutate(self, connection: ServerConnection, name: str, given: dict[str, Any]) -> dict[str, Any]:
        worker = self.workers.get(given["workerId"])
        code = self._fenced(worker, given["fence"])
        if worker is not None and worker.reports_fenced and name == "reportWorker":
            code = "STALE_FENCE"
        if code is not None or worker is None:
            return {"acceptedReports": None, "userErrors": [{"code": code, "message": "no longer yours"}]}
        errors: list[dict[str, str]] = []
        if name == "beatWorker":
            worker.beats += 1
        else:
            known = self._told[connection]
            worker.needless += sum(report["n"] <= known for report in given["reports"])
            errors = self._take(worker, given["reports"])
        self.touch()
        return {"acceptedReports": None if errors else worker.accepted, "userErrors": errors}

    def _take(self, worker: Worker, reports: list[dict[str, Any]]) -> list[dict[str, str]]:
        lines = sum(len(report.get("lines", ())) for report in reports)
        size = len(json.dumps(reports, ensure_ascii=False, separators=(",", ":")).encode())
        worker.largest_batch = max(worker.largest_batch[0], lines), max(worker.largest_batch[1], size)
        for report in reports:
            if refusal := worker.refuses(report):
                return [{"code": "INVALID_INPUT", "message": refusal}]
        for report in reports:
            worker.take(report)
        return []

    @staticmethod
    def _fenced(worker: Worker | None, fence: int) -> str | None:
        if worker is None:
            return "NOT_FOUND"
        return worker.ended_with or ("STALE_FENCE" if fence != worker.fence else None)


def text_of(lines: Iterable[str]) -> str:
    return "\n".join(lines)
