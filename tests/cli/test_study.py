"""A running study: a real server process, with direct requests and in a real browser."""

import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from cdtnet.cli.main import main
from cdtnet.study.answers import AnswerFile, read_answers
from cdtnet.study.design import Design
from tests.processes import PATIENCE, Served
from tests.study.test_answers import answer

pytestmark = pytest.mark.slow

METHODS = {"Reddish": (200, 40, 40), "Greenish": (40, 200, 40), "Bluish": (40, 40, 200)}
STEMS = ("harbor", "meadow")


class Server(Served):
    """`cdtnet study serve` as a process of its own; start() after kill() uses the same port."""

    def __init__(self, root):
        super().__init__()
        self.root, self.answers = root, root / "answers.jsonl"

    def start(self):
        folders = [f"{method}={self.root / method}" for method in METHODS]
        extras = ["--composites", self.root / "composites", "--masks", self.root / "masks"]
        command = ["study", "serve", "--pictures", *folders, *extras, "--answers", self.answers]
        temporary = {**os.environ, "TMPDIR": str(self.root)}  # what a kill leaves goes with the test's folder
        self.begin(*command, "--repeat-share", "0.34", env=temporary)

    def request(self, method, path, body=None, **headers):
        if isinstance(body, dict):
            body, headers = json.dumps(body), {"Content-Type": "application/json", **headers}
        return self.send(method, path, body, headers)

    def call(self, method, path, body=None):
        """Return the JSON of a successful request."""
        response, data = self.request(method, path, body)
        assert response.status < 300, data
        return json.loads(data) if data else None


def make_pictures(root):
    for folder, color in {**METHODS, "composites": (120, 120, 120), "masks": (255, 255, 255)}.items():
        (root / folder).mkdir()
        for stem in STEMS:
            picture = Image.new("RGB", (90, 60), color)
            if folder == "masks":
                picture.paste("black", (45, 0, 90, 60))
            picture.save(root / folder / f"{stem}.png")
    return root


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for all tests that do not depend on other participants."""
    with Server(make_pictures(tmp_path_factory.mktemp("study"))) as server:
        yield server


@pytest.fixture
def fresh_server(tmp_path):
    with Server(make_pictures(tmp_path)) as server:
        yield server


def answers_of(server, name):
    return [answer for answer in read_answers(server.answers).answers.values() if answer.participant == name]


def name_in(page):
    return page.url.partition("#")[2]


def seen(page, side):
    """Return the method whose result is on the screen."""
    shot = Image.open(io.BytesIO(page.locator(f"#{side} .frame").screenshot()))
    color = np.asarray(shot)[shot.height // 2, shot.width // 2, :3].astype(int)
    distance = {method: np.abs(color - own).max() for method, own in METHODS.items()}
    method = min(distance, key=distance.get)
    assert distance[method] < 12, color
    return method


def grays(page):
    """Return the green values of the left picture's left and right half."""
    shot = Image.open(io.BytesIO(page.locator("#left .frame").screenshot()))
    return [shot.getpixel((shot.width * part // 4, shot.height // 2))[1] for part in (1, 3)]


def wait_for(page, number):
    """Wait until a question (from 1) can be answered."""
    page.locator("#place", has_text=f"{number} of 8").wait_for()
    page.locator("#pair:not(.waiting) #right .result").wait_for()
    page.wait_for_timeout(350)


def test_a_participant_in_the_browser(fresh_server, page, page_errors, capsys):
    server = fresh_server
    page.set_viewport_size({"width": 800, "height": 500})
    page.goto(server.url)
    page.get_by_role("button", name="Start").click()
    shown = []
    wait_for(page, 1)
    shown.append((seen(page, "left"), seen(page, "right")))
    page.get_by_role("button", name="Left").click()
    wait_for(page, 2)
    shown.append((seen(page, "left"), seen(page, "right")))
    page.keyboard.press("ArrowRight")
    wait_for(page, 3)
    shown.append((seen(page, "left"), seen(page, "right")))
    page.keyboard.press("=")
    wait_for(page, 4)
    assert page_errors == []
    page.reload()
    wait_for(page, 4)
    shown.append((seen(page, "left"), seen(page, "right")))

    server.kill()
    page.keyboard.press("ArrowLeft")
    page.get_by_role("alert").get_by_text("cannot be reached").wait_for()
    assert len(read_answers(server.answers).answers) == 3
    server.start()
    wait_for(page, 5)
    page.get_by_role("button", name="Back").click()
    wait_for(page, 4)
    assert (seen(page, "left"), seen(page, "right")) == shown[3]
    assert page.get_by_role("button", name="Left").get_attribute("aria-pressed") == "true"
    assert page.get_by_role("button", name="Back").is_disabled()
    page.get_by_role("button", name="Right").click()
    for number in range(5, 9):
        wait_for(page, number)
        shown.append((seen(page, "left"), seen(page, "right")))
        page.keyboard.press("ArrowLeft")
    page.get_by_role("heading", name="Thank you!").wait_for()

    stored = list(read_answers(server.answers).answers.values())
    assert [(answer.left, answer.right) for answer in stored] == shown
    assert [answer.choice for answer in stored] == ["left", "right", "same", "right", *["left"] * 4]
    assert [answer.repeat for answer in stored].count(True) == 2
    assert all(answer.seconds > 0 for answer in stored)
    capsys.readouterr()
    assert main(["study", "score", str(server.answers)]) == 0
    assert "1 participant, 6 answers" in capsys.readouterr().out
    server.process.terminate()
    _, said = server.process.communicate(timeout=PATIENCE)
    assert server.process.returncode == 0
    assert said == f"8 questions per participant, answers in {server.answers}; Ctrl-C stops.\n"


def test_nothing_tells_the_participant_who_made_what(server, page):
    bodies = []
    page.on("response", lambda response: bodies.append(response))
    page.goto(server.url)
    page.get_by_role("button", name="Start").click()
    wait_for(page, 1)
    page.keyboard.press("ArrowLeft")
    wait_for(page, 2)
    told = page.content() + page.url
    for response in bodies:
        told += response.url + str(response.all_headers())
        if "image/jpeg" not in response.headers.get("content-type", "") and response.status == 200:
            told += response.text()
    assert "pictures/0/left" in told
    for secret in (*METHODS, *STEMS, str(server.root)):
        assert secret not in told
    assert "last-modified" not in bodies[-1].headers


def test_looking_closer_and_at_what_was_pasted(server, page):
    page.goto(server.url)
    page.get_by_role("button", name="Start").click()
    wait_for(page, 1)
    widths = lambda: page.evaluate(  # noqa: E731
        "[...document.querySelectorAll('.result')].map((image) => image.getBoundingClientRect().width)"
    )
    before = widths()
    box = page.locator("#left .frame").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    assert widths() == pytest.approx([3 * width for width in before])
    page.mouse.up()
    assert widths() == pytest.approx(before)
    page.keyboard.press("z")
    page.keyboard.press("Shift+ArrowRight")
    assert widths() == pytest.approx([3 * width for width in before])
    page.keyboard.press("z")
    page.get_by_role("button", name="Before").click()
    assert grays(page) == pytest.approx([120, 120], abs=3)
    page.get_by_role("button", name="Object").click()
    assert grays(page) == pytest.approx([120, 36], abs=3)
    page.get_by_role("button", name="Object").click()
    assert seen(page, "left") in METHODS
    assert answers_of(server, name_in(page)) == []


def test_a_phone_shows_all_at_once(server, browser):
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(server.url)
    page.get_by_role("button", name="Start").tap()
    wait_for(page, 1)
    left, right = (page.locator(f"#{side} .frame").bounding_box() for side in ("left", "right"))
    assert left["x"] == right["x"]
    assert left["y"] + left["height"] < right["y"]
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [
        360,
        740,
    ]
    for button in page.get_by_role("button").all():
        place = button.bounding_box()
        assert place["height"] >= 40
        assert place["x"] >= 0
        assert place["x"] + place["width"] <= 360
    page.get_by_role("button", name="This one").last.tap()
    wait_for(page, 2)
    assert [answer.choice for answer in answers_of(server, name_in(page))] == ["right"]
    context.close()


def test_a_stranger_is_told_and_can_start_anew(server, page):
    page.goto(server.url + "#nobody")
    page.get_by_text("This study has no such participant").wait_for()
    assert page.locator(".frame:visible").count() == 0
    page.get_by_role("button", name="Start again").click()
    page.get_by_role("button", name="Start", exact=True).click()
    wait_for(page, 1)
    assert name_in(page) in read_answers(server.answers).participants


def test_many_participants_at_once(server):
    def take_part(person):
        name = server.call("POST", "/api/participants", {})["participant"]
        for question in range(8):
            choice = ("left", "right", "same")[(person + question) % 3]
            server.call(
                "PUT", f"/api/participants/{name}/answers/{question}", {"choice": choice, "seconds": 1}
            )
        assert len(server.call("GET", f"/api/participants/{name}")["choices"]) == 8
        return name

    with ThreadPoolExecutor(6) as pool:
        names = set(pool.map(take_part, range(12)))
    record = read_answers(server.answers)
    assert len(names) == 12
    assert names <= record.participants.keys()
    assert sorted(record.participants.values()) == list(range(len(record.participants)))
    assert all(len(answers_of(server, name)) == 8 for name in names)


def test_only_what_is_meant_to_be_asked_is_answered(server):
    name = server.call("POST", "/api/participants", {})["participant"]
    one = f"/api/participants/{name}"
    refused = {
        404: [
            ("GET", "/../../etc/passwd"),
            ("GET", "/..%2f..%2fetc/passwd"),
            ("GET", "/server.py"),
            ("GET", "/api/participants/nobody"),
            ("GET", f"{one}/pictures/99/left"),
            ("GET", f"{one}/pictures/{'9' * 5000}/left"),
            ("GET", f"{one}/pictures/0/..%2fmask"),
            ("GET", f"{one}/pictures/0/Reddish"),
        ],
        405: [("POST", "/"), ("GET", f"{one}/answers/0"), ("DELETE", one)],
    }
    for status, requests in refused.items():
        for method, path in requests:
            assert server.request(method, path)[0].status == status, path
    answers = f"{one}/answers/0"
    bodies = {
        400: ["", "[]", "{", b"\xff", "[" * 9000],
        413: ["{" + " " * 20000 + "}"],
        422: [
            "{}",
            '{"choice": "up", "seconds": 1}',
            '{"choice": "left", "seconds": -1}',
            '{"choice": "left", "seconds": NaN}',
            '{"choice": ["left"], "seconds": 1}',
        ],
    }
    for status, texts in bodies.items():
        for text in texts:
            response, _ = server.request("PUT", answers, text, **{"Content-Type": "application/json"})
            assert response.status == status, text
    assert server.request("PUT", answers, "{}", **{"Content-Type": "text/plain"})[0].status == 415
    assert server.request("PUT", f"{one}/answers/3", {"choice": "left", "seconds": 1})[0].status == 409
    assert answers_of(server, name) == []


@pytest.mark.parametrize(
    ("host", "status"), [("localhost:1", 200), ("127.0.0.1", 200), ("evil.example", 403), ("", 403)]
)
def test_another_name_is_refused(server, host, status):
    """Requests may come from a page of another site whose name resolves to this machine."""
    assert server.request("GET", "/api/study", Host=host)[0].status == status


def test_headers(server):
    page, _ = server.request("GET", "/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "server" not in page.headers
    study, _ = server.request("GET", "/api/study")
    assert study.headers["cache-control"] == "no-store"
    missing, _ = server.request("GET", "/none")
    assert "content-security-policy" in missing.headers


def test_a_port_in_use_is_explained(server, capsys):
    folders = [f"{method}={server.root / method}" for method in METHODS]
    other = server.root / "other.jsonl"
    arguments = [
        "study",
        "serve",
        "--pictures",
        *folders,
        "--answers",
        str(other),
        "--port",
        str(server.port),
    ]
    assert main(arguments) == 1
    assert "choose another with --port" in capsys.readouterr().err
    assert not other.exists()


def test_mistakes_are_explained(tmp_path, capsys):
    (tmp_path / "A").mkdir()
    twice = [f"A={tmp_path / 'A'}", f"A={tmp_path / 'A'}"]
    assert main(["study", "serve", "--pictures", *twice, "--answers", str(tmp_path / "a.jsonl")]) == 1
    assert "same name" in capsys.readouterr().err
    assert main(["study", "score", str(tmp_path / "a.jsonl")]) == 1
    assert "does not exist" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["study", "serve", "--pictures", "A", "--answers", "a.jsonl"])
    assert "not METHOD=FOLDER" in capsys.readouterr().err


def test_without_the_extra_a_sentence_says_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['starlette'] = None\n"
        "from cdtnet.cli.main import main\nsys.exit(main(sys.argv[1:]))"
    )
    arguments = ["study", "serve", "--pictures", "A=a", "B=b", "--answers", "a.jsonl"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "pip install 'cdtnet[study]'" in done.stderr


def test_score_writes_what_is_asked_for(tmp_path, capsys):
    file = AnswerFile(tmp_path / "answers.jsonl")
    file.append("study", Design(("A", "B", "C"), ("p",), 3, 0.0, 5))
    file.append("answer", answer(0))
    file.close()
    files = ["--json", str(tmp_path / "scores.json"), "--plot", str(tmp_path / "scores.svg")]
    assert main(["study", "score", str(tmp_path / "answers.jsonl"), *files]) == 0
    printed = capsys.readouterr()
    assert "Bradley–Terry scores" in printed.out
    assert "never compared" in printed.err
    assert json.loads((tmp_path / "scores.json").read_text())["answers"] == 1
    assert (tmp_path / "scores.svg").stat().st_size > 1000
