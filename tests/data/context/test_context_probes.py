"""Every probe of long prompts: solvable from its text alone, of a known size, and the same bytes everywhere.

The solvers below read nothing but the prompt. They know the wording of a question, and nothing of the generators.
"""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from evalrun.data.context.aggregation import CommonWords, FrequentWords
from evalrun.data.context.michelangelo import ListOperations, RecallProbe
from evalrun.data.context.probe import Probe
from evalrun.data.context.retrieval import KeyValue, Needle, Passkey
from evalrun.data.context.tracing import Facts, Graph, Variables
from evalrun.data.ladder import LadderSource
from evalrun.errors import SuiteError
from evalrun.suite.read import read_suite

ROOT = Path(__file__).parents[3]
RULER_TASKS = read_suite(ROOT / "suites" / "ruler.yaml", environ={}).suite.tasks
RULER: dict[str, Probe] = {
    name: task.data.probe for name, task in RULER_TASKS.items() if isinstance(task.data, LadderSource)
}
PROBES: dict[str, Probe] = {
    **RULER,
    "two_of_three": Needle(kind="needle", keys=3, values=2, queries=2, value="uuids"),
    "passkey": Passkey(kind="passkey"),
    "key_value": KeyValue(kind="key_value"),
    "three_chains": Variables(kind="variables", hops=2, decoys=2),
    "bfs_1": Graph(kind="graph", hops=1),
    "bfs_2": Graph(kind="graph"),
    "bfs_4": Graph(kind="graph", hops=4),
    "parents": Graph(kind="graph", operation="parents"),
    "list": ListOperations(kind="list_operations"),
    "list_sum": ListOperations(kind="list_operations", view="sum", changes=24),
    "list_max": ListOperations(kind="list_operations", view="max"),
    "facts": Facts(kind="facts"),
    "facts_6": Facts(kind="facts", hops=6, decoys=4),
    "recall_2": RecallProbe(kind="recall"),
    "recall_8": RecallProbe(kind="recall", needles=8, words=8),
}
every_probe = pytest.mark.parametrize("name", PROBES)


# ---------------------------------------------------------------- solvers: text and question -> set or list of answers


def needle(text: str, question: str) -> set[str]:
    needles = re.findall(r"^One of the special magic (?:number|uuid)s for (\S+) is: (\S+)\.$", text, re.MULTILINE)
    assert len({value for _, value in needles}) == len(needles)
    keys = re.split(", | and ", re.search(r" for (.+)\? Reply", question)[1])  # type: ignore[index]
    assert set(keys) <= {key for key, _ in needles}
    return {value for key, value in needles if key in keys}


def passkey(text: str, question: str) -> set[str]:
    (key,) = re.findall(r"^The pass key is (\d+)\. Remember it\. \1 is the pass key\.$", text, re.MULTILINE)
    return {key}


def key_value(text: str, question: str) -> set[str]:
    pairs = json.loads(text[text.index("{") : text.index("}") + 1], object_pairs_hook=list)
    assert len({name for pair in pairs for name in pair}) == 2 * len(pairs)
    return {dict(pairs)[re.search(r'the key "(.+)"', question)[1]]}  # type: ignore[index]


def variables(text: str, question: str) -> set[str]:
    values: dict[str, str] = {}
    for name, value in re.findall(r"^VAR (\S+) = (?:VAR )?(\S+)$", text, re.MULTILINE):
        assert name not in values
        values[name] = value if value.isdigit() else values[value]  # KeyError: used before it has a value
    count, value = re.search(r"Which (\d+) variables have the value (\d+),", question).groups()  # type: ignore[union-attr]
    found = {name for name in values if values[name] == value}
    assert len(found) == int(count)
    return found


def most_frequent(words: list[str], count: int) -> set[str]:
    ranked = Counter(words).most_common()
    assert ranked[count - 1][1] > ranked[count][1]
    return {word for word, _ in ranked[:count]}


def common_words(text: str, question: str) -> set[str]:
    entries = re.findall(r"^(\d{5})\. (\S+)$", text, re.MULTILINE)
    assert [int(number) for number, _ in entries] == list(range(1, len(entries) + 1))
    return most_frequent([word for _, word in entries], int(question.split()[1]))


def frequent_words(text: str, question: str) -> set[str]:
    line = max(text.splitlines(), key=len)
    ignored = re.search(r"apart from (\S+)\?", question)[1]  # type: ignore[index]
    assert most_frequent(line.split(), 1) == {ignored}
    return most_frequent([word for word in line.split() if word != ignored], 3)


def graph(text: str, question: str) -> set[str]:
    edges = [tuple(line.split(" -> ")) for line in text.splitlines() if " -> " in line]
    assert len(set(edges)) == len(edges)
    if "have an arrow to" in question:
        return {a for a, b in edges if b == re.search(r"arrow to (\S+)\?", question)[1]}  # type: ignore[index]
    start, steps = re.search(r"at (\S+) and .* after (\d+) steps?\?", question).groups()  # type: ignore[union-attr]
    distance = {start: 0}
    for _ in edges:  # Bellman and Ford: relax until nothing changes
        better = {b: distance[a] + 1 for a, b in edges if a in distance and distance[a] + 1 < distance.get(b, 10**9)}
        if not better:
            break
        distance |= {b: min(distance[a] + 1 for a, c in edges if c == b and a in distance) for b in better}
    return {node for node, far in distance.items() if far == int(steps)}


def list_operations(text: str, question: str) -> list[str]:
    program = "\n".join(line for line in text.splitlines() if re.match(r"[abc]\b", line))
    printed: list[object] = []
    asked = re.search("does `(.+?)` print", question)
    assert asked
    exec(f"{program}\n{asked[1]}", {"print": printed.append})  # noqa: S102  (Python itself is the solver)
    return re.findall(r"\d+", str(printed[0]))


def facts(text: str, question: str) -> set[str]:
    known = re.findall(r"^The (\w+) of (\w+) is (\w+)\.$", text, re.MULTILINE)
    assert len({(relation, person) for relation, person, _ in known}) == len(known)
    who = {(relation, person): other for relation, person, other in known}
    *path, person = re.search(r"^Who is the (.+)\?", question)[1].split(" of ")  # type: ignore[index]
    for relation in reversed(path):
        person = who[relation.removeprefix("the "), person]
    return {person}


def recall(text: str, question: str) -> set[str]:
    turns = re.findall(r"^User: Write a (.+)\.\nAssistant: (.+)$", text, re.MULTILINE)
    assert len({written for _, written in turns}) == len(turns)
    asked = re.match(r"Write (\d{8}), a blank, and then the (\d)\w\w (.+) word for word", question)
    assert asked
    same = [written for request, written in turns if request == asked[3]]
    return {f"{asked[1]} {same[int(asked[2]) - 1]}"}


SOLVERS: dict[str, Callable[[str, str], set[str] | list[str]]] = {
    solver.__name__: solver
    for solver in (
        needle, passkey, key_value, variables, common_words, frequent_words, graph, list_operations, facts, recall,
    )
}  # fmt: skip


# ---------------------------------------------------------------- properties


@every_probe
def test_a_thousand_questions_have_one_answer_each(name: str) -> None:
    """The text alone leads to the expected answer, and to no other."""
    probe = PROBES[name]
    prompts = set()
    for index in range(1000):
        row = probe.build(index, units=probe.min_units + index % 11)
        text, _, question = row["prompt"].rpartition("\n\n")
        solved = SOLVERS[probe.model_dump()["kind"]](text, question)
        expected = [row["answer"]] if name.startswith("recall") else row["answer"].split(", ")
        assert (solved if isinstance(solved, list) else sorted(solved)) == (
            expected if isinstance(solved, list) else sorted(expected)
        )
        assert solved
        prompts.add(row["prompt"])
    assert len(prompts) == 1000


@every_probe
def test_a_size_is_a_size(name: str) -> None:
    """Characters, words and digits follow from units and pad alone, and grow with each of them."""
    probe = PROBES[name]
    sizes = []
    for units in range(probe.min_units, probe.min_units + 20):
        prompts = [probe.build(index, units=units)["prompt"] for index in range(5)]
        (size,) = {(len(text), len(text.split()), sum(map(str.isdigit, text))) for text in prompts}
        sizes.append(size)
    growths = {tuple(b - a for a, b in zip(*pair, strict=True)) for pair in pairwise(sizes)}
    assert len(growths) == 1, "every unit is equally long"
    assert min(growths)[:2] > (0, 0)
    plain, padded = (probe.build(3, units=units, pad=pad)["prompt"] for pad in (0, 30))
    assert len(padded) - len(plain) == 2 * 30
    assert len(padded.split()) - len(plain.split()) == 30
    assert plain == re.sub(r"^Margin:.*$", "Margin:", padded, flags=re.MULTILINE)


@every_probe
def test_the_nonce_is_the_first_line_and_nothing_else_changes(name: str) -> None:
    """A cold prompt differs from a warm one in its first line only."""
    probe = PROBES[name]
    plain = probe.build(1, units=probe.min_units)
    fresh = probe.build(1, units=probe.min_units, nonce="8f3a")
    assert fresh == {**plain, "prompt": "8f3a\n" + plain["prompt"]}


HAY = {
    "niah_single_1": r"(The \w+ is \w+\. ?){5}",
    "niah_single_2": r"The( \w+){10}\.",
    "niah_multikey_2": r"One of the special .*\.",
    "passkey": r"(The \w+ is \w+\. ?){5}",
    "key_value": r'".*": ".*",?',
}


@pytest.mark.parametrize("name", HAY)
def test_the_answer_stands_at_its_depth(name: str) -> None:
    """At 0, 25, ... 100 % of the haystack's lines; the questions take the depths in turn."""
    probe = PROBES[name].model_copy(update={"depths": (0.0, 25.0, 50.0, 75.0, 100.0)})
    for index, depth in enumerate((0, 25, 50, 75, 100, 0)):
        row = probe.build(index, units=101 if name == "key_value" else 100)
        before, answer, after = row["prompt"].partition(row["answer"])
        assert answer
        hay = [sum(re.fullmatch(HAY[name], line) is not None for line in part.splitlines()) for part in (before, after)]
        assert (row["depth"], hay) == (depth, [depth, 100 - depth])


def test_nothing_is_shared_between_questions_and_sizes() -> None:
    """Each index, size, seed and option has a text of its own: no line of prose comes back."""
    builds = [
        *(Needle(kind="needle").build(index, units=50) for index in range(5)),
        Needle(kind="needle").build(0, units=51),
        Needle(kind="needle", seed=1).build(0, units=50),
        Needle(kind="needle", keys=2).build(0, units=50),
        Facts(kind="facts").build(0, units=50),
    ]
    lines = [line for row in builds for line in row["prompt"].splitlines() if re.fullmatch(r"The( \w+){10}\.", line)]
    assert len(lines) == len(set(lines)) == 8 * 50 + 51


def test_sizes_out_of_reach_are_refused() -> None:
    """A size the probe cannot build says which ones it can."""
    with pytest.raises(SuiteError, match="probe recall: 8 units; choose at least 9"):
        RecallProbe(kind="recall").build(0, units=8)
    with pytest.raises(SuiteError, match="probe needle: 14910 units; choose 1 to 14909"):
        RULER["niah_multikey_2"].build(0, units=14910)
    most = RULER["niah_multikey_2"].build(0, units=14909)["prompt"]
    assert len(set(re.findall(r" is: (\d{7})\.", most))) == 14910


def test_the_shipped_suite_is_ruler() -> None:
    """suites/ruler.yaml asks RULER's eleven tasks with the published counts and 40 depths, at its lengths."""
    depths = tuple(float(round(step * 100 / 39)) for step in range(40))
    assert {
        "niah_single_1": Needle(kind="needle", haystack="noise", depths=depths),
        "niah_single_2": Needle(kind="needle", depths=depths),
        "niah_single_3": Needle(kind="needle", value="uuids", depths=depths),
        "niah_multikey_1": Needle(kind="needle", keys=4, depths=depths),
        "niah_multikey_2": Needle(kind="needle", haystack="needles", depths=depths),
        "niah_multikey_3": Needle(kind="needle", haystack="needles", key="uuids", value="uuids", depths=depths),
        "niah_multivalue": Needle(kind="needle", values=4, depths=depths),
        "niah_multiquery": Needle(kind="needle", keys=4, queries=4, depths=depths),
        "vt": Variables(kind="variables", hops=4),
        "cwe": CommonWords(kind="common_words", common=10, common_repeats=30, uncommon_repeats=3),
        "fwe": FrequentWords(kind="frequent_words", alpha=2.0),
    } == RULER
    ladders = [task.data for task in RULER_TASKS.values()]
    assert {ladder.sizes for ladder in ladders if isinstance(ladder, LadderSource)} == {
        (4096, 8192, 16384, 32768, 65536, 131072)
    }


PINNED = "df6319aadc473e6b9fa9fd1d7c81916ba6491c783c2cce884748cef6ef1045d7"
DIGEST = """
import hashlib, json, sys
from pydantic import TypeAdapter
from evalrun.data.context import AnyProbe
sha = hashlib.sha256()
for text in json.load(sys.stdin):
    probe = TypeAdapter(AnyProbe).validate_json(text)
    for units in (probe.min_units, probe.min_units + 100):
        for index in range(3):
            row = probe.build(index, units=units, pad=index, nonce="n" * index)
            sha.update(json.dumps(row, sort_keys=True).encode())
print(sha.hexdigest())
"""


@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_the_bytes_are_the_same_everywhere(hash_seed: str) -> None:
    """One hash for all probes, pinned, whatever PYTHONHASHSEED is."""
    done = subprocess.run(
        [sys.executable, "-c", DIGEST],
        input=json.dumps([probe.model_dump_json() for probe in PROBES.values()]),
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == PINNED
