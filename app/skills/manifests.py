"""Reads `skills/*/manifest.json|yaml` with `skill.md`. What is wrong is named, and never stops the others."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from app.domain.errors import AppError
from app.domain.limits import NAME, TEXT, TITLE, name as checked_name, text as checked_text
from app.domain.skills import Skill, SkillProblem, SkillProblemCode, SkillRole

FOLDER: Final = "skills"
MANIFESTS: Final = ("manifest.json", "manifest.yaml", "manifest.yml")
INSTRUCTIONS: Final = "skill.md"
MANIFEST_BYTES: Final = 64 * 1024
MOST: Final = 1_000
"""How many folders are looked at in one place."""

_FIELDS: Final = ("name", "version", "role", "description")
"""What a manifest has to say. It may say more: other programs read it too."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Skills by name, and everything that was wrong with folders beside them."""

    skills: list[Skill] = field(default_factory=list)
    problems: list[SkillProblem] = field(default_factory=list)


class _Wrong(Exception):
    def __init__(self, code: SkillProblemCode, path: Path, message: str) -> None:
        super().__init__(message)
        self.problem = SkillProblem(code, str(path), message)


def load(*places: str) -> Loaded:
    """The skills in the folder `skills` of each place. An earlier place's skill hides a later one's of the same name."""
    loaded = Loaded()
    taken: set[str] = set()
    for place in filter(None, places):
        own: dict[str, Skill] = {}
        for folder in _folders(Path(place) / FOLDER):
            try:
                skill = _read(folder)
                if skill.name in own:
                    raise _Wrong(
                        SkillProblemCode.NAME_TAKEN,
                        folder,
                        f"{own[skill.name].path} has the name {skill.name!r} already.",
                    )
                own[skill.name] = skill
            except _Wrong as wrong:
                loaded.problems.append(wrong.problem)
        loaded.skills.extend(skill for name, skill in own.items() if name not in taken)
        taken.update(own)
    loaded.skills.sort(key=lambda skill: skill.name)
    return loaded


def _folders(place: Path) -> Iterable[Path]:
    try:
        found = sorted(one for one in place.iterdir() if one.is_dir() and not one.name.startswith("."))
    except OSError:
        return []  # most projects have none
    return found[:MOST]


def _read(folder: Path) -> Skill:
    manifests = [path for path in (folder / name for name in MANIFESTS) if path.exists()]
    if not manifests:
        raise _Wrong(SkillProblemCode.MANIFEST_MISSING, folder, f"It has none of {', '.join(MANIFESTS)}.")
    if len(manifests) > 1:
        names = " and ".join(path.name for path in manifests)
        raise _Wrong(SkillProblemCode.MANIFEST_AMBIGUOUS, folder, f"It has {names}: keep one.")
    values = _manifest(manifests[0])
    role = _role(values["role"], manifests[0])
    text = _instructions(folder / INSTRUCTIONS)
    content = json.dumps([values, text], sort_keys=True)
    return Skill(
        name=values["name"],
        version=values["version"],
        role=role,
        description=values["description"],
        text=text,
        path=str(folder),
        digest=hashlib.sha256(content.encode()).hexdigest(),
    )


def _manifest(path: Path) -> dict[str, str]:
    text = _text(path, MANIFEST_BYTES, SkillProblemCode.MANIFEST_UNREADABLE)
    try:
        found = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise _Wrong(SkillProblemCode.MANIFEST_UNREADABLE, path, f"It cannot be parsed: {words}.") from error
    if not isinstance(found, dict):
        raise _Wrong(SkillProblemCode.MANIFEST_UNREADABLE, path, "It is not a mapping of fields.")
    return {name: _field(found, name, path) for name in _FIELDS}


def _field(found: dict[str, Any], name: str, path: Path) -> str:
    if name not in found:
        raise _Wrong(SkillProblemCode.FIELD_MISSING, path, f"It does not say {name!r}.")
    value = found[name]
    if not isinstance(value, str):
        raise _Wrong(
            SkillProblemCode.FIELD_INVALID,
            path,
            f"{name!r} is {value!r}; it has to be text: put it in quotes.",
        )
    try:
        if name == "description":
            return checked_text(value, limit=TITLE)
        return checked_name(value, limit=NAME)
    except AppError as error:
        raise _Wrong(SkillProblemCode.FIELD_INVALID, path, f"{name!r}: {error.message}") from error


def _role(value: str, path: Path) -> SkillRole:
    try:
        return SkillRole(value.upper())
    except ValueError as error:
        roles = ", ".join(SkillRole)
        raise _Wrong(
            SkillProblemCode.ROLE_UNKNOWN, path, f"There is no role {value!r}; there are {roles}."
        ) from error


def _instructions(path: Path) -> str:
    if not path.exists():
        raise _Wrong(SkillProblemCode.TEXT_MISSING, path, f"There is no {INSTRUCTIONS} beside the manifest.")
    text = _text(path, TEXT, SkillProblemCode.TEXT_UNREADABLE)
    try:
        return checked_text(text)
    except AppError as error:
        raise _Wrong(SkillProblemCode.TEXT_UNREADABLE, path, error.message) from error


def _text(path: Path, most: int, code: SkillProblemCode) -> str:
    if not path.is_file():
        raise _Wrong(code, path, "It is not a regular file.")  # a FIFO would be waited for without end
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise _Wrong(code, path, f"It cannot be read: {(error.strerror or str(error)).lower()}.") from error
    if len(content) > most:
        raise _Wrong(code, path, f"It is larger than {most:,} bytes.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Wrong(code, path, "It is not UTF-8 text.") from error
