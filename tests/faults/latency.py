"""What two servers have shown, and what is too late."""

import statistics
from dataclasses import dataclass
from typing import Final

from tests.faults.history import Verdict

LATE: Final = 2.0
"""Seconds for half of the events without a bus: the log is polled every second."""
LATEST: Final = 5.0
"""Seconds for the slowest of them: the machine may be busy with as many tasks as it can carry."""
QUICK: Final = 0.4
"""Seconds for half of the events where there is a bus: without one they wait half a second for the next look."""
TAKEN_OVER: Final = {"leader": 10.0, "stall": 45.0}
"""Seconds in which another server has to lead: the lease lasts five, each transaction that a stopped one has open ten."""


@dataclass(slots=True)
class Outcome:
    verdict: Verdict
    alive: list[float]
    dead: list[float]
    quiet: list[float]
    fault: str
    taken_over: float | None
    hosts_used: int

    @property
    def broken(self) -> list[str]:
        found = [str(self.verdict)] if self.verdict.broken else []
        if self.dead and (max(self.dead) > LATEST or statistics.median(self.dead) > LATE):
            found.append(
                f"without a bus half of the events took {statistics.median(self.dead):.1f} s, "
                f"one {max(self.dead):.1f} s"
            )
        if not self.quiet:
            found.append("of what happened when little was going on, one of the two heard nothing")
        elif statistics.median(self.quiet) > QUICK:
            found.append(f"with the bus half of the events took {statistics.median(self.quiet):.2f} s")
        if self.taken_over is not None and self.taken_over > TAKEN_OVER[self.fault]:
            found.append(f"nobody led for {self.taken_over:.1f} s")
        if self.hosts_used != 2:
            found.append(f"workers ran on {self.hosts_used} hosts")
        return found

    def __str__(self) -> str:
        lines = [str(self.verdict), f"hosts used: {self.hosts_used}"]
        for name, found in (
            ("with the bus", self.alive),
            ("without it", self.dead),
            ("with the bus, when little is going on", self.quiet),
        ):
            if found:
                lines.append(
                    f"latency {name}: median {statistics.median(found) * 1000:.0f} ms, "
                    f"longest {max(found) * 1000:.0f} ms, of {len(found)} events"
                )
        if self.taken_over is not None:
            lines.append(f"without the one that led the first worker was begun in {self.taken_over:.1f} s")
        return "\n  ".join(lines)
