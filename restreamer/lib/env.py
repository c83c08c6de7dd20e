"""Typed reading of environment variables; refuses nonsense with a sentence."""

from __future__ import annotations

import ipaddress
import math
import os
import zoneinfo
from pathlib import Path

from restreamer.lib.errors import ConfigurationError

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


def env_str(name: str, default: str = "") -> str:
    """The variable's text, stripped; `default` when unset or empty."""
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, *, default: bool) -> bool:
    """The variable as a switch: 1/true/yes/on or 0/false/no/off."""
    raw = os.environ.get(name)
    if raw is None:
        return default
    value = raw.strip().lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ConfigurationError(f"{name}={raw!r} is neither yes nor no; use 1 or 0.")


def env_int(name: str, default: int, *, minimum: int | None = None, maximum: int | None = None) -> int:
    """The variable as a whole number within bounds."""
    raw = env_str(name)
    if not raw:
        return default
    try:
        value = int(raw)
    except ValueError as err:
        raise ConfigurationError(f"{name}={raw!r} is not a whole number.") from err
    _check_bounds(name, value, minimum, maximum)
    return value


def env_float(name: str, default: float, *, minimum: float | None = None, maximum: float | None = None) -> float:
    """The variable as a number within bounds."""
    raw = env_str(name)
    if not raw:
        return default
    try:
        value = float(raw)
    except ValueError as err:
        raise ConfigurationError(f"{name}={raw!r} is not a number.") from err
    if not math.isfinite(value):
        raise ConfigurationError(f"{name}={raw!r} is not a number.")
    _check_bounds(name, value, minimum, maximum)
    return value


def env_choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    """The variable as one of a few words."""
    value = env_str(name, default).lower()
    if value not in choices:
        raise ConfigurationError(f"{name}={value!r} is not known; use one of: {', '.join(choices)}.")
    return value


def env_list(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """The variable as a list, comma separated."""
    raw = env_str(name)
    return [part.strip() for part in raw.split(",") if part.strip()] if raw else list(default)


def env_ports(name: str) -> list[int]:
    """The variable as TCP ports, comma separated, each once."""
    ports: list[int] = []
    for part in env_list(name):
        if not (part.isascii() and part.isdecimal()) or not 0 < int(part) < 65536:
            raise ConfigurationError(f"{name}: {part!r} is no port; use numbers from 1 to 65535, like 5004.")
        ports.append(int(part))
    return list(dict.fromkeys(ports))


def env_networks(name: str) -> list[str]:
    """The variable as addresses and networks (CIDR), comma separated."""
    for part in env_list(name):
        try:
            ipaddress.ip_network(part, strict=False)
        except ValueError as err:
            raise ConfigurationError(f"{name}: {part!r} is no network; write it like 192.168.1.0/24.") from err
    return env_list(name)


def env_path(name: str, default: Path) -> Path:
    """The variable as an absolute path."""
    raw = env_str(name)
    return Path(raw).expanduser().absolute() if raw else default


def env_time_zone(name: str, *, fallback: str) -> str:
    """The variable as a time zone's name; else what `fallback` says, as far as it is a name; else UTC.

    The fallback is the system's own TZ, which may also hold a file or a rule (":/etc/localtime", "CET-1CEST"):
    nothing the owner typed for us, so it is no reason to refuse.
    """
    wanted = env_str(name)
    if wanted and not _is_time_zone(wanted):
        raise ConfigurationError(f"{name}={wanted!r} is no time zone; use a name like Europe/Berlin.")
    system = env_str(fallback)
    return wanted or (system if _is_time_zone(system) else "UTC")


def env_secret(name: str) -> str:
    """The variable, or the content of the file that NAME_FILE names (container secrets)."""
    path = env_str(f"{name}_FILE")
    if not path:
        return env_str(name)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as err:
        raise ConfigurationError(f"{name}_FILE={path!r} cannot be read: {err.strerror}.") from err


def _is_time_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return bool(name)


def _check_bounds(name: str, value: float, minimum: float | None, maximum: float | None) -> None:
    if minimum is not None and value < minimum:
        raise ConfigurationError(f"{name}={value} is too small; the least is {minimum}.")
    if maximum is not None and value > maximum:
        raise ConfigurationError(f"{name}={value} is too large; the most is {maximum}.")
