"""Bundles made of other bundles."""

from __future__ import annotations

import hashlib
import json
import zipfile


def rewrite_calibration(bundle, out, change, **changes):
    """The same bundle, whose calibrations are what ``change`` makes of them; ``changes`` are of its facts."""
    with zipfile.ZipFile(bundle) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    facts = json.loads(contents["bundle.json"]) | changes
    for name in facts["files"]:
        if name.endswith("calibration.json"):
            contents[name] = json.dumps(change(json.loads(contents[name]))).encode()
            facts["files"][name] = hashlib.sha256(contents[name]).hexdigest()
    contents["bundle.json"] = json.dumps(facts).encode()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return out


def make_overconfident(bundle, out, **changes):
    """The same bundle, sharpened a thousandfold, to which everything looks familiar; ``changes`` are of its facts."""
    return rewrite_calibration(
        bundle, out, lambda content: content | {"temperature": 0.001, "energies": [-1e9] * 100}, **changes
    )
