"""The ids a document gives its tasks, and keys for tasks it gives none."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

_SEPARATOR: Final = r"(?:\s*[:\uff1a.)\]]+\s*|\s*[—\u2013-]\s+|\s+|$)"
TASK_WORD: Final = r"(?i:task|タスク|任务|任務|작업|tarea|tarefa|t[âa]che|aufgabe|taak|задача|завдання|zadanie|úkol|görev|uppgift)"
_NUMBER: Final = r"\d+(?:[.-]\d+)*[a-z]?"

_OF_TASKS: Final = (
    re.compile(rf"(?P<id>(?i:task)-\d+(?:[.-]\d+)*[a-z]?)(?![\w/]){_SEPARATOR}"),
    # `Task 1.1 — …`, `Task 3: …`, `Task P1-2: …`; a single letter needs a separator: `Task A: …`
    re.compile(
        rf"{TASK_WORD}\s*#?(?P<id>(?:[A-Z]{{1,5}}[.-]?)?{_NUMBER}|(?<=\s)[A-Z](?=\s*[:\uff1a—\u2013]))"
        rf"(?![\w/]){_SEPARATOR}"
    ),
)
_CERTAIN: Final = (
    *_OF_TASKS,
    re.compile(r"\[(?P<id>[A-Za-z]+\d*-\d+(?:\.\d+)*[a-z]?|T\d+[A-Za-z]?|\d+(?:\.\d+)+)\]" + _SEPARATOR),
    re.compile(
        rf"(?P<id>T\d{{2,}}[A-Za-z]?(?:\.\d+)*)(?![\w/-])(?:{_SEPARATOR}|[、\uff0c,]\s*|(?=[\[(\uff08]))"
    ),
)
# A heading that begins so is a task of spec-kit: `T001: …`, `T002 [P] …`, `T3. …`
_OF_SPEC_KIT = re.compile(
    r"(?P<id>T(?:\d{3,}[A-Za-z]?|\d{1,2}(?=[.:\uff1a])))(?![\w/-])(?:\s*[:\uff1a.]\s*|\s+|$)"
)
# Ids only where most tasks start so: otherwise `2.0 release` or `SHA-256 for …` would lose a part of their meaning.
_NUMBERS: Final = (
    re.compile(rf"(?P<id>\d+(?:\.\d+)+[a-z]?)(?![\w/%-]){_SEPARATOR}"),
    re.compile(r"(?P<id>\d+[a-z]?)[.):\uff1a]\s+"),
)
_LETTERS: Final = (
    re.compile(rf"(?P<id>[A-Z][A-Z0-9]{{0,11}}-\d+(?:\.\d+)*[a-z]?)(?![\w/]){_SEPARATOR}"),
    re.compile(rf"(?P<id>[A-Z]{{1,4}}\d+(?:\.\d+)*[a-z]?|[A-Z](?:\.\d+)+)(?![\w/]){_SEPARATOR}"),
)
# `1.1 / 1.2 …`, `1.1-1.3 …`: one task for several ids, all of which stay in its title
_MORE_IDS = re.compile(r"\s*(?:[/,&+\u2013-]|and|to)\s*[A-Z]{0,5}\d")
_LONGEST: Final = 60
_MAY_BE_ONE = re.compile(rf"[\d\[~`]|[A-Z][A-Z0-9]{{0,11}}[-.]?\d|{TASK_WORD}")
"""What every id starts with; most titles start otherwise and need no closer look."""
# What people put around or before an id: `~~T002 …~~`, `~~T006~~ …`, "`T008` …", `[P] [US1] T022 …`
_STRUCK = re.compile(r"~~(?P<inside>[^~]+)~~(?P<rest>.*)", re.DOTALL)
_QUOTED = re.compile(r"`(?P<inside>[^`\s]{1,60})`[:\uff1a]?(?P<rest>(?:\s.*)?)", re.DOTALL)
_LABELLED = re.compile(r"(?P<labels>(?:\[(?:P|US-?\d{1,3})\]\s*)+)(?P<rest>T\d.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Named:
    id: str | None
    title: str


def named(titles: Sequence[str]) -> list[Named]:
    """Every title with the id it starts with, taken off."""
    names = [_split(title, _CERTAIN) for title in titles]
    for patterns, least in ((_NUMBERS, 1), (_LETTERS, 2)):
        wider = [name if name.id else _split(name.title, patterns) for name in names]
        count = sum(1 for name in wider if name.id)
        if count >= least and 2 * count >= len(titles):
            names = wider
    return names


def is_certain(title: str) -> bool:
    """Whether a title names itself a task: `Task 3`, `T012`, `[SETUP-001]`."""
    return _split(title, _CERTAIN).id is not None


def of_task(title: str) -> str | None:
    """The id of a heading that calls itself a task: `Task 1.1 — …`, `TASK-001: …`."""
    return _split(title, (*_OF_TASKS, _OF_SPEC_KIT)).id


def is_of_spec_kit(id: str) -> bool:
    return _OF_SPEC_KIT.fullmatch(f"{id}:") is not None


def of_section(title: str) -> str | None:
    """The number of a heading: `Task 1.1 — …`, `3.2 Storage`."""
    return _split(title, (*_OF_TASKS, *_NUMBERS)).id


def _split(title: str, patterns: Sequence[re.Pattern[str]]) -> Named:
    if _MAY_BE_ONE.match(title) is None:
        return Named(None, title)
    name = _at_start(title, patterns)
    if name.id is not None:
        return name
    if (struck := _STRUCK.match(title)) is not None:
        inside = _at_start(struck["inside"], patterns)
        is_all = inside.title == struck["inside"]
        text = struck["rest"].strip() if is_all else f"~~{inside.title}~~{struck['rest']}"
        return Named(inside.id, text or title) if inside.id is not None else name
    if (quoted := _QUOTED.match(title)) is not None:
        return _at_start(f"{quoted['inside']}{quoted['rest']}", patterns, otherwise=title)
    if (labelled := _LABELLED.match(title)) is not None:
        inside = _at_start(labelled["rest"], patterns)
        return Named(inside.id, f"{labelled['labels']}{inside.title}") if inside.id is not None else name
    return name


def _at_start(title: str, patterns: Iterable[re.Pattern[str]], *, otherwise: str | None = None) -> Named:
    for pattern in patterns:
        found = pattern.match(title)
        if found is None or len(found["id"]) > _LONGEST:
            continue
        rest = title[found.end() :]
        if not rest or _MORE_IDS.match(title, found.end("id")):
            rest = title
        return Named(found["id"], rest)
    return Named(None, title if otherwise is None else otherwise)


class Keys:
    """Gives out keys, each once. Ids of the document go before made ones."""

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self._reserved = frozenset(reserved)
        self._used: set[str] = set()
        self._counters: dict[str, int] = {}

    def take(self, wanted: str) -> str:
        """The id itself, or with `~2`, `~3` … where it is taken."""
        key = wanted
        while key in self._used or (key != wanted and key in self._reserved):
            self._counters[wanted] = self._counters.get(wanted, 1) + 1
            key = f"{wanted}~{self._counters[wanted]}"
        self._used.add(key)
        return key

    def make(self, prefix: str) -> str:
        """`prefix.1`, `prefix.2` … without those that the document or an earlier task has."""
        ordinal = self._counters.get(f"{prefix}.", 0) + 1
        while (key := f"{prefix}.{ordinal}") in self._used or key in self._reserved:
            ordinal += 1
        self._counters[f"{prefix}."] = ordinal
        self._used.add(key)
        return key
