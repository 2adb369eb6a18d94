"""The app's page in a real browser, from dropped files to downloaded ones."""

import base64
import io
import json
import time
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

import cdtnet
from cdtnet.imaging import encode_picture, read_picture
from tests.web.app_process import AppProcess, cut_out, disc, encoded, photo

DROP = """
([zone, files]) => {
  const data = new DataTransfer();
  for (const [name, content] of files) {
    data.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt())], name));
  }
  for (const kind of ["dragover", "drop"]) {
    zone.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}
"""


@pytest.fixture(scope="module")
def app():
    process = AppProcess().start()
    yield process
    process.kill()


@pytest.fixture
def bench(app, page, page_errors):
    """The page, open; in the end it must not have complained, nor asked anybody but its own server."""
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(app.url)
    page.get_by_role("option", name="cdtnet-sim").wait_for(state="attached")
    yield page
    assert page_errors == []
    hosts = {urlsplit(url).netloc for url in requests if not url.startswith("blob:")}
    assert hosts == {f"127.0.0.1:{app.port}"}


def drop(page, role, *files):
    """Drop files, name and content, on the place for a role; wait for the last one."""
    zone = page.locator(f'.zone[data-role="{role}"]').element_handle()
    page.evaluate(DROP, [zone, [[name, base64.b64encode(data).decode()] for name, data in files]])
    said(page, f"{files[-1][0]}: ")


def choose(page, button, name, data):
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=button).click()
    chooser.value.set_files({"name": name, "mimeType": "", "buffer": data})


def said(page, text):
    page.get_by_role("status").filter(has_text=text).wait_for()


def harmonize(page, model="cdtnet-sim"):
    page.get_by_label("Model").select_option(model)
    page.get_by_role("button", name="Harmonize", exact=True).click()
    said(page, "Done.")


def download(page, what):
    """The name and content of what the browser is made to save."""
    with page.expect_download() as saved:
        page.locator(f'[data-download="{what}"]').click()
    return saved.value.suggested_filename, saved.value.path().read_bytes()


def canvas(page):
    page.wait_for_timeout(150)  # until it is drawn
    return np.asarray(Image.open(io.BytesIO(page.locator("#canvas").screenshot())).convert("RGB")).astype(int)


def image(data):
    return np.asarray(Image.open(io.BytesIO(data)))


def test_placing_a_cut_out(bench):
    background = encoded(photo(900, 600), "JPEG", quality=95, icc_profile=profile())
    drop(bench, "background", ("harbour.jpg", background), ("boat.png", cut_out(200, 120)))
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
    bench.mouse.wheel(0, -120)
    bench.get_by_label("Rotation").fill("-20")
    assert float(bench.get_by_label("Scale").input_value()) > 110
    harmonize(bench)

    name, settings = download(bench, "settings")
    assert name == "harbour_settings.json"
    settings = json.loads(settings)
    assert settings["rotate"] == -20
    shown = [float(bench.locator(f"#{number}").input_value()) for number in ("left", "top", "scale")]
    assert [*settings["at"], 100 * settings["scale"]] == pytest.approx(shown, rel=1e-5)
    placement = {key: settings[key] for key in ("at", "scale", "rotate")}
    made = cdtnet.compose(read_picture(cut_out(200, 120)), read_picture(background), **placement)
    expected = cdtnet.Harmonizer("cdtnet-sim")(made.composite, made.mask)
    name, data = download(bench, "picture")
    assert name == "harbour_harmonized.jpg"
    assert data == encode_picture(expected.image, ".jpg")
    assert read_picture(data).metadata.icc == profile()
    name, data = download(bench, "mask")
    assert name == "harbour_mask.png"
    assert np.array_equal(image(data), made.mask)
    name, data = download(bench, "table")
    assert name == "harbour_look.cube"
    assert data.startswith(b"TITLE")


def test_what_the_page_shows_is_what_is_composed(bench):
    background, foreground = encoded(np.full((300, 400, 3), 90, np.uint8)), cut_out(120, 100)
    drop(bench, "foreground", ("object.png", foreground), ("grey.png", background))
    for label, value in (("Left", "40"), ("Top", "150"), ("Scale", "80"), ("Rotation", "30")):
        bench.get_by_label(label).fill(value)
    bench.get_by_label("Strength").focus()
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


def test_painting_a_mask(bench):
    pixels = photo(800, 600, 2).astype(np.uint16) * 257
    composite = tiff(pixels)
    bench.get_by_role("radio", name="Open a composite").check()
    drop(bench, "composite", ("dusk.tif", composite))
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
    bench.get_by_text("Something has been changed since").wait_for()
    harmonize(bench)
    assert image(download(bench, "mask")[1])[150, 200] == 0


def stroke(page, *points):
    """Drag over the picture, by shares of its width and height (it fills the canvas one way)."""
    box = page.locator("#canvas").bounding_box()
    factor = min(box["width"] / 4, box["height"] / 3)
    left, top = box["x"] + (box["width"] - 4 * factor) / 2, box["y"] + (box["height"] - 3 * factor) / 2
    places = [(left + x * 4 * factor, top + y * 3 * factor) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()


def test_comparing_in_full_resolution(bench):
    """At 100 %, what is on the screen are the composite's and the result's very pixels."""
    composite = np.random.default_rng(3).integers(60, 196, (900, 2200, 3), dtype=np.uint8)  # finest detail
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


def pan(page, distance):
    """Drag the picture by so much to the right and down, or as far as it goes."""
    box = page.locator("#canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + distance, y + distance)
    page.mouse.up()


def wait_for_pixels(page, expected):
    """Until the canvas shows these pixels; for a minute."""
    end = time.monotonic() + 60
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


def test_a_wrong_file(app, page):
    page.goto(app.url)
    drop(page, "background", ("harbour.png", encoded(photo(90, 60))), ("boat.png", cut_out(20, 12)))
    page.get_by_label("Left").fill("7")
    choose(page, "Replace cut-out", "notes.txt", b"hello")
    alert = page.get_by_role("alert")
    alert.get_by_text("notes.txt: The given data is not a JPEG, PNG, TIFF or WebP picture").wait_for()
    choose(page, "Replace background", "cut.jpg", encoded(photo(300, 200), "JPEG")[:-3000])
    alert.get_by_text("cut.jpg: ").wait_for()
    choose(page, "Replace cut-out", "opaque.png", encoded(photo(30, 20)))
    alert.get_by_text("no transparent pixels").wait_for()
    assert page.get_by_label("Left").input_value() == "7"
    assert page.locator("#files").get_by_text("boat.png").is_visible()
    harmonize(page)
    assert alert.is_hidden()
    settings = json.loads(download(page, "settings")[1])
    assert (settings["background"], settings["foreground"], settings["at"][0]) == ([90, 60], [20, 12], 7)


def test_with_the_keyboard_alone(bench):
    press = bench.keyboard.press

    def tab_to(name):
        for _ in range(30):
            press("Tab")
            focused = bench.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent")
            if focused.strip().startswith(name):
                return
        raise AssertionError(f"{name} cannot be reached")

    bench.locator('[name="way"]').first.focus()
    press("ArrowRight")
    tab_to("Composite")
    with bench.expect_file_chooser() as chooser:
        press("Enter")
    chooser.value.set_files({"name": "sea.png", "mimeType": "", "buffer": encoded(photo(400, 300))})
    said(bench, "sea.png: ")
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
    bench.locator("#zoom-out").focus()
    press("Shift+Tab")
    press("ArrowRight")
    slider = bench.get_by_role("slider", name="Divider between before and after")
    assert slider.get_attribute("aria-valuetext") == "51 % before, 49 % after"
    tab_to("Picture")
    mask = image(download(bench, "mask")[1])
    rows, columns = np.nonzero(mask)
    assert columns.min() > 200
    assert rows.max() - rows.min() > columns.max() - columns.min() + 20


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


def test_a_phone(app, browser):
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, color_scheme="dark"
    )
    page = context.new_page()
    page.goto(app.url)
    fits = lambda: page.evaluate("document.documentElement.scrollWidth") == 360  # noqa: E731
    assert fits()
    page.get_by_role("button", name="Try the example").tap()
    said(page, "example_mask.png: 2400 × 1800")
    assert fits()
    page.get_by_label("Model").select_option("cdtnet-sim")
    page.get_by_role("button", name="Harmonize", exact=True).tap()
    said(page, "Done.")
    assert fits()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 22, 26)"
    stage = page.locator("#stage").bounding_box()
    assert 0 <= stage["y"] < 400  # scrolled to where the result is
    for button in page.get_by_role("button").all():
        if button.is_visible():
            assert button.bounding_box()["height"] >= 38
    context.close()


def test_two_tabs_and_a_server_that_is_started_anew(app, browser):
    first, second = (browser.new_context().new_page() for _ in range(2))
    for page, name, width in ((first, "one.png", 80), (second, "two.png", 120)):
        page.goto(app.url)
        page.get_by_role("radio", name="Open a composite").check()
        drop(page, "composite", (name, encoded(photo(width, 60))), ("mask.png", encoded(disc(width, 60))))
    harmonize(first)
    harmonize(second)
    assert image(download(first, "picture")[1]).shape[1] == 80
    assert image(download(second, "picture")[1]).shape[1] == 120
    app.kill()
    first.get_by_role("button", name="Settings").click()
    first.get_by_role("alert").get_by_text("cannot be reached").wait_for()
    app.start()
    said(first, "harmonize once more")
    assert first.get_by_role("alert").is_hidden()
    harmonize(first)
    harmonize(second)
    assert image(download(first, "picture")[1]).shape[1] == 80
    assert image(download(second, "picture")[1]).shape[1] == 120
    for page in (first, second):
        page.context.close()


def test_cancelling(bench):
    bench.get_by_role("radio", name="Open a composite").check()
    drop(
        bench,
        "composite",
        ("large.jpg", encoded(photo(2400, 1600), "JPEG")),
        ("mask.png", encoded(disc(2400, 1600, 0.49))),
    )
    bench.get_by_label("Model").select_option("cdtnet-256")
    bench.get_by_role("button", name="Harmonize", exact=True).click()
    bench.get_by_role("progressbar").wait_for()
    bench.get_by_role("button", name="Cancel").click()
    said(bench, "Cancelled.")
    assert bench.get_by_role("heading", name="Result").is_hidden()
    assert bench.get_by_role("button", name="Harmonize", exact=True).is_enabled()


def test_a_photo_of_24_megapixels(bench, random, tmp_path):
    grain = random.normal(0, 6, (4000, 6000, 1)).astype(np.float32)
    pixels = np.clip(photo(6000, 4000) + grain, 0, 255).astype(np.uint8)
    large = tmp_path / "large.jpg"
    Image.fromarray(pixels).save(large, quality=92)
    for button, file in (("Background photo", large), ("Choose cut-out", None)):
        with bench.expect_file_chooser() as chooser:
            bench.get_by_role("button", name=button).click()
        chooser.value.set_files(file or {"name": "small.png", "mimeType": "", "buffer": cut_out(500, 400)})
        said(bench, "6000 × 4000, 8 bit, JPEG" if file else "small.png: ")
    bench.get_by_label("Left").fill("3000")
    harmonize(bench, "cdtnet-256")
    bench.get_by_role("button", name="Zoom to 100 %").click()
    placement = json.loads(download(bench, "settings")[1])
    made = cdtnet.compose(read_picture(cut_out(500, 400)), read_picture(large), at=placement["at"])
    expected = cdtnet.Harmonizer("cdtnet-256")(made.composite, made.mask)
    data = download(bench, "picture")[1]
    assert data == encode_picture(expected.image, ".jpg")


def profile():
    """An ICC profile other than sRGB's, as in many photos."""
    import pyvips

    black = pyvips.Image.black(1, 1, bands=3).copy(interpretation="srgb")
    return black.icc_transform("p3", input_profile="srgb").get("icc-profile-data")


def tiff(pixels):
    import tifffile

    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, photometric="rgb")
    return stream.getvalue()
