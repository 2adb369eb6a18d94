"""Layers of a Krita document: exported to files, harmonized, and inserted."""

import tempfile
from pathlib import Path

from krita import InfoObject, Krita

from .program import call, command


def harmonize(document, node, settings, waiting=lambda: True):
    """Insert a harmonized copy of a layer above it and hide the layer; return the program's message.

    Args:
        document: A document.
        node: One of its layers.
        settings: As in `program.DEFAULTS`.
        waiting: As for `program.call`.

    Raises:
        ValueError: Harmonizing failed, for the given reason; the document is unchanged.
    """
    with tempfile.TemporaryDirectory(prefix="cdtnet-") as folder:
        files = [str(Path(folder) / f"{name}.png") for name in ("layer", "below", "whole", "result")]
        words = command(settings, *files)
        export(document, node, files[0], alone=True)
        export(document, node, files[1], alone=False)
        said = call(words, waiting)
        insert(document, node, files[3])
    return said


def export(document, node, path, *, alone):
    """Write a layer alone without its opacity, or the visible layers below it, in the document's size."""
    copy = document.clone()
    copy.setBatchmode(True)
    try:
        group = copy.rootNode()
        place = path_of(node)
        for depth, index in enumerate(place):
            children = group.childNodes()
            for k, child in enumerate(children):
                if (k != index) if alone else (k > index):
                    child.setVisible(False)
            group = children[index]
            if depth == len(place) - 1:
                group.setVisible(alone)
            elif alone:
                group.setVisible(True)
        if alone:
            group.setOpacity(255)
            group.setBlendingMode("normal")
        copy.refreshProjection()
        copy.waitForDone()
        if not copy.exportImage(path, InfoObject()):
            raise ValueError("Krita could not write the layer into a PNG file.")
    finally:
        copy.close()


def path_of(node):
    """Return the indices of a layer and of the groups around it among their siblings, from the root."""
    parent = node.parentNode()
    if parent is None:
        return []
    names = [child.uniqueId() for child in parent.childNodes()]
    return [*path_of(parent), names.index(node.uniqueId())]


def insert(document, node, path):
    """Add a layer with the pixels of a file above another one, and hide that."""
    source = Krita.instance().openDocument(path)
    try:
        source.setBatchmode(True)
        source.setColorSpace(document.colorModel(), document.colorDepth(), document.colorProfile())
        source.waitForDone()
        size = 0, 0, document.width(), document.height()
        result = document.createNode(f"{node.name()} harmonized", "paintlayer")
        result.setPixelData(source.topLevelNodes()[0].pixelData(*size), *size)
    finally:
        source.close()
    result.setOpacity(node.opacity())
    result.setBlendingMode(node.blendingMode())
    node.parentNode().addChildNode(result, node)
    node.setVisible(False)
    document.setActiveNode(result)
    document.refreshProjection()
