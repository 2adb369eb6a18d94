"""Actions on the page of the app, and its visible state."""

import base64
import io

import numpy as np
from PIL import Image

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


def drop(page, role, *files):
    """Drop files, by name and content, on the zone of a role; wait for the last one."""
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
    """Return the name and content of a download."""
    with page.expect_download() as saved:
        page.locator(f'[data-download="{what}"]').click()
    return saved.value.suggested_filename, saved.value.path().read_bytes()


def canvas(page):
    """Return the pixels (H, W, 3) of the canvas once two screenshots are equal."""
    shown = None
    for _ in range(20):
        before, _ = shown, page.wait_for_timeout(100)
        shown = page.locator("#canvas").screenshot()
        if shown == before:
            break
    return np.asarray(Image.open(io.BytesIO(shown)).convert("RGB")).astype(int)


def stroke(page, *points):
    """Drag over the picture, in shares of its width and height (it fills the canvas in one direction)."""
    box = page.locator("#canvas").bounding_box()
    factor = min(box["width"] / 4, box["height"] / 3)
    left, top = box["x"] + (box["width"] - 4 * factor) / 2, box["y"] + (box["height"] - 3 * factor) / 2
    places = [(left + x * 4 * factor, top + y * 3 * factor) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()
