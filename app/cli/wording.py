"""What the API says of itself, said for people on the command line: verbs are commands, fields are options."""

import re
from typing import Final

from app.client.errors import TracksideError
from app.domain.errors import AppError

COMMANDS: Final = {
    "addFinding": "findings add",
    "advancePhase": "runs advance",
    "answerAttention": "answer",
    "archiveRun": "runs archive",
    "askQuestion": "ask",
    "batchRuns": "runs batch",
    "blockTask": "tasks block",
    "checkCompletion": "runs check",
    "completeDeliverable": "deliverables complete",
    "completeTask": "tasks complete",
    "configureProject": "projects configure",
    "configureRun": "runs configure",
    "createProject": "projects create",
    "createRun": "runs create",
    "createSubtask": "subtasks create",
    "createToken": "tokens create",
    "deleteSubtask": "subtasks delete",
    "dismissAttention": "attention dismiss",
    "drainHost": "hosts drain",
    "heartbeat": "heartbeat",
    "importPlan": "plan apply",
    "injectContext": "inject",
    "killWorker": "workers kill",
    "mutateDag": "tasks mutate",
    "pausePipeline": "pipeline pause",
    "pauseRun": "runs pause",
    "pauseWorker": "workers pause",
    "reportProgress": "progress",
    "restartSupervisor": "runs restart-supervisor",
    "syncSupervisor": "runs sync-supervisor",
    "resumeHost": "hosts resume",
    "resumePipeline": "pipeline resume",
    "resumeRun": "runs resume",
    "resumeWorker": "workers resume",
    "retryRun": "runs retry",
    "retryTask": "tasks retry",
    "revokeToken": "tokens revoke",
    "skipTask": "tasks skip",
    "spawnWorker": "workers spawn",
    "startRun": "runs start",
    "stopRun": "runs stop",
    "unblockTask": "tasks unblock",
    "waiveDeliverable": "deliverables waive",
    "updateSubtask": "subtasks update",
}
"""The command that does what a mutation does."""

OF_RUNNERS: Final = frozenset({"beatWorker", "reportWorker"})
"""Mutations that only runners send."""

_PHRASES: Final = (
    ("then send advancePhase with confirmed.", "then `trackside runs advance --confirm`."),
    ("Set killWorker to end it.", "Add --kill-worker to end it."),
    ("with mode NOW", "with --now"),
    ("Leave taskId out", "Leave --task out"),
    (
        "Raise the budget of the task with mutateDag",
        "Raise the budget of the task with `trackside tasks edit --budget`",
    ),
    (
        "with configureRun or mutateDag",
        "with `trackside runs configure --budget` or `trackside tasks edit --budget`",
    ),
    ("Answer the BUDGET item", "Answer the item of `trackside attention list --kind BUDGET`"),
    ("Read answerSchema of the item.", "`trackside attention show` says what it asks for."),
)
_PLAIN: Final = frozenset({"heartbeat"})
"""A word of its own, too: where it stands in a text, it is not the mutation that is meant."""
_VERB: Final = re.compile(rf"(?<!trackside )\b({'|'.join(COMMANDS.keys() - _PLAIN)})\b")


def told(words: str) -> str:
    """Words of the server with its verbs as commands."""
    for phrase, said in _PHRASES:
        words = words.replace(phrase, said)
    return _VERB.sub(lambda verb: f"`trackside {COMMANDS[verb[0]]}`", words)


def in_commands(error: TracksideError | AppError) -> TracksideError | AppError:
    """The same error as the reader of a command line should hear of it."""
    error.message = told(error.message)
    if error.suggestion is not None:
        error.suggestion = told(error.suggestion)
    return error
