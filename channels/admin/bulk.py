"""Actions on many channels: number and rename with a preview, merge, order their streams, split one off."""

from __future__ import annotations

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from unfold.decorators import action

from channels import bulk_changes, merging
from channels.models import Channel
from guide.jobs import ask_for_match
from restreamer.lib.errors import RestreamerError

_PREVIEW = 200
_FIELD = "border border-base-200 dark:bg-base-900 dark:border-base-700 px-3 py-2 rounded-default"


class NumberForm(forms.Form):
    """How to number."""

    mode = forms.ChoiceField(
        label="numbers",
        choices=[
            ("from", "one after the other from"),
            ("next_free", "next free ones from"),
            ("provider", "as the portal has them"),
            ("none", "none"),
        ],
    )
    first = forms.IntegerField(min_value=1, max_value=999_999, initial=1)
    last = forms.IntegerField(min_value=0, max_value=999_999, initial=0, label="last (0 = no end)")


class RenameForm(forms.Form):
    """What to replace."""

    pattern = forms.CharField(max_length=300, label="regular expression")
    replacement = forms.CharField(max_length=300, required=False, label=r"replace with (\1 is the first group)")


class BulkActions(admin.ModelAdmin[Channel]):
    """Mixed into the channels' pages."""

    @action(description="Number…", permissions=["change"])
    def number(self, request: HttpRequest, queryset: QuerySet[Channel]) -> HttpResponse | None:
        """Numbers for the chosen channels, in the list's order."""
        form = NumberForm(request.POST if "preview" in request.POST or "apply" in request.POST else None)
        changes: list[bulk_changes.Change] = []
        chosen = list(Channel.objects.filter(pk__in=queryset.order_by().values("pk")).in_order())
        if form.is_valid():
            try:
                changes = bulk_changes.numbers(chosen, **form.cleaned_data)
            except RestreamerError as err:
                form.add_error(None, err.message)
            else:
                if "apply" in request.POST:
                    count = bulk_changes.write_numbers(changes)
                    self.message_user(request, f"{count} channel(s) have new numbers.", messages.SUCCESS)
                    return None
        return self._page(request, "number", "Number channels", form, chosen, changes, bulk_changes.conflicts())

    @action(description="Rename…", permissions=["change"])
    def rename(self, request: HttpRequest, queryset: QuerySet[Channel]) -> HttpResponse | None:
        """Names by a regular expression."""
        form = RenameForm(request.POST if "preview" in request.POST or "apply" in request.POST else None)
        changes: list[bulk_changes.Change] = []
        chosen = list(Channel.objects.filter(pk__in=queryset.order_by().values("pk")).in_order())
        if form.is_valid():
            try:
                changes = bulk_changes.names(chosen, form.cleaned_data["pattern"], form.cleaned_data["replacement"])
            except RestreamerError as err:
                form.add_error(None, err.message)
            else:
                if "apply" in request.POST:
                    count = bulk_changes.write_names(changes)
                    ask_for_match()
                    self.message_user(request, f"{count} channel(s) renamed.", messages.SUCCESS)
                    return None
        return self._page(request, "rename", "Rename channels", form, chosen, changes, [])

    @action(description="Merge into one", permissions=["change"])
    def merge(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        """The oldest stays; each merge can be taken back on the page of doubles."""
        try:
            count = merging.by_hand(queryset, request.user.get_username())
        except RestreamerError as err:
            self.message_user(request, err.message, messages.WARNING)
        else:
            self.message_user(request, f"{count} channel(s) merged; “Doubles” takes it back.", messages.SUCCESS)

    @action(description="Split into one channel per stream", permissions=["change"])
    def split(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        """The first stream stays, each other gets a channel of its own."""
        made = 0
        for channel in queryset:
            for link in channel.links.order_by("rank", "pk")[1:]:
                merging.split(link)
                made += 1
        self.message_user(request, f"{made} channel(s) split off.", messages.SUCCESS if made else messages.WARNING)

    @action(description="Order streams by portal and quality", permissions=["change"])
    def rank(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        """As a merge does: the portal's priority, then the better picture."""
        for channel in queryset:
            merging.rank_streams(channel)
        self.message_user(request, "Streams are in order.", messages.SUCCESS)

    def _page(
        self,
        request: HttpRequest,
        name: str,
        title: str,
        form: forms.Form,
        chosen: list[Channel],
        changes: list[bulk_changes.Change],
        conflicts: list[str],
    ) -> HttpResponse:
        for field in form.fields.values():
            field.widget.attrs["class"] = _FIELD
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "action_name": name,
            "form": form,
            "chosen": chosen,
            "everything": request.POST.get("select_across") == "1",
            "changes": changes[:_PREVIEW],
            "more": max(0, len(changes) - _PREVIEW),
            "clashes": sum(bool(change.clash) for change in changes),
            "conflicts": conflicts,
        }
        return render(request, "channels/bulk_change.html", context)
