"""The routes of the browser, and who may ask: this machine, with the token of the URL, by the name that was printed.

Every page is read-only. A page of a foreign site cannot read them: it does not know the token, its requests carry
another Host or Origin, and no page allows itself to be framed.
"""

import contextlib
import secrets
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio.to_thread
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from evalrun.errors import EvalrunError, SuiteError
from evalrun.report.compare import contrast_page
from evalrun.report.table import table_page
from evalrun.requests import Requests, RunFacts
from evalrun.store.manifest import NAME as MANIFEST
from evalrun.store.reader import StoredRun
from evalrun.table import tabulate
from evalrun.view import pages, runs, samples

HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_Page = Callable[[Request], Response]


class HostGuard:
    """Answers only who asks by one of our own names: a name that leads here by DNS rebinding is refused."""

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str]) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            sent = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
            if sent[:1] != sent or not sent or sent[0] not in self._hosts:
                await Response("unknown host", status_code=421)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class RunBrowser:
    """The pages of one results folder. token: begins the path of every page."""

    def __init__(self, root: Path, *, port: int) -> None:
        self._root, self.token = root.resolve(), secrets.token_urlsafe(24)
        self._base = f"/{self.token}/"
        routes = [
            Route(self._base + path, _answered(page), methods=["GET"])
            for path, page in (
                ("", self._runs), ("run", self._run), ("samples", self._samples), ("sample", self._sample),
                ("compare", self._compare), ("report", self._report), ("progress", self._progress),
            )
        ]  # fmt: skip
        self.app = HostGuard(Starlette(routes=routes), hosts=frozenset({f"127.0.0.1:{port}", f"localhost:{port}"}))

    def _folder(self, request: Request, name: str = "path") -> Path:
        """Return the run that a URL names: one of the results folder, and no other place."""
        path = request.query_params.get(name, "")
        parts = path.split("/")
        if len(parts) != 2 or any(part in ("", ".", "..") or "\0" in part for part in parts):
            raise HTTPException(404, f"no such run; {name} is SUITE/RUN")
        folder = self._root / path
        if folder.is_symlink() or not (folder / MANIFEST).is_file() or folder.resolve().parent.parent != self._root:
            raise HTTPException(404, "no such run")
        return folder

    def _requests(self, request: Request) -> Requests:
        folder = self._folder(request)
        return samples.requests_of(folder, size=runs.journal_bytes(folder))

    def _runs(self, request: Request) -> Response:
        del request
        return HTMLResponse(pages.runs_page(self._base, runs.listed(self._root)))

    def _run(self, request: Request) -> Response:
        page, running = table_page(tabulate(self._requests(request))), runs.is_running(self._folder(request))
        return HTMLResponse(pages.run_page(self._base, request.query_params["path"], page, running=running))

    def _samples(self, request: Request) -> Response:
        requests, wish = self._requests(request), samples.SampleFilter.of(request.query_params)
        found = samples.find(requests, wish)
        return HTMLResponse(pages.samples_page(self._base, request.query_params["path"], requests, wish, found))

    def _sample(self, request: Request) -> Response:
        requests, row = self._requests(request), request.query_params.get("row", "")
        if not (row.isascii() and row.isdigit() and len(row) < 12 and int(row) < len(requests)):
            raise HTTPException(404, "no such sample")
        record, scores = requests.record(int(row)), requests.scored(int(row))
        return HTMLResponse(pages.sample_page(self._base, request.query_params["path"], record, scores))

    def _compare(self, request: Request) -> Response:
        from evalrun.api import compare_runs

        base, new = self._folder(request, "base"), self._folder(request, "new")
        found = map(contrast_page, compare_runs(base, new, across_prompts=True))
        return HTMLResponse(pages.compare_page(self._base, f"{base.name} against {new.name}", found))

    def _report(self, request: Request) -> Response:
        from evalrun.api import open_run

        return HTMLResponse(open_run(self._folder(request)).report())

    def _progress(self, request: Request) -> Response:
        folder = self._folder(request)
        run = StoredRun(folder)  # its keys alone: this is asked every second
        each = RunFacts(folder=folder, manifest=run.manifest).planned(*run.manifest.fingerprints.tasks) or 0
        planned = each * len(run.manifest.targets)
        return JSONResponse(
            {"records": len(run.index.recorded), "planned": planned, "running": runs.is_running(folder)}
        )


def _answered(page: _Page) -> Callable[[Request], Awaitable[Response]]:
    """Make a page in a thread, so that a large run does not hold up the others, and give it its headers."""

    async def answer(request: Request) -> Response:
        try:
            response = await anyio.to_thread.run_sync(page, request)
        except EvalrunError as error:
            response = HTMLResponse(
                pages.error_page("/".join(request.url.path.split("/")[:2]) + "/", str(error)), status_code=409
            )
        response.headers.update(HEADERS)
        if page.__name__ != "_report":
            response.headers["Content-Security-Policy"] = pages.policy()
        return response

    return answer


def serve(root: Path, *, port: int, ready: Callable[[str], None]) -> None:
    """Serve a results folder on this machine until SIGINT or SIGTERM. ready: told the URL of the first page.

    port: 0 for a free one. Raises SuiteError where it cannot be had.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise SuiteError(f"view: port {port}: {error.strerror}; name another one, or none for a free one") from None
        listener.listen()
        port = listener.getsockname()[1]
        browser = RunBrowser(root, port=port)
        config = uvicorn.Config(browser.app, log_level="error", access_log=False, server_header=False, lifespan="off")
        ready(f"http://127.0.0.1:{port}/{browser.token}/")
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])
