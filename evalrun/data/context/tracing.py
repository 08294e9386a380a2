"""Probes that follow a chain: variables that copy each other (`variables`), people (`facts`), a graph (`graph`)."""

from itertools import pairwise
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from evalrun.data.context.filler import CODES, NAMES, RELATIONS, codes, noise, numbers, prose, woven
from evalrun.data.context.probe import Probe, Puzzle
from evalrun.data.dice import Dice

TRIES = 50  # nodes of one graph to try as a start, before another graph is drawn
MAX_RIGHT = 20


class Variables(Probe):
    """Find all variables with a given value. A unit is a line of repeated sentences.

    Source: vt of RULER (arXiv 2404.06654): one chain of four hops in repeated sentences, names of five letters, values
    of five digits, one worked example. Here names are a letter and four digits, there is no worked example, and a
    second chain (`decoys`) has another value, without which naming every variable would be right.
    Scorer: `items`, rule `net`.
    """

    family: ClassVar[str] = "tracing"

    kind: Literal["variables"]
    hops: int = Field(default=4, ge=1, le=100)
    """How many times the value is passed on."""
    decoys: int = Field(default=1, ge=0, le=100)
    """Number of chains that are not asked for."""

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:  # noqa: ARG002  (no depth)
        length, chains = self.hops + 1, self.decoys + 1
        names = codes(dice, length * chains)
        values = numbers(dice, chains, 5)
        todo = []
        for n, value in enumerate(values):
            own = names[n * length :][:length]
            todo.append(iter([f"VAR {own[0]} = {value}", *(f"VAR {b} = VAR {a}" for a, b in pairwise(own))]))
        turns = dice.shuffled(n for n in range(chains) for _ in range(length))
        places = sorted(dice.between(0, units) for _ in turns)
        inserts = [(place, next(todo[n])) for place, n in zip(places, turns, strict=True)]
        return Puzzle(
            intro="Assignments of variables are hidden in the text below. Follow them.",
            lines=woven(noise(dice, units), inserts),
            ask=(
                f"Which {length} variables have the value {values[0]}, directly or through other variables? "
                "Reply with their names only, separated by commas."
            ),
            answers=names[:length],
        )


class Facts(Probe):
    """Find a person through several others. A unit is a line of prose.

    Source: in the manner of bAbI and BABILong (arXiv 1502.05698, 2406.10149), a few facts in an unrelated long text.
    Facts, names and text are our own. Other chains of people (`decoys`) have the same relations, so that neither a
    relation nor a name alone leads to the answer.
    Scorer: `items`, rule `net`.
    """

    family: ClassVar[str] = "tracing"

    kind: Literal["facts"]
    hops: int = Field(default=3, ge=1, le=6)
    """Number of facts to combine."""
    decoys: int = Field(default=2, ge=1, le=9)
    """Number of other chains."""

    @model_validator(mode="after")
    def _enough_names(self) -> Self:
        if (self.hops + 1) * (self.decoys + 1) > len(NAMES):
            raise ValueError(f"(hops + 1) x (decoys + 1) is more than the {len(NAMES)} known names; lower one of them")
        return self

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:  # noqa: ARG002  (no depth)
        people = dice.some(NAMES, (self.hops + 1) * (self.decoys + 1))
        relations = dice.some(RELATIONS, self.hops)
        chains = [people[n :: self.decoys + 1] for n in range(self.decoys + 1)]
        facts = [
            f"The {relation} of {of} is {who}."
            for chain in chains
            for relation, (of, who) in zip(relations, pairwise(chain), strict=True)
        ]
        path = "".join(f"the {relation} of " for relation in reversed(relations))
        asked = chains[0]
        return Puzzle(
            intro="Some facts about people are hidden in the text below. Remember them.",
            lines=woven(prose(dice, units), [(dice.between(0, units), fact) for fact in facts]),
            ask=f"Who is {path}{asked[0]}? Reply with the name only.",
            answers=[asked[-1]],
        )


class Graph(Probe):
    """Find the nodes a few steps away from a node, or its parents. A unit is an edge.

    Source: GraphWalks (openai/graphwalks), breadth-first search and parents on a list of directed edges. Here nodes are
    a letter and four digits, a graph has one and a half edges per node, no answer is empty, and at most a seventh of
    the nodes is right.
    Scorer: `items`, rule `f1`, as published. Naming all nodes scores less than 0.3.
    """

    family: ClassVar[str] = "tracing"

    kind: Literal["graph"]
    operation: Literal["bfs", "parents"] = "bfs"
    """bfs: nodes that are first reached after `hops` steps. parents: nodes with an edge to the given one."""
    hops: int = Field(default=2, ge=1, le=4)
    """Number of steps, with `bfs`."""

    @property
    def min_units(self) -> int:
        """Enough for there to be something to ask."""
        return 9 + 3 * self.hops

    @property
    def max_units(self) -> int | None:
        return CODES

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:  # noqa: ARG002  (no depth)
        while True:
            edges = drawn(dice, units, nodes=2 * units // 3)
            start, right = self._found(dice, edges)
            if right:
                break
        present = sorted({node for edge in edges for node in edge})
        names = dict(zip(present, codes(dice, len(present)), strict=True))
        asked = f"Which nodes have an arrow to {names[start]}?"
        if self.operation == "bfs":
            steps = f"{self.hops} step{'s' * (self.hops > 1)}"
            asked = f"Starting at {names[start]} and following the arrows, which nodes are first reached after {steps}?"
        return Puzzle(
            intro="Each line below is an arrow from one node to another. Together they are a graph.",
            lines=[f"{names[a]} -> {names[b]}" for a, b in edges],
            ask=f"{asked} End with one line: `Answer:` and the nodes, separated by commas.",
            answers=[names[node] for node in sorted(right)],
        )

    def _found(self, dice: Dice, edges: list[tuple[int, int]]) -> tuple[int, set[int]]:
        """Return a node to start from and the right answer, which is empty where no node suits."""
        forward = self.operation == "bfs"
        ways: dict[int, list[int]] = {}
        for a, b in edges:
            ways.setdefault(a if forward else b, []).append(b if forward else a)
        most = min(MAX_RIGHT, len({node for edge in edges for node in edge}) // 7)
        starts = sorted(ways)
        for start in dice.shuffled(starts) if len(starts) <= TRIES else [dice.pick(starts) for _ in range(TRIES)]:
            right = reached(ways, start, self.hops if forward else 1)
            if 0 < len(right) <= most:
                return start, right
        return 0, set()


def drawn(dice: Dice, edges: int, *, nodes: int) -> list[tuple[int, int]]:
    """Return different edges between different nodes, in random order."""
    found: dict[tuple[int, int], None] = {}
    while len(found) < edges:
        a, b = dice.between(0, nodes - 1), dice.between(0, nodes - 1)
        if a != b:
            found[a, b] = None
    return list(found)


def reached(ways: dict[int, list[int]], start: int, hops: int) -> set[int]:
    """Return the nodes whose shortest path from `start` has exactly `hops` steps."""
    seen, edge = {start}, {start}
    for _ in range(hops):
        edge = {other for node in edge for other in ways.get(node, ())} - seen
        seen |= edge
    return edge
