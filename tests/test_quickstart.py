"""examples/quickstart.ipynb, run in a Jupyter kernel."""

import shutil
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from cdtnet import Harmonizer
from cdtnet.imaging import Lut, read_picture

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the notebook's folder, in which it was executed."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(EXAMPLES / "photos", folder / "photos")
    notebook = nbformat.read(EXAMPLES / "quickstart.ipynb", as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
            patch.setenv(name, str(folder / "jupyter"))
        NotebookClient(notebook, resources={"metadata": {"path": folder}}).execute()
    nbformat.write(notebook, folder / "executed.ipynb")
    return folder


def outputs(path):
    """Return the outputs of code cells: text and HTML."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    return [
        [output.get("data", {}).get("text/plain", output.get("text")) for output in cell.outputs]
        for cell in cells
    ]


def test_it_runs_and_writes_what_python_gives(folder):
    composite, mask = (EXAMPLES / "photos" / name for name in ("dogs_composite.jpg", "dogs_mask.png"))
    result = Harmonizer("cdtnet-256")(composite, mask)
    result.image.save(folder / "expected.jpg")
    assert (folder / "dogs_harmonized.jpg").read_bytes() == (folder / "expected.jpg").read_bytes()
    assert np.abs(Lut.load(folder / "dogs.cube").table - result.lut.table).max() < 1e-6
    assert read_picture(folder / "dogs_harmonized.jpg").width == 1600


def test_it_shows_every_result_and_is_committed_as_it_runs(folder):
    committed = EXAMPLES / "quickstart.ipynb"
    assert committed.stat().st_size < 1_000_000
    assert outputs(committed) == outputs(folder / "executed.ipynb")
    pages = [
        output.data["text/html"]
        for cell in nbformat.read(committed, as_version=4).cells
        for output in cell.get("outputs", [])
        if "text/html" in output.get("data", {})
    ]
    assert [page.count("<img ") for page in pages] == [2, 2, 2]
