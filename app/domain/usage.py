"""What agents use: tokens and money."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Any, Final, Self

UNITS: Final = 10**10
"""Of these makes a US dollar: money is added up in whole numbers, so that nothing is ever rounded away."""
MOST_TOKENS: Final = 2**53 - 1
"""What a sum stops at: JavaScript counts no further."""
MOST_COST: Final = 10**18
MOST_TOKENS_AT_ONCE: Final = 10**9
MOST_COST_AT_ONCE: Final = 10_000 * UNITS
"""More in one report is an agent's mistake, and must not spoil the sums of everybody."""
MODELS: Final = 20
"""Of one worker are told apart; what comes after is OTHER."""
OTHER: Final = "other"
UNKNOWN: Final = "unknown"


class UsageGroup(StrEnum):
    PROJECT = "PROJECT"
    RUN = "RUN"
    PHASE = "PHASE"
    TASK = "TASK"
    WORKER = "WORKER"
    MODEL = "MODEL"
    DAY = "DAY"


class UsageInterval(StrEnum):
    HOUR = "HOUR"
    DAY = "DAY"


@dataclass(frozen=True, slots=True)
class Amounts:
    """`cost` is in UNITS."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost: int = 0

    @classmethod
    def reported(cls, tokens: Mapping[str, int], cost_usd: Decimal | None) -> Self:
        """As much of what an agent says as can be true."""
        counted = {name: min(max(0, number), MOST_TOKENS_AT_ONCE) for name, number in tokens.items()}
        return cls(**counted, cost=min(max(0, units(cost_usd or Decimal())), MOST_COST_AT_ONCE))

    def __add__(self, more: "Amounts") -> "Amounts":
        return Amounts(
            **{name: min(number + getattr(more, name), _most(name)) for name, number in self.plain().items()}
        )

    def __bool__(self) -> bool:
        return any(self.plain().values())

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def _most(name: str) -> int:
    return MOST_COST if name == "cost" else MOST_TOKENS


def units(dollars: Decimal) -> int:
    return int((dollars * UNITS).to_integral_value(ROUND_HALF_EVEN))


def dollars(units: int) -> Decimal:
    """Exactly, and without zeros at the end."""
    return (Decimal(units) / UNITS).normalize()
