"""A server that stops answering in the middle of a command, for those that are interrupted there."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tests.e2e.served import Served


@contextmanager
def hanging(server: Served, words: bytes) -> Iterator[tuple[str, threading.Event]]:
    """A server that hands on what it is asked, until it is asked for `words`; its address, and when that was."""
    with holding(server, words) as (url, asked, _):
        yield url, asked


@contextmanager
def holding(server: Served, words: bytes) -> Iterator[tuple[str, threading.Event, threading.Event]]:
    """The same, and what lets it go on."""
    asked, go_on, over = threading.Event(), threading.Event(), threading.Event()

    class Between(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            if words in content:
                asked.set()
                go_on.wait()
                if over.is_set():
                    return
            headers = {name: self.headers[name] for name in ("authorization", "content-type", "accept")}
            answer = httpx.post(f"{server.url}/graphql", content=content, headers=headers, trust_env=False)
            self.send_response(answer.status_code)
            self.send_header("content-type", answer.headers["content-type"])
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    between = ThreadingHTTPServer(("127.0.0.1", 0), Between)
    threading.Thread(target=between.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{between.server_port}", asked, go_on
    finally:
        over.set()
        go_on.set()
        between.shutdown()
        between.server_close()
