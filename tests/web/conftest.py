"""Servers and pages that tests share."""

from urllib.parse import urlsplit

import pytest

from tests.web.api.process import serving
from tests.web.app.process import AppProcess
from tests.web.client import Client


@pytest.fixture(scope="session")
def client(weights):
    """The address of a server for all tests that do not depend on other requests."""
    small = ["--max-bytes", "300000", "--max-pixels", "20000"]
    with serving("--model", weights, "--model", "is2am", "--workers", "2", "--queue", "2", *small) as (
        _,
        port,
    ):
        yield Client(port)


@pytest.fixture(scope="module")
def app():
    with AppProcess() as process:
        yield process


@pytest.fixture
def bench(app, page, page_errors):
    """The open page, which must not report errors, nor send requests to other servers."""
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(app.url)
    page.get_by_role("option", name="cdtnet-sim").wait_for(state="attached")
    yield page
    assert page_errors == []
    hosts = {urlsplit(url).netloc for url in requests if not url.startswith("blob:")}
    assert hosts == {f"127.0.0.1:{app.port}"}
