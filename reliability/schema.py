"""Check that every answer to valid and invalid requests matches the server's OpenAPI document.

    python reliability/schema.py --inputs 500
    pip install schemathesis==4.32.5 && python reliability/schema.py --schemathesis

Hypothesis generates valid and invalid requests from the server's OpenAPI document. With `--schemathesis`,
Schemathesis does the same with all its checks (it is not among the dependencies, because it needs a dozen
packages). A schema cannot say that a file must be a picture: 422 is correct for any other file.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
from asking import Answer, ask, form, head, post
from good_requests import jpeg, photo, png
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as some
from jsonschema import Draft202012Validator
from served import Server

OPTIONS = ("--model", "cdtnet-sim", "--workers", "1", "--max-bytes", "300000", "--max-pixels", "50000")
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 422]
"""

Schema = dict[str, Any]


def main() -> int:
    """Print the answers; return 1 if any was not as described."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--inputs", type=int, default=500, help="requests (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--schemathesis", action="store_true", help="use Schemathesis: pip install schemathesis==4.32.5"
    )
    arguments = parser.parse_args()
    server = Server(*OPTIONS)
    try:
        if arguments.schemathesis:
            return by_schemathesis(server.port, arguments.inputs, arguments.seed)
        counts = by_hypothesis(server.port, arguments.inputs, arguments.seed)
    finally:
        server.kill()
    print("| address | answers |\n|---|---|")
    for address in sorted({address for address, _ in counts}):
        statuses = ((n, status) for (other, status), n in counts.items() if other == address)
        print(
            f"| {address} | {', '.join(f'{status} × {n}' for n, status in sorted(statuses, reverse=True))} |"
        )
    return 0


def by_hypothesis(port: int, inputs: int, seed: int) -> Counter[tuple[str, int]]:
    """Send requests generated from the description.

    Args:
        port: The port of the server.
        inputs: The number of requests.
        seed: The seed of the requests.

    Returns:
        Number of answers by address and status.

    Raises:
        AssertionError: An answer was not as described, or a request was wrongly refused or accepted.
    """
    description = describe(port)
    counts = Counter[tuple[str, int]]()

    @seeded(seed)
    @settings(
        max_examples=inputs,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(requests(description))
    def check(request: tuple[str, bytes, bool]) -> None:
        address, data, sound = request
        answer = ask(port, [data], method=address.partition(" ")[0])
        counts[address, answer.status] += 1
        assert is_described(description, address, answer), (address, answer)
        assert sound == (answer.status in (200, 422)), (address, answer)

    check()
    return counts


def describe(port: int) -> Schema:
    """Return the server's OpenAPI document."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json") as answer:
        return json.load(answer)


def requests(description: Schema) -> some.SearchStrategy[tuple[str, bytes, bool]]:
    """Return a strategy for method and address, the whole request, and whether the description admits it."""
    paths = description["paths"]
    fields = paths["/v1/harmonize"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    values = {name: s for name, s in fields["properties"].items() if s.get("format") != "binary"}
    query = {item["name"]: item["schema"] for item in paths["/v1/harmonize/alpha"]["post"]["parameters"]}
    plain = [f"GET {path}" for path, operations in paths.items() if "get" in operations]
    return some.one_of(
        some.sampled_from(plain).map(lambda address: (address, head(address[4:], method="GET"), True)),
        some.builds(_form, _files(), _files(), _settings(values), some.booleans()),
        some.builds(
            _alpha, _files(), _settings(query), some.sampled_from(("png", "tiff", "webp", "jpeg", "x"))
        ),
    )


def is_described(description: Schema, address: str, answer: Answer) -> bool:
    """Return whether the description has the answer's status and type, and a JSON body matches its schema."""
    method, path = address.lower().split()
    responses = description["paths"][path][method]["responses"]
    content = responses.get(str(answer.status), {}).get("content", {})
    kind = answer.kind.partition(";")[0]
    if kind not in content:
        return False
    schema = {**description, **content[kind]["schema"]}
    return kind != "application/json" or Draft202012Validator(schema).is_valid(json.loads(answer.body))


def by_schemathesis(port: int, inputs: int, seed: int) -> int:
    """Run Schemathesis, which prints its findings, and return its exit code."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "schemathesis.toml"
        config.write_text(CONFIG)
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"]
        command += [f"http://127.0.0.1:{port}/openapi.json", "--checks", "all", "--seed", str(seed)]
        command += ["--max-examples", str(inputs), "--generation-database", "none"]
        return subprocess.run(command, check=False).returncode


def _files() -> some.SearchStrategy[bytes]:
    pixels, mask = photo(64)
    sound = some.sampled_from((jpeg(pixels), png(mask), png(np.dstack((pixels, mask)))))
    return some.one_of(
        sound, sound, some.binary(max_size=300), sound.map(lambda data: data[: len(data) // 2])
    )


Given = dict[str, tuple[str, bool]]


def _settings(schemas: dict[str, Schema]) -> some.SearchStrategy[Given]:
    """Return a strategy for texts of some of the settings, and whether each is admitted."""
    pairs = [
        some.fixed_dictionaries({}, optional={name: make(schema) for name, schema in schemas.items()})
        for make in (_admitted, _setting)
    ]
    return some.one_of(pairs)


def _admitted(schema: Schema) -> some.SearchStrategy[tuple[str, bool]]:
    makers: dict[str, Callable[[], some.SearchStrategy[Any]]] = {
        "string": lambda: some.sampled_from(schema["enum"]),
        "boolean": some.booleans,
        "integer": lambda: some.integers(schema["minimum"], schema["maximum"]),
        "number": lambda: some.floats(schema["minimum"], schema["maximum"]),
    }
    as_text = str if schema["type"] == "string" else json.dumps
    return makers[schema["type"]]().map(lambda value: (as_text(value), True))


def _setting(schema: Schema) -> some.SearchStrategy[tuple[str, bool]]:
    is_text = schema["type"] == "string"
    anything = some.one_of(
        some.text(some.characters(exclude_categories=["Cs"]), max_size=30),
        some.floats().map(str),
        some.integers().map(str),
    )
    validator = Draft202012Validator(schema)

    def judge(text: str) -> tuple[str, bool]:
        try:
            value = text if is_text else json.loads(text)
        except ValueError:
            return text, False
        whole = schema["type"] != "integer" or isinstance(value, int)  # 1.0 is not an integer here
        return text, whole and validator.is_valid(value)

    return some.one_of(_admitted(schema), anything.map(judge))


def _form(composite: bytes, mask: bytes, given: Given, complete: bool) -> tuple[str, bytes, bool]:
    texts = {name: text for name, (text, _) in given.items()}
    body, kind = form(composite, mask if complete else None, **texts)
    return "POST /v1/harmonize", post("/v1/harmonize", body, kind), complete and _sound(given)


def _alpha(data: bytes, given: Given, kind: str) -> tuple[str, bytes, bool]:
    query = urlencode({name: text for name, (text, _) in given.items()})
    request = post(f"/v1/harmonize/alpha?{query}", data, f"image/{kind}")
    return "POST /v1/harmonize/alpha", request, kind in ("png", "tiff", "webp") and _sound(given)


def _sound(given: Given) -> bool:
    return all(admitted for _, admitted in given.values())


if __name__ == "__main__":
    sys.exit(main())
