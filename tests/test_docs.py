"""The documentation is under test: every verb is documented, has an example, and the site builds without a warning."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer

from finegym import __version__
from finegym.cli.app import app

ROOT = Path(__file__).parents[1]
DOCS = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md")))


def find_verbs():
    """(words of the command, click command) of every verb."""

    def descend(command, words):
        if hasattr(command, "commands"):
            for name, child in command.commands.items():
                yield from descend(child, [*words, name])
        else:
            yield words, command

    yield from descend(typer.main.get_command(app), ["finegym"])


VERBS = {" ".join(words): command for words, command in find_verbs()}


def test_there_are_verbs():
    assert {"finegym demo", "finegym simulate", "finegym train", "finegym predict"} <= set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_verb_is_documented(verb):
    assert verb in DOCS, f"{verb} is on no page of docs/"


@pytest.mark.parametrize("verb", VERBS)
def test_help_ends_with_an_example(verb):
    command = VERBS[verb]
    assert command.help, f"{verb} has no help"
    last = command.help.strip().splitlines()[-1]
    assert verb in last, f"the help of {verb} should end with an example, ends with {last!r}"


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_has_help(verb):
    missing = [p.name for p in VERBS[verb].params if p.name != "help" and not getattr(p, "help", None)]
    assert missing == []


@pytest.mark.parametrize("page", ["README.md", *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))])
def test_commands_in_prose_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = [
        line.strip().removeprefix("$ ")
        for block in re.findall(r"```(?:console|bash|sh)\n(.*?)```", text, re.S)
        for line in block.splitlines()
    ]
    commands = [line for line in lines if re.match(r"(\.venv/bin/)?finegym ", line)]
    for line in commands:
        words = line.removeprefix(".venv/bin/").split()
        known = any(words[: len(verb.split())] == verb.split() for verb in VERBS) or words[1].startswith("-")
        assert known, f"{page}: {line!r} is no command of finegym"
        verb = next((v for v in sorted(VERBS, key=len, reverse=True) if words[: len(v.split())] == v.split()), None)
        if verb:
            options = {option for p in VERBS[verb].params for option in [*p.opts, *p.secondary_opts]}
            used = {w.split("=")[0] for w in words if w.startswith("--")} - {"--help", "--traceback"}
            assert used <= options, f"{page}: {line!r} uses unknown options {used - options}"


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    missing = [path.name for path in (ROOT / "docs").glob("*.md") if path.name not in navigation]
    assert missing == []


def test_every_recipe_is_mentioned_and_every_room_described():
    missing = [path.name for path in (ROOT / "recipes").glob("*.toml") if path.stem not in DOCS]
    assert missing == []
    rooms = [p.name for p in (ROOT / "src/finegym").iterdir() if p.is_dir() and p.name != "__pycache__"]
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert [room for room in rooms if f"`{room}/`" not in page] == []


def test_version_and_changelog_agree():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert version == __version__
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_site_builds_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert (tmp_path / "site" / "index.html").exists()


def test_no_path_of_a_machine_is_in_the_repository():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    pattern = re.compile(r"(?<![\w}])/(?:work|root|home)/\w")  # not in the middle of an address
    hits = []
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".yaml", ".yml", ".j2", ""} and path.is_file():
            hits += [
                f"{name}: {line}" for line in path.read_text(encoding="utf-8").splitlines() if pattern.search(line)
            ]
    assert [hit for hit in hits if "re.compile" not in hit] == []
