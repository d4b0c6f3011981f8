"""What scheduling costs in memory: completing every task of a large DAG, each time asking what became ready by it.

    python -m tests.benchmarks.scheduling --nodes 100000 --rounds 5

Microseconds for each completed task: median (least to most) of the rounds, and how many times as long others take for the
same walk. graphlib is the standard library's TopologicalSorter; networkx has nothing for it, so its digraph is asked for
successors beside a dict of in-degrees, as one would.
"""

import argparse
import gc
import random
import statistics
import time
from collections.abc import Callable, Mapping
from graphlib import TopologicalSorter

import networkx

from app.domain.dag import Schedule

Graph = Mapping[int, list[int]]
"""What each task waits for."""


def chain(nodes: int) -> Graph:
    return {node: [node - 1] if node else [] for node in range(nodes)}


def wide(nodes: int) -> Graph:
    """One task before all others, one after them."""
    last = nodes - 1
    return {node: [] if not node else list(range(1, last)) if node == last else [0] for node in range(nodes)}


def layered(nodes: int) -> Graph:
    """Layers of a thousand; each task waits for three of the layer before, chosen by chance."""
    chance = random.Random(1)
    width = 1_000
    return {
        node: chance.sample(range(node // width * width - width, node // width * width), 3)
        if node >= width
        else []
        for node in range(nodes)
    }


def ours(graph: Graph) -> Callable[[], int]:
    schedule = Schedule([graph[node] for node in range(len(graph))])

    def walk() -> int:
        ready, done = schedule.ready(), 0
        complete = schedule.complete
        while ready:
            ready += complete(ready.pop())
            done += 1
        return done

    return walk


def standard(graph: Graph) -> Callable[[], int]:
    sorter = TopologicalSorter(graph)
    sorter.prepare()

    def walk() -> int:
        ready, done = list(sorter.get_ready()), 0
        while ready:
            sorter.done(ready.pop())
            ready += sorter.get_ready()
            done += 1
        return done

    return walk


def of_networkx(graph: Graph) -> Callable[[], int]:
    digraph = networkx.DiGraph()
    digraph.add_nodes_from(graph)
    digraph.add_edges_from((needed, node) for node, needs in graph.items() for needed in needs)
    waiting = dict(digraph.in_degree())

    def walk() -> int:
        ready, done = [node for node, count in waiting.items() if not count], 0
        while ready:
            for dependent in digraph.successors(ready.pop()):
                waiting[dependent] -= 1
                if not waiting[dependent]:
                    ready.append(dependent)
            done += 1
        return done

    return walk


WAYS: Mapping[str, Callable[[Graph], Callable[[], int]]] = {
    "trackside": ours,
    "graphlib": standard,
    "networkx": of_networkx,
}


def measure(make: Callable[[Graph], Callable[[], int]], graph: Graph) -> float:
    """Processor time, so that what else the machine does counts little."""
    walk = make(graph)
    gc.collect()
    gc.disable()
    start = time.thread_time()
    done = walk()
    took = time.thread_time() - start
    gc.enable()
    assert done == len(graph)
    return took / done * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nodes", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for shape in (chain, wide, layered):
        graph = shape(options.nodes)
        found = {name: [measure(make, graph) for _ in range(options.rounds)] for name, make in WAYS.items()}
        base = statistics.median(found["trackside"])
        print(f"{shape.__name__}: {options.nodes:,} tasks, {sum(map(len, graph.values())):,} dependencies")
        for name, values in found.items():
            middle = statistics.median(values)
            print(
                f"  {name:10} {middle:6.3f} µs a task  ({min(values):.3f} to {max(values):.3f})  x {middle / base:.1f}"
            )


if __name__ == "__main__":
    main()
