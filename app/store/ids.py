"""Identifiers: a readable prefix and a body that sorts by the time it was made."""

import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Final

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
CHUNK: Final = 500
"""How many ids one statement names at most."""

_PAIRS: Final = [first + second for first in _ALPHABET for second in _ALPHABET]
_turn = threading.Lock()
_last = 0


def new(prefix: str) -> str:
    """`run_` and 26 characters: 48 bits of milliseconds, 80 bits of chance; never less than the one before."""
    global _last
    with _turn:
        moment = time.time_ns() // 1_000_000 << 80
        number = moment | secrets.randbits(80) if moment > _last else _last + 1 + secrets.randbits(32)
        _last = number
    return f"{prefix}_{''.join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])}"


def parts(wanted: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many ids at a time as one statement may name."""
    return (wanted[start : start + CHUNK] for start in range(0, len(wanted), CHUNK))
