"""How long the page takes from a moved slider to the steered picture on the screen.

python benchmarks/page.py [WIDTHxHEIGHT …]

The demo's picture in windows of these sizes, in Chromium without a GPU; median and longest of 20 moves.
Needs Playwright; CDTNET_CHROMIUM names the browser where it is not Playwright's own.
"""

import os
import statistics
import subprocess
import sys
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

SIZES = ("1280x900", "1920x1080")
MOVE = """async (value) => {
  const slider = document.querySelector("#tone");
  slider.value = value;
  const start = performance.now();
  slider.dispatchEvent(new Event("input"));
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));  // until it is drawn
  return performance.now() - start;
}"""


def main(sizes):
    """One line for each size."""
    with sync_playwright() as playwright, app() as address:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CDTNET_CHROMIUM"), args=["--disable-gpu"]
        )
        for size in sizes:
            width, height = map(int, size.split("x"))
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(120_000)
            page.goto(address)
            page.get_by_role("button", name="Try the example").click()
            page.get_by_role("status").filter(has_text="example_mask.png: ").wait_for()
            page.get_by_role("button", name="Harmonize", exact=True).click()
            page.get_by_role("status").filter(has_text="Done.").wait_for()
            page.locator("#controls details").evaluate("(details) => { details.open = true; }")
            page.get_by_label("Keep hue").check()  # the costliest formula
            times = [page.evaluate(MOVE, 0.3 + step / 50) for step in range(20)]
            print(f"{size}: median {statistics.median(times):.0f} ms, longest {max(times):.0f} ms")
        browser.close()


@contextmanager
def app():
    """The page's address, as long as it is served."""
    command = [sys.executable, "-m", "cdtnet", "app", "--no-browser", "--port", "0", "--model", "cdtnet-sim"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().strip()
        process.terminate()


if __name__ == "__main__":
    main(sys.argv[1:] or SIZES)
