"""Every number evalrun prints, defined once: its name, its label in tables, its unit, what it means, when it is absent.

Tables take labels and units from here, footnotes and `evalrun explain NAME` the definitions, and the tables of
docs/metrics.md are `markdown()` (a test compares). Not here: how a number is computed (`table`, `stats`).
"""

import difflib
import re
from dataclasses import dataclass
from typing import Literal

from evalrun.errors import SuiteError
from evalrun.rule import MEASURES

Unit = Literal["fraction", "count", "number", "s", "s/token", "s/token^2", "tok/s", "req/s", "tokens", "usd"]


NO_COUNT = "any answer came without the count"
NOT_K = "no sample has k scored answers"
OVER_SAMPLES = "Averaged over the samples that have k scored answers, with the 95 % interval of a mean over samples."


@dataclass(frozen=True, slots=True)
class Definition:
    """One number. brief: a footnote's worth. detail: the rest. absent: when it is unknown. optional: a table leaves
    its row out where it is unknown or zero everywhere."""

    name: str
    label: str
    unit: Unit
    brief: str
    detail: str = ""
    absent: str = ""
    optional: bool = False


SECTIONS: dict[str, tuple[Definition, ...]] = {
    "Quality": (
        Definition(
            "accuracy", "accuracy", "fraction", "mean score of the answered samples, with its 95 % interval",
            "A sample asked several times counts once, with the mean of its scores. Truncated answers count with the "
            "score they got; failures and unscored answers are not in it. Interval: Wilson where every sample is "
            "wholly right or wrong, else Wilson with the number of answers that would spread as the samples do. The "
            "first scorer is the headline; each further one "
            "has a row of its own. The row of all tasks pools the samples of all tasks.",
            "nothing was scored",
        ),
        Definition(
            "accuracy_pessimistic", "pessimistic", "fraction",
            "accuracy with every failure, truncation and unscored answer as wrong",
            "Its base is everything attempted, so that losing hard questions cannot raise it.",
            "nothing was attempted",
        ),
        Definition("scored", "scored", "count", "answers that have a score"),
        Definition(
            "unscored", "unscored", "count", "answers the scorer could not judge; never a score of 0",
            "A score that is not a number in 0..1 is one of them.", optional=True,
        ),
        Definition("scorer_error", "error", "count", "unscored answers, by scorer and reason", optional=True),
        Definition(
            "disputed", "disputed", "count", "scores on which two judges disagreed; listed below the table",
            optional=True,
        ),
        Definition("samples", "samples", "count", "different samples attempted, however often each", optional=True),
        Definition(
            "pass_at_k", "pass@k", "fraction", "probability that at least one of k answers to a sample is right",
            "Shown where samples are asked several times. Unbiased, from the n answers of a sample, c of them right: "
            f"1 - C(n - c, k) / C(n, k) (Chen et al. 2021). {OVER_SAMPLES}",
            NOT_K, optional=True,
        ),
        Definition(
            "pass_hat_k", "pass^k", "fraction", "probability that all of k answers to a sample are right",
            f"Unbiased, C(c, k) / C(n, k) (Yao et al. 2024). {OVER_SAMPLES}", NOT_K, optional=True,
        ),
        Definition(
            "avg_at_k", "avg@k", "fraction", "mean score of the k answers to a sample", OVER_SAMPLES, NOT_K,
            optional=True,
        ),
        Definition(
            "maj_at_k", "maj@k", "fraction", "expected score of the most common of k answers to a sample",
            "Extracted answers that the scorer calls equal are one answer; tied ones share. An answer from which "
            f"nothing was extracted never wins. {OVER_SAMPLES}",
            NOT_K, optional=True,
        ),
    ),
    "Requests": (
        Definition("planned", "planned", "count", "requests the suite asks for", "", "the run does not say"),
        Definition(
            "attempted", "attempted", "count", "requests with an outcome = succeeded + failed + not sent",
            "A request sent again after a failure is one request.",
        ),
        Definition(
            "succeeded", "answered", "count", "requests that ended in an answer",
            "Status 2xx, no error in the stream, at least one token event or a whole message, and an end marker.",
        ),
        Definition("failed", "failed", "count", "requests that were sent and gave no answer; by kind below"),
        Definition(
            "not_sent", "not sent", "count", "requests of which no byte left this machine; by kind below",
            optional=True,
        ),
        Definition(
            "truncated", "truncated", "count", "answers that hit their token limit (finish_reason length)",
            "They are among the answered.",
        ),
        Definition(
            "in_flight", "in flight", "count", "most requests in flight at once, of those the limit allowed",
            "The limit that was really used: a resumed run may have another, few file descriptors or a 429 may lower "
            "it. Every change is recorded with its time and reason.", optional=True,
        ),
        Definition("retried", "retried", "count", "requests sent more than once", "Their latency is that of the last "
                   "attempt.", optional=True),
        Definition(
            "first_attempt_success", "first-try success", "fraction", "answered at the first attempt, of the attempted",
            optional=True,
        ),
        Definition(
            "possibly_billed", "possibly billed", "count",
            "attempts that were fully sent, gave no answer, and may have cost money",
            "Retries are counted too.", optional=True,
        ),
        Definition(
            "cached_requests", "cache hits", "count", "answers whose prompt came at least partly from a cache",
            "They answer faster. Where they are some but not all of the answers, TTFT is marked and the two groups "
            "have rows of their own.", optional=True,
        ),
        Definition("warnings", "warning", "count", "records that carry this warning", optional=True),
    ),
    "Latency": (
        Definition(
            "ttft_s", "TTFT", "s", "time to first token: first token event - sent; reasoning counts",
            "A token event is a delta with content, reasoning, a refusal or a tool call that is not empty; a space is "
            "one, a role is not. `sent` is when the last byte of the request was handed to the kernel.",
            "the answer was not streamed",
        ),
        Definition(
            "ttfo_s", "TTFO", "s", "time to first output token: first token event of the answer - sent",
            "Shown where answers contained reasoning. An answer that never got past its reasoning counts as infinite.",
            "no reasoning, or not streamed", optional=True,
        ),
        Definition(
            "tpot_s", "TPOT", "s", "time per output token: (last - first token event) / (completion tokens - 1)",
            "1 / TPOT is the speed one user sees. Other names: ITL in AIPerf and GuideLLM.",
            "fewer than two tokens or token events, or the answer came in one burst",
        ),
        Definition(
            "icl_s", "ICL", "s", "inter-chunk latency: gaps between token events, over all gaps",
            "A chunk may carry many tokens. Resolved to 0.1 %. Failures are not in it. Other name: ITL in vLLM.",
            "no answer had two token events",
        ),
        Definition(
            "max_stall_s", "longest stall", "s", "the longest gap of each answer", "", "no answer had two token events",
        ),
        Definition(
            "e2e_s", "E2E", "s", "whole answer: last token event - sent", "", "no answer had a token event",
        ),
        Definition(
            "doubtful", "doubtful", "fraction", "measured requests whose value is not exact, as a share",
            "One read may return several token events. They arrived between the previous read and the read's own "
            "stamp, so their times are known only to within that gap. TTFT is doubtful if its own read was, ICL and "
            "the longest stall if any read was, TPOT and E2E if the read of either end was.",
            "the error bounds were not recorded", optional=True,
        ),
        Definition(
            "bound_s", "error bound", "s", "how far a doubtful value may be off, at p99",
            "Over 5 % of the value it is INVALID.", "the error bounds were not recorded", optional=True,
        ),
        Definition(
            "client_lag", "client's own lag", "s", "how late this client itself was at p99 while it asked",
            "By the age of the bytes it read, as the kernel stamped them, or by how late its timers ran, whichever is "
            "worse. Past 5 ms or 5 % of TTFT, latencies are INVALID. In a table only then; a gate may limit it.",
            optional=True,
        ),
    ),
    "Throughput": (
        Definition(
            "output_throughput", "throughput", "tok/s", "completion tokens / (last token event - first sent)",
            "Sessions of a resumed run are added up without the pause between them. At full concurrency: only the "
            "window from the first to the last moment with the most requests in flight, with each answer's tokens "
            "spread evenly from its first to its last token event.",
            "the tokens of any answer are unknown",
        ),
        Definition("request_throughput", "requests", "req/s", "answered / (last token event - first sent)",
                   "", "nothing was answered"),
        Definition(
            "good", "good", "fraction", "requests answered within every SLO, of the attempted, with its 95 % interval",
            "Shown where the suite states an `slo`. Within: at most the limit. A failed request is not good, a wrong "
            "or truncated answer may be. A retried request counts with its final attempt's latency. The repeats of a "
            "sample are averaged first. Interval as for accuracy.",
            "of any answer it cannot be said, or nothing was attempted",
        ),
        Definition("goodput", "goodput", "req/s", "good requests / (last token event - first sent)",
                   "The same window as for requests.", "`good` is, or nothing was answered"),
        Definition(
            "correct_goodput", "correct goodput", "req/s", "sum of the scores of good requests / the same window",
            "By the first scorer. An answer that could not be judged is not right.",
            "`goodput` is, or any good answer was not scored yet",
        ),
        Definition("slo_unknown", "SLO unknown", "count", "answers of which it cannot be said whether they were good",
                   "They break no SLO by what is known of them, and a latency that one is stated of is unknown.",
                   optional=True),
    ),
    "Tokens": (
        Definition("prompt_tokens", "prompt tokens", "tokens", "sum of what the server counted, cached ones included",
                   "", f"{NO_COUNT}; the known part is shown apart"),
        Definition("completion_tokens", "output tokens", "tokens", "sum over the answers, reasoning included",
                   "By the source in the next row; never the number that was asked for.", NO_COUNT),
        Definition("token_source", "counted by", "count", "answers whose output tokens were counted by this source",
                   "usage: the server said so. tokenizer: counted here. chunks: only stream chunks were counted.",
                   optional=True),
        Definition("cached_tokens", "cached tokens", "tokens", "prompt tokens served from a cache", "", NO_COUNT,
                   optional=True),
        Definition("reasoning_tokens", "reasoning tokens", "tokens", "output tokens spent on reasoning", "", NO_COUNT,
                   optional=True),
    ),
    "Cost": (
        Definition(
            "cost_usd", "cost", "usd", "tokens x the price list, exact",
            "(prompt - cached) x prompt price + cached x cached price + completion x completion price, per million.",
            "a price or a count of any answer is unknown; the known part is shown apart",
        ),
        Definition("reported_cost_usd", "cost as reported", "usd", "sum of what the server says it charges", "",
                   "any answer came without it", optional=True),
        Definition("cost_disagreements", "cost disagreements", "count",
                   "answers whose reported cost is over 1 % off the price list", optional=True),
        Definition("cost_per_correct_usd", "cost per right answer", "usd", "cost / sum of the scores", "",
                   "the cost is unknown or nothing was right"),
    ),
    "Context ladder": (
        Definition(
            "counted_tokens", "counted", "tokens", "median size of a rung's prompts, as the server counted them",
            "Curves and fits use it. A rung is all prompts of one asked size.",
            "the server does not count; the asked size then stands in",
        ),
        Definition("size_error", "size error", "tokens", "largest difference between asked and counted size", "",
                   "the server does not count"),
        Definition(
            "context_refused", "too long", "count", "failed requests that the endpoint refused as over its context",
            "They are among the failed. They are in no percentile: a refusal says nothing about speed.", optional=True,
        ),
        Definition(
            "cache_leaks", "cache leaks", "count", "answers meant to be cold whose prompt came from a cache",
            "More than 16 cached tokens, or than 2 % of the prompt if that is more: below it is the template that all "
            "prompts begin with. No cold number includes them; accuracy does.",
            "the endpoint reports no cached tokens", optional=True,
        ),
        Definition(
            "cache_misses", "cache misses", "count", "answers meant to be warm whose prompt did not come from a cache",
            "By the same limit. They are in no warm number and in no cold one.",
            "the endpoint reports no cached tokens", optional=True,
        ),
        Definition("cached_share", "cached share", "fraction", "median of cached / prompt tokens of warm answers", "",
                   "no answer was warm, or cached tokens are not reported", optional=True),
        Definition(
            "prefill_throughput", "prefill", "tok/s", "median of counted tokens / TTFT of cold requests",
            "TTFT holds the network and the queue too, so that it is at least this fast. A failed request counts as 0.",
            "no cold answer was streamed and counted",
        ),
        Definition(
            "cost_per_request_usd", "cost per request", "usd", "mean cost of an answer, cold and warm apart", "",
            "the cost of any of them is unknown",
        ),
        Definition(
            "ttft_exponent", "TTFT exponent", "number", "k of TTFT ~ tokens^k over the upper rungs, cold",
            "The slope of the least-squares line through (ln tokens, ln median TTFT), each rung with the same weight, "
            "over the rungs from a quarter of the largest up, three at least where there are. For sizes n, 2n, 4n it "
            "is ln(T(4n) / T(n)) / ln 4. Flat 0, linear 1, quadratic 2. Where the curve bends it is true of these "
            "sizes only. A failed request counts as infinitely slow. Interval: bootstrap within rungs, from 5 "
            "requests a rung on.",
            "fewer than two sizes have a finite median",
        ),
        Definition(
            "ttft_base_s", "TTFT base", "s", "a of the fit TTFT = a + b n + c n^2, cold: what no token takes",
            "Least squares over the rungs' medians of the relative error, because noise is a share of TTFT; each rung "
            "weighs as many as its requests; no coefficient is negative. Interval: bootstrap within rungs.",
            "fewer than three sizes have a finite median",
        ),
        Definition("ttft_linear", "TTFT per token", "s/token", "b of the same fit: what each token takes", "",
                   "there is no fit"),
        Definition("ttft_quadratic", "TTFT per pair of tokens", "s/token^2",
                   "c of the same fit: what each token takes for each other one, as in dense attention", "",
                   "there is no fit"),
        Definition("ttft_fit_error", "fit error", "fraction", "root mean square of the fit's relative residuals", "",
                   "there is no fit"),
        Definition(
            "effective_context", "effective context", "tokens",
            "largest size up to which accuracy is not below the smallest rung's by more than the tolerance",
            "The tolerance is the suite's (0.1 if it names none). Interval: up to its low end that is certain, up to "
            "its high end possible, by the 95 % interval of each rung's drop (Newcombe 1998). No larger size than was "
            "asked can come out.",
            "the smallest rung's accuracy is not above the tolerance, or fewer than two sizes were scored",
        ),
    ),
    "In the records only": (
        Definition("connect_s", "connect", "s", "DNS + TCP + TLS; 0 on a reused connection", "Not part of TTFT."),
        Definition("lag_s", "lag", "s", "sent - scheduled", "", "the request had no scheduled time"),
        Definition("stream_s", "stream", "s", "end of the stream - sent", "", "the stream did not end"),
    ),
}  # fmt: skip

DEFINITIONS = {definition.name: definition for section in SECTIONS.values() for definition in section}

MARKS: dict[str, tuple[str, str]] = {
    "small": ("~", "too few for this percentile at 99 % confidence (p50 needs 11, p90 64, p95 130, p99 662)"),
    "invalid": ("!", "INVALID: this client was itself too late to measure it"),
    "doubtful": ("*", "some of these were read late; the share and the error bound are given"),
    "clustered": ("", "interval over clusters: samples of one cluster are not independent"),
    "at_least": ("+", "at least: failed requests may have cost money too"),
    "chunks": ("#", "stream chunks stand for tokens, because nothing counted the tokens"),
    "mixed_cache": ("^", "some prompts came from a cache and some did not; the groups are shown apart"),
    "asked": ("?", "the endpoint reports no cached tokens: cold or warm is what was asked for"),
    "infinite": ("", "inf: so many requests failed that this percentile is a failure"),
}
"""Mark -> its symbol beside a number, and what it says."""


def explain(name: str) -> Definition:
    """Return the definition of a number by its name or label, with or without its unit or percentile, in any case."""
    labels = {measure.label.lower(): measure.name for measure in MEASURES.values()}
    wanted = labels.get(name.strip().lower(), name.strip().lower())  # a comparison has labels of its own: cost/answer
    wanted = re.sub(r"_p[0-9]{2}$", "", wanted.replace(" ", "_"))
    wanted = re.sub(r"(?<=[@^])[0-9]+$", "k", wanted)  # pass@8
    known = {
        key.lower().replace(" ", "_"): d
        for d in DEFINITIONS.values()
        for key in (d.label, re.sub("_(s|usd)$", "", d.name), d.name)
    }
    if wanted in known:
        return known[wanted]
    close = difflib.get_close_matches(wanted, known, n=1)
    hint = f"did you mean '{close[0]}'?" if close else "`evalrun explain` lists them all"
    raise SuiteError(f"explain: {name!r}: no such number; {hint}")


def describe(definition: Definition) -> str:
    """Return a definition as sentences."""
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
    return "\n".join(lines) + "\n"
