"""Agents that look after runs, as processes: started when it is time, ended when nobody wants them any more.

What is to be is in the row of the supervisor; here the processes are brought to it, in a turn of the server that leads.
A second one is never started before the first is known to be over.
"""

from app import store
from app.commands import ledgers, restorations, supervision, workers
from app.domain import prompts
from app.domain.access import Role
from app.domain.hosts import Room
from app.domain.restorations import RestorationStep
from app.domain.runs import DRIVEN, ENDED
from app.domain.supervisors import DEAD, RestartCause, SupervisorState
from app.store import tokens
from app.store.db import Tx
from app.store.supervisor_tables import SupervisorRow
from app.store.tables import RunRow, WorkerRow


def end_unwanted(tx: Tx) -> None:
    """End those whose run has ended, that were given up, or that another one has been put in the place of."""
    for run_id in store.supervisors.with_unwanted_process(tx):
        run, supervisor = store.supervisors.lock(tx, run_id)
        worker = store.workers.find(tx, supervisor.worker_id) if supervisor.worker_id is not None else None
        reason = _why_unwanted(run, supervisor)
        if worker is not None and reason is not None:
            workers.stop(tx, run, worker, reason=reason)


def start_due(tx: Tx, room: Room) -> None:
    for run_id in store.supervisors.with_start_due(tx):
        run, supervisor = store.supervisors.lock(tx, run_id)
        if is_due(tx, run, supervisor):
            start(tx, run, supervisor, host_id=room.take())


def is_due(tx: Tx, run: RunRow, supervisor: SupervisorRow) -> bool:
    """Whether a process is to be started now. None is while one lives, whatever has become of it; nor beyond a budget."""
    return (
        supervisor.is_agent
        and supervisor.runtime is not None
        and supervisor.worker_id is None
        and supervisor.starts_at is not None
        and supervisor.starts_at <= tx.now
        and run.status in DRIVEN
        and ledgers.need_of(tx, run, None, None).short is None
    )


def start(tx: Tx, run: RunRow, supervisor: SupervisorRow, *, host_id: str | None) -> WorkerRow:
    assert supervisor.runtime is not None
    worker = workers.start_attempt(
        tx, run, None, runtime=supervisor.runtime, name="supervisor", host_id=host_id, role=Role.ORCHESTRATOR
    )
    worker.prompt = prompts.supervise(run.name, introduction=supervisor.runtime.get("prompt"))
    if supervisor.state != SupervisorState.INITIALIZING:
        supervision.begin_again(tx, run, supervisor, RestartCause.DEATH)
    if supervisor.listened_since is not None:  # others have been there before
        _bring_back(tx, run, supervisor, worker)
    supervisor.worker_id, supervisor.agent = worker.id, tokens.agent_of(Role.ORCHESTRATOR, worker.id)
    supervisor.starts_at, supervisor.listened_since = None, tx.now
    tx.session.flush()
    return worker


def _bring_back(tx: Tx, run: RunRow, supervisor: SupervisorRow, worker: WorkerRow) -> None:
    """Give the process what those before it have left behind.

    A session is given up where the one before was brought back too and was never heard: it may be what ended it.
    """
    was_heard = restorations.step(supervisor) is RestorationStep.RESUMED
    restored = restorations.begin(tx, run, supervisor)
    worker.prompt += f"\n{restored.context}"
    worker.session_id = restored.session_id if was_heard else None
    restorations.hand_over(tx, run, supervisor, how="In its prompt.")


def _why_unwanted(run: RunRow, supervisor: SupervisorRow) -> str | None:
    if run.status in ENDED:
        return f"The run is {run.status}."
    if not supervisor.is_agent or not store.supervisors.speaks(supervisor, supervisor.worker_id):
        return "It looks after its run no more."
    return f"The supervisor is {supervisor.state}." if supervisor.state in DEAD else None
