"""All settings; the only file that reads the environment. Each variable has a sentence in docs/settings.md."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import django_stubs_ext
import environ
from django.templatetags.static import static
from django.urls import reverse_lazy

from restreamer import __version__, old_names
from restreamer.lib import data_folder
from restreamer.lib.env import (
    env_bool,
    env_choice,
    env_float,
    env_int,
    env_list,
    env_networks,
    env_path,
    env_ports,
    env_secret,
    env_str,
    env_time_zone,
)
from restreamer.lib.errors import ConfigurationError

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = __version__

# --- where everything lives ---------------------------------------------------------------------------------------
RESTREAMER_DATA = env_path("RESTREAMER_DATA", BASE_DIR / "data")
RUN_FOLDER = data_folder.run_folder(RESTREAMER_DATA)
RESTREAMER_BIND = env_str("RESTREAMER_BIND", "0.0.0.0:8001")
# The address players reach us by, when it is not the one they asked (behind a proxy): https://tv.example
RESTREAMER_BASE_URL = env_str("RESTREAMER_BASE_URL", env_str("BASE_URL")).rstrip("/")

#: What was brought along from another system and means nothing here: told at the start.
OLD_NAMES = old_names.found(os.environ)

# Processes of `up`. A web worker serves this many requests at once; viewers' streams need none of these threads.
WEB_WORKERS = env_int("RESTREAMER_WEB_WORKERS", 2, minimum=1, maximum=64)
WEB_THREADS = env_int("RESTREAMER_WEB_THREADS", 16, minimum=1, maximum=512)
# RQ workers: the first does small jobs only, the others refreshes.
WORKERS = env_int("RESTREAMER_WORKERS", 2, minimum=2, maximum=32)

SECRET_KEY_GIVEN = env_secret("RESTREAMER_SECRET_KEY")
SECRET_KEY = SECRET_KEY_GIVEN or data_folder.secret_key(RESTREAMER_DATA)
# What scrapers of /metrics send; empty: administrators only.
METRICS_TOKEN = env_secret("RESTREAMER_METRICS_TOKEN")
DEBUG = env_bool("RESTREAMER_DEBUG", default=False)
TESTING = "pytest" in sys.modules
ALLOWED_HOSTS = env_list("RESTREAMER_ALLOWED_HOSTS", ("*",))
CSRF_TRUSTED_ORIGINS = env_list(
    "RESTREAMER_TRUSTED_ORIGINS", (RESTREAMER_BASE_URL,) if RESTREAMER_BASE_URL.startswith("http") else ()
)
# Addresses of reverse proxies whose X-Forwarded-* headers are believed (CIDR).
TRUSTED_PROXIES = env_list("RESTREAMER_TRUSTED_PROXIES")

# --- Redis ---------------------------------------------------------------------------------------------------------
REDIS_URL_GIVEN = env_secret("REDIS_URL")
REDIS_SOCKET = RUN_FOLDER / "redis.sock"
REDIS_URL = REDIS_URL_GIVEN or f"unix://{quote(str(REDIS_SOCKET))}?db=0"

#: Days after which what a portal no longer offers is removed, unless a curator touched it; 0 = never.
FORGET_DAYS = env_int("RESTREAMER_FORGET_DAYS", 30, minimum=0, maximum=3650)
JOURNAL_DAYS = env_int("RESTREAMER_JOURNAL_DAYS", 30, minimum=0, maximum=3650)
JOURNAL_MOST = env_int("RESTREAMER_JOURNAL_MOST", 50_000, minimum=0, maximum=10_000_000)
# The last log lines of `up`'s processes, for the page of them; 0: none are kept.
LOG_BYTES = env_int("RESTREAMER_LOG_BYTES", 8 * 1024 * 1024, minimum=0, maximum=64 * 1024 * 1024)
#: Between two questions when all details of a portal's movies and series are fetched; providers dislike haste.
PREFETCH_SPACING_S = env_float("RESTREAMER_PREFETCH_SPACING_S", 0.5, minimum=0, maximum=60)

# --- the data plane ------------------------------------------------------------------------------------------------
UNNAMED_NODE = "node1"
NODE_NAME = env_str("RESTREAMER_NODE", UNNAMED_NODE)
# Relay processes of this machine; channels are dealt to them, each at a socket of its own (streaming/dealing.py).
MOST_RELAYS = 64
RELAYS = env_int("RESTREAMER_RELAYS", 1, minimum=1, maximum=MOST_RELAYS)
RELAY_SOCKET = RUN_FOLDER / "relay.sock"
# Several nodes: where the relays of this one listen for the others, and how those reach it; empty: it is alone.
INTERNAL_BIND = env_str("RESTREAMER_INTERNAL_BIND")
INTERNAL_ADDRESS = env_str("RESTREAMER_INTERNAL_ADDRESS")
RELAY_RING_SECONDS = env_int("RESTREAMER_RING_SECONDS", 30, minimum=5, maximum=600)
RELAY_RING_BYTES = env_int("RESTREAMER_RING_BYTES", 48 * 1024 * 1024, minimum=1024 * 1024)
RELAY_TOTAL_RING_BYTES = env_int("RESTREAMER_TOTAL_RING_BYTES", 2 * 1024**3, minimum=4 * 1024 * 1024)
RELAY_LINGER_S = env_float("RESTREAMER_LINGER_S", 10.0, minimum=0, maximum=600)
# How far behind live a viewer of a running channel begins: that much is sent at once, and players probe it.
RELAY_JOIN_BEHIND_S = env_float("RESTREAMER_JOIN_BEHIND_S", 6.0, minimum=0, maximum=60)
RELAY_SILENCE_S = env_float("RESTREAMER_SILENCE_S", 8.0, minimum=1, maximum=120)
RELAY_START_TIMEOUT_S = env_float("RESTREAMER_START_TIMEOUT_S", 20.0, minimum=2, maximum=120)
# Viewers whose source is lost see a slate after this long without a picture; 0: never, null packets only.
RELAY_SLATE_AFTER_S = env_float("RESTREAMER_SLATE_AFTER_S", 3.0, minimum=0, maximum=60)
SLATE_FOLDER = RESTREAMER_DATA / "slates"
# Segments of the channels somebody watches as HLS, some seconds of each; pages and relays must see the same folder.
HLS_FOLDER = env_path("RESTREAMER_HLS_FOLDER", RESTREAMER_DATA / "hls")
# Instead of a refusal, players that hide errors get a picture that says so, for this many seconds; 0: the refusal.
REFUSAL_SLATE_S = env_float("RESTREAMER_REFUSAL_SLATE_S", 0.0, minimum=0, maximum=600)
# A channel that people watch keeps looking for a source this long after its last picture, then ends their answers.
RELAY_RETRY_S = env_float("RESTREAMER_RETRY_S", 120.0, minimum=5, maximum=3600)
# A viewing that lasts longer ends: a television somebody forgot holds a provider's connection. 0: never.
LONGEST_VIEWING_S = env_float("RESTREAMER_LONGEST_VIEWING_S", 24 * 3600.0, minimum=0, maximum=31 * 24 * 3600)
LEASE_LIFETIME_S = env_float("RESTREAMER_LEASE_LIFETIME_S", 12.0, minimum=3, maximum=300)
# Upstream connections of the whole installation; 0 = as many as the subscriptions allow.
MAX_UPSTREAMS = env_int("RESTREAMER_MAX_UPSTREAMS", 0, minimum=0)
# What a viewer at the limit who asks for one more meets: a refusal, or the end of their oldest stream.
VIEWER_LIMIT_POLICY = env_choice("RESTREAMER_VIEWER_LIMIT", "refuse", ("refuse", "end_oldest"))
# How a channel reaches its viewers where nobody chose otherwise, and the profile of that choice.
DELIVERY = env_choice("RESTREAMER_DELIVERY", "relay", ("relay", "transcode", "redirect"))
DELIVERY_PROFILE = env_str("RESTREAMER_DELIVERY_PROFILE")
# A redirected player is out of our sight: so long its slot counts as taken.
REDIRECT_LEASE_S = env_float("RESTREAMER_REDIRECT_LEASE_S", 600.0, minimum=10, maximum=24 * 3600)
# Network tuners (HDHomeRun): more ports to serve at whose root is a tuner, whether and as what they are found.
TUNER_PORTS = env_ports("RESTREAMER_TUNER_PORTS")
TUNER_DISCOVERY = env_bool("RESTREAMER_TUNER_DISCOVERY", default=True)
TUNER_DISCOVERY_PORT = env_int("RESTREAMER_TUNER_DISCOVERY_PORT", 65001, minimum=1, maximum=65535)
TUNER_ADDRESS = env_str("RESTREAMER_TUNER_ADDRESS")
SSDP = env_bool("RESTREAMER_SSDP", default=False)
FFMPEG = env_str("FFMPEG")
# An ffmpeg that opens an address itself waits so long for each answer.
FFMPEG_TIMEOUT_S = env_float("RESTREAMER_FFMPEG_TIMEOUT_S", 10.0, minimum=1, maximum=120)
# Private networks that what a provider names (pictures, redirects) may lead into; its own address needs none of this.
PROVIDER_NETWORKS = env_networks("RESTREAMER_PROVIDER_NETWORKS")
# Logos and posters: kept and given by us, or the provider's own addresses in every list.
PICTURES = env_choice("RESTREAMER_PICTURES", "kept", ("kept", "provider"))
PICTURE_CACHE_BYTES = env_int("RESTREAMER_PICTURE_CACHE_BYTES", 512 * 1024 * 1024, minimum=1024 * 1024)
# Folders a playlist may be read from by its path, comma separated, besides `playlists` in the data folder.
PLAYLIST_FOLDERS = env_list("RESTREAMER_PLAYLIST_FOLDERS")
# Backups: where they go, how often the clock has one made (0: never), how many of those stay.
BACKUP_FOLDER = env_path("RESTREAMER_BACKUP_FOLDER", RESTREAMER_DATA / "backups")
BACKUP_HOURS = env_int("RESTREAMER_BACKUP_HOURS", 24, minimum=0, maximum=24 * 365)
BACKUP_KEEP = env_int("RESTREAMER_BACKUP_KEEP", 7, minimum=1, maximum=1000)

# --- Django --------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_rq",
    "axes",
    "restreamer",
    "accounts",
    "portals",
    "guide",
    "channels",
    "vod",
    "streaming",
    "monitoring",
    "ninja",
    "api",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Directly behind it: nobody asks for the user before it was looked at.
    "accounts.middleware.WebSessionMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.middleware.PageHeadersMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "restreamer.urls"
WSGI_APPLICATION = "restreamer.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def _postgresql(url: str) -> dict[str, Any]:
    """The address in Django's words. The message never repeats it: a password stands in it."""
    if not url.startswith(("postgres://", "postgresql://")):
        raise ConfigurationError(
            "DATABASE_URL is no PostgreSQL's address; write postgres://user:password@host/name, or unset it for SQLite."
        )
    try:
        config: dict[str, Any] = environ.Env.db_url_config(url)
    except ValueError as err:
        raise ConfigurationError("DATABASE_URL cannot be read: its port is no number.") from err
    return config


def _database() -> dict[str, Any]:
    url = env_secret("DATABASE_URL")
    if url:
        config = _postgresql(url)
        config["CONN_MAX_AGE"] = env_int("RESTREAMER_DB_CONN_MAX_AGE_S", 60, minimum=0)
        config["CONN_HEALTH_CHECKS"] = True
        # libpq's own patience with an address that swallows packets is minutes.
        config.setdefault("OPTIONS", {}).setdefault("connect_timeout", 10)
        return config
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": RESTREAMER_DATA / "restreamer.sqlite3",
        "CONN_MAX_AGE": 60,
        "OPTIONS": {
            # A writer takes its lock when it begins, so two writers wait for each other instead of failing half-way.
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": (
                "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA temp_store=MEMORY;"
                "PRAGMA cache_size=-16000;PRAGMA journal_size_limit=67108864;"
            ),
        },
    }


DATABASES = {"default": _database()}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "accounts.backends.NameOrEmailBackend"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "me"
LOGOUT_REDIRECT_URL = "login"

# Wrong logins at the pages (accounts/throttle.py). A right one clears nothing: else a guesser with a login of his own
# could go on for ever.
AXES_HANDLER = "axes.handlers.cache.AxesCacheHandler"
AXES_FAILURE_LIMIT = env_int("RESTREAMER_LOGIN_TRIES", 10, minimum=3, maximum=1000)
AXES_COOLOFF_TIME = timedelta(minutes=env_int("RESTREAMER_LOGIN_WAIT_MINUTES", 15, minimum=1, maximum=24 * 60))
AXES_LOCKOUT_PARAMETERS = ["ip_address"]
AXES_CLIENT_IP_CALLABLE = "accounts.throttle.counted_address"
AXES_LOCKOUT_CALLABLE = "accounts.views.login.locked_out"
AXES_RESET_ON_SUCCESS = False
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False

# Single sign-on (OpenID Connect); off without an issuer.
OIDC_ISSUER = env_str("RESTREAMER_OIDC_ISSUER")
OIDC_CLIENT_ID = env_str("RESTREAMER_OIDC_CLIENT_ID")
OIDC_CLIENT_SECRET = env_secret("RESTREAMER_OIDC_CLIENT_SECRET")
OIDC_NAME = env_str("RESTREAMER_OIDC_NAME", "single sign-on")
# Whether somebody nobody here knows may come in, as a viewer without players.
OIDC_CREATE = env_bool("RESTREAMER_OIDC_CREATE", default=True)

LANGUAGE_CODE = "en-gb"
# RQ's cron follows the process's local time, which Django takes from here: say it, do not inherit it.
TIME_ZONE = env_time_zone("RESTREAMER_TIME_ZONE", fallback="TZ")
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = RESTREAMER_DATA / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": RESTREAMER_DATA / "media"},
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if TESTING or DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# A login that is to be remembered; others end with the browser, or after half a day unused (accounts/web_sessions.py).
SESSION_COOKIE_AGE = 30 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = RESTREAMER_BASE_URL.startswith("https://")
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE
# Only on request: players of the same host may speak plain http.
SECURE_HSTS_SECONDS = env_int("RESTREAMER_HSTS_S", 0, minimum=0)
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "rs:cache",
    }
}

RQ_QUEUES = {
    "default": {"URL": REDIS_URL, "DEFAULT_TIMEOUT": 3600},
    "refresh": {"URL": REDIS_URL, "DEFAULT_TIMEOUT": 4 * 3600},
}
# A job is enqueued when the transaction that asks for it commits: it never looks for a row that is not there yet.
RQ = {"COMMIT_MODE": "on_db_commit", "WORKER_CLASS": "restreamer.worker.RestreamerWorker"}
RQ_SHOW_ADMIN_LINK = True


def _page(title: str, icon: str, view: str) -> dict[str, Any]:
    """A line of the admin's sidebar, for those who may see its page; icons are names of Material Symbols."""
    app, model, _ = view.split("_")
    right = f"{app}.view_{model}"
    link = reverse_lazy(f"admin:{view}")
    return {"title": title, "icon": icon, "link": link, "permission": lambda request: request.user.has_perm(right)}


UNFOLD = {
    "SITE_TITLE": "Restreamer",
    "SITE_HEADER": "Restreamer",
    "SITE_SYMBOL": "live_tv",
    "STYLES": [lambda request: static("restreamer/lists.css")],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "monitoring.dashboard.context",
    "ACCOUNT": {"navigation": [{"title": "My players and account", "link": reverse_lazy("me")}]},
    "SIDEBAR": {
        "show_search": True,
        "navigation": [
            {
                "title": "Watching",
                "items": [
                    {"title": "Dashboard", "icon": "dashboard", "link": reverse_lazy("admin:index")},
                    {"title": "Now playing", "icon": "play_circle", "link": reverse_lazy("now_playing")},
                    {"title": "Watch television", "icon": "smart_display", "link": "/player/"},
                    _page("Viewings", "history", "streaming_playsession_changelist"),
                    {
                        **_page("Alerts", "notifications", "monitoring_alert_changelist"),
                        "badge": "monitoring.dashboard.open_alerts",
                        "badge_variant": "danger",
                        "badge_style": "solid",
                    },
                ],
            },
            {
                "title": "Providers",
                "items": [
                    _page("Portals", "hub", "portals_portal_changelist"),
                    _page("MACs", "settings_input_hdmi", "portals_mac_changelist"),
                    _page("Logins", "key", "portals_login_changelist"),
                    _page("Runs", "sync", "portals_run_changelist"),
                ],
            },
            {
                "title": "Catalogue",
                "items": [
                    _page("Channels", "tv", "channels_channel_changelist"),
                    _page("Groups", "folder", "channels_group_changelist"),
                    _page("Lineups", "format_list_numbered", "channels_lineup_changelist"),
                    _page("Logos", "image", "channels_logo_changelist"),
                    _page("Rules", "rule", "channels_streamrule_changelist"),
                    _page("Genres", "category", "portals_genre_changelist"),
                    _page("Doubles", "merge", "channels_merge_changelist"),
                    _page("Streams", "cell_tower", "channels_stream_changelist"),
                ],
            },
            {
                "title": "Delivery",
                "items": [
                    _page("Network tuners", "settings_input_antenna", "streaming_tunerdevice_changelist"),
                    _page("Deliveries", "alt_route", "streaming_delivery_changelist"),
                    _page("Profiles", "tune", "streaming_transcodeprofile_changelist"),
                ],
            },
            {
                "title": "Movies and series",
                "items": [
                    _page("Movies", "movie", "vod_movie_changelist"),
                    _page("Series", "tv_gen", "vod_series_changelist"),
                    _page("Episodes", "video_library", "vod_episode_changelist"),
                    _page("Categories", "folder_open", "vod_category_changelist"),
                    _page("Portal categories", "account_tree", "vod_categorymap_changelist"),
                    _page("Title rules", "rule", "vod_titlerule_changelist"),
                    _page("Merges and splits", "call_merge", "vod_merge_changelist"),
                ],
            },
            {
                "title": "Guide",
                "items": [
                    _page("EPG sources", "calendar_month", "guide_epgsource_changelist"),
                    _page("Guide channels", "live_tv", "guide_guidechannel_changelist"),
                    _page("Guide matches", "join_inner", "guide_guidematch_changelist"),
                ],
            },
            {
                "title": "People",
                "items": [
                    _page("Viewers", "connected_tv", "accounts_viewer_changelist"),
                    _page("Web users", "person", "auth_user_changelist"),
                    _page("API tokens", "vpn_key", "api_apitoken_changelist"),
                ],
            },
            {
                "title": "System",
                "items": [
                    {
                        "title": "Log",
                        "icon": "article",
                        "link": reverse_lazy("log"),
                        "permission": lambda request: request.user.is_superuser,
                    },
                    {
                        "title": "Backups",
                        "icon": "archive",
                        "link": reverse_lazy("backups"),
                        "permission": lambda request: request.user.is_superuser,
                    },
                    {
                        "title": "Background jobs",
                        "icon": "work_history",
                        "link": reverse_lazy("admin:django_rq_dashboard_changelist"),
                        "permission": lambda request: request.user.is_superuser,
                    },
                ],
            },
        ],
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "redact": {"()": "restreamer.lib.redact.RedactingFilter"},
        "meant": {"()": "restreamer.lib.refusals.NotRefusals"},
        "brief": {"()": "restreamer.lib.refusals.Brief"},
    },
    "formatters": {"plain": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "filters": ["redact", "brief"], "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django.request": {"level": "ERROR", "filters": ["meant"]},
        # DisallowedHost and friends: a line each, no traceback mails.
        "django.security": {"level": "ERROR"},
        "rq": {"level": "WARNING"},
        # It writes names as typed, and now and then that is a password.
        "axes": {"level": "ERROR"},
    },
}
for _name in env_list("RESTREAMER_LOG_DEBUG"):
    LOGGING["loggers"][_name] = {"level": "DEBUG"}  # type: ignore[index]
