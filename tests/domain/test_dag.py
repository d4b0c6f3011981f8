"""The graph of tasks against slow and simple ways to say the same."""

from itertools import pairwise
from random import Random

import pytest

from app.domain import dag as graphs
from app.domain.dag import Dag, Schedule, downstream, find_cycle, refuse_cycle
from app.domain.errors import AppError, ErrorCode

Graph = dict[int, list[int]]


def a_graph(random: Random, *, circles: bool, most: int = 24) -> Graph:
    size = random.randint(1, most)
    graph: Graph = {}
    for key in range(size):
        pool = range(size) if circles else range(key)
        graph[key] = random.choices(pool, k=random.randint(0, 3)) if pool else []
    keys = list(graph)
    random.shuffle(keys)
    return {key: graph[key] for key in keys}


def is_acyclic(graph: Graph) -> bool:
    """By taking away what waits for nothing that is left."""
    left = set(graph)
    while free := {key for key in left if not left.intersection(graph[key])}:
        left -= free
    return not left


@pytest.mark.parametrize("seed", range(300))
def test_a_circle_is_found_exactly_where_there_is_one_and_is_a_real_one(seed: int) -> None:
    graph = a_graph(Random(seed), circles=True, most=8)
    cycle = find_cycle(graph)
    assert (cycle is None) == is_acyclic(graph)
    if cycle is not None:
        assert cycle[0] == cycle[-1]
        assert len(set(cycle)) == len(cycle) - 1 >= 1
        for key, needed in pairwise(cycle):
            assert needed in graph[key]


@pytest.mark.parametrize("seed", range(100))
def test_counters_agree_with_a_rescan_after_every_completion(seed: int) -> None:
    random = Random(seed)
    graph = a_graph(random, circles=False)
    dag = Dag(graph)
    done: set[int] = set()
    ready = dag.ready()
    assert sorted(ready) == sorted(key for key in graph if not graph[key])
    while ready:
        key = ready.pop(random.randrange(len(ready)))
        before = {other for other in graph if set(graph[other]) <= done}
        done.add(key)
        freed = dag.complete(key)
        after = {other for other in graph if set(graph[other]) <= done}
        assert set(freed) == after - before
        assert len(freed) == len(set(freed))
        for other in graph:
            assert dag.waiting(other) == len(set(graph[other]) - done)
        ready += freed
    assert done == set(graph)


@pytest.mark.parametrize("seed", range(100))
def test_everything_comes_after_what_it_waits_for(seed: int) -> None:
    graph = a_graph(Random(seed), circles=False)
    order = Dag(graph).order()
    place = {key: number for number, key in enumerate(order)}
    assert sorted(order) == sorted(graph)
    assert all(place[needed] < place[key] for key, needs in graph.items() for needed in needs)


def test_what_does_not_wait_keeps_its_order() -> None:
    assert Dag({"c": [], "a": [], "b": []}).order() == ["c", "a", "b"]


@pytest.mark.parametrize("seed", range(100))
def test_downstream_is_what_can_be_reached(seed: int) -> None:
    random = Random(seed)
    graph = a_graph(random, circles=True)
    dag = Dag(graph)
    dependents = {key: dag.dependents(key) for key in graph}
    start = set(random.sample(sorted(graph), k=min(2, len(graph))))
    reached = set(start)
    while further := {key for key in graph if reached.intersection(graph[key])} - reached:
        reached |= further
    assert downstream(dependents, start) == reached - start


def test_a_hundred_thousand_tasks_in_a_row_do_not_exhaust_the_stack() -> None:
    size = 100_000
    chain: Graph = {key: [key - 1] if key else [] for key in range(size)}
    dag = Dag(chain)
    assert dag.order() == list(range(size))
    assert find_cycle(chain) is None
    dependents = {key: dag.dependents(key) for key in chain}
    assert len(downstream(dependents, [0])) == size - 1
    chain[0] = [size - 1]
    cycle = find_cycle(chain)
    assert cycle is not None
    assert len(cycle) == size + 1


def test_a_dependency_named_twice_counts_once() -> None:
    dag = Dag({"a": [], "b": ["a", "a"]})
    assert dag.waiting("b") == 1
    assert dag.complete("a") == ["b"]


def test_a_circle_is_refused_by_name() -> None:
    with pytest.raises(AppError) as refused:
        refuse_cycle({"a": ["c"], "b": ["a"], "c": ["b"], "d": ["a"]}, "input", "plan")
    assert refused.value.code is ErrorCode.DAG_CYCLE
    assert refused.value.path == ["input", "plan"]
    assert refused.value.details == {"cycle": ["a", "c", "b", "a"]}
    assert "a → c → b → a" in refused.value.message


def test_a_task_that_waits_for_itself_is_a_circle() -> None:
    with pytest.raises(AppError) as refused:
        refuse_cycle({"a": ["a"]})
    assert refused.value.details == {"cycle": ["a", "a"]}


@pytest.mark.parametrize("seed", range(20))
def test_what_waits_behind_a_task_is_counted_once_however_many_ways_lead_to_it(seed: int) -> None:
    chance = Random(seed)
    needs = {key: [one for one in range(key) if chance.random() < 0.2] for key in range(40)}
    counted = [key for key in needs if chance.random() < 0.7]
    dag = Dag(needs)
    dependents = {key: dag.dependents(key) for key in needs}
    assert dag.count_behind(counted) == {
        key: len(({key} | downstream(dependents, [key])) & set(counted)) for key in needs
    }


def test_what_waits_behind_every_task_of_a_long_chain_is_counted_quickly() -> None:
    size = 20_000
    chain = {key: [key - 1] if key else [] for key in range(size)}
    assert Dag(chain).count_behind(chain) == {key: size - key for key in range(size)}


@pytest.mark.parametrize("bits", [1, 3, 7])
def test_counting_some_at_a_time_comes_to_the_same(monkeypatch: pytest.MonkeyPatch, bits: int) -> None:
    graph = a_graph(Random(5), circles=False, most=60)
    whole = Dag(graph).count_behind(graph)
    monkeypatch.setattr(graphs, "BITS", bits)
    assert Dag(graph).count_behind(graph) == whole


@pytest.mark.parametrize("seed", range(50))
def test_every_task_is_one_deeper_than_the_deepest_it_waits_for(seed: int) -> None:
    graph = a_graph(Random(seed), circles=False)
    depths = Dag(graph).depths()
    assert depths == {key: max((depths[one] + 1 for one in graph[key]), default=0) for key in graph}


@pytest.mark.parametrize("seed", range(50))
def test_a_schedule_of_numbers_comes_to_every_task_after_what_it_waits_for(seed: int) -> None:
    random = Random(seed)
    graph = a_graph(random, circles=False)
    schedule = Schedule([graph[number] for number in range(len(graph))])
    done: set[int] = set()
    ready = schedule.ready()
    while ready:
        number = ready.pop(random.randrange(len(ready)))
        assert done.issuperset(graph[number])
        assert number not in done
        done.add(number)
        ready += schedule.complete(number)
    assert done == set(graph)
