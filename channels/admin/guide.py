"""A channel's guide: which guide channel it has, by whose word, and choosing another one."""

from __future__ import annotations

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from channels import guide_logos
from channels.models import Channel
from guide.jobs import enqueue_refresh
from guide.models import Decision, GuideChannel, GuideMatch
from restreamer.lib.names import fold

_FOUND = 50


class GuideFilter(admin.SimpleListFilter):
    """Channels with and without a guide."""

    title = "guide"
    parameter_name = "guide"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Channel]) -> list[tuple[str, str]]:
        return [("yes", "has one"), ("proposed", "proposed"), ("no", "none")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Channel]) -> QuerySet[Channel]:
        accepted = GuideMatch.objects.accepted().values("channel_id")
        proposed = GuideMatch.objects.proposed().values("channel_id")
        if self.value() == "yes":
            return queryset.filter(pk__in=accepted)
        if self.value() == "proposed":
            return queryset.filter(pk__in=proposed).exclude(pk__in=accepted)
        if self.value() == "no":
            return queryset.exclude(pk__in=accepted)
        return queryset


class ChoiceForm(forms.Form):
    """What the page's buttons send."""

    guide_channel = forms.ModelChoiceField(GuideChannel.objects.readable(), required=False)
    match = forms.ModelChoiceField(GuideMatch.objects.all(), required=False)
    decision = forms.ChoiceField(choices=Decision.choices, required=False)
    shift_minutes = forms.IntegerField(min_value=-24 * 60, max_value=24 * 60, required=False)


class GuidePages(admin.ModelAdmin[Channel]):
    """Mixed into the channels' pages."""

    def get_urls(self) -> list[URLPattern]:
        """The page of one channel's guide."""
        view = self.admin_site.admin_view(self.guide)
        return [path("<int:pk>/guide/", view, name="channels_channel_guide"), *super().get_urls()]

    @action(description="Take the guide's icon as logo where there is none", permissions=["change"])
    def take_icons(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        """For the chosen channels that have a guide channel and no logo."""
        count = guide_logos.take(queryset.order_by().values_list("pk", flat=True))
        told = f"{count} channel(s) took the icon of their guide channel." if count else "No icon for any of them."
        self.message_user(request, told, messages.SUCCESS if count else messages.WARNING)

    @display(description="guide")
    def guide_channel(self, channel: Channel) -> SafeString:
        """The accepted guide channel, and the way to choose."""
        name = getattr(channel, "guide_shown", "") or "choose"
        url = reverse("admin:channels_channel_guide", args=[channel.pk])
        return format_html('<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>', url, name)

    def guide(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What it has, what was proposed, and a search over all guide channels."""
        channel = get_object_or_404(Channel, pk=pk)
        if not self.has_view_permission(request, channel):
            raise PermissionDenied
        if request.method == "POST":
            if not self.has_change_permission(request, channel):
                raise PermissionDenied
            self._decide(request, channel)
            return redirect("admin:channels_channel_guide", pk)
        words = request.GET.get("q", "").strip()
        context = {
            **self.admin_site.each_context(request),
            "title": f"Guide of {channel}",
            "channel": channel,
            "pairs": GuideMatch.objects.filter(channel_id=pk).select_related("source").order_by("-confidence"),
            "words": words,
            "found": _search(words),
            "may_change": self.has_change_permission(request, channel),
        }
        return render(request, "channels/channel_guide.html", context)

    def _decide(self, request: HttpRequest, channel: Channel) -> None:
        form = ChoiceForm(request.POST)
        if not form.is_valid():
            self.message_user(request, "This is no shift: minutes, at most a day either way.", messages.ERROR)
            return
        chosen = form.cleaned_data
        pair = chosen["match"] or (_pair(channel, chosen["guide_channel"]) if chosen["guide_channel"] else None)
        if pair is None or pair.channel_id != channel.pk:
            self.message_user(request, "Choose a guide channel first.", messages.WARNING)
            return
        if chosen["shift_minutes"] is not None:
            GuideMatch.objects.filter(pk=pair.pk).update(shift_minutes=chosen["shift_minutes"])
        decision = Decision(chosen["decision"] or pair.decision)
        if decision != pair.decision:
            by = request.user.get_username()
            GuideMatch.objects.filter(pk=pair.pk).decide(decision, by=by, now=timezone.now())
            if decision == Decision.ACCEPTED and pair.source is not None and not pair.source.keep_everything:
                enqueue_refresh(pair.source, by)
        self.message_user(request, f"{channel}: saved.", messages.SUCCESS)


def _search(words: str) -> QuerySet[GuideChannel]:
    found = GuideChannel.objects.readable().select_related("source").order_by("source__priority", "xmltv_id")
    if not words:
        return found.none()
    for word in fold(words).split():
        found = found.filter(folded__contains=word)
    return found[:_FOUND]


def _pair(channel: Channel, guide_channel: GuideChannel) -> GuideMatch:
    pair, _ = GuideMatch.objects.get_or_create(
        channel_id=channel.pk,
        source=guide_channel.source,
        guide_id=guide_channel.xmltv_id,
        defaults={
            "channel_name": channel.name,
            "guide_name": guide_channel.shown_name[:500],
            "reason": "chosen by hand",
            "confidence": 1.0,
        },
    )
    return pair
