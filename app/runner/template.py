"""A warm process to fork runners from: what they need is imported once, and a start costs a fork.

One JSON line in per launch, one out. Single-threaded, because a fork copies only the thread that calls it. At the end of
its input (the server is gone, however it went) it ends; the runners live on, each in a session of its own.
"""

import gc
import json
import logging
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from typing import NoReturn

from app.processes import signals
from app.processes.subreaper import set_process_name
from app.runner import main as runner
from app.runner.launches import BadLaunch, Launch, parse

_MAX_LINE_BYTES = 1024 * 1024
_CRASHED = 70
_MOST_COMPLAINTS = 1000


class Enough(logging.Filter):
    """The library that talks to agents complains of each message it does not know: that must not fill the disk."""

    def __init__(self) -> None:
        super().__init__()
        self._left = _MOST_COMPLAINTS

    def filter(self, record: logging.LogRecord) -> bool:
        self._left -= 1
        return self._left >= 0


def main() -> None:
    for name in [name for name in os.environ if name.startswith("TRACKSIDE_")]:
        del os.environ[name]  # the server's token and database are no agent's business
    signals.reset()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps runners
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger().handlers[0].addFilter(Enough())  # each runner gets a copy, and counts for itself
    set_process_name("ts-template")
    gc.collect()
    gc.freeze()  # the collector would otherwise write to, and so copy, every page it shares with the runners
    for line in _lines():
        try:
            _answer(_fork(line))
        except BrokenPipeError:
            return


def _lines() -> Iterator[bytes]:
    rest = b""
    while data := os.read(0, 65536):
        *complete, rest = (rest + data).split(b"\n")
        yield from complete
        if len(rest) > _MAX_LINE_BYTES:
            return


def _fork(line: bytes) -> dict[str, object]:
    worker_id = None
    try:
        launch = parse(line)
        worker_id = launch.worker_id
        pid = os.fork()
    except (BadLaunch, OSError) as error:
        return {"workerId": worker_id, "error": str(error)}
    if pid == 0:
        _become_runner(launch)
    return {"workerId": worker_id, "pid": pid}


def _answer(answer: dict[str, object]) -> None:
    os.write(1, json.dumps(answer).encode() + b"\n")


def _become_runner(launch: Launch) -> NoReturn:
    code = _CRASHED
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        set_process_name("ts-runner")
        launch.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _redirect(launch)
        code = runner.run(launch)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)  # not exit: what the template would do at its end is not ours to do


def _redirect(launch: Launch) -> None:
    """The server's pipes are not ours: as long as we held them it could not see the template's end."""
    null = os.open(os.devnull, os.O_RDWR)
    log = os.open(launch.directory / "runner.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for fd, target in ((null, 0), (null, 1), (log, 2)):
        os.dup2(fd, target)
    os.close(null)
    os.close(log)


if __name__ == "__main__":
    main()
