"""Imports point only up the house of DESIGN: a room may use the rooms above it and none below."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "finegym"

# Top to bottom. One line may hold several rooms that do not know each other.
HOUSE = (
    "errors",
    "files",
    "segments",
    "ray_engine",
    "jobs",
    "workspace",
    "codebook",
    "annotations",
    "report",
    "video",
    "simulation",
    "quality",
    "release",
    "evaluation",
    "features",
    "datasets",
    "models",
    "training",
    "localization",
    "studies",
    "applications",
    "labelling",
    "demo",
    "cli",
)
FLOOR = {room: floor for floor, room in enumerate(HOUSE)}
ONLY_ERRORS = {"models"}
NO_TORCH = {*HOUSE[: HOUSE.index("features")], "labelling"}
TORCH = {"torch", "torchvision", "accelerate", "timm"}

FILES = sorted(PACKAGE.rglob("*.py"))


def find_imports(path: Path):
    """(line, dotted module, at top level?) of every import in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top_level = set(map(id, tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, id(node) in top_level
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import; write it out"
            if node.module == "finegym":
                for alias in node.names:
                    yield node.lineno, f"finegym.{alias.name}", id(node) in top_level
            else:
                yield node.lineno, node.module, id(node) in top_level


def get_room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_up(path):
    room = get_room(path)
    if room in {"__init__", "__main__"}:
        return
    assert room in FLOOR, f"{path}: room {room!r} is not in the house; add it to HOUSE and to the docs"
    for line, module, _ in find_imports(path):
        parts = module.split(".")
        where = f"{path.relative_to(PACKAGE.parents[1])}:{line}: {room} imports {module}"
        if parts[0] in TORCH:
            assert room not in NO_TORCH, f"{where}: rooms above `features` work without torch"
        if parts[0] != "finegym" or len(parts) == 1 or parts[1] == room or parts[1] == "__version__":
            continue
        assert FLOOR[parts[1]] < FLOOR[room], f"{where}: imports point only up the house"
        if room in ONLY_ERRORS:
            assert parts[1] == "errors", f"{where}: {room} may import torch and errors only"


def test_every_room_has_tests():
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    tested = {path.name for path in Path(__file__).parent.iterdir() if path.is_dir()}
    assert rooms - tested == set()
