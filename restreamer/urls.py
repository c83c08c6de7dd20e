"""Every address we answer, in one place."""

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.urls import include, path
from django.views.generic import RedirectView

from accounts.views import login
from api.main import api
from monitoring import log_page
from monitoring.metrics import metrics
from restreamer import health
from restreamer.backup import pages as backup_pages
from streaming import now_playing
from streaming.views import address_builder, channel_addresses, hdhr, looking

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    # One door for everybody: throttle, second factor and single sign-on are behind it alone.
    path("admin/login/", login.log_in),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account")),
    path("api/", staff_member_required(RedirectView.as_view(pattern_name="api:openapi-view"))),
    path("api/", api.urls),
    path("", include("accounts.urls")),
    path("me/viewer/<int:viewer_id>/addresses/", address_builder.builder, name="addresses"),
    path("admin/", include(now_playing.urls())),
    path("admin/", include([*looking.urls(), *channel_addresses.urls()])),
    path("admin/", include(log_page.urls())),
    path("admin/", include(backup_pages.urls())),
    path("admin/", admin.site.urls),
    path("", hdhr.home, name="home"),
    path("", include("streaming.urls")),
]
