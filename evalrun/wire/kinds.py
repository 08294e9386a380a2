"""What a status and a server's words mean: tables of codes and words, and the order in which they count.

A status alone is not enough: quota is sent as 429, a full context as 400 or 500, moderation as 403, an overload as 400.
docs/faults.md ("Statuses and words") has the same tables with their sources.
"""

import re
from typing import NamedTuple

from evalrun.types import FailureKind
from evalrun.wire.complaint import Complaint

_WORDS_CHARS = 4096  # of a message that are looked at

# ---------------------------------------------------------------- codes

_PRECISE: dict[str, FailureKind] = {
    # OpenAI, Azure, and those that copy them
    "context_length_exceeded": "context_length", "string_above_max_length": "context_length",
    "exceed_context_size_error": "context_length", "insufficient_quota": "quota",
    "billing_hard_limit_reached": "quota", "billing_not_active": "quota", "invalid_api_key": "auth",
    "model_not_found": "no_model", "model_not_available": "no_model", "invalid_model": "no_model",
    "deploymentnotfound": "no_model", "content_filter": "content_filter", "invalid_prompt": "content_filter",
    "content_policy_violation": "content_filter", "rate_limit_exceeded": "rate_limited",
    "unsupported_country_region_territory": "auth",
    # Anthropic, Moonshot, DashScope
    "overloaded_error": "server", "rate_limit_error": "rate_limited", "billing_error": "quota",
    "engine_overloaded_error": "server", "exceeded_current_quota_error": "quota",
    "data_inspection_failed": "content_filter", "datainspectionfailed": "content_filter", "arrearage": "quota",
    "modelnotfound": "no_model", "invalidapikey": "auth",
    # Google
    "unavailable": "server", "deadline_exceeded": "server", "unauthenticated": "auth", "permission_denied": "auth",
    "api_key_invalid": "auth", "rate_limit_exceeded_error": "rate_limited",
    # AWS Bedrock
    "throttlingexception": "rate_limited", "toomanyrequestsexception": "rate_limited",
    "servicequotaexceededexception": "quota", "modelnotreadyexception": "server", "modeltimeoutexception": "server",
    "modelerrorexception": "server", "modelstreamerrorexception": "server", "serviceunavailableexception": "server",
    "internalserverexception": "server", "expiredtokenexception": "auth", "unrecognizedclientexception": "auth",
    # Databricks, Volcano
    "resource_does_not_exist": "no_model", "request_limit_exceeded": "rate_limited", "accountoverdueerror": "quota",
}  # fmt: skip
_BROAD: dict[str, FailureKind] = {
    "invalid_request_error": "bad_request", "invalid_argument": "bad_request", "badrequesterror": "bad_request",
    "invalidparameter": "bad_request", "validationexception": "bad_request", "unprocessable_entity": "bad_request",
    "failed_precondition": "bad_request", "authentication_error": "auth", "permission_error": "auth",
    "accessdeniedexception": "auth", "access_terminated_error": "auth", "resource_exhausted": "rate_limited",
    "api_error": "server", "server_error": "server", "internal_server_error": "server", "internal": "server",
    "internalservererror": "server", "aborted": "server", "cancelled": "server", "timeout_error": "server",
    "resourcenotfoundexception": "no_model",
}  # fmt: skip
_NUMBERS: dict[str, FailureKind] = {
    # Zhipu: https://docs.bigmodel.cn, error codes
    "1000": "auth", "1001": "auth", "1003": "auth", "1004": "auth", "1112": "auth", "1113": "quota",
    "1211": "no_model", "1214": "bad_request", "1230": "server", "1234": "server", "1261": "context_length",
    "1301": "content_filter", "1302": "rate_limited", "1303": "rate_limited", "1304": "quota", "1305": "rate_limited",
    "1308": "quota", "1309": "quota",
    # MiniMax: https://platform.minimax.io, error codes; 1000, 1001 and 1004 mean other things at Zhipu
    "1002": "rate_limited", "1008": "quota", "1013": "server", "1024": "server", "1026": "content_filter",
    "1027": "content_filter", "1033": "server", "1039": "rate_limited", "1041": "rate_limited", "2013": "bad_request",
    "2049": "auth",
}  # fmt: skip

# ---------------------------------------------------------------- words


class Meaning(NamedTuple):
    """Words that mean a kind, with any status except those in `but`, or only with those in `only`; 0: with none."""

    kind: FailureKind
    words: re.Pattern[str]
    but: frozenset[int] = frozenset()
    only: frozenset[int] = frozenset()
    failing: bool = True  # also with a status from 500 on


def _any(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts), re.DOTALL)


_CONTEXT = _any(
    "context_length_exceeded|exceed_context_size|context[ _](window|size|length)|context limit|max_model_len",
    "maximum (model|prompt|sequence|input) length|(prompt|input|request|message|conversation)s? (is|are) too long",
    r"(prompt|input) (token count|length).{0,80}exceed|exceeds the maximum number of (input )?tokens",
    r"too many (input|prompt|total) tokens|inputs?\W{1,2}tokens \+ .?max_new_tokens|must have less than \d+ tokens",
    r"exceed(ed|s)? (the )?(model|max message|maximum message) token|must be less than max_seq_len",
    r"range of input length|longer than the model|too large for model with|too long for (the )?(requested )?model",
    "reduce the length of the (messages|prompt|input)|超长|上下文长度",
)
_FILTER = _any(
    "content[ _-]?(filter|policy|management|safety)|responsible ?ai|moderation|data_inspection|flagged",
    "safety (system|polic|filter|setting|reason)|sensitive (content|word|information|data)|inappropriate content",
    "(violat|against).{0,40}polic|prohibited content|blocked.{0,40}(safety|policy|filter)|blocked (input|output)",
    "content exists risk|敏感|违规|内容安全",
)
_QUOTA = _any(
    "insufficient[ _](quota|balance|credit|fund)|billing_(hard_limit|not_active)|payment[ _]required",
    "(balance|credits?) (is |are |has been |have been )?(insufficient|not enough|too low|depleted|exhausted|used up)",
    "(out of|not enough|no|more|monthly included|insufficient) credits|top[ -]?up|spend(ing)? limit|usage limit",
    "used (up )?(all|your)( of)?( your)?( available| daily| free| monthly)* (credit|alloca)|not[ _]enough[ _]balance",
    "overdue (balance|payment|invoice|bill)|unpaid (invoice|bill|balance)",
    "budget (has been |is )?exceeded|exceededbudget|free (tier|trial|plan|quota).{0,40}(exhaust|ended|expired|used up)",
    "余额|欠费|套餐",
)
_RATE = _any(
    "rate[ _-]?limit|too[ _]many[ _](concurrent |parallel )?(requests|connections|calls)|throttl|slow[ _]?down",
    r"(requests?|tokens?|queries|calls) ?(per|/|a)[ _]?(second|sec|minute|min|hour|day)|_per_(minute|day)",
    r"\b[rt]p[mds]\b|\bqps|qps(limit|overflow)|requests? limit|concurren(t|cy).{0,30}(limit|exceed|quota)",
    "too many tokens.{0,40}(minute|wait|day)",
    "限流|频率|并发|请求过(多|于)|访问(量过大|人数过多)|速率",
)
_SPENT = _any(
    r"exceeded (your|the|its) (current |monthly |daily )?quota|quota.{0,20}(exceeded|exhausted|used up|reached)|额度"
)
_PASSING = _any(
    "overload|over[ -]?capacity|(at|no|insufficient|out of|enough|tier) capacity|exceed.{0,20}capacity",
    "capacity (is |was |has been )?(exceeded|reached|limit|constrain|full)|(high|heavy|unusual) (demand|load|traffic)",
    r"\b(server|system|service|backend|engine|model|worker)s? (is |are )?(currently |too )*busy|temporar(y|ily)",
    "maintenance|(is|still|currently|being) (re)?load(ing|ed)|model loading|loading (the |a )?model|warming[ -]?up",
    "cold[ -]?start|starting up|booting|not (yet )?ready|getting ready|scal(e|ing) (up|from)|timed[ -]?out",
    "deadline (was )?exceeded",
    "timeouterror|time-?out (exceeded|error|occurred|while|waiting|expired|reached)",
    "(request|upstream|gateway|read|server|connection|response|inference|generation|queue|worker) time-?out",
    "繁忙|超时|维护|加载中",
)
_TROUBLE = _any(
    r"unavailable|internal (server )?error|\bserver error|bad gateway|upstream",
    "connection (reset|refused|aborted|error)",
    "no (healthy|available|live) (worker|instance|provider|channel|backend|server|replica)|out of memory|cuda error",
    "(engine|worker|model|process).{0,20}(dead|crash|died)|系统(错误|异常)|内部错误",
)
_AGAIN = _any("(try|retry).{0,20}(again|later|your request)|please retry|稍后")
_NO_MODEL = _any(
    "model_not_found|model_not_available|invalid[ _]model(?! (param|arg|output|response|input|setting|field))",
    "unknown[ _]model|no such model|not a valid model|unsupported model|no models? (is |are )?loaded",
    "no endpoints found",
    r"models?\b.{0,120}?(do(es)?(n't| not) exist|not (be )?found|not exist|no longer (available|supported|served))",
    r"model\b.{0,120}?(is not (a )?valid|has been (deprecated|decommissioned|removed|retired)|decommissioned)",
    r"models? ['\"`][^'\"`]{1,100}['\"`] (is |are )?not (supported|available|served|allowed)",
    r"deployment\b.{0,80}(does not exist|not found)|(not|n't) have access to (the )?model|not allowed to access model",
    "model identifier is invalid|not found the model|not_found_error model|on-demand throughput is(n.t| not) supported",
    r"models? \S{1,120} (is |are )?not supported by (provider|any)|模型.{0,20}(不存在|未找到)",
)
_KEY = _any(
    "(api|access|secret|auth)[ _-]?(key|token).{0,60}?(invalid|expired|missing|not valid|revoked|disabled)",
    "(invalid|expired|missing|wrong|no|bad|revoked|malformed)[ _](x-)?(api|access|secret)[ _-]?(key|token)",
    "authentication ?error|authentication (failed|fails)|invalid (authentication|credential|bearer)|密钥|令牌|鉴权",
)
_DENIED = _any("unauthori[sz]ed|unauthenticated|not authenticated|permission denied|access denied|身份验证|未授权")
_TLS = _any("http request (was sent )?to (an )?https (port|server)")

_PLAIN = frozenset({400, 422})  # the request is wrong, unless the words say otherwise
_CLEAR = frozenset({401, 403, 404, 405, 410, 451})  # weak words of passing trouble do not change these
MEANINGS = (
    Meaning("tls", _TLS, only=frozenset({400})),
    Meaning("context_length", _CONTEXT, but=frozenset({401, 404, 429})),
    Meaning("too_large", re.compile("request too large"), but=frozenset({401, 404})),
    Meaning("content_filter", _FILTER, but=frozenset({401, 404, 408, 429}), failing=False),
    Meaning("quota", _QUOTA),
    Meaning("rate_limited", _RATE),
    Meaning("quota", _SPENT, only=frozenset({0, 400, 403})),
    Meaning("no_model", _NO_MODEL, but=frozenset({429})),
    Meaning("server", _PASSING, but=frozenset({429})),
    Meaning("auth", _KEY, but=frozenset({429}), failing=False),
    Meaning("auth", re.compile("incorrect api key"), only=frozenset({0})),  # it comes with 401 else
    Meaning("auth", _DENIED, only=frozenset({0, 400, 422})),
    Meaning("server", _TROUBLE, but=frozenset({429}) | _CLEAR),
    Meaning("server", _AGAIN, but=frozenset({429}) | _CLEAR | _PLAIN),
)
"""The first that applies counts."""

_STATUS: dict[int, FailureKind] = {
    401: "auth", 402: "quota", 403: "auth", 404: "not_found", 405: "not_found", 407: "auth", 410: "not_found",
    413: "too_large", 420: "rate_limited", 429: "rate_limited", 430: "rate_limited",
    # the server's trouble of the moment: timeout, conflict, misdirected, locked, a failed dependency (Bedrock, TGI),
    # too early, nginx (444, 499), AWS (460, 463), out of capacity (Groq's 498)
    **dict.fromkeys((408, 409, 421, 423, 424, 425, 440, 444, 449, 460, 463, 498, 499), "server"),
    501: "bad_request", 505: "bad_request",
}  # fmt: skip


def kind_of(status: int | None, said: Complaint) -> FailureKind | None:
    """Return what an error of this status and these words means. status: None inside a stream that names none.

    None where neither says anything.
    """
    if status == 402:
        return "quota"
    if status == 407:  # a proxy's
        return "auth"
    codes = re.split(r"[\s#:,/]+", said.code.lower())
    kind = next((_PRECISE[code] for code in codes if code in _PRECISE), None)
    if kind == "rate_limited":  # Groq and OpenAI: a request over the limit by itself never gets through
        kind = "too_large" if "request too large" in said.message[:_WORDS_CHARS].lower() else kind
    if kind == "server" and status == 429:
        kind = "rate_limited"
    return kind or _by_words(status or 0, said, codes) or _by_numbers(status, codes)


def _by_words(status: int, said: Complaint, codes: list[str]) -> FailureKind | None:
    words = f"{said.code} {said.message[:_WORDS_CHARS]}".lower()
    for meaning in MEANINGS:
        fits = status in meaning.only if meaning.only else status not in meaning.but
        if fits and (meaning.failing or status < 500) and meaning.words.search(words):
            return meaning.kind
    spent = status == 429 and said.wait_s is None and "resource_exhausted" not in codes
    if spent and _SPENT.search(words):
        return "quota"
    return None


def _by_numbers(status: int | None, codes: list[str]) -> FailureKind | None:
    if status in _STATUS:
        return _STATUS[status]
    found = next((table[code] for table in (_BROAD, _NUMBERS) for code in codes if code in table), None)
    if status is None or found is not None:
        return found
    return "server" if status >= 500 else "bad_request"
