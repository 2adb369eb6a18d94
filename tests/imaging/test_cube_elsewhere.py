"""The .cube files in other programs: they give the pixels of CDTNet-sim, within a level."""

import subprocess

import imageio_ffmpeg
import numpy as np
import PyOpenColorIO
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from cdtnet import Harmonizer, Lut
from cdtnet.imaging import read_picture

COMPOSITE, MASK = (f"examples/photos/drum_{kind}" for kind in ("composite.jpg", "mask.png"))
INSIDE = np.s_[581:931, 860:1260]  # where the mask is white


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    return np.ascontiguousarray(read_picture(COMPOSITE).pixels[INSIDE])


@pytest.fixture(scope="module")
def result():
    assert np.asarray(Image.open(MASK))[INSIDE].min() == 255
    return Harmonizer("cdtnet-sim", "cpu")(read_picture(COMPOSITE).pixels, MASK)


@pytest.fixture(scope="module")
def harmonized(result) -> NDArray[np.uint8]:
    """The pixels of CDTNet-sim for that part."""
    return result.image[INSIDE]


@pytest.fixture
def table(result, tmp_path):
    """A function that writes a table with a number of points, and returns its path."""

    def write(size: int) -> str:
        result.lut.save(tmp_path / f"{size}.cube", size=size)
        return str(tmp_path / f"{size}.cube")

    return write


def by_opencolorio(path: str, photo: NDArray[np.uint8]) -> NDArray[np.float64]:
    transform = PyOpenColorIO.FileTransform(path, interpolation=PyOpenColorIO.INTERP_LINEAR)
    processor = PyOpenColorIO.Config.CreateRaw().getProcessor(transform).getDefaultCPUProcessor()
    values = photo.astype(np.float32) / 255
    processor.applyRGB(values)
    return np.rint(np.clip(values, 0, 1) * 255)


def by_ffmpeg(path: str, photo: NDArray[np.uint8], interpolation: str = "trilinear") -> NDArray[np.uint16]:
    """FFmpeg truncates to levels, which is invisible in 16 bits."""
    height, width = photo.shape[:2]
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb48le"]
    filters = ["-vf", f"lut3d=file={path}:interp={interpolation}"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *raw, "-s", f"{width}x{height}", "-i", "-"]
    data = (photo.astype("<u2") * 257).tobytes()
    done = subprocess.run([*command, *filters, *raw, "-"], input=data, capture_output=True, check=True)
    return np.rint(np.frombuffer(done.stdout, "<u2").reshape(photo.shape) / 257)


def by_pillow(path: str, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    values = np.loadtxt(path, skiprows=4)
    lut = ImageFilter.Color3DLUT(round(len(values) ** (1 / 3)), values.ravel().tolist())
    return np.asarray(Image.fromarray(photo).filter(lut))


def difference(a: NDArray, b: NDArray) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


@pytest.mark.slow
@pytest.mark.parametrize("size", [33, 65])
@pytest.mark.parametrize("program", [by_opencolorio, by_ffmpeg, by_pillow])
def test_they_give_the_pixels_of_cdtnet_sim(harmonized, table, photo, program, size):
    assert np.abs(harmonized.astype(int) - photo).mean() > 2  # there is something to see
    assert difference(program(table(size), photo), harmonized) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("size", [2, 17, 33, 65])
@pytest.mark.parametrize("program", [by_opencolorio, by_ffmpeg, by_pillow])
def test_they_agree_with_us_on_any_size(table, photo, program, size):
    path = table(size)
    assert difference(program(path, photo), Lut.load(path).recolor(photo)) <= 1


def test_opencolorio_reads_every_entry_where_it_belongs(table):
    path = table(33)
    group = (
        PyOpenColorIO.Config.CreateRaw()
        .getProcessor(PyOpenColorIO.FileTransform(path))
        .createGroupTransform()
    )
    assert len(group) == 1
    lut = group[0]
    assert lut.getGridSize() == 33
    theirs = lut.getData().reshape(33, 33, 33, 3)
    ours = Lut.load(path).table
    assert any(np.array_equal(theirs, ours.transpose(*order)) for order in ((0, 1, 2, 3), (2, 1, 0, 3)))


def test_what_seventeen_points_cost_is_little(table, photo, harmonized):
    assert 0 < difference(Lut.load(table(17)).recolor(photo), harmonized) <= 8
