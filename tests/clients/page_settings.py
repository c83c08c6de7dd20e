"""The house's own settings, with pages' files as they lie in static/: packing all of them takes a minute."""

from __future__ import annotations

from restreamer.settings import *  # noqa: F403
from restreamer.settings import STORAGES

STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_USE_FINDERS = True
