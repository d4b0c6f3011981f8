"""Budgets: what may be spent, what has been, and what is promised to those who are at it.

Money is whole numbers of `usage.UNITS`: nothing is rounded away.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from app.domain import limits
from app.domain.usage import MOST_COST, UNITS, dollars

MOST: Final = MOST_COST // UNITS
"""US dollars."""


DOUBLE: Final = "double"
NO_LIMIT: Final = "no limit"
STOP: Final = "stop"
ANSWERS: Final[dict[str, Any]] = {
    "anyOf": [
        {"enum": [DOUBLE, NO_LIMIT, STOP]},
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "string", "pattern": r"^\$?[0-9]{1,9}(\.[0-9]{1,10})?$"},
    ]
}
"""What may be answered to the question whether a budget is raised. An amount is the new limit in US dollars; from a command
line it comes as text."""


class BudgetScope(StrEnum):
    RUN = "RUN"
    TASK = "TASK"
    WORKER = "WORKER"


class BudgetState(StrEnum):
    WITHIN = "WITHIN"
    WARNING = "WARNING"
    USED_UP = "USED_UP"


@dataclass(frozen=True, slots=True)
class Limit:
    """What a budget is set to; None takes it away. (No `Limit` at all leaves it as it is.)"""

    units: int | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """Of a run, a task or a worker. `reserved` is what live workers may still spend of it, and nobody else.

    A limit of nothing is used up from the start. A limit may come to lie below what is spent, by being lowered or by a
    report that says more than was expected: then nothing is left, never less.
    """

    limit: int | None
    spent: int = 0
    reserved: int = 0

    @property
    def state(self) -> BudgetState:
        if self.limit is None or self.spent * 5 < self.limit * 4:
            return BudgetState.WITHIN
        return BudgetState.USED_UP if self.spent >= self.limit else BudgetState.WARNING

    @property
    def is_used_up(self) -> bool:
        return self.state is BudgetState.USED_UP

    @property
    def left(self) -> int | None:
        """None without a limit."""
        return None if self.limit is None else max(0, self.limit - self.spent)

    @property
    def free(self) -> int | None:
        """What is left and promised to nobody; None without a limit."""
        return None if self.limit is None else max(0, self.limit - self.spent - self.reserved)

    def fits(self, amount: int) -> bool:
        """Whether so much can be reserved now. Who reserves nothing may start while anything is free."""
        return self.free is None or 0 < self.free >= amount

    def could_fit(self, amount: int) -> bool:
        """Whether it could once nothing is reserved any more: then it is enough to wait."""
        return self.left is None or 0 < self.left >= amount


@dataclass(frozen=True, slots=True)
class Need:
    """What a spawn asks of the budgets around it.

    `budget` is the worker's own limit, `amount` what it takes out of the run's. `short` is the narrowest budget that has
    no room for it; `may_wait` where the run's has, once others have ended.
    """

    budget: int | None
    amount: int
    short: BudgetScope | None = None
    may_wait: bool = False


NOTHING: Final = Need(None, 0)


def need(run: Ledger, task: Ledger, budget: int | None) -> Need:
    """A worker with a budget of its own reserves that, another one what is left of its task's; without either, nothing."""
    amount = budget if budget is not None else task.left or 0
    if budget is not None and budget <= 0 and not task.is_used_up:
        return Need(budget, amount, BudgetScope.WORKER)
    if not task.could_fit(amount):
        return Need(budget, amount, BudgetScope.TASK)
    if run.fits(amount):
        return Need(budget, amount)
    return Need(budget, amount, BudgetScope.RUN, may_wait=run.could_fit(amount))


def money(units: int) -> str:
    """For people: `$10`, `$0.25`."""
    shown = dollars(units)
    cents = shown.quantize(Decimal("0.01"))
    return f"${cents if shown == cents and shown % 1 else format(shown, 'f')}"


def said(limit: Limit) -> str:
    """As the answer to the question what a budget is to be."""
    return NO_LIMIT if limit.units is None else format(dollars(limit.units), "f")


def limit_of(value: Decimal, *path: str) -> int:
    """A budget in US dollars as it is kept, or a refusal."""
    exact = value * UNITS
    if value < 0 or value > MOST:
        raise limits.invalid(f"A budget is from 0 to {MOST:,} US dollars.", path)
    if exact != exact.to_integral_value():
        raise limits.invalid("A budget has ten decimal places at most.", path)
    return int(exact)
