"""A Redis of a test's own, on a free port of the loopback, that can be ended and started again."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import REQUIRE_ALL


def program() -> str:
    """Where redis-server is; the test is skipped where there is none, unless skips are failures."""
    found = shutil.which("redis-server")
    if found is None:
        reason = "there is no redis-server"
        if REQUIRE_ALL:
            pytest.fail(reason)
        pytest.skip(reason)
    return found


class RedisServer:
    def __init__(self, directory: Path) -> None:
        self._program = program()
        self._directory = directory
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self._directory / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(self._program, "--bind", "127.0.0.1", "--port", str(self.port)),
                    *("--save", "", "--appendonly", "no", "--dir", str(self._directory)),
                ],
                stdout=log,
                stderr=log,
                env={"PATH": os.environ.get("PATH", "")},
            )
        deadline = time.monotonic() + 20
        while not self._answers():
            assert self._process.poll() is None, (self._directory / "redis.log").read_text()
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.02)

    def stop(self) -> None:
        """End it, by its process, and every connection with it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
