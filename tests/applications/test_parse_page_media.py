"""The end of a parse's page: its media and its script, for the file beside it or for an app's proxies."""

import base64
import hashlib
import json
import re

import pytest

from finegym.applications.parse.page_media import PageClip, format_ending, hash_script, replace_ending
from finegym.errors import ConfigError

PAGE = "<!doctype html><html><body><p>&lt;script type=&quot;application/json&quot; id=&quot;media&quot;&gt;</p>\n"
BESIDE = [PageClip("../final.mp4", 40.0, 90_000.0)]
PROXIES = [PageClip("/media/t/proxy-000.mp4", 40, 60_000), PageClip("/media/t/proxy-001.mp4", 50_000, 90_000)]


def read_ending(page: str) -> tuple[list[dict], str]:
    """Clips and script as a browser finds them."""
    data, script = re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)
    return json.loads(data), script


def test_only_the_media_of_a_page_change():
    page = PAGE + format_ending(BESIDE)
    assert read_ending(page)[0] == [{"src": "../final.mp4", "start_ms": 40.0, "end_ms": 90_000.0}]
    served = replace_ending(page, PROXIES)
    assert served.startswith(PAGE) and served.endswith("</html>\n")
    assert [one["src"] for one in read_ending(served)[0]] == [one.src for one in PROXIES]
    assert replace_ending(served, BESIDE) == page


def test_a_policy_that_names_the_script_allows_what_the_page_has():
    _, script = read_ending(format_ending(BESIDE))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert hash_script() == f"'sha256-{digest}'"


def test_a_script_of_another_version_is_replaced_and_no_address_ends_the_element():
    foreign = PAGE + format_ending(BESIDE).replace("const clips", "alert(1); const clips")
    assert "alert" not in replace_ending(foreign, BESIDE)
    clips, _ = read_ending(format_ending([PageClip("</script><script>alert(1)</script>", 0, 1)]))
    assert clips[0]["src"] == "</script><script>alert(1)</script>"


def test_a_page_without_media_is_refused():
    with pytest.raises(ConfigError, match="an earlier version"):
        replace_ending(PAGE, BESIDE)
