"""The page for film in a real browser: drop, harmonize, scrub, compare, download."""

import base64
import io

import av
import numpy as np
import pytest
from PIL import Image

from tests.processes import until
from tests.video.films import composites, mattes, write_film
from tests.web.app.page import DROP, said

pytestmark = pytest.mark.slow

TIMES = "() => [...document.querySelectorAll('video')].map((video) => video.currentTime)"
STILL = (
    "() => [...document.querySelectorAll('video')].every((video) => video.readyState >= 2 && !video.seeking)"
)


@pytest.fixture
def film_page(app, page, page_errors):
    """The open page, which must not report errors."""
    page.goto(f"{app.url}film.html")
    page.get_by_role("option", name="cdtnet-sim").wait_for(state="attached")
    page.get_by_label("Model").select_option("cdtnet-sim")
    yield page
    assert page_errors == []


@pytest.fixture
def files(tmp_path):
    """clip.mp4 and matte.mp4, three seconds."""
    write_film(tmp_path / "clip.mp4", composites(12), codec="libx264", rate=4)
    write_film(tmp_path / "matte.mp4", mattes(12), codec="libx264", rate=4)
    return tmp_path


def drop(page, role, path):
    place = page.locator(f'.drop[data-role="{role}"]')
    content = base64.b64encode(path.read_bytes()).decode()
    page.evaluate(DROP, [place.element_handle(), [[path.name, content]]])
    place.get_by_text(path.name).wait_for()


def harmonize(page, files):
    for role in ("clip", "matte"):
        drop(page, role, files / f"{role}.mp4")
    page.get_by_role("button", name="Harmonize").click()
    said(page, "12 frames in 1 shot.")
    still(page)


def still(page):
    """Wait until both videos show the requested frame."""
    until(lambda: page.evaluate(STILL), pause=0.05)


def shown(page):
    """Return the frame that both videos show, (H,W,3)."""
    still(page)
    page.wait_for_timeout(200)  # until it is drawn
    return np.asarray(Image.open(io.BytesIO(page.locator(".both").screenshot())).convert("RGB")).astype(int)


def set_slider(page, label, value):
    page.get_by_label(label).fill(str(value))


def test_a_clip_and_its_matte_are_harmonized_compared_and_downloaded(film_page, files):
    page = film_page
    assert page.get_by_role("button", name="Harmonize").is_disabled()
    harmonize(page, files)
    set_slider(page, "Compare", 0)
    after = shown(page)
    set_slider(page, "Compare", 100)
    before = shown(page)
    assert np.abs(after - before).max() > 10
    set_slider(page, "Compare", 50)
    both, middle = shown(page), before.shape[1] // 2
    assert np.array_equal(both[:, : middle - 8], before[:, : middle - 8])
    assert np.array_equal(both[:, middle + 8 :], after[:, middle + 8 :])
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download").click()
    assert saved.value.suggested_filename == "harmonized.mp4"
    with av.open(str(saved.value.path())) as container:
        assert len([*container.decode(video=0)]) == 12


def test_both_videos_follow_the_time_slider_and_the_play_button(film_page, files):
    page = film_page
    harmonize(page, files)
    start = shown(page)
    set_slider(page, "Time", 500)
    assert np.abs(shown(page) - start).max() > 10
    assert page.evaluate(TIMES) == pytest.approx([1.5, 1.5], abs=0.01)
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").wait_for()
    until(lambda: min(page.evaluate(TIMES)) > 1.7)
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Play").wait_for()
    still(page)
    one, other = page.evaluate(TIMES)
    assert one == other


def test_a_matte_of_another_length_is_said_and_can_be_replaced(film_page, files):
    page = film_page
    write_film(files / "short.mp4", mattes(5), codec="libx264", rate=4)
    drop(page, "clip", files / "clip.mp4")
    drop(page, "matte", files / "short.mp4")
    page.get_by_role("button", name="Harmonize").click()
    said(page, "has 5 frames")
    assert "/tmp" not in page.get_by_role("status").inner_text()
    assert page.locator("#show").is_hidden()
    harmonize(page, files)
