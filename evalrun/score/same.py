r"""Whether two read answers say the same: yes, no, or unknown. The rules are docs/labels.md, in its order.

Unknown is for what spelling and exact arithmetic cannot decide; `mathematics` asks math-verify then.
"""

from dataclasses import replace

from evalrun.score.form import Form, read


def same(expected: Form, answer: Form) -> bool | None:
    """Compare two answers: True, False, or None where it takes algebra."""
    if expected.unit and answer.unit and expected.unit != answer.unit:
        return False
    if expected.name and answer.name and expected.name != answer.name:
        return None if "group" in (expected.kind, answer.kind) else False
    if expected.kind == answer.kind == "group":
        return _groups(expected, answer)
    if expected.text == answer.text:
        return True
    kinds = {expected.kind, answer.kind}
    if kinds == {"number"}:
        return expected.value == answer.value
    if kinds == {"text"}:
        return False
    if "text" in kinds:
        return expected.text.casefold() == answer.text.casefold() or None
    if "written" in kinds:
        return False
    if kinds == {"number", "group"}:
        return False
    if "equation" in kinds and not kinds.isdisjoint({"number", "formula"}):
        return None if expected.name or answer.name else False
    return None


def measured(form: Form, unit: str) -> Form:
    """Read the bare letter of `5 m` as a unit and no variable where the other side has that unit (m, g, l)."""
    if form.kind != "formula" or unit[:1] not in ("m", "g", "l") or unit[1:2] not in ("", "^"):
        return form
    rest = form.text.removesuffix(unit)
    return replace(read(rest), unit=unit) if rest and rest != form.text else form


def _groups(expected: Form, answer: Form) -> bool | None:
    brackets = {expected.bracket, answer.bracket}
    if brackets <= {"", r"\{\}"}:
        if _distinct_names(expected) != _distinct_names(answer):  # p=3, q=2 against 3, 2: by position
            return _in_order(expected.items, answer.items)
        return _in_any_order(expected.items, answer.items)
    if len(brackets) == 1 or brackets == {"", "()"}:
        return _in_order(expected.items, answer.items)
    return False


def _distinct_names(form: Form) -> bool:
    return len({item.name for item in form.items if item.name}) > 1


def _all(verdicts: list[bool | None]) -> bool | None:
    if any(verdict is False for verdict in verdicts):
        return False
    return None if None in verdicts else True


def _in_order(left: tuple[Form, ...], right: tuple[Form, ...]) -> bool | None:
    if len(left) != len(right):
        return False
    return _all([same(one, other) for one, other in zip(left, right, strict=True)])


def _in_any_order(left: tuple[Form, ...], right: tuple[Form, ...]) -> bool | None:
    """As sets: each has an equal on the other side. A repeated item counts once."""
    if len(left) * len(right) > 2_500:
        return None
    table = [[same(one, other) for other in right] for one in left]
    rows = [*table, *(list(column) for column in zip(*table, strict=True))]
    return _all([True if True in row else None if None in row else False for row in rows])
