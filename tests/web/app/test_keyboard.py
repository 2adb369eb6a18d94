"""The page by keyboard alone, in a real browser."""

import json

import numpy as np
import pytest

import cdtnet
from cdtnet.imaging import read_picture
from tests.web.app.page import said
from tests.web.app.process import cut_out, encoded, image, photo

pytestmark = pytest.mark.slow

MOST = 60  # presses of Tab to get anywhere
FOCUSED = """() => {
  const element = document.activeElement;
  const shown = element.matches(".segments input") ? element.nextElementSibling : element;
  const label = element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.textContent;
  return [label.trim(), element.matches(":focus-visible") && getComputedStyle(shown).outlineStyle !== "none"];
}"""


def test_the_example_is_harmonized_and_steered(bench):
    press(bench, "Try the example", "Enter")
    said(bench, "example_mask.png: ")
    press(bench, "Model", "End", "ArrowUp")
    assert bench.get_by_label("Model").input_value() == "cdtnet-sim"
    press(bench, "Harmonize", "Enter")
    said(bench, "Done.")
    press(bench, "Divider between before and after", "ArrowLeft", "ArrowLeft", back=True)
    press(bench, "Adjust", "Enter")
    press(bench, "Warmth", "ArrowRight", "ArrowRight", "ArrowRight")
    with bench.expect_download() as saved:
        press(bench, "Picture", "Enter")
    made = image(saved.value.path().read_bytes())
    assert bench.locator("#warmth").input_value() == "3"
    assert made.shape == (1800, 2400, 3)


def test_a_cut_out_is_placed_compared_steered_and_saved(bench):
    background, foreground = encoded(photo(240, 180)), cut_out(60, 40)
    choose(bench, "Background photo", "a.png", background)
    said(bench, "a.png: ")
    choose(bench, "Cut-out", "b.png", foreground)
    said(bench, "b.png: ")
    assert focused(bench) == ["Picture", True]  # where the two were put together
    for key in ("Shift+ArrowLeft", "Shift+ArrowDown", "]", "f"):
        bench.keyboard.press(key)
    bench.get_by_label("Model").select_option("cdtnet-sim")
    bench.keyboard.press("h")
    said(bench, "Done.")
    assert focused(bench)[0] == "Picture"
    divider = bench.get_by_role("slider", name="Divider between before and after")
    before = divider.input_value()
    bench.keyboard.press("ArrowRight")
    assert divider.input_value() != before
    press(bench, "Strength", "ArrowLeft")
    with bench.expect_download() as saved:
        press(bench, "Settings", "Enter")
    settings = json.loads(saved.value.path().read_text())
    assert (settings["at"], settings["rotate"], settings["flip"]) == ([89, 71], -1, True)
    with bench.expect_download() as saved:
        press(bench, "Picture", "Enter", back=True)
    placement = {name: settings[name] for name in ("at", "scale", "rotate", "flip")}
    made = cdtnet.compose(read_picture(foreground), read_picture(background), **placement)
    expected = cdtnet.Harmonizer("cdtnet-sim")(made.composite, made.mask, layer=made.layer, strength=0.99)
    assert np.array_equal(image(saved.value.path().read_bytes()), expected.image.pixels)


def test_keys_are_listed_and_escape_closes_messages(app, page):
    page.goto(app.url)
    page.get_by_role("option", name="cdtnet-sim").wait_for(state="attached")
    page.keyboard.press("?")
    listed = page.get_by_role("dialog", name="Keys")
    listed.wait_for()
    page.keyboard.press("Escape")
    assert listed.is_hidden()
    choose(page, "Background photo", "notes.png", b"hello")
    alert = page.get_by_role("alert")
    alert.wait_for()
    page.keyboard.press("Escape")
    assert alert.is_hidden()


def press(page, name, *keys, back=False):
    """Go to a control by Tab, or Shift+Tab, and press keys; the focus must be visible on the way."""
    for _ in range(MOST):
        label, is_visible = focused(page)
        if label.startswith(name) and is_visible:
            break
        page.keyboard.press("Shift+Tab" if back else "Tab")
    else:
        raise AssertionError(f"{name} cannot be reached")
    for key in keys:
        page.keyboard.press(key)


def choose(page, button, name, data):
    with page.expect_file_chooser() as chooser:
        press(page, button, "Enter")
    chooser.value.set_files({"name": name, "mimeType": "", "buffer": data})


def focused(page):
    return page.evaluate(FOCUSED)
