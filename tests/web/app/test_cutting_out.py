"""Cutting objects out of ordinary photos by rembg on the page, in a real browser."""

from contextlib import ExitStack

import numpy as np
import pytest

import cdtnet
from cdtnet.imaging import cutting
from tests.imaging.finder import red_square, write_finder
from tests.web.app.page import download, drop, harmonize, said
from tests.web.app.process import AppProcess, encoded, image, photo

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The folder of rembg's weights, which is empty."""
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    cutting.load_finder.cache_clear()
    yield tmp_path
    cutting.load_finder.cache_clear()


@pytest.fixture
def start():
    """Start the app with options."""
    with ExitStack() as running:
        yield lambda *options: running.enter_context(AppProcess(*options))


def test_the_object_of_a_photo_is_cut_out_and_placed(home, start, page, page_errors):
    finder = write_finder(home)
    page.goto(start("--cut-out", finder).url)
    scene = photo(240, 180)
    drop(page, "background", ("scene.png", encoded(scene)))
    give_photo(page)
    page.get_by_role("dialog").get_by_role("button", name="Cut out the object").press("Enter")
    said(page, "red (cut out): 160 × 120, 8 bit, PNG")
    harmonize(page)
    cut = cdtnet.cut_out(red_square(), finder=finder)
    made = cdtnet.compose(cut, scene)
    expected = cdtnet.Harmonizer("cdtnet-sim")(made.composite, made.mask, layer=made.layer)
    assert np.array_equal(image(download(page, "picture")[1]), expected.image.pixels)
    assert np.array_equal(image(download(page, "mask")[1]), made.mask)
    assert [error for error in page_errors if "422" not in error] == []


def test_weights_that_are_not_there_are_not_downloaded_but_a_command_is_named(home, start, page):
    pytest.importorskip("rembg", reason="rembg is not installed (the extra cut-out)")
    page.goto(start().url)
    give_photo(page)
    page.get_by_role("dialog").get_by_role("button", name="Cut out the object").click()
    page.get_by_role("alert").get_by_text("start the page with: cdtnet app --cut-out").wait_for()
    assert list(home.iterdir()) == []


def give_photo(page):
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose cut-out").click()
    chooser.value.set_files({"name": "red.png", "mimeType": "", "buffer": encoded(red_square())})
