"""The page for film, with direct requests."""

import numpy as np
import pytest

from cdtnet import Harmonizer, harmonize_video
from tests.video.films import composites, mattes, planes, write_film


@pytest.fixture
def film(app, tmp_path):
    """Return the address of a film with clip and matte."""
    name = "api/films/" + app.call("POST", "api/films")["film"]
    write_film(tmp_path / "clip.mkv", composites(3))
    write_film(tmp_path / "matte.mkv", mattes(3))
    for role in ("clip", "matte"):
        app.call("PUT", f"{name}/{role}", (tmp_path / f"{role}.mkv").read_bytes())
    yield name
    app.request("DELETE", name)


def test_a_film_comes_back_as_python_gives_it(app, film, tmp_path):
    job = app.harmonize(film, strength=0.6, suffix=".mkv")
    assert (job["state"], job["frames"], job["shots"]) == ("done", 3, 1)
    status, headers, data = app.request("GET", f"{film}/result")
    assert (status, headers["content-type"]) == (200, "video/x-matroska")
    (tmp_path / "found.mkv").write_bytes(data)
    clips = tmp_path / "clip.mkv", tmp_path / "matte.mkv"
    harmonize_video(*clips, tmp_path / "out.mkv", model=Harmonizer("cdtnet-sim"), strength=0.6)
    for (one, _), (other, _) in zip(
        planes(tmp_path / "found.mkv"), planes(tmp_path / "out.mkv"), strict=True
    ):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert app.request("GET", f"{film}/clip")[2] == (tmp_path / "clip.mkv").read_bytes()


def test_what_goes_wrong_is_said(app, film):
    app.call("PUT", f"{film}/matte", b"no video")
    job = app.harmonize(film)
    assert job["state"] == "failed"
    assert job["error"].startswith("The matte is not a readable video file")
    assert app.error("GET", f"{film}/result")[0] == 404
    assert app.error("PUT", f"{film}/elsewhere", b"")[0] == 404
    assert app.error("POST", f"{film}/job", b'{"suffix": "/../x"}')[0] == 400
    assert app.error("GET", "api/films/unknown/job")[0] == 404


def test_the_page_is_served_with_what_it_needs(app):
    for name in ("film.html", "film.js", "film.css"):
        assert app.request("GET", name)[0] == 200
    assert "media-src 'self'" in app.request("GET", "film.html")[1]["content-security-policy"]
