"""What `runs show --verbose` adds: who looks after a run, how it is set, its gates, what is owed, its workers."""

from collections.abc import Mapping
from typing import Any, Final

from app.cli import text
from app.cli.paging import nodes
from app.cli.run_views import Node
from app.cli.session import Session
from app.cli.wording import told
from app.domain.deliverables import DeliverableStatus
from app.domain.phases import TaskRequirement
from app.domain.workers import LIVE

DETAILS = """
query ($id: ID!) {
  run(id: $id) {
    phaseGuard autoAdvance autoComplete
    supervisor {
      id state isAgent alive currentActivity progress restarts lastHeartbeatAt savedAt
      pendingTasks { id key }
    }
    phases {
      key startedAt completedAt progress { total completed failed running pending cancelled percent }
      deliverables { key evidence reason changedBy changedAt }
    }
  }
}
"""
WORKERS = """
query ($id: ID!, $first: Int!, $after: String) {
  run(id: $id) {
    workers(first: $first, after: $after) {
      edges { node {
        id name status statusReason pid exitCode attempt startedAt endedAt lastHeartbeatAt currentActivity progress
        task { key } host { id name }
      } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
_SHOWN: Final = 20
_NEWEST: Final = 100
_MARKS: Final = {
    DeliverableStatus.PENDING: "○",
    DeliverableStatus.COMPLETED: "✓",
    DeliverableStatus.WAIVED: "-",
}


async def add(session: Session, run: dict[str, Any]) -> None:
    """Everything else that is known of the run, put beside what is there: its newest workers among it."""
    found = (await session.client.query(DETAILS, {"id": run["id"]}))["run"]
    by_key = {phase["key"]: phase for phase in found.pop("phases")}
    run.update(found)
    for phase in run["phases"]:
        if (more := by_key.get(phase["key"])) is None:
            continue  # it has come in between
        owed = {one["key"]: one for one in more.pop("deliverables")}
        phase.update(more)
        phase["deliverables"] = [{**one, **owed.get(one["key"], {})} for one in phase["deliverables"]]
    run["workers"] = await nodes(session.client, WORKERS, "run", "workers", most=_NEWEST, id=run["id"])


def facts(run: Node) -> list[tuple[str, str]]:
    return [
        ("supervisor", _supervisor(run) if run["supervisor"] else "none"),
        ("active", text.ago(run["lastActivityAt"], text.now())),
        ("settings", settings(run)),
        ("may be asked", ", ".join(run["allowedActions"]) or "nothing"),
        ("plan", _plan(run["plan"]) if run["plan"] else "a list of tasks"),
        *[("worker", _worker(one)) for one in _live(run)[:_SHOWN]],
        ("workers", _others(run)),
    ]


def gate(phase: Node) -> list[str]:
    """What has to hold before a phase is left, everything that is missing of it, and what it owes."""
    lines = [f"gate: {_asked(phase['gate'])}{'; somebody has to confirm' if phase['guard'] else ''}"]
    if phase["confirmedBy"]:
        lines.append(f"confirmed by {phase['confirmedBy']}")
    readiness = phase["readiness"]
    if readiness and readiness["ready"]:
        lines.append("the gate holds")
    lines += [f"missing: {one}" for one in (readiness["missing"] if readiness else [])]
    return lines + [_deliverable(one) for one in phase["deliverables"]]


def _asked(gate: Mapping[str, Any]) -> str:
    named = ", ".join(gate["tasks"] or ())
    return {
        TaskRequirement.ALL: "all of its tasks",
        TaskRequirement.NONE: "none of its tasks",
        TaskRequirement.MIN: f"{gate['minimum']} of its tasks",
        TaskRequirement.NAMED: f"its tasks {named}",
    }[TaskRequirement(gate["taskRequirement"])]


def _deliverable(one: Node) -> str:
    optional = "" if one["required"] else ", which the gate does not wait for"
    by = f" by {one['changedBy']}" if one.get("changedBy") else ""
    why = one.get("evidence") or one.get("reason")
    mark = _MARKS[DeliverableStatus(one["status"])]
    return f"{mark} owes {one['key']}  {one['title']}  [{one['status']}{by}]{f': {why}' if why else ''}{optional}"


def _supervisor(run: Node) -> str:
    one = run["supervisor"]
    who = "an agent" if one["isAgent"] else "the control plane"
    heard = (
        f"heard {text.ago(one['lastHeartbeatAt'], text.now())}" if one["lastHeartbeatAt"] else "never heard"
    )
    words = [f"{one['state']}, {who}", heard]
    if not one["alive"]:
        words.append("not alive")
    if one["restarts"]:
        words.append(f"restarted {text.count(one['restarts'], 'time')}")
    if one["currentActivity"] and one["currentActivity"] != run["statusReason"]:
        words.append(told(one["currentActivity"]))
    return "; ".join(words)


def settings(run: Node) -> str:
    """How it goes on, and with how many at once."""
    return ", ".join(
        [
            f"at most {text.count(run['maxWorkers'], 'worker')}",
            "phases are guarded" if run["phaseGuard"] else "no guard",
            "advances by itself" if run["autoAdvance"] else "waits to be advanced",
            "completes by itself" if run["autoComplete"] else "waits to be completed",
        ]
    )


def _plan(plan: Node) -> str:
    return f"{plan['path'] or 'a text'} ({plan['format']}, {plan['hash'][:12]})"


def _worker(one: Node) -> str:
    host = f" at {one['host']['name']}" if one["host"] else ""
    pid = f", process {one['pid']}" if one["pid"] else ""
    task = f" on {one['task']['key']}" if one["task"] else ""
    percent = f" {one['progress']}%" if one["progress"] is not None else ""
    does = f" {one['currentActivity']}" if one["currentActivity"] else ""
    return f"{one['id']} {one['status']}{task}{host}{pid}{percent}{does}"


def _live(run: Node) -> list[Node]:
    return [one for one in run["workers"] if one["status"] in LIVE]


def _others(run: Node) -> str:
    live, known = len(_live(run)), len(run["workers"])
    ended = f"{known - live:,}{'+' if known == _NEWEST else ''} ended"
    return f"{live:,} at work, {ended}: trackside workers list --run {run['id']}" if known else "none yet"
