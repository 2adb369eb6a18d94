"""Make every picture of the documentation with the shipped weights.

    python examples/screenshots.py [--output docs] [NAME ...]

NAME is one of the functions in `PICTURES`; without names, all are made. Needs the extras `web`, `evaluate`
and `train`, and Playwright with a browser; CDTNET_CHROMIUM names the browser if it is not Playwright's own.
Two pictures have other sources: `comfyui.png` is from ComfyUI (docs/comfyui.md), and `speed.png` a figure of
benchmarks/speed.py.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import app as page_of_app
import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
PHOTOS = EXAMPLES / "photos"
DEMO = ROOT / "src" / "cdtnet" / "demo"
CELL = """import cdtnet

harmonizer = cdtnet.Harmonizer("cdtnet-256")  # loads the weights once, for any number of pictures
result = harmonizer("photos/dogs_composite.jpg", "photos/dogs_mask.png")
result"""
NOTEBOOK = """<body style="margin: 12px; width: 880px; font-family: sans-serif">
<pre style="background: #f5f5f5; border: 1px solid #ddd; padding: 8px">{code}</pre>{result}</body>"""


def main() -> None:
    """Make the requested pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / "docs")
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - PICTURES.keys()
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: choose from {', '.join(PICTURES)}")
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or PICTURES:
        PICTURES[name](arguments.output.resolve())
        print(name, flush=True)


def cdtnet(folder: Path, *arguments: object) -> None:
    """Run a command in a folder."""
    subprocess.run([sys.executable, "-m", "cdtnet", *map(str, arguments)], cwd=folder, check=True)


def script(name: str, *arguments: object) -> None:
    """Run another script of this folder."""
    subprocess.run([sys.executable, str(EXAMPLES / name), *map(str, arguments)], check=True)


def save_beside(pictures: list[Path], target: Path, width: int, gap: int = 12) -> None:
    """Save two pictures side by side with a total width in pixels."""
    left, right = (Image.open(path).convert("RGB") for path in pictures)
    sheet = np.full((left.height, left.width + gap + right.width, 3), 255, np.uint8)
    sheet[:, : left.width], sheet[:, left.width + gap :] = left, right
    height = round(width * sheet.shape[0] / sheet.shape[1])
    Image.fromarray(sheet).resize((width, height), Image.Resampling.LANCZOS).save(target, quality=85)


@contextmanager
def browser_page(width: int, height: int) -> Iterator[Page]:
    """Open a page of this size in a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CDTNET_CHROMIUM"))
        yield browser.new_page(viewport={"width": width, "height": height})
        browser.close()


def demo(output: Path) -> None:
    """Make demo.jpg: before and after, for the README."""
    with TemporaryDirectory() as folder:
        cdtnet(Path(folder), "demo", "-o", ".")
        pictures = [DEMO / "composite.jpg", Path(folder, "harmonized.jpg")]
        save_beside(pictures, output / "demo.jpg", 1600)


def compose(output: Path) -> None:
    """Make compose.jpg: the command in docs/compose.md."""
    with TemporaryDirectory() as folder:
        mask, place = PHOTOS / "bird_mask.png", ("--at=-60,40", "--scale", 0.6, "--rotate=-15")
        outputs = ("--composite-output", "pasted.png", "-o", "harmonized.png")
        photos = (PHOTOS / f"{name}_composite.jpg" for name in ("bird", "drum"))
        cdtnet(Path(folder), "compose", *photos, "--mask", mask, *place, *outputs)
        pictures = [Path(folder, name) for name in ("pasted.png", "harmonized.png")]
        save_beside(pictures, output / "compose.jpg", 1512)


def synthesize(output: Path) -> None:
    """Make synthesize-recolor.jpg: the contact sheet of the command in docs/synthesize.md."""
    with TemporaryDirectory() as folder:
        for name, source in (
            ("photos/dogs.jpg", EXAMPLES / "demo_target.jpg"),
            ("masks/dogs.png", DEMO / "mask.png"),
        ):
            target = Path(folder, "pictures", name)
            target.parent.mkdir(parents=True)
            shutil.copy(source, target)
        settings = ("--per-mask", 4, "--size", 1024, "--seed", 1)
        cdtnet(Path(folder), "synthesize", "recolor", "pictures", "-o", "sets", *settings)
        shutil.copy(Path(folder, "sets/HRecolor/contact.jpg"), output / "synthesize-recolor.jpg")


def study(output: Path) -> None:
    """Make study.png: a question of a preference study."""
    with TemporaryDirectory() as folder, browser_page(960, 490) as page:
        for method in ("cdtnet-256", "cdtnet-sim"):
            Path(folder, method).mkdir()
            pair = (PHOTOS / "dogs_composite.jpg", PHOTOS / "dogs_mask.png")
            cdtnet(Path(folder), "harmonize", *pair, "--model", method, "-o", f"{method}/dogs.png")
        for name, source in (("composites/dogs.jpg", "composite.jpg"), ("masks/dogs.png", "mask.png")):
            Path(folder, name).parent.mkdir()
            shutil.copy(PHOTOS / f"dogs_{source}", Path(folder, name))
        command = [sys.executable, "-m", "cdtnet", "study", "serve", "--port", "0", "--pairs", "1"]
        command += ["--pictures", "A=cdtnet-256", "B=cdtnet-sim", "--answers", "study.jsonl"]
        command += ["--composites", "composites", "--masks", "masks"]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout
            page.goto(server.stdout.readline().strip())
            page.get_by_role("button", name="Start").click()
            page.get_by_role("button", name="Left").wait_for()
            page.wait_for_load_state("networkidle")
            page.screenshot(path=output / "study.png")
            server.terminate()


def notebook(output: Path) -> None:
    """Make notebook.png: the display of a result."""
    import cdtnet

    result = cdtnet.Harmonizer("cdtnet-256")(PHOTOS / "dogs_composite.jpg", PHOTOS / "dogs_mask.png")
    with browser_page(904, 480) as page:
        page.set_content(NOTEBOOK.format(code=CELL, result=result._repr_html_()))
        page.locator("body").screenshot(path=output / "notebook.png")


def app(output: Path) -> None:
    """Make app.png and app-phone.png."""
    page_of_app.main(output)


def report(output: Path) -> None:
    """Make report.png."""
    with TemporaryDirectory() as folder:
        script("report.py", folder, "--screenshot", output / "report.png")


def real_composites(output: Path) -> None:
    """Make real-composites.md and its pictures, including the README's."""
    script("real_composites.py", "--output", output)


def failures(output: Path) -> None:
    """Make failures.md and failures.jpg."""
    script("failures.py", "--output", output)


PICTURES = {
    make.__name__: make
    for make in (demo, compose, synthesize, study, notebook, app, report, real_composites, failures)
}

if __name__ == "__main__":
    main()
