"""Recolor the dogs of the demo photo, correct them by several methods, and write the report.

python examples/report.py [OUTPUT_FOLDER] [--size 768] [--per-view 4] [--screenshot FILE.png]
"""

import argparse
import io
import subprocess
import sys
from pathlib import Path

from PIL import Image

EXAMPLES = Path(__file__).parent
DEMO = EXAMPLES.parent / "src" / "cdtnet" / "demo"
VIEWS = {  # left, top, right, bottom, as shares of the photo
    "both": (0.0, 0.0, 1.0, 1.0),
    "left": (0.0, 0.0, 0.55, 0.8),
    "right": (0.4, 0.1, 1.0, 1.0),
    "heads": (0.0, 0.05, 1.0, 0.6),
    "center": (0.2, 0.1, 0.85, 0.95),
    "legs": (0.1, 0.3, 0.7, 1.0),
}
METHODS = "--model cdtnet-256 --model cdtnet-sim --model is2am --baseline reinhard histogram mkl poisson"


def main() -> None:
    """Run three steps, each a command that is printed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("output", nargs="?", type=Path, default=Path("report"))
    parser.add_argument("--size", default="768", help="long side of the pictures")
    parser.add_argument("--per-view", default="4", help="composites made of each view")
    parser.add_argument("--screenshot", type=Path, help="also write a picture of the page; needs Playwright")
    arguments = parser.parse_args()
    cut_views(arguments.output)
    recolor = f"synthesize recolor photos --masks masks --size {arguments.size}"
    cdtnet(arguments.output, f"{recolor} --per-mask {arguments.per_view} --test-share 1 -o dogs")
    cdtnet(arguments.output, f"evaluate dogs {METHODS} --size full --report report.html")
    if arguments.screenshot:
        arguments.screenshot.write_bytes(screenshot(arguments.output / "report.html"))
    print(arguments.output / "report.html")


def cut_views(folder: Path) -> None:
    """Make views of the photo and its mask, under the same names."""
    for name, source in (("photos", EXAMPLES / "demo_target.jpg"), ("masks", DEMO / "mask.png")):
        (folder / name).mkdir(parents=True, exist_ok=True)
        with Image.open(source) as picture:
            for view, shares in VIEWS.items():
                box = [round(share * side) for share, side in zip(shares, 2 * picture.size, strict=True)]
                picture.crop(box).save(folder / name / f"{view}.png")


def cdtnet(folder: Path, command: str) -> None:
    """Run a command in a folder, with its tables on stderr."""
    script = [sys.executable, "-m", "cdtnet.cli.main", *command.split()]
    subprocess.run(script, cwd=folder, check=True, stdout=sys.stderr)


def screenshot(report: Path) -> bytes:
    """Make a PNG of the beginning of the page and its first picture, side by side."""
    import os

    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CDTNET_CHROMIUM"))
        page = browser.new_page(viewport={"width": 1240, "height": 1330})
        page.goto(report.resolve().as_uri())
        shots = [page.screenshot()]
        page.locator("#pictures article").first.evaluate("one => one.scrollIntoView()")
        shots.append(page.screenshot())
        browser.close()
    both = [Image.open(io.BytesIO(shot)).convert("RGB") for shot in shots]
    sheet = Image.new("RGB", (sum(one.width for one in both), both[0].height))
    sheet.paste(both[0], (0, 0))
    sheet.paste(both[1], (both[0].width, 0))
    stream = io.BytesIO()
    sheet.resize((1600, 1600 * sheet.height // sheet.width)).save(stream, "PNG", optimize=True)
    return stream.getvalue()


if __name__ == "__main__":
    main()
