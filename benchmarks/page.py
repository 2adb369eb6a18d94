"""Measure how long the page takes from a moved slider to the updated picture on the screen.

python benchmarks/page.py [WIDTHxHEIGHT[@RATIO] …]

The demo's picture in windows of these sizes (CSS pixels) on screens with this ratio of device pixels to CSS
pixels, in Chromium without a GPU: the canvas's device pixels, the median of 20 moves, and the processor time
that all of Chromium takes for a move. If other programs are running, only the processor time is meaningful.
Needs Playwright; CDTNET_CHROMIUM names the browser if it is not Playwright's own.
"""

import os
import statistics
import subprocess
import sys
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

SIZES = ("1280x900", "1920x1080", "1280x900@2", "1920x1080@2")
MOVES = 20
DRAG = """async (values) => {
  const slider = document.querySelector("#tone");
  const times = [];
  for (const value of values) {
    slider.value = value;
    const start = performance.now();
    slider.dispatchEvent(new Event("input"));
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));  // until it is drawn
    times.push(performance.now() - start);
  }
  return times;
}"""


def main(sizes):
    """Print a table with one line for each size."""
    print("| window | canvas at rest | until it is shown | processor time |\n|---|---|---|---|", flush=True)
    with sync_playwright() as playwright, app() as address:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CDTNET_CHROMIUM"), args=["--disable-gpu"]
        )
        for size in sizes:
            canvas, times, busy = measured(browser, address, size)
            print(f"| {size} | {canvas} | {statistics.median(times):.0f} ms | {busy:.0f} ms |", flush=True)
        browser.close()


def measured(browser, address, size):
    """Return the canvas's size, and the milliseconds of each move after the first, which reads the pixels."""
    tasks = browser.new_browser_cdp_session()

    def busy():
        return sum(process["cpuTime"] for process in tasks.send("SystemInfo.getProcessInfo")["processInfo"])

    window, _, ratio = size.partition("@")
    width, height = map(int, window.split("x"))
    page = browser.new_page(
        viewport={"width": width, "height": height}, device_scale_factor=float(ratio or 1)
    )
    page.set_default_timeout(120_000)
    page.goto(address)
    page.get_by_role("button", name="Try the example").click()
    page.get_by_role("status").filter(has_text="example_mask.png: ").wait_for()
    page.get_by_role("button", name="Harmonize", exact=True).click()
    page.get_by_role("status").filter(has_text="Done.").wait_for()
    canvas = page.locator("#canvas").evaluate("(canvas) => `${canvas.width} × ${canvas.height}`")
    page.locator("#controls details").evaluate("(details) => { details.open = true; }")
    page.get_by_label("Keep hue").check()  # the costliest formula
    page.evaluate(DRAG, [0.2])
    start = busy()
    times = page.evaluate(DRAG, [0.3 + step / 50 for step in range(MOVES)])
    spent = 1000 * (busy() - start) / MOVES
    page.close()
    return canvas, times, spent


@contextmanager
def app():
    """Yield the page's address while it is served."""
    command = [sys.executable, "-m", "cdtnet", "app", "--no-browser", "--port", "0", "--model", "cdtnet-sim"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


if __name__ == "__main__":
    main(sys.argv[1:] or SIZES)
