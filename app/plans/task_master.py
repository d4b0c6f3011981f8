"""Task Master's `tasks.json`: a list of tasks for each tag, or one list at the root in older files."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.domain import limits
from app.domain.plans import Plan, PlanFormat, PlanPhase, PlanStatus, PlanSubtask, PlanTask, PlanWarning
from app.plans import json_tree, titles
from app.plans.dependencies import Need, dependency_problems
from app.plans.ids import Keys
from app.plans.json_tree import Entries, Items, Node, Scalar
from app.plans.refusals import refusal
from app.plans.remarks import in_order
from app.plans.schema_problems import refuse_problems
from app.plans.task_links import Entry, Part, Whole, links_of
from app.plans.text import Source

_SUGGESTION: Final = "docs/reference/plan-file.md says what is read of Task Master's tasks.json."
_ROOT: Final = "tasks"
_STATUSES: Final = {
    "pending": PlanStatus.PENDING,
    "in-progress": PlanStatus.IN_PROGRESS,
    "done": PlanStatus.DONE,
    "completed": PlanStatus.DONE,
    "cancelled": PlanStatus.CANCELLED,
}
_PRIORITIES: Final = {"critical": 2, "high": 1, "medium": 0, "low": -1}
_TITLES: Final = ("projectName", "project", "name", "title")
_FOLDER: Final = ".taskmaster"
_CONTROLS: Final = {code: " " for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x09, 0x0A)}
_SHOWN: Final = 8


def recognises(source: Source) -> bool:
    if not json_tree.is_object(source):
        return False
    if _FOLDER in source.name.replace("\\", "/").split("/"):
        return True
    try:
        root = json.loads(source.text)
    except (ValueError, RecursionError):
        return False
    tags = [value["tasks"] for value in root.values() if isinstance(value, dict) and "tasks" in value]
    return _is_list_of_tasks(root.get(_ROOT)) or any(map(_is_list_of_tasks, tags))


def _is_list_of_tasks(value: Any) -> bool:
    """Lists called tasks are found in files of other programs too; those name them otherwise."""
    if not isinstance(value, list):
        return False
    return not value or any(isinstance(task, dict) and task.keys() & {"id", "title"} for task in value)


def read(source: Source) -> Plan:
    root = json_tree.tree_of(source, suggestion=_SUGGESTION)
    if not isinstance(root, Entries):
        reason = "a plan of Task Master is an object with a list of tasks for each tag."
        raise refusal(source.name, reason, line=1, suggestion=_SUGGESTION)
    return _Reading(source.name).plan(root)


@dataclass(frozen=True, slots=True)
class _Section:
    """A tag, or the list at the root of an older file."""

    key: str
    title: str
    line: int
    tasks: Sequence[Entries]


@dataclass(slots=True)
class _Reading:
    """One document on its way to a plan."""

    name: str
    keys: Keys = field(default_factory=Keys)
    warnings: list[PlanWarning] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)
    to_do: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """By a status that Trackside has no other word for than pending, where it stands and whose it is."""

    def plan(self, root: Entries) -> Plan:
        self._tell_repeated(root)
        sections = [section for section in self._sections(root) if section.tasks]
        if not sections:
            raise refusal(self.name, "no tasks were found.", line=1, suggestion=_SUGGESTION)
        if sum(len(section.tasks) for section in sections) > limits.TASKS:
            raise limits.too_large(f"The plan {self.name}", limits.TASKS, "tasks", [])
        plan = Plan(PlanFormat.TASK_MASTER, _title(root))
        phase_keys = Keys()
        for place, section in enumerate(sections):
            # the first tag keeps its ids as they are, so that a tag that is added later renames nothing
            prefix = f"{section.key}/" if place else ""
            plan.phases.append(self._phase(section, phase_keys, prefix))
        problems, cycle = dependency_problems(plan, self.needs)
        refuse_problems(self.name, problems, _SUGGESTION, cycle=cycle)
        self._tell_statuses()
        plan.warnings = in_order(self.warnings)
        return plan

    def warn(self, line: int, message: str) -> None:
        self.warnings.append(PlanWarning(line, message))

    def _sections(self, root: Entries) -> Iterator[_Section]:
        for name, value in root.nodes.items():
            line = root.key_lines[name]
            if name == _ROOT and isinstance(value, Items):
                yield _Section(_ROOT, "Tasks", line, self._objects(value, "task"))
            elif isinstance(value, Entries) and isinstance(tasks := value.nodes.get("tasks"), Items):
                tag = _line(name) or "untitled"
                yield _Section(tag, tag, line, self._objects(tasks, "task"))

    def _objects(self, items: Items, noun: str) -> list[Entries]:
        for node in items.nodes:
            if not isinstance(node, Entries):
                self.warn(node.line, f"This is no {noun}: it is left out.")
        return [node for node in items.nodes if isinstance(node, Entries)]

    # ------------------------------------------------------------------ tasks

    def _phase(self, section: _Section, phase_keys: Keys, prefix: str) -> PlanPhase:
        key = phase_keys.take(section.key[: limits.KEY].strip())
        phase = PlanPhase(key, titles.cut(section.title), line=section.line)
        wholes = []
        for node in section.tasks:
            whole, parts = self._whole(node, prefix)
            wholes.append(whole)
            phase.tasks.append(self._task(node, whole, parts))
        links = links_of(wholes, self.warn)
        self.needs += links.needs
        by_task: dict[str, list[str]] = {}
        for need in links.needs:
            by_task.setdefault(need.task, []).append(need.on)
        for task in phase.tasks:
            task.depends_on = by_task.get(task.key, [])
            task.subtasks = [_linked(part, links.of_parts) for part in task.subtasks]
        return phase

    def _whole(self, node: Entries, prefix: str) -> tuple[Whole, list[Entries]]:
        """The task with its subtasks as far as ids and dependencies go."""
        id = self._id(node, "task")
        key = self.keys.take(f"{prefix}{id}"[: limits.KEY]) if id else self.keys.make(f"{prefix}task")
        if id and key != f"{prefix}{id}":
            self.warn(node.line, f"The id {id} has been used before; this task is called {key}.")
        inside = node.nodes.get("subtasks")
        parts = self._objects(inside, "subtask") if isinstance(inside, Items) else []
        return Whole(id, key, node.line, self._entries(node), self._parts(parts, id, key)), parts

    def _parts(self, nodes: Sequence[Entries], task_id: str, task_key: str) -> list[Part]:
        keys, parts = Keys(), []
        for node in nodes:
            id = self._id(node, "subtask").removeprefix(f"{task_id}.")
            key = keys.take(f"{task_key}.{id}") if id else keys.make(task_key)
            if id and key != f"{task_key}.{id}":
                self.warn(node.line, f"The id {id} has been used before; this subtask is called {key}.")
            parts.append(Part(id, key, node.line, self._entries(node)))
            if isinstance(deeper := node.nodes.get("subtasks"), Items) and deeper.nodes:
                self.warn(deeper.line, f"What is below subtask {key} is not read: subtasks have no subtasks.")
        return parts

    def _id(self, node: Entries, noun: str) -> str:
        id = _line(_text_of_id(node.nodes.get("id")))
        if not id:
            self.warn(node.line, f"This {noun} has no id.")
        return id

    def _entries(self, node: Entries) -> list[Entry]:
        """What is written in `dependencies`. A text with commas is several ids, as people type them."""
        value = node.nodes.get("dependencies")
        written = value.nodes if isinstance(value, Items) else [value] if value is not None else []
        entries = []
        for item in written:
            texts = [text for part in _text_of_id(item).split(",") if (text := _line(part))]
            entries += [Entry(text, item.line) for text in texts]
            if not texts and not (isinstance(item, Scalar) and item.value in (None, "")):
                self.warn(item.line, "This dependency is no id: left out.")
        return entries

    def _task(self, node: Entries, whole: Whole, parts: Sequence[Entries]) -> PlanTask:
        title = self._titled(node, whole.key)
        texts = [title] if titles.is_too_long(title) else []
        texts += [
            _body(node),
            *(_body_of_part(part, link.key) for part, link in zip(parts, whole.parts, strict=True)),
        ]
        description = "\n\n".join(text for text in texts if text)
        if len(description) > limits.TEXT:
            self.warn(
                node.line, f"The text of task {whole.key} is over {limits.TEXT:,} characters and was cut."
            )
            description = description[: limits.TEXT - 1] + "…"
        return PlanTask(
            key=whole.key,
            title=titles.cut(title),
            description=description,
            status=self._status(node, whole.key),
            subtasks=[
                PlanSubtask(
                    titles.cut(self._titled(part, link.key)),
                    self._status(part, link.key),
                    part.line,
                    link.key,
                )
                for part, link in zip(parts, whole.parts, strict=True)
            ],
            priority=_PRIORITIES.get(_line(_text(node, "priority")).lower(), 0),
            line=whole.line,
        )

    def _titled(self, node: Entries, key: str) -> str:
        title = _line(_text(node, "title"))
        if not title:
            self.warn(node.line, f"{key} has no title.")
            title = next(
                (line for text in _text(node, "description").splitlines() if (line := _line(text))), ""
            )
        return title or "Untitled"

    def _status(self, node: Entries, key: str) -> PlanStatus:
        said = _line(_text(node, "status"))
        status = _STATUSES.get(said.lower().replace("_", "-").replace(" ", "-"))
        if status is None and said:
            self.to_do.setdefault(said, []).append((node.key_lines["status"], key))
        return status or PlanStatus.PENDING

    # ------------------------------------------------------------------ what is told

    def _tell_repeated(self, root: Entries) -> None:
        """Of a key that is there twice the last one counts; often something was lost between the two."""
        stack: list[Node] = [root]
        while stack:
            node = stack.pop()
            if isinstance(node, Entries):
                stack.extend(node.nodes.values())
                for key, times in Counter(key for key, _ in node.repeated).items():
                    line = next(line for again, line in reversed(node.repeated) if again == key)
                    again = "twice" if times == 1 else f"{times + 1} times"
                    self.warn(
                        line,
                        f"The key {key!r} stands here {again} in one object, which begins in line {node.line}:"
                        " the last one counts, and what stood before it is lost.",
                    )
            elif isinstance(node, Items):
                stack.extend(node.nodes)

    def _tell_statuses(self) -> None:
        for status, places in self.to_do.items():
            whose = ", ".join(key for _, key in places[:_SHOWN])
            more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
            self.warn(places[0][0], f"The status {status!r} is read as still to do: {whose}{more}.")


def _linked(part: PlanSubtask, of_parts: dict[str, list[str]]) -> PlanSubtask:
    return PlanSubtask(part.title, part.status, part.line, part.key, tuple(of_parts.get(part.key, ())))


def _title(root: Entries) -> str | None:
    """What the project is called, where the file says so."""
    for node in (root.nodes.get("metadata"), root.nodes.get("meta"), root):
        if isinstance(node, Entries):
            found = next((title for name in _TITLES if (title := _line(_text(node, name)))), None)
            if found is not None:
                return titles.cut(found)
    return None


def _body(node: Entries) -> str:
    """What is to be done, how, and how it is checked."""
    strategy = _text(node, "testStrategy")
    texts = [
        _text(node, "description"),
        _text(node, "details"),
        f"Test strategy: {strategy}" if strategy else "",
    ]
    return "\n\n".join(text for text in texts if text)


def _body_of_part(node: Entries, key: str) -> str:
    body = _body(node)
    return f"{key} {_line(_text(node, 'title'))}\n\n{body}" if body else ""


def _text(node: Entries, key: str) -> str:
    """A value as text without control characters: lists a line each, as some programs write them."""
    return limits.storable(_plain(node.nodes.get(key)).translate(_CONTROLS)).strip()


def _plain(node: Node | None) -> str:
    match node:
        case Scalar(value=str(text)):
            return text.replace("\r\n", "\n")
        case Scalar(value=bool() | None) | None:
            return ""
        case Scalar():
            return str(node.value)
        case Items():
            return "\n".join(filter(None, map(_plain, node.nodes)))
        case Entries():
            pairs = ((key, _plain(value)) for key, value in node.nodes.items())
            return "\n".join(f"{key}: {text}" for key, text in pairs if text)


def _line(text: str) -> str:
    return " ".join(limits.storable(text.translate(_CONTROLS)).split())


def _text_of_id(node: Node | None) -> str:
    """3, 3.0 and "3" are the same, as in JavaScript."""
    match node:
        case Scalar(value=str(text)):
            return text
        case Scalar(value=float(number)) if number.is_integer():
            return str(int(number))
        case Scalar(value=bool() | None):
            return ""
        case Scalar():
            return str(node.value)
        case _:
            return ""
