"""The report in a real browser."""

import io

import numpy as np
import pytest
from PIL import Image

from cdtnet.evaluation.report import write_report
from tests.evaluation.test_report import METHODS, make_evaluation, make_example

pytestmark = pytest.mark.slow

RED, GREEN, BLUE, GRAY = (200, 0, 0), (0, 200, 0), (0, 0, 200), (128, 128, 128)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(make_evaluation(), [make_example(5, "best"), make_example(0, "worst")], path)
    return path.as_uri()


@pytest.fixture
def report(page, page_errors, address):
    """The open page, which must not report errors."""
    page.goto(address)
    yield page
    assert page_errors == []


def color(article, x, y=0.32):
    """Return the color of the stage at a share of its width and height."""
    stage = np.asarray(Image.open(io.BytesIO(article.locator(".view").screenshot())).convert("RGB"))
    height, width, _ = stage.shape
    return pytest.approx(tuple(stage[int(y * height), int(x * width)].tolist()), abs=8)


def test_nothing_is_requested_but_the_file(page, page_errors, address):
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address, wait_until="networkidle")
    assert [url for url in requests if not url.startswith("data:")] == [address]
    assert page_errors == []


def test_hostile_names_are_only_text(report):
    assert report.evaluate("typeof owned") == "undefined"
    assert "owned = 1" in report.title()
    assert report.get_by_role("heading", level=1).inner_text().startswith("Harmonization results: </script>")


def test_keyboard_moves_the_slider(report):
    article = report.get_by_role("article").first
    slider = article.get_by_role("slider", name="Divider between left and right picture")
    assert (color(article, 0.35), color(article, 0.65)) == (RED, GREEN)
    slider.focus()
    for _ in range(20):
        report.keyboard.press("ArrowRight")
    assert slider.input_value() == "70"
    assert slider.get_attribute("aria-valuetext") == "70 % composite, 30 % good"
    assert (color(article, 0.65), color(article, 0.73)) == (RED, GREEN)
    report.keyboard.press("Home")
    assert color(article, 0.35) == GREEN


def test_pointer_drags_the_slider(report):
    article = report.get_by_role("article").first
    view = article.locator(".view")
    view.scroll_into_view_if_needed()
    box = view.bounding_box()
    middle = box["y"] + box["height"] / 2
    report.mouse.move(box["x"] + 0.5 * box["width"], middle)
    report.mouse.down()
    report.mouse.move(box["x"] + 0.4 * box["width"], middle, steps=4)
    report.mouse.move(box["x"] + 0.3 * box["width"], middle, steps=4)
    report.mouse.up()
    report.mouse.move(box["x"] + 0.8 * box["width"], middle)
    assert article.get_by_role("slider").input_value() == "30"
    assert (color(article, 0.27), color(article, 0.4)) == (RED, GREEN)


def test_a_touch_moves_the_slider_and_a_phone_scrolls_downwards_only(browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True)
    page = context.new_page()
    page.goto(address)
    view = page.locator(".view").first
    view.scroll_into_view_if_needed()
    box = view.bounding_box()
    page.touchscreen.tap(box["x"] + 0.7 * box["width"], box["y"] + box["height"] / 2)
    assert page.get_by_role("slider").first.input_value() == "70"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_both_sides_can_be_chosen(report):
    article = report.get_by_role("article").first
    article.locator(".layer label", has_text="owned").click()
    assert article.get_by_role("radio", name="bad").is_checked()
    assert color(article, 0.65) == BLUE
    report.keyboard.press("ArrowRight")
    assert article.get_by_role("radio", name="real photo").is_checked()
    assert color(article, 0.65) == GRAY
    article.get_by_role("combobox", name="Left side of the slider").select_option("good")
    assert color(article, 0.35) == GREEN
    assert color(report.get_by_role("article").last, 0.35) == RED


def test_error_maps_and_outline(report):
    article = report.get_by_role("article").first
    article.get_by_label("Error maps").check()
    assert color(article, 0.05, 0.9) == (0, 0, 3)
    assert article.locator(".tag.right").inner_text() == "good, error"
    plain = article.locator(".view").screenshot()
    article.get_by_label("Mask outline").check()
    assert article.locator(".view").screenshot() != plain


def test_tables_sort_best_first_and_keep_their_groups(report):
    table = report.get_by_role("table", name="Official convention").first
    heading = table.get_by_role("columnheader", name="PSNR ↑")

    def names():
        return [cell.split("\n")[0] for cell in table.locator("tbody tr > :first-child").all_inner_texts()]

    before = names()
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert names()[:3] == ["This run", "good", "composite"]
    assert names()[4:] == [before[4], "CDTNet-256", "iS2AM, released weights", "composite"]
    heading.get_by_role("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert names()[3] == "good"
    table.get_by_role("columnheader", name="fMSE ↓").get_by_role("button").click()
    assert names()[5] == "CDTNet-256"  # the others have no fMSE
    assert heading.get_attribute("aria-sort") is None


def test_tabs_follow_the_arrow_keys(report):
    tabs = report.get_by_role("tab")
    panels = report.locator("[role=tabpanel]:visible")
    assert panels.count() == 1
    tabs.first.focus()
    report.keyboard.press("ArrowRight")
    assert report.get_by_role("tabpanel", name=tabs.nth(1).inner_text()).is_visible()
    report.keyboard.press("ArrowLeft")
    report.keyboard.press("ArrowLeft")
    assert tabs.last.get_attribute("aria-selected") == "true"
    assert panels.count() == 1


def test_everything_has_a_name(report):
    assert report.get_by_role("img", name="Gain of each method").count() == 1
    assert report.get_by_role("img", name=f"Error map of {METHODS[1]}").count() == 2
    nameless = report.evaluate(
        """() => [...document.querySelectorAll("input, select, button, a")].filter(
             (one) => !(one.labels?.[0] ?? one).textContent.trim() && !one.ariaLabel).length"""
    )
    assert nameless == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_marks_have_contrast(browser, address, scheme):
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(address)
    names = ["--paper", "--ink", "--soft", "--accent", *(f"--m{i}" for i in range(10))]
    style = "getComputedStyle(document.documentElement)"
    values = page.evaluate(f"(names) => names.map((name) => {style}.getPropertyValue(name).trim())", names)
    paper, *others = map(luminance, values)
    for name, other in zip(names[1:], others, strict=True):
        contrast = (max(paper, other) + 0.05) / (min(paper, other) + 0.05)
        assert contrast >= (3 if name.startswith("--m") else 4.5), name
    context.close()


def luminance(color):
    """Relative luminance of "#rgb" or "#rrggbb", as WCAG defines it."""
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    encoded = np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_reads_without_script(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.get_by_role("heading", name="Foreground 15–100 %").is_visible()
    assert page.locator(".layer img").first.is_visible()
    assert not page.locator(".stage").first.is_visible()
    context.close()


def test_print_shows_all_panels_and_no_controls(report):
    report.emulate_media(media="print")
    assert report.get_by_role("heading", name="Foreground 15–100 %").is_visible()
    assert not report.locator("[role=tablist]").is_visible()
    assert not report.locator(".stage").first.is_visible()
