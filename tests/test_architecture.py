"""The import graph of the package, from its sources: only imports of lower layers, and no cycles.

All imports count: at the top, inside a function, or under TYPE_CHECKING.
"""

import ast
from pathlib import Path

import cdtnet

PACKAGE = Path(cdtnet.__file__).parent

# From the ground up. A room may import itself and what is below it; rooms in one line do not know each other.
FLOORS = (
    ("errors", "config", "_version"),
    ("system",),
    ("imaging",),
    ("weights",),
    ("model",),
    ("engines",),
    ("inference",),
    ("video",),
    ("datasets",),
    ("composites",),
    ("batch", "web"),
    ("web.app", "web.api"),
    ("synthesize", "training", "evaluation", "study"),  # the researchers' wing
    ("cli",),
    ("", "__main__"),  # the package itself, which names the public API
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def name_of(path: Path) -> str:
    """Return a module's name within the package; "" is the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported_by(module: str) -> set[str]:
    """Return the modules of the package that a module imports, by their names within it."""
    path = SOURCES[module]
    package = ["cdtnet", *module.split(".")] if module else ["cdtnet"]
    if path.name != "__init__.py":
        package.pop()
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {within(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*origin, *([node.module] if node.module else [])])
            names = {f"{base}.{alias.name}" for alias in node.names}
            found |= {within(name) if within(name) in SOURCES else within(base) for name in names}
    return found & SOURCES.keys() - {module}


def within(name: str) -> str | None:
    """Return a dotted name without the package's; None if it is not in the package."""
    if name == "cdtnet":
        return ""
    return name.removeprefix("cdtnet.") if name.startswith("cdtnet.") else None


def room_of(module: str) -> str:
    """Return the layer of a module: the longest declared name with which it begins."""
    parts = module.split(".")
    names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next(name for name in names if name in FLOOR_OF)


GRAPH = {module: imported_by(module) for module in SOURCES}


def reached_from(module: str) -> set[str]:
    """Return a module and all modules that it imports, directly or indirectly."""
    reached, new = set[str](), {module}
    while new:
        reached |= new
        new = set[str]().union(*(GRAPH[name] for name in new)) - reached
    return reached


def test_every_module_is_in_a_declared_room():
    assert {room_of(module) for module in GRAPH} == FLOOR_OF.keys()


def test_imports_are_found_wherever_they_stand():
    assert {"inference.harmonizer", "imaging.picture", "imaging.read"} <= reached_from("cli.harmonize")
    assert "model" in GRAPH["engines.opening"]  # under TYPE_CHECKING
    assert "web.app.server" in GRAPH["cli.app"]  # in a function
    assert "evaluation.report.plots" in GRAPH["evaluation.report"]  # from . import plots


def test_the_tests_have_the_same_rooms():
    folders = {path.name for path in Path(__file__).parent.iterdir() if (path / "__init__.py").exists()}
    rooms = {room.split(".")[0] for room in FLOOR_OF}
    assert folders - rooms == {"integrations", "parity", "reliability"}  # of what is beside the package


def test_no_import_leads_upwards():
    upward = {
        f"{module} imports {other}"
        for module, others in GRAPH.items()
        for other in others
        if room_of(module) != room_of(other) and FLOOR_OF[room_of(other)] >= FLOOR_OF[room_of(module)]
    }
    assert not upward


def test_no_imports_go_in_a_circle():
    graph = {module: set(others) for module, others in GRAPH.items()}
    while ends := ends_of(graph):
        graph = {module: others - ends for module, others in graph.items() if module not in ends}
    assert not graph


def ends_of(graph: dict[str, set[str]]) -> set[str]:
    """Return the modules that import nothing of a graph, and those that nothing of it imports."""
    imported = set[str]().union(*graph.values())
    return {module for module, others in graph.items() if not others or module not in imported}
