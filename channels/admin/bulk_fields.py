"""Group, logo and adult of many channels: a page that says how many and which, then the change, then a way back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.decorators import action

from channels import bulk_fields, logos
from channels.logos import Logo
from channels.models import Channel, Group
from channels.querysets import ChannelQuerySet
from restreamer.lib.errors import InvalidInput
from restreamer.lib.redis_client import connection

_EXAMPLES = 10
_FIELD = (
    "bg-white border border-base-200 dark:bg-base-900 dark:border-base-700 max-w-full px-3 py-2 rounded-default w-full"
)
_NONE = "none"


class GroupForm(forms.Form):
    """An existing group, a new one, or none."""

    group = forms.ChoiceField(label="group", required=False)
    new = forms.CharField(label="or a new group", max_length=200, required=False)

    def __init__(self, *args: Any, may_add: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups = [(str(pk), name) for pk, name in Group.objects.values_list("pk", "name")]
        self.fields["group"].choices = [("", "choose…"), *groups, (_NONE, "no group at all")]  # type: ignore[attr-defined]
        if not may_add:
            del self.fields["new"]

    def clean(self) -> None:
        super().clean()
        if bool(self.cleaned_data.get("group")) == bool(self.cleaned_data.get("new")):
            raise forms.ValidationError("Choose a group or name a new one.")

    def chosen(self) -> Group | None:
        """The group, made if there was none of that name; None = no group."""
        if name := self.cleaned_data.get("new"):
            return Group.objects.get_or_create(name=name)[0]
        given = self.cleaned_data["group"]
        return None if given == _NONE else Group.objects.get(pk=int(given))


class LogoForm(forms.Form):
    """One of the logos that are there, another address, or none."""

    logo = forms.ModelChoiceField(
        Logo.objects.defer("blob"), label="one of the logos", required=False, empty_label="choose…"
    )
    address = forms.CharField(label="or the picture at this address", max_length=2000, required=False)
    none = forms.BooleanField(label="or no logo at all", required=False)

    def clean_address(self) -> str:
        value: str = self.cleaned_data["address"]
        try:
            if value:
                logos.check_reference(value)
        except InvalidInput as err:
            raise forms.ValidationError(err.message) from err
        return value

    def clean(self) -> None:
        super().clean()
        given = [name for name in ("logo", "address", "none") if self.cleaned_data.get(name)]
        if not self.errors and len(given) != 1:
            raise forms.ValidationError("Choose one of the three.")

    def chosen(self) -> str:
        """What stands in the channels' `logo`."""
        row = self.cleaned_data["logo"]
        return str(row.reference if row is not None else self.cleaned_data["address"])


class FieldActions(admin.ModelAdmin[Channel]):
    """Mixed into the channels' pages."""

    def get_urls(self) -> list[URLPattern]:
        """The way back."""
        view = self.admin_site.admin_view(self.undo)
        return [path("undo/<str:name>/", view, name="channels_channel_undo"), *super().get_urls()]

    @action(description="Move to a group…", permissions=["change"])
    def move(self, request: HttpRequest, queryset: QuerySet[Channel]) -> HttpResponse | None:
        """Into one, a new one, or out of all."""
        chosen = _plain(queryset)
        form = GroupForm(
            request.POST if _is_sure(request) else None, may_add=request.user.has_perm("channels.add_group")
        )
        if not self._goes(request, form, chosen):
            return self._ask(request, "move", "Move to a group", "Move", form, chosen)
        group = form.chosen()
        steps = bulk_fields.one_value(chosen, "group_id", group.pk if group else None)
        change_and_say(request, steps, "group_id", f"moved to {group}" if group else "taken out of their groups")
        return None

    @action(description="Logo…", permissions=["change"])
    def set_logo(self, request: HttpRequest, queryset: QuerySet[Channel]) -> HttpResponse | None:
        """One picture for all, or none; “Reset” brings the providers' own back."""
        chosen = _plain(queryset)
        form = LogoForm(request.POST if _is_sure(request) else None)
        if not self._goes(request, form, chosen):
            return self._ask(request, "set_logo", "Logo", "Set it", form, chosen)
        logo = form.chosen()
        steps = bulk_fields.one_value(chosen, "logo", logo)
        change_and_say(request, steps, "logo", "given another logo" if logo else "left without a logo")
        return None

    @action(description="Mark as adult…", permissions=["change"])
    def mark_adult(self, request: HttpRequest, queryset: QuerySet[Channel]) -> HttpResponse | None:
        """Hidden from viewers who see nothing marked so."""
        return self._mark_adult(request, queryset, "mark_adult", "Mark as adult", adult=True)

    @action(description="Not adult…", permissions=["change"])
    def mark_not_adult(self, request: HttpRequest, queryset: QuerySet[Channel]) -> HttpResponse | None:
        """For everybody again."""
        return self._mark_adult(request, queryset, "mark_not_adult", "Not adult", adult=False)

    def undo(self, request: HttpRequest, name: str) -> HttpResponse:
        """Says what would be taken back; POST does it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        change = bulk_fields.remembered(connection(), name, request.user.pk or 0)
        if change is None:
            self.message_user(request, "That cannot be taken back any more.", messages.WARNING)
            return redirect("admin:channels_channel_changelist")
        if request.method == "POST":
            bulk_fields.take_back(connection(), name, change)
            self.message_user(request, f"Taken back: {change.said}.", messages.SUCCESS)
            return redirect("admin:channels_channel_changelist")
        ids = [pk for step in change.steps for pk in step.channels[:_EXAMPLES]][:_EXAMPLES]
        context = {
            **self.admin_site.each_context(request),
            "title": "Take back",
            "change": change,
            "examples": Channel.objects.filter(pk__in=ids).in_order(),
            "more": max(0, change.count - _EXAMPLES),
        }
        return render(request, "channels/bulk_undo.html", context)

    def _mark_adult(
        self, request: HttpRequest, queryset: QuerySet[Channel], name: str, title: str, *, adult: bool
    ) -> HttpResponse | None:
        chosen = _plain(queryset)
        form = forms.Form(request.POST if _is_sure(request) else None)
        if not self._goes(request, form, chosen):
            return self._ask(request, name, title, title, form, chosen)
        steps = bulk_fields.one_value(chosen, "adult", adult)
        change_and_say(request, steps, "adult", "marked as adult" if adult else "not adult any more")
        return None

    def _goes(self, request: HttpRequest, form: forms.Form, chosen: ChannelQuerySet) -> bool:
        """Did the person see this number of channels, and choose what can be done?"""
        if not form.is_valid():
            return False
        if request.POST.get("seen") == str(chosen.count()):
            return True
        self.message_user(request, "What was found has changed meanwhile: look again.", messages.WARNING)
        return False

    def _ask(
        self, request: HttpRequest, name: str, title: str, button: str, form: forms.Form, chosen: ChannelQuerySet
    ) -> HttpResponse:
        for field in form.fields.values():
            if not isinstance(field, forms.BooleanField):
                field.widget.attrs["class"] = _FIELD
        count = chosen.count()
        everything = request.POST.get("select_across") == "1"
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "action_name": name,
            "button": button,
            "form": form,
            "count": count,
            "examples": chosen.select_related("group").in_order()[:_EXAMPLES],
            "more": max(0, count - _EXAMPLES),
            "everything": everything,
            # Django takes the second step for one only with something chosen, though all is meant.
            "ids": [0] if everything else request.POST.getlist("_selected_action"),
            "kept": count <= bulk_fields.MOST_UNDONE,
        }
        return render(request, "channels/bulk_field.html", context)


def change_and_say(request: HttpRequest, steps: list[bulk_fields.Step], field: str, done: str) -> None:
    """Store it, and tell how many with a link that takes it back."""
    bulk_fields.write(steps, field)
    count = sum(len(step.channels) for step in steps)
    said = f"{count} channel{'' if count == 1 else 's'} {done}"
    if not count:
        messages.warning(request, "Nothing to change: they are so already.")
        return
    name = bulk_fields.remember(connection(), bulk_fields.Change(request.user.pk or 0, field, said, steps))
    link = reverse("admin:channels_channel_undo", args=[name]) if name else ""
    undo = format_html(' <a class="font-semibold underline" href="{}">Undo</a>', link) if link else ""
    messages.success(request, format_html("{}.{}", said, undo))


def _is_sure(request: HttpRequest) -> bool:
    return "apply" in request.POST


def _plain(queryset: QuerySet[Channel]) -> ChannelQuerySet:
    """The same channels without the list's order and joins."""
    return Channel.objects.filter(pk__in=queryset.order_by().values("pk"))
