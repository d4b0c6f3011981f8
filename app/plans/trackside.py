"""Trackside's own plan file: YAML or JSON, checked against the published JSON Schema."""

import json
import re
import shlex
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import resources
from typing import Any, Final

from jsonschema import Draft202012Validator

from app.domain import limits
from app.domain.conflicts import ConflictPolicy
from app.domain.phases import Gate, TaskRequirement, gate_problem
from app.domain.plans import (
    AgentRuntime,
    CommandRuntime,
    Plan,
    PlanDeliverable,
    PlanFormat,
    PlanPhase,
    PlanStatus,
    PlanSubtask,
    PlanTask,
    Runtime,
)
from app.domain.usage import units
from app.plans import titles
from app.plans.commonmark import BOX_ITEM
from app.plans.dependencies import Need, dependency_problems
from app.plans.refusals import refusal
from app.plans.schema_problems import Problem, refuse_problems, schema_problems
from app.plans.text import Source
from app.plans.yaml_tree import FLAGS, Entries, Items, Node, Scalar, tree_of, value_of

SCHEMA: Final[Mapping[str, Any]] = json.loads(
    resources.files("app.plans").joinpath("trackside.schema.json").read_text("utf-8")
)
_VALIDATOR: Final = Draft202012Validator(SCHEMA)
_INTEGER_KEYS: Final = frozenset({"maxWorkers", "retries", "timeoutSeconds", "priority", "minimum"})
_FLAG_KEYS: Final = frozenset({"guard", "required"})
_TOP_LEVEL_KEY = re.compile(
    r"(?:title|runtime|supervisor|maxWorkers|budgetUsd|conflictPolicy|phases|tasks)\s*:"
)
_PHASES_OR_TASKS = re.compile(r"^(?:phases|tasks)\s*:", re.MULTILINE)
_SUGGESTION: Final = "docs/reference/plan-file.md describes every key."


def recognises(source: Source) -> bool:
    name = source.name.lower()
    if name.endswith((".yaml", ".yml")):
        return True
    if name.endswith(".json") or source.text.lstrip().startswith("{"):
        return _is_plan_in_json(source.text)
    if name.endswith((".md", ".markdown")):
        return False
    first = next((line for line in source.lines if line.strip() and not line.startswith(("#", "---"))), "")
    if not _TOP_LEVEL_KEY.match(first) or any(BOX_ITEM.match(line) for line in source.lines):
        return False
    return _PHASES_OR_TASKS.search(source.text) is not None


def _is_plan_in_json(text: str) -> bool:
    """Other tools keep lists of tasks in JSON too, and call them by `id`."""
    try:
        plan = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(plan, dict) or not plan.keys() <= SCHEMA["properties"].keys():
        return False
    tasks = plan.get("tasks", [])
    foreign = isinstance(tasks, list) and any(isinstance(task, dict) and "id" in task for task in tasks)
    return ("phases" in plan or "tasks" in plan) and not foreign


def read(source: Source) -> Plan:
    root = tree_of(source)
    if root is None or not isinstance(root, Entries):
        reason = (
            "the document is empty."
            if root is None or value_of(root, _INTEGER_KEYS) is None
            else "this is no plan."
        )
        raise refusal(source.name, reason, line=1, suggestion="A plan has phases or tasks. " + _SUGGESTION)
    problems = schema_problems(_VALIDATOR, root, value_of(root, _INTEGER_KEYS, _FLAG_KEYS))
    refuse_problems(source.name, problems, _SUGGESTION)
    return _Reading(source.name).plan(root)


@dataclass(slots=True)
class _Reading:
    """One document on its way to a plan; every value is known to fit the schema."""

    name: str
    problems: list[Problem] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)
    task_lines: dict[str, int] = field(default_factory=dict)
    phase_lines: dict[str, int] = field(default_factory=dict)

    def plan(self, root: Entries) -> Plan:
        plan = Plan(PlanFormat.TRACKSIDE, titles.cut(_line_of_text(root, "title")) or None)
        plan.runtime = self._runtime(root)
        plan.supervisor = self._runtime(root, "supervisor")
        plan.max_workers = _number(root, "maxWorkers")
        plan.budget = _money(root, "budgetUsd")
        policy = _text(root, "conflictPolicy")
        plan.conflict_policy = ConflictPolicy(policy) if policy else None
        phases = _items(root, "phases")
        if phases:
            plan.phases = [self._phase(node) for node in phases]
        else:
            plan.phases = [PlanPhase("tasks", plan.title or "Tasks", line=root.line)]
            plan.phases[0].tasks = [self._task(node) for node in _items(root, "tasks")]
        self._check(plan)
        return plan

    def _check(self, plan: Plan) -> None:
        count = sum(len(phase.tasks) for phase in plan.phases)
        if count > limits.TASKS:
            raise limits.too_large(f"The plan {self.name}", limits.TASKS, "tasks", [])
        if count == 0:
            self.problems.append(Problem(plan.phases[0].line, "the plan has no tasks."))
        found, cycle = dependency_problems(plan, self.needs)
        details = {"cycle": cycle} if cycle else {}
        refuse_problems(self.name, [*self.problems, *found], _SUGGESTION, **details)

    def _phase(self, node: Entries) -> PlanPhase:
        key = self._key(node, self.phase_lines, "phase")
        title = titles.cut(_line_of_text(node, "title")) or key
        phase = PlanPhase(key, title, [self._task(task) for task in _items(node, "tasks")], node.line)
        phase.deliverables = self._deliverables(node)
        phase.gate = self._gate(node, phase)
        phase.guard = _flag(node, "guard")
        return phase

    def _deliverables(self, node: Entries) -> list[PlanDeliverable]:
        lines: dict[str, int] = {}
        found = []
        for one in _items(node, "deliverables"):
            key = self._key(one, lines, "deliverable")
            title = titles.cut(_line_of_text(one, "title")) or key
            found.append(PlanDeliverable(key, title, required=_flag(one, "required") is not False))
        return found

    def _gate(self, node: Entries, phase: PlanPhase) -> Gate:
        given = node.nodes.get("gate")
        if not isinstance(given, Entries):
            return Gate()
        gate = Gate(
            TaskRequirement(_text(given, "taskRequirement")),
            _number(given, "minimum"),
            tuple(dict.fromkeys(_normal(item.value) for item in _scalars(given, "tasks"))),
        )
        problem = gate_problem(gate, [task.key for task in phase.tasks])
        if problem is not None:
            self.problems.append(Problem(node.key_lines["gate"], f"the gate could never hold: {problem}"))
        return gate

    def _task(self, node: Entries) -> PlanTask:
        key = self._key(node, self.task_lines, "task")
        title, description = _line_of_text(node, "title"), _text(node, "description")
        if titles.is_too_long(title):
            description = f"{title}\n\n{description}".rstrip()
        needed = [Need(key, _normal(item.value), item.line) for item in _scalars(node, "dependsOn")]
        self.needs.extend(needed)
        retries = _number(node, "retries")
        return PlanTask(
            key=key,
            title=titles.cut(title),
            description=description,
            status=_status(node),
            depends_on=list(dict.fromkeys(need.on for need in needed)),
            subtasks=[_subtask(subtask) for subtask in _items(node, "subtasks")],
            priority=_number(node, "priority") or 0,
            paths=[path.value for path in _scalars(node, "paths")],
            runtime=self._runtime(node),
            max_attempts=None if retries is None else retries + 1,
            timeout_seconds=_number(node, "timeoutSeconds"),
            budget=_money(node, "budgetUsd"),
            skill=_normal(_text(node, "skill")) or None,
            line=node.line,
        )

    def _key(self, node: Entries, lines: dict[str, int], noun: str) -> str:
        key = _normal(_text(node, "key"))
        line = node.key_lines["key"]
        if key in lines:
            self.problems.append(Problem(line, f"the {noun} {key!r} is there already, in line {lines[key]}."))
        lines.setdefault(key, line)
        return key

    def _runtime(self, node: Entries, name: str = "runtime") -> Runtime | None:
        runtime = node.nodes.get(name)
        if not isinstance(runtime, Entries):
            return None
        return self._agent(runtime) if "agent" in runtime.nodes else self._command(runtime)

    def _agent(self, runtime: Entries) -> AgentRuntime:
        given = runtime.nodes["agent"]
        if not isinstance(given, Entries):
            given = runtime  # a name alone
        name = _text(given, "name") or _text(given, "agent")
        return AgentRuntime(_normal(name), _text(given, "model") or None, _text(given, "prompt") or None)

    def _command(self, runtime: Entries) -> CommandRuntime | None:
        argv = [item.value for item in _scalars(runtime, "command")]
        line = runtime.key_lines["command"]
        try:
            argv = argv or shlex.split(_text(runtime, "command"))
        except ValueError as error:
            self.problems.append(Problem(line, f"the command cannot be split into words: {error}."))
            return None
        if not argv or not argv[0].strip():
            self.problems.append(Problem(line, "a command needs an executable."))
        return CommandRuntime(tuple(argv))


def _normal(key: str) -> str:
    """As the rest of Trackside compares keys."""
    return unicodedata.normalize("NFC", key).strip()


def _subtask(node: Entries) -> PlanSubtask:
    return PlanSubtask(titles.cut(_line_of_text(node, "title")), _status(node), node.line)


def _status(node: Entries) -> PlanStatus:
    return PlanStatus(_text(node, "status") or PlanStatus.PENDING)


def _text(node: Entries, key: str) -> str:
    value = node.nodes.get(key)
    return value.value if isinstance(value, Scalar) else ""


def _line_of_text(node: Entries, key: str) -> str:
    return " ".join(_text(node, key).split())


def _number(node: Entries, key: str) -> int | None:
    text = _text(node, key)
    return int(text) if text else None


def _money(node: Entries, key: str) -> int | None:
    """As it is written: a number of JSON or YAML is not read by way of binary fractions."""
    text = _text(node, key)
    return units(Decimal(text)) if text else None


def _flag(node: Entries, key: str) -> bool | None:
    return FLAGS.get(_text(node, key))


def _scalars(node: Entries, key: str) -> list[Scalar]:
    return [item for item in _nodes(node, key) if isinstance(item, Scalar)]


def _items(node: Entries, key: str) -> list[Entries]:
    return [item for item in _nodes(node, key) if isinstance(item, Entries)]


def _nodes(node: Entries, key: str) -> list[Node]:
    value = node.nodes.get(key)
    return value.nodes if isinstance(value, Items) else []
