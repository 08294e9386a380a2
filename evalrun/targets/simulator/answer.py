"""The bytes of one answer of the simulator: server-sent events in chunks, or one JSON object. No clock, no socket."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

import msgspec

from evalrun.targets.simulator.model import Piece, Question, Reply, first_token_s, gap_s, pieces, reply, usage
from evalrun.targets.spec import Simulator
from evalrun.types import Json

_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Answer:
    """What will be answered, drawn in full before its first byte is written."""

    id: str
    created: int
    spec: Simulator
    question: Question
    replies: tuple[Reply, ...]

    @property
    def first_s(self) -> float:
        return first_token_s(self.spec, self.question)

    @property
    def gap_s(self) -> float:
        return gap_s(self.spec)

    @property
    def completion_tokens(self) -> int:
        return sum(one.tokens for one in self.replies)

    @property
    def right(self) -> bool | None:
        """Whether the first choice is right."""
        return self.replies[0].right


def draw(spec: Simulator, question: Question, *, choices: int, number: int, created: int) -> Answer:
    """Draw the answer to a question. number: makes the id unique where a question is asked twice."""
    replies = tuple(reply(spec, question, choice=index) for index in range(choices))
    return Answer(f"sim-{question.mark.hex()[:12]}-{number}", created, spec, question, replies)


def cut(answer: Answer) -> list[list[Piece]]:
    """Cut every choice into its chunks."""
    return [list(pieces(one, tokens_per_chunk=answer.spec.tokens_per_chunk)) for one in answer.replies]


def opening(answer: Answer) -> bytes:
    """Write the events before the first token: each choice's role."""
    return b"".join(_event(answer, index, b'{"role":"assistant","content":""}') for index in range(len(answer.replies)))


def events(answer: Answer, chunks: list[list[Piece]], *, usage_asked: bool) -> Iterator[bytes]:
    """Return the events of chunk 0, 1, ... of all choices; with the last one come the finish reasons and the end."""
    count = max(map(len, chunks))
    for number, together in enumerate(zip_longest(*chunks), start=1):
        data = b"".join(_token_event(answer, index, piece) for index, piece in enumerate(together) if piece is not None)
        yield data + _ending(answer, usage_asked) if number == count else data


def whole(answer: Answer) -> bytes:
    """Write the answer that was not asked for as a stream."""
    choices = []
    for index, one in enumerate(answer.replies):
        message: dict[str, Json] = {"role": "assistant", "content": "".join(one.answer)}
        if one.reasoning:
            message["reasoning_content"] = "".join(one.reasoning)
        choices.append({"index": index, "message": message, "finish_reason": one.finish_reason})
    body = {"id": answer.id, "object": "chat.completion", "created": answer.created, "model": answer.spec.model}
    return _encode({**body, "choices": choices, "usage": usage(answer.spec, answer.question, answer.replies)})


def _token_event(answer: Answer, index: int, piece: Piece) -> bytes:
    return _event(answer, index, b'{"%b":%b}' % (piece.field.encode(), _encode(piece.text)))


def _ending(answer: Answer, usage_asked: bool) -> bytes:
    """Write the finish reason of every choice, the usage in a chunk without choices, and the marker."""
    data = b"".join(
        _event(answer, index, b"{}", finish_reason=one.finish_reason) for index, one in enumerate(answer.replies)
    )
    if usage_asked:
        counted = _encode(usage(answer.spec, answer.question, answer.replies))
        data += b'data: {%b,"choices":[],"usage":%b}\n\n' % (_common(answer), counted)
    return data + b"data: [DONE]\n\n"


def _event(answer: Answer, index: int, delta: bytes, *, finish_reason: str | None = None) -> bytes:
    """Write one event by hand: encoding an object for each token would cost the most of the server's time."""
    form = b'data: {%b,"choices":[{"index":%d,"delta":%b,"finish_reason":%b}]}\n\n'
    return form % (_common(answer), index, delta, _encode(finish_reason))


def _common(answer: Answer) -> bytes:
    form = b'"id":"%b","object":"chat.completion.chunk","created":%d,"model":%b'
    return form % (answer.id.encode(), answer.created, _encode(answer.spec.model))
