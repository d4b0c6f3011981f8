"""The server with one promise broken, for runs that the checker must catch. `python -m tests.faults.flawed FLAW serve …`"""

import sys
import time
from typing import Any

from sqlalchemy import insert

from app import cli
from app.dispatch import local
from app.live.hub import Hub
from app.live.log import Tail
from app.store.db import Database, Fact
from app.store.tables import EventRow

BETWEEN_COMMITS = 0.03
"""Seconds that a state is committed without its events; long enough to be hit by some of the kills."""


def two_commits() -> None:
    """Events in a second commit, behind the one with the change."""
    waiting: list[Fact] = []
    perform, write_batch = Database._perform, Database._write_batch

    def perform_without_facts(self: Database, connection: Any, run: Any) -> tuple[Any, bool]:
        def run_and_take(tx: Any) -> Any:
            answer = run(tx)
            waiting.extend(tx.facts)
            tx.facts = []
            return answer

        return perform(self, connection, run_and_take)

    def write_twice(self: Database, jobs: Any) -> None:
        write_batch(self, jobs)
        if not waiting:
            return
        time.sleep(BETWEEN_COMMITS)
        with self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            rows = [{name: getattr(fact, name) for name in Fact.__slots__} for fact in waiting]
            connection.execute(insert(EventRow), rows)
            connection.commit()
        waiting.clear()
        self.on_commit()

    Database._perform = perform_without_facts  # type: ignore[method-assign, assignment]
    Database._write_batch = write_twice  # type: ignore[method-assign]


def no_lock() -> None:
    """Runners that do not look whether another one holds the worker."""
    local.template_command = lambda: [sys.executable, "-m", "tests.runner.flawed_template"]


def trust_bus() -> None:
    """A log that is read when the bus says so and never by the clock; a bus that is away says nothing."""
    begin, ring = Tail.__init__, Hub._ring

    def without_clock(self: Tail, db: Database, hub: Hub, **_: Any) -> None:
        begin(self, db, hub, poll=3600.0)

    def ring_where_there_is_a_bus(self: Hub) -> None:
        if self.connected:
            ring(self)

    Tail.__init__ = without_clock  # type: ignore[method-assign, assignment]
    Hub._ring = ring_where_there_is_a_bus  # type: ignore[method-assign]


FLAWS = {"two-commits": two_commits, "no-lock": no_lock, "trust-bus": trust_bus}

if __name__ == "__main__":
    FLAWS[sys.argv.pop(1)]()
    cli.main()
