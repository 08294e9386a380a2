"""A first suite and target, with comments, for `evalrun init`: both valid as they are. Writes none."""

import json

from evalrun.suite.reference import FOLDERS
from evalrun.suite.schema import schema

SUITE = """\
# yaml-language-server: $schema=suite.schema.json
# A suite: questions, how they are asked, how they are judged. Every field is in docs/suite.md.
name: first                       # its folder in results/, and its name in tables
about: Capitals of the world      # printed above the tables
targets: [target.yaml]            # who is asked; -t NAME|FILE|URL asks others

tasks:
  capitals:
    data:                         # the rows; here in this file
      kind: inline
      rows:
        - {country: France, city: Paris, continent: Europe}
        - {country: Japan, city: Tokyo, continent: Asia}
        - {country: Kenya, city: Nairobi, continent: Africa}
        - {country: Peru, city: Lima, continent: America}
    # data: {kind: jsonl, path: rows.jsonl}               # a file beside this one; csv and parquet too
    # data: {kind: hub, id: openai/gsm8k, config: main, split: test}
    prompt:
      system: Answer with the name of the city alone.
      template: What is the capital of {{ country }}?    # fields of the row
      expected: "{{ city }}"
      meta: [continent]           # kept with each sample: the table has the accuracy of each continent
    sampling: {temperature: 0, max_tokens: 64}
    scorers: [{kind: contains, ignore_case: true}]       # also exact, numeric, math, choice, regex, python, ...
    # sample: 200                 # only so many rows, drawn by a seed
    # repeats: 4                  # ask each so often

load: {concurrency: 4}            # requests in flight at once
# limits: {max_cost_usd: 0.50}    # never spend more; needs prices in the target
# slo: {ttft: 2 s, e2e: 30 s}     # how many answers keep these: goodput
# gates: [accuracy >= 90 %]       # judged by `evalrun gate`
"""

TARGET = """\
# yaml-language-server: $schema=target.schema.json
# A target: an endpoint and a model. Every field is in docs/target.md.
kind: http
about: A server on this machine               # printed above the tables
base_url: http://127.0.0.1:8000/v1            # without /chat/completions
model: default                                # its name in the request; GET /models of the endpoint lists them
# key_env: EXAMPLE_API_KEY                    # the environment variable with the key, never the key itself
# prices: {prompt: 0.50, completion: 1.50, date: 2026-11-01}   # USD per million tokens; without them cost is unknown
# rate: {concurrency: 8}                      # what the provider allows
"""


def files() -> dict[str, str]:
    """Return the texts of the files by name: a suite, a target, and the schemas by which editors check both."""
    schemas = {f"{what}.schema.json": json.dumps(schema(what), indent=1) + "\n" for what in FOLDERS}
    return {"suite.yaml": SUITE, "target.yaml": TARGET, **schemas}
