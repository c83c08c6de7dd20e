"""Groups, and which channels stand in each."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from channels import bulk_fields
from channels.admin.bulk_fields import change_and_say
from channels.admin.logos import WearerForm, WearsLogo
from channels.models import Channel, Group

_MOST_SHOWN = 500
_MOST_FOUND = 100
#: What is higher is no channel's, and no number a database takes.
_HIGHEST_ID = 2**31 - 1


@admin.register(Group)
class GroupAdmin(WearsLogo, ModelAdmin):
    """Our own sorting."""

    empty_hint = "Groups come with a portal's genres at its first refresh; they are yours to rename, order and add to."
    form = WearerForm
    fields = ("name", "position", "picture", "logo", "logo_file", "logo_from")
    readonly_fields = ("picture",)
    list_display = ("name", "position", "channel_count")
    list_editable = ("position",)
    search_fields = ("name",)
    change_form_outer_before_template = "channels/group_links.html"

    def get_urls(self) -> list[URLPattern]:
        """The page of a group's channels."""
        view = self.admin_site.admin_view(self.channels)
        return [path("<int:pk>/channels/", view, name="channels_group_channels"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        groups: QuerySet[Group] = super().get_queryset(request)
        return groups.annotate(channels_total=Count("channels"))

    @display(description="channels", ordering="channels_total")
    def channel_count(self, group: Group) -> SafeString:
        """How many channels stand in it, and the way to them."""
        total: int = group.channels_total  # type: ignore[attr-defined]
        url = reverse("admin:channels_group_channels", args=[group.pk])
        return format_html('<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>', url, total)

    def channels(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Those in it, to be taken out; a search among all others, to be added."""
        group = get_object_or_404(Group, pk=pk)
        if not self.has_view_permission(request, group):
            raise PermissionDenied
        words = request.GET.get("q", "").strip().replace("\0", "")
        inside, outside = Channel.objects.filter(group=group), Channel.objects.exclude(group=group)
        if request.method == "POST":
            if not request.user.has_perm("channels.change_channel"):
                raise PermissionDenied
            adds = "add" in request.POST
            chosen = (outside if adds else inside).filter(pk__in=_ticked(request))
            steps = bulk_fields.one_value(chosen, "group_id", pk if adds else None)
            change_and_say(request, steps, "group_id", f"added to {group}" if adds else f"taken out of {group}")
            return redirect(f"{request.path}?{urlencode({'q': words})}" if words else request.path)
        found = Channel.objects.none()
        if words:
            found, _ = self.admin_site.get_model_admin(Channel).get_search_results(request, outside, words)
        total = inside.count()
        context = {
            **self.admin_site.each_context(request),
            "title": f"Channels of {group}",
            "group": group,
            "words": words,
            "found": list(found.select_related("group").in_order()[:_MOST_FOUND]),
            "inside": list(inside.in_order()[:_MOST_SHOWN]),
            "total": total,
            "more": max(0, total - _MOST_SHOWN),
            "may_change": request.user.has_perm("channels.change_channel"),
        }
        return render(request, "channels/group_channels.html", context)


def _ticked(request: HttpRequest) -> list[int]:
    given = request.POST.getlist("channel")
    return [int(one) for one in given if re.fullmatch(r"[0-9]{1,10}", one) and int(one) <= _HIGHEST_ID]
