"""Screenshots of `cdtnet app`: the demo's dogs pasted into a meadow, and the demo on a phone.

python examples/app.py [FOLDER]

Needs Playwright; CDTNET_CHROMIUM names the browser if it is not Playwright's own.
"""

import io
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

EXAMPLES = Path(__file__).parent
DEMO = EXAMPLES.parent / "src" / "cdtnet" / "demo"
MEADOW = EXAMPLES / "photos" / "drum_composite.jpg"
COLORS = 256  # colors of the files, which keeps them small
GAP = 24  # pixels between screenshots


def main(folder: Path = Path("docs")) -> None:
    """Make app.png, which shows placing and comparing, and app-phone.png."""
    with sync_playwright() as playwright, TemporaryDirectory() as scratch, app() as address:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CDTNET_CHROMIUM"))
        dogs = Path(scratch) / "dogs.png"
        cut_out().save(dogs)
        page = browser.new_page(viewport={"width": 1240, "height": 820})
        page.goto(address)
        choose(page, "Background photo", MEADOW)
        choose(page, "Choose cut-out", dogs)
        for label, value in (("Scale", "38"), ("Left", "150"), ("Top", "440")):
            page.get_by_label(label).fill(value)
        page.get_by_role("heading", name="Placement").click()
        shots = [page.screenshot()]
        harmonize(page)
        page.get_by_role("slider", name="Divider").fill("26")  # between the two dogs
        page.locator("#controls summary").click()
        page.wait_for_timeout(500)
        shots.append(page.screenshot())
        write(folder / "app.png", shots, width=1500)
        phone = {"viewport": {"width": 390, "height": 780}, "is_mobile": True, "has_touch": True}
        page = browser.new_page(**phone, color_scheme="dark", device_scale_factor=1.5)
        page.goto(address)
        shots = [page.screenshot()]
        page.get_by_role("button", name="Try the example").tap()
        page.get_by_role("status").filter(has_text="example_mask.png: ").wait_for()
        shots.append(page.screenshot())
        harmonize(page)
        shots.append(page.screenshot())
        write(folder / "app-phone.png", shots, width=1200)
        browser.close()


@contextmanager
def app():
    """Serve the page in the context, and yield its address."""
    command = [sys.executable, "-m", "cdtnet", "app", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().strip()
        process.terminate()


def cut_out() -> Image.Image:
    """Return the demo's dogs with transparency around them."""
    with Image.open(DEMO / "composite.jpg") as photo, Image.open(DEMO / "mask.png") as mask:
        pixels = np.dstack((np.asarray(photo), np.asarray(mask.convert("L"))))
        return Image.fromarray(pixels).crop(mask.convert("L").getbbox())


def choose(page, button, file):
    """Choose a file in a button's file dialog."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=button).click()
    chooser.value.set_files(file)
    page.get_by_role("status").filter(has_text=f"{file.name}: ").wait_for()


def harmonize(page):
    """Harmonize, and wait for the result."""
    page.get_by_role("button", name="Harmonize", exact=True).click()
    page.get_by_role("status").filter(has_text="Done.").wait_for(timeout=120_000)
    page.wait_for_timeout(500)


def write(path, shots, width):
    """Join pictures side by side in a small file."""
    pictures = [Image.open(io.BytesIO(shot)).convert("RGB") for shot in shots]
    sheet = Image.new("RGB", (sum(one.width + GAP for one in pictures) - GAP, pictures[0].height), "white")
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width + GAP
    sheet = sheet.resize((width, width * sheet.height // sheet.width), Image.Resampling.LANCZOS)
    sheet.quantize(palette=sheet.quantize(COLORS)).save(path, optimize=True)  # now with dither
    print(path)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
