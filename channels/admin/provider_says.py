"""A channel beside what its provider says: on its own page, as a filter, and going back to it for one or many."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.decorators import action

from channels import provider_says
from channels.models import Channel
from channels.provider_says import FIELDS
from guide.jobs import ask_for_match

_PREVIEW = 200
#: Ticked unless somebody says otherwise: who marked a channel as adult wants that to stay.
_TICKED = [field for field in FIELDS if field not in ("is_radio", "adult")]


class FieldsForm(forms.Form):
    """Which columns go back to the provider's word."""

    fields_to_reset = forms.MultipleChoiceField(
        label="What", choices=list(FIELDS.items()), initial=_TICKED, widget=forms.CheckboxSelectMultiple
    )


class ChangedFilter(admin.SimpleListFilter):
    """Channels a curator has made something else of."""

    title = "other than the provider says"
    parameter_name = "changed"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Channel]) -> list[tuple[str, str]]:
        return [(field, FIELDS[field]) for field in ("name", "group", "logo", "guide_id")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Channel]) -> QuerySet[Channel]:
        value = self.value()
        known = [field for field, _ in self.lookup_choices]
        return queryset.filter(provider_says.changed_by_hand(value)) if value in known else queryset


class ProviderSays(admin.ModelAdmin[Channel]):
    """Mixed into the channels' pages."""

    def get_urls(self) -> list[URLPattern]:
        """Going back, for one channel."""
        view = self.admin_site.admin_view(self.reset_one)
        return [path("<int:pk>/reset/", view, name="channels_channel_reset"), *super().get_urls()]

    def get_form(self, request: HttpRequest, obj: Channel | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Each field that differs says what the provider says, and how to go back to it."""
        form = super().get_form(request, obj, change, **kwargs)
        if obj is not None and self.has_change_permission(request, obj):
            page = reverse("admin:channels_channel_reset", args=[obj.pk])
            for one in provider_says.differences([obj]):
                field = form.base_fields.get(one.field)
                if field is not None:
                    field.help_text = format_html(
                        '<span style="overflow-wrap:anywhere">The provider says: {}</span> <a class="font-medium '
                        'text-primary-600 dark:text-primary-500" href="{}?what={}">Take that…</a>',
                        one.there or "nothing",
                        page,
                        one.field,
                    )
        return form

    @action(description="Reset to what the provider says…", permissions=["change"])
    def reset(self, request: HttpRequest, queryset: QuerySet[Channel]) -> HttpResponse | None:
        """The provider's word for the chosen channels: shown, then taken."""
        chosen = list(
            Channel.objects.filter(pk__in=queryset.order_by().values("pk")).select_related("group").in_order()
        )
        form = FieldsForm(request.POST if "preview" in request.POST or "apply" in request.POST else None)
        if "apply" in request.POST and form.is_valid():
            self._reset(request, chosen, form.cleaned_data["fields_to_reset"])
            return None
        fields = form.cleaned_data["fields_to_reset"] if form.is_bound and form.is_valid() else _TICKED
        return self._reset_page(request, chosen, fields, form, reverse("admin:channels_channel_changelist"))

    def reset_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The same for one channel, from its page: one column, or all that differ."""
        channel = get_object_or_404(Channel.objects.select_related("group"), pk=pk)
        if not self.has_change_permission(request, channel):
            raise PermissionDenied
        back = reverse("admin:channels_channel_change", args=[pk])
        form = FieldsForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            if "apply" in request.POST:
                self._reset(request, [channel], form.cleaned_data["fields_to_reset"])
                return redirect(back)
            fields = form.cleaned_data["fields_to_reset"]
        else:
            asked = request.GET.get("what", "")
            fields = [asked] if asked in FIELDS else _TICKED
            if not form.is_bound:
                form = FieldsForm(initial={"fields_to_reset": fields})
        return self._reset_page(request, [channel], fields, form, back)

    def _reset(self, request: HttpRequest, chosen: list[Channel], fields: list[str]) -> None:
        count = provider_says.reset(chosen, fields)
        if count:
            ask_for_match()
        told = f"{count} channel(s) are as the provider says." if count else "Nothing differed from the provider."
        self.message_user(request, told, messages.SUCCESS if count else messages.WARNING)

    def _reset_page(
        self, request: HttpRequest, chosen: list[Channel], fields: list[str], form: FieldsForm, back: str
    ) -> HttpResponse:
        changes = provider_says.differences(chosen, fields)
        context = {
            **self.admin_site.each_context(request),
            "title": "Reset to what the provider says",
            "form": form,
            "chosen": chosen,
            "everything": request.POST.get("select_across") == "1",
            "changes": changes[:_PREVIEW],
            "more": max(0, len(changes) - _PREVIEW),
            "count": len({change.channel.pk for change in changes}),
            "clashes": sum(bool(change.clash) for change in changes),
            "back": back,
        }
        return render(request, "channels/provider_says.html", context)
