"""The menu entry, its dialog and its progress."""

from krita import Extension, Krita
from PyQt5.QtCore import QSettings, Qt
from PyQt5.QtWidgets import (
    QApplication,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLineEdit,
    QMessageBox,
    QProgressDialog,
)

from .layers import harmonize
from .program import DEFAULTS

TITLE = "Harmonize Layer"


class HarmonizeLayer(Extension):
    """Tools ▸ Harmonize Layer."""

    def setup(self):
        """Do nothing: there is nothing to prepare."""

    def createActions(self, window):  # noqa: N802 – Krita's name
        """Create the menu entry of a window."""
        window.createAction("cdtnet_harmonize_layer", f"{TITLE}…", "tools").triggered.connect(self.run)

    def run(self):
        """Ask for settings, then harmonize the active layer."""
        document = Krita.instance().activeDocument()
        node = document.activeNode() if document else None
        if node is None or "layer" not in node.type():
            QMessageBox.warning(None, TITLE, "Choose the layer that is to be harmonized.")
            return
        dialog = Settings()
        if dialog.exec_() != QDialog.Accepted:
            return
        progress = QProgressDialog("Harmonizing…", "Cancel", 0, 0)
        progress.setWindowModality(Qt.ApplicationModal)
        progress.show()

        def waiting():
            QApplication.processEvents()
            return not progress.wasCanceled()

        try:
            said = harmonize(document, node, dialog.values(), waiting)
        except (OSError, ValueError) as error:
            said = str(error)
        finally:
            progress.close()
        if said:
            QMessageBox.information(None, TITLE, said)


class Settings(QDialog):
    """The dialog of the settings, which are remembered."""

    def __init__(self):
        super().__init__()
        self.setWindowTitle(TITLE)
        self.store = QSettings("cdtnet", "krita")
        form = QFormLayout(self)
        self.numbers = {}
        for name, label, most in (("strength", "Strength", 1), ("tone", "Tone", 2), ("color", "Color", 2)):
            self.numbers[name] = box = QDoubleSpinBox(minimum=0, maximum=most, singleStep=0.05)
            box.setValue(float(self.store.value(name, DEFAULTS[name])))
            form.addRow(label, box)
        self.keep_hue = QCheckBox("Keep hue")
        self.keep_hue.setChecked(self.store.value("keep_hue", "false") == "true")
        form.addRow(self.keep_hue)
        self.command = QLineEdit(str(self.store.value("command", DEFAULTS["command"])))
        form.addRow("Command", self.command)
        buttons = QDialogButtonBox(QDialogButtonBox.Ok | QDialogButtonBox.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form.addRow(buttons)

    def values(self):
        """Return the settings, as in `program.DEFAULTS`."""
        values = {name: box.value() for name, box in self.numbers.items()}
        values["keep_hue"] = self.keep_hue.isChecked()
        values["command"] = self.command.text()
        for name, value in values.items():
            self.store.setValue(name, str(value).lower() if name == "keep_hue" else value)
        return values
