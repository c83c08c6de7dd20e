"""What the documents promise."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

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


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []
