"""The definition of every number that evalrun prints: its name, label, unit, meaning, and when it is unknown.

Tables take labels and units from here, footnotes and `evalrun explain NAME` the texts, and the tables of
docs/metrics.md are `markdown()` (a test compares). Marks and warnings too. Not here: how a number is computed.
"""

import re
from dataclasses import dataclass

from evalrun.errors import SuiteError, closest
from evalrun.rule import MEASURES
from evalrun.units import Unit

NO_COUNT = "any answer has no such count"
NOT_K = "no sample has k scored answers"
OVER_SAMPLES = "Averaged over the samples that have k scored answers, with the 95 % interval of a mean over samples."


@dataclass(frozen=True, slots=True)
class Definition:
    """The definition of a number.

    brief: for a footnote.
    detail: the rest.
    absent: when the number is unknown.
    optional: a table omits the row where all columns are unknown, or count what never happened.
    """

    name: str
    label: str
    unit: Unit
    brief: str
    detail: str = ""
    absent: str = ""
    optional: bool = False


SECTIONS: dict[str, tuple[Definition, ...]] = {
    "Quality": (
        Definition("accuracy", "accuracy", "fraction", "mean score of the answered samples, with its 95 % interval",
            "A sample asked several times counts once, with its mean score. Truncated answers are included with their "
            "score; failures and unscored answers are excluded. Interval: Wilson if every sample is entirely right or "
            "wrong, else Wilson with an effective number of answers (see Intervals). The first scorer is the headline; "
            "each further one has its own row. The row of all tasks pools the samples of all tasks.",
            "nothing was scored"),
        Definition("accuracy_pessimistic", "pessimistic", "fraction",
            "accuracy with every failure, truncated and unscored answer counted as wrong",
            "Over all requests but the refused, so that failing on hard questions cannot raise it.",
            "nothing was attempted"),
        Definition("scored", "scored", "count", "answers that have a score"),
        Definition("unscored", "unscored", "count", "answers that the scorer could not judge; not a score of 0",
            "Includes scores that are not a number in 0..1.", optional=True),
        Definition("scorer_error", "error", "count", "unscored answers, by scorer and reason",
            "unsure: `choice` cannot tell which option is chosen. not_extracted: the option `extract` finds nothing. "
            "no_score: a function of yours returned None. scorer: an error of the scorer or of the expected answer. "
            "scorer_timeout, scorer_oom, scorer_crash: the process that judged it was killed or died.", optional=True),
        Definition("disputed", "disputed", "count", "scores on which two judges disagree; listed below the table",
            optional=True),
        Definition("samples", "samples", "count", "different samples attempted", optional=True),
        Definition("accuracy_by", "accuracy by group", "fraction",
            "accuracy of the samples with one value of a field, with its interval and their number",
            "By each field that the task names in `prompt.meta`. A field with more than 100 values, or with more than "
            "10 and fewer than two samples for each, is not a grouping: a note below the table names it. Each interval "
            "is one of 95 %: of 20 groups, one is expected to miss the truth.",
            "nothing of the group was scored"),
        Definition("pass_at_k", "pass@k", "fraction", "probability that at least one of k answers to a sample is right",
            "Shown where samples are asked several times. Unbiased, from the n answers of a sample, c of them right: 1 "
            f"- C(n - c, k) / C(n, k) (Chen et al. 2021). {OVER_SAMPLES}", NOT_K, optional=True),
        Definition("pass_hat_k", "pass^k", "fraction", "probability that all of k answers to a sample are right",
            f"Unbiased, C(c, k) / C(n, k) (Yao et al. 2024). {OVER_SAMPLES}", NOT_K, optional=True),
        Definition("avg_at_k", "avg@k", "fraction", "mean score of the k answers to a sample", OVER_SAMPLES, NOT_K,
            optional=True),
        Definition("maj_at_k", "maj@k", "fraction", "expected score of the most common of k answers to a sample",
            "Extracted answers that the scorer calls equal are one answer; tied ones share. An answer from which "
            f"nothing was extracted never wins. {OVER_SAMPLES}", NOT_K, optional=True),
    ),
    "Requests": (
        Definition("rows", "rows", "count", "rows of the source, asked or not",
            "Shown where only a part of them is asked: the first ones (`limit`), or a seeded sample (`sample`).",
            "the source does not say how many rows it has beyond those that are asked", optional=True),
        Definition("planned", "planned", "count", "requests of the plan", "", "the run does not record it"),
        Definition("attempted", "attempted", "count",
            "requests with an outcome = answered + failed + not sent + refused",
            "Retries of a request are not counted."),
        Definition("succeeded", "answered", "count", "requests that got an answer",
            "Status 2xx, no error in the stream, at least one token event or a whole message, and an end marker."),
        Definition("failed", "failed", "count", "requests that were sent and got no answer; by kind below"),
        Definition("not_sent", "not sent", "count", "requests of which no byte was sent; by kind below", optional=True),
        Definition("truncated", "truncated", "count", "answers that reached their token limit (finish_reason length)",
            "Or the limit of the context, by any of the words of docs/faults.md (How answers end). Included in the "
            "answered."),
        Definition("refused", "refused", "count",
            "prompts of a ladder that the endpoint refused as over its context limit",
            "That is where the ladder ends, and no failure: no rate, no percentile and no gate counts them.",
            optional=True),
        Definition("unanswered", "unanswered", "fraction", "failed or not sent, of all requests but the refused",
            "What the rules `failed` and `unanswered` are about. The repeats of a sample are averaged first. Shown "
            "where it is above 0.",
            "it is 0, or nothing was attempted", optional=True),
        Definition("truncated_share", "truncated, share", "fraction", "truncated, of the answers",
            "The repeats of a sample are averaged first. Shown where it is above 0.",
            "it is 0, or nothing was answered", optional=True),
        Definition("unscored_share", "unscored, share", "fraction", "unscored by the first scorer, of the answers",
            "The repeats of a sample are averaged first. Shown where it is above 0.",
            "it is 0, or nothing was answered", optional=True),
        Definition("in_flight", "in-flight limit", "count", "most requests that could be in flight at once",
            "The limit that held: as planned, or as few as the open files allowed. The sessions of a resumed run may "
            "differ; then each has its own row. Runs with other limits are not compared in latency and rates. After "
            "429s it is lower for a while: the lowest has its own row, and does not bar a comparison.", optional=True),
        Definition("in_flight_reached", "in flight, most", "count", "most requests really in flight at once",
            "By when requests began and were over, failures included. A request that waits to be sent again is in "
            "flight too. Of a request that a resumed run asked again only the last record counts.", optional=True),
        Definition("in_flight_mean", "in flight, mean", "number",
            "requests in flight on average, from the first sent to the end of the last", "By the same instants.",
            optional=True),
        Definition("retried", "retried", "count", "requests sent more than once",
            "Their latency is that of the last attempt.", optional=True),
        Definition("first_attempt_success", "first-try success", "fraction",
            "answered at the first attempt, of all requests but the refused", optional=True),
        Definition("possibly_billed", "possibly billed", "count",
            "attempts that were fully sent, got no answer, and may have cost money", "Each retry counts.",
            optional=True),
        Definition("cached_requests", "cache hits", "count", "answers with a prompt at least partly from a cache",
            "They are faster. If some but not all answers are cache hits, TTFT is marked, and each group has its own "
            "row.", optional=True),
        Definition("reasoning_shape", "reasoning as", "count", "answers whose reasoning was sent in this form",
            "A field of its own, parts of the content, or tags at the start of the text; `encrypted` can be seen to be "
            "there, and no more. In every form it counts as token events and is kept apart from the answer.",
            optional=True),
        Definition("warnings", "warning", "count", "records with this warning",
            "`evalrun explain WARNING` says what it means.", optional=True),
    ),
    "Latency": (
        Definition("ttft_s", "TTFT", "s", "time to first token: first token event - sent; reasoning counts",
            "A token event is a delta with non-empty content, reasoning, refusal or tool call; a space counts, a role "
            "does not. `sent` is when the last byte of the request was handed to the kernel.",
            "the answer was not streamed"),
        Definition("ttfo_s", "TTFO", "s", "time to first output token: first token event of the answer - sent",
            "Shown if answers contain reasoning. An answer that ended within its reasoning counts as infinite.",
            "no reasoning, or not streamed", optional=True),
        Definition("tpot_s", "TPOT", "s",
            "time per output token: (last - first token event) / tokens that arrived after the first token event",
            "These are the completion tokens without hidden reasoning and without those of the first event. One token "
            "an event: completion tokens - 1. Events with several tokens have their share of the text, and the number "
            "is marked as estimated. Where the reasoning was streamed only in part, it is the answer's own. 1 / TPOT "
            "is the output speed for one user. Called ITL in AIPerf and GuideLLM.",
            "fewer than two tokens or token events, most of them at once, or hidden reasoning that was not counted"),
        Definition("icl_s", "ICL", "s", "inter-chunk latency: gaps between token events, over all gaps",
            "A chunk may carry many tokens. Resolution 0.1 %. Failures are excluded. Called ITL in vLLM.",
            "no answer had two token events"),
        Definition("max_stall_s", "longest stall", "s", "the longest gap of each answer", "",
            "no answer had two token events"),
        Definition("e2e_s", "E2E", "s", "end to end: last token event - sent", "", "no answer had a token event"),
        Definition("timed", "have a", "fraction", "answers that have this latency, as a share",
            "Its percentiles are over these alone, and over failures too in TTFT, TTFO and E2E. Shown if some answers "
            "have none.", "none has", optional=True),
        Definition("doubtful", "doubtful", "fraction", "requests whose value may be off by over 5 %, as a share",
            "One read may return several token events. They arrived between the previous read and the read's own "
            "stamp, which bounds the error: TTFT by the read of its token event, ICL and the longest stall by any "
            "read, TPOT and E2E by those of both ends. Without kernel stamps the bound is the client lag.",
            "nothing was measured", optional=True),
        Definition("bound_s", "error bound", "s", "largest error bound of a request",
            "A percentile is INVALID if it falls by over 5 % when every request's bound is subtracted, and one of ICL "
            "also if it rises by over 5 % when they are added.",
            "nothing was measured", optional=True),
        Definition("client_lag", "client lag", "s", "how late this client's event loop served its reads, at p99",
            "The worst session counts. A gate may limit it.", "it was not sampled", optional=True),
    ),
    "Throughput": (
        Definition("output_throughput", "throughput", "tok/s", "completion tokens / (last token event - first sent)",
            "The sessions of a resumed run are added without the pauses between them. At full concurrency: only while "
            "at least 95 % of the requests that the limit allows were in flight, failures and waits for a first token "
            "included, with the tokens of an answer spread evenly from its first to its last token event.",
            "the tokens of any answer are unknown; at full concurrency also if it lasted less than two requests take "
            "on average"),
        Definition("request_throughput", "requests", "req/s", "answered / (last token event - first sent)", "",
            "nothing was answered"),
        Definition("good", "good", "fraction",
            "requests answered within every SLO, of all but the refused, with its 95 % interval",
            "Shown if the suite has an `slo`. A failed request is not good; a wrong or truncated answer may be. A "
            "retried request has the latency of its final attempt. The repeats of a sample are averaged first. "
            "Interval as for accuracy.", "it is unknown of any answer, or nothing was attempted"),
        Definition("goodput", "goodput", "req/s", "good requests / (last token event - first sent)",
            "The same window as for requests.", "`good` is unknown, or nothing was answered"),
        Definition("correct_goodput", "correct goodput", "req/s",
            "sum of the scores of good requests / the same window",
            "By the first scorer. An answer that could not be judged counts as 0.",
            "`goodput` is unknown, or any good answer is not scored yet"),
        Definition("slo_unknown", "SLO unknown", "count", "answers of which it is unknown whether they are good",
            "They exceed no limit as far as known, but a latency with a limit is unknown.", optional=True),
    ),
    "Tokens": (
        Definition("prompt_tokens", "prompt tokens", "tokens", "sum of the server's counts, cached tokens included", "",
            f"{NO_COUNT}; the known part has its own row"),
        Definition("completion_tokens", "output tokens", "tokens", "sum over the answers, reasoning included",
            "Counted by the source in the next row; never the number asked for. Where the total is larger than prompt "
            "and completion tokens, the rest is output that was billed, and is included (mark `=`).", NO_COUNT),
        Definition("token_source", "counted by", "count", "answers with output tokens counted by this source",
            "usage: by the server. chunks: only stream chunks were counted.", optional=True),
        Definition("cached_tokens", "cached tokens", "tokens", "prompt tokens served from a cache", "", NO_COUNT,
            optional=True),
        Definition("reasoning_tokens", "reasoning tokens", "tokens", "output tokens spent on reasoning", "", NO_COUNT,
            optional=True),
    ),
    "Cost": (
        Definition("cost_usd", "cost", "usd", "tokens x the price list, exact",
            "(prompt - cached) x prompt price + cached x cached price + completion x completion price, per million.",
            "a price or a count of any answer is unknown; the known part has its own row"),
        Definition("reported_cost_usd", "cost as reported", "usd", "sum of the costs that the server reports", "",
            "any answer has none", optional=True),
        Definition("cost_disagreements", "cost disagreements", "count",
            "answers whose reported cost differs from the price list by over 1 %", optional=True),
        Definition("cost_per_correct_usd", "cost per right answer", "usd", "cost / sum of the scores", "",
            "the cost is unknown or nothing is right"),
    ),
    "Context ladder": (
        Definition("counted_tokens", "counted", "tokens", "median size of a rung's prompts, as the server counted them",
            "Used by curves and fits. A rung is all prompts of one requested size.",
            "the server does not count; the requested size is used instead"),
        Definition("size_error", "size error", "tokens", "largest difference between requested and counted size", "",
            "the server does not count"),
        Definition("cache_leaks", "cache leaks", "count", "answers that were to be cold, with a prompt from a cache",
            "More than 16 cached tokens, and more than 2 % of the prompt: fewer may be the template that all prompts "
            "begin with. Cold numbers exclude them; accuracy includes them.", "the endpoint reports no cached tokens",
            optional=True),
        Definition("cache_misses", "cache misses", "count",
            "answers that were to be warm, with a prompt not from a cache",
            "By the same limit. Excluded from warm and cold numbers.", "the endpoint reports no cached tokens",
            optional=True),
        Definition("cached_share", "cached share", "fraction", "median of cached / prompt tokens of warm answers", "",
            "no answer was warm, or cached tokens are not reported", optional=True),
        Definition("prefill_throughput", "prefill", "tok/s", "median of counted tokens / TTFT of cold requests",
            "A lower bound: TTFT includes network and queue. A failed request counts as 0.",
            "no cold answer was streamed and counted"),
        Definition("cost_per_request_usd", "cost per request", "usd", "mean cost of an answer, cold or warm", "",
            "the cost of any of them is unknown"),
        Definition("ttft_exponent", "TTFT exponent", "number", "k of TTFT ~ tokens^k over the upper rungs, cold",
            "Slope of the least-squares line through (ln tokens, ln median TTFT) over the rungs from a quarter of the "
            "largest up, at least three if there are as many; all rungs weigh the same. For sizes n, 2n, 4n it is "
            "ln(T(4n) / T(n)) / ln 4. 0 is flat, 1 linear, 2 quadratic. If the curve bends, it applies to these sizes "
            "only. A failed request counts as infinitely slow. Interval: bootstrap within rungs, from 5 requests per "
            "rung.", "fewer than two sizes have a finite median"),
        Definition("ttft_base_s", "TTFT base", "s",
            "a of the fit TTFT = a + b n + c n^2, cold: time without any tokens",
            "Least squares of the relative error of the rungs' medians, because noise is proportional to TTFT; rungs "
            "are weighted by their requests; no coefficient is negative. Interval: bootstrap within rungs.",
            "fewer than three sizes have a finite median"),
        Definition("ttft_linear", "TTFT per token", "s/token", "b of the same fit: time per token", "",
            "there is no fit"),
        Definition("ttft_quadratic", "TTFT per pair of tokens", "s/token^2",
            "c of the same fit: time per pair of tokens, as in dense attention", "", "there is no fit"),
        Definition("ttft_fit_error", "fit error", "fraction", "root mean square of the fit's relative residuals", "",
            "there is no fit"),
        Definition("effective_context", "effective context", "tokens",
            "largest size up to which accuracy is below that of the smallest rung by at most the tolerance",
            "The tolerance is in the suite (default 0.1). Interval: certain up to its low end, possible up to its high "
            "end, by the 95 % interval of each rung's drop (Newcombe 1998). Never above the largest size tested.",
            "the accuracy of the smallest rung is not above the tolerance, or fewer than two sizes were scored"),
    ),
    "In the records only": (
        Definition("connect_s", "connect", "s", "DNS + TCP + TLS; 0 on a reused connection", "Not included in TTFT."),
        Definition("lag_s", "lag", "s", "sent - scheduled", "", "the request has no scheduled time"),
        Definition("stream_s", "stream", "s", "end of the stream - sent", "", "the stream did not end"),
    ),
}  # fmt: skip

DEFINITIONS = {definition.name: definition for section in SECTIONS.values() for definition in section}

MARKS: dict[str, tuple[str, str]] = {
    "first": (
        "/",
        "the rows were not drawn at random (the first ones, or chosen ones): the interval does not cover the rest",
    ),
    "small": ("~", "too few for this percentile at 99 % confidence (p50 needs 11, p90 64, p95 130, p99 662)"),
    "invalid": ("!", "INVALID: off by over 5 % when the error bounds of this client are subtracted (ICL: or added)"),
    "doubtful": ("*", "some requests may be off by over 5 %, too few to change this number; see doubtful"),
    "clustered": ("", "interval over clusters: samples of one cluster are not independent"),
    "at_least": ("+", "at least: failed requests may also have cost money, or token counts do not add up"),
    "by_total": ("=", "includes tokens that only total_tokens has; see warning: usage_by_total"),
    "mismatch": ("&", "token counts of some answers do not add up; see warning: usage_mismatch"),
    "chunks": ("#", "stream chunks are counted instead of tokens, because nothing counted the tokens"),
    "estimated": ("&", "TPOT estimated: events had several tokens each, or reasoning was hidden in part"),
    "withheld": ("", "withheld (-): what was observed does not say it; `evalrun explain NAME` says what it takes"),
    "mixed_cache": ("^", "some prompts came from a cache and some did not; each group has its own row"),
    "asked": ("?", "the endpoint reports no cached tokens: cold or warm is as requested, not as measured"),
    "infinite": ("", "inf: so many requests failed that this percentile is a failure"),
}
"""Mark -> its symbol beside a number, and its meaning."""

WARNINGS: dict[str, str] = {
    "unknown_end": "the finish reason is not in the table of ends; the answer is scored as if it were complete",
    "no_finish_reason": "the answer has no finish reason; only [DONE] says that it is whole",
    "no_done_marker": "the stream ended without [DONE]",
    "broken_after_finish": "the connection broke after the finish reason: the usage may be missing",
    "data_after_done": "events came after [DONE]; of these only a usage block is read",
    "other_truncated": "another choice of the answer reached its token limit",
    "other_filtered": "another choice of the answer was taken by a filter",
    "other_broken": "another choice of the answer was broken off by the server",
    "other_unknown": "another choice of the answer has a finish reason that is not in the table of ends",
    "reasoning_only": "the answer is empty, its reasoning is not: the server may have taken the answer for reasoning",
    "only_tool_calls": "the answer has tool calls and no text, which scorers of texts judge as an empty answer",
    "only_refusal": "the answer is a refusal in a field of its own, which scorers of texts judge as an empty answer",
    "blank": "the answer has tokens and nothing but blanks",
    "tool_index_shared": "tool calls with different ids or names came under one index; they are kept apart",
    "tool_ids_differ": "the fragments of one tool call came under several ids; they are one call",
    "tool_repeated": "pieces of a tool call came again, in a later piece that has all of them; they count once",
    "inline_think": "reasoning was in the text of the answer, in tags; it is kept apart",
    "unterminated_think": "reasoning in the text never ended; all of the text counts as reasoning",
    "unopened_think": "reasoning in the text has an end and no beginning; what precedes the end counts as reasoning",
    "leaked_marker": "an end marker of the model was at the end of the text; it is removed",
    "usage_by_total": "total_tokens is larger than prompt + completion tokens; counts and cost follow the total",
    "usage_mismatch": "token counts are impossible, fell within the stream or do not add up; the cost is at least this",
    "cached_over_prompt": "more tokens are said to be cached than the prompt has; the cost is unknown",
    "cache_written": "prompt tokens were written to a cache, which may cost more than the prompt price",
    "other_model": "another model answered than the one that was asked for",
    "buffered": "all tokens came at once: a proxy buffers the stream, and latencies say nothing about the model",
    "foreign_events": "the stream had events that are neither chat nor heartbeats; they are skipped",
    "no_blank_lines": "events came without the blank lines that end them; the first one counts from the next one on",
    "odd_content_type": "the content type says one thing and the bytes another; the bytes count",
    "compressed": "the answer came compressed though that was not asked for: chunks may have been held back",
    "suspended": "the machine slept during the request; it has no latencies",
    "invalid_utf8": "bytes that are no UTF-8 were replaced by U+FFFD",
    "cost unknown": "a price or a count is missing or impossible",
    "reported cost differs": "the server's own cost is over 1 % away from the price list",
}
"""Warning -> its meaning. Flags of answers, and what `price.warnings` says of records."""

LOUD = frozenset(
    {"unknown_end", "other_truncated", "other_filtered", "other_broken", "other_unknown", "reasoning_only"}
    | {
        "only_refusal",
        "blank",
        "only_tool_calls",
        "tool_index_shared",
        "tool_ids_differ",
        "tool_repeated",
        "usage_by_total",
        "usage_mismatch",
    }
    | {"cached_over_prompt", "cache_written", "other_model"}
)
"""Warnings that a table shows with an example."""


def explain(name: str) -> Definition:
    """Return a definition by name or label, with or without unit and percentile; upper and lower case are the same.

    Of a mark or a warning too, by its name.
    """
    labels = {measure.label.lower(): measure.name for measure in MEASURES.values()}
    wanted = labels.get(name.strip().lower(), name.strip().lower())  # comparisons have other labels: cost/answer
    wanted = re.sub(r"_p[0-9]{2}$", "", wanted.replace(" ", "_"))
    wanted = re.sub(r"(?<=[@^])[0-9]+$", "k", wanted)  # pass@8
    known = {
        key.lower().replace(" ", "_"): d
        for d in DEFINITIONS.values()
        for key in (d.label, re.sub("_(s|usd)$", "", d.name), d.name)
    }
    known |= {text.replace(" ", "_"): Definition(text, text, "count", words) for text, words in WARNINGS.items()}
    known |= {mark: Definition(mark, mark, "count", f"mark: {text}") for mark, (_, text) in MARKS.items()} | known
    if wanted in known:
        return known[wanted]
    hint = closest(wanted, known) or "; `evalrun explain` lists them all"
    raise SuiteError(f"explain: {name!r}: no such number{hint}")


def describe(definition: Definition) -> str:
    """Return a definition as text."""
    parts = [definition.brief[0].upper() + definition.brief[1:] + ".", definition.detail]
    parts.append(f"Unknown (-) when {definition.absent}." if definition.absent else "")
    return " ".join(part for part in parts if part)


def markdown() -> str:
    """Return all definitions and marks as the tables of docs/metrics.md."""
    lines: list[str] = []
    for section, definitions in SECTIONS.items():
        lines += [f"### {section}", "", "| name | in tables | unit | definition |", "|---|---|---|---|"]
        lines += [f"| `{d.name}` | {d.label} | {d.unit} | {describe(d)} |" for d in definitions]
        lines.append("")
    lines += ["### Marks", "", "| mark | in CSV and JSON | meaning |", "|---|---|---|"]
    lines += [f"| {f'`{symbol}`' if symbol else ''} | `{mark}` | {text} |" for mark, (symbol, text) in MARKS.items()]
    lines += ["", "### Warnings", "", "| warning | meaning |", "|---|---|"]
    lines += [f"| `{warning}` | {text} |" for warning, text in WARNINGS.items()]
    return "\n".join(lines) + "\n"
