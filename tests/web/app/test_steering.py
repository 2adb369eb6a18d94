"""Controls of a result on the page, in a real browser: the view equals the download."""

import base64
import json

import numpy as np
import pytest

import cdtnet
from cdtnet.imaging import read_picture
from tests.web.app.page import download, drop, harmonize
from tests.web.app.process import cut_out, disc, encoded, image, photo

SOFT = {"strength": 0.8, "tone": 0.5, "color": 0.9}
FULL = {"tone": 0.7, "brightness": 12, "contrast": -15, "warmth": 30, "tint": -10, "saturation": -25}

DIVIDER = 30  # columns at the left that it covers


@pytest.mark.parametrize(
    "controls", [SOFT, FULL, {"keep_hue": True, "contrast": -5}], ids=["soft", "full", "hue"]
)
def test_a_composite_is_steered(bench, controls):
    composite, mask = photo(240, 180), disc(240, 180)
    bench.get_by_role("radio", name="Open a composite").check()
    drop(bench, "composite", ("a.png", encoded(composite)), ("m.png", encoded(mask)))
    harmonize(bench)
    plain = image(download(bench, "picture")[1])
    shown = steered(bench, controls, plain)
    made = image(download(bench, "picture")[1])
    expected = cdtnet.Harmonizer("cdtnet-sim")(composite, mask, **controls).image
    assert np.array_equal(made, expected)
    assert np.abs(shown - made)[:, DIVIDER:].max() <= 1
    assert np.abs(plain.astype(int) - made).max() > 5
    settings = json.loads(download(bench, "settings")[1])
    assert {name: settings[name] for name in controls} == controls
    bench.get_by_role("button", name="Reset").click()
    assert np.array_equal(image(download(bench, "picture")[1]), plain)


def test_a_placed_cut_out_is_steered_at_its_soft_edges_too(bench):
    background = encoded(photo(240, 180))
    drop(bench, "background", ("a.png", background), ("b.png", cut_out(120, 90)))
    bench.get_by_label("Rotation").fill("20")
    bench.get_by_role("button", name="Flip").click()
    harmonize(bench)
    plain = image(download(bench, "picture")[1])
    shown = steered(bench, FULL, plain)
    made = image(download(bench, "picture")[1])
    assert np.abs(shown - made)[:, DIVIDER:].max() <= 1
    settings = json.loads(download(bench, "settings")[1])
    assert settings["flip"] is True
    placement = {name: settings[name] for name in ("at", "scale", "rotate", "flip")}
    pasted = cdtnet.compose(read_picture(cut_out(120, 90)), read_picture(background), **placement)
    again = cdtnet.Harmonizer("cdtnet-sim")(pasted.composite, pasted.mask, layer=pasted.layer, **FULL)
    assert np.array_equal(made, again.image.pixels)


def test_another_format_and_quality(bench):
    bench.get_by_role("radio", name="Open a composite").check()
    drop(bench, "composite", ("a.png", encoded(photo(200, 150))), ("m.png", encoded(disc(200, 150))))
    harmonize(bench)
    assert bench.get_by_label("Quality").is_disabled()
    bench.get_by_label("Format").select_option(".jpg")
    sizes = []
    for quality in ("95", "40"):
        bench.get_by_label("Quality").fill(quality)
        name, data = download(bench, "picture")
        assert name == "a_harmonized.jpg"
        sizes.append(len(data))
    assert sizes[1] < sizes[0]


def steered(page, controls, plain):
    """Return the result (H, W, 3) on the page at 100 % with the controls; `plain` is the one before."""
    page.get_by_role("button", name="Zoom to 100 %").click()
    page.get_by_role("slider", name="Divider").fill("0")
    page.locator("#controls details").evaluate("(details) => { details.open = true; }")
    assert np.abs(pixels(page, *plain.shape[:2]) - plain)[:, DIVIDER:].max() <= 1
    for name, value in controls.items():
        control = page.locator(f'[data-control="{name}"]')
        if value is True:
            control.check()
        else:
            control.fill(str(value))
    return pixels(page, *plain.shape[:2])


def pixels(page, height, width):
    """Return the visible pixels of a picture at 100 %, with the divider at its left edge."""
    page.mouse.move(5, 5)
    page.get_by_role("heading", name="Result").click()
    page.wait_for_timeout(300)
    script = """([width, height]) => {
      const canvas = document.querySelector("#canvas");
      const [x, y] = [Math.round((canvas.width - width) / 2), Math.round((canvas.height - height) / 2)];
      const part = Object.assign(document.createElement("canvas"), { width, height });
      part.getContext("2d").drawImage(canvas, -x, -y);
      return part.toDataURL("image/png").split(",")[1];
    }"""
    data = base64.b64decode(page.evaluate(script, [width, height]))
    return image(data)[..., :3].astype(int)
