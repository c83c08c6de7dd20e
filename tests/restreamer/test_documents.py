"""What the documents promise."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.management import load_command_class
from django.urls import resolve

DOCUMENTS = [settings.BASE_DIR / "README.md", *sorted((settings.BASE_DIR / "docs").glob("*.md"))]


def test_every_variable_has_its_sentence():
    code = (settings.BASE_DIR / "restreamer" / "settings.py").read_text()
    names = set(re.findall(r'env_\w+\(\s*"(\w+)"', code)) | {"TZ"}
    told = (settings.BASE_DIR / "docs" / "settings.md").read_text()
    assert len(names) > 20
    assert sorted(name for name in names if f"`{name}`" not in told) == []


def test_no_variable_is_told_that_nobody_reads():
    code = (settings.BASE_DIR / "restreamer" / "settings.py").read_text()
    told = (settings.BASE_DIR / "docs" / "settings.md").read_text()
    assert sorted(name for name in set(re.findall(r"^\| `(\w+)`", told, re.M)) if f'"{name}"' not in code) == []


def test_every_default_that_is_a_plain_value_is_told():
    code = (settings.BASE_DIR / "restreamer" / "settings.py").read_text()
    told = (settings.BASE_DIR / "docs" / "settings.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| `?(.*?)`? \|", told, re.M)
    assert len(rows) == len(dict(rows)), "a variable has two rows"
    plain = re.findall(r'env_(int|float|bool|choice)\(\s*"(\w+)", (?:default=)?(True|False|"\w+"|[\d_. *]+)[,)]', code)
    assert len(plain) > 30
    defaults = {name: _told_value(kind, written) for kind, name, written in plain}
    assert {name: dict(rows)[name] for name in defaults} == defaults


def _told_value(kind: str, written: str) -> str:
    """A default as the table writes it."""
    if kind == "bool":
        return "1" if written == "True" else "0"
    if kind == "choice":
        return written.strip('"')
    product = 1.0
    base_and_power = re.sub(r"\b(\d+)\*\*(\d+)", lambda match: str(int(match[1]) ** int(match[2])), written)
    for factor in base_and_power.split("*"):
        product *= float(factor)
    return f"{product:.15g}"


COMMANDS = ("backup", "catalogue", "channel", "epg", "import", "portal", "session", "sessions", "user", "viewer", "vod")
#: Django's own, and what all ours take.
_EVERYWHERE = {
    *("--version", "--settings", "--pythonpath", "--traceback", "--no-color", "--force-color", "--skip-checks"),
    "--json",
}


def _words(parser: argparse.ArgumentParser) -> Iterator[str]:
    """What a command's verbs are told to do: `add`, `--mac` …"""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb, of_verb in action.choices.items():
                yield verb
                yield from _words(of_verb)
        elif len(action.option_strings) == 1 and not isinstance(action, argparse._HelpAction):
            yield action.option_strings[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_verb_and_option_of_a_command_is_told(name):
    parser = load_command_class("restreamer", name).create_parser("manage.py", name)
    told = (settings.BASE_DIR / "docs" / "commands.md").read_text()
    words = set(_words(parser)) - _EVERYWHERE
    missing = [word for word in words if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", told)]
    assert sorted(missing) == []


def test_every_address_that_is_told_is_answered():
    told = (settings.BASE_DIR / "docs" / "addresses.md").read_text()
    addresses = [word for row in re.findall(r"^\| (`/.*?) \| ", told, re.M) for word in re.findall(r"`(/[^`]*)`", row)]
    assert len(addresses) > 30
    for address in addresses:
        path = re.sub(r"<(?:start|name|password|portal|kind|digest)>", "word", address.replace(" …", ""))
        path = re.sub(r"<[^>]*>", "1", path).replace("/T/", "/token/").partition("?")[0]
        assert getattr(resolve(path).func, "__name__", "") not in ("nowhere", "no_channel"), address


def test_the_readme_names_every_document_once():
    readme = (settings.BASE_DIR / "README.md").read_text()
    names = [document.name for document in DOCUMENTS if document.parent.name == "docs"]
    assert {name: readme.count(f"](docs/{name})") for name in names} == dict.fromkeys(names, 1)


def test_changes_are_short_and_told_once():
    lines = [line for line in (settings.BASE_DIR / "CHANGELOG.md").read_text().splitlines() if line.startswith("- ")]
    assert [line for line in lines if len(line) > 200] == []
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []
