"""`cdtnet serve` as a process of its own: its responses."""

import io
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from cdtnet.cli.main import main
from cdtnet.imaging import Picture, encode_picture
from cdtnet.inference.harmonizer import Harmonizer
from tests.web.api.process import HEIGHT, MASK, PHOTO, PICTURES, WIDTH, encoded, noise, plane
from tests.web.little import little_to_change

pytestmark = pytest.mark.slow


@pytest.fixture
def pair(tmp_path):
    """A folder with mask.png and a photo in each format."""
    (tmp_path / "mask.png").write_bytes(MASK)
    for suffix, content in PICTURES.items():
        (tmp_path / f"photo.{suffix}").write_bytes(content)
    return tmp_path


@pytest.mark.parametrize("suffix", PICTURES)
def test_the_answer_is_the_file_that_the_command_line_writes(client, weights, pair, suffix):
    paths = [str(pair / name) for name in (f"photo.{suffix}", "mask.png", f"out.{suffix}")]
    settings = ["--model", weights, "--strength", "0.8", "--quality", "80"]
    settings += ["--tone", "0.6", "--keep-hue", "--brightness=-7", "--tint", "4"]
    steering = {"strength": 0.8, "tone": 0.6, "keep_hue": "true", "brightness": -7, "tint": 4}
    assert main(["harmonize", *paths[:2], "-o", paths[2], "--device", "cpu", *settings]) == 0
    answer = client.harmonize(PICTURES[suffix], MASK, quality=80, **steering)
    assert answer.status == 200
    assert answer.body == (pair / f"out.{suffix}").read_bytes()
    kind = {"jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix)
    assert answer.headers["Content-Type"] == f"image/{kind}"
    assert answer.headers["Server-Timing"].count("dur=") == 3
    assert "Cdtnet-Remark" not in answer.headers


def test_another_format(client):
    answer = client.harmonize(PHOTO, MASK, format="webp")
    assert answer.headers["Content-Type"] == "image/webp"
    image = Image.open(io.BytesIO(answer.body))
    same = Image.open(io.BytesIO(client.harmonize(PHOTO, MASK).body))
    assert np.array_equal(np.asarray(image), np.asarray(same))


def test_one_picture_whose_alpha_is_the_mask(client):
    both = encoded(np.dstack([noise(), plane()]), "PNG")
    answer = client.request("POST", "/v1/harmonize/alpha?strength=0.9", both, Content_Type="image/png")
    assert answer.status == 200
    assert answer.body == client.harmonize(PHOTO, MASK, strength=0.9).body


def test_the_table_is_the_one_that_the_command_line_writes(client, pair, weights):
    settings = ["--model", weights, "--strength", "0.5", "--contrast", "9", "--device", "cpu"]
    paths = [str(pair / name) for name in ("photo.tif", "mask.png", "look.cube")]
    assert main(["lut", *paths[:2], "-o", paths[2], *settings]) == 0
    answer = client.harmonize(PICTURES["tif"], MASK, accept="application/json", strength=0.5, contrast=9)
    assert answer.json["cube"] == (pair / "look.cube").read_text()
    assert answer.json["remark"] is None
    assert set(answer.json["seconds"]) == {"decode", "harmonize"}


def test_a_fitted_table_is_the_one_that_the_command_line_writes(client, pair, weights):
    paths = [str(pair / name) for name in ("photo.tif", "mask.png", "look.cube")]
    assert main(["lut", *paths[:2], "-o", paths[2], "--model", weights, "--fit", "--device", "cpu"]) == 0
    answer = client.harmonize(PICTURES["tif"], MASK, accept="application/json", fit="true")
    assert answer.json["cube"] == (pair / "look.cube").read_text()
    assert answer.json["cube"].startswith("# Fitted")
    refused = client.harmonize(PICTURES["tif"], MASK, fit="true")
    assert (refused.status, "request the table with Accept" in refused.error) == (422, True)


def test_another_model(client):
    photo = np.where(plane()[..., None] > 0, noise() // 3, noise())
    answer = client.harmonize(encoded(photo, "PNG"), MASK, model="is2am", accept="application/json")
    assert answer.json["cube"] is None
    expected = Harmonizer("is2am", "cpu")(photo, plane()).image
    answer = client.harmonize(encoded(photo, "PNG"), MASK, model="is2am")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(answer.body))), expected)


def test_what_is_odd_about_a_mask_is_said(client):
    black = encoded(np.zeros((HEIGHT, WIDTH), np.uint8), "PNG")
    answer = client.harmonize(PHOTO, black)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(answer.body))), noise())
    assert "black everywhere" in answer.headers["Cdtnet-Remark"]
    assert "black everywhere" in client.harmonize(PHOTO, black, accept="application/json").json["remark"]


def test_that_little_is_changed_is_said_and_it_can_be_applied_anyway(client):
    composite, mask = little_to_change("is2am")
    files = encoded(composite, "PNG"), encoded(mask, "PNG")
    changes = []
    for anyway in ("false", "true"):
        answer = client.harmonize(*files, model="is2am", apply_anyway=anyway)
        found = np.asarray(Image.open(io.BytesIO(answer.body)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            expected = Harmonizer("is2am", "cpu")(composite, mask, apply_anyway=anyway == "true").image
        assert np.array_equal(found, expected)
        changes.append(np.abs(found.astype(int) - composite).sum())
        said = answer.headers.get("Cdtnet-Remark")
        assert said is None if anyway == "true" else "Little is changed, because" in said
    assert changes[0] < 0.5 * changes[1]


def test_a_mask_of_another_size_only_when_asked_for(client):
    large = encoded(plane().repeat(2, 0).repeat(2, 1), "PNG")
    refused = client.harmonize(PHOTO, large)
    assert refused.status == 422
    assert "120×80" in refused.error
    assert client.harmonize(PHOTO, large, resize_mask="true").status == 200


def test_a_page_and_a_color_space_can_be_asked_for(client):
    stream = io.BytesIO()
    pages = [Image.fromarray(noise()), Image.fromarray(255 - noise())]
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:])
    assert "select one with --page, 1 to 2" in client.harmonize(stream.getvalue(), MASK).error
    answer = client.harmonize(stream.getvalue(), MASK, page="2", strength="0")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(answer.body))), 255 - noise())
    assert client.harmonize(PHOTO, MASK, page="0").status == 400
    plain, linear = (client.harmonize(PHOTO, MASK, color_space=space).body for space in ("srgb", "linear"))
    assert plain != linear


def test_fewer_bits_than_the_picture_has_are_said(client):
    deep = noise().astype(np.uint16) * 257
    composite = encode_picture(Picture(deep), ".png")
    remark = client.harmonize(composite, MASK, format="avif").headers["Cdtnet-Remark"]
    assert "AVIF holds 12 bits a channel; the picture has 16" in remark


def test_what_was_done_is_counted(client):
    before = client.metrics()
    client.harmonize(PHOTO, MASK)
    client.harmonize(b"", MASK)
    client.get("/some/where")
    client.get("/else/where")
    after = client.metrics()

    def grown(*sample):
        return after[sample] - before.get(sample, 0)

    assert grown("cdtnet_requests_total", "/v1/harmonize", "200") == 1
    assert grown("cdtnet_requests_total", "/v1/harmonize", "422") == 1
    assert grown("cdtnet_requests_total", "404", "other") == 2
    assert grown("cdtnet_pixels_total") == HEIGHT * WIDTH
    assert grown("cdtnet_step_seconds_total", "harmonize") > 0
    assert after["cdtnet_jobs_running",] == after["cdtnet_jobs_waiting",] == 0


def test_many_at_once_get_the_right_answers(client):
    """More clients than places, so that some get 429 and retry."""
    strengths = [round(0.1 * k, 1) for k in range(1, 11)]
    expected = {strength: client.harmonize(PHOTO, MASK, strength=strength).body for strength in strengths}
    assert len(set(expected.values())) == len(strengths)

    def ask(strength):
        while (answer := client.harmonize(PHOTO, MASK, strength=strength)).status == 429:
            assert int(answer.headers["Retry-After"]) > 0
        return answer.status, answer.body

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(ask, strengths * 3))
    assert answers == [(200, expected[strength]) for strength in strengths * 3]
    assert client.get("/health").json == {"status": "ready", "running": 0, "waiting": 0}
