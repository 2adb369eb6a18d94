"""A plain HTTP client that checks all responses against the server's OpenAPI description."""

import http.client
import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from jsonschema import Draft202012Validator

from cdtnet.web.hosting import configuration
from tests.processes import PATIENCE

BOUNDARY = "-----------------------------a1b2c3"


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """Return the message of an error response."""
        assert set(self.json) == {"error"}, self.body
        return self.json["error"]


class Client:
    """A client of the server at a port of this machine."""

    def __init__(self, port, key=None):
        self.port = port
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.description = self._request("GET", "/openapi.json").json

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def harmonize(self, composite, mask, accept="*/*", **settings):
        body, kind = form({"composite": composite, "mask": mask}, settings)
        return self.request("POST", "/v1/harmonize", body, Content_Type=kind, Accept=accept)

    def request(self, method, path, body=None, **headers):
        answer = self._request(method, path, body, **headers)
        self.check(method, path, answer)
        return answer

    def metrics(self):
        """Return the values of metrics by name and labels."""
        from prometheus_client.parser import text_string_to_metric_families

        families = text_string_to_metric_families(self.get("/metrics").body.decode())
        samples = (sample for family in families for sample in family.samples)
        return {(sample.name, *sorted(sample.labels.values())): sample.value for sample in samples}

    def check(self, method, path, answer):
        """Check that the description contains this status, this type, and the schema of the JSON."""
        operations = self.description["paths"].get(path.partition("?")[0], {})
        if method.lower() not in operations:
            assert answer.status in (401, 404, 405)
            assert answer.error
            return
        described = operations[method.lower()]["responses"][str(answer.status)]
        kind = answer.headers["Content-Type"].partition(";")[0]
        schema = described["content"][kind]["schema"]
        if kind == "application/json":
            Draft202012Validator({**self.description, **schema}).validate(answer.json)
        assert set(answer.headers) & {"Server-Timing", "Cdtnet-Remark", "Retry-After"} <= set(
            described.get("headers", {})
        )

    def _request(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {**self.headers, **headers})
        return _receive(connection)


def _receive(connection):
    response = connection.getresponse()
    answer = Answer(response.status, response.headers, response.read())
    connection.close()
    return answer


def form(files, fields):
    """Make a multipart body and its content type."""
    parts = [
        (f'name="{name}"; filename="{name}"\r\nContent-Type: application/octet-stream', content)
        for name, content in files.items()
    ]
    parts += [(f'name="{name}"', str(value).encode()) for name, value in fields.items()]
    body = b"".join(
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
        for head, content in parts
    )
    return body + f"--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}"


@contextmanager
def running(app, **options):
    """Run an application in this process: its port, and uvicorn's state."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(configuration(app, **options))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1], server.server_state
        finally:
            server.should_exit = True
            thread.join()


class Unfinished:
    """A harmonize request whose last byte is not sent yet; it has its place in the queue."""

    def __init__(self, port, composite, mask):
        body, kind = form({"composite": composite, "mask": mask}, {})
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._connection.putrequest("POST", "/v1/harmonize")
        self._connection.putheader("Content-Type", kind)
        self._connection.putheader("Content-Length", str(len(body)))
        self._connection.endheaders(body[:-1])

    def finish(self):
        """Send the rest."""
        self._connection.send(b"\n")

    def answer(self):
        """Wait for the response."""
        return _receive(self._connection)

    def leave(self):
        self._connection.close()
