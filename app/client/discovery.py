"""How a client finds its server and its token: what it is told, the environment, or the files a server leaves behind."""

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.client.addresses import same_server
from app.client.errors import NoServer

SERVER_FILE: Final = "server.json"
TOKEN_FILE: Final = "token"
LOCAL: Final = "local"
"""Below the state directory: the data directories of servers that `trackside run` starts for itself."""


def state_dir(environment: Mapping[str, str]) -> Path:
    """Where Trackside keeps what is neither configuration nor cache. XDG paths that are not absolute do not count."""
    stated = environment.get("XDG_STATE_HOME", "")
    base = Path(stated) if os.path.isabs(stated) else Path.home() / ".local" / "state"
    return base / "trackside"


def _in_settings_file(environment: Mapping[str, str]) -> str | None:
    """The data directory that the server's settings file names. What is wrong with the file is for the server to say."""
    stated = environment.get("XDG_CONFIG_HOME", "")
    base = Path(stated) if os.path.isabs(stated) else Path.home() / ".config"
    path = environment.get("TRACKSIDE_CONFIG") or base / "trackside" / "config.toml"
    try:
        found = tomllib.loads(Path(path).read_text("utf-8")).get("data_dir")
    except (OSError, ValueError):
        return None
    return found if isinstance(found, str) else None


@dataclass(frozen=True, slots=True)
class Located:
    """`pid` is the server's process on this machine, where that is known."""

    url: str
    token: str | None
    pid: int | None = None

    @property
    def gone(self) -> bool:
        """Whether the server's process is known to have ended: asking again is of no use."""
        return self.pid is not None and not _alive(self.pid)


@dataclass(frozen=True, slots=True)
class Discovery:
    """Looks anew at every call, because a restarted server may have another address.

    What was given by hand comes first, then the environment, then the files in the data directory.
    """

    environment: Mapping[str, str]
    url: str | None = None
    token: str | None = None
    data_dir: Path | None = None

    def locate(self) -> Located:
        if self.url is not None:
            return self._at(self.url)
        if self.data_dir is not None:
            return self._in_data_dir(self.data_dir)
        if (given := self._given_to_worker()) is not None:
            return given
        if url := self.environment.get("TRACKSIDE_URL"):
            return self._at(url)
        return self._on_this_machine()

    def _at(self, url: str) -> Located:
        """A token from a file goes only to the server whose address stands beside it."""
        token = self.token or self.environment.get("TRACKSIDE_TOKEN")
        if token:
            return Located(url, token)
        for directory in self._directories():
            found = read(directory)
            if found is not None and found.token and same_server(found.url, url):
                return Located(url, found.token, found.pid)
        return Located(url, None)

    def _in_data_dir(self, directory: Path) -> Located:
        found = read(directory)
        if found is None:
            raise NoServer(
                f"No server is running with the data directory {directory}.",
                suggestion=f"Start one: trackside serve --data-dir {directory}",
            )
        return Located(found.url, self.token or found.token, found.pid)

    def _given_to_worker(self) -> Located | None:
        """A worker outlives its server: the file says where the next one is, the variable only where the first one was."""
        file = self.environment.get("TRACKSIDE_SERVER_FILE")
        token = self.token or self.environment.get("TRACKSIDE_TOKEN")
        if not file or not token:
            return None
        found = read(Path(file).parent)
        return Located(found.url, token) if found is not None else None

    def _on_this_machine(self) -> Located:
        token = self.token or self.environment.get("TRACKSIDE_TOKEN")
        usual = read(self._usual)
        if usual is not None and not usual.gone:
            return Located(usual.url, token or usual.token, usual.pid)
        local = [(at, found) for at in self._local() if (found := read(at)) is not None and not found.gone]
        if len(local) == 1:
            found = local[0][1]
            return Located(found.url, token or found.token, found.pid)
        if local:
            urls = ", ".join(found.url for _, found in local)
            raise NoServer(
                f"{len(local)} servers of `trackside run` are at work: {urls}.",
                suggestion=f"Say which one: --url {local[0][1].url}",
            )
        raise NoServer(
            "No server is running here.",
            suggestion="Start one with `trackside serve`, or say where one is: --url or TRACKSIDE_URL.",
        )

    @property
    def _usual(self) -> Path:
        stated = self.environment.get("TRACKSIDE_DATA_DIR") or _in_settings_file(self.environment)
        return Path(stated) if stated else state_dir(self.environment)

    def _directories(self) -> Iterator[Path]:
        if self.data_dir is not None:
            yield self.data_dir
        yield self._usual
        yield from self._local()

    def _local(self) -> Iterator[Path]:
        try:
            yield from sorted(entry for entry in (state_dir(self.environment) / LOCAL).iterdir())
        except OSError:
            return


def read(directory: Path) -> Located | None:
    """What a server left in its data directory, or None where there is nothing of use."""
    try:
        server = json.loads((directory / SERVER_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    url = server.get("url") if isinstance(server, dict) else None
    if not isinstance(url, str):
        return None
    pid = server.get("pid")
    return Located(url, _token(directory), pid if type(pid) is int and pid > 0 else None)


def _token(directory: Path) -> str | None:
    try:
        return (directory / TOKEN_FILE).read_text("utf-8").strip() or None
    except (OSError, ValueError):
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
