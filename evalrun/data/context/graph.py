"""Walks on a directed graph that is given as a list of edges.

Source: GraphWalks (openai/graphwalks): breadth-first search to a depth, and the parents of a node. Here nodes are a
letter and four digits, a graph has one and a half edges per node, no answer is empty, and at most a seventh of
the nodes is right.

Rule: the set of nodes; scorer `items`, rule `f1`, as published. Naming all nodes gives less than 0.3.
"""

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from evalrun.data.context.filler import shuffled
from evalrun.data.context.names import CODES, codes
from evalrun.data.context.probe import Probe, Puzzle
from evalrun.data.dice import Dice

TRIES = 50  # nodes of one graph to ask about, before another graph is drawn
MOST_RIGHT = 20
Arrows = dict[int, list[int]]


class Graph(Probe):
    """Find the nodes a few steps away, or the parents of a node. A unit is an edge."""

    kind: Literal["graph"]
    operation: Literal["bfs", "parents"] = "bfs"
    hops: int = Field(default=2, ge=1, le=4)
    """How many steps away, with `bfs`."""

    @property
    def family(self) -> str:
        """Tracing."""
        return "tracing"

    @property
    def min_units(self) -> int:
        """So many that there is something to ask."""
        return 9 + 3 * self.hops

    @property
    def max_units(self) -> int | None:
        """There are only so many names for nodes."""
        return CODES

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:  # noqa: ARG002  (no depth)
        """Draw graphs until one has a node to ask about."""
        while True:
            edges = drawn(dice, units, nodes=2 * units // 3)
            start, right = self._found(dice, edges)
            if right:
                break
        present = sorted({node for edge in edges for node in edge})
        names = dict(zip(present, codes(dice, len(present)), strict=True))
        return Puzzle(
            intro="Each line below is an arrow from one node to another. Together they are a graph.",
            lines=[f"{names[a]} -> {names[b]}" for a, b in edges],
            ask=self._ask(names[start]),
            answers=[names[node] for node in sorted(right)],
            candidates=list(names.values()),
        )

    def _found(self, dice: Dice, edges: list[tuple[int, int]]) -> tuple[int, set[int]]:
        """Return a node to start from and the right answer; an empty answer where none was found."""
        forward = self.operation == "bfs"
        ways: Arrows = {}
        for a, b in edges:
            ways.setdefault(a if forward else b, []).append(b if forward else a)
        most = min(MOST_RIGHT, len({node for edge in edges for node in edge}) // 7)
        starts = sorted(ways)
        for start in shuffled(dice, starts) if len(starts) <= TRIES else [dice.pick(starts) for _ in range(TRIES)]:
            right = reached(ways, start, self.hops if forward else 1)
            if 0 < len(right) <= most:
                return start, right
        return 0, set()

    def _ask(self, start: str) -> str:
        if self.operation == "parents":
            what = f"Which nodes have an arrow to {start}?"
        else:
            what = (
                f"Starting at {start} and following the arrows, which nodes are first reached after {self.hops} steps?"
            )
            what = what if self.hops > 1 else what.replace("steps", "step")
        return f"{what} End with one line: `Answer:` and the nodes, separated by commas."


def drawn(dice: Dice, edges: int, *, nodes: int) -> list[tuple[int, int]]:
    """Draw different edges between different nodes, in random order."""
    found: dict[tuple[int, int], None] = {}
    while len(found) < edges:
        a, b = dice.between(0, nodes - 1), dice.between(0, nodes - 1)
        if a != b:
            found[a, b] = None
    return list(found)


def reached(ways: Arrows, start: int, hops: int) -> set[int]:
    """Return the nodes whose shortest way from `start` has exactly so many steps."""
    seen, edge = {start}, {start}
    for _ in range(hops):
        edge = union(ways.get(node, ()) for node in edge) - seen
        seen |= edge
    return edge


def union(groups: Iterable[Iterable[int]]) -> set[int]:
    """Return all that is in any group."""
    return {node for group in groups for node in group}
