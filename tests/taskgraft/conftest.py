"""A small real HTTP server whose answers each test writes down."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from taskgraft import Taskgraft

DROP = object()  # the server closes the connection without an answer


class Script:
    """Answers in order, and what was asked."""

    def __init__(self):
        self.answers = []
        self.asked = []

    def then(self, status, body, *, content_type="application/json", headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.append((status, data, {"Content-Type": content_type, **dict(headers)}))
        return self

    def then_problem(self, status, code, *, retryable=False, errors=(), headers=()):
        document = {
            "status": status,
            "code": code,
            "title": code,
            "detail": "said so",
            "retryable": retryable,
            "errors": list(errors),
        }
        return self.then(status, document, content_type="application/problem+json", headers=headers)

    def then_drop(self):
        self.answers.append(DROP)
        return self


@pytest.fixture
def script():
    return Script()


@pytest.fixture
def url(script):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = self._chunked() if self.headers.get("Transfer-Encoding") == "chunked" else self.rfile.read(length)
            script.asked.append(
                {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body}
            )
            answer = script.answers.pop(0)
            if answer is DROP:
                self.close_connection = True
                return
            status, data, headers = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_DELETE = do_GET

        def _chunked(self):
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, *arguments):
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def service(url):
    with Taskgraft(url, "tg_test") as client:
        yield client
