"""Every kind of event has words, and they say what happened."""

import re
from typing import Any

import pytest

from app.cli import events
from app.domain.events import EventKind

TASK = {"id": "task_1", "key": "T1", "title": "Build\x1b[2J it"}
ITEM = {"id": "att_1", "title": "Go?", "options": [{"value": "yes"}, {"value": "no"}], "status": "ANSWERED"}
SAMPLES: dict[str, tuple[dict[str, Any], str]] = {
    "RunStatusChanged": (
        {"oldRunStatus": "ACTIVE", "newRunStatus": "FAILED", "reason": "T1 failed."},
        "run ACTIVE → FAILED: T1 failed.",
    ),
    "RunConfigured": ({"version": 3}, "run configured, version 3"),
    "SupervisorStateChanged": (
        {"oldState": "WORKING", "newState": "INTERRUPTED", "reason": "It was not heard."},
        "supervisor WORKING → INTERRUPTED: It was not heard.",
    ),
    "SupervisorRestored": (
        {"step": "QUESTIONS_DELIVERED", "detail": "2 wait for an answer."},
        "supervisor brought back, questions delivered: 2 wait for an answer.",
    ),
    "HeartbeatReceived": (
        {"state": "WORKING", "activity": "Reading", "progress": 40},
        "supervisor alive, WORKING 40% Reading",
    ),
    "PhaseChanged": ({"oldPhase": None, "newPhase": "build"}, "phase build"),
    "TaskStatusChanged": (
        {"oldTaskStatus": "READY", "newTaskStatus": "RUNNING", "reason": None, "task": TASK},
        "task T1 READY → RUNNING  Build[2J it",
    ),
    "PlanChanged": (
        {"path": "plan.md", "oldHash": "1", "newHash": "2"},
        "plan plan.md was edited: `trackside plan diff` tells what it would change",
    ),
    "PlanImported": (
        {"source": None, "oldHash": "1", "newHash": "2", "version": 4},
        "plan as text imported, version 4",
    ),
    "DagMutated": (
        {"version": 4, "added": [{"key": "T2"}, {"key": "T3"}], "changed": [], "removed": [{"key": "T1"}]},
        "DAG version 4: added T2, T3; removed T1",
    ),
    "WorkerStatusChanged": (
        {
            "oldWorkerStatus": None,
            "newWorkerStatus": "SPAWNING",
            "reason": None,
            "worker": {"id": "wrk_1"},
            "task": TASK,
        },
        "worker wrk_1 on T1 SPAWNING",
    ),
    "WorkerOrdered": ({"desire": "PAUSE", "worker": {"id": "wrk_1"}}, "worker wrk_1 is to PAUSE"),
    "WorkerReported": (
        {"worker": {"id": "wrk_1", "currentActivity": "Reading", "progress": 0}},
        "worker wrk_1 0% Reading",
    ),
    "ToolStarted": (
        {"tool": "Read", "inputSummary": "a.py", "worker": {"id": "wrk_1"}, "call": {"id": "tool_1"}},
        "worker wrk_1 calls Read: a.py",
    ),
    "ToolCompleted": (
        {
            "tool": "Read",
            "durationMs": 1500,
            "success": False,
            "worker": {"id": "wrk_1"},
            "call": {"id": "tool_1", "error": "No such file."},
        },
        "worker wrk_1 failed at Read after 1.5 s: No such file.",
    ),
    "BudgetWarned": (
        {
            "scope": "TASK",
            "budgetUsd": "10",
            "spentUsd": "8.5",
            "task": TASK,
            "worker": {"id": "wrk_1"},
        },
        f"$8.50 of the budget of task {TASK['key']}, $10, is spent",
    ),
    "AttentionOpened": ({"item": {**ITEM, "status": "OPEN"}}, "question att_1: Go? [yes | no]"),
    "AttentionClosed": (
        {"item": {**ITEM, "answer": {"a": 1}, "answeredBy": "admin"}},
        'question att_1 ANSWERED with {"a": 1} by admin',
    ),
    "ContextInjected": (
        {"worker": None, "items": [{"path": "a.md"}, {"path": None}]},
        "context for the next worker: a.md, text",
    ),
    "CommandChanged": (
        {
            "actor": "admin",
            "command": {"verb": "stopRun", "status": "EFFECTIVE", "error": "No.", "reason": "x"},
            "newCommandStatus": "REJECTED",
        },
        "command stopRun REJECTED: No. by admin",
    ),
    "SubtaskChanged": (
        {"change": "UPDATED", "title": "Count", "completed": True, "task": TASK},
        f"subtask of {TASK['key']} updated: Count, done",
    ),
    "FindingAdded": (
        {"title": "Two are missing", "task": TASK, "finding": {"id": "x"}},
        f"finding for {TASK['key']}: Two are missing",
    ),
    "DeliverableCompleted": (
        {"phaseKey": "build", "deliverableKey": "report"},
        "deliverable report of build is there",
    ),
    "DeliverableChanged": (
        {"newDeliverableStatus": "WAIVED", "inPhase": {"key": "build"}, "owed": {"id": "x", "key": "report"}},
        "deliverable report of build WAIVED",
    ),
    "TokenChanged": ({"revoked": False, "token": {"name": "ci", "role": "VIEWER"}}, "token ci (VIEWER) made"),
    "RunDeleted": ({"runId": "run_1", "name": "Nightly"}, "run Nightly deleted"),
    "StaleDetected": (
        {"lastActivityAt": "2030-01-01T00:00:00Z", "staleSeconds": 1800},
        "run silent for 30 m 00 s",
    ),
    "HostChanged": (
        {"oldHostStatus": "ONLINE", "newHostStatus": "OFFLINE", "reason": None, "host": {"name": "desk"}},
        "host desk ONLINE → OFFLINE",
    ),
    "ProjectChanged": (
        {"changedSettings": ["maxWorkers", "skills"]},
        "project configured: maxWorkers, skills",
    ),
    "PipelineChanged": ({"paused": True, "reason": "Night."}, "pipeline paused: Night."),
}


def test_every_kind_of_event_has_words_and_is_asked_for() -> None:
    assert set(SAMPLES) == set(EventKind)
    assert set(re.findall(r"\.\.\. on (\w+)", events.SELECTION)) == set(EventKind)


@pytest.mark.parametrize("kind", SAMPLES)
def test_an_event_is_told_in_a_line(kind: str) -> None:
    fields, expected = SAMPLES[kind]

    assert events.told({"type": kind, **fields}) == expected


GONE = {
    "task": None,
    "token": None,
    "inPhase": None,
    "owed": None,
    "worker": None,
    "item": None,
    "command": None,
    "actor": "x",
    "reason": None,
}


@pytest.mark.parametrize("kind", SAMPLES)
def test_an_event_whose_objects_are_gone_is_told_too(kind: str) -> None:
    fields, _ = SAMPLES[kind]

    assert events.told({"type": kind, **fields, **GONE})


def test_a_kind_that_is_newer_than_this_client_is_named() -> None:
    assert events.told({"type": "MoonRose"}) == "MoonRose"


def test_what_was_used_is_told_as_such() -> None:
    tokens = {"inputTokens": 9, "outputTokens": 1_200, "cacheReadTokens": 0, "cacheWriteTokens": 0}
    event = {
        "type": "WorkerReported",
        "worker": {"id": "wrk_1", "currentActivity": "Reading", "progress": 0},
        "usage": {**tokens, "costUsd": "0.5"},
    }
    assert events.told(event) == "worker wrk_1 used 9 tokens in, 1,200 out, $0.5"
