"""The OpenVINO engine, compared with the PyTorch modules."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import cdtnet
from cdtnet.config import Config
from cdtnet.engines.opening import open_engine
from cdtnet.engines.openvino import GRAPHS, OpenVinoEngine
from cdtnet.inference import painter
from cdtnet.model.loading import build
from cdtnet.weights import SHIPPED, Weights, load_weights, write_weights

from ..processes import until
from .conftest import DEMO
from .networks import network, patches, pictures, plain

pytestmark = pytest.mark.filterwarnings("ignore:The mask")


def light(model) -> cdtnet.Harmonizer:
    return cdtnet.Harmonizer(model, "cpu", engine="openvino", precision="float32")


def assert_equal(harmonizer, model, size):
    for make in (pictures, patches):
        (image,), (mask,) = make(*size)
        image = np.where(mask > 0, image / 3, image)  # or those that ship find nothing to change
        ours = harmonizer(image, mask[..., 0]).image
        np.testing.assert_allclose(ours, plain(model, image[None], mask[None])[0], rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.nightly] * (name == "cdtnet-512")) for name in SHIPPED],
)
def test_shipped_weights(name):
    assert_equal(light(name), cdtnet.load_model(name), (97, 301))


@pytest.mark.parametrize(
    "config",
    [
        Config("cdtnet", base_size=64, luts=1),
        Config("cdtnet", base_size=128, luts=8, antialias=True),
        Config("cdtnet", base_size=64, luts=2, antialias=True, residual=True),
        Config("cdtnet", base_size=64, antialias=True, residual=True, second_look=True),
        Config("cdtnet", base_size=32, second_look=True),
        Config("cdtnet", base_size=32, close_up=True),
        Config("cdtnet", base_size=64, antialias=True, residual=True, second_look=True, close_up=True),
        Config("cdtnet-sim", base_size=8, luts=2),
        Config("cdtnet-sim", base_size=16, luts=2, second_look=True),
        Config("cdtnet-sim", base_size=16, luts=2, antialias=True, close_up=True),
        Config("is2am", base_size=72, antialias=True),
        Config("is2am", base_size=64, second_look=True),
        Config("is2am", base_size=64, second_look=True, close_up=True),
    ],
    ids=str,
)
def test_other_networks(config, tmp_path):
    model = network(config)
    write_weights(tmp_path / "other.safetensors", model, {}, ranges=False)
    harmonizer = light(tmp_path / "other.safetensors")
    assert harmonizer.engine.config == config
    for size in ((97, 131), (33, 300), (1, 50)):
        assert_equal(harmonizer, model, size)


def test_the_variants_of_published_like_weights(weights, official_model):
    given = load_weights(weights)
    for variant, boxes in (("cdtnet-sim", ("generator", "color_mapping")), ("is2am", ("generator",))):
        entries = {k: v for k, v in given.entries.items() if k.startswith(boxes)}
        part = Weights(variant, replace(given.config, variant=variant), entries)
        harmonizer = light(weights)
        harmonizer.engine = OpenVinoEngine(part)
        assert_equal(harmonizer, build(part), (97, 131))


def without(name):
    return lambda entries: entries.pop(name)


def shaped(name, *shape):
    return lambda entries: entries.update({name: np.zeros(shape, np.float32)})


@pytest.mark.parametrize(
    "breaks",
    [
        (without("generator.blend.rgb.bias"),),
        (shaped("refinement.extra", 1),),
        (shaped("color_mapping.weigh.bias", 7),),
        (shaped("color_mapping.basis", 7, 3, 33, 33, 33),),
        (shaped("generator.blend.rgb.bias"), shaped("refinement.convs.0.weight", 64, 38, 3, 3)),
        (without("refinement.convs.1.running_var"), shaped("odd", 2), shaped("color_mapping.basis", 4)),
    ],
)
def test_weights_that_do_not_fit_get_the_sentence_that_pytorch_gives(official_model, breaks):
    entries = {name: value.numpy() for name, value in official_model.state_dict().items()}
    for change in breaks:
        change(entries)
    weights, said = Weights("broken", official_model.config, entries), []
    for load in (build, OpenVinoEngine):
        with pytest.raises(cdtnet.WeightsError) as caught:
            load(weights)
        said.append(str(caught.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("large", [painter.LARGE, 1])
def test_threads_share_an_engine(weights, monkeypatch, large):
    """Threads may release memory while others compute."""
    monkeypatch.setattr(painter, "LARGE", large)
    harmonizer = light(weights)
    sizes = [(60 + 37 * k, 300 - 29 * k) for k in range(6)]
    composites = [(image[0], mask[0, ..., 0]) for image, mask in (pictures(*size) for size in sizes)]
    expected = [harmonizer(*composite).image.tobytes() for composite in composites]
    with ThreadPoolExecutor(6) as pool:
        for _ in range(2):
            found = pool.map(lambda composite: harmonizer(*composite).image.tobytes(), composites)
            assert list(found) == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"engine": "onnx"}, "no engine 'onnx'"),
        ({"precision": "int4"}, "no precision 'int4'"),
        ({"precision": "int8"}, "not in int8"),
        ({"precision": "int8", "engine": "pytorch"}, "not in int8"),
        ({"engine": "openvino", "device": "cuda"}, "use the engine pytorch"),
        ({"engine": "openvino", "device": "meta"}, "use the engine pytorch"),
        ({"engine": "pytorch", "device": "abacus"}, "'abacus' cannot be used here"),
        ({"engine": "auto", "device": "abacus"}, "'abacus' cannot be used here"),
    ],
)
def test_what_cannot_be_used_gets_a_sentence(weights, options, words):
    with pytest.raises(cdtnet.CdtnetError, match=words) as caught:
        cdtnet.Harmonizer(weights, **options)
    assert re.fullmatch(r"[^\n]+\.", str(caught.value))


def test_modules_are_run_by_pytorch_only(official_model):
    with pytest.raises(cdtnet.CdtnetError, match="only on the engine pytorch"):
        open_engine(official_model, "cpu", "openvino")
    assert open_engine(official_model, "cpu").describe().startswith("PyTorch")


def test_the_cpus_engine_is_openvino_where_it_can_be(weights, tmp_path):
    assert isinstance(open_engine(weights, "cpu"), OpenVinoEngine)
    write_weights(tmp_path / "ablation.safetensors", network(Config(base_size=8, split=False)), {})
    assert open_engine(tmp_path / "ablation.safetensors", "cpu").describe().startswith("PyTorch")


def in_a_process(code: str) -> str:
    """Return the output of code in a new process."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_nothing_is_sent_to_anyone():
    """Otherwise OpenVINO's package reports its import to a server."""
    assert (
        in_a_process(f"""
import os, socket, sys
def call(*arguments, **options):
    os.write(2, b"the network is used")
    os._exit(1)
socket.socket = socket.getaddrinfo = socket.create_connection = call
import numpy as np
from cdtnet import Harmonizer
result = Harmonizer("cdtnet-sim", "cpu")({str(DEMO / "composite.jpg")!r}, {str(DEMO / "mask.png")!r})
print(sys.modules["openvino_telemetry"])
""")
        == "None"
    )


@pytest.mark.slow
def test_the_converter_is_imported_when_it_is_used():
    """It takes a third of OpenVINO's import, and nothing here needs it; other code in the process may."""
    graph = GRAPHS / "lookup.onnx"
    assert in_a_process(f"""
import sys
from cdtnet import Harmonizer
Harmonizer("cdtnet-sim", "cpu")
print("openvino.tools.ovc" in sys.modules)
import openvino
print(openvino.convert_model({str(graph)!r}).output("mapped").any_name)
""").splitlines() == ["False", "mapped"]


@pytest.mark.slow
def test_ctrl_c_after_engines_have_come_and_gone():
    """OpenVINO changes the stack of signal handlers, which made Python's crash."""
    assert (
        in_a_process("""
import gc, signal
from threading import Thread
from cdtnet import Harmonizer
signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background shells have it ignored
kept = [Harmonizer("cdtnet-sim", "cpu") for _ in range(3)]
while kept:
    Thread(target=kept.pop).start()
    gc.collect()
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("stopped")
""")
        == "stopped"
    )


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Linux tells how many cores may be used")
def test_threads_are_no_more_than_the_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    engine = open_engine("cdtnet-sim", "cpu", engine="openvino")
    settings = engine._graphs["lookup"].compile()
    assert engine.parallel == settings.get_property("INFERENCE_NUM_THREADS") == 1
    assert settings.get_property("NUM_STREAMS") == 1
    assert engine.describe().endswith(", 1 threads")


def test_graphs_are_compiled_while_a_picture_is_read():
    engine = open_engine("cdtnet-sim", "cpu", engine="openvino")
    engine.prepare()
    engine.prepare()
    until(lambda: all(graph._compiled is not None for graph in engine._graphs.values()))


@pytest.mark.slow
def test_without_pytorch_every_shipped_model_harmonizes():
    assert in_a_process(f"""
import sys
sys.modules["torch"] = None
import numpy as np
import cdtnet
random = np.random.default_rng(0)
image, mask = random.integers(0, 256, (50, 60, 3), dtype=np.uint8), np.full((50, 60), 200, np.uint8)
for model in {list(SHIPPED)}:
    result = cdtnet.harmonize(image, mask, model=model)
    print(model, result.shape, bool((result != image).any()))
""").splitlines() == [f"{name} (50, 60, 3) True" for name in SHIPPED]


@pytest.mark.slow
@pytest.mark.parametrize(
    "use",
    [
        "cdtnet.load_model('cdtnet-256')",
        "cdtnet.Harmonizer('{file}.pth')",
        "cdtnet.Harmonizer(engine='pytorch')",
        "cdtnet.Harmonizer(device='cuda')",
        "run('evaluate', '{file}')",
        "run('train', '{file}')",
        "run('synthesize', 'recolor', '{file}', '--generate-masks', '--output', '{file}.out')",
        "run('convert', '{file}.pth', '{file}.safetensors')",
        "run('export', 'cdtnet-256', '{file}.out')",
    ],
)
def test_what_needs_pytorch_says_so(use, tmp_path):
    (tmp_path / "x").mkdir()
    Image.new("RGB", (300, 300)).save(tmp_path / "x" / "photo.jpg")
    (tmp_path / "x.pth").write_bytes(b"PK")
    said = in_a_process(f"""
import sys
sys.modules["torch"] = None
import cdtnet
from cdtnet.cli.main import main
def run(*arguments):
    sys.stderr = sys.stdout
    print(main(arguments))
try:
    {use.format(file=tmp_path / "x")}
except cdtnet.CdtnetError as error:
    print(f"cdtnet: {{error}}\\n1")
""")
    assert re.fullmatch(r"cdtnet: [^\n]+ needs torch: pip install 'cdtnet\[\w+\]'\.\n1", said)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x", "x.pth"]
