"""Command line, Python, server and page read the same files, and refuse others with the same messages."""

import http.client
import json

import numpy as np
import pytest
from PIL import Image

from cdtnet import Harmonizer
from cdtnet.cli.main import main
from cdtnet.errors import CdtnetError
from cdtnet.web.api.server import make_app as make_api
from cdtnet.web.app.server import make_app as make_page
from cdtnet.web.app.work import Models
from cdtnet.web.limits import Limits
from cdtnet.web.queue import WorkQueue
from tests.kinds import READ, REFUSED
from tests.processes import PATIENCE
from tests.web.client import Client, running

MASK = np.pad(np.full((12, 12), 255, np.uint8), ((10, 10), (18, 18)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files, a mask, and a picture to be pasted."""
    for needed in ("pillow_heif", "pylibjxl", "OpenImageIO", "OpenEXR"):
        pytest.importorskip(needed)
    folder = tmp_path_factory.mktemp("kinds")
    Image.fromarray(MASK).save(folder / "mask.png")
    Image.fromarray(np.dstack([MASK] * 4)[8:24, 16:32]).save(folder / "cut.png")
    for name, make in READ.items():
        (folder / name).write_bytes(make())
    for name, (make, _) in REFUSED.items():
        (folder / name).write_bytes(make())
    return folder


@pytest.fixture(scope="module")
def harmonizer(weights):
    return Harmonizer(weights, "cpu")


@pytest.fixture(scope="module")
def api(harmonizer):
    queue = WorkQueue(workers=1, waiting=1)
    with running(make_api({"any": harmonizer}, queue, Limits())) as (port, _):
        yield Client(port)
    queue.close()


@pytest.fixture(scope="module")
def page():
    """Return a function from the bytes of a background to the status and response."""
    with running(make_page(Models("cdtnet-256", {}))) as (port, _):

        def ask(method, path, body=None):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            connection.request(method, path, body)
            response = connection.getresponse()
            answer = response.status, json.loads(response.read())
            connection.close()
            return answer

        session = ask("POST", "/api/sessions")[1]["session"]
        yield lambda data: ask("PUT", f"/api/sessions/{session}/uploads/background", data)


@pytest.fixture
def faces(folder, harmonizer, api, page, weights, capsys):
    """Return for each front end a function from a file's name to the message of its refusal, or None."""

    def command(*words):
        code = main([*words, "-o", str(folder / "result.tif"), "--overwrite"])
        said = capsys.readouterr().err
        return said.rpartition("cdtnet: ")[2].strip() if code else None

    def python(source):
        try:
            harmonizer(source, MASK)
        except CdtnetError as error:
            return str(error)
        return None

    def server(name):
        answer = api.harmonize((folder / name).read_bytes(), (folder / "mask.png").read_bytes())
        return None if answer.status == 200 else answer.error

    def background(name):
        status, answer = page((folder / name).read_bytes())
        return None if status == 201 else answer["error"]

    cut, mask = str(folder / "cut.png"), str(folder / "mask.png")
    return {
        "harmonize": lambda name: command("harmonize", str(folder / name), mask, "--model", weights),
        "compose": lambda name: command("compose", cut, str(folder / name), "--no-harmonize"),
        "a path": lambda name: python(folder / name),
        "bytes": lambda name: python((folder / name).read_bytes()),
        "server": server,
        "page": background,
    }


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", READ)
def test_all_faces_read(faces, name):
    assert {face: take(name) for face, take in faces.items()} == dict.fromkeys(faces)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", REFUSED)
def test_all_faces_refuse(faces, name):
    words = REFUSED[name][1]
    for face, take in faces.items():
        sentence = take(name)
        assert sentence is not None, face
        assert words in sentence, face
        assert sentence.endswith("."), face
