"""The API under test: requests composed by the profile, and a record of every response."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final
from urllib.parse import urlsplit

from tests.conformance.profile import Profile, ProfileError, unique
from tests.conformance.rule import NotApplicable
from tests.conformance.wire import LINGER, PATIENCE, Answer, Hangup, Nonsense, Server, Silence

JSON: Final = "application/json"
Fields = dict[str, str]


@dataclass(frozen=True)
class Seen:
    """A response, its request, and its rule."""

    rule: str
    method: str
    target: str
    answer: Answer
    has_token: bool = False


@dataclass
class Api:
    """Sends requests, each on a new connection unless a rule opens one."""

    server: Server
    profile: Profile
    seen: list[Seen] = field(default_factory=list)
    rule_id: str = ""

    @property
    def path(self) -> str:
        """Return the path of the collection."""
        return self.profile.collection

    @cached_property
    def unknown(self) -> str:
        """Return a path without a resource."""
        return f"/{unique()}"

    def head(
        self,
        method: str,
        path: str,
        fields: Fields | None = None,
        *,
        length: int | None = None,
        token: str | None = None,
        keep: bool = False,
        version: str = "HTTP/1.1",
    ) -> bytes:
        """Return a request up to its content; ``fields`` replaces default fields, and ``""`` leaves one out.

        Args:
            method: as it appears in the request line.
            path: below the prefix of the URL.
            fields: header fields.
            length: of the content; ``None`` for no length.
            token: instead of the profile's; ``""`` for none.
            keep: leave the connection open for more.
            version: as it appears in the request line.
        """
        token = self.profile.token if token is None else token
        sent = {
            "Host": self.server.authority,
            "Authorization": f"Bearer {token}" if token else "",
            "Connection": "" if keep else "close",
            "Content-Length": "" if length is None else str(length),
            **(fields or {}),
        }
        lines = [f"{name}: {value}" for name, value in sent.items() if value]
        target = path if "://" in path else self.server.prefix + path
        return "\r\n".join([f"{method} {target} {version}", *lines, "", ""]).encode("latin-1")

    def send(
        self,
        method: str,
        path: str,
        fields: Fields | None = None,
        body: bytes | None = None,
        *,
        token: str | None = None,
        version: str = "HTTP/1.1",
    ) -> Answer:
        """Send one request on a new connection, and return the response."""
        length = None if body is None else len(body)
        request = self.head(method, path, fields, length=length, token=token, version=version)
        return self.exchange(request + (body or b""))

    def get(self, path: str, fields: Fields | None = None, *, token: str | None = None) -> Answer:
        """GET a path."""
        return self.send("GET", path, fields, token=token)

    def post(self, body: bytes, fields: Fields | None = None, *, token: str | None = None) -> Answer:
        """POST to the collection."""
        return self.send(
            "POST", self.path, {"Content-Type": self.profile.content_type, **(fields or {})}, body, token=token
        )

    def patch(self, path: str, body: bytes, fields: Fields | None = None) -> Answer:
        """PATCH an item."""
        return self.send("PATCH", path, {"Content-Type": self.profile.patch_type, **(fields or {})}, body)

    def exchange(self, request: bytes, *, finish: bool = False) -> Answer:
        """Send bytes on a new connection, and return the response with all bytes after it."""
        method, target = _started(request)
        with self.server.connect() as connection:
            connection.send(request)
            if finish:
                connection.finish()
            answer = connection.receive(method)
            announced = (answer.get("Connection") or "").lower() == "close"
            connection.is_closed(PATIENCE / 5 if announced else LINGER)
            answer = replace(answer, surplus=connection.unread)
        self.remember(method, target, answer, has_token=b"\r\nAuthorization: Bearer" in request)
        return answer

    def remember(self, method: str, target: str, answer: Answer, *, has_token: bool = False) -> None:
        """Keep a response for the rules that judge all of them."""
        self.seen.append(Seen(self.rule_id, method, target, answer, has_token))

    def in_turn(self, *requests: bytes, at_once: bool = False, within: float = PATIENCE) -> list[Answer]:
        """Send requests on one connection, and return the responses until the server closes or is silent."""
        answers: list[Answer] = []
        with self.server.connect() as connection:
            if at_once:
                connection.send(b"".join(requests))
            for request in requests:
                if not at_once:
                    if answers and connection.is_closed(LINGER / 5):
                        return answers
                    connection.send(request)
                method, target = _started(request)
                try:
                    answer = connection.receive(method, within=within)
                except Silence:
                    return answers
                except (Hangup, Nonsense):
                    if not answers:
                        raise
                    return answers
                self.remember(method, target, answer)
                answers.append(answer)
        return answers

    def created(self) -> Answer:
        """Create an item, and return the answer. Raises: NotApplicable."""
        answer = self.post(self.profile.body())
        if not 200 <= answer.status < 300:
            raise NotApplicable(f"nothing could be created: {answer.line}")
        return answer

    def item(self) -> str:
        """Return the path of an item created for the current rule. Raises: NotApplicable."""
        path = self.path_of(self.created())
        if path is None:
            raise NotApplicable("the response to a creation does not contain the path of the item")
        return path

    def path_of(self, created: Answer) -> str | None:
        """Return where an item is, below the prefix of the URL."""
        location = self.profile.path_of(created.document, created.get("Location"))
        if location is None:
            return None
        parts = urlsplit(location)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return path.removeprefix(self.server.prefix)

    def tagged(self) -> tuple[str, str]:
        """Return the path of an item and its entity tag. Raises: NotApplicable."""
        path = self.item()
        tag = self.get(path).get("ETag")
        if tag is None:
            raise NotApplicable("no ETag is offered")
        return path, tag

    def readable(self) -> list[str]:
        """Return paths that answer GET with 200: the collection, an item, and public paths."""
        path = self.path_of(self.created())
        return [self.path, *([path] if path else []), *self.profile.public]

    def everything(self) -> list[Seen]:
        """Return all recorded responses; when a rule is judged alone, record some first."""
        if not {each.rule for each in self.seen} - {"check", self.rule_id}:
            path = self.item()
            for target in (self.path, path, self.unknown):
                for method in ("GET", "HEAD", "OPTIONS", "PUT"):
                    self.send(method, target)
            self.get(self.path, token="")
            self.post(b"{")
            self.send("DELETE", path, {"If-Match": "*"})
            self.exchange(b"GARBAGE\r\n\r\n")
            self.get(f"{self.path}?a={'a' * 70_000}")
        return self.seen

    def check(self) -> None:
        """Check that the profile fits the API, because a wrong profile makes verdicts wrong. Raises: ProfileError."""
        self.rule_id = "check"
        listed, made = self.get(self.path), self.post(self.profile.body())
        for what, answer in ((f"GET {self.path}", listed), (f"POST {self.path}", made)):
            if not 200 <= answer.status < 300:
                raise ProfileError(f"{what} answers {answer.line}: {answer.body[:200].decode(errors='replace')}")


def _started(request: bytes) -> tuple[str, str]:
    """Return method and target of a request, as far as it has them."""
    words = request.lstrip(b"\r\n").split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    return words[0], words[1] if len(words) > 1 else ""
