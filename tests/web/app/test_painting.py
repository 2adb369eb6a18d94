"""Painting a mask on the page, in a real browser."""

import io

import numpy as np
import pytest
import tifffile

import cdtnet
from cdtnet.imaging import encode_picture, read_picture
from tests.imaging.leaves import off, scene
from tests.web.app.page import canvas, download, drop, harmonize, said, stroke
from tests.web.app.process import disc, encoded, image, photo

pytestmark = pytest.mark.slow


def test_painting_a_mask(bench):
    pixels = photo(800, 600, 2).astype(np.uint16) * 257
    composite = tiff(pixels)
    bench.get_by_role("radio", name="Open a composite").check()
    drop(bench, "composite", ("dusk.tif", composite))
    bench.get_by_label("Snap to edge").uncheck()
    assert bench.get_by_role("button", name="Harmonize", exact=True).is_disabled()
    stroke(bench, (0.3, 0.5), (0.6, 0.5))
    stroke(bench, (0.1, 0.1), (0.2, 0.1))
    bench.get_by_role("button", name="Undo").click()
    bench.get_by_role("radio", name="Erase").check()
    bench.get_by_label("Brush size").fill("0.1")
    stroke(bench, (0.45, 0.3), (0.45, 0.7))
    harmonize(bench)

    mask = image(download(bench, "mask")[1])
    assert mask.shape == (600, 800)
    rows, columns = np.nonzero(mask)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(360, abs=4)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(300, abs=4)
    assert mask[300, 360] == 0
    assert mask[300, 300] == mask[300, 420] == 255
    name, data = download(bench, "picture")
    assert name == "dusk_harmonized.tif"
    expected = cdtnet.Harmonizer("cdtnet-sim")(read_picture(composite), mask)
    assert data == encode_picture(expected.image, ".tif")
    assert np.array_equal(read_picture(data).pixels[mask == 0], pixels[mask == 0])


def test_a_loaded_mask_and_strokes_on_it(bench):
    bench.get_by_role("radio", name="Open a composite").check()
    composite = encoded(photo(400, 300, 4))
    drop(bench, "composite", ("field.png", composite), ("shape.png", encoded(disc(400, 300))))
    bench.get_by_text("Edit the mask").click()
    bench.get_by_label("Color of the mask").fill("#ec1c6e")
    pink = canvas(bench)
    height, width = pink.shape[:2]
    assert pink[height // 2, width // 2, 0] > 120 > pink[height // 2, width // 2, 1]
    stroke(bench, (0.05, 0.05), (0.1, 0.05))
    harmonize(bench)
    mask = image(download(bench, "mask")[1])
    assert mask[15, 30] == 255
    assert np.array_equal(mask[100:], disc(400, 300)[100:])
    bench.get_by_role("radio", name="Edit").check()
    bench.get_by_role("button", name="Remove mask").click()
    bench.get_by_text("Settings were changed").wait_for()
    harmonize(bench)
    assert image(download(bench, "mask")[1])[150, 200] == 0


def test_with_the_keyboard_alone(bench):
    press = bench.keyboard.press

    def tab_to(name):
        for _ in range(30):
            press("Tab")
            focused = bench.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent")
            if focused.strip().startswith(name):
                return
        raise AssertionError(f"{name} cannot be reached")

    bench.on("filechooser", lambda _: None)  # intercepted from now on, not only once the key is on its way
    bench.locator('[name="way"]').first.focus()
    press("ArrowRight")
    tab_to("Composite")
    with bench.expect_file_chooser() as chooser:
        press("Enter")
    chooser.value.set_files({"name": "sea.png", "mimeType": "", "buffer": encoded(photo(400, 300))})
    said(bench, "sea.png: ")
    bench.get_by_label("Snap to edge").uncheck()
    bench.locator('[name="way"]').last.focus()
    tab_to("Picture")
    for _ in range(2):
        press("ArrowRight")
    press("Space")
    for _ in range(3):
        press("ArrowUp")
    press("Space")
    press("ArrowLeft")
    tab_to("Harmonize")
    press("Enter")
    said(bench, "Done.")
    slider = bench.get_by_role("slider", name="Divider between before and after")
    begun = int(slider.input_value())  # at the object
    bench.locator("#hold").focus()
    press("Shift+Tab")
    press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == f"{begun + 1} % before, {99 - begun} % after"
    tab_to("Picture")
    mask = image(download(bench, "mask")[1])
    rows, columns = np.nonzero(mask)
    assert columns.min() > 200
    assert rows.max() - rows.min() > columns.max() - columns.min() + 20


def tiff(pixels):

    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, photometric="rgb")
    return stream.getvalue()


def test_a_rough_mask_is_snapped_to_the_edge(bench):
    picture, mask = scene(300, 400)
    bench.get_by_role("radio", name="Open a composite").check()
    drop(bench, "composite", ("leaf.png", encoded(picture)), ("rough.png", encoded(off(mask, 8))))
    stroke(bench, (0.02, 0.03), (0.03, 0.03))
    bench.get_by_role("button", name="Undo").click()
    bench.get_by_text("Edit the mask").click()
    bench.get_by_role("button", name="Snap now").click()
    said(bench, "The mask is snapped to the edge.")
    bench.get_by_role("button", name="Undo").click()
    assert bench.locator("#files").get_by_text("rough.png").is_visible()
    bench.get_by_role("button", name="Redo").click()
    harmonize(bench)
    assert np.array_equal(image(download(bench, "mask")[1]), cdtnet.snap_mask(picture, off(mask, 8)))


def test_where_there_is_no_edge_the_page_says_so_and_keeps_the_strokes(bench, page_errors):
    bench.get_by_role("radio", name="Open a composite").check()
    drop(bench, "composite", ("flat.png", encoded(np.full((300, 400, 3), 90, np.uint8))))
    stroke(bench, (0.4, 0.5), (0.6, 0.5))
    bench.get_by_text("Edit the mask").click()
    bench.get_by_role("button", name="Snap now").click()
    bench.get_by_role("alert").filter(has_text="left as it is").wait_for()
    assert len(page_errors) == 1
    assert "422" in page_errors.pop()  # which the browser notes, too
    assert bench.get_by_role("button", name="Undo").is_enabled()
    assert bench.get_by_role("button", name="Harmonize", exact=True).is_enabled()


def test_what_is_painted_by_hand_is_snapped_before_harmonizing(bench):
    picture, mask = scene(300, 400)
    bench.get_by_role("radio", name="Open a composite").check()
    drop(bench, "composite", ("leaf.png", encoded(picture)))
    bench.get_by_role("radio", name="Lasso").check()
    stroke(bench, *outline(off(mask, 8)))
    harmonize(bench)
    said(bench, "The mask was snapped to the edge.")
    assert bench.locator("#files").get_by_text("snapped").is_visible()
    snapped = image(download(bench, "mask")[1])
    bench.keyboard.press("Control+z")
    assert bench.locator("#files").get_by_text("none loaded").is_visible()
    bench.get_by_label("Snap to edge").uncheck()
    harmonize(bench)
    painted = image(download(bench, "mask")[1])
    assert overlap(snapped, mask) > overlap(painted, mask) + 0.05


def test_an_outline_is_filled(bench):
    bench.get_by_role("radio", name="Open a composite").check()
    drop(bench, "composite", ("a.png", encoded(photo(400, 300))))
    bench.get_by_label("Snap to edge").uncheck()
    bench.get_by_label("Brush size").fill("0.2")
    stroke(bench, (0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7), (0.3, 0.3))
    bench.get_by_role("radio", name="Fill").check()
    stroke(bench, (0.5, 0.5), (0.5, 0.5))
    harmonize(bench)
    mask = image(download(bench, "mask")[1])
    assert (mask[90:210, 120:280] == 255).all()
    assert (mask[:80] == 0).all()


def outline(mask):
    """Return points around the white part of a mask, in shares of its size: along the top, and back."""
    height, width = mask.shape
    columns = np.flatnonzero(mask.max(0) > 127)[1:-1]
    columns = columns[np.linspace(0, len(columns) - 1, 14).astype(int)]
    rows = [np.flatnonzero(mask[:, column] > 127) for column in columns]
    upper = [(column / width, row[0] / height) for column, row in zip(columns, rows, strict=True)]
    lower = [(column / width, row[-1] / height) for column, row in zip(columns, rows, strict=True)]
    return [*upper, *reversed(lower)]


def overlap(mask, other):
    """Intersection over union."""
    inside, truth = mask > 127, other > 127
    return (inside & truth).sum() / (inside | truth).sum()
