"""Lines that name what a task depends on: `**Dependencies**: T012`, `- Blocked by: 2.1`, `依赖: 1.1`."""

import re
from dataclasses import dataclass
from typing import Final

_BULLET: Final = r"[\s>]*(?:[-*+]\s+)?[*_`]*"
_COLON: Final = r"[*_`]*\s*[:\uff1a][*_`]*\s*(?P<rest>.*)"
# Says so of tasks and of nothing else: a bare number behind it is one.
_OF_TASKS = re.compile(
    _BULLET
    + r"(?i:(?:task\s+)?(?:dependencies|dependency)|depends(?:[\s_-]?on)?|deps|(?:is\s+)?blocked[\s_-]by"
    r"|依赖(?:关系|任务|项)?|依賴(?:關係|任務)?|前置(?:任务|任務|条件|條件)|依存(?:関係|タスク|先)?|先行タスク|前提タスク"
    r"|의존성|의존 관계|선행 작업|dépendances?|dépend de|abhängigkeit(?:en)?|hängt ab von|dependencias?|depende de"
    r"|dependências?|dipendenze|зависимости|зависит от|залежності|zależności|ba\u011f\u0131ml\u0131l\u0131klar)"
    + _COLON
)
# May speak of anything: only what is an id for certain counts.
_OF_ANYTHING = re.compile(
    _BULLET + r"(?i:prerequisites?|prereqs?|requires|needs|after|blockers?|前提条件|前提)" + _COLON
)
_NONE = re.compile(
    r"[*_`(]*(?:none|nothing|no\b|n/a|nil|-+|\u2013|—|なし|無し|无|無|没有|없음|keine?\b|ningun[ao]?s?|nenhum[ao]?s?|aucune?"
    r"|nessuna|нет|немає|brak|yok)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Field:
    rest: str
    """What stands behind the colon."""
    of_tasks: bool
    """It can speak of nothing but tasks."""

    @property
    def is_none(self) -> bool:
        return self.of_tasks and _NONE.match(self.rest) is not None


def field_in(line: str) -> Field | None:
    if ":" not in line and "\uff1a" not in line:
        return None
    for pattern in (_OF_TASKS, _OF_ANYTHING):
        found = pattern.fullmatch(line)
        if found is not None:
            return Field(found["rest"], pattern is _OF_TASKS)
    return None
