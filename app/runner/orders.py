"""What the server wants of a worker, as one value: the newest says all, older ones need not have been read."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from app.agents.assignments import Assignment, ContextItem

WORKER_ORDERS = """\
subscription workerOrders($workerId: ID!, $fence: Int!) { workerOrders(workerId: $workerId, fence: $fence) { \
revision acceptedReports desired graceSeconds waiting \
assignment { runtime argv model mode session sessionCostUsd problem cwd env { name value } prompt timeoutSeconds heartbeatSeconds } \
inbox { id name content } answers { request answer } } }"""

REPORT_WORKER = """\
mutation reportWorker($input: ReportWorkerInput!) { reportWorker(input: $input) { \
acceptedReports userErrors { code message } } }"""

BEAT_WORKER = """\
mutation beatWorker($input: BeatWorkerInput!) { beatWorker(input: $input) { userErrors { code message } } }"""


class Desired(StrEnum):
    RUN = "RUN"
    PAUSE = "PAUSE"
    STOP = "STOP"


@dataclass(frozen=True, slots=True)
class Orders:
    revision: int
    accepted_reports: int
    desired: Desired
    grace_seconds: float
    waiting: bool
    assignment: Assignment | None
    inbox: tuple[ContextItem, ...]
    answers: tuple[tuple[str, str | None], ...]


def from_json(data: Any) -> Orders:
    """KeyError, TypeError or ValueError when the server speaks another protocol."""
    given = data["assignment"]
    return Orders(
        revision=int(data["revision"]),
        accepted_reports=int(data["acceptedReports"]),
        desired=Desired(data["desired"]),
        grace_seconds=float(data["graceSeconds"]),
        waiting=bool(data["waiting"]),
        assignment=_assignment(given) if given is not None else None,
        inbox=tuple(ContextItem(item["id"], item["name"], item["content"]) for item in data["inbox"] or ()),
        answers=tuple((one["request"], one["answer"]) for one in data["answers"] or ()),
    )


def _assignment(given: Any) -> Assignment:
    timeout = given["timeoutSeconds"]
    return Assignment(
        runtime=given["runtime"],
        argv=tuple(map(str, given["argv"])),
        cwd=str(given["cwd"]),
        env={pair["name"]: pair["value"] for pair in given["env"] or ()},
        prompt=given["prompt"] or "",
        timeout_seconds=float(timeout) if timeout is not None else None,
        heartbeat_seconds=float(given["heartbeatSeconds"]),
        model=given["model"],
        mode=given["mode"],
        session=given["session"],
        session_cost=Decimal(given["sessionCostUsd"]),
        problem=given["problem"],
    )
