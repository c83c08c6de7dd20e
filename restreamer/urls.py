"""Every address we answer, in one place."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from restreamer import health
from streaming import now_playing

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", include(now_playing.urls())),
    path("admin/", admin.site.urls),
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("", include("streaming.urls")),
]
