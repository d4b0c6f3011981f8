"""How this very program is started again: as a server of our own, and by the agents that a server starts."""

import os
import shlex
import sys
import sysconfig
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


def command_line() -> list[str]:
    """`trackside`, whatever the working directory holds: a project may well have a package `app` of its own."""
    if str(ROOT) in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        return [sys.executable, "-P", "-m", "app"]
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from app.cli import main; main()"
    return [sys.executable, "-P", "-c", start]


def offer(directory: Path, environment: MutableMapping[str, str]) -> None:
    """Put this very `trackside` first on the PATH of what is started from here, so that agents find it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    script = directory / "trackside"
    script.write_text(f'#!/bin/sh\nexec {shlex.join(command_line())} "$@"\n')
    script.chmod(0o700)
    environment["PATH"] = os.pathsep.join([str(directory), environment.get("PATH") or os.defpath])
