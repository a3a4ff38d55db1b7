"""A proxy that records the responses of a driver, for tools that generate types but no client, or only observe."""

import http.client
import json
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

from tests.clients.declared_errors import resolved

HOP: Final = {"connection", "keep-alive", "transfer-encoding", "date", "server"}


@dataclass(frozen=True)
class Answer:
    """A response and its request."""

    method: str
    path: str
    status: int
    sent: Any
    body: Any
    """Both are JSON; ``None`` stands for no body, and for one in another format."""
    violations: tuple[dict[str, Any], ...] = ()
    """The message of Prism about it, if Prism runs as a proxy behind this one."""

    def operation(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return the operation of the request: of two paths that match, the one without a parameter."""
        path = self.path.partition("?")[0]
        for template, item in sorted(document["paths"].items(), key=lambda each: each[0].count("{")):
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/:]+", template), path) and self.method.lower() in item:
                found: dict[str, Any] = item[self.method.lower()]
                return found
        raise LookupError(path)

    def schema(self, document: dict[str, Any]) -> str:
        """Return the name of the schema of the body: of several errors, the one with its code."""
        content = resolved(document, self.operation(document)["responses"][str(self.status)])["content"]
        (schema,) = (media["schema"] for name, media in content.items() if "json" in name)
        reference: str = schema.get("$ref") or schema["discriminator"]["mapping"][self.body["code"]]
        return reference.rpartition("/")[2]


def errors_in(answers: Iterable[Answer], document: dict[str, Any]) -> set[tuple[str, int, str]]:
    """Return operation, status and code of the errors among responses."""
    errors = (each for each in answers if each.status >= 400)
    return {(each.operation(document)["operationId"], each.status, each.body["code"]) for each in errors}


@contextmanager
def recorded(url: str) -> Iterator[tuple[str, list[Answer]]]:
    """Run a proxy in front of this address; yield the proxy's address and the list of responses."""
    answers: list[Answer] = []
    service = urlsplit(url).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline()
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            self.pass_on(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def pass_on(self, body: bytes) -> None:
            connection = http.client.HTTPConnection(service)
            sent = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
            connection.request(self.command, self.path, body or None, sent)
            answer = connection.getresponse()
            read = answer.read()
            is_json = "json" in answer.headers.get("Content-Type", "") and read
            answers.append(
                Answer(
                    *(self.command, self.path, answer.status),
                    sent=json.loads(body) if body else None,
                    body=json.loads(read) if is_json else None,
                    violations=tuple(json.loads(answer.headers.get("sl-violations", "[]"))),
                )
            )
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.headers.items():
                if name.lower() not in HOP:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(read)
            connection.close()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{proxy.server_port}", answers
        proxy.shutdown()
        thread.join()
