"""Recognises a playlist address that is really an Xtream login."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit


class LoginAddress(NamedTuple):
    """What an Xtream portal would be added with."""

    server: str
    login: str
    password: str


def login_address(address: str) -> LoginAddress | None:
    """The login in `http://host/get.php?username=U&password=P`; None in any other address.

    >>> login_address("http://h:8080/sub/get.php?username=u&password=p&type=m3u_plus")
    LoginAddress(server='http://h:8080/sub', login='u', password='p')
    """
    try:
        parts = urlsplit(address.strip())
        fields = parse_qs(parts.query)
    except ValueError:
        return None
    folder, _, page = parts.path.rpartition("/")
    login, password = fields.get("username", [""])[0], fields.get("password", [""])[0]
    if page.lower() not in ("get.php", "player_api.php", "panel_api.php", "xmltv.php") or not (login and password):
        return None
    return LoginAddress(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{folder}", login, password)
