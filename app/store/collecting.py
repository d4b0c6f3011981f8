"""Keeps Python's collector away from work that makes very many objects, none of which is garbage."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_turn = threading.Lock()
_at_work = 0


@contextmanager
def uncollected() -> Iterator[None]:
    """The collector would look at all of these objects again and again, and hold up every thread while it does.

    For work of seconds, on any thread; ends with the last that asked for it.
    """
    global _at_work
    with _turn:
        _at_work += 1
        gc.disable()
    try:
        yield
    finally:
        with _turn:
            _at_work -= 1
            if not _at_work:
                gc.enable()
