"""What a plan says about the order of its tasks in sections of their own: sentences, chains of arrows, trees, tables."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.plans import statements
from app.plans.claims import Claims, Covered
from app.plans.reading import Reading
from app.plans.references import Mention

_LONGEST: Final = 2_000
"""Of a line, what is looked at."""

_ABOUT_ORDER = re.compile(
    r"depend|execution order|dépend|abhängig|reihenfolge|orden de ejecución|ordem de execução|dipendenz|завис|залежн|порядок"
    r"|parallel|依存|依赖|依賴|의존|并行|並列|実行順|执行顺序|執行順序|实施顺序|실행 순서",
    re.IGNORECASE,
)
_COLUMN = re.compile(
    r"[*_`]*(?:depend|requires|blocked by|prerequisite|needs|dépend|abhängig|依存|依赖|依賴|前置|의존|선행)",
    re.IGNORECASE,
)
_DOWN = re.compile(r"[\s|│┃]*[↓▼⬇v][\s|│┃↓▼⬇v]*")
_ARROW = re.compile(r"[→⟶➜►▶>]")
_BRANCH = re.compile(r"[\s│┃|]*(?:[├└]─*|\+--+|`--+)\s*")


def lines_about_order(reading: Reading) -> Iterator[tuple[int, str]]:
    """The lines of sections about dependencies, fences included, without those that are tasks."""
    outline = reading.outline
    covered = Covered(reading.items)
    end = 0
    for heading in outline.headings:
        if heading.line < end or not _ABOUT_ORDER.search(heading.text[:200]):
            continue
        end = heading.end
        for number in range(heading.line + 1, heading.end):
            if not covered.holds(number):
                yield number, outline.lines[number - 1][:_LONGEST]


def read(claims: Claims) -> None:
    """`T005 depends on T002`, `T017 waits for T015, T016`, `T004 → T005`, all as claims."""
    _Sections(claims).read()


@dataclass(slots=True)
class _Sections:
    claims: Claims
    above: Sequence[Mention] = ()
    """What the line before names, where an arrow below it would start from."""
    is_below_arrow: bool = False
    column: int | None = None
    """Of the table under way, the place of the column for what a task depends on."""
    branches: list[tuple[int, Mention | None]] = field(default_factory=list)
    """Of the tree under way, the nodes around the next line, by how far they are indented."""

    def read(self) -> None:
        for number, text in lines_about_order(self.claims.reading):
            if text.startswith("|"):
                self._row(text, number)
                continue
            self.column = None
            if _DOWN.fullmatch(text):
                self.is_below_arrow = bool(self.above)
            elif text.strip(" \t|│┃"):
                self._line(text, number)

    def _line(self, text: str, number: int) -> None:
        mentions = [mention for mention in self.claims.references.in_text(text) if mention.is_certain]
        if mentions and statements.worth_reading(text):
            self._statements(text, mentions, number)
        self._branch(text, mentions, number)
        alone = tuple(mentions) if statements.is_one_statement(text) else ()
        if self.is_below_arrow:
            for upper in self.above:
                for lower in alone:
                    self.claims.add(lower.keys, upper, number, certain=False)
        self.above, self.is_below_arrow = alone, False

    def _statements(self, text: str, mentions: Sequence[Mention], line: int) -> None:
        for mention in statements.sequences(text, mentions):
            for before, after in zip(mention.keys, mention.keys[1:], strict=False):
                self.claims.add_all([after], [before], line, certain=False)
        for waiting, on, plainly in statements.of_each_other(text, mentions):
            self.claims.add(waiting.keys, on, line, certain=plainly)

    def _branch(self, text: str, mentions: Sequence[Mention], line: int) -> None:
        """In a drawn tree a task waits for the one it hangs on."""
        branch = _BRANCH.match(text)
        indent = branch.end() if branch is not None else 0
        while self.branches and self.branches[-1][0] >= indent:
            self.branches.pop()
        first = mentions[0] if mentions and not text[indent : mentions[0].start].strip(" *`[(") else None
        parent = self.branches[-1][1] if branch is not None and self.branches else None
        if first is not None and parent is not None:
            self.claims.add(first.keys, parent, line, certain=False)
        is_chain = first is not None and _ARROW.search(text, first.end, mentions[-1].start) is not None
        self.branches.append((indent, mentions[-1] if is_chain else first))

    def _row(self, text: str, line: int) -> None:
        """One row of a table with a column for what the task in the first one depends on."""
        cells = [cell.strip() for cell in text.strip().strip("|").split("|")]
        if self.column is None:
            self.column = next(
                (place for place, cell in enumerate(cells) if place and _COLUMN.match(cell)), -1
            )
        elif 0 < self.column < len(cells):
            references = self.claims.references
            task, needed = references.at_start(cells[0]), references.at_start(cells[self.column])
            if task is not None and needed is not None and len(task.keys) == 1:
                self.claims.add(task.keys, needed, line, certain=True)
