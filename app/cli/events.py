"""Events as the log holds them: what is asked of each, and the line that tells it."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from app.cli import text, wording
from app.cli.amounts import dollars, spent
from app.domain.commands import CommandStatus

Event = Mapping[str, Any]

SELECTION: Final = """
    type: __typename id cursor at actor
    run { id name }
    ... on RunStatusChanged { oldRunStatus newRunStatus reason }
    ... on RunConfigured { version }
    ... on RunDeleted { runId name }
    ... on StaleDetected { lastActivityAt staleSeconds }
    ... on SupervisorStateChanged { oldState newState reason }
    ... on SupervisorRestored { step detail }
    ... on HeartbeatReceived { state activity progress }
    ... on PhaseChanged { oldPhase newPhase }
    ... on TaskStatusChanged { oldTaskStatus newTaskStatus reason task { id key title } }
    ... on SubtaskChanged { change title completed task { id key title } }
    ... on FindingAdded { title task { id key title } finding { id } }
    ... on DeliverableCompleted { phaseKey: phase deliverableKey: deliverable }
    ... on DeliverableChanged { newDeliverableStatus inPhase: phase { key } owed: deliverable { id key title } }
    ... on PlanChanged { path oldHash newHash }
    ... on PlanImported { source: path oldHash newHash version }
    ... on DagMutated { version added { id key } changed { id key } removed { id key } }
    ... on WorkerStatusChanged { oldWorkerStatus newWorkerStatus reason worker { id name } task { id key title } }
    ... on WorkerOrdered { desire worker { id name } }
    ... on WorkerReported {
      worker { id name currentActivity progress }
      usage { inputTokens outputTokens cacheReadTokens cacheWriteTokens costUsd }
    }
    ... on ToolStarted { tool inputSummary worker { id name } call { id status } }
    ... on ToolCompleted { tool durationMs success worker { id name } call { id error } }
    ... on BudgetWarned { scope budgetUsd spentUsd task { id key } worker { id } }
    ... on AttentionOpened { item { id title options { value } expiresAt } }
    ... on AttentionClosed { item { id title status answer answeredBy } }
    ... on ContextInjected { worker { id name } items { id kind path tokens } }
    ... on CommandChanged { newCommandStatus command { id verb status reason error errorCode } }
    ... on ProjectChanged { changedSettings }
    ... on PipelineChanged { paused reason }
    ... on TokenChanged { revoked token { id name role } }
    ... on HostChanged { oldHostStatus newHostStatus reason host { id name } }
"""


def told(event: Event) -> str:
    """What happened, in a line."""
    tell = _WORDS.get(event["type"])
    return text.printable(tell(event) if tell is not None else str(event["type"]))


def _run_status(event: Event) -> str:
    return f"run {_change(event['oldRunStatus'], event['newRunStatus'])}{_why(event)}"


def _phase(event: Event) -> str:
    return f"phase {_change(event['oldPhase'], event['newPhase'])}"


def _task(event: Event) -> str:
    task = event["task"] or {"key": "?", "title": "removed since"}
    change = _change(event["oldTaskStatus"], event["newTaskStatus"])
    return f"task {task['key']} {change}  {task['title']}{_why(event)}"


def _subtask(event: Event) -> str:
    key = event["task"]["key"] if event["task"] else "?"
    change = str(event["change"]).lower()
    done = "done" if event["completed"] else "not done"
    return f"subtask of {key} {change}: {event['title']}{f', {done}' if change == 'updated' else ''}"


def _finding(event: Event) -> str:
    return f"finding for {event['task']['key'] if event['task'] else '?'}: {event['title']}"


def _deliverable(event: Event) -> str:
    key = event["owed"]["key"] if event["owed"] else "?"
    where = f" of {event['inPhase']['key']}" if event["inPhase"] else ""
    return f"deliverable {key}{where} {event['newDeliverableStatus']}"


def _token(event: Event) -> str:
    token = event["token"] or {"name": "?", "role": "?"}
    return f"token {token['name']} ({token['role']}) {'revoked' if event['revoked'] else 'made'}"


def _dag(event: Event) -> str:
    changes = [
        f"{word} {', '.join(task['key'] for task in event[word])}"
        for word in ("added", "changed", "removed")
        if event[word]
    ]
    return f"DAG version {event['version']}: {'; '.join(changes) or 'nothing that is still there'}"


def _worker(event: Event) -> str:
    task = f" on {event['task']['key']}" if event["task"] else ""
    change = _change(event["oldWorkerStatus"], event["newWorkerStatus"])
    return f"worker {_id(event['worker'])}{task} {change}{_why(event)}"


def _report(event: Event) -> str:
    worker = event["worker"] or {}
    if event.get("usage") is not None:
        return f"worker {_id(worker)} used {spent(event['usage'])}"
    progress = worker.get("progress")
    percent = f"{progress}% " if progress is not None else ""
    return f"worker {_id(worker)} {percent}{worker.get('currentActivity') or ''}".rstrip()


def _tool(event: Event) -> str:
    summary = event["inputSummary"]
    return f"worker {_id(event['worker'])} calls {event['tool']}{f': {summary}' if summary else ''}"


def _tool_over(event: Event) -> str:
    took = f"after {event['durationMs'] / 1000:.1f} s"
    if event["success"]:
        return f"worker {_id(event['worker'])} got {event['tool']} back {took}"
    error = (event["call"] or {}).get("error")
    return f"worker {_id(event['worker'])} failed at {event['tool']} {took}{f': {error}' if error else ''}"


def _budget(event: Event) -> str:
    whose = {"RUN": "the run", "TASK": f"task {(event['task'] or {}).get('key', '?')}"}
    owner = whose.get(event["scope"], f"worker {_id(event['worker'])}")
    return f"{dollars(event['spentUsd'])} of the budget of {owner}, {dollars(event['budgetUsd'])}, is spent"


def _opened(event: Event) -> str:
    item = event["item"] or {"title": "?", "options": []}
    options = " | ".join(option["value"] for option in item["options"])
    return f"question {_id(item)}: {item['title']}{f' [{options}]' if options else ''}"


def _closed(event: Event) -> str:
    item = event["item"] or {"status": "closed", "answer": None, "answeredBy": None}
    answer = item["answer"]
    shown = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    said = f" with {shown}" if answer is not None else ""
    return f"question {_id(item)} {item['status']}{said}{f' by {by}' if (by := item['answeredBy']) else ''}"


def _context(event: Event) -> str:
    items = ", ".join(item["path"] or "text" for item in event["items"])
    return f"context for {_id(event['worker']) if event['worker'] else 'the next worker'}: {items}"


def _command(event: Event) -> str:
    command = event["command"] or {"verb": "?"}
    refused = event["newCommandStatus"] in (CommandStatus.REJECTED, CommandStatus.EXPIRED)
    why = command.get("error" if refused else "reason")
    return f"command {command['verb']} {event['newCommandStatus']}{f': {why}' if why else ''} by {event['actor']}"


def _restored(event: Event) -> str:
    step = str(event["step"]).lower().replace("_", " ")
    return f"supervisor brought back, {step}{f': {detail}' if (detail := event['detail']) else ''}"


def _pipeline(event: Event) -> str:
    return f"pipeline {'paused' if event['paused'] else 'goes on'}{_why(event)}"


def _host(event: Event) -> str:
    name = event["host"]["name"] if event["host"] else "?"
    return f"host {name} {_change(event['oldHostStatus'], event['newHostStatus'])}{_why(event)}"


_WORDS: Final[dict[str, Callable[[Event], str]]] = {
    "RunStatusChanged": _run_status,
    "RunDeleted": lambda event: f"run {event['name']} deleted",
    "StaleDetected": lambda event: f"run silent for {text.duration(event['staleSeconds'])}",
    "RunConfigured": lambda event: f"run configured, version {event['version']}",
    "SupervisorStateChanged": lambda event: (
        f"supervisor {_change(event['oldState'], event['newState'])}{_why(event)}"
    ),
    "SupervisorRestored": _restored,
    "HeartbeatReceived": lambda event: (
        f"supervisor alive, {event['state']} {event['progress']}%{f' {did}' if (did := event['activity']) else ''}"
    ),
    "PhaseChanged": _phase,
    "TaskStatusChanged": _task,
    "SubtaskChanged": _subtask,
    "FindingAdded": _finding,
    "PlanChanged": lambda event: (
        f"plan {event['path']} was edited: `trackside plan diff` tells what it would change"
    ),
    "PlanImported": lambda event: f"plan {event['source'] or 'as text'} imported, version {event['version']}",
    "DagMutated": _dag,
    "WorkerStatusChanged": _worker,
    "WorkerOrdered": lambda event: f"worker {_id(event['worker'])} is to {event['desire']}",
    "WorkerReported": _report,
    "ToolStarted": _tool,
    "ToolCompleted": _tool_over,
    "BudgetWarned": _budget,
    "AttentionOpened": _opened,
    "AttentionClosed": _closed,
    "ContextInjected": _context,
    "CommandChanged": _command,
    "ProjectChanged": lambda event: f"project configured: {', '.join(event['changedSettings'])}",
    "PipelineChanged": _pipeline,
    "DeliverableCompleted": lambda event: (
        f"deliverable {event['deliverableKey']} of {event['phaseKey']} is there"
    ),
    "DeliverableChanged": _deliverable,
    "TokenChanged": _token,
    "HostChanged": _host,
}


def _change(old: str | None, new: str) -> str:
    return new if old is None or old == new else f"{old} → {new}"


def _why(event: Event) -> str:
    return f": {wording.told(event['reason'])}" if event["reason"] else ""


def _id(node: Mapping[str, Any] | None) -> str:
    return str(node["id"]) if node and "id" in node else "?"
