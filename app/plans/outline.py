"""A Markdown document as headings and boxes with their lines: what every Markdown plan format is read from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from app.domain.plans import PlanStatus, PlanWarning
from app.plans import titles
from app.plans.text import Source


@dataclass(slots=True, eq=False)
class Heading:
    """`end` is the first line after its section: the next heading of the same or a higher rank, or the end."""

    line: int
    level: int
    text: str
    parent: "Heading | None"
    end: int = 0

    def path(self) -> Sequence["Heading"]:
        """From the outermost heading to this one."""
        return (*self.parent.path(), self) if self.parent else (self,)


@dataclass(slots=True, eq=False)
class Box:
    """A list item that starts with a box. Its text is `[line, text_end)`, all that belongs to it `[line, end)`.

    `parent` is the box around it, however many plain bullets lie between.
    """

    line: int
    text_end: int
    end: int
    status: PlanStatus
    text: str
    heading: Heading | None
    parent: "Box | None"
    children: list["Box"] = field(default_factory=list)
    _title: str | None = None

    @property
    def title(self) -> str:
        """The text as a person would say it."""
        if self._title is None:
            self._title = titles.clean(self.text, done=self.status is PlanStatus.DONE)
        return self._title

    def descendants(self) -> Iterator["Box"]:
        for child in self.children:
            yield child
            yield from child.descendants()


@dataclass(frozen=True, slots=True)
class Literal:
    """Lines that hold nothing: a fence, indented code or a comment. `[line, end)`."""

    kind: str
    line: int
    end: int
    closed: bool


@dataclass(slots=True)
class Outline:
    """Line numbers count from 1 and index `lines[line - 1]`; `warn` translates them to lines of the document."""

    source: Source
    lines: Sequence[str]
    front_matter_end: int
    """The first line after the YAML front matter; 1 without one."""
    headings: list[Heading] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    literals: list[Literal] = field(default_factory=list)
    bare_bullets: list[int] = field(default_factory=list)
    """Lines of plain bullets that stand after a box in the same list."""
    warnings: list[PlanWarning] = field(default_factory=list)

    def warn(self, line: int, message: str) -> None:
        self.warnings.append(PlanWarning(self.line_in_document(line), message))

    def line_in_document(self, line: int) -> int:
        return self.source.line_in_document(line)
