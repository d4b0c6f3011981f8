"""What a plan says about which task waits for which, beside its tasks; `sections` reads what it says elsewhere."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from app.plans import ids, statements, titles
from app.plans.fields import Field, field_in
from app.plans.outline import Heading
from app.plans.reading import Item, Reading
from app.plans.references import Mention, References
from app.plans.statements import Said

_MOST_OF_A_LINE: Final = 10_000
_MOST: Final = 500_000
"""Dependencies of one line and of a whole document; `T1-T9999 depend on T1-T9999` would be a hundred million."""
_LONGEST: Final = 2_000
"""Of a line, what is looked at."""

# `[D: 1.3, 2.1]`, `depends_on: [1.1]`, `depends_on: []`
_BRACKET = re.compile(
    r"\[D(?:eps?|epends(?: on)?)?:\s*(?P<rest>[^\]]{1,300})\]|\bdepends_on:\s*\[(?P<list>[^\]]{0,300})\]"
)
# `(depends on T012)` in the middle of what is said below a task, or a line that begins so
_VERB: Final = r"(?i:depends?\s+(?:only\s+|also\s+)?on|blocked\s+(?:by|on)|requires|waits\s+for|after)[\s:\uff1a*]+(?P<rest>.*)"
_OWN_LINE = re.compile(rf"[\s>]*(?:[-*+]\s+)?[*_`]*{_VERB}")
_ASIDE = re.compile(r"[(\uff08]([^()\uff08\uff09]{1,200})[)\uff09]")
_OWN_ASIDE = re.compile(rf"[(\[\uff08]{_VERB}")


@dataclass(frozen=True, slots=True)
class Claim:
    """`task` waits for `on`, by a line of the document. Not `certain`: it is how prose may be understood."""

    task: str
    on: str
    line: int
    certain: bool


class Claims:
    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.found: list[Claim] = []
        self.declaring: set[str] = set()
        """Tasks with a field of their own for what they depend on, if only to say that it is nothing."""

    @cached_property
    def references(self) -> References:
        """Made when something is to be looked up: many documents say nothing."""
        return References(self.reading)

    # ------------------------------------------------------------ lines of tasks

    def of_tasks(self) -> None:
        """What tasks say themselves: `(depends on T034)`, `blocked by 9.1`, `[D: 1.3]`, `**Dependencies**: Task 1-4`."""
        lines = self.reading.outline.lines
        for item in self.reading.items:
            self._of_title(item)
            for number in range(item.entry.line + 1, item.entry.end):
                self._of_detail(item.task.key, lines[number - 1][:_LONGEST], number)
        self._of_descriptions()

    def _of_descriptions(self) -> None:
        """`### Task 1.2 — …` that describes a task written as a box elsewhere, and names in a field what it depends on."""
        outline = self.reading.outline
        covered = Covered(self.reading.items)
        for heading in outline.headings:
            id = ids.of_task(titles.heading_title(heading.text))
            if id is None or covered.holds(heading.line):
                continue
            keys = self.references.keys_of([id])
            for number in range(heading.line + 1, heading.end) if len(keys) == 1 else ():
                field = field_in(outline.lines[number - 1][:_LONGEST])
                if field is not None and not covered.holds(number):
                    self._field(keys[0], field, number)

    def _of_title(self, item: Item) -> None:
        text, key, line = item.entry.text[:_LONGEST], item.task.key, item.entry.line
        bracket = _BRACKET.search(text) if "[" in text else None
        if bracket is not None:
            rest = bracket["rest"] or bracket["list"] or "none"
            self._field(key, Field(rest, of_tasks=True), line)
            text = text[: bracket.start()] + text[bracket.end() :]
        if not statements.worth_reading(text):
            return
        for mention in self.references.in_text(text):
            match statements.of_itself(text, mention):
                case Said.PLAINLY_WAITS:
                    self.add([key], mention, line, certain=True)
                case Said.WAITS:
                    self.add([key], mention, line, certain=False)
                case Said.COMES_FIRST:
                    self.add_all(mention.keys, [key], line, certain=False)

    def _of_detail(self, key: str, text: str, line: int) -> None:
        field = field_in(text)
        if field is not None:
            self._field(key, field, line)
            return
        own = _OWN_LINE.match(text) or _OWN_ASIDE.search(text)
        mention = self.references.at_start(own["rest"], bare=False) if own is not None else None
        said = [mention] if mention is not None and mention.is_certain else []
        if "依存" in text or "의존" in text:
            said += self._named_before_verb(text)
        for mention in said:
            self.add([key], mention, line, certain=True)

    def _named_before_verb(self, text: str) -> Iterator[Mention]:
        """`(T008, T010 に依存)` in the middle of what is said below a task."""
        for aside in _ASIDE.findall(text):
            for mention in self.references.in_text(aside):
                if mention.is_certain and statements.of_itself(aside, mention) is Said.PLAINLY_WAITS:
                    yield mention

    def _field(self, key: str, field: Field, line: int) -> None:
        if field.is_none:
            self.declaring.add(key)
            return
        mention = self._named_in(field)
        if mention is not None:
            self.declaring.add(key)
            self.add([key], mention, line, certain=True)

    def _named_in(self, field: Field) -> Mention | None:
        mention = self.references.at_start(field.rest, bare=field.of_tasks)
        return mention if mention is not None and (field.of_tasks or mention.is_certain) else None

    # ------------------------------------------------------------ lines about groups of tasks

    def of_groups(self) -> None:
        """`**Dependencies**: FOUND-001 through FOUND-004` beside the tasks of a section, for all of them.

        So does a heading that says it: `### Rename (depends on T016)`.
        """
        outline = self.reading.outline
        covered = Covered(self.reading.items)
        groups: dict[Heading, list[str]] = {}
        for item in self.reading.items:
            if item.entry.path and item.entry.path[-1].line != item.entry.line:
                groups.setdefault(item.entry.path[-1], []).append(item.task.key)
        for heading, group in groups.items():
            own = _OWN_ASIDE.search(heading.text[:_LONGEST])
            self._of_group(
                group, self.references.at_start(own["rest"], bare=False) if own else None, heading.line
            )
        starts = [heading.line for heading in outline.headings]
        for number, text in self._plain_lines():
            field = field_in(text)
            place = bisect_right(starts, number) - 1
            if field is not None and place >= 0 and not covered.holds(number):
                self._of_group(groups.get(outline.headings[place], ()), self._named_in(field), number)

    def _of_group(self, group: Sequence[str], mention: Mention | None, line: int) -> None:
        if group and mention is not None:
            self.add(group, mention, line, certain=False)

    def _plain_lines(self) -> Iterator[tuple[int, str]]:
        outline = self.reading.outline
        literal = {line for one in outline.literals for line in range(one.line, one.end)}
        for number, text in enumerate(outline.lines, start=1):
            if number not in literal:
                yield number, text[:_LONGEST]

    # ------------------------------------------------------------

    def add(self, tasks: Sequence[str], mention: Mention, line: int, *, certain: bool) -> None:
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
            self.found += (Claim(task, on, line, certain) for on in others)


class Covered:
    """Which lines belong to a task."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._starts = [item.entry.line for item in items]
        self._ends = [item.entry.end for item in items]

    def holds(self, line: int) -> bool:
        place = bisect_right(self._starts, line) - 1
        return place >= 0 and line < self._ends[place]
