"""Signals that reach exactly the process meant, and the signal state an agent is entitled to start with."""

import os
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress

from app.processes.identity import Identity

Identify = Callable[[int], Identity | None]


def send(identity: Identity, number: signal.Signals, *, identify: Identify) -> bool:
    """Signal this process and no other; False when it is gone, PermissionError when it belongs to another user."""
    if sys.platform != "linux":
        if identify(identity.pid) != identity:
            return False
        with suppress(ProcessLookupError):
            os.kill(identity.pid, number)
            return True
        return False
    try:
        fd = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return False
    try:
        if identify(identity.pid) != identity:  # asked now that the descriptor holds on to whoever it is
            return False
        signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)
    return True


def send_all(identities: Iterable[Identity], *numbers: signal.Signals, identify: Identify) -> None:
    """Signal each of them; one that another user owns (a setuid program) does not keep the rest from being signalled."""
    for identity in identities:
        for number in numbers:
            with suppress(PermissionError):
                send(identity, number, identify=identify)


def reset() -> None:
    """Default dispositions and an empty mask: an ignored or blocked signal would be inherited by every agent."""
    for number in signal.valid_signals():
        with suppress(OSError, ValueError):  # SIGKILL, SIGSTOP and those the C library keeps for itself
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # a peer that hangs up is an error to handle, not an end
