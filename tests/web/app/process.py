"""`cdtnet app` as a process of its own, and pictures for it."""

import io
import json
import time

import numpy as np
from PIL import Image

from cdtnet.imaging import Picture, encode_picture
from tests.processes import Served


class AppProcess(Served):
    """The server, which ends with a `with` block; start() after kill() uses the same port."""

    def __init__(self, *options):
        super().__init__()
        self.options = options

    def start(self):
        self.begin("app", "--no-browser", *self.options)

    def request(self, method, path, body=None, **headers):
        """Return status, headers and body of a response; `path` has no leading slash."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        response, data = self.send(method, f"/{path}", body, headers)
        return response.status, response.headers, data

    def call(self, method, path, body=None):
        """Return the JSON of a successful request."""
        status, _, data = self.request(method, path, json.dumps(body) if isinstance(body, dict) else body)
        assert status < 300, data
        return json.loads(data) if data else None

    def result(self, session, what, **choice):
        """Return headers and content of a download."""
        status, headers, data = self.request("POST", f"{session}/result/{what}", json.dumps(choice))
        assert status == 200, data
        return headers, data

    def error(self, method, path, body=None, **headers):
        """Return status and message of a refused request."""
        status, _, data = self.request(method, path, body, **headers)
        assert status >= 400, data
        return status, json.loads(data)["error"]

    def open(self):
        return "api/sessions/" + self.call("POST", "api/sessions")["session"]

    def harmonize(self, session, **order):
        """Start a job and wait for its end."""
        job = self.call("POST", f"{session}/job", {"model": "cdtnet-sim", **order})
        while job["state"] in ("waiting", "running"):
            time.sleep(0.05)
            job = self.call("GET", f"{session}/job")
        return job


def photo(width, height, seed=0):
    """Make soft, colorful pixels (H, W, 3) uint8 without repetition."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def ramp(width, height):
    """Make gray, smooth pixels (H, W, 3) uint8, in which any foreground fits."""
    line = np.linspace(40, 220, width * height).astype(np.uint8)
    return line.reshape(height, width, 1).repeat(3, 2)


def disc(width, height, share=0.35):
    """Make a mask (H, W) uint8, white in a soft disc."""
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(x - width / 2, y - height / 2)
    return (np.clip(share * min(width, height) - distance, 0, 1) * 255).astype(np.uint8)


def encoded(pixels, kind="PNG", **options):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def encoded_deep(pixels):
    """Encode pixels (H, W, 3) uint16 as PNG."""
    return encode_picture(Picture(pixels), ".png")


def cut_out(width, height):
    """Make a reddish PNG, transparent outside a disc."""
    color = np.clip(photo(width, height, 5) * [1.0, 0.4, 0.3] + [40, 0, 0], 0, 255).astype(np.uint8)
    return encoded(np.dstack((color, disc(width, height, 0.45))))


def image(data):
    return np.asarray(Image.open(io.BytesIO(data)))
