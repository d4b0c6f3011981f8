"""How often and how soon a client asks again after the connection was lost."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from app.client.errors import TracksideError

DEFAULT: Final = 5
MOST: Final = 100


@dataclass(frozen=True, slots=True)
class BackOff:
    """Doubles with every failure up to a limit; a random part keeps many clients from coming back together."""

    first: float = 0.1
    limit: float = 5.0

    def delay(self, failures: int, chance: Callable[[], float] = random.random) -> float:
        """How long to rest after this many failures in a row: half of it is certain, half is chance."""
        full = min(self.limit, self.first * 2.0 ** min(failures - 1, 30))
        return full * (0.5 + chance() / 2)


def retries(environment: Mapping[str, str]) -> int:
    """TRACKSIDE_RETRIES, or 5."""
    text = environment.get("TRACKSIDE_RETRIES", "").strip()
    if not text:
        return DEFAULT
    if not text.isascii() or not text.isdigit() or int(text) > MOST:
        raise TracksideError(
            "INVALID_INPUT",
            f"TRACKSIDE_RETRIES is {text!r}, which is no number from 0 to {MOST}.",
            suggestion=f"Leave it out for {DEFAULT}.",
        )
    return int(text)
