"""Comparison of before and after on the page, in a real browser."""

import time

import numpy as np
import pytest

import cdtnet
from tests.processes import PATIENCE
from tests.web.app.page import canvas, download, drop, harmonize, said, stroke
from tests.web.app.process import disc, encoded, image, photo
from tests.web.little import little_to_change

pytestmark = pytest.mark.slow


def test_comparing_in_full_resolution(bench):
    """At 100 %, the screen shows the exact pixels of the composite and the result."""
    composite = np.random.default_rng(3).integers(60, 196, (900, 2200, 3), dtype=np.uint8)  # finest detail
    composite = np.where(disc(2200, 900)[..., None] > 0, composite // 3, composite)
    bench.get_by_role("radio", name="Open a composite").check()
    drop(bench, "composite", ("noise.png", encoded(composite)), ("mask.png", encoded(disc(2200, 900))))
    harmonize(bench)
    result = image(download(bench, "picture")[1])
    bench.get_by_role("button", name="Zoom to 100 %").click()
    assert bench.get_by_role("button", name="Zoom to 100 %").inner_text() == "100 %"
    slider = bench.get_by_role("slider", name="Divider between before and after")
    slider.focus()
    bench.keyboard.press("End")
    assert slider.get_attribute("aria-valuetext") == "100 % before, 0 % after"
    pan(bench, 3000)
    height, width = canvas(bench).shape[:2]
    wait_for_pixels(bench, composite[:height, :width])
    slider.fill("0")
    wait_for_pixels(bench, result[:height, :width])
    pan(bench, -3000)
    wait_for_pixels(bench, result[-height:, -width:])


def test_that_little_is_changed_is_said_and_it_can_be_applied_anyway(bench):
    composite, mask = little_to_change("cdtnet-sim")
    bench.get_by_role("radio", name="Open a composite").check()
    drop(bench, "composite", ("little.png", encoded(composite)), ("mask.png", encoded(mask)))
    harmonize(bench)
    said(bench, "Done. Little is changed")
    remark = bench.locator("#little .note").inner_text()
    assert remark.startswith("Little is changed, because")
    assert "--" not in remark
    assert "=" not in remark
    little = image(download(bench, "picture")[1])
    bench.get_by_role("button", name="Apply anyway").click()
    said(bench, "Done. Compare")
    assert bench.locator("#little").is_hidden()
    whole = image(download(bench, "picture")[1])
    expected = cdtnet.Harmonizer("cdtnet-sim")(composite, mask, apply_anyway=True).image
    assert np.array_equal(whole, expected)
    change, part = (np.abs(picture.astype(int) - composite).sum() for picture in (whole, little))
    assert part < 0.5 * change


def pan(page, distance):
    """Drag the picture by a distance to the right and down, or as far as possible."""
    box = page.locator("#canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + distance, y + distance)
    page.mouse.up()


def wait_for_pixels(page, expected):
    """Wait until the canvas shows these pixels."""
    end = time.monotonic() + PATIENCE
    while True:
        inner = slice(60, -60)  # without divider, labels, and the frame that marks the focus
        difference = np.abs(canvas(page) - expected)[inner, inner].max()
        if difference <= 1:
            return
        assert time.monotonic() < end, difference


def test_the_divider_is_dragged(bench):
    bench.get_by_role("radio", name="Open a composite").check()
    drop(bench, "composite", ("a.png", encoded(photo(400, 300))), ("m.png", encoded(disc(400, 300))))
    harmonize(bench)
    slider = bench.get_by_role("slider", name="Divider between before and after")
    assert slider.input_value() == "50"
    stroke(bench, (0.5, 0.5), (0.8, 0.5))
    assert slider.input_value() == "80"
    bench.locator("#canvas").focus()
    bench.keyboard.press("ArrowLeft")
    assert slider.input_value() == "78"


def test_the_divider_and_100_percent_begin_at_the_object(bench):
    mask = np.zeros((900, 1800), np.uint8)
    mask[100:200, 1500:1700] = 255
    bench.get_by_role("radio", name="Open a composite").check()
    drop(bench, "composite", ("a.png", encoded(photo(1800, 900))), ("m.png", encoded(mask)))
    harmonize(bench)
    slider = bench.get_by_role("slider", name="Divider between before and after")
    assert slider.input_value() == "89"
    bench.get_by_role("button", name="Zoom to 100 %").click()
    place = int(slider.input_value()) / 100 * bench.locator("#canvas").bounding_box()["width"]
    left = 1800 - bench.locator("#canvas").bounding_box()["width"]  # as far as the view goes
    assert left + place == pytest.approx(1600, abs=15)


def test_the_picture_before_is_shown_as_long_as_one_holds(bench):
    bench.get_by_role("radio", name="Open a composite").check()
    drop(bench, "composite", ("a.png", encoded(photo(400, 300))), ("m.png", encoded(disc(400, 300))))
    bench.get_by_label("Model").select_option("cdtnet-sim")
    harmonize(bench)
    bench.get_by_role("slider", name="Divider").fill("0")
    bench.get_by_role("heading", name="Result").click()
    after = canvas(bench)
    bench.keyboard.down("o")
    before = canvas(bench)
    bench.keyboard.up("o")
    assert np.abs(before - after).max() > 5
    assert np.array_equal(canvas(bench), after)
    box = bench.get_by_role("button", name="Hold: before").bounding_box()
    bench.mouse.move(box["x"] + 9, box["y"] + 9)
    bench.mouse.down()
    assert np.array_equal(canvas(bench), before)
    bench.mouse.up()
    assert np.array_equal(canvas(bench), after)
