"""Krita plug-in: Tools ▸ Harmonize Layer."""

from krita import Krita

from .extension import HarmonizeLayer

Krita.instance().addExtension(HarmonizeLayer(Krita.instance()))
