"""Files from others run no code: pickles go through ``safe_pickle``, weights through PyTorch's safe reader."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "finegym"
SAFE_PICKLE = PACKAGE / "features" / "pose" / "safe_pickle.py"
FORBIDDEN = {
    *("pickle.load", "pickle.loads", "pickle.Unpickler", "pandas.read_pickle", "joblib.load"),
    *("yaml.load", "yaml.unsafe_load", "yaml.full_load", "marshal.load", "marshal.loads", "shelve.open", "dill.load"),
}


def find_unsafe_calls(source: str):
    """Line and name of calls that run what is in a file."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        options = {one.arg: ast.unparse(one.value) for one in node.keywords}
        if name in FORBIDDEN and options.get("Loader") not in {"yaml.SafeLoader", "SafeLoader"}:
            yield node.lineno, name
        if name == "torch.load" and options.get("weights_only") != "True":
            yield node.lineno, "torch.load without weights_only=True"
        if options.get("allow_pickle", "False") != "False":
            yield node.lineno, f"{name} with allow_pickle"


@pytest.mark.parametrize(
    ("line", "is_safe"),
    [
        ("pickle.load(file)", False),
        ("torch.load(path)", False),
        ("torch.load(path, weights_only=True)", True),
        ("np.load(path, allow_pickle=True)", False),
        ("np.load(path, allow_pickle=False)", True),
        ("yaml.load(text, Loader=yaml.Loader)", False),
        ("yaml.safe_load(text)", True),
        ("pickle.dump(content, file)", True),
    ],
)
def test_calls_that_run_what_they_read_are_found(line, is_safe):
    assert (list(find_unsafe_calls(line)) == []) == is_safe


def test_no_file_is_read_by_running_it():
    found = [
        f"{path.relative_to(PACKAGE)}:{line}: {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path != SAFE_PICKLE
        for line, name in find_unsafe_calls(path.read_text(encoding="utf-8"))
    ]
    assert found == []
