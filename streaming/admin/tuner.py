"""Network tuners: what Plex, Jellyfin, Kodi and others find in the network."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from restreamer.addresses import base_url
from streaming.tuner_devices import TunerDevice
from streaming.tuning import tuner_count

#: Some clients are said to misbehave beyond about so many channels (reference hdhomerun.md, 1.2).
_MANY = 480


class TunerDeviceForm(forms.ModelForm[TunerDevice]):
    """A port that nobody listens on is refused where it is typed."""

    class Meta:
        model = TunerDevice
        fields = ("name", "slug", "device_id", "viewer", "lineup", "tuners", "port", "announce", "enabled")

    def clean_port(self) -> int | None:
        port: int | None = self.cleaned_data["port"]
        if port is not None and port not in settings.TUNER_PORTS:
            known = ", ".join(str(one) for one in settings.TUNER_PORTS) or "none is set"
            raise forms.ValidationError(f"Nothing listens on port {port}; RESTREAMER_TUNER_PORTS names: {known}.")
        return port


@admin.register(TunerDevice)
class TunerDeviceAdmin(ModelAdmin):
    """One row for each tuner that clients see."""

    empty_hint = "Plex, Jellyfin, Emby and Channels find Restreamer as a network tuner; each one serves one viewer."
    form = TunerDeviceForm
    list_display = ("name", "device_id", "viewer", "lineup", "shown_tuners", "enabled")
    list_filter = ("enabled", "viewer")
    list_select_related = ("viewer", "lineup")
    search_fields = ("name", "device_id", "viewer__name")
    prepopulated_fields = {"slug": ("name",)}
    autocomplete_fields = ("viewer", "lineup")
    readonly_fields = ("where",)
    fields = ("name", "slug", "viewer", "lineup", "where", "tuners", "device_id", "port", "announce", "enabled")

    @display(description="tuners")
    def shown_tuners(self, device: TunerDevice) -> int:
        """As clients see it."""
        return tuner_count(device)

    @display(description="what to type in a client")
    def where(self, device: TunerDevice) -> SafeString | str:
        """The addresses that reach this tuner, and what is missing for them."""
        if not device.pk:
            return "Save it to see its address."
        base = base_url()
        with_token = f"{base}/hdhr/{device.viewer.token}/{device.slug}"
        open_to = device.viewer.open_networks.strip()
        at_root = base if device.port is None else f"{base.rpartition(':')[0]}:{device.port}"
        root = (
            f"{at_root} (from {open_to})"
            if open_to
            else f"{at_root}, once you say in which networks the viewer {device.viewer} needs no token"
        )
        return format_html(
            '<div class="flex flex-col gap-2"><code class="break-all">{}</code><span>{}</span></div>', with_token, root
        )
