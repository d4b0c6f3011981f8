"""What a runner is told when it is started: which worker, with which token, and where the server is found."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.agents.assignments import Place

_WORKER_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
GIVE_UP_SECONDS = 600.0


class BadLaunch(Exception):
    """The line says too little, or something impossible."""


@dataclass(frozen=True, slots=True)
class Launch:
    worker_id: str
    fence: int
    token: str
    directory: Path
    server_file: Path | None
    url: str | None
    give_up_seconds: float = GIVE_UP_SECONDS

    @property
    def place(self) -> Place:
        return Place(self.worker_id, self.directory)

    def address(self) -> str:
        """Read anew at every try: a restarted server has another port. OSError or ValueError when it cannot be told."""
        if self.url is not None:
            return self.url
        assert self.server_file is not None
        server = json.loads(self.server_file.read_text())
        url = server.get("url") if isinstance(server, dict) else None
        if not isinstance(url, str):
            raise ValueError(f"{self.server_file} names no url")
        return url


def parse(line: bytes) -> Launch:
    try:
        fields = json.loads(line)
    except ValueError as error:
        raise BadLaunch("not JSON") from error
    if not isinstance(fields, dict):
        raise BadLaunch("not an object")
    worker_id = _text(fields, "workerId")
    if not _WORKER_ID.fullmatch(worker_id):
        raise BadLaunch("workerId is not an id")
    fence = fields.get("fence")
    if type(fence) is not int:
        raise BadLaunch("fence is not an integer")
    directory = Path(_text(fields, "directory"))
    server_file = Path(_text(fields, "serverFile")) if fields.get("serverFile") is not None else None
    url = _text(fields, "url") if fields.get("url") is not None else None
    if server_file is None and url is None:
        raise BadLaunch("serverFile or url is needed")
    if not directory.is_absolute() or (server_file is not None and not server_file.is_absolute()):
        raise BadLaunch("directory and serverFile must be absolute")
    give_up = fields.get("giveUpSeconds", GIVE_UP_SECONDS)
    if not isinstance(give_up, int | float):
        raise BadLaunch("giveUpSeconds is not a number")
    return Launch(worker_id, fence, _text(fields, "token"), directory, server_file, url, float(give_up))


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value or "\0" in value:
        raise BadLaunch(f"{name} is not a text")
    return value
