"""Which headings of a document are its phases, and what they are called."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Final

from app.plans import titles
from app.plans.commonmark import BOX
from app.plans.outline import Heading

Path = Sequence[Heading]
"""The headings around a task, outermost first."""

_WORD: Final = (
    r"(?:phase|フェーズ|阶段|階段|段階|단계|페이즈|fase|faza|fáze|fas|фаза|этап|етап|étape|etapa|aşama|tahap"
    r"|giai đoạn|vaihe)"
)
_NUMERAL: Final = r"[ivx]+|[a-h]|one|two|three|four|five|six|seven|eight|nine|ten"
_PHASE = re.compile(
    rf"[^\w(]*(?:{_WORD}\s*[#:\uff1a-]?\s*(?P<number>\d+(?:[.-]\d+)*[a-z]?)\b"
    rf"|{_WORD}\s+(?:{_NUMERAL})\b"
    rf"|第\s*(?P<nth>\d+|[一二三四五六七八九十]+)\s*(?:阶段|階段|段階|フェーズ|期)"
    rf"|(?P<before>\d+)\s*(?:단계|\.?\s*(?:aşama|fáze)))",
    re.IGNORECASE,
)
_LEADING_NUMBER = re.compile(r"[^\w(]*(?P<number>\d+(?:\.\d+)*)(?:[.):\uff1a]|\s|$)")
# `Phase 1 Checkpoint` and the like speak of a phase without being one
_ABOUT_PHASE = re.compile(
    r"\s+(?:checkpoint|verification|validation|review|summary|notes?|gate)\b", re.IGNORECASE
)
_LEADING_MARK = re.compile(rf"{BOX}\s*")
_SLUG_LENGTH: Final = 60


def is_phase_name(text: str) -> bool:
    name = title_of(text)
    found = _PHASE.match(name)
    return found is not None and not _ABOUT_PHASE.match(name, found.end())


def title_of(text: str) -> str:
    title = titles.heading_title(text)
    return _LEADING_MARK.sub("", title, count=1) or title


def number_of(title: str) -> str | None:
    """`Phase 3.5: …` and `3.5 …` are number 3.5."""
    found = _PHASE.match(title) or _LEADING_NUMBER.match(title)
    if found is None:
        return None
    numbers = found.groupdict()
    number = numbers.get("number") or numbers.get("nth") or numbers.get("before")
    return number.lower() if number and number.isascii() else None


def level_of_phases(paths: Sequence[Path]) -> int:
    """The rank of headings that divides the tasks into phases."""
    return _level_of_named(paths) or _level_that_divides(paths)


def phase_of(path: Path, level: int) -> Heading | None:
    """The heading whose phase a task belongs to. Outside every heading of that rank its own section is one."""
    for heading in path:
        if heading.level >= level:
            return heading
    return path[-1] if path else None


def _level_of_named(paths: Sequence[Path]) -> int | None:
    """The highest rank of headings that call themselves a phase and hold at least half of the tasks."""
    tasks: Counter[int] = Counter()
    headings: dict[int, set[Heading]] = {}
    known: dict[Heading, bool] = {}
    for path in paths:
        for heading in path:
            if heading not in known:
                known[heading] = is_phase_name(heading.text)
            if known[heading]:
                tasks[heading.level] += 1
                headings.setdefault(heading.level, set()).add(heading)
    levels = [level for level in sorted(headings) if 2 * tasks[level] >= len(paths)]
    several = [level for level in levels if len(headings[level]) > 1]
    # one `# Phase 3: …` around everything is the title of the document
    lone = [level for level in levels if level > 1 or all(path[-1].level == 1 for path in paths if path)]
    return next(iter([*several, *lone]), None)


def _level_that_divides(paths: Sequence[Path]) -> int:
    """The highest rank of which there are several; one heading around everything is a title."""
    level = 1
    for level in sorted({heading.level for path in paths for heading in path}):
        holders = {heading for path in paths for heading in path if heading.level == level}
        if len(holders) > 1:
            return level
        (holder,) = holders
        is_around_others = any(path[-1] is not holder for path in paths if holder in path)
        holds_tasks_itself = any(path[-1] is holder for path in paths if path)
        if not is_around_others or (level > 1 and holds_tasks_itself):
            return level
    return level


def prefixes(phase_titles: Sequence[str]) -> list[str]:
    """For each phase what the keys of its tasks start with: its number in the document, else its place."""
    numbers = [number_of(title) for title in phase_titles]
    taken = {number for number in numbers if number is not None}
    found = []
    for place, number in enumerate(numbers, start=1):
        if number is None:
            while str(place) in taken:
                place += 1
            number = str(place)
            taken.add(number)
        found.append(number)
    return found


def key_of(title: str, prefix: str) -> str:
    """`phase-2` for a numbered phase, else the title as a slug."""
    plain = unicodedata.normalize("NFKD", title)
    foreign = any(character.isalpha() and not character.isascii() for character in plain)
    slug = "-".join(re.findall(r"[a-z0-9]+", plain.lower()))[:_SLUG_LENGTH].strip("-")
    return f"phase-{prefix}" if number_of(title) is not None or foreign or not slug else slug
