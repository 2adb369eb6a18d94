#!/usr/bin/env python3
"""GIMP 3 plug-in: Filters ▸ Harmonize Layer.

The active layer is recolored to match the visible layers below it; the result is a new layer above it. The
work is done by the command line program `cdtnet`, which is installed separately.
"""

import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, Gio, GLib, GObject  # noqa: E402

PROCEDURE = "cdtnet-harmonize-layer"


class HarmonizeLayer(Gimp.PlugIn):
    """The plug-in."""

    def do_set_i18n(self, name):
        """Return that there are no translations."""
        return False

    def do_query_procedures(self):
        """Return the names of the procedures."""
        return [PROCEDURE]

    def do_create_procedure(self, name):
        """Create the procedure: menu entry, and settings with their ranges."""
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, run, None)
        procedure.set_image_types("RGB*, GRAY*")
        procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
        procedure.set_menu_label("_Harmonize Layer…")
        procedure.add_menu_path("<Image>/Filters")
        procedure.set_documentation(
            "Recolor the layer to match the layers below it",
            "The active layer is recolored to match the visible layers below it; the result is a new layer.",
            name,
        )
        procedure.set_attribution("The cdtnet authors", "The cdtnet authors", "2026")
        flags = GObject.ParamFlags.READWRITE
        add = procedure.add_double_argument
        add("strength", "_Strength", "0 changes nothing, 1 harmonizes fully", 0, 1, 1, flags)
        add("tone", "_Tone", "Factor of the change of lightness", 0, 2, 1, flags)
        add("color", "_Color", "Factor of the change of color", 0, 2, 1, flags)
        procedure.add_boolean_argument("keep-hue", "_Keep hue", "For colors of products", False, flags)
        procedure.add_string_argument(
            "command", "Co_mmand", "The program: its name or full path", "cdtnet", flags
        )
        return procedure


def run(procedure, mode, image, drawables, config, data):
    """Ask for settings if GIMP is interactive, then harmonize."""
    if len(drawables) != 1 or not isinstance(drawables[0], Gimp.Layer):
        return failed(procedure, "Choose one layer to be harmonized.")
    if mode == Gimp.RunMode.INTERACTIVE and not confirmed(procedure, config):
        return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, GLib.Error())
    try:
        harmonize(image, drawables[0], config)
    except (OSError, ValueError, GLib.Error) as error:
        return failed(procedure, getattr(error, "message", None) or str(error))
    return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, GLib.Error())


def confirmed(procedure, config):
    """Show the settings, and return whether they were accepted."""
    gi.require_version("GimpUi", "3.0")
    from gi.repository import GimpUi

    GimpUi.init(PROCEDURE)
    dialog = GimpUi.ProcedureDialog.new(procedure, config, "Harmonize Layer")
    for name in ("strength", "tone", "color"):
        dialog.get_scale_entry(name, 1.0)
    dialog.fill(None)
    accepted = dialog.run()
    dialog.destroy()
    return accepted


def harmonize(image, layer, config):
    """Insert a harmonized copy of a layer above it, in one step of the undo history."""
    with tempfile.TemporaryDirectory(prefix="cdtnet-") as folder:
        files = {name: str(Path(folder) / f"{name}.png") for name in ("layer", "below", "whole", "result")}
        export(image, layer, files["below"], alone=False)
        export(image, layer, files["layer"], alone=True)
        call(command(config, files))
        image.undo_group_start()
        try:
            insert(image, layer, files["result"])
        finally:
            image.undo_group_end()
    Gimp.displays_flush()


def export(image, layer, path, *, alone):
    """Write the visible layers below a layer, or the layer alone without its opacity, in the image's size."""
    copy = image.duplicate()
    try:
        chosen = copy.get_layer_by_name(layer.get_name())
        hide_others(copy, chosen, alone)
        chosen.set_visible(alone)
        if alone:
            chosen.set_opacity(100)
            chosen.set_mode(Gimp.LayerMode.NORMAL)
        seen = Gimp.Layer.new_from_visible(copy, copy, "seen")
        copy.insert_layer(seen, None, 0)
        for other in copy.get_layers()[1:]:
            copy.remove_layer(other)
        if not alone:
            seen = copy.flatten()
        Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, copy, Gio.File.new_for_path(path), None)
    finally:
        copy.delete()


def hide_others(image, layer, alone):
    """Hide everything above a layer, also in its groups; and what is below, for the layer alone."""
    item = layer
    while item:
        group = item.get_parent()
        siblings = group.get_children() if group else image.get_layers()
        place = image.get_item_position(item)
        for other in siblings if alone else siblings[:place]:
            if other.get_id() != item.get_id():
                other.set_visible(False)
        if alone:
            item.set_visible(True)
        item = group


def command(config, files):
    """Return the command line; only settings that differ from the defaults are given."""
    words = shlex.split(config.get_property("command"))
    if not words or not shutil.which(words[0]):
        raise ValueError(
            f"The program {words[0] if words else 'cdtnet'} is not found: install it with "
            "'pipx install cdtnet', or give its full path as the command."
        )
    words += ["compose", files["layer"], files["below"], "--at=0,0", "--overwrite"]
    words += ["-o", files["whole"], "--layer", files["result"]]
    for name in ("strength", "tone", "color"):
        value = config.get_property(name)
        if value != 1:
            words += [f"--{name}", f"{value:.4f}"]
    return [*words, "--keep-hue"] if config.get_property("keep-hue") else words


def call(words):
    """Run a command, with GIMP's progress bar.

    Raises:
        ValueError: The command failed; its last message.
    """
    Gimp.progress_init("Harmonizing")
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
        try:
            while process.poll() is None:
                Gimp.progress_pulse()
                time.sleep(0.1)
        finally:
            if process.poll() is None:
                process.terminate()
        said.seek(0)
        lines = said.read().decode("utf-8", "replace").strip().splitlines()
    Gimp.progress_end()
    if process.returncode:
        raise ValueError(lines[-1].removeprefix("cdtnet: ") if lines else "cdtnet ended without a word.")
    for line in lines:
        if not line.startswith("Written"):
            Gimp.message(line)


def insert(image, layer, path):
    """Load the result above the layer, and hide the layer."""
    result = Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(path))
    result.set_name(f"{layer.get_name()} harmonized")
    result.set_opacity(layer.get_opacity())
    result.set_mode(layer.get_mode())
    image.insert_layer(result, layer.get_parent(), image.get_item_position(layer))
    layer.set_visible(False)
    image.set_selected_layers([result])


def failed(procedure, sentence):
    """Return the result for GIMP when nothing was changed."""
    error = GLib.Error.new_literal(GLib.quark_from_string(PROCEDURE), sentence, 0)
    return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, error)


Gimp.main(HarmonizeLayer.__gtype__, sys.argv)
