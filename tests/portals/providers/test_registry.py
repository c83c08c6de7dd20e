"""From a portal row to the code that speaks its protocol."""

from __future__ import annotations

import pytest

from portals.providers import registry
from portals.providers.stalker.provider import StalkerProvider
from restreamer.lib.errors import ConfigurationError
from tests.factories import PortalFactory


def test_a_stalker_portal_gets_its_provider(redis):
    assert isinstance(registry.provider_for(PortalFactory.build(pk=1)), StalkerProvider)


def test_a_protocol_this_version_does_not_speak_is_said(monkeypatch):
    monkeypatch.setitem(registry._PROVIDERS, "xtream", "portals.providers.not_there.Provider")
    with pytest.raises(ConfigurationError, match="kind Xtream Codes login come later"):
        registry.provider_for(PortalFactory.build(pk=1, kind="xtream"))


def test_a_fault_inside_a_provider_is_not_mistaken_for_its_absence(monkeypatch, tmp_path):
    (tmp_path / "broken_provider.py").write_text("import surely_not_installed\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(registry._PROVIDERS, "m3u", "broken_provider.Provider")
    with pytest.raises(ModuleNotFoundError):
        registry.provider_for(PortalFactory.build(pk=1, kind="m3u"))


@pytest.mark.parametrize("kind", ["xtream", "m3u"])
def test_movies_are_asked_of_the_same_provider(kind):
    portal = PortalFactory.build(pk=1, kind=kind, address="http://h.example/list")
    assert type(registry.vod_provider_for(portal)) is type(registry.provider_for(portal))
