"""A real server as a process of its own, and a client that speaks only HTTP and WebSocket."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from app.client.socket import GraphQLSocket

TOKEN = "token-of-the-tests"
ROOT = Path(__file__).parents[2]
READY = "trackside: serving "


class Served:
    """`trackside serve` on a free port of the loopback, with a data directory of its own."""

    def __init__(
        self, data_dir: Path, *, env: dict[str, str] | None = None, args: tuple[str, ...] = ()
    ) -> None:
        self.data_dir = data_dir
        self._env = env or {}
        self._args = args
        self.process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self.url = ""
        self.module: tuple[str, ...] = ("app",)

    def start(self, *, port: int = 0) -> None:
        """Start it and wait until it says that it serves."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("TRACKSIDE_")}
        env |= {"TRACKSIDE_TOKEN": TOKEN, **self._env}
        log = (self.data_dir.parent / "server.log").open("a")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", *self.module, "serve", "--port", str(port)),
                *("--data-dir", str(self.data_dir), *self._args),
            ],
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        log.close()
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(READY):
                self.url = line.removeprefix(READY).strip()
                self._reader = threading.Thread(target=self.process.stdout.read, daemon=True)
                self._reader.start()
                return
        raise AssertionError(f"the server ended with {self.process.wait()}:\n{self.log()}")

    def log(self) -> str:
        return (self.data_dir.parent / "server.log").read_text()

    def kill(self) -> None:
        """What a crash does."""
        assert self.process is not None
        self.process.kill()
        self._ended()

    def stop(self) -> int:
        """SIGTERM, and its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self._ended()

    def _ended(self) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        status = self.process.wait(timeout=30)
        if self._reader is not None:
            self._reader.join()
        self.process.stdout.close()
        return status


class Client:
    """What any program can do: POST a query, follow a subscription."""

    def __init__(self, url: str, token: str = TOKEN) -> None:
        self.url = url
        self.token = token
        self._http = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
        )

    async def query(self, document: str, **variables: Any) -> dict[str, Any]:
        answer = (await self._http.post("/graphql", json={"query": document, "variables": variables})).json()
        assert "errors" not in answer, json.dumps(answer["errors"], indent=1)
        data: dict[str, Any] = answer["data"]
        return data

    async def attempt(self, mutation: str, answer: str, /, **input: Any) -> dict[str, Any]:
        """One mutation with its payload, refusals included."""
        name = mutation[0].upper() + mutation[1:]
        kind = {
            "StartRun": "RunVerb",
            "ResumeRun": "RunVerb",
            "CheckCompletion": "RunVerb",
            "PauseWorker": "WorkerVerb",
            "ResumeWorker": "WorkerVerb",
            "BlockTask": "TaskReason",
            "UnblockTask": "TaskReason",
            "PausePipeline": "Pipeline",
            "ResumePipeline": "Pipeline",
        }.get(name, name)
        document = (
            f"mutation($input: {kind}Input!) {{ {mutation}(input: $input) {{ {answer} "
            "userErrors { __typename code message path suggestion "
            "... on DagCycleError { cycle } ... on VersionConflict { expected actual currentPhase } } } }"
        )
        payload: dict[str, Any] = (await self.query(document, input=input))[mutation]
        return payload

    async def do(self, mutation: str, answer: str, /, **input: Any) -> dict[str, Any]:
        """One mutation that must not be refused."""
        payload = await self.attempt(mutation, answer, **input)
        assert payload["userErrors"] == []
        return payload

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[GraphQLSocket]:
        async with await GraphQLSocket.open(self.url, token=self.token) as socket:
            yield socket

    async def close(self) -> None:
        await self._http.aclose()
