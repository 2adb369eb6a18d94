"""A forked process raises an error instead of waiting forever for threads that it does not have."""

import multiprocessing
import subprocess
import sys

import numpy as np
import pytest

import cdtnet
from cdtnet.imaging.read import read_picture
from cdtnet.imaging.write import write_picture
from tests.processes import PATIENCE

pytestmark = pytest.mark.slow

CAN_FORK = "fork" in multiprocessing.get_all_start_methods()

PROGRAM = """
import os, sys
import numpy as np
import cdtnet
from cdtnet.imaging.read import read_picture

picture, mask = np.zeros((20, 30, 3), np.uint8), np.full((20, 30), 255, np.uint8)
mask[:, 10:] = 0
{before}
if os.fork() == 0:
    try:
        {inside}
        print("done")
    except cdtnet.CdtnetError as error:
        print(error)
    sys.stdout.flush()
    os._exit(0)
os.wait()
"""


def forked(before: str, inside: str, model: str) -> str:
    code = PROGRAM.format(before=before, inside=inside).replace("MODEL", repr(model))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not CAN_FORK, reason="there is no fork here")
@pytest.mark.parametrize(
    ("before", "inside"),
    [
        ("h = cdtnet.Harmonizer(MODEL, 'cpu')", "h(picture, mask)"),
        ("h = cdtnet.Harmonizer(MODEL, 'cpu')", "cdtnet.Harmonizer(MODEL, 'cpu')"),
        ("cdtnet.Picture(picture).save(FILE)", "read_picture(FILE)"),
        ("cdtnet.Picture(picture).save(FILE)", "cdtnet.Picture(picture).save(FILE)"),
    ],
)
def test_a_forked_process_is_told_to_spawn(tmp_path, weights, before, inside):
    before, inside = (part.replace("FILE", repr(str(tmp_path / "p.png"))) for part in (before, inside))
    assert 'Start processes with "spawn"' in forked(before, inside, weights)


@pytest.mark.skipif(not CAN_FORK, reason="there is no fork here")
def test_a_process_forked_before_any_use_may_use_all(weights):
    assert forked("", "cdtnet.Harmonizer(MODEL, 'cpu')(picture, mask)", weights) == "done\n"


def use(harmonizer_and_pictures) -> np.ndarray:
    harmonizer, picture, mask = harmonizer_and_pictures
    return harmonizer(picture, mask).image


def test_spawned_processes_take_a_harmonizer_along(tmp_path, weights, random):
    picture, mask = random.integers(0, 256, (20, 30, 3), np.uint8), np.zeros((20, 30), np.uint8)
    mask[5:, :12] = 255
    write_picture(cdtnet.Picture(picture), tmp_path / "p.png")
    assert read_picture(tmp_path / "p.png").height == 20
    harmonizer = cdtnet.Harmonizer(weights, "cpu")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        (there,) = pool.map(use, [(harmonizer, picture, mask)])
    assert np.array_equal(there, harmonizer(picture, mask).image)
