"""Every address we answer, in one place."""

from django.contrib import admin
from django.urls import include, path

from restreamer import health
from streaming import now_playing
from streaming.views import hdhr

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", include(now_playing.urls())),
    path("admin/", admin.site.urls),
    path("", hdhr.home, name="home"),
    path("", include("streaming.urls")),
]
