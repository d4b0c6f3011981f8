"""What a plan says about which task waits for which, in the lines of its tasks and in its sections about that."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from app.plans.outline import Heading
from app.plans.reading import Item, Reading
from app.plans.references import Mention, References

_MOST_OF_A_LINE: Final = 10_000
_MOST: Final = 500_000
"""Dependencies of one line and of a whole document; `T1-T9999 depend on T1-T9999` would be a hundred million."""
_LONGEST: Final = 2_000
"""Of a line, what is looked at."""

_STRONG: Final = (
    r"(?i:\b(?:depend(?:s|ent|ing)?\s+(?:up)?on|blocked\s+(?:by|on|until)|wait(?:s|ing)?\s+(?:for|on|until)|requires?|needs?"
    r"|dependenc(?:y|ies)(?:\s+on)?|depends?|deps)\b|依赖于?|依賴於?|需要先完成|depende[mn]?\s+d[aeo]s?|dépend(?:ent)?\s+de|abhängig\s+von"
    r"|hängt\s+ab\s+von|завис[ия]т\s+от)"
)
_WEAK: Final = r"(?i:\b(?:after|follow(?:s|ing)|once|until)\b)"
_REVERSE: Final = r"(?i:\b(?:blocks?|before|precedes?|unblocks?|prerequisites?\s+(?:for|of))\b)"
_FILLER: Final = r"(?:\s{1,2}(?i:the|completing|completion|of|both|all|on|tasks?))*"
_ANY = re.compile(rf"{_STRONG}|{_WEAK}|{_REVERSE}|→|->|=>|←|<-|⟶|➜|►|に依存|完了後|の後|(?i:sequential)|\[D")
_STRONG_BEFORE = re.compile(
    rf"(?P<verb>{_STRONG}){_FILLER}[\s:\uff1a(*`]*(?:[\w'-]{{1,20}}\s){{0,2}}[(\[*`]*$"
)
_PLAIN_STRONG_BEFORE = re.compile(rf"{_STRONG}{_FILLER}[\s:\uff1a(*`]*$")
_WEAK_BEFORE = re.compile(rf"{_WEAK}{_FILLER}[\s:\uff1a(*`]*$")
_REVERSE_BEFORE = re.compile(rf"{_REVERSE}{_FILLER}[\s:\uff1a(*`]*$")
_STRONG_GAP = re.compile(rf"[\s)*`\]\uff09]*(?:\([^()]*\))?[\s*`:\uff1a]*{_STRONG}{_FILLER}[\s:\uff1a(*`]*")
_LOOSE_GAP = re.compile(rf"(?:{_STRONG}|{_WEAK})")
_REVERSE_GAP = re.compile(_REVERSE)
_ARROW_GAP = re.compile(r"[\s)\]*`]*(?:[─━—-]{0,12}[→⟶➜►>]|=>)[\s(\[*`]*")
_BACK_ARROW_GAP = re.compile(r"[\s)\]*`]*(?:←|<[-=]+)[\s(\[*`]*")
_DOWN = re.compile(r"[\s|│┃]*[↓▼⬇v][\s|│┃↓▼⬇v]*")
_SEQUENTIAL_AFTER = re.compile(
    r"[\s)*`\]]*(?:は|are|is|must\s+be|must\s+run|should\s+run|run|:)?\s*(?:strictly\s+)?(?:sequential|直列|順次)",
    re.IGNORECASE,
)
_AFTER_IN_JAPANESE = re.compile(r"[\s)*`\]]*(?:の)?\s*(?:に依存|完了後|後に|の後|を待)")
_NEW_SENTENCE = re.compile(r"[;。]|\.\s|\b(?:US|Phase|Story)\s?\d|\bnot?\b", re.IGNORECASE)
_GAP: Final = 80

_FIELD = re.compile(
    r"[\s>]*(?:[-*+]\s+)?[*_`]*(?i:dependencies|dependency|depends(?:\s+on)?|deps|blocked\s+by|依赖(?:关系|任务|项)?|依賴|前置(?:任务|任務)"
    r"|依存(?:関係|タスク)?|의존성|선행 작업|dépendances|abhängigkeiten|dependencias|dependências|зависимости)"
    r"[*_`]*\s*[:\uff1a][*_`]*\s*(?P<rest>.*)"
)
_COLUMN = re.compile(r"[*_`]*(?:depend|requires|blocked by|prerequisite|needs|依存|依赖|前置)", re.IGNORECASE)
_NONE = re.compile(
    r"[*_`(]*(?:none|nothing|no\b|n/a|nil|-+|\u2013|—|なし|無し|无|無|没有|없음|keine?\b|ninguna?|nenhuma?|aucune?|нет)",
    re.IGNORECASE,
)
_BRACKET = re.compile(r"\[D(?:eps?|epends(?: on)?)?:\s*(?P<rest>[^\]]{1,300})\]")
_ABOUT_ORDER = re.compile(
    r"depend|execution order|依存|依赖|依賴|의존|dépend|abhängig|зависим|parallel|並列|并行|실행 순서|实施顺序|実行順",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """`task` waits for `on`, by a line of the document. Not `certain`: it is how prose may be understood."""

    task: str
    on: str
    line: int
    certain: bool


@dataclass(slots=True)
class Claims:
    reading: Reading
    references: References = field(init=False)
    found: list[Claim] = field(default_factory=list)
    declaring: set[str] = field(default_factory=set)
    """Tasks with a field of their own for what they depend on, if only to say that it is nothing."""

    def __post_init__(self) -> None:
        self.references = References(self.reading)

    # ------------------------------------------------------------ lines of tasks

    def of_tasks(self) -> None:
        """What tasks say themselves: `(depends on T034)`, `blocked by 9.1`, `[D: 1.3]`, `**Dependencies**: Task 1-4`."""
        lines = self.reading.outline.lines
        for item in self.reading.items:
            entry, key = item.entry, item.task.key
            self._of_title(item)
            for number in range(entry.line + 1, entry.end):
                text = lines[number - 1][:_LONGEST]
                field_of_task = _FIELD.fullmatch(text) if "\uff1a" in text or ":" in text else None
                if field_of_task is not None:
                    self._field(key, field_of_task["rest"], number)

    def _of_title(self, item: Item) -> None:
        text, key, line = item.entry.text[:_LONGEST], item.task.key, item.entry.line
        if not _ANY.search(text):
            return
        bracket = _BRACKET.search(text)
        if bracket is not None:
            self._field(key, bracket["rest"], line)
            text = text[: bracket.start()] + text[bracket.end() :]
        for mention in self.references.in_text(text):
            before = text[max(0, mention.start - _GAP) : mention.start]
            strong = _STRONG_BEFORE if mention.is_certain else _PLAIN_STRONG_BEFORE
            if strong.search(before):
                self._add([key], mention, line, certain=_PLAIN_STRONG_BEFORE.search(before) is not None)
            elif mention.is_certain and _WEAK_BEFORE.search(before):
                self._add([key], mention, line, certain=False)
            elif mention.is_certain and _REVERSE_BEFORE.search(before):
                self.add_all(mention.keys, [key], line, certain=False)

    def _field(self, key: str, rest: str, line: int) -> None:
        if _NONE.match(rest):
            self.declaring.add(key)
            return
        mention = self.references.at_start(rest)
        if mention is not None:
            self.declaring.add(key)
            self._add([key], mention, line, certain=True)

    # ------------------------------------------------------------ lines about groups of tasks

    def of_groups(self) -> None:
        """`**Dependencies**: FOUND-001 through FOUND-004` beside the tasks of a section, for all of them."""
        outline = self.reading.outline
        covered = _Covered(self.reading.items)
        groups: dict[Heading, list[Item]] = {}
        for item in self.reading.items:
            if item.entry.path:
                groups.setdefault(item.entry.path[-1], []).append(item)
        starts = [heading.line for heading in outline.headings]
        for number, text in self._plain_lines():
            found = _FIELD.fullmatch(text) if ":" in text or "\uff1a" in text else None
            if found is None or covered.holds(number):
                continue
            place = bisect_right(starts, number) - 1
            group = groups.get(outline.headings[place]) if place >= 0 else None
            mention = self.references.at_start(found["rest"])
            if group and mention is not None:
                self._add([item.task.key for item in group], mention, number, certain=False)

    # ------------------------------------------------------------ sections about order

    def sections(self) -> Iterator[tuple[int, str]]:
        """The lines of sections about dependencies, fences included, without those that are tasks."""
        outline = self.reading.outline
        covered = _Covered(self.reading.items)
        end = 0
        for heading in outline.headings:
            if heading.line < end or not _ABOUT_ORDER.search(heading.text[:200]):
                continue
            end = heading.end
            for number in range(heading.line + 1, heading.end):
                if not covered.holds(number):
                    yield number, outline.lines[number - 1][:_LONGEST]

    def of_sections(self) -> None:
        """`T005 depends on T002`, `T017 waits for T015, T016`, `T004 → T005`, in sections about dependencies."""
        above: tuple[Mention, ...] = ()
        is_below_arrow = False
        column: int | None = None
        for number, text in self.sections():
            if text.startswith("|"):
                column = self._row(text, column, number)
                continue
            column = None
            if _DOWN.fullmatch(text):
                is_below_arrow = bool(above)
                continue
            if not text.strip(" \t|│┃"):
                continue
            mentions = [mention for mention in self.references.in_text(text) if mention.is_certain]
            if mentions and _ANY.search(text):
                self._statements(text, mentions, number)
            alone = () if _NEW_SENTENCE.search(text) else tuple(mentions)
            if is_below_arrow and alone:
                for upper in above:
                    for lower in alone:
                        self._add(lower.keys, upper, number, certain=False)
            above, is_below_arrow = alone, False

    def _row(self, text: str, column: int | None, line: int) -> int | None:
        """One row of a table with a column for what the task in the first one depends on: the place of that column."""
        cells = [cell.strip() for cell in text.strip().strip("|").split("|")]
        if column is None:
            return next((place for place, cell in enumerate(cells) if place and _COLUMN.match(cell)), -1)
        if 0 < column < len(cells):
            task, needed = self.references.at_start(cells[0]), self.references.at_start(cells[column])
            if task is not None and needed is not None and len(task.keys) == 1:
                self._add(task.keys, needed, line, certain=True)
        return column

    def _statements(self, text: str, mentions: Sequence[Mention], line: int) -> None:
        for mention in mentions:
            if _SEQUENTIAL_AFTER.match(text, mention.end):
                for before, after in pairwise(mention.keys):
                    self._claim(after, before, line, certain=False)
        for left, right in pairwise(mentions):
            gap = text[left.end : right.start]
            if len(gap) > _GAP:
                continue
            if _STRONG_GAP.fullmatch(gap):
                self._add(left.keys, right, line, certain=True)
            elif _is_left_after_right(text, gap, right):
                self._add(left.keys, right, line, certain=False)
            elif _is_right_after_left(gap):
                self._add(right.keys, left, line, certain=False)

    # ------------------------------------------------------------

    def _plain_lines(self) -> Iterator[tuple[int, str]]:
        outline = self.reading.outline
        literal = {line for one in outline.literals for line in range(one.line, one.end)}
        for number, text in enumerate(outline.lines, start=1):
            if number not in literal:
                yield number, text[:_LONGEST]

    def _add(self, tasks: Sequence[str], mention: Mention, line: int, *, certain: bool) -> None:
        for unknown in mention.unknown[:3]:
            self.reading.outline.warn(line, f"{unknown} is no task of this plan, so nothing waits for it.")
        self.add_all(tasks, mention.keys, line, certain=certain)

    def add_all(self, tasks: Sequence[str], needed: Sequence[str], line: int, *, certain: bool) -> None:
        count = len(tasks) * len(needed)
        if count > _MOST_OF_A_LINE or len(self.found) + count > _MOST:
            self.reading.outline.warn(
                line, f"This line makes {count:,} dependencies, which is too much: it is not read."
            )
            return
        # no group waits for its own members
        members = frozenset(tasks)
        others = [on for on in needed if on not in members]
        for task in tasks:
            for on in others:
                self._claim(task, on, line, certain=certain)

    def _claim(self, task: str, on: str, line: int, *, certain: bool) -> None:
        if task != on:
            self.found.append(Claim(task, on, line, certain))


def _is_right_after_left(gap: str) -> bool:
    return _ARROW_GAP.fullmatch(gap) is not None or (
        _REVERSE_GAP.search(gap) is not None and _NEW_SENTENCE.search(gap) is None
    )


def _is_left_after_right(text: str, gap: str, right: Mention) -> bool:
    if _BACK_ARROW_GAP.fullmatch(gap):
        return True
    if gap.strip() == "は":
        return _AFTER_IN_JAPANESE.match(text, right.end) is not None
    return (
        _NEW_SENTENCE.search(gap) is None
        and _REVERSE_GAP.search(gap) is None
        and _LOOSE_GAP.search(gap) is not None
    )


class _Covered:
    """Which lines belong to a task."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._starts = [item.entry.line for item in items]
        self._ends = [item.entry.end for item in items]

    def holds(self, line: int) -> bool:
        place = bisect_right(self._starts, line) - 1
        return place >= 0 and line < self._ends[place]
