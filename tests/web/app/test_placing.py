"""Placing a cut-out on the page, in a real browser, from dropped files to downloads."""

import json

import numpy as np
import pytest
from PIL import Image

import cdtnet
from cdtnet.imaging import encode_picture, read_picture
from tests.web.app.page import canvas, download, drop, harmonize, said
from tests.web.app.process import cut_out, encoded, image, photo

pytestmark = pytest.mark.slow


def test_placing_a_cut_out(bench):
    background = encoded(photo(900, 600), "JPEG", quality=95, icc_profile=profile())
    drop(bench, "background", ("harbor.jpg", background), ("boat.png", cut_out(200, 120)))
    box = bench.locator("#canvas").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = float(bench.get_by_label("Left").input_value()), float(bench.get_by_label("Top").input_value())
    assert before == (350, 240)
    bench.mouse.move(*middle)
    bench.mouse.down()
    bench.mouse.move(middle[0] + 60, middle[1] - 40, steps=4)
    bench.mouse.up()
    scale = box["width"] / 900
    assert float(bench.get_by_label("Left").input_value()) == pytest.approx(350 + 60 / scale, abs=1.5)
    assert float(bench.get_by_label("Top").input_value()) == pytest.approx(240 - 40 / scale, abs=1.5)
    bench.keyboard.down("Alt")
    bench.mouse.wheel(0, -120)
    bench.keyboard.up("Alt")
    bench.get_by_label("Rotation").fill("-20")
    assert float(bench.get_by_label("Scale").input_value()) > 110
    harmonize(bench)

    name, settings = download(bench, "settings")
    assert name == "harbor_settings.json"
    settings = json.loads(settings)
    assert settings["rotate"] == -20
    shown = [float(bench.locator(f"#{number}").input_value()) for number in ("left", "top", "scale")]
    assert [*settings["at"], 100 * settings["scale"]] == pytest.approx(shown, rel=1e-5)
    placement = {key: settings[key] for key in ("at", "scale", "rotate")}
    made = cdtnet.compose(read_picture(cut_out(200, 120)), read_picture(background), **placement)
    expected = cdtnet.Harmonizer("cdtnet-sim")(made.composite, made.mask, layer=made.layer)
    name, data = download(bench, "picture")
    assert name == "harbor_harmonized.jpg"
    assert data == encode_picture(expected.image, ".jpg")
    assert read_picture(data).metadata.icc == profile()
    name, data = download(bench, "mask")
    assert name == "harbor_mask.png"
    assert np.array_equal(image(data), made.mask)
    name, data = download(bench, "table")
    assert name == "harbor_look.cube"
    assert data.startswith(b"# Fitted to the harmonized foreground: ")
    assert b"\nTITLE" in data


def test_what_the_page_shows_is_what_is_composed(bench):
    background, foreground = encoded(np.full((300, 400, 3), 90, np.uint8)), cut_out(120, 100)
    drop(bench, "foreground", ("object.png", foreground), ("gray.png", background))
    for label, value in (("Left", "40"), ("Top", "150"), ("Scale", "80"), ("Rotation", "30")):
        bench.get_by_label(label).fill(value)
    bench.get_by_label("Model").focus()
    shown = canvas(bench)
    made = cdtnet.compose(
        read_picture(foreground), read_picture(background), at=(40, 150), scale=0.8, rotate=30
    )
    height, width = shown.shape[:2]
    factor = min(width / 400, height / 300)
    left, top = (width - 400 * factor) / 2, (height - 300 * factor) / 2
    for x, y in ((88, 170), (88, 190), (75, 185), (105, 195), (20, 20), (88, 250), (300, 150)):
        at = shown[round(top + (y + 0.5) * factor), round(left + (x + 0.5) * factor)]
        assert at == pytest.approx(made.composite.pixels[y, x].astype(int), abs=8), (x, y)


def test_moving_a_cut_out_by_keys(bench):
    drop(bench, "background", ("a.png", encoded(photo(400, 300))), ("b.png", cut_out(40, 40)))

    def values():
        return [bench.locator(f"#{key}").input_value() for key in ("left", "top", "scale", "rotate")]

    assert values() == ["180", "130", "100", "0"]
    bench.locator("#canvas").focus()
    for key in ("Shift+ArrowLeft", "Shift+ArrowUp", "Shift+ArrowUp", "]", "]", "["):
        bench.keyboard.press(key)
    assert values() == ["179", "128", "100", "1"]
    bench.keyboard.press("b")
    assert values()[2] == "102"
    bench.keyboard.press("ArrowDown")
    assert int(values()[1]) > 128
    zoom = bench.get_by_role("button", name="Zoom to 100 %")
    before = zoom.inner_text()
    bench.locator("#canvas").hover()
    bench.mouse.wheel(0, -120)  # zooms, and leaves the cut-out as it is
    assert zoom.inner_text() != before
    assert values()[2] == "102"


@pytest.mark.parametrize("side", [2400, pytest.param(6000, marks=pytest.mark.nightly)])
def test_a_large_photo(bench, random, tmp_path, side):
    height = side * 2 // 3
    grain = random.normal(0, 6, (height, side, 1)).astype(np.float32)
    pixels = np.clip(photo(side, height) + grain, 0, 255).astype(np.uint8)
    large = tmp_path / "large.jpg"
    Image.fromarray(pixels).save(large, quality=92)
    for button, file in (("Background photo", large), ("Choose cut-out", None)):
        with bench.expect_file_chooser() as chooser:
            bench.get_by_role("button", name=button).click()
        chooser.value.set_files(file or {"name": "small.png", "mimeType": "", "buffer": cut_out(500, 400)})
        said(bench, f"{side} × {height}, 8 bit, JPEG" if file else "small.png: ")
    bench.get_by_label("Left").fill("1200")
    harmonize(bench, "cdtnet-256")
    bench.get_by_role("button", name="Zoom to 100 %").click()
    placement = json.loads(download(bench, "settings")[1])
    made = cdtnet.compose(read_picture(cut_out(500, 400)), read_picture(large), at=placement["at"])
    expected = cdtnet.Harmonizer("cdtnet-256")(made.composite, made.mask, layer=made.layer)
    data = download(bench, "picture")[1]
    assert data == encode_picture(expected.image, ".jpg")


def profile():
    """Make an ICC profile other than sRGB's, as in many photos."""
    import pyvips

    black = pyvips.Image.black(1, 1, bands=3).copy(interpretation="srgb")
    return black.icc_transform("p3", input_profile="srgb").get("icc-profile-data")
