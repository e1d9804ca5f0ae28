"""The program on docs/clips.md that reads every clip once, as somebody would copy it."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from store_samples import build

from finegym.video.store.read import ClipStore

PAGE = Path(__file__).parents[3] / "docs" / "clips.md"


def test_the_example_gives_one_feature_a_clip_over_all_machines(dataset, folder, tmp_path):
    pytest.importorskip("torch")
    build(dataset, folder)
    (program,) = [
        text for text in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL) if "DataLoader" in text
    ]
    (tmp_path / "features.py").write_text(program)
    found = {}
    for rank in range(2):
        out = tmp_path / f"{rank}.npz"
        command = [sys.executable, tmp_path / "features.py", folder / "clips", str(rank), "2", out]
        subprocess.run(command, check=True, timeout=120)
        with np.load(out) as features:
            assert not found.keys() & set(features)
            found |= dict(features)
    store = ClipStore(folder / "clips")
    assert set(found) == set(store.instance_ids)
    for instance_id, feature in found.items():
        wanted = np.linspace(0, store.count_frames(instance_id) - 1, 8).round().astype(int)
        frames = store.read_frames(instance_id, wanted, short_side=224)
        np.testing.assert_allclose(feature, frames.mean((0, 1, 2)), rtol=1e-4)
