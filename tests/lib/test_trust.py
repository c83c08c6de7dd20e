"""TLS connections share what they trust, and check certificates or do not as they are told."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator

import pytest
import requests

from restreamer.lib import trust
from tests.fakes.upstream import TsOrigin, self_signed

pytestmark = pytest.mark.filterwarnings("ignore:Unverified HTTPS request")


@pytest.fixture
def origin() -> Iterator[TsOrigin]:
    made = TsOrigin(tls=self_signed())
    yield made
    made.close()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was read of certificates since, of all contexts."""
    found: list[str] = []

    def counted(name: str) -> None:
        before = getattr(ssl.SSLContext, name)

        def reads(context: ssl.SSLContext, *args: object) -> None:
            found.append(name)
            before(context, *args)

        monkeypatch.setattr(ssl.SSLContext, name, reads)

    counted("load_verify_locations")
    counted("load_default_certs")
    trust._made.cache_clear()
    return found


def get(url: str, *, verify: bool) -> bytes:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = verify
        session.mount("https://", trust.SharedTrustAdapter())
        with session.get(url, stream=True, timeout=10) as answer:
            return next(answer.iter_content(188))


def test_who_checks_nothing_reads_no_certificates(origin: TsOrigin, read: list[str]) -> None:
    for _ in range(3):
        assert get(origin.url(), verify=False)[:1] == b"\x47"
    assert read == []


def test_who_checks_reads_them_once(origin: TsOrigin, read: list[str]) -> None:
    for _ in range(3):
        with pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
            get(origin.url(), verify=True)
    assert read == ["load_verify_locations"]


def test_one_who_checks_nothing_leaves_the_others_as_they_are(origin: TsOrigin) -> None:
    assert get(origin.url(), verify=False)
    with pytest.raises(requests.exceptions.SSLError):
        get(origin.url(), verify=True)
    assert get(origin.url(), verify=False)


def test_a_certificate_from_the_list_is_accepted_for_its_name_only(
    origin: TsOrigin, read: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    listed = tmp_path / "listed.pem"
    host, port = origin.url().split("/")[2].split(":")
    listed.write_text(ssl.get_server_certificate((host, int(port))))
    monkeypatch.setattr(trust, "DEFAULT_CA_BUNDLE_PATH", str(listed))
    try:
        with pytest.raises(requests.exceptions.SSLError, match=r"Hostname mismatch|IP address mismatch"):
            get(origin.url(), verify=True)
    finally:
        trust._made.cache_clear()


def test_many_threads_may_use_a_context_at_once(origin: TsOrigin) -> None:
    got: list[bytes] = []
    threads = [threading.Thread(target=lambda: got.append(get(origin.url(), verify=False))) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 24
