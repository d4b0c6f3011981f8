"""The runner's line to the control plane: kept open, or opened again, for as long as there is something to say."""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from app.client.socket import CannotConnect, ConnectionLost, Encoded, GraphQLFailure, GraphQLSocket
from app.runner import orders as protocol
from app.runner.launches import Launch
from app.runner.orders import Orders
from app.runner.outbox import Outbox
from app.runner.reports import encode

log = logging.getLogger(__name__)

FIRST_DELAY, LONGEST_DELAY = 0.05, 2.0
STEADY_SECONDS = 5.0  # a connection that lasted this long was a good one
ANSWER_SECONDS = 30.0
REFUSED_PATIENCE = (
    60.0  # a server that starts may not know its tokens yet; one that says no for a minute means it
)
_FENCED = {"STALE_FENCE", "NOT_FOUND"}
_REFUSED = {"UNAUTHENTICATED", "FORBIDDEN"}
_REFUSED_CLOSES = {4401, 4403}
_TRY_AGAIN = {"UNAVAILABLE", "LIMIT_EXCEEDED"}


class Fenced(Exception):
    """The server has given this worker's place to another, or to nobody."""


class _Restart(Exception):
    """The connection is of no more use; the next one may be."""


class Control:
    """`orders` is the newest word, `fenced` the last one; `stir` is called whenever either changes.

    `ahead` when the server has reports of this worker that the journal knows nothing of.
    """

    def __init__(self, launch: Launch, outbox: Outbox, *, stir: Callable[[], None]) -> None:
        self._launch = launch
        self._outbox = outbox
        self._stir = stir
        self._refused_since: float | None = None
        self._complaint = ""
        self.orders: Orders | None = None
        self.ahead = False
        self.fenced: str | None = None
        self.answered = asyncio.get_running_loop().time()

    async def run(self) -> None:
        """Until fenced or cancelled."""
        clock = asyncio.get_running_loop().time
        delay = FIRST_DELAY
        while self.fenced is None:
            began = clock()
            try:
                await self._session()
            except* Exception as group:
                self._judge(group)
            if self.fenced is None:
                delay = FIRST_DELAY if clock() - began > STEADY_SECONDS else delay
                await asyncio.sleep(delay * random.uniform(0.5, 1.0))
                delay = min(delay * 2, LONGEST_DELAY)

    async def _session(self) -> None:
        try:
            address = self._launch.address()
        except (OSError, ValueError) as error:
            raise CannotConnect(None, str(error)) from error
        async with (
            await GraphQLSocket.open(address, token=self._launch.token) as socket,
            asyncio.TaskGroup() as tasks,
        ):
            synchronised = asyncio.Event()
            tasks.create_task(self._follow(socket, synchronised))
            tasks.create_task(self._deliver(socket, synchronised))
            tasks.create_task(self._beat(socket, synchronised))

    async def _follow(self, socket: GraphQLSocket, synchronised: asyncio.Event) -> None:
        variables = {"workerId": self._launch.worker_id, "fence": self._launch.fence}
        async with aclosing(socket.subscribe(protocol.WORKER_ORDERS, variables)) as stream:
            async for data in stream:
                orders = protocol.from_json(data["workerOrders"])
                self._heard()
                if not synchronised.is_set():
                    self.ahead = self.ahead or orders.accepted_reports > self._outbox.last
                    self._outbox.synchronise(orders.accepted_reports)
                    synchronised.set()
                self._outbox.accepted(orders.accepted_reports)
                self.orders = orders
                self._stir()
        raise _Restart("the server ended the subscription")

    async def _deliver(self, socket: GraphQLSocket, synchronised: asyncio.Event) -> None:
        await synchronised.wait()  # it says where to go on
        while True:
            await self._outbox.ready.wait()
            batch = self._outbox.batch()
            reports = ",".join(report.encoded for report in batch)
            answer = await socket.execute(
                protocol.REPORT_WORKER, self._input(f',"reports":[{reports}]'), timeout=ANSWER_SECONDS
            )
            payload = answer["reportWorker"]
            self._heard()
            if refusal := self._refusal(payload):
                if not self._outbox.refused(batch, refusal):
                    raise _Restart(f"report {batch[0].n} was refused: {refusal}")
                continue
            self._outbox.accepted(payload["acceptedReports"])
            if payload["acceptedReports"] < batch[0].n:
                raise _Restart(f"report {batch[0].n} was neither taken nor refused")

    async def _beat(self, socket: GraphQLSocket, synchronised: asyncio.Event) -> None:
        await synchronised.wait()
        while True:
            assignment = self.orders.assignment if self.orders else None
            await asyncio.sleep(assignment.heartbeat_seconds if assignment else LONGEST_DELAY)
            answer = await socket.execute(protocol.BEAT_WORKER, self._input(), timeout=ANSWER_SECONDS)
            self._heard()
            self._refusal(answer["beatWorker"])

    def _input(self, more: str = "") -> Encoded:
        worker, fence = encode(self._launch.worker_id), self._launch.fence
        return Encoded(f'{{"input":{{"workerId":{worker},"fence":{fence}{more}}}}}')

    def _refusal(self, payload: Any) -> str | None:
        """Why the server will never take what it was sent."""
        for error in payload["userErrors"] or ():
            if error["code"] in _FENCED:
                raise Fenced(error["message"])
            if error["code"] in _TRY_AGAIN:
                raise _Restart(error["message"])
            return str(error["message"])
        return None

    def _heard(self) -> None:
        self.answered = asyncio.get_running_loop().time()
        self._refused_since = None

    def _judge(self, group: BaseExceptionGroup[Exception]) -> None:
        """Lost connections are daily bread; a refusal is believed when it lasts; the rest is worth a line in the log."""
        for error in _leaves(group):
            if isinstance(error, Fenced) or (isinstance(error, GraphQLFailure) and error.code in _FENCED):
                self._fence(str(error))
            elif _is_refusal(error):
                self._refuse(str(error))
            elif not isinstance(error, ConnectionLost | TimeoutError):
                self._complain(error)

    def _complain(self, error: Exception) -> None:
        if str(error) != self._complaint:  # once, not at every try
            self._complaint = str(error)
            expected = isinstance(error, _Restart | GraphQLFailure)
            log.warning("the connection failed: %s", error, exc_info=None if expected else error)

    def _refuse(self, words: str) -> None:
        now = asyncio.get_running_loop().time()
        self._refused_since = self._refused_since if self._refused_since is not None else now
        if now - self._refused_since >= REFUSED_PATIENCE:
            self._fence(words)

    def _fence(self, words: str) -> None:
        log.info("fenced: %s", words)
        self.fenced = words
        self._stir()


def _is_refusal(error: Exception) -> bool:
    if isinstance(error, ConnectionLost):
        return error.code in _REFUSED_CLOSES
    return isinstance(error, GraphQLFailure) and error.code in _REFUSED


def _leaves(group: BaseExceptionGroup[Exception]) -> list[Exception]:
    found: list[Exception] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
