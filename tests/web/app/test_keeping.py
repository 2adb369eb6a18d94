"""Undo, reload, drop and clipboard on the page."""

import base64

import numpy as np

from tests.web.app.page import DROP, canvas, download, drop, harmonize, said, stroke
from tests.web.app.process import cut_out, disc, encoded, image, photo

PASTE = """([name, content]) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt())], name));
  dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""


def test_strokes_and_placement_are_undone_and_done_again_by_keys(bench):
    bench.get_by_role("radio", name="Open a composite").check()
    drop(bench, "composite", ("a.png", encoded(photo(400, 300))))
    empty = canvas(bench)
    stroke(bench, (0.3, 0.5), (0.6, 0.5))
    painted = canvas(bench)
    assert np.abs(painted - empty).max() > 30
    bench.keyboard.press("Control+z")
    bench.mouse.move(5, 5)
    assert np.abs(canvas(bench) - empty)[:, 300:-300].max() <= 2
    bench.keyboard.press("Control+Shift+z")
    stroke(bench, (0.1, 0.1), (0.1, 0.2))
    bench.get_by_role("button", name="Undo").click()
    assert bench.get_by_role("button", name="Redo").is_enabled()
    bench.get_by_role("radio", name="Place a cut-out").check()
    drop(bench, "background", ("b.png", encoded(photo(400, 300))), ("c.png", cut_out(40, 40)))
    left = bench.get_by_label("Left")
    assert left.input_value() == "180"
    stroke(bench, (0.5, 0.5), (0.7, 0.5))
    moved = left.input_value()
    assert int(moved) > 200
    bench.keyboard.press("Control+z")
    assert left.input_value() == "180"
    bench.keyboard.press("Control+y")
    assert left.input_value() == moved


def test_the_work_is_there_again_after_loading_anew(bench):
    bench.get_by_role("radio", name="Open a composite").check()
    drop(bench, "composite", ("sea.png", encoded(photo(400, 300))), ("m.png", encoded(disc(400, 300, 0.2))))
    stroke(bench, (0.1, 0.1), (0.2, 0.1))
    harmonize(bench)
    bench.get_by_label("Strength").fill("0.5")
    mask, made = download(bench, "mask")[1], download(bench, "picture")[1]
    stale = bench.evaluate("new Promise((resolve) => setTimeout(resolve, 1200))")  # until it is kept
    assert stale is None
    bench.reload()
    said(bench, "Done.")
    assert bench.locator("#files").get_by_text("sea.png").is_visible()
    assert bench.get_by_label("Strength").input_value() == "0.5"
    again, before = (image(data).astype(int) for data in (download(bench, "mask")[1], mask))
    apart = (again > 127) != (before > 127)
    assert apart.mean() < 2e-4  # rims of strokes, which are drawn anew in one piece
    assert np.abs(again - before).mean() < 0.05
    again, before = (image(data).astype(int) for data in (download(bench, "picture")[1], made))
    assert np.abs(again - before).mean() < 0.05
    bench.get_by_role("button", name="Start over").click()
    bench.reload()
    bench.get_by_role("option", name="cdtnet-sim").wait_for(state="attached")
    bench.wait_for_timeout(500)
    assert bench.get_by_role("button", name="Background photo").is_visible()


def test_leaving_with_work_at_hand_is_asked_about(bench):
    bench.get_by_role("radio", name="Open a composite").check()
    drop(bench, "composite", ("a.png", encoded(photo(400, 300))))
    asked = []
    bench.wait_for_timeout(1200)  # until it is kept
    bench.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    bench.reload()
    assert asked == []  # nothing was done yet
    said(bench, "Your work was restored.")
    stroke(bench, (0.3, 0.5), (0.6, 0.5))
    bench.reload()
    assert asked == ["beforeunload"]
    bench.get_by_role("option", name="cdtnet-sim").wait_for(state="attached")


def test_files_are_pasted_and_the_page_asks_what_they_replace(bench):
    bench.evaluate(PASTE, ["first.png", base64.b64encode(encoded(photo(90, 60))).decode()])
    said(bench, "first.png: ")
    bench.evaluate(PASTE, ["boat.png", base64.b64encode(cut_out(20, 12)).decode()])
    said(bench, "boat.png: ")
    second = base64.b64encode(encoded(photo(80, 60, 3))).decode()
    target = bench.locator("#canvas").element_handle()
    bench.evaluate(DROP, [target, [["second.png", second]]])
    bench.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert bench.locator("#files").get_by_text("first.png").is_visible()
    bench.evaluate(DROP, [target, [["second.png", second]]])
    bench.get_by_role("dialog").get_by_role("button", name="Replace the background").click()
    said(bench, "second.png: 80 × 60")
    assert bench.locator("#files").get_by_text("boat.png").is_visible()
