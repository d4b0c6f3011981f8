"""Which files a project has, and what each would cost an agent to read."""

import hashlib
import os
import stat
import subprocess
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from app.context.languages import Language, language_of
from app.context.skeletons import VERSION, NoSkeleton, skeleton
from app.context.tokens import count_tokens

MOST_FILES: Final = 20_000
MOST_BYTES: Final = 256 * 1024
"""A larger file is rarely written by hand, and parsing it would hold up everything else."""

_GIT_SECONDS: Final = 30
_LEFT_OUT: Final = frozenset({"__pycache__", "build", "dist", "node_modules", "target", "vendor", "venv"})


@dataclass(frozen=True, slots=True)
class Seen:
    """A look at a file from outside: enough to tell that it was changed."""

    size: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Content:
    """A file as it was read. `skeleton` is None where its language has none; `error` says why it is no context."""

    digest: str = ""
    language: str | None = None
    tokens: int | None = None
    skeleton: str | None = None
    error: str | None = None


def find(root: str, *, most: int = MOST_FILES) -> dict[str, Seen]:
    """The regular files of a project by their path from its root; those that git ignores are left out.

    Symbolic links are left out too: they may lead anywhere. Beyond `most` files the rest is left out.
    """
    found: dict[str, Seen] = {}
    for path in _listed_by_git(root) or _walked(root):
        if len(found) == most:
            break
        try:
            status = os.lstat(os.path.join(root, path))
        except OSError:
            continue  # deleted since it was listed
        if stat.S_ISREG(status.st_mode):
            found[path] = Seen(status.st_size, status.st_mtime_ns)
    return found


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read, and what its skeleton is kept by."""

    text: str
    language: Language | None
    digest: str


def read(root: str, path: str) -> Source | Content:
    """Read one file; a `Content` says why it cannot be given to anybody."""
    try:
        with open(
            os.open(os.path.join(root, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb"
        ) as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        return Content(error=f"It cannot be read: {(error.strerror or str(error)).lower()}.")
    if len(content) > MOST_BYTES:
        return Content(error=f"It is larger than {MOST_BYTES:,} bytes.")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return Content(error="It is not UTF-8 text.")
    if "\0" in text:
        return Content(error="It is not text: it holds NUL characters.")
    language = language_of(path)
    return Source(text, language, digest(text, language))


def measure(source: Source, known: Collection[str]) -> Content:
    """What an agent could be given. A skeleton whose digest is in `known` is not made again."""
    tokens, language, key = count_tokens(source.text), source.language, source.digest
    if language is None:
        return Content(key, None, tokens)
    if key in known:
        return Content(key, language.name, tokens)
    try:
        return Content(key, language.name, tokens, skeleton(source.text, language))
    except NoSkeleton as error:
        return Content(key, language.name, tokens, error=f"It has no skeleton: {error}.")


def digest(text: str, language: Language | None) -> str:
    """What a skeleton is cached by: the same text of the same language has the same one, whatever its name."""
    name = language.name if language is not None else ""
    return hashlib.sha256(f"{VERSION}:{name}:".encode() + text.encode("utf-8", "surrogatepass")).hexdigest()


def _listed_by_git(root: str) -> list[str] | None:
    """What git knows or would add, or None where the project is no git repository."""
    if not os.path.exists(os.path.join(root, ".git")):
        return None
    # no program that a repository's own configuration names is to be run: agents may write it
    listing = ["git", "-c", "core.fsmonitor=false", "-c", f"safe.directory={root}", "ls-files", "-z"]
    try:
        answer = subprocess.run(
            [*listing, "--cached", "--others", "--exclude-standard", "--deduplicate"],
            cwd=root,
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return [
        path for path in answer.stdout.decode("utf-8", "replace").split("\0") if path and not _hidden(path)
    ]


def _walked(root: str) -> Iterator[str]:
    for directory, below, names in os.walk(root):
        below[:] = sorted(name for name in below if name not in _LEFT_OUT and not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield os.path.relpath(os.path.join(directory, name), root)


def _hidden(path: str) -> bool:
    """Dot files hold settings and credentials, rarely what a task is about."""
    return any(part.startswith(".") for part in PurePosixPath(path).parts)
