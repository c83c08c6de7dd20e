"""Profiles of ffmpeg: what they do, who may write commands, and a trial with its result in words."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from restreamer.lib.errors import RestreamerError
from streaming.models import TranscodeProfile
from streaming.profile_trial import try_profile

#: Words for a program: only administrators may write them.
_TYPED = ("input_arguments", "output_arguments", "template")


class TranscodeProfileForm(forms.ModelForm[TranscodeProfile]):
    """The model says what cannot work."""

    class Meta:
        model = TranscodeProfile
        fields = (
            "name", "kind", "height", "video_kbps", "audio_kbps", "preset", "gop_s", "deinterlace", "acceleration",
            "device", *_TYPED,
        )  # fmt: skip
        widgets = {"template": forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})}


@admin.register(TranscodeProfile)
class TranscodeProfileAdmin(ModelAdmin):
    """Sizes, bit rates, hardware, commands of one's own."""

    form = TranscodeProfileForm
    list_display = ("name", "kind", "in_words", "used")
    list_filter = ("kind", "acceleration")
    search_fields = ("name",)
    actions = ("test_now",)
    list_before_template = "streaming/profile_list_hint.html"
    change_form_outer_before_template = "streaming/profile_actions.html"
    warn_unsaved_form = True
    fieldsets = (
        (None, {"fields": ("name", "kind")}),
        (
            "Transcode",
            {
                "fields": ("height", "video_kbps", "audio_kbps", "preset", "gop_s", "deinterlace", "acceleration",
                           "device"),
                "classes": ("tab",),
            },
        ),
        ("Own command", {"fields": _TYPED, "classes": ("tab",)}),
    )  # fmt: skip

    @display(description="what it does")
    def in_words(self, row: TranscodeProfile) -> str:
        """Size and bit rates, or the beginning of the command."""
        if row.kind == TranscodeProfile.Kind.CUSTOM:
            return row.template[:60]
        if row.kind == TranscodeProfile.Kind.REMUX:
            return "as it comes"
        size = f"up to {row.height} lines" if row.height else "size as it comes"
        return f"{size}, {row.video_kbps} + {row.audio_kbps} kbit/s"

    @display(description="used by")
    def used(self, row: TranscodeProfile) -> str:
        """How many deliveries name it."""
        count = row.deliveries.count()
        return f"{count} deliveries" if count != 1 else "1 delivery"

    # --- who may write what a program is told ---------------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: TranscodeProfile | None = None) -> bool:
        """A profile with typed words is an administrator's."""
        if obj is not None and obj.runs_typed_words and not request.user.is_superuser:
            return False
        return bool(super().has_change_permission(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: TranscodeProfile | None = None) -> tuple[str, ...]:
        return () if request.user.is_superuser else _TYPED

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "kind" and not request.user.is_superuser:
            kwargs["choices"] = [
                choice for choice in TranscodeProfile.Kind.choices if choice[0] != TranscodeProfile.Kind.CUSTOM
            ]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: TranscodeProfile, form: Any, change: bool) -> None:
        if obj.runs_typed_words and not request.user.is_superuser:
            raise PermissionDenied
        super().save_model(request, obj, form, change)

    # --- trial ----------------------------------------------------------------------------------------------------

    @action(description="Test now", permissions=["change"])
    def test_now(self, request: HttpRequest, queryset: QuerySet[TranscodeProfile]) -> None:
        """Try the chosen profiles on a test picture."""
        for row in queryset[:5]:
            self._test(request, row)

    def get_urls(self) -> list[URLPattern]:
        """The button of a profile's own page; POST only, because it does something."""
        view = self.admin_site.admin_view(require_POST(self.test_one))
        return [path("<int:pk>/test/", view, name="streaming_transcodeprofile_test"), *super().get_urls()]

    def test_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Test from the profile's page."""
        row = get_object_or_404(TranscodeProfile, pk=pk)
        if not super().has_change_permission(request, row):
            raise PermissionDenied
        self._test(request, row)
        return redirect("admin:streaming_transcodeprofile_change", pk)

    def _test(self, request: HttpRequest, row: TranscodeProfile) -> None:
        try:
            said, level = try_profile(row.profile()), messages.SUCCESS
        except RestreamerError as err:
            said, level = err.message, messages.ERROR
        self.message_user(request, f"{row.name}: {said}", level)
