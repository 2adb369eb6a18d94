"""`cdtnet batch` on this machine: real processes for signals and kills; the rest through `main`."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import numpy as np
import pytest
from PIL import Image

from cdtnet.cli.main import main
from tests.cli.refusals import refusal
from tests.datasets import trees
from tests.processes import started, until


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """in/, in the working directory: two pictures, one in a sub-folder, with masks beside them."""
    monkeypatch.chdir(tmp_path)
    for name, suffix in (("a", "png"), ("sub/b", "jpg")):
        trees.picture(tmp_path / "in" / f"{name}.{suffix}", size=(40, 30))
        trees.mask(tmp_path / "in" / f"{name}_mask.png", size=(40, 30))
    return tmp_path / "in"


@pytest.fixture
def many(tmp_path, monkeypatch):
    """in/: sixteen pictures that take some time."""
    monkeypatch.chdir(tmp_path)
    trees.mask(tmp_path / "in" / "mask.png", size=(160, 120), foreground=0.5)
    for k in range(16):
        trees.picture(tmp_path / "in" / f"{k:02}.png", size=(160, 120))
    return ["in", "out", "--mask", "in/mask.png", "--workers", "1"]


def command(*arguments):
    return [sys.executable, "-m", "cdtnet", "batch", *arguments]


@pytest.fixture
def start():
    """Start `cdtnet batch`, which ends with the test."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with ExitStack() as running:
        yield lambda *arguments: running.enter_context(started(command(*arguments), **pipes))


def table(out):
    return {row["output"]: row for row in map(json.loads, (out / "results.jsonl").read_text().splitlines())}


def times(out):
    return {path.name: path.stat().st_mtime_ns for path in out.glob("*.png")}


def test_the_same_bytes_as_one_by_one(folder, tmp_path, weights, capsys):
    options = ["--model", weights, "--strength", "0.6", "--quality", "80"]
    assert main(["batch", "in", "out", *options]) == 0
    printed = capsys.readouterr()
    assert printed.out == "out\n"
    assert "Harmonized: 2. Failed: 0. Done before: 0." in printed.err
    for name, mask in (("a.png", "a_mask.png"), ("sub/b.jpg", "sub/b_mask.png")):
        assert main(["harmonize", f"in/{name}", f"in/{mask}", "-o", "one" + name[-4:], *options]) == 0
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / f"one{name[-4:]}").read_bytes()
    row = table(tmp_path / "out")["sub/b.jpg"]
    assert (row["input"], row["mask"], row["status"]) == ("in/sub/b.jpg", "in/sub/b_mask.png", "done")
    assert (row["pixels"], row["foreground"]) == (1200, 0.25)


def test_a_format_for_all(folder, tmp_path, weights):
    assert main(["batch", "in", "out", "--model", weights, "--format", "tif"]) == 0
    assert (tmp_path / "out" / "sub" / "b.tif").exists()


def test_failures_are_counted_and_tried_again(folder, tmp_path, weights, capsys):
    whole = (folder / "a.png").read_bytes()
    trees.truncate(folder / "a.png")
    trees.picture(folder / "lonely.png")
    assert main(["batch", "in", "out", "--model", weights]) == 1
    printed = capsys.readouterr().err
    assert "lonely.png has no mask." in printed
    assert "Failed: a.png: in/a.png is damaged" in printed
    assert "2 pictures failed; results.jsonl in out says why." in printed
    assert [row["status"] for row in table(tmp_path / "out").values()].count("failed") == 2
    (folder / "a.png").write_bytes(whole)
    (folder / "lonely.png").unlink()
    assert main(["batch", "in", "out", "--model", weights]) == 0
    assert "Harmonized: 1. Failed: 0. Done before: 1." in capsys.readouterr().err


def test_what_changed_is_done_again_and_nothing_else(folder, tmp_path, weights, capsys):
    assert main(["batch", "in", "out", "--model", weights]) == 0
    before = (tmp_path / "out" / "a.png").read_bytes(), (tmp_path / "out" / "sub" / "b.jpg").stat()
    trees.mask(folder / "a_mask.png", size=(40, 30), foreground=0.5)
    assert main(["batch", "in", "out", "--model", weights]) == 0
    assert "Harmonized: 1. Failed: 0. Done before: 1." in capsys.readouterr().err
    assert (tmp_path / "out" / "a.png").read_bytes() != before[0]
    assert (tmp_path / "out" / "sub" / "b.jpg").stat() == before[1]
    assert main(["batch", "in", "out", "--model", weights, "--strength", "0.5"]) == 1
    assert "was started with strength 1.0, not 0.5" in capsys.readouterr().err


@pytest.mark.slow
def test_with_nothing_to_do_no_model_is_loaded(folder, weights, capsys):
    assert main(["batch", "in", "out", "--model", weights]) == 0
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command("in", "out", "--model", weights)[1:]],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert "Done before: 2." in done.stderr
    assert "cdtnet.inference.harmonizer" not in done.stderr
    assert "fsspec" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_interrupted_and_started_again(many, tmp_path, weights, start, number):
    out = tmp_path / "out"
    process = start(*many, "--model", weights)
    until(lambda: len(times(out)) >= 3, process)
    process.send_signal(number)
    _, printed = process.communicate()
    assert process.returncode == (-9 if number == signal.SIGKILL else 130)
    assert number == signal.SIGKILL or "Interrupted; run the same command to resume." in printed
    listed, before = table(out), times(out)
    assert 3 <= len(before) < 16
    assert len(before) - len(listed) <= 1  # killed between the picture and its line
    assert main(["batch", *many, "--model", weights]) == 0
    after = times(out)
    assert len(after) == len(table(out)) == 16
    assert all(after[name] == before[name] for name in listed)
    assert sorted(path.name for path in out.iterdir() if path.suffix != ".png") == [
        ".cdtnet.lock",
        "batch.json",
        "results.jsonl",
    ]
    for path in out.glob("*.png"):
        Image.open(path).load()


@pytest.mark.slow
def test_two_runs_at_once(many, tmp_path, weights, start, capsys):
    process = start(*many, "--model", weights)
    until(lambda: times(tmp_path / "out"), process)
    assert main(["batch", *many, "--model", weights]) == 1
    assert "Another run writes to out" in capsys.readouterr().err
    process.communicate()
    assert process.returncode == 0


@pytest.mark.slow
def test_watching(tmp_path, weights, folder, start):
    process = start("in", "out", "--model", weights, "--watch")
    out = tmp_path / "out"
    until(lambda: (out / "a.png").exists() and (out / "sub" / "b.jpg").exists(), process)
    source = (folder / "a.png").read_bytes()
    trees.mask(folder / "c_mask.png", size=(40, 30))
    with (folder / "c.png").open("wb") as stream:  # comes piece by piece
        for start_ in range(0, len(source), len(source) // 8 + 1):
            stream.write(source[start_ : start_ + len(source) // 8 + 1])
            stream.flush()
            time.sleep(0.2)
    until((out / "c.png").exists, process)
    os.kill(process.pid, signal.SIGINT)
    printed, messages = process.communicate()
    assert process.returncode == 0
    assert printed == "out\n"
    assert "Watching in for pictures and their masks; Ctrl-C stops." in messages
    assert "Harmonized: 3. Failed: 0." in messages
    assert {row["status"] for row in table(out).values()} == {"done"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["absent", "out"], "absent does not exist"),
        (["in", "in"], "choose another folder for the results"),
        (["in/*.webp", "out"], "no pictures in in/*.webp"),
        (["in/*.png", "out", "--watch"], "--watch needs a folder"),
        (["in", "out", "--watch", "--ray", "local"], "--watch needs a folder"),
        (["in", "out", "--model", "cdtnet-9"], "no model 'cdtnet-9'"),
        (["in", "in/a.png/out"], "cannot be created"),
    ],
)
def test_bad_input_gets_one_sentence(folder, capsys, arguments, sentence):
    assert sentence in refusal(capsys, "batch", *arguments)


def test_a_folder_of_everything(folder, tmp_path, weights, capsys):
    Image.open(folder / "a.png").convert("RGB").save(folder / "c.jfif", "JPEG")
    Image.open(folder / "a.png").convert("CMYK").save(folder / "d.tif")
    Image.open(folder / "a.png").convert("RGB").save(folder / "e.gif")
    Image.open(folder / "a.png").convert("RGB").save(folder / "f.avif", quality=90)
    (folder / "g.nef").write_bytes(b"MM\0*")
    (folder / "h.jpg").write_bytes(b"GIF89a")
    for stem in "cdefh":
        trees.mask(folder / f"{stem}_mask.png", size=(40, 30))
    assert main(["batch", "in", "out", "--model", weights]) == 1
    printed = capsys.readouterr().err
    assert "Harmonized: 6. Failed: 1. Done before: 0. Skipped: 1." in printed
    assert "Skipped: in/g.nef is a camera raw file; develop it to TIFF or JPEG first." in printed
    assert "common printing inks are assumed" in printed
    rows = [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]
    assert sorted(row["status"] for row in rows) == ["done"] * 6 + ["failed", "skipped"]
    assert sorted(
        path.name
        for path in (tmp_path / "out").glob("*.*")
        if path.suffix[1:] in ("jfif", "tif", "png", "avif")
    ) == [
        "a.png",
        "c.jfif",
        "d.tif",
        "e.png",
        "f.avif",
    ]
    with Image.open(tmp_path / "out" / "d.tif") as image:
        assert image.mode == "CMYK"
    (folder / "h.jpg").unlink()
    assert main(["batch", "in", "out", "--model", weights]) == 0  # what is skipped is no failure


def test_what_became_of_the_pictures_is_counted(folder, tmp_path, weights, capsys):
    Image.open(folder / "a.png").save(folder / "black.png")
    Image.new("L", (40, 30)).save(folder / "black_mask.png")
    Image.open(folder / "a.png").save(folder / "inverted.png")
    inside = Image.new("L", (40, 30), 255)
    inside.paste(0, (10, 10, 20, 20))
    inside.save(folder / "inverted_mask.png")
    assert main(["batch", "in", "out", "--model", weights, "--strength", "1"]) == 0
    assert "Changed: 2. Nearly unchanged: 0. Suspicious masks: 2." in capsys.readouterr().err
    rows = table(tmp_path / "out")
    assert rows["a.png"]["outcome"] == "changed"
    assert rows["black.png"]["outcome"] == rows["inverted.png"]["outcome"] == "suspicious mask"
    assert "if it is inverted" in rows["inverted.png"]["reason"]
    made, before = (np.asarray(Image.open(path)).astype(float) for path in ("out/a.png", "in/a.png"))
    inside = np.asarray(Image.open("in/a_mask.png")) > 0
    assert rows["a.png"]["change"] == pytest.approx(np.abs(made - before)[inside].mean(), abs=0.1)
    assert main(["batch", "in", "out_2", "--model", weights, "--strength", "0"]) == 0
    assert "Changed: 0. Nearly unchanged: 2. Suspicious masks: 2." in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_the_bar_is_there_before_the_first_picture_is_done(many, tmp_path, weights):
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    with started(command(*many, "--model", weights), stdout=subprocess.PIPE, stderr=follower, text=True):
        os.close(follower)
        shown = b""
        while b"/16" not in shown:
            shown += os.read(leader, 4096)
    os.close(leader)
    assert b" 0/16 " in shown
