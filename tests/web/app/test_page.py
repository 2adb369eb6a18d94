"""The page after errors, on a phone, and in two tabs, in a real browser."""

import json

import pytest

from tests.web.app.page import choose, download, drop, harmonize, said
from tests.web.app.process import cut_out, disc, encoded, image, photo

pytestmark = pytest.mark.slow


def test_a_wrong_file(app, page):
    page.goto(app.url)
    drop(page, "background", ("harbor.png", encoded(photo(90, 60))), ("boat.png", cut_out(20, 12)))
    page.get_by_label("Left").fill("7")
    choose(page, "Replace cut-out", "notes.txt", b"hello")
    alert = page.get_by_role("alert")
    alert.get_by_text("notes.txt: The given data is not a picture of a supported format").wait_for()
    choose(page, "Replace background", "cut.jpg", encoded(photo(300, 200), "JPEG")[:-3000])
    alert.get_by_text("cut.jpg: ").wait_for()
    choose(page, "Replace cut-out", "opaque.png", encoded(photo(30, 20)))
    page.get_by_role("dialog").get_by_text("no transparent background").wait_for()
    page.get_by_role("button", name="Cancel").press("Enter")
    assert page.get_by_label("Left").input_value() == "7"
    assert page.locator("#files").get_by_text("boat.png").is_visible()
    harmonize(page)
    assert alert.is_hidden()
    settings = json.loads(download(page, "settings")[1])
    assert (settings["background"], settings["foreground"], settings["at"][0]) == ([90, 60], [20, 12], 7)


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
    said(first, "has your pictures again; harmonize again")
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
