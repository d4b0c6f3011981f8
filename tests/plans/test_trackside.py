"""Trackside's own plan file."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from app.domain import limits
from app.domain.budgets import MOST
from app.domain.phases import Gate, TaskRequirement
from app.domain.plans import AgentRuntime, CommandRuntime, PlanDeliverable, PlanStatus
from app.domain.usage import units
from app.plans import read
from app.plans.trackside import SCHEMA


def test_every_key_is_read(yaml):
    plan = yaml(
        """
        title: Ship it
        runtime: {command: "python -m worker --name 'a b'"}
        maxWorkers: 3
        budgetUsd: 10.10
        supervisor: {command: [my-agent, --watch]}
        phases:
          - key: build
            title: Build
            tasks:
              - key: api
                title: Write the API
                description: |
                  Two lines
                  of it.
                dependsOn: []
                runtime: {command: [make, api, 8080]}
                paths: [src/api/**]
                retries: 2
                timeoutSeconds: 60
                budgetUsd: "2.5000000001"
                priority: -5
                status: done
                skill: python
                subtasks:
                  - {title: Routes, status: in_progress}
                  - title: Tests
          - key: ship
            tasks:
              - {key: tag, title: Tag it, dependsOn: [api]}
        conflictPolicy: SERIALIZE
        """
    )
    assert (plan.title, plan.max_workers, plan.conflict_policy) == ("Ship it", 3, "SERIALIZE")
    assert plan.budget == units(Decimal("10.10"))
    assert plan.runtime == CommandRuntime(("python", "-m", "worker", "--name", "a b"))
    assert plan.supervisor == CommandRuntime(("my-agent", "--watch"))
    assert [(phase.key, phase.title, phase.line) for phase in plan.phases] == [
        ("build", "Build", 8),
        ("ship", "ship", 28),
    ]
    api, tag = plan.tasks()
    assert (api.key, api.title, api.description) == ("api", "Write the API", "Two lines\nof it.\n")
    assert api.runtime == CommandRuntime(("make", "api", "8080"))
    assert (api.paths, api.max_attempts, api.timeout_seconds, api.priority) == (["src/api/**"], 3, 60, -5)
    assert api.budget == units(Decimal("2.5000000001")), "to the last digit"
    assert (api.status, api.skill, api.line) == (PlanStatus.DONE, "python", 11)
    assert [(part.title, part.status, part.line) for part in api.subtasks] == [
        ("Routes", PlanStatus.IN_PROGRESS, 26),
        ("Tests", PlanStatus.PENDING, 27),
    ]
    assert (tag.depends_on, tag.runtime, tag.max_attempts, tag.timeout_seconds) == (["api"], None, None, None)
    assert plan.warnings == []


def test_tasks_without_phases_are_one_phase(yaml):
    plan = yaml("tasks:\n- {key: a, title: A}\n- {key: b, title: B}\n")
    assert [(phase.key, [task.key for task in phase.tasks]) for phase in plan.phases] == [
        ("tasks", ["a", "b"])
    ]
    assert [task.depends_on for task in plan.tasks()] == [[], []]


def test_no_retries_means_one_attempt(yaml):
    (task,) = yaml("tasks:\n- {key: a, title: A, retries: 0}\n").tasks()
    assert task.max_attempts == 1


def test_keys_stay_as_they_are_written(yaml):
    plan = yaml(
        "tasks:\n- {key: 1.10, title: 2024-01-01}\n- {key: yes, title: no, dependsOn: [1.10]}\n- {key: 0x1f, title: '~'}\n"
    )
    assert [(task.key, task.title) for task in plan.tasks()] == [
        ("1.10", "2024-01-01"),
        ("yes", "no"),
        ("0x1f", "~"),
    ]


def test_keys_are_compared_in_normal_form(yaml):
    first, second = yaml(
        'tasks:\n- {key: "caf\\u00e9", title: A}\n- {key: b, title: B, dependsOn: ["cafe\\u0301 "]}\n'
    ).tasks()
    assert second.depends_on == [first.key]


def test_a_dependency_named_twice_is_one(yaml):
    assert list(yaml("tasks:\n- {key: a, title: A}\n- {key: b, title: B, dependsOn: [a, a]}\n").tasks())[
        1
    ].depends_on == ["a"]


def test_dependencies_on_an_earlier_phase_are_kept(yaml):
    plan = yaml(
        "phases:\n- {key: p, tasks: [{key: a, title: A}]}\n- {key: q, tasks: [{key: b, title: B, dependsOn: [a]}]}\n"
    )
    assert [task.depends_on for task in plan.tasks()] == [[], ["a"]]


def test_json_is_read_as_yaml_with_its_escapes():
    plan = read(
        '{"title": "\\ud83d\\ude00 a\\/b \\\\ud83d",\n\t"tasks": [{"key": 1, "title": "A"}]}',
        name="plan.json",
    )
    assert plan.title == "😀 a/b \\ud83d"
    assert [(task.key, task.line) for task in plan.tasks()] == [("1", 2)]


def test_a_long_title_is_cut_and_kept_whole_as_description(yaml):
    title = ("word " * 150).strip()
    (task,) = yaml(f"tasks:\n- key: a\n  title: {title}\n  description: more\n").tasks()
    assert len(task.title) <= limits.TITLE
    assert task.description == f"{title}\n\nmore"


def test_line_breaks_and_tabs_in_a_title_become_blanks(yaml):
    (task,) = yaml('tasks:\n- {key: a, title: "one\\ttwo\\nthree"}\n').tasks()
    assert task.title == "one two three"


def test_agents_are_named(yaml):
    plan = yaml(
        """
        runtime: {agent: claude}
        tasks:
          - key: a
            title: A
            runtime:
              agent: {name: codex, model: gpt-5, prompt: "Change little.\\nSay less."}
        """
    )
    assert plan.runtime == AgentRuntime("claude")
    assert next(plan.tasks()).runtime == AgentRuntime("codex", "gpt-5", "Change little.\nSay less.")


def test_aliases_may_share_a_runtime(yaml):
    plan = yaml("runtime: &make {command: [make]}\ntasks:\n- {key: a, title: A, runtime: *make}\n")
    assert next(plan.tasks()).runtime == plan.runtime == CommandRuntime(("make",))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "empty"),
        ("- a\n", 1, "no plan"),
        ("title: x\n", 1, "neither phases nor tasks"),
        ("tasks: [{key: a, title: A}]\nphases: [{key: p, tasks: []}]\n", 1, "not both"),
        ("tasks: []\n", 1, "empty"),
        ("title: x\nphases:\n- {key: p, tasks: []}\n", 3, "no tasks"),
        ("tasks:\n- key: a\n  title: A\n  dependson: [b]\n", 4, "did you mean 'dependsOn'"),
        ("tasks:\n- key: a\n", 2, "needs title"),
        ("tasks:\n- key: a\n  title:\n", 3, "text, not empty"),
        ("tasks:\n- key: a\n  title: A\n  key: b\n", 4, "already in line 2"),
        ("tasks:\n- {key: a, title: A}\n- {key: a, title: B}\n", 3, "in line 2"),
        ("phases:\n- key: p\n  tasks: [{key: a, title: A}]\n- key: p\n  tasks: []\n", 4, "phase 'p' is there already"),
        ("tasks:\n- {key: a, title: A}\n- {key: b, title: B, dependsOn: [\n  aa]}\n", 4, "no task of this plan"),
        ("tasks:\n- key: a\n  title: A\n  dependsOn:\n  - a\n", 5, "depends on itself"),
        ("tasks:\n- key: a\n  title: A\n  dependsOn: b\n", 4, "must be a list, not 'b'"),
        ("tasks:\n- key: a\n  title: A\n  retries: many\n", 4, "whole number"),
        ("tasks:\n- key: a\n  title: A\n  retries: '2'\n", 4, "whole number"),
        ("tasks:\n- key: a\n  title: A\n  timeoutSeconds: 1:30\n", 4, "whole number"),
        ("tasks:\n- key: a\n  title: A\n  retries: 1000\n", 4, "between 0 and 99"),
        ("tasks:\n- key: a\n  title: A\n  budgetUsd: -1\n", 4, "between 0 and 100,000,000"),
        ("tasks:\n- key: a\n  title: A\n  budgetUsd: much\n", 4, "between 0 and 100,000,000"),
        ("tasks:\n- key: a\n  title: A\n  budgetUsd:\n", 4, "must be a number or text, not empty"),
        ("budgetUsd: [1]\ntasks:\n- key: a\n  title: A\n", 1, "must be a number or text, not a list"),
        ("budgetUsd: 1e9\ntasks:\n- key: a\n  title: A\n", 1, "between 0 and 100,000,000"),
        ("tasks:\n- key: a\n  title: A\n  status: doing\n", 4, "one of pending, in_progress, done"),
        ("tasks:\n- key: a\n  title: A\n  runtime: {command: ''}\n", 4, "may not be empty"),
        ("runtime: {command: a, agent: b}\ntasks: [{key: a, title: A}]", 1, "command or agent, not both"),
        ("runtime: {}\ntasks: [{key: a, title: A}]", 1, "neither command nor agent"),
        ("runtime: {agent: {model: m}}\ntasks: [{key: a, title: A}]", 1, "needs name"),
        ("runtime: {agent: {name: a, modle: m}}\ntasks: [{key: a, title: A}]", 1, "model"),
        ("tasks:\n- key: a\n  title: A\n  runtime: {command: ' '}\n", 4, "needs an executable"),
        ("tasks:\n- key: a\n  title: A\n  runtime:\n    command: make 'it\n", 5, "cannot be split"),
        ('tasks:\n- key: "a\\u0007"\n  title: A\n', 2, "control characters"),
        (f"tasks:\n- key: {'k' * 201}\n  title: A\n", 2, "more than 200 characters"),
        ("tasks:\n- key: a\n  title: 'A\n", 4, "not valid YAML"),
        ("tasks:\n- key: a\n  title: b: c\n", 3, "not valid YAML"),
        ("tasks:\n- key: a\n\ttitle: b\n", 3, "not valid YAML"),
        ("title: a\n---\ntitle: b\n", 2, "second YAML document"),
        ("title: a\x08b\n", 1, "control character"),
        ('title: x\ntasks: [{key: a, title: "a\\0b"}]\n', 2, "control character 0x00"),
        ('tasks:\n- key: a\n  title: A\n  runtime: {agent: {name: a, prompt: "\\u0000"}}\n', 4, "control character 0x00"),
        ("tasks:\n- !!python/object:os.system {}\n", 2, "tag"),
        ("title: !!timestamp 2024-01-01\n", 1, "tag"),
        ("title: *x\n", 1, "not defined"),
        ("title: x\ntasks: &t [*t]\n", 2, "contains itself"),
        ("? [a]\n: b\n", 1, "a key must be text"),
        ("<<: {title: x}\ntasks: [{key: a, title: A}]\n", 1, "'<<' is not known"),
        ("tasks: " + "[" * 5000, 1, "nested too deeply"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_line(refusal, text, line, words):
    refused = refusal(text, "plan.yaml")
    assert refused.message.startswith(f"plan.yaml, line {line}: ")
    assert words in refused.message
    assert refused.details["line"] == line


def test_all_problems_are_told_at_once_in_order(refusal):
    refused = refusal("titel: x\ntasks:\n- key: a\n  title: A\n  retries: -1\n- title: B\n", "plan.yaml")
    assert [problem["line"] for problem in refused.details["problems"]] == [1, 5, 6]
    assert "Line 5: tasks[0].retries" in refused.message


def test_hundreds_of_problems_are_summed_up(refusal):
    refused = refusal("tasks:\n" + "- {key: a}\n" * 500, "plan.yaml")
    assert len(refused.details["problems"]) == 20
    assert re.search(r"and \d+ more", refused.message, re.IGNORECASE)


def test_a_circle_is_refused_and_named_with_its_lines(refusal):
    refused = refusal(
        "tasks:\n"
        "- {key: start, title: S}\n"
        "- {key: a, title: A, dependsOn: [start, c]}\n"
        "- {key: b, title: B, dependsOn: [a]}\n"
        "- {key: c, title: C, dependsOn: [b]}\n",
        "plan.yaml",
    )
    cycle = refused.details["cycle"]
    assert cycle[0] == cycle[-1]
    assert set(cycle) == {"a", "b", "c"}
    for step in ("a (line 3)", "b (line 4)", "c (line 5)"):
        assert step in refused.message


def test_a_long_circle_is_named_in_short(refusal):
    count = 5_000
    tasks = "".join(f"- {{key: t{n}, title: T, dependsOn: [t{(n + 1) % count}]}}\n" for n in range(count))
    refused = refusal("tasks:\n" + tasks, "plan.yaml")
    assert len(refused.details["cycle"]) == count + 1
    assert len(refused.message) < 500


def test_a_dependency_on_a_later_phase_is_refused_because_it_could_never_be_met(refusal):
    refused = refusal(
        "phases:\n- {key: p, tasks: [{key: a, title: A, dependsOn: [b]}]}\n- {key: q, tasks: [{key: b, title: B}]}\n",
        "plan.yaml",
    )
    assert refused.details["line"] == 2
    assert "later phase 'q'" in refused.message
    assert "never" in refused.message


def test_an_alias_bomb_is_refused_before_it_goes_off(refusal):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    assert "aliases add more than" in refusal("\n".join(lines), "plan.yaml").message


def test_the_example_in_the_manual_is_a_plan():
    manual = (Path(__file__).parents[2] / "docs" / "reference" / "plan-file.md").read_text("utf-8")
    example = manual.split("```yaml\n")[1].split("```")[0]
    plan = read(example, name="plan.yaml")
    assert [(task.key, task.depends_on) for task in plan.tasks()] == [
        ("schema", []),
        ("api", ["schema"]),
        ("docs", []),
        ("tag", ["api", "docs"]),
    ]
    assert plan.phases[1].tasks[0].runtime == CommandRuntime(
        ("git", "tag", "-a", "v2.0", "-m", "Release 2.0")
    )


def test_the_manual_names_every_key():
    manual = (Path(__file__).parents[2] / "docs" / "reference" / "plan-file.md").read_text("utf-8")
    keys = {
        *SCHEMA["properties"],
        *(name for part in SCHEMA["$defs"].values() for name in part.get("properties", ())),
    }
    assert [key for key in sorted(keys) if f"`{key}`" not in manual] == []


class TestSchema:
    def test_it_is_a_valid_schema(self):
        Draft202012Validator.check_schema(SCHEMA)
        assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"

    def test_every_property_is_described(self):
        def undescribed(node, path):
            if isinstance(node, dict):
                for name, child in node.get("properties", {}).items():
                    if not child.get("description", "").endswith("."):
                        yield f"{path}.{name}"
                for name, child in node.items():
                    yield from undescribed(child, f"{path}.{name}")

        assert list(undescribed(SCHEMA, "")) == []
        assert all(node.get("description") for node in SCHEMA["$defs"].values())

    def test_its_limits_are_the_published_ones(self):
        task = SCHEMA["$defs"]["task"]["properties"]
        command = SCHEMA["$defs"]["runtime"]["properties"]["command"]
        assert SCHEMA["$defs"]["key"]["maxLength"] == limits.KEY
        assert SCHEMA["properties"]["maxWorkers"]["maximum"] == limits.WORKERS
        assert task["description"]["maxLength"] == limits.TEXT
        assert task["paths"]["maxItems"] == limits.PATHS
        assert task["retries"]["maximum"] == limits.ATTEMPTS - 1
        assert task["timeoutSeconds"]["maximum"] == limits.SECONDS
        assert task["budgetUsd"]["maximum"] == SCHEMA["properties"]["budgetUsd"]["maximum"] == MOST
        assert (task["priority"]["minimum"], task["priority"]["maximum"]) == (
            -limits.PRIORITY,
            limits.PRIORITY,
        )
        assert (command["maxItems"], command["items"]["maxLength"]) == (limits.ARGUMENTS, limits.ARGUMENT)


def test_gates_guards_and_deliverables_are_read(yaml):
    plan = yaml(
        """
        phases:
          - key: design
            guard: true
            deliverables:
              - {key: decision, title: "The decision,\\nsigned"}
              - key: sketch
                required: false
            gate: {taskRequirement: NAMED, tasks: [write, write]}
            tasks: [{key: write, title: Write}, {key: polish, title: Polish}]
          - key: build
            guard: false
            gate: {taskRequirement: MIN, minimum: 1}
            tasks: [{key: code, title: Code}]
          - key: ship
            gate: {taskRequirement: NONE}
            tasks: [{key: tag, title: Tag}]
          - key: rest
            tasks: [{key: sleep, title: Sleep}]
        """
    )
    assert [phase.gate for phase in plan.phases] == [
        Gate(TaskRequirement.NAMED, None, ("write",)),
        Gate(TaskRequirement.MIN, 1),
        Gate(TaskRequirement.NONE),
        Gate(TaskRequirement.ALL),
    ]
    assert [phase.guard for phase in plan.phases] == [True, False, None, None]
    assert plan.phases[0].deliverables == [
        PlanDeliverable("decision", "The decision, signed"),
        PlanDeliverable("sketch", "sketch", required=False),
    ]


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        (["guard: maybe"], 3, "guard"),
        (["gate: {taskRequirement: SOME}"], 3, "SOME"),
        (["gate: {tasks: [a]}"], 3, "taskRequirement"),
        (["gate: {taskRequirement: MIN}"], 3, "MIN needs a minimum"),
        (["gate:", "  taskRequirement: MIN", "  minimum: 0"], 5, "minimum"),
        (["gate: {taskRequirement: MIN, minimum: 2}"], 3, "has 1 tasks, fewer than the minimum of 2"),
        (["gate: {taskRequirement: ALL, minimum: 1}"], 3, "minimum goes with MIN"),
        (["gate: {taskRequirement: NAMED}"], 3, "NAMED needs the keys"),
        (["gate: {taskRequirement: NAMED, tasks: [b]}"], 3, "has no task 'b'"),
        (["gate: {taskRequirement: NONE, tasks: [a]}"], 3, "tasks go with NAMED"),
        (["gate: {taskRequirement: ALL, minimun: 1}"], 3, "minimun"),
        (["deliverables:", "  - {title: Paper}"], 4, "key"),
        (["deliverables:", "  - {key: x}", "  - {key: x}"], 5, "deliverable 'x' is there already, in line 4"),
        (["deliverables:", "  - {key: x, required: perhaps}"], 4, "required"),
        (["deliverables:", "  - {key: x, evidence: y}"], 4, "evidence"),
    ],
)
def test_a_gate_that_does_not_fit_is_refused_with_its_line(refusal, lines, line, words):
    text = "\n".join(["phases:", "- key: p", *(f"  {one}" for one in lines), "  tasks: [{key: a, title: A}]"])
    refused = refusal(text, "plan.yaml")
    assert refused.message.startswith(f"plan.yaml, line {line}: ")
    assert words in refused.message
