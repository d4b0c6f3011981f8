"""The whole application in this process, on a real socket, with nobody at work behind it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from app.client.socket import GraphQLSocket
from app.main import Application
from app.settings import Settings
from app.transport.server import Server, configuration

TOKEN = "token-of-the-tests"

PLAN = (
    "title: A plan\ntasks:\n  - {key: one, title: Do it}\n  - {key: two, title: Do more, dependsOn: [one]}\n"
)
CREATE_RUN = (
    "mutation($project: ID!, $plan: String!, $key: String) { createRun(input: {projectId: $project, start: true, "
    "plan: {text: {format: TRACKSIDE, content: $plan}}, idempotencyKey: $key}) { run { id } userErrors { code } } }"
)

Numbers = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@dataclass
class Served:
    application: Application
    url: str
    client: httpx.AsyncClient

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        answer = await self.client.post("/graphql", json={"query": document, "variables": variables})
        found: dict[str, Any] = answer.json()
        return found

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[GraphQLSocket]:
        async with await GraphQLSocket.open(self.url, token=TOKEN) as socket:
            yield socket

    async def numbers(self) -> Numbers:
        answer = await self.client.get("/metrics")
        assert answer.status_code == 200, answer.text
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }


def number(numbers: Numbers, name: str, **labels: str) -> float | None:
    return numbers.get((f"trackside_{name}", tuple(sorted(labels.items()))))


async def a_project(served: Served, root: Path) -> str:
    document = (
        'mutation($root: String!) { createProject(input: {name: "p", root: $root}) { project { id } } }'
    )
    created = await served.ask(document, root=str(root))
    project: str = created["data"]["createProject"]["project"]["id"]
    return project


@asynccontextmanager
async def serving(data_dir: Path, **settings: Any) -> AsyncIterator[Served]:
    application = Application(Settings(data_dir=data_dir, token=TOKEN, port=0, drain_seconds=1, **settings))
    ready = asyncio.Event()

    async def listening() -> None:
        ready.set()

    async with application.running():
        assert application.asgi is not None
        config = configuration(application.asgi)
        config.port = 0
        server = Server(config, listening=listening, leaving=application.drain)
        task = asyncio.create_task(server.serve())
        async with asyncio.timeout(10):
            await ready.wait()
        port = server.servers[0].sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        headers = {"authorization": f"Bearer {TOKEN}", "accept": "application/graphql-response+json"}
        try:
            async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
                yield Served(application, url, client)
        finally:
            server.should_exit = True
            async with asyncio.timeout(20):
                await task
