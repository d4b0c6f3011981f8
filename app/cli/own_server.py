"""A server for one `trackside run`: private, and gone when its owner is, however that ends."""

import asyncio
import secrets
import shutil
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final, NoReturn, Self

from app.cli.launcher import command_line
from app.client.discovery import LOCAL, Located, read, state_dir
from app.client.errors import TracksideError

OWNER_PIPE: Final = "TRACKSIDE_OWNER_PIPE"
"""Set to 1 for a server that ends, and everything it runs with it, when its standard input does."""

_CONFIG: Final = "TRACKSIDE_CONFIG"
_SERVING: Final = b"trackside: serving "
_RESTARTS: Final = 3
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 15.0
_ABANDON_SECONDS: Final = 30.0
_NOT_INHERITED: Final = frozenset(
    {
        "TRACKSIDE_URL",
        "TRACKSIDE_TOKEN",
        "TRACKSIDE_SERVER_FILE",
        "TRACKSIDE_DATA_DIR",
        "TRACKSIDE_DATABASE_URL",
        "TRACKSIDE_EVENTS_URL",
        "TRACKSIDE_HOST",
        "TRACKSIDE_PORT",
    }
)

_WHATEVER_A_FILE_SAYS: Final = (
    *("--host", "127.0.0.1", "--events-url", "memory://"),
    *("--database-url", "", "--token", ""),
)


class OwnServer:
    """`start` it, `keep` it while it is needed, end it by `stop` or `abandon`; `locate` finds it as any server is found."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self.directory = directory
        self.url = ""
        self._environment = environment
        self._process: Process | None = None
        self._drain: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, environment: Mapping[str, str]) -> Self:
        """Returns when it serves. Cancelled, it leaves nothing."""
        self = cls(_new_directory(state_dir(environment)), environment)
        try:
            await self._launch()
        except BaseException:
            self.discard()
            raise
        return self

    async def keep(self) -> NoReturn:
        """Start it again whenever it dies; it goes on where it was. Raises when it dies too often."""
        for _ in range(_RESTARTS + 1):
            assert self._process is not None
            await self._process.wait()
            await self._launch()
        raise TracksideError(
            "FAILED",
            f"The run's own server has died {_RESTARTS + 1} times.",
            suggestion=f"See {self.log_file}.",
        )

    def locate(self) -> Located:
        """Where it is, or was: one that has died is started again, so that it is worth waiting for."""
        found = read(self.directory)
        return Located(found.url, found.token) if found is not None else Located(self.url, None)

    @property
    def log_file(self) -> Path:
        return self.directory / "serve.log"

    async def stop(self) -> None:
        """SIGTERM: the runs stay as they are, so end the workers first."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.terminate()
        await self._ended(_STOP_SECONDS)

    async def abandon(self) -> None:
        """Close its input: it stops the runs and ends by itself."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._ended(_ABANDON_SECONDS)

    def discard(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

    async def _launch(self) -> None:
        self._process = process = await _launched(self.directory, self.log_file, self._environment)
        try:
            self.url = await _address(process, self.log_file)
        except BaseException:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        self._drain = asyncio.create_task(_drained(process))

    async def _ended(self, seconds: float) -> None:
        assert self._process is not None
        try:
            async with asyncio.timeout(seconds):
                await self._process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._drain is not None:
            await self._drain


def _new_directory(state: Path) -> Path:
    name = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    directory = state / LOCAL / name
    try:
        directory.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise TracksideError(
            "INVALID_INPUT",
            f"{directory} cannot be made: {(error.strerror or str(error)).lower()}.",
            suggestion="Set XDG_STATE_HOME to a directory that you may write to.",
        ) from error
    return directory


def _inherited(environment: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in environment.items() if name not in _NOT_INHERITED}
    if inherited.get(_CONFIG):  # the server stands in a directory of its own
        inherited[_CONFIG] = str(Path(inherited[_CONFIG]).absolute())
    return inherited


async def _launched(directory: Path, log_file: Path, environment: Mapping[str, str]) -> Process:
    with log_file.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *command_line(),
            *("serve", "--port", "0", "--data-dir", str(directory)),
            *_WHATEVER_A_FILE_SAYS,
            stdin=PIPE,
            stdout=PIPE,
            stderr=log,
            cwd=directory,
            env={**_inherited(environment), OWNER_PIPE: "1"},
            start_new_session=True,  # Ctrl-C in the terminal is meant for us: we end it in the right order
        )


async def _address(process: Process, log_file: Path) -> str:
    assert process.stdout is not None
    with suppress(TimeoutError):
        async with asyncio.timeout(_START_SECONDS):
            while line := await process.stdout.readline():
                if line.startswith(_SERVING):
                    return line.removeprefix(_SERVING).decode().strip()
            await process.wait()  # it is about to end: who kills it now hides its status from whoever waits
    raise _not_started(log_file)


def _not_started(log_file: Path) -> TracksideError:
    log = [
        line.strip() for line in log_file.read_text("utf-8", errors="replace").splitlines() if line.strip()
    ]
    refusals = [line for line in log if line.startswith("Error [")]
    why = (refusals or log or ["it said nothing"])[-1]
    return TracksideError(
        "FAILED",
        f"The server did not start: {why}",
        suggestion="Start one by hand to see more: trackside serve",
    )


async def _drained(process: Process) -> None:
    assert process.stdout is not None
    while await process.stdout.read(65536):
        pass
