"""Instructions that workers are started with, and what can be wrong with their manifests."""

from dataclasses import dataclass
from enum import StrEnum


class SkillRole(StrEnum):
    ORCHESTRATOR = "ORCHESTRATOR"
    WORKER = "WORKER"
    CLI = "CLI"


class SkillProblemCode(StrEnum):
    MANIFEST_MISSING = "MANIFEST_MISSING"
    MANIFEST_UNREADABLE = "MANIFEST_UNREADABLE"
    MANIFEST_AMBIGUOUS = "MANIFEST_AMBIGUOUS"
    FIELD_MISSING = "FIELD_MISSING"
    FIELD_INVALID = "FIELD_INVALID"
    ROLE_UNKNOWN = "ROLE_UNKNOWN"
    NAME_TAKEN = "NAME_TAKEN"
    TEXT_MISSING = "TEXT_MISSING"
    TEXT_UNREADABLE = "TEXT_UNREADABLE"


@dataclass(frozen=True, slots=True)
class Skill:
    """`text` is Markdown; `digest` changes whenever anything of the skill does."""

    name: str
    version: str
    role: SkillRole
    description: str
    text: str
    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class SkillProblem:
    """Why a folder is not taken as a skill. `path` is the file or folder that is to be mended."""

    code: SkillProblemCode
    path: str
    message: str
