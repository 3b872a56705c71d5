"""The documentation: links lead somewhere, and commands, options and make targets that it names exist."""

import re
import shlex
from pathlib import Path
from urllib.parse import unquote

import click
import pytest
import yaml
from conftest import ROOT
from emoflow.cli import app
from typer.main import get_command

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SITE = ROOT / "mkdocs.yml"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
LARGEST = 200_000

ids = {"ids": lambda page: page.relative_to(ROOT).as_posix()}


def links(page: Path) -> list[str]:
    found = LINK.findall(FENCE.sub("", page.read_text()))
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(page: Path) -> set[str]:
    """The headings' anchors as Markdown renderers make them: lower case, no punctuation, dashes for spaces."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def commands(page: Path) -> list[str]:
    """Every `emoflow …` and `make …` in shell blocks and in code spans."""
    text = page.read_text()
    blocks = [body for language, body in FENCE.findall(text) if language == "sh"]
    lines = [part for body in blocks for line in body.splitlines() for part in re.split("&&|;", line)]
    spans = re.findall(r"`([^`]+)`", FENCE.sub("", text))
    return [
        " ".join(said.split()) for said in (*lines, *spans) if re.match(r"\s*(emoflow|make) [a-z-]", said)
    ]


def problem(said: str) -> str | None:
    """What is wrong with a command, or None."""
    words = shlex.split(said, comments=True)
    if words[0] == "make":
        missing = [word for word in words[1:] if "=" not in word and word not in TARGETS]
        return f"the Makefile has no target {missing}" if missing else None
    command, rest = get_command(app), words[1:]
    while isinstance(command, click.Group) or hasattr(command, "commands"):
        if not rest or rest[0].startswith("-"):
            break
        if rest[0] not in command.commands:
            return f"{command.name or 'emoflow'} has no command {rest[0]}"
        command = command.commands[rest.pop(0)]
    known = {option for each in command.params for option in each.opts} | {"--help", "…"}
    strange = [
        word.partition("=")[0]
        for word in rest
        if word.startswith("--") and word.partition("=")[0] not in known
    ]
    return f"{command.name} has no option {strange}" if strange else None


@pytest.mark.parametrize("page", PAGES, **ids)
def test_links_resolve(page):
    broken = []
    for link in links(page):
        name, _, anchor = unquote(link).partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.is_relative_to(ROOT) or not target.exists():
            broken.append(f"{link}: there is no such file")
        elif anchor and anchor not in anchors(target):
            broken.append(f"{link}: there is no such heading")
    assert not broken


@pytest.mark.parametrize("page", PAGES, **ids)
def test_commands_exist(page):
    wrong = {said: why for said in commands(page) if (why := problem(said))}
    assert not wrong


def test_the_readme_names_commands_to_check():
    found = commands(ROOT / "README.md")
    assert any(said.startswith("emoflow corpora add") for said in found)
    assert "make run" in {" ".join(said.split()[:2]) for said in found}


@pytest.mark.parametrize(
    "said",
    [
        "emoflow corpora befriend x",
        "emoflow nothing",
        "emoflow predict clip.mp4 --loudly",
        "make nothing",
    ],
)
def test_a_wrong_command_is_noticed(said):
    assert problem(said)


def test_every_page_is_in_the_navigation_or_left_out_by_name():
    site = yaml.safe_load(SITE.read_text())
    named = [each if isinstance(each, str) else next(iter(each.values())) for each in site["nav"]]
    named += site.get("not_in_nav", "").split()
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert sorted(named) == sorted(pages)


def test_the_readme_is_short_and_pictures_are_small():
    assert len((ROOT / "README.md").read_text().splitlines()) < 150
    assert not [
        path for path in (ROOT / "docs").rglob("*") if path.is_file() and path.stat().st_size > LARGEST
    ]
