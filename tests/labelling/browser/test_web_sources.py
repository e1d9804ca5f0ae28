"""The web sources: their own tests, their types, and types of the API that are the server's."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from browser_tools import WEB, run_web

sys.path.insert(0, str(WEB))


def test_modules_pass_their_own_tests():
    run_web("vitest/vitest.mjs", "run")


def test_types_hold():
    run_web("typescript/bin/tsc", "--noEmit")


def test_client_types_are_made_from_the_servers_schema(tmp_path):
    from make_schema import make_schema

    (tmp_path / "openapi.json").write_text(json.dumps(make_schema()))
    made = tmp_path / "schema.d.ts"
    run_web("openapi-typescript/bin/cli.js", str(tmp_path / "openapi.json"), "--output", str(made))
    stored = WEB / "src" / "api" / "schema.d.ts"
    assert made.read_text() == Path(stored).read_text(), "the API changed: cd web && npm run schema"
