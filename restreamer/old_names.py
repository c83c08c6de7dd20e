"""Environment variables of the systems people come from: which of ours has that meaning, or what to do instead.

They are told and not obeyed: units differ, and names like PORT or DEBUG may be there for somebody else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_IMPORT = "moves in with `import kptv`"

#: By system: names nobody else uses, which tell that its environment was brought along.
_DISTINCT: dict[str, dict[str, str]] = {
    "KPTV Proxy": {
        "SOURCES": _IMPORT,
        "IMPORT_REFRESH_INTERVAL": _IMPORT,
        "REQ_ORIGIN": _IMPORT,
        "REQ_REFERRER": _IMPORT,
        "MAX_BUFFER_SIZE": "is RESTREAMER_TOTAL_RING_BYTES, in bytes",
        "BUFFER_SIZE_PER_STREAM": "is RESTREAMER_RING_BYTES, in bytes",
        "MIN_DATA_SIZE": "has no successor: a source that sends too little is noticed (RESTREAMER_SILENCE_S)",
        "MAX_FAILURES_BEFORE_BLOCK": "has no successor: a source that fails comes later by its score",
        "ENABLE_RESTREAMING": "is RESTREAMER_DELIVERY: relay when it was on, redirect when off",
        "HEALTH_CHECK_TIMEOUT": "is RESTREAMER_START_TIMEOUT_S, in seconds",
        "SORT_FIELD": "is `sort=` in a playlist's address",
        "SORT_DIRECTION": "has no successor: a lineup has any order you give it",
    },
    "Dispatcharr": {
        "DISPATCHARR_PORT": "is RESTREAMER_BIND, as 0.0.0.0:port",
        "DISPATCHARR_LOG_LEVEL": "is RESTREAMER_LOG_DEBUG, for names of loggers",
        "DISPATCHARR_ENV": "has no successor: one image does all",
    },
}
#: Names others use too; told where one of the above is there.
_COMMON: dict[str, dict[str, str]] = {
    "KPTV Proxy": {
        "PORT": "is RESTREAMER_BIND, as 0.0.0.0:port",
        "USER_AGENT": _IMPORT,
        "WORKER_THREADS": "is RESTREAMER_WORKERS, for refreshes at once",
        "CACHE_ENABLED": "has no successor: what has not changed is never made again",
        "CACHE_DURATION": "has no successor: what has not changed is never made again",
        "MAX_RETRIES": "is RESTREAMER_RETRY_S, in seconds for all tries together",
        "RETRY_DELAY": "is RESTREAMER_RETRY_S, in seconds for all tries together",
        "DEBUG": "is RESTREAMER_LOG_DEBUG, for names of loggers",
    },
    "Dispatcharr": {
        "POSTGRES_HOST": "is part of DATABASE_URL",
        "POSTGRES_PORT": "is part of DATABASE_URL",
        "POSTGRES_DB": "is part of DATABASE_URL",
        "POSTGRES_USER": "is part of DATABASE_URL",
        "POSTGRES_PASSWORD": "is part of DATABASE_URL",
        "REDIS_HOST": "is part of REDIS_URL",
        "REDIS_PORT": "is part of REDIS_URL",
        "REDIS_DB": "is part of REDIS_URL",
        "DJANGO_SECRET_KEY": "is RESTREAMER_SECRET_KEY",
        "PUID": "is the user of the container (`user:`)",
        "PGID": "is the user of the container (`user:`)",
    },
}
#: STB-Proxy has two names, which are everybody's: their values tell.
_STB_PROXY = "STB-Proxy"
_HOST = re.compile(r"[\w.-]+:\d{1,5}", re.ASCII)


def found(environment: Mapping[str, str]) -> list[str]:
    """A sentence for each name that came along and is not obeyed; never a value, for some are secrets."""
    told = list(_stb_proxy(environment))
    for system, names in _DISTINCT.items():
        here = [name for name in names if environment.get(name)]
        if here:
            here += [name for name in _COMMON[system] if environment.get(name)]
            told += [_sentence(name, system, (names | _COMMON[system])[name]) for name in here]
    return told


def names() -> set[str]:
    """All that are known."""
    tables = [*_DISTINCT.values(), *_COMMON.values()]
    return {"HOST", "CONFIG", *(name for table in tables for name in table)}


def _stb_proxy(environment: Mapping[str, str]) -> list[str]:
    told = []
    if _HOST.fullmatch(environment.get("HOST", "")):
        told.append(_sentence("HOST", _STB_PROXY, "is RESTREAMER_BASE_URL, with http:// before it"))
    if environment.get("CONFIG", "").endswith(".json"):
        told.append(_sentence("CONFIG", _STB_PROXY, "moves in with `import stb-proxy FILE`"))
    return told


def _sentence(name: str, system: str, meaning: str) -> str:
    return f"{name} of {system} {meaning}"
