"""State machines as tables: read whole, printed as a diagram, tested over every state and every move."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from app.domain.errors import AppError, ErrorCode

State = TypeVar("State", bound=StrEnum)
Move = TypeVar("Move", bound=StrEnum)


@dataclass(frozen=True)
class Machine(Generic[State, Move]):
    """`moves` is the whole truth: what is not in it is refused with INVALID_TRANSITION."""

    noun: str
    start: State
    moves: Mapping[tuple[State, Move], State]

    def after(self, state: State, move: Move) -> State:
        """The state that follows, or a refusal that names what is possible instead."""
        try:
            return self.moves[state, move]
        except KeyError:
            raise self._refusal(state, move) from None

    def allows(self, state: State, move: Move) -> bool:
        return (state, move) in self.moves

    def allowed(self, state: State) -> list[Move]:
        return [move for (origin, move) in self.moves if origin == state]

    def is_final(self, state: State) -> bool:
        return not self.allowed(state)

    def _refusal(self, state: State, move: Move) -> AppError:
        origins = sorted({str(origin) for (origin, other) in self.moves if other == move})
        verb = move.value.lower().replace("_", " ")
        return AppError(
            ErrorCode.INVALID_TRANSITION,
            f"A {self.noun} that is {state} cannot {verb}.",
            suggestion=f"It can when it is {' or '.join(origins)}." if origins else None,
        )


def table(*rows: tuple[tuple[State, ...], Move, State]) -> dict[tuple[State, Move], State]:
    """Spell `(from, from …), move, to` rows out into pairs. A pair named twice is a mistake."""
    moves: dict[tuple[State, Move], State] = {}
    for origins, move, target in rows:
        for origin in origins:
            if (origin, move) in moves:
                raise ValueError(f"{origin} {move} is listed twice")
            moves[origin, move] = target
    return moves
