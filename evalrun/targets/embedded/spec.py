"""The kind `embedded` as it is typed: a small model on this machine's processor."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Literal

from pydantic import Field

from evalrun.spec import FilePath
from evalrun.targets.kind import Endpoint, Needs, TargetKind


class Embedded(TargetKind):
    """A small model on this machine's processor: llama.cpp's HTTP server as a child process."""

    kind: Literal["embedded"]
    model: FilePath = "SmolLM2-135M-Instruct"
    """The built-in model's name, or the path to a GGUF file, relative to this file."""
    context: int = Field(default=8192, ge=256)
    """Context window of each slot, in tokens."""
    threads: int | None = Field(default=None, ge=1)
    """Decoding threads; by default one core is left for the client."""

    @property
    def served_model(self) -> str:
        """The model's name in the request body: of a GGUF file its stem."""
        return Path(self.model).stem

    def serve(self, name: str, needs: Needs) -> AbstractAsyncContextManager[Endpoint]:
        """Start the model, fetching the built-in one's weights first."""
        from evalrun.targets.embedded.serve import serve_embedded

        log = needs.logs / f"{name}.log"
        return serve_embedded(self.model, context=self.context, threads=self.threads, needs=needs, log=log)
