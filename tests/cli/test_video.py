"""`cdtnet video` as a stranger uses it."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cdtnet import Harmonizer, Lut, harmonize_video
from cdtnet.cli.main import main
from tests.cli.refusals import refusal
from tests.processes import started, until
from tests.video.films import composites, mattes, planes, write_film


@pytest.fixture
def pair(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frames = np.concatenate((composites(4, seed=1), 255 - composites(4, seed=2)))
    write_film(Path("clip.mkv"), frames)
    write_film(Path("matte.mkv"), np.concatenate((mattes(4), mattes(4))))
    return tmp_path


def test_one_command_gives_what_python_gives(pair, weights, capsys):
    words = ["video", "clip.mkv", "matte.mkv", "-o", "out.mkv", "--model", weights, "--strength", "0.5"]
    assert main([*words, "--tone", "0.5", "--cube", "look.cube"]) == 0
    printed = capsys.readouterr()
    assert printed.out.split() == ["out.mkv", "look_1.cube", "look_2.cube"]
    assert "8 frames in 2 shots." in printed.err
    model = Harmonizer(weights, "cpu")
    harmonize_video("clip.mkv", "matte.mkv", "again.mkv", model=model, strength=0.5, tone=0.5)
    for (one, _), (other, _) in zip(planes("out.mkv"), planes("again.mkv"), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert Lut.load("look_1.cube").size == 33


def test_a_foreground_and_its_background_give_what_python_gives(pair, weights):
    write_film(Path("below.mkv"), composites(8, seed=5))
    words = ["video", "clip.mkv", "below.mkv", "--mask", "matte.mkv", "-o", "out.mkv", "--model", weights]
    assert main(words) == 0
    model = Harmonizer(weights, "cpu")
    harmonize_video("clip.mkv", "matte.mkv", "again.mkv", background="below.mkv", model=model)
    films = zip(planes("out.mkv"), planes("again.mkv"), planes("below.mkv"), strict=True)
    for (one, _), (other, _), (below, _) in films:
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
        assert not np.array_equal(one[0], below[0])


def test_lut_writes_the_table_of_each_shot(pair, weights, capsys):
    assert main(["lut", "clip.mkv", "matte.mkv", "--model", weights, "--strength", "0.5"]) == 0
    assert capsys.readouterr().out.split() == ["clip_1.cube", "clip_2.cube"]
    shots = harmonize_video("clip.mkv", "matte.mkv", "o.mkv", model=Harmonizer(weights), strength=0.5).shots
    for number, shot in enumerate(shots, start=1):
        assert np.abs(Lut.load(f"clip_{number}.cube").table - shot.lut.table).max() < 1e-5
    assert "are for pictures" in refusal(capsys, "lut", "clip.mkv", "matte.mkv", "--fit")


def test_a_killed_run_is_resumed(pair, weights):
    """SIGKILL leaves whole pictures; the next run makes the others."""
    Path("out").mkdir()
    words = ["video", "clip.mkv", "matte.mkv", "-o", "out/x.%02d.png", "--model", weights]
    with started([sys.executable, "-m", "cdtnet", *words]) as process:
        until(lambda: [*Path("out").glob("x.*.png")], process)
    made = sorted(Path("out").glob("x.*.png"))
    times = {path: path.stat().st_mtime_ns for path in made}
    assert main(words) == 0
    assert {path: path.stat().st_mtime_ns for path in made} == times
    assert sorted(path.name for path in Path("out").iterdir()) == [f"x.{n:02d}.png" for n in range(8)]


def test_cuts_may_be_given(pair, weights, capsys):
    words = ["video", "clip.mkv", "matte.mkv", "-o", "out.mkv", "--model", weights]
    assert main([*words, "--cuts", "none"]) == 0
    assert "in 1 shot." in capsys.readouterr().err
    assert main([*words, "--cuts", "2,5"]) == 0
    assert "in 3 shots." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["clip.mkv", "none.mkv", "-o", "out.mkv"], "none.mkv does not exist; check the name."),
        (["clip.mkv", "matte.mkv", "-o", "clip.mkv"], "is also an input"),
        (["clip.mkv", "matte.mkv", "-o", "out.avi"], "use .mp4"),
        (["clip.mkv", "clip.mkv", "--mask", "alpha", "-o", "out.mkv"], "has no alpha"),
        (["clip.mkv", "matte.mkv", "-o", "out.webm", "--codec", "h264"], ".webm files cannot hold h264"),
        (["shot.%d.png", "matte.mkv", "-o", "out.mkv"], "There are no files shot.%d.png"),
    ],
)
def test_refusals(pair, weights, capsys, words, sentence):
    assert sentence in refusal(capsys, "video", *words, "--model", weights)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
@pytest.mark.parametrize("name", ["out.mkv", "out.mp4"])
def test_a_full_disk_leaves_nothing_behind(pair, weights, name):
    before = sorted(pair.iterdir())
    words = [sys.executable, "-m", "cdtnet", "video", "clip.mkv", "matte.mkv", "-o", name, "--model", weights]

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (900, 900))

    ended = subprocess.run(
        words, preexec_fn=limit, capture_output=True, text=True, env=os.environ, check=False
    )
    assert ended.returncode == 1
    assert "cannot be written" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert sorted(pair.iterdir()) == before
