"""Clips as people have them, whole and broken."""

import av
import numpy as np
import pytest
from PIL import Image

from cdtnet import PictureError
from cdtnet.video.clips import open_clip
from tests.video.films import HEIGHT, WIDTH, composites, mattes, write_film


def cut_outs():
    return np.concatenate((composites(), mattes()[..., None]), axis=-1)


@pytest.mark.parametrize(
    ("name", "codec", "layout"),
    [("a.webm", "libvpx-vp9", "yuva420p"), ("a.mov", "prores_ks", "yuva444p10le"), ("a.mkv", "ffv1", "bgra")],
)
def test_the_alpha_of_a_foreground_is_a_matte(tmp_path, name, codec, layout):
    clip = open_clip(write_film(tmp_path / name, cut_outs(), codec=codec, layout=layout))
    shown = [frame.matte(alpha=True) for frame in clip.frames()]
    top = np.iinfo(shown[0].dtype).max
    assert np.abs(np.array(shown) / top - mattes() / 255).max() < 0.1


def test_a_clip_without_alpha_says_so(pair):
    with pytest.raises(PictureError, match="no alpha; give its matte"):
        next(open_clip(pair[0]).frames()).matte(alpha=True)


def test_a_turned_clip_is_seen_upright(tmp_path):
    path = write_film(tmp_path / "a.mp4", composites(), codec="libx264", rotation=90)
    clip = open_clip(path)
    assert (clip.height, clip.width) == (WIDTH, HEIGHT)
    frame = next(clip.frames())
    assert frame.picture.pixels.shape == (WIDTH, HEIGHT, 3)
    assert frame.matte(alpha=False).shape == (WIDTH, HEIGHT)
    lying = frame.native.to_ndarray(format="rgb24")
    expected = np.rot90(lying)  # 90 degrees counterclockwise, as players do
    assert np.abs(frame.picture.pixels.astype(int) - expected).max() <= 2


def test_a_sequence_is_read_in_the_order_of_its_numbers(tmp_path):
    for number in (9, 10, 11):
        Image.fromarray(np.full((4, 6), number, np.uint8)).save(tmp_path / f"shot.{number:04d}.png")
    clip = open_clip(tmp_path / "shot.%04d.png")
    assert [frame.picture.pixels[0, 0, 0] for frame in clip.frames()] == [9, 10, 11]


def broken(tmp_path, kind):
    path = tmp_path / f"{kind}.mp4"
    whole = tmp_path / "whole.mp4"
    write_film(whole, composites(20, noise=9), codec="libx264")
    if kind == "text":
        path.write_text("no video at all\n" * 40)
    elif kind == "zeros":
        data = bytearray(whole.read_bytes())
        start, length = data.find(b"mdat"), 200
        middle = start + int.from_bytes(data[start - 4 : start], "big") // 2
        data[middle : middle + length] = bytes(length)
        path.write_bytes(data)
    elif kind == "cut":
        path.write_bytes(whole.read_bytes()[:-400])
    elif kind == "cut Matroska":
        path, other = tmp_path / "cut.mkv", tmp_path / "other.mkv"
        write_film(other, composites(20, noise=9))
        path.write_bytes(other.read_bytes()[: other.stat().st_size // 2])
    elif kind == "unknown codec":
        path, other = tmp_path / "unknown.mkv", tmp_path / "other.mkv"
        write_film(other, composites(2))
        path.write_bytes(other.read_bytes().replace(b"V_FFV1", b"V_ABC0"))
    elif kind == "sound":
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=8000)
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), "fltp", "mono")
            samples.sample_rate = 8000
            container.mux(stream.encode(samples))
            container.mux(stream.encode())
    elif kind == "folder":
        path.mkdir()
    return path


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("text", "not a readable video file"),
        ("zeros", "is damaged at frame"),
        ("cut", "not a readable video file|contains no frame that can be decoded"),
        ("cut Matroska", "seconds that it declares"),
        ("sound", "has no video stream"),
        ("unknown codec", r"This FFmpeg does not support the codec of .*unknown\.mkv"),
        ("folder", "is a folder; give a video file"),
        ("missing", "does not exist"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(tmp_path, kind, sentence):
    path = broken(tmp_path, kind)
    with pytest.raises(PictureError, match=sentence) as caught:
        for _ in open_clip(path).frames():
            pass
    assert str(path.name) in str(caught.value)
    assert str(caught.value).count(". ") == 0


def test_frames_of_a_sequence_that_are_missing_or_of_another_size(tmp_path):
    for number in (1, 2, 4):
        Image.fromarray(np.zeros((4, 6), np.uint8)).save(tmp_path / f"a{number}.png")
    with pytest.raises(PictureError, match=r"a3\.png is missing"):
        open_clip(tmp_path / "a%d.png")
    Image.fromarray(np.zeros((5, 6), np.uint8)).save(tmp_path / "a3.png")
    with pytest.raises(PictureError, match=r"a3\.png has 6×5 pixels, the frames before it 6×4"):
        list(open_clip(tmp_path / "a%d.png").frames())
    with pytest.raises(PictureError, match="There are no files"):
        open_clip(tmp_path / "b%d.png")
