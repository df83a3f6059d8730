"""A chat completion server on loopback that does what a script says: well, badly, or in turn.

    with FaultyServer([rate_limited("1"), says("Hello.")]) as server:
        client = ChatClient(Endpoint.parse(server.model))
        ...
        assert len(server.chats) == 2

A script is one behaviour or several; each answers one chat completion, the last one all that follow. `says` takes the
reply or a function from request to reply, and answers streamed and whole. `persona` says which server it plays, and
so what else can be asked (`/v1/models`, `/version`, `/props`, `/tokenize`, `/metrics`) and which grammar field it
honours; the one-word grammars by which clients try that are answered outside the script. `requests` holds all that
was asked, `chats` the scripted part. It runs in threads of its own, so that tests with and without an event loop can
use it, and nothing of it is left when the `with` block ends.
"""

import json
import re
import socket
import struct
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from email.utils import formatdate
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Self

MODEL: Final = "tiny"
CONTEXT_TOKENS: Final = 4096
_ONE_WORD = re.compile(r'root ::= "(\w+)"')
_Persona = Literal["vllm", "llama.cpp", "plain"]
_OWNERS: Final = {"vllm": "vllm", "llama.cpp": "llamacpp", "plain": "somebody"}
_HONOURED: Final = {"vllm": "structured_outputs", "llama.cpp": "grammar", "plain": None}


class Request(NamedTuple):
    """What a client asked."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: Any
    """The JSON of the body; None if there is none."""

    @property
    def prompt(self) -> str:
        """Text of the last message."""
        return str(self.body["messages"][-1]["content"])

    @property
    def streams(self) -> bool:
        """Whether the reply shall come in pieces."""
        return bool(self.body.get("stream"))

    @property
    def grammar(self) -> str | None:
        """The grammar, in whichever field it was sent."""
        outputs = self.body.get("structured_outputs") or {}
        grammar: str | None = outputs.get("grammar") or self.body.get("grammar")
        return grammar


class Line:
    """What a behaviour can do to the connection."""

    def __init__(self, handler: BaseHTTPRequestHandler, closing: threading.Event) -> None:
        self._handler = handler
        self._closing = closing

    def answer(self, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """A complete response."""
        self.send(self.head(status, {"Content-Length": str(len(body)), **(headers or {})}) + body)

    @staticmethod
    def head(status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
        """The head of a response; without a Content-Length its body ends with the connection."""
        fields = {"Content-Type": "application/json", **(headers or {})}
        if "Content-Length" not in fields:
            fields["Connection"] = "close"
        lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in fields.items())]
        return "\r\n".join([*lines, "", ""]).encode()

    @property
    def connection(self) -> object:
        """The connection; the same for all that is asked on it."""
        return self._handler

    def send(self, data: bytes) -> None:
        """Bytes on the wire."""
        self._handler.wfile.write(data)

    def hang_up(self, *, reset: bool = False) -> None:
        """Ends the connection; with `reset`, so that the client sees an error."""
        self._handler.close_connection = True
        if reset:
            linger = struct.pack("ii", 1, 0)
            self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._handler.connection.close()

    def wait(self, seconds: float) -> bool:
        """Whether the server is still wanted after that time."""
        return not self._closing.wait(seconds)


Behaviour = Callable[[Request, Line], None]
Text = str | Callable[[Request], str]


def says(text: Text, *, after: float = 0.0, finish: str = "stop", **message: Any) -> Behaviour:
    """Replies with `text` after some seconds; `message` adds fields, such as tool_calls or reasoning."""

    def behave(request: Request, line: Line) -> None:
        line.wait(after)
        said = text if isinstance(text, str) else text(request)
        if request.streams:
            line.send(line.head(headers={"Content-Type": "text/event-stream"}))
            for chunk in chunks(request, said, finish=finish, **message):
                line.send(event(chunk))
            line.send(b"data: [DONE]\n\n")
            line.hang_up()
        else:
            line.answer(json.dumps(completion(request, said, finish=finish, **message)).encode())

    return behave


def completion(request: Request, text: str | None, *, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """A chat completion, as OpenAI defines it."""
    return {
        "id": reply_id(request),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": request.body["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **message},
                "finish_reason": finish,
                "logprobs": _logprobs(request, text or ""),
            }
        ],
        "usage": usage(request, text or ""),
    }


def chunks(request: Request, text: str, *, finish: str = "stop", **message: Any) -> Iterator[dict[str, Any]]:
    """The same in pieces of a few letters."""
    head = {"id": reply_id(request), "object": "chat.completion.chunk", "model": request.body["model"]}
    pieces = [{"role": "assistant", "content": ""}, *({"content": text[i : i + 4]} for i in range(0, len(text), 4))]
    for delta in [*pieces, *([message] if message else [])]:
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}
    if (request.body.get("stream_options") or {}).get("include_usage"):
        yield {**head, "choices": [], "usage": usage(request, text)}


def reply_id(request: Request) -> str:
    """As vLLM makes it: from the id that came with the request."""
    return f"chatcmpl-{request.headers.get('x-request-id', uuid.uuid4().hex)}"


def usage(request: Request, text: str) -> dict[str, Any]:
    """One token a word."""
    prompt = sum(len(str(message["content"]).split()) for message in request.body["messages"])
    completed = len(text.split())
    return {"prompt_tokens": prompt, "completion_tokens": completed, "total_tokens": prompt + completed}


def _logprobs(request: Request, text: str) -> dict[str, Any] | None:
    if not request.body.get("logprobs"):
        return None
    return {"content": [{"token": word, "logprob": -0.5, "bytes": None, "top_logprobs": []} for word in text.split()]}


def event(value: object) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def status(number: int, message: str = "so it is", headers: Mapping[str, str] | None = None, **error: Any) -> Behaviour:
    """An error in OpenAI's form."""
    body = json.dumps({"error": {"message": message, "type": "error", **error}}).encode()
    return lambda request, line: line.answer(body, number, headers)


def rate_limited(retry_after: str) -> Behaviour:
    """429 with a Retry-After."""
    return status(429, "slow down", {"Retry-After": retry_after})


def date_in(seconds: float) -> str:
    """A Retry-After date; dates have whole seconds."""
    return formatdate(time.time() + seconds, usegmt=True)


def raw(body: bytes, code: int = 200, headers: Mapping[str, str] | None = None) -> Behaviour:
    """Any body."""
    return lambda request, line: line.answer(body, code, headers)


def html() -> Behaviour:
    """A page with status 200, as a login portal or a wrong path gives."""
    return raw(b"<!doctype html><title>Welcome</title><p>Please log in", headers={"Content-Type": "text/html"})


def redirect(url: str) -> Behaviour:
    """Sends the client elsewhere."""
    return raw(b"", 307, {"Location": url})


def edited(change: Callable[[dict[str, Any]], object]) -> Behaviour:
    """A completion that `change` has spoilt."""

    def behave(request: Request, line: Line) -> None:
        value = completion(request, "Hello.")
        change(value)
        line.answer(json.dumps(value).encode())

    return behave


def reset_mid_body(body: bytes | None = None) -> Behaviour:
    """The connection breaks while a body comes in: a completion, unless another is given."""

    def behave(request: Request, line: Line) -> None:
        sent = json.dumps(completion(request, "Hello.")).encode() if body is None else body
        line.send(line.head(headers={"Content-Length": str(len(sent))}) + sent[: len(sent) // 2])
        line.wait(0.05)  # so that the first half is read before the reset discards it
        line.hang_up(reset=True)

    return behave


def truncated() -> Behaviour:
    """A body that ends early, and says that it is complete."""

    def behave(request: Request, line: Line) -> None:
        body = json.dumps(completion(request, "Hello.")).encode()
        line.answer(body[: len(body) // 2])

    return behave


def drip(seconds: float, body: bytes | None = None) -> Behaviour:
    """A body, one byte at a time, so that no single read takes long: a completion, unless another is given."""

    def behave(request: Request, line: Line) -> None:
        sent = json.dumps(completion(request, "Hello.")).encode() if body is None else body
        line.send(line.head(headers={"Content-Length": str(len(sent))}))
        for i in range(len(sent)):
            if not line.wait(seconds):
                return
            line.send(sent[i : i + 1])

    return behave


def hang(seconds: float = 60.0) -> Behaviour:
    """Takes the request and says nothing."""

    def behave(request: Request, line: Line) -> None:
        line.wait(seconds)
        line.hang_up()

    return behave


def huge(size: int) -> Behaviour:
    """A good completion with a text of that many bytes."""
    return says("x" * size)


def gzip_bomb(size: int, code: int = 200) -> Behaviour:
    """A small body that unpacks to that many blanks."""
    return lambda request, line: line.answer(packed_blanks(size), code, {"Content-Encoding": "gzip"})


@cache
def packed_blanks(size: int) -> bytes:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    pieces = [packer.compress(b" " * 100_000) for _ in range(size // 100_000)]
    return b"".join([*pieces, packer.flush()])


def brackets(count: int) -> Behaviour:
    """Valid JSON, nested deeper than any parser likes."""
    return raw(b"[" * count + b"]" * count)


def stream_of(events: Iterable[bytes], *, reset: bool = False) -> Behaviour:
    """Any stream, to whoever asks."""

    def behave(request: Request, line: Line) -> None:
        line.send(line.head(headers={"Content-Type": "text/event-stream"}))
        for data in events:
            line.send(data)
        line.wait(0.1 if reset else 0)
        line.hang_up(reset=reset)

    return behave


class FaultyServer:
    """The server; see the top of the file."""

    def __init__(
        self,
        script: Behaviour | Sequence[Behaviour],
        *,
        persona: _Persona = "plain",
        honours_grammar: bool = True,
        refuses: Sequence[str] = (),
        models: Behaviour | None = None,
        weights: str = MODEL,
    ) -> None:
        """Listens on a free port once it is entered.

        Args:
            script: what happens to chat completions, one after another.
            persona: which server it plays.
            honours_grammar: whether it keeps to grammars, where its persona can.
            refuses: fields of a request that it answers with 400.
            models: what happens to `/v1/models` instead of a list with `MODEL`.
            weights: where it says that it has the model from, if its persona says so.
        """
        self.requests: list[Request] = []
        self.chats: list[Request] = []
        self.busiest = 0
        """Most chat completions that were under way at once."""
        self._script = list(script) if isinstance(script, Sequence) else [script]
        self._persona: _Persona = persona
        self._field = _HONOURED[persona] if honours_grammar else None
        self._refuses = refuses
        self._models = models
        self._weights = weights
        self._active = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._http = ThreadedServer(("127.0.0.1", 0), handler_of(self._serve))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    @property
    def base_url(self) -> str:
        """Address below which `/chat/completions` lies."""
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    @property
    def model(self) -> str:
        """The model string."""
        return f"openai:{MODEL}@{self.base_url}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.drop_connections()
        self._http.server_close()
        self._thread.join()

    def _serve(self, request: Request, handler: BaseHTTPRequestHandler) -> None:
        line = Line(handler, self._closing)
        with self._lock:
            self.requests.append(request)
        if request.path == "/v1/chat/completions":
            with self._counted():
                self._chat_behaviour(request)(request, line)
        elif request.path == "/v1/models" and self._models:
            self._models(request, line)
        else:
            value = self._facts().get(request.path)
            status(404, "no such page")(request, line) if value is None else line.answer(value(request))

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._active += 1
            self.busiest = max(self.busiest, self._active)
        try:
            yield
        finally:
            with self._lock:
                self._active -= 1

    def _chat_behaviour(self, request: Request) -> Behaviour:
        for field in self._refuses:
            if field in request.body:
                return status(400, f"Unrecognized request argument supplied: {field}", param=field)
        word = _ONE_WORD.fullmatch(request.grammar or "")
        if word:
            return says(word[1] if self._field and self._field in request.body else "Hello!")
        with self._lock:
            self.chats.append(request)
            return self._script.pop(0) if len(self._script) > 1 else self._script[0]

    def _facts(self) -> dict[str, Callable[[Request], bytes]]:
        entry: dict[str, Any] = {"id": MODEL, "object": "model", "owned_by": _OWNERS[self._persona]}
        if self._persona == "vllm":
            entry |= {"max_model_len": CONTEXT_TOKENS, "root": self._weights}
        facts: dict[str, Callable[[Request], bytes]] = {
            "/v1/models": lambda request: json.dumps({"object": "list", "data": [entry]}).encode()
        }
        if self._persona == "plain":
            return facts
        facts["/tokenize"] = _tokenize
        if self._persona == "vllm":
            return facts | {"/version": lambda request: b'{"version": "0.31.0"}', "/metrics": self._metrics}
        settings = {"n_ctx": CONTEXT_TOKENS}
        props = {
            "model_path": self._weights,
            "default_generation_settings": settings,
            "build_info": "b7777-abcdef",
        }
        return facts | {"/props": lambda request: json.dumps(props).encode()}

    def _metrics(self, request: Request) -> bytes:
        """A cache that holds every prompt but the first."""
        queries = 10.0 * len(self.chats)
        hits = max(0.0, queries - 10)
        counters = {"queries": queries, "hits": hits}
        lines = (f'vllm:prefix_cache_{name}_total{{engine="0"}} {value}\n' for name, value in counters.items())
        return "".join(lines).encode()


def _tokenize(request: Request) -> bytes:
    text = str(request.body.get("prompt", request.body.get("content")))
    return json.dumps({"tokens": [*range(len(text.split()))], "count": len(text.split())}).encode()


class ThreadedServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up early is no error here."""

    def drop_connections(self) -> None:
        """Ends what clients keep open, so that no thread waits for more."""
        for connection in [*self._connections]:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def handler_of(serve: Callable[[Request, BaseHTTPRequestHandler], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            serve(Request(self.command, self.path, headers, body), self)

        do_GET = _answer
        do_POST = _answer

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: tests read `requests`."""

    return Handler
