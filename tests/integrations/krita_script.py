"""Run inside Krita by test_krita.py: harmonizes a layer in a group, and reports the result."""

import json
import os
import sys
import traceback
import types


def document():
    from krita import Krita

    app, folder = Krita.instance(), os.environ["CDTNET_TEST"]
    app.setBatchmode(True)
    scene = app.openDocument(os.path.join(folder, "scene.png"))
    source = app.openDocument(os.path.join(folder, "object.png"))
    source.setColorSpace(scene.colorModel(), scene.colorDepth(), scene.colorProfile())
    source.waitForDone()
    size = 0, 0, scene.width(), scene.height()
    group, layer = scene.createGroupLayer("group"), scene.createNode("object", "paintlayer")
    above = scene.createNode("above", "paintlayer")
    layer.setPixelData(source.topLevelNodes()[0].pixelData(*size), *size)
    above.setPixelData(b"\xff" * (4 * 10 * 10), 0, 0, 10, 10)
    group.addChildNode(layer, None)
    for node in (group, above):
        scene.rootNode().addChildNode(node, None)
    scene.refreshProjection()
    scene.waitForDone()
    return scene, layer, above


def work():
    from krita import InfoObject

    folder = os.environ["CDTNET_TEST"]
    package = types.ModuleType("cdtnet_layer")  # without its __init__, which adds to menus that are not there
    package.__path__ = [os.path.join(os.environ["CDTNET_PLUG_IN"], "cdtnet_layer")]
    sys.modules["cdtnet_layer"] = package
    from cdtnet_layer.layers import harmonize
    from cdtnet_layer.program import DEFAULTS

    scene, layer, above = document()
    group = layer.parentNode()
    seen = {}
    try:
        harmonize(scene, layer, {**DEFAULTS, "command": "no-such-program"})
    except ValueError as error:
        seen["absent"] = str(error)
    seen["before"] = [node.name() for node in group.childNodes()]
    seen["said"] = harmonize(scene, layer, {**DEFAULTS, "command": os.environ["CDTNET_COMMAND"]})
    scene.waitForDone()
    seen["after"] = [(node.name(), node.visible()) for node in group.childNodes()]
    above.setVisible(False)
    scene.refreshProjection()
    scene.waitForDone()
    scene.setBatchmode(True)
    scene.exportImage(os.path.join(folder, "made.png"), InfoObject())
    return seen


def main(*_):
    try:
        seen = work()
    except BaseException:
        seen = {"error": traceback.format_exc()}
    with open(os.path.join(os.environ["CDTNET_TEST"], "seen.json"), "w") as stream:
        json.dump(seen, stream)
    os._exit(0)
