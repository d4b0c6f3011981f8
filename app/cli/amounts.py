"""Tokens and money as people read them."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final

import typer

from app.client.errors import TracksideError
from app.domain.budgets import money
from app.domain.usage import units

FIELDS = "inputTokens outputTokens cacheReadTokens cacheWriteTokens costUsd"
BUDGET = "budget { limitUsd spentUsd reservedUsd freeUsd state }"
NONE: Final = "none"
"""What takes a limit away."""
_AMOUNT: Final = re.compile(r"\$?([0-9]{1,18}(?:\.[0-9]{1,18})?)", re.ASCII)

NewBudget = Annotated[
    str | None, typer.Option("--budget", metavar="USD", help="What it may spend, in US dollars.")
]
Budget = Annotated[
    str | None,
    typer.Option(
        "--budget", metavar="USD", help=f"What it may spend, in US dollars; {NONE!r} takes the limit away."
    ),
]


def new_budget(words: str | None) -> str | None:
    """A budget as the API takes it."""
    if words is None:
        return None
    amount = _AMOUNT.fullmatch(words.strip())
    if amount is None:
        raise TracksideError(
            "INVALID_INPUT",
            f"--budget {words!r} is no amount of US dollars.",
            suggestion="Say --budget 20, or --budget 0.50.",
        )
    return amount[1]


def limit(words: str | None) -> dict[str, str | None]:
    """A field of an input: nothing where nothing is said, null where the limit is to go."""
    if words is None:
        return {}
    return {"budgetUsd": None if words.strip().lower() == NONE else new_budget(words)}


def budgeted(budget: Mapping[str, Any] | None) -> str:
    """`$8.50 of $10 spent, $1 reserved, $0.50 free`; nothing of what has no limit."""
    if budget is None:
        return ""
    parts = [f"{dollars(budget['spentUsd'])} of {dollars(budget['limitUsd'])} spent"]
    if budget["reservedUsd"] != "0":
        parts.append(f"{dollars(budget['reservedUsd'])} reserved")
    used_up = budget["state"] == "USED_UP"
    return ", ".join([*parts, "used up" if used_up else f"{dollars(budget['freeUsd'])} free"])


def dollars(amount: str) -> str:
    return money(units(Decimal(amount)))


def anything(usage: Mapping[str, Any]) -> bool:
    """Whether anybody has told of using anything."""
    return usage["costUsd"] != "0" or any(usage[name] for name in FIELDS.split()[:-1])


def spent(usage: Mapping[str, Any] | None) -> str:
    """`12,300 tokens in, 9,000 of them from a cache, 800 out, $0.0125`; nothing of what was not told."""
    if usage is None:
        return ""
    cached = usage["cacheReadTokens"]
    into = usage["inputTokens"] + cached + usage["cacheWriteTokens"]
    parts = [f"{into:,} tokens in"]
    if cached:
        parts.append(f"{cached:,} of them from a cache")
    parts.append(f"{usage['outputTokens']:,} out")
    if usage["costUsd"] != "0":
        parts.append(f"${usage['costUsd']}")
    return ", ".join(parts)
