"""Starts a program: an argument list, never a shell, and nothing of ours inherited but three descriptors."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.processes.identity import Identity
from app.processes.table import SYSTEM


class CannotStart(Exception):
    """Words for the person who wrote the command."""


@dataclass(frozen=True, slots=True)
class Started:
    """`stdin` is None where the program was given /dev/null."""

    identity: Identity
    stdout: int
    stderr: int
    stdin: int | None = None


def start(argv: Sequence[str], *, cwd: str, env: Mapping[str, str], spoken_to: bool = False) -> Started:
    """A new session of its own; the descriptors returned do not block and are the caller's."""
    if not argv:
        raise CannotStart("There is no command to start.")
    in_read, in_write = os.pipe() if spoken_to else (subprocess.DEVNULL, None)
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    ours = [fd for fd in (in_write, out_read, err_read) if fd is not None]
    try:
        process = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=dict(env),
            stdin=in_read,
            stdout=out_write,
            stderr=err_write,
            start_new_session=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        for fd in ours:
            os.close(fd)
        raise CannotStart(_words(argv[0], cwd, error)) from error
    finally:
        for fd in (in_read, out_write, err_write):
            if fd >= 0:
                os.close(fd)
    for fd in ours:
        os.set_blocking(fd, False)
    process.returncode = 0  # reaped by Children; Popen would warn of, and wait for, a process it thinks alive
    identity = SYSTEM.identify(process.pid)
    assert identity is not None, "a child that nobody has reaped has an identity"
    return Started(identity, out_read, err_read, in_write)


def _words(program: str, cwd: str, error: Exception) -> str:
    if (
        isinstance(error, OSError)
        and error.filename is not None
        and os.fspath(error.filename) == cwd != program
    ):
        return f"Cannot start {program!r}: working directory {cwd!r}: {error.strerror}."
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"Cannot start {program!r}: {reason}."
