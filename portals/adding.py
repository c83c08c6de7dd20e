"""Adding a portal with its subscriptions: one verb for command line, admin and import."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from django.db import transaction
from django.dispatch import Signal
from django.utils.text import slugify

from portals.models import Portal, PortalKind, Subscription
from portals.models.subscription import normal_mac
from portals.providers.m3u import keep_upload, login_address
from restreamer.lib import redact
from restreamer.lib.errors import InvalidInput

#: Sent with `portal` and `with_guide` (does its owner want its guide?) once a new portal and its subscriptions are
#: stored, inside their transaction. Rooms above hear of it.
portal_added = Signal()

PROXY_SCHEMES = ("http", "https", "socks4", "socks5", "socks5h")


@dataclass(frozen=True, slots=True)
class NewPortal:
    """What a person types. Logins are `user:password`."""

    name: str
    address: str
    kind: str = PortalKind.STALKER
    macs: Sequence[str] = ()
    logins: Sequence[str] = ()
    streams: int = 1
    proxy_url: str = ""
    enable_new: bool = False
    #: Take its own guide too, where it has one (Stalker, Xtream).
    with_guide: bool = True
    #: The list itself, packed or not, in place of an address; kind M3U.
    playlist: Iterable[bytes] | None = None


def add_portal(new: NewPortal) -> Portal:
    """The stored portal with its subscriptions. Raises InvalidInput, PortalError; then nothing was stored."""
    name = new.name.strip()
    if not name:
        raise InvalidInput("A portal needs a name.")
    if any(ord(letter) < 32 for letter in name):
        raise InvalidInput("The name holds a control character; type it again.")
    if Portal.objects.filter(name=name).exists():
        raise InvalidInput(f"There is a portal called {name!r} already; choose another name or edit that one.")
    if new.streams < 0:
        raise InvalidInput("The number of streams cannot be negative; 0 means unlimited.")
    check_proxy(new.proxy_url)
    check_kind(new.address, new.kind)
    pasted = login_address(new.address) if new.kind == PortalKind.XTREAM and not new.logins else None
    if pasted is not None:
        new = replace(new, address=pasted.server, logins=[f"{pasted.login}:{pasted.password}"])
    identities = _identities(new)
    slug = free_slug(name)
    if new.playlist is None:
        address = _address(new.address, new.kind)
    elif new.kind == PortalKind.M3U:
        address = keep_upload(new.playlist, slug)
    else:
        raise InvalidInput("Only a portal of the kind M3U takes a playlist file.")
    with transaction.atomic():
        portal = Portal.objects.create(
            name=name,
            slug=slug,
            kind=new.kind,
            address=address,
            proxy_url=new.proxy_url,
            enable_new=new.enable_new,
        )
        for rank, identity in enumerate(identities):
            Subscription.objects.create(portal=portal, rank=rank, streams=new.streams, **identity)
        give_playlist(portal, streams=new.streams)
        portal_added.send(Portal, portal=portal, with_guide=new.with_guide)
    return portal


def give_playlist(portal: Portal, *, streams: int = 1) -> None:
    """A playlist portal without a login is its own subscription; without one nothing of it can play or be due."""
    if portal.kind == PortalKind.M3U and not portal.subscriptions.exists():
        Subscription.objects.create(portal=portal, label="playlist", streams=streams)


def take_pasted_login(portal: Portal) -> None:
    """An Xtream portal whose address holds the login (`get.php?username=…`) and that has no other gets that one."""
    pasted = login_address(portal.address) if portal.kind == PortalKind.XTREAM else None
    if pasted is not None and not portal.subscriptions.exists():
        Subscription.objects.create(portal=portal, login=pasted.login, password=pasted.password)
        portal.address = pasted.server
        portal.save(update_fields=["address"])


def check_kind(address: str, kind: str) -> None:
    """Raises InvalidInput when the address says that it is of another kind."""
    if kind == PortalKind.M3U:
        return
    path = address.strip().partition("?")[0].lower()
    if kind == PortalKind.STALKER and login_address(address) is not None:
        raise InvalidInput(
            "This address holds an Xtream login; no Stalker portal has one. Choose the kind “Xtream Codes login” "
            "(--kind xtream), or “M3U playlist” (--kind m3u)."
        )
    if path.endswith((".m3u", ".m3u8")):
        raise InvalidInput("This is the address of a playlist. Choose the kind “M3U playlist” (--kind m3u).")


def free_slug(name: str) -> str:
    """A slug for `/play/<portal>/…` nobody has yet; never digits alone, which would look like an id."""
    base = slugify(name)[:90] or "portal"
    if base.isdigit():
        base = f"portal-{base}"
    slug, n = base, 1
    while Portal.objects.filter(slug=slug).exists():
        n += 1
        slug = f"{base}-{n}"
    return slug


def check_proxy(address: str) -> None:
    """Raises InvalidInput unless the address is empty or a proxy we can use."""
    if not address:
        return
    try:
        parts = urlsplit(address)
        valid = parts.scheme in PROXY_SCHEMES and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid:
        raise InvalidInput(
            f"{redact.text(address)!r} is no proxy address; it looks like http://host:port or socks5h://host:port."
        )


def _address(address: str, kind: str) -> str:
    address = address.strip()
    if not address:
        raise InvalidInput("A portal needs its address.")
    if any(ord(c) < 33 for c in address) and kind != PortalKind.XTREAM:
        raise InvalidInput("The address holds a blank or a control character; paste it again.")
    if "://" not in address and not (kind == PortalKind.M3U and address.startswith("/")):
        address = f"http://{address}"
    scheme = address.split("://", 1)[0].lower() if "://" in address else "file"
    allowed = ("http", "https", "file") if kind == PortalKind.M3U else ("http", "https")
    if scheme not in allowed:
        raise InvalidInput(f"An address of this kind begins with http:// or https://, not with {scheme}://.")
    return address


def _identities(new: NewPortal) -> list[dict[str, str]]:
    if new.kind == PortalKind.STALKER:
        macs = list(dict.fromkeys(normal_mac(value) for value in new.macs))
        if not macs:
            raise InvalidInput("A Stalker portal needs at least one MAC: --mac 00:1A:79:12:34:56")
        return [{"mac": mac, **_login(new.logins, position)} for position, mac in enumerate(macs)]
    if new.macs:
        raise InvalidInput("Only a Stalker portal has MACs.")
    if new.kind == PortalKind.XTREAM and not new.logins:
        raise InvalidInput("An Xtream portal needs a login: --login USER:PASSWORD")
    return [_login(new.logins, position) for position in range(len(new.logins))]


def _login(logins: Sequence[str], position: int) -> dict[str, str]:
    """The login for the MAC at this position, if one was given."""
    if position >= len(logins):
        return {}
    user, colon, password = logins[position].partition(":")
    if not colon or not user:
        raise InvalidInput("A login looks like USER:PASSWORD.")
    return {"login": user, "password": password}
