"""The page of logos, and giving one to a channel or group: an upload, an address, or one that is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from channels import logos
from channels.logos import MOST_BYTES, Logo
from restreamer.lib.errors import InvalidInput
from restreamer.lib.pictures import digest, is_uploaded, is_web_address

_FILE_HELP = f"PNG, JPEG, GIF or WebP, {MOST_BYTES // 1024} KB at most."


def thumbnail(kind: str, pk: int, stored: str) -> SafeString | str:
    """A small picture, loaded when it comes into view; through us unless RESTREAMER_PICTURES says otherwise."""
    if not is_uploaded(stored) and not is_web_address(stored):
        return "–"
    ours = is_uploaded(stored) or settings.PICTURES == "kept"
    return format_html(
        '<img src="{}" alt="" loading="lazy" decoding="async" referrerpolicy="no-referrer" '
        'class="rounded-default bg-base-100 dark:bg-base-800" style="height:40px;width:72px;object-fit:contain">',
        reverse("logo", args=(kind, pk, digest(stored))) if ours else stored,
    )


def _picture(file: UploadedFile[Any] | None) -> bytes | None:
    """The bytes of an uploaded picture. Raises ValidationError for what is none."""
    if file is None:
        return None
    if (file.size or 0) > MOST_BYTES:
        raise forms.ValidationError(f"The picture is larger than {MOST_BYTES // 1024} KB.")
    data: bytes = file.read()
    try:
        logos.check(data)
    except InvalidInput as err:
        raise forms.ValidationError(err.message) from err
    return data


class WearerForm(forms.ModelForm[Any]):
    """Of a channel or group: its logo by address, by upload, or one from the page of logos."""

    logo_file = forms.FileField(
        label="Upload a logo", required=False, widget=UnfoldAdminFileFieldWidget, help_text=_FILE_HELP
    )
    logo_from = forms.ModelChoiceField(
        Logo.objects.none(), label="Or one of the logos", required=False, widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "logo_from" in self.fields:
            self.fields["logo_from"].queryset = Logo.objects.defer("blob")  # type: ignore[attr-defined]
            if is_uploaded(self.initial.get("logo") or ""):
                said = self.fields["logo"].help_text
                self.fields["logo"].help_text = format_html("The word for a picture uploaded here. {}", said)

    def clean_logo(self) -> str:
        value: str = self.cleaned_data["logo"].strip()
        # What a provider sent stays whatever it is.
        if value and value != self.initial.get("logo"):
            try:
                logos.check_reference(value)
            except InvalidInput as err:
                raise forms.ValidationError(err.message) from err
        return value

    def clean_logo_file(self) -> bytes | None:
        return _picture(self.cleaned_data["logo_file"])


class WearsLogo(ModelAdmin):
    """Mixed into the pages of channels and groups; their forms are WearerForms."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        data, row = form.cleaned_data.get("logo_file"), form.cleaned_data.get("logo_from")
        if data:
            row = logos.keep(data, obj.name)
        if row is not None:
            obj.logo = row.reference
        super().save_model(request, obj, form, change)

    @display(description="its logo now")
    def picture(self, obj: Any) -> SafeString | str:
        """What players are given."""
        return thumbnail(obj._meta.model_name, obj.pk, obj.logo) if obj.pk else "–"


class LogoForm(forms.ModelForm[Logo]):
    """A new logo: an upload or an address."""

    file = forms.FileField(label="Upload", required=False, widget=UnfoldAdminFileFieldWidget, help_text=_FILE_HELP)

    class Meta:
        model = Logo
        fields = ("name", "address")

    def clean_file(self) -> bytes | None:
        return _picture(self.cleaned_data["file"])

    def clean_address(self) -> str:
        value: str = self.cleaned_data["address"].strip()
        if value and not is_web_address(value):
            raise forms.ValidationError("An address begins with http:// or https://.")
        return value

    def clean(self) -> dict[str, Any]:
        super().clean()
        said = self.cleaned_data
        if not self.instance.pk and not self.errors and bool(said.get("file")) == bool(said.get("address")):
            self.add_error(None, "Upload a picture, or give its address: one of the two.")
        return said

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        data = self.cleaned_data.get("file")
        if data and not self.errors:
            # The same picture again is the one that is there.
            self.instance = logos.keep(data, self.cleaned_data["name"])


class LogoList(ChangeList):
    """Counts who has the logos of the page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        uses = logos.uses(row.reference for row in self.result_list)
        for row in self.result_list:
            row.uses_total = uses.get(row.reference, 0)


class UsedFilter(admin.SimpleListFilter):
    """Logos somebody or nobody has."""

    title = "used"
    parameter_name = "used"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Logo]) -> list[tuple[str, str]]:
        return [("yes", "by somebody"), ("no", "by nobody")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Logo]) -> QuerySet[Logo]:
        if self.value() not in ("yes", "no"):
            return queryset
        unused = [row.pk for row in logos.unused()]
        return queryset.filter(pk__in=unused) if self.value() == "no" else queryset.exclude(pk__in=unused)


@admin.register(Logo)
class LogoAdmin(ModelAdmin):
    """What was uploaded or named here; logos of providers are in the channels alone."""

    form = LogoForm
    empty_hint = "Add a logo here, or upload one on the page of a channel or a group."
    list_display = ("picture", "name", "source", "uses", "created_at")
    list_display_links = ("name",)
    list_filter = (UsedFilter,)
    search_fields = ("name", "address")
    list_before_template = "channels/logo_list_hint.html"
    list_per_page = 50
    readonly_fields = ("picture", "source")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Logo]:
        return super().get_queryset(request).defer("blob")  # type: ignore[no-any-return]

    def get_fields(self, request: HttpRequest, obj: Logo | None = None) -> tuple[str, ...]:
        return ("name", "picture", "source") if obj else ("name", "file", "address")

    def get_form(self, request: HttpRequest, obj: Logo | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if obj is not None:
            form.base_fields.pop("file", None)
        return form

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LogoList

    def get_urls(self) -> list[URLPattern]:
        """Removing what nobody has."""
        view = self.admin_site.admin_view(self.remove_unused)
        return [path("unused/", view, name="channels_logo_unused"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Mapping[str, Any] | None = None) -> HttpResponse:
        context = {"may_remove": self.has_delete_permission(request), **(extra_context or {})}
        return super().changelist_view(request, context)  # type: ignore[no-any-return]

    @display(description="logo")
    def picture(self, row: Logo) -> SafeString | str:
        """As players get it."""
        return thumbnail("library", row.pk, row.reference) if row.pk else "–"

    @display(description="from")
    def source(self, row: Logo) -> str:
        """Its address, or what was uploaded."""
        if row.address:
            return row.address
        return f"uploaded, {row.width} x {row.height}, {max(1, row.size_bytes // 1024)} KB"

    @display(description="used by")
    def uses(self, row: Logo) -> str:
        """How many channels and groups have it."""
        return str(getattr(row, "uses_total", 0) or "nobody")

    def remove_unused(self, request: HttpRequest) -> HttpResponse:
        """Shows the logos nobody has, and removes them when told so."""
        if not self.has_delete_permission(request):
            raise PermissionDenied
        rows = logos.unused()
        if request.method == "POST":
            # What was given to somebody since the page was shown stays.
            shown = set(request.POST.getlist("logo"))
            doomed = [row for row in rows if str(row.pk) in shown]
            logos.remove(doomed)
            self.message_user(request, f"{len(doomed)} logo(s) removed.", messages.SUCCESS)
            return redirect("admin:channels_logo_changelist")
        context = {**self.admin_site.each_context(request), "title": "Remove unused logos", "rows": rows}
        return render(request, "channels/logos_unused.html", context)

    def delete_model(self, request: HttpRequest, obj: Logo) -> None:
        self._remove(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Logo]) -> None:
        self._remove(request, list(queryset))

    def _remove(self, request: HttpRequest, rows: list[Logo]) -> None:
        bare = logos.remove(rows)
        if bare:
            self.message_user(request, f"{bare} channel(s) and group(s) have no logo any more.", messages.WARNING)
