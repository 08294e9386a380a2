"""A text that comes in many small pieces, at little more than the memory of its characters. It is joined at the end."""

_PART = 4_096  # pieces that are joined into one: each costs some 60 bytes beside its characters


class Pieces:
    """The pieces of a text, in order."""

    __slots__ = ("_new", "_parts", "size")

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._new: list[str] = []
        self.size = 0  # in characters

    def add(self, piece: str) -> None:
        """Add a piece to the end."""
        self._new.append(piece)
        self.size += len(piece)
        if len(self._new) == _PART:
            self._parts.append("".join(self._new))
            self._new.clear()

    def __bool__(self) -> bool:
        """Return whether any piece has text."""
        return self.size > 0

    def __str__(self) -> str:
        return "".join([*self._parts, *self._new])

    @property
    def last(self) -> str:
        """The last piece, or what it was joined into; empty where there is none."""
        return self._new[-1] if self._new else self._parts[-1] if self._parts else ""
