"""Rows from a data set of the Hugging Face hub, through `datasets` and its cache. Keeps no cache of its own.

Every error there becomes a SuiteError that says what to do and how to read a local copy instead.
"""

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from evalrun.data.places import Places, Row
from evalrun.errors import SuiteError
from evalrun.spec import FilePath, Spec

BATCH = 1000  # rows decoded at once
COMMIT = re.compile(r"[0-9a-f]{40}")
LOCAL_COPY = (
    "to read a local copy instead: --allow-path FOLDER --set tasks.NAME.data='{kind: jsonl, path: FOLDER/rows.jsonl}'"
)

# Errors and what to do: the first pattern found in the error or its causes applies.
ADVICE = (
    ("scripts are no longer supported", "loading scripts are no longer supported; use a copy in Parquet"),
    ("doesn't exist on the Hub", "check the id; if it is private or gated, set HF_TOKEN and accept its terms"),
    ("gated|[Aa]ccess to dataset", "accept its terms on its page, then set HF_TOKEN to your token"),
    ("429|Too Many Requests", "the hub's rate limit was reached; wait, or set HF_TOKEN for a higher limit"),
    ("OfflineMode|offline", "offline mode is on and no copy is cached; unset HF_HUB_OFFLINE once to fetch it"),
    ("Couldn't reach|Connect|Timeout|resolve|check your connection", "the hub cannot be reached; check the network"),
    ("Revision", "set `revision` to a commit, a tag or a branch"),
    ("BuilderConfig|[Cc]onfig name", "set `config` to one of its configurations"),
    ("[Ss]plit", "set `split` to one of its splits"),
)


class Hub(Spec):
    """A data set of the Hugging Face hub. The cache is used; HF_HUB_OFFLINE is respected."""

    kind: Literal["hub"]
    id: FilePath = Field(pattern=r"^[\w-][\w.-]*/[\w-][\w.-]*$")
    """`owner/name`, as on its page."""
    config: str | None = None
    """The configuration, if there are several."""
    split: str
    """The split, e.g. `test`; slices such as `test[:100]` work."""
    revision: str | None = None
    """The commit to read (40 hex digits). Without it the newest is read, which may change between runs."""

    def rows(self, places: Places) -> Iterator[Row]:
        """Yield the rows of the split. Images and audio are not decoded."""
        dataset = self._dataset(places)
        for batch in dataset.with_format("arrow").iter(batch_size=BATCH):
            yield from batch.to_pylist()

    def size(self, places: Places, asked: int) -> int:  # noqa: ARG002  (see Rows)
        """Return how many rows the split has."""
        return len(self._dataset(places))

    def _dataset(self, places: Places) -> Any:
        if Path(self.id).exists():  # `datasets` would read it instead of the hub
            raise SuiteError(f"{self.id}: a local folder of this name would be read instead; run in another folder")
        import datasets
        import httpx
        from huggingface_hub.errors import EntryNotFoundError, RevisionResolutionError

        try:
            builder = _builder(self.id, self.config, self.revision)
            self._check_revision(builder, places)
            builder.download_and_prepare()
            return builder.as_dataset(split=self.split)
        except (
            datasets.exceptions.DatasetsError, httpx.HTTPError, EntryNotFoundError, RevisionResolutionError,
            OSError, ValueError, RuntimeError, ImportError,
        ) as error:  # fmt: skip
            raise SuiteError(self._explained(error)) from error

    def _check_revision(self, builder: Any, places: Places) -> None:
        """Refuse a cached copy of another commit: if the hub is unreachable, `datasets` takes the newest it has."""
        if self.revision == builder.hash:
            return
        if self.revision and COMMIT.fullmatch(self.revision):
            raise SuiteError(
                f"{self.id}: commit {self.revision} is asked for, and the cache has {builder.hash};"
                f" fetch it once with a network, or change `revision`; {LOCAL_COPY}"
            )
        if builder.name == "cache":
            places.on_notice(f"{self.id}: the hub is unreachable; read from the cache: commit {builder.hash}")

    def _explained(self, error: BaseException) -> str:
        said = ""
        cause: BaseException | None = error
        while cause:
            said, cause = f"{said}{type(cause).__name__}: {cause}\n", cause.__cause__ or cause.__context__
        advice = next((text for pattern, text in ADVICE if re.search(pattern, said)), "see its page on the hub")
        first_line = str(error).strip().partition("\n")[0][:300].rstrip(".") or type(error).__name__
        return f"hub data set {self.id}: {first_line}; {advice}; {LOCAL_COPY}"


@functools.lru_cache(maxsize=16)
def _builder(name: str, config: str | None, revision: str | None) -> Any:
    """Ask the hub once per process, so that the survey and the run read the same commit."""
    import datasets

    return datasets.load_dataset_builder(name, config, revision=revision)
