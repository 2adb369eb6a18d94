"""The folder for ComfyUI's `custom_nodes`; the nodes themselves are in the package `cdtnet`."""

from cdtnet.comfyui import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
