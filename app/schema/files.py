"""What a mutation has to look up on disk before its transaction begins: roots, plans, executables, files to inject.

Runs in a thread, because a network file system may take its time.
"""

import hashlib
import os
import shutil
import stat
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from app import plans
from app.commands.context import Item
from app.commands.runs import PlanSource
from app.context import NoSkeleton, count_tokens, language_of, skeleton
from app.domain import limits
from app.domain.errors import AppError
from app.domain.plans import Plan
from app.schema.enums import ContextKind, ErrorCode, PlanFormat

_HIDDEN_FROM_AGENTS = frozenset({".git", ".ssh", ".gnupg", ".aws", ".netrc"})
"""Parts of a path that are never handed out: they hold credentials or run code."""


def root(path: str) -> str:
    """A project's root: an absolute path of a directory that exists, without symbolic links."""
    limits.name(path, "input", "root", limit=4096)
    given = Path(path)
    if not given.is_absolute():
        raise limits.invalid("A project's root is an absolute path.", ["input", "root"])
    try:
        found = given.resolve(strict=True)
        is_directory = found.is_dir()
    except (OSError, RuntimeError) as error:
        raise limits.invalid(
            f"{path} cannot be used: {_words(error)}.", ["input", "root"], "Make the directory first."
        ) from error
    if not is_directory:
        raise limits.invalid(f"{path} is not a directory.", ["input", "root"])
    return str(found)


def read_plan_file(project_root: str, path: str, format: PlanFormat | None = None) -> tuple[Plan, PlanSource]:
    where = ["input", "plan", "path"]
    content = _read(project_root, path, limits.PLAN_FILE, where)
    plan = plans.read(content, name=path, format=format)
    text = content.decode("utf-8", errors="replace")
    return plan, _source(plan, text, path)


def read_plan_text(text: str, format: PlanFormat) -> tuple[Plan, PlanSource]:
    if len(text) > limits.PLAN_TEXT:
        raise limits.too_large(
            "The plan", limits.PLAN_TEXT, "characters", ["input", "plan", "text", "content"]
        )
    plan = plans.read(text, name="plan", format=format)
    return plan, _source(plan, text, None)


def read_context_file(project_root: str, path: str, where: Sequence[str]) -> Item:
    """A file of the project, as it is now."""
    content = _read(project_root, path, limits.CONTEXT_BYTES, where)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise limits.invalid(f"{path} is not a UTF-8 text file.", where) from error
    return Item(ContextKind.FILE, text, count_tokens(text), path)


def read_skeleton(project_root: str, path: str, where: Sequence[str]) -> Item:
    """A file of the project without the bodies of its functions, as it is now."""
    whole = read_context_file(project_root, path, where)
    language = language_of(path)
    if language is None:
        raise limits.invalid(
            f"There is no skeleton for a file like {path}.", where, "Give the whole file: `file`."
        )
    try:
        text = skeleton(whole.content, language)
    except NoSkeleton as error:
        raise limits.invalid(
            f"{path} has no skeleton: {error}.", where, "Mend the file, or give it whole: `file`."
        ) from error
    return Item(ContextKind.SKELETON, text, count_tokens(text), path)


def check_executable(argv: Sequence[str], project_root: str, where: Sequence[str]) -> None:
    """Refuse what could never start on this host. A path inside the project may still be made by an earlier task."""
    program = argv[0]
    if "/" not in program:
        missing = shutil.which(program) is None
    else:
        path = os.path.normpath(os.path.join(project_root, program))
        inside = os.path.commonpath([project_root, path]) == project_root
        missing = not inside and not os.access(path, os.X_OK)
        if os.path.isdir(path):
            raise limits.invalid(f"{program} is a directory.", where)
    if missing:
        raise limits.invalid(
            f"There is no executable {program!r}.",
            where,
            "Name a program on the PATH of the server, an absolute path, or one relative to the project's root.",
        )


def _source(plan: Plan, text: str, path: str | None) -> PlanSource:
    return PlanSource(
        path=path,
        format=plan.format,
        hash=hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest(),
        text=text.replace("\0", ""),
    )


def _read(project_root: str, path: str, most: int, where: Sequence[str]) -> bytes:
    """The bytes of a regular file inside the project. Symbolic links may not lead out of it."""
    parts = _inside(project_root, path, where)
    try:
        descriptor = _open(project_root, parts)
    except OSError as error:
        raise limits.invalid(f"{path} cannot be read: {_words(error)}.", where) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise limits.invalid(f"{path} is not a regular file.", where)
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(most + 1)
    finally:
        os.close(descriptor)
    if len(content) > most:
        raise limits.too_large(path, most, "bytes", where)
    return content


def _open(project_root: str, parts: Sequence[str]) -> int:
    """Step by step and through no link: between the check and this somebody may have put one in the way."""
    directory = os.open(project_root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            step = os.open(
                part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory
            )
            os.close(directory)
            directory = step
        # a FIFO would wait for a writer for ever, a device might never end
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(parts[-1] if parts else ".", flags, dir_fd=directory)
    finally:
        os.close(directory)


def _inside(project_root: str, path: str, where: Sequence[str]) -> tuple[str, ...]:
    """The steps from the project's root to what the path names, links followed."""
    limits.name(path, *where, limit=4096)
    if any(unicodedata.category(character) == "Cf" for character in path):
        raise limits.invalid("A path may not hold invisible characters.", where)
    resolved = os.path.realpath(os.path.join(project_root, path))
    if os.path.commonpath([project_root, resolved]) != project_root:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            f"{path} lies outside the project.",
            suggestion=f"Paths stay below {project_root}.",
            path=where,
        )
    parts = Path(resolved).relative_to(project_root).parts
    if _HIDDEN_FROM_AGENTS.intersection(parts):
        raise limits.invalid(f"{path} is never handed out.", where)
    return parts


def _words(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
