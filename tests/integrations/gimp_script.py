"""Run inside GIMP by test_gimp.py: harmonizes a layer in a group, and reports the result."""

import json
import os

from gi.repository import Gimp, Gio

folder = os.environ["CDTNET_TEST"]


def file(name):
    return Gio.File.new_for_path(os.path.join(folder, name))


def run(image, layer, **settings):
    procedure = Gimp.get_pdb().lookup_procedure("cdtnet-harmonize-layer")
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_core_object_array("drawables", [layer])
    for name, value in settings.items():
        config.set_property(name, value)
    result = procedure.run(config)
    return result.index(0).value_nick, Gimp.get_pdb().get_last_error()


image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file("scene.png"))
group = Gimp.GroupLayer.new(image, "group")
image.insert_layer(group, None, 0)
layer = Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, image, file("object.png"))
layer.set_name("object")
image.insert_layer(layer, group, 0)
above = Gimp.Layer.new(image, "above", 10, 10, Gimp.ImageType.RGBA_IMAGE, 100, Gimp.LayerMode.NORMAL)
above.fill(Gimp.FillType.WHITE)
image.insert_layer(above, None, 0)
command = os.environ["CDTNET_COMMAND"]
seen = {
    "absent": run(image, layer, command="no-such-program"),
    "before": [item.get_name() for item in group.get_children()],
    "status": run(image, layer, command=command)[0],
    "after": [(item.get_name(), item.get_visible()) for item in group.get_children()],
    "steered": run(image, layer, command=command, strength=0.0)[0],
}
made, weak = group.get_children()[0], group.get_children()[1]
above.set_visible(False)
for name, shown in (("made.png", made), ("weak.png", weak)):
    for item in group.get_children():
        item.set_visible(item.get_name() == shown.get_name())
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, file(name), None)
with open(os.path.join(folder, "seen.json"), "w") as stream:
    json.dump(seen, stream)
