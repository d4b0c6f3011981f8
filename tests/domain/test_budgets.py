"""Budgets: what fits, what warns, what is used up; over every small ledger."""

from decimal import Decimal
from itertools import product

import pytest

from app.domain.budgets import BudgetScope, BudgetState, Ledger, limit_of, money, need
from app.domain.errors import AppError, ErrorCode
from app.domain.usage import UNITS

SMALL = (0, 1, 4, 5, 6, 10)
LEDGERS = [Ledger(*values) for values in product((None, *SMALL), SMALL, SMALL)]
UNLIMITED = Ledger(None)


@pytest.mark.parametrize("ledger", LEDGERS, ids=str)
def test_nothing_is_ever_spent_twice(ledger: Ledger) -> None:
    for amount in SMALL:
        if ledger.limit is None:
            assert ledger.fits(amount)
            assert ledger.could_fit(amount)
            continue
        if ledger.fits(amount):
            assert ledger.spent + ledger.reserved + amount <= ledger.limit
            assert not ledger.is_used_up
            assert ledger.could_fit(amount)
        if ledger.could_fit(amount):
            assert Ledger(ledger.limit, ledger.spent).fits(amount), "which waiting would bring"


@pytest.mark.parametrize(
    ("spent", "state"),
    [
        (0, BudgetState.WITHIN),
        (79, BudgetState.WITHIN),
        (80, BudgetState.WARNING),
        (99, BudgetState.WARNING),
        (100, BudgetState.USED_UP),
        (101, BudgetState.USED_UP),
    ],
)
def test_eighty_percent_warn_and_a_hundred_are_all_of_it(spent: int, state: BudgetState) -> None:
    assert Ledger(100, spent).state is state
    assert Ledger(100, spent, reserved=100).state is state, "what is reserved is not spent"


def test_a_budget_of_nothing_is_used_up_from_the_start() -> None:
    assert Ledger(0).is_used_up
    assert not Ledger(0).fits(0)


def test_a_limit_below_what_is_spent_leaves_nothing_and_never_less() -> None:
    ledger = Ledger(10, spent=12, reserved=3)
    assert (ledger.left, ledger.free, ledger.is_used_up) == (0, 0, True)
    assert Ledger(20, spent=12, reserved=3).free == 5, "and raised again, there is something"


@pytest.mark.parametrize(
    ("run", "task", "budget", "amount", "short", "may_wait"),
    [
        (UNLIMITED, UNLIMITED, None, 0, None, False),
        (UNLIMITED, UNLIMITED, 7, 7, None, False),
        (UNLIMITED, Ledger(10, 4), None, 6, None, False),
        (UNLIMITED, Ledger(10, 4), 6, 6, None, False),
        (UNLIMITED, Ledger(10, 4), 7, 7, BudgetScope.TASK, False),
        (UNLIMITED, Ledger(10, 10), None, 0, BudgetScope.TASK, False),
        (UNLIMITED, UNLIMITED, 0, 0, BudgetScope.WORKER, False),
        (Ledger(10), UNLIMITED, None, 0, None, False),
        (Ledger(10, 3, 3), UNLIMITED, 4, 4, None, False),
        (Ledger(10, 3, 3), UNLIMITED, 5, 5, BudgetScope.RUN, True),
        (Ledger(10, 3, 3), UNLIMITED, 8, 8, BudgetScope.RUN, False),
        (Ledger(10, 3, 7), UNLIMITED, None, 0, BudgetScope.RUN, True),
        (Ledger(10, 10), UNLIMITED, None, 0, BudgetScope.RUN, False),
        (Ledger(10, 5), Ledger(6), None, 6, BudgetScope.RUN, False),
    ],
)
def test_what_a_spawn_needs(
    run: Ledger, task: Ledger, budget: int | None, amount: int, short: BudgetScope | None, may_wait: bool
) -> None:
    found = need(run, task, budget)
    assert (found.amount, found.short, found.may_wait) == (amount, short, may_wait)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("10", "$10"),
        ("0", "$0"),
        ("0.5", "$0.50"),
        ("12.25", "$12.25"),
        ("0.0125", "$0.0125"),
        ("1e2", "$100"),
    ],
)
def test_money_is_shown_as_people_write_it(text: str, shown: str) -> None:
    assert money(int(Decimal(text) * UNITS)) == shown


@pytest.mark.parametrize("text", ["-1", "100000001", "0.00000000001"])
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(AppError) as refused:
        limit_of(Decimal(text), "input", "budgetUsd")
    assert refused.value.code is ErrorCode.INVALID_INPUT


def test_the_smallest_and_the_largest_budget() -> None:
    assert limit_of(Decimal("0.0000000001")) == 1
    assert limit_of(Decimal("100000000")) == 10**8 * UNITS
    assert limit_of(Decimal("0")) == 0
