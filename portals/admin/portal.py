"""Portals with their subscriptions inline; test and refresh with results in words."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextareaWidget, UnfoldBooleanSwitchWidget

from portals import leaving, mac_list
from portals.adding import (
    PROXY_SCHEMES,
    check_kind,
    check_proxy,
    free_slug,
    give_playlist,
    portal_added,
    take_pasted_login,
)
from portals.admin.subscription import STATE_COLOURS, SubscriptionForm
from portals.checking import check_subscription
from portals.errors import PortalError
from portals.jobs import enqueue_checks, enqueue_refresh
from portals.mac_list import MacList
from portals.models import Portal, PortalKind, Run, RunKind, Subscription
from portals.providers.m3u import MAX_LIST_BYTES, forget_upload, judge, keep_upload
from portals.refreshing import kinds_of
from restreamer.lib.errors import InvalidInput, RestreamerError
from restreamer.lib.http import MIB


class PortalForm(forms.ModelForm[Portal]):
    """Checks what only Restreamer knows to be wrong."""

    playlist = forms.FileField(
        label="Playlist file",
        required=False,
        widget=UnfoldAdminFileFieldWidget,
        help_text="In place of an address: M3U, also packed as .gz, .xz, .bz2 or .zip. A new file replaces the old one "
        "and is read at once.",
    )

    class Meta:
        model = Portal
        fields = (
            "name", "kind", "address", "enabled", "refresh_hours", "hold_percent", "enable_new", "with_censored",
            "with_vod", "enable_new_vod",
            "remove_stale_days", "new_live_genres", "new_movie_genres", "new_series_genres", "language", "time_zone",
            "priority", "max_streams", "user_agent", "referer", "origin", "proxy_url", "verify_tls", "endpoint",
        )  # fmt: skip
        help_texts = {"proxy_url": f"One of {', '.join(PROXY_SCHEMES)}://host:port, for API and media."}

    with_guide = forms.BooleanField(
        label="Guide",
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget,
        help_text="Take the provider's own programme guide too; it becomes an EPG source.",
    )
    more_macs = forms.CharField(
        label="Add MACs",
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="Any number at once, separated by commas, blanks or lines.",
    )
    test_macs = forms.BooleanField(
        label="Test them at once",
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget,
        help_text="Ask the portal about each of them in the background.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "address" in self.fields:  # absent for those who may only look
            self.fields["address"].required = False

    def clean(self) -> dict[str, Any]:
        super().clean()
        file = self.cleaned_data.get("playlist")
        if file and self.cleaned_data.get("kind") != PortalKind.M3U:
            self.add_error("playlist", "Only a portal of the kind “M3U playlist” takes a file.")
        elif not file and not self.cleaned_data.get("address") and not self.has_error("playlist"):
            self.add_error("address", "A portal needs the address its provider gave you.")
        elif self.cleaned_data.get("address") and {"kind", "address"} & set(self.changed_data):
            try:
                check_kind(self.cleaned_data["address"], self.cleaned_data.get("kind", ""))
            except InvalidInput as err:
                self.add_error("kind", err.message)
        if self.cleaned_data.get("more_macs") and self.cleaned_data.get("kind") != PortalKind.STALKER:
            self.add_error("more_macs", "Only a Stalker portal has MACs.")
        return self.cleaned_data

    def clean_more_macs(self) -> MacList | None:
        text: str = self.cleaned_data["more_macs"]
        found = mac_list.read(text)
        if found.refused:
            shown = ", ".join(f"“{word[:30]}”" for word in found.refused[:10])
            more = f" and {len(found.refused) - 10} more" if len(found.refused) > 10 else ""
            raise forms.ValidationError(f"No MAC: {shown}{more}. A MAC looks like 00:1A:79:12:34:56.")
        return found if found.macs else None

    def clean_playlist(self) -> UploadedFile[Any] | None:
        file: UploadedFile[Any] | None = self.cleaned_data["playlist"]
        if file is not None:
            if (file.size or 0) > MAX_LIST_BYTES:
                raise forms.ValidationError(f"The file is larger than {MAX_LIST_BYTES // MIB} MB.")
            try:
                judge(file.open())
            except PortalError as err:
                raise forms.ValidationError(err.message) from err
        return file

    def clean_proxy_url(self) -> str:
        value: str = self.cleaned_data["proxy_url"]
        try:
            check_proxy(value)
        except InvalidInput as err:
            raise forms.ValidationError(err.message) from err
        return value


#: With more subscriptions than this the page would be slow, and a browser sends more fields than we read.
MOST_ROWS = 40


class SubscriptionFormSet(forms.BaseInlineFormSet[Subscription, Portal, forms.ModelForm[Subscription]]):
    """Says which row is there twice: Django looks for doubles among rows of one form only where no condition holds."""

    def clean(self) -> None:
        super().clean()
        seen: set[tuple[str, str]] = set()
        for form in self.forms:
            row = getattr(form, "cleaned_data", {})
            if not row or row.get("DELETE"):
                continue
            field = "mac" if row.get("mac") else "login"
            key = (field, row.get(field, ""))
            if key[1] and key in seen:
                form.add_error(field, f"This {'MAC' if field == 'mac' else 'login'} stands here twice.")
            seen.add(key)


class SubscriptionInline(TabularInline):
    """The few columns one fills in daily; the rest stands on the subscription's own page."""

    model = Subscription
    form = SubscriptionForm
    formset = SubscriptionFormSet
    fields = ("mac", "login", "password", "streams", "enabled", "rank", "status", "expires_at")
    readonly_fields = ("status",)
    extra = 0
    show_change_link = False

    @admin.display(description="status")
    def status(self, row: Subscription) -> str:
        """State and last error in words."""
        if not row.pk:
            return "not saved yet"
        return row.last_error or row.warning or row.get_state_display()


#: What a person who may not change a portal sees of it.
_FOR_ALL = ("name", "kind", "enabled", "priority", "refresh_hours")
_FOR_ALL_LOOKUPS = frozenset({"id", "pk", *_FOR_ALL})
_SECRET_COLUMNS = frozenset({"subscription_states"})


@admin.register(Portal)
class PortalAdmin(ModelAdmin):
    """The first page an owner fills in."""

    form = PortalForm
    inlines = (SubscriptionInline,)
    list_display = ("name", "kind", "enabled", "subscription_states", "channel_count", "latest_run")
    list_filter = ("kind", "enabled")
    search_fields = ("name", "address")
    list_before_template = "portals/portal_list_hint.html"
    actions = ("test_now", "refresh_now", "prefetch_now")
    change_form_outer_before_template = "portals/portal_actions.html"
    delete_confirmation_template = "portals/portal_delete.html"
    warn_unsaved_form = True
    conditional_fields = {
        "playlist": f"kind == '{PortalKind.M3U}'",
        "with_guide": f"kind != '{PortalKind.M3U}'",
        "more_macs": f"kind == '{PortalKind.STALKER}'",
        "test_macs": f"kind == '{PortalKind.STALKER}'",
    }
    fieldsets = (
        (None, {"fields": ("name", "kind", "address", "playlist", "more_macs", "test_macs", "with_guide", "enabled")}),
        (
            "Catalogue",
            {
                "fields": (
                    "refresh_hours",
                    "hold_percent",
                    "enable_new",
                    "with_vod",
                    "enable_new_vod",
                    "new_live_genres",
                    "new_movie_genres",
                    "new_series_genres",
                    "remove_stale_days",
                    "with_censored",
                    "language",
                    "time_zone",
                ),
                "classes": ("tab",),
            },
        ),
        (
            "Streams",
            {"fields": ("priority", "max_streams", "user_agent", "referer", "origin"), "classes": ("tab",)},
        ),
        ("Network", {"fields": ("proxy_url", "verify_tls", "endpoint", "slug"), "classes": ("tab",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Portal]:
        return super().get_queryset(request).prefetch_related("subscriptions")  # type: ignore[no-any-return]

    def get_readonly_fields(self, request: HttpRequest, obj: Portal | None = None) -> tuple[str, ...]:
        return ("slug", "subscriptions_elsewhere")

    def get_inline_instances(self, request: HttpRequest, obj: Portal | None = None) -> list[Any]:
        """Without the rows of subscriptions where there are too many for one page."""
        inlines = super().get_inline_instances(request, obj)
        if obj is None or not _has_many(obj):
            return list(inlines)
        return [one for one in inlines if not isinstance(one, SubscriptionInline)]

    @display(description="subscriptions")
    def subscriptions_elsewhere(self, portal: Portal) -> SafeString:
        """Where they are, when they are too many for this page."""
        model = "mac" if portal.kind == PortalKind.STALKER else "login"
        address = f"{reverse(f'admin:portals_{model}_changelist')}?portal__id__exact={portal.pk}"
        return format_html(
            '<a class="text-primary-600 dark:text-primary-500" href="{}">All {}</a>',
            address,
            portal.subscriptions.count(),
        )

    # --- those who may look but not change learn nothing a provider is reached or logged in with --------------------

    def get_fieldsets(self, request: HttpRequest, obj: Portal | None = None) -> Any:
        may_know = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        if not may_know:
            return ((None, {"fields": _FOR_ALL}),)
        (name, first), *others = super().get_fieldsets(request, obj)
        if obj is not None and _has_many(obj):
            first = {**first, "fields": (*first["fields"], "subscriptions_elsewhere")}
        # Asked once: afterwards the guide is an EPG source with a page of its own.
        fields = tuple(field for field in first["fields"] if obj is None or field != "with_guide")
        return [(name, {**first, "fields": fields}), *others]

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        columns = self.list_display
        return columns if self.has_change_permission(request) else tuple(c for c in columns if c not in _SECRET_COLUMNS)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return self.search_fields if self.has_change_permission(request) else ("name",)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Nor can they find it out by asking for what begins like it."""
        if not self.has_change_permission(request) and lookup.partition("__")[0] not in _FOR_ALL_LOOKUPS:
            return False
        return bool(super().lookup_allowed(lookup, value, request))

    def save_model(self, request: HttpRequest, obj: Portal, form: Any, change: bool) -> None:
        if not obj.slug:
            obj.slug = free_slug(obj.name)
        file = form.cleaned_data.get("playlist")
        if file is not None:
            obj.address = keep_upload(file.chunks(), obj.slug)
        before = form.initial.get("address", "")
        if change and obj.address != before:
            obj.endpoint = ""
            transaction.on_commit(lambda: forget_upload(before))
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        portal = form.instance
        give_playlist(portal)
        take_pasted_login(portal)
        if not change:
            portal_added.send(Portal, portal=portal, with_guide=form.cleaned_data.get("with_guide", False))
        if form.cleaned_data.get("more_macs") is not None:
            self._add_macs(request, portal, form.cleaned_data["more_macs"], test=form.cleaned_data["test_macs"])
        if form.cleaned_data.get("playlist") is not None:
            self._refresh(request, portal)
        elif not change:
            self._begin(request, portal)

    def _begin(self, request: HttpRequest, portal: Portal) -> None:
        """A new portal is fetched at once, as the clock would do a minute later; or it is said what it lacks."""
        if not portal.subscriptions.exists():
            lack = "MAC" if portal.kind == PortalKind.STALKER else "login"
            sentence = f"{portal.name} has no {lack} yet: add one on its page; until then nothing is fetched."
            self.message_user(request, sentence, messages.WARNING)
        elif portal.enabled and portal.refresh_hours:
            self._refresh(request, portal)

    # --- deleting: rows that nobody may delete alone go with their portal, counted and not listed --------------------

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Counts, not rows: a portal may offer a hundred thousand."""
        lines: list[str] = []
        totals = {"portals": len(objs)}
        for portal in objs:
            along = leaving.goes_along(portal)
            lines += [f"{portal}: {count:,} {name}" for name, count in along.items()]
            for name, count in along.items():
                totals[name] = totals.get(name, 0) + count
        return lines, totals, set(), []

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().delete_view(request, object_id, {**(extra_context or {}), "fed": leaving.only_fed()})  # type: ignore[no-any-return]

    def delete_model(self, request: HttpRequest, obj: Portal) -> None:
        leaving.remove(obj, keep_fed="keep_fed" in request.POST)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Portal]) -> None:
        for portal in queryset:
            leaving.remove(portal)

    def _add_macs(self, request: HttpRequest, portal: Portal, found: MacList, *, test: bool) -> None:
        added = mac_list.add(portal, found.macs)
        told = [f"{len(added.new)} MAC(s) added"]
        if added.known:
            told.append(f"there already: {', '.join(added.known)}")
        if found.doubles:
            told.append(f"pasted more than once: {', '.join(found.doubles)}")
        if test and added.new:
            enqueue_checks([one.pk for one in added.new])
            told.append("they are being tested; their states appear under “MACs”")
        self.message_user(request, f"{portal.name}: {'; '.join(told)}.", messages.SUCCESS)

    @display(description="subscriptions")
    def subscription_states(self, portal: Portal) -> SafeString | str:
        """Each subscription with its state."""
        rows = [(s.shown_name, s.get_state_display(), STATE_COLOURS[s.state]) for s in portal.subscriptions.all()]
        if not rows:
            return "none yet"
        return format_html_join("", '<div>{0} <span class="{2}">{1}</span></div>', rows)

    @display(description="channels")
    def channel_count(self, portal: Portal) -> int:
        """How many live items it offers now."""
        return portal.streams.filter(stale_since__isnull=True).count()  # type: ignore[attr-defined,no-any-return]

    @display(description="last refresh")
    def latest_run(self, portal: Portal) -> SafeString | str:
        """The newest run with its state."""
        run = portal.runs.filter(kind=RunKind.LIVE).first()
        if run is None:
            return "never"
        return format_html('<a href="{}">{}</a>', run_url(run), run.get_state_display())

    @action(description="Test now", permissions=["change"])
    def test_now(self, request: HttpRequest, queryset: QuerySet[Portal]) -> None:
        """Ask the chosen portals about each of their subscriptions."""
        for portal in queryset:
            self._test(request, portal)

    @action(description="Refresh now", permissions=["change"])
    def refresh_now(self, request: HttpRequest, queryset: QuerySet[Portal]) -> None:
        """Fetch what the chosen portals offer in the background."""
        for portal in queryset:
            self._refresh(request, portal)

    @action(description="Fetch all details of movies and series", permissions=["change"])
    def prefetch_now(self, request: HttpRequest, queryset: QuerySet[Portal]) -> None:
        """Ask the chosen portals about each movie and series, in the background and gently."""
        for portal in queryset.filter(with_vod=True):
            self._start(request, portal, RunKind.DETAILS)

    def get_urls(self) -> list[URLPattern]:
        """The buttons of the portal's own page; POST only, because they do something."""
        own = [
            path(
                "<int:pk>/prefetch/",
                self.admin_site.admin_view(require_POST(self.prefetch_one)),
                name="portals_portal_prefetch",
            ),
            path("<int:pk>/test/", self.admin_site.admin_view(require_POST(self.test_one)), name="portals_portal_test"),
            path(
                "<int:pk>/refresh/",
                self.admin_site.admin_view(require_POST(self.refresh_one)),
                name="portals_portal_refresh",
            ),
        ]
        return own + super().get_urls()  # type: ignore[no-any-return]

    def test_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Test from the portal's page."""
        self._test(request, self._changeable(request, pk))
        return redirect("admin:portals_portal_change", pk)

    def refresh_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Refresh from the portal's page."""
        self._refresh(request, self._changeable(request, pk))
        return redirect("admin:portals_portal_change", pk)

    def prefetch_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Fetch all details of its movies and series, from the portal's page."""
        self._start(request, self._changeable(request, pk), RunKind.DETAILS)
        return redirect("admin:portals_portal_change", pk)

    def _changeable(self, request: HttpRequest, pk: int) -> Portal:
        portal = get_object_or_404(Portal, pk=pk)
        if not self.has_change_permission(request, portal):
            raise PermissionDenied
        return portal

    def _test(self, request: HttpRequest, portal: Portal) -> None:
        subscriptions = list(portal.subscriptions.all())
        if not subscriptions:
            self.message_user(request, f"{portal.name}: there is no subscription to test.", messages.WARNING)
        for subscription in subscriptions:
            try:
                report = check_subscription(subscription)
            except RestreamerError as err:
                self.message_user(request, f"{portal.name} · {subscription.shown_name}: {err.message}", messages.ERROR)
                continue
            level = messages.SUCCESS if report.state == "ok" else messages.ERROR
            text = f"{portal.name} · {subscription.shown_name}: {report.sentence}"
            self.message_user(request, f"{text} {report.warning}".strip(), level)

    def _refresh(self, request: HttpRequest, portal: Portal) -> None:
        for kind in kinds_of(portal):
            self._start(request, portal, kind)

    def _start(self, request: HttpRequest, portal: Portal, kind: RunKind) -> None:
        run = enqueue_refresh(portal, kind, request.user.get_username())
        self.message_user(
            request,
            format_html('{}, {}: started. <a href="{}">Watch it</a>.', portal.name, kind.label, run_url(run)),
            messages.SUCCESS,
        )


def _has_many(portal: Portal) -> bool:
    return portal.subscriptions.count() > MOST_ROWS


def run_url(run: Run) -> str:
    """The page of one run."""
    return reverse("admin:portals_run_change", args=[run.pk])
