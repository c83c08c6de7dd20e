"""What the pages of movies and series have in common."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display

from portals.models import Portal
from restreamer.lib.pictures import digest, is_web_address
from vod import details, listing, merging, settling
from vod.models import Category
from vod.querysets import TitleQuerySet

#: Each asks a portal; more than a page's patience is what prefetching is for.
_MOST_DETAILS = 20


def poster(title: Any, stored: str, height_px: int) -> SafeString | str:
    """A thumbnail, loaded when it comes into view; through us unless RESTREAMER_PICTURES says otherwise."""
    if not is_web_address(stored):
        return ""
    url = stored
    if settings.PICTURES == "kept":
        url = reverse("logo", args=(title._meta.model_name, title.pk, digest(stored)))
    return format_html(
        '<img src="{}" alt="" loading="lazy" decoding="async" referrerpolicy="no-referrer" '
        'class="rounded-default object-cover bg-base-100 dark:bg-base-800" style="height:{}px;aspect-ratio:2/3">',
        url,
        height_px,
    )


class PortalFilter(admin.SimpleListFilter):
    """Titles one portal offers."""

    title = "portal"
    parameter_name = "portal"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(str(pk), name) for pk, name in Portal.objects.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ""
        return queryset.filter(offers__portal=int(value)).distinct() if value.isdigit() else queryset


class OfferedFilter(admin.SimpleListFilter):
    """Titles that can still be played."""

    title = "offered"
    parameter_name = "offered"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [("yes", "by a portal now"), ("no", "by nobody any more")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        playable = queryset.model._default_manager.playable().values("pk")
        if self.value() == "yes":
            return queryset.filter(pk__in=playable)
        if self.value() == "no":
            return queryset.exclude(pk__in=playable)
        return queryset


class OffersInline(TabularInline):
    """What portals offer, in the order it is tried; only the order is ours to set."""

    fields = ("name", "portal", "genre", "rating", "state", "rank")
    readonly_fields = ("name", "portal", "genre", "rating", "state")
    extra = 0
    can_delete = False
    verbose_name_plural = "offers"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("portal", "genre")  # type: ignore[no-any-return]

    @admin.display(description="state")
    def state(self, offer: Any) -> str:
        """Offered, gone, and when somebody last asked about it."""
        if offer.stale_since is not None:
            return f"gone since {offer.stale_since:%Y-%m-%d}"
        if offer.details_error:
            return offer.details_error  # type: ignore[no-any-return]
        return f"details of {offer.details_at:%Y-%m-%d}" if offer.details_at else "details not fetched yet"


class TitleAdmin(ModelAdmin):
    """Show, hide, name, sort, merge, split. What portals tell is shown and not edited."""

    list_display: tuple[str, ...] = ("thumbnail", "shown_title", "year", "category", "enabled", "rating", "offered_by")
    list_display_links = ("thumbnail", "shown_title")
    list_editable = ("enabled",)
    list_filter = ("enabled", PortalFilter, ("category", RelatedDropdownFilter), OfferedFilter, "adult")
    list_filter_submit = True
    list_select_related = ("category", "lead")
    list_per_page = 50
    search_fields = ("name",)  # shows the field; get_search_results does the searching
    search_help_text = "Words of the name in any order; accents do not count."
    show_full_result_count = False
    actions = ("enable", "disable", "fetch_details", "merge_them", "split_them")
    change_form_outer_before_template = "vod/title_actions.html"
    fields = ("picture", "custom_name", "name", "category", "enabled", "adult", "told")
    readonly_fields = ("picture", "name", "told")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # Fetched for the page's rows only: a count in the query itself would group all 50,000 titles for each page.
        return super().get_queryset(request).prefetch_related("offers__portal")  # type: ignore[no-any-return]

    def get_search_results(
        self, request: HttpRequest, queryset: TitleQuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """As players search."""
        found: QuerySet[Any] = queryset.search(search_term) if search_term.strip() else queryset
        return found, False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "category":
            kwargs["queryset"] = Category.objects.filter(kind=self.opts.model_name)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.curated = True
        super().save_model(request, obj, form, change)
        settling.settle(type(obj), [obj.pk])

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        settling.settle(type(form.instance), [form.instance.pk])

    def get_urls(self) -> list[URLPattern]:
        """The button of a title's page; POST only, because it asks a portal."""
        fetch = self.admin_site.admin_view(require_POST(self.fetch_one))
        name = f"vod_{self.opts.model_name}_details"
        return [path("<int:pk>/details/", fetch, name=name), *super().get_urls()]

    def fetch_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask the portals about this title now."""
        title = get_object_or_404(self.model, pk=pk)
        if not self.has_change_permission(request, title):
            raise PermissionDenied
        self._fetch(request, [title])
        return redirect(f"admin:vod_{self.opts.model_name}_change", pk)

    @display(description="")
    def thumbnail(self, title: Any) -> SafeString | str:
        """The poster, small."""
        return poster(title, title.lead.poster if title.lead else "", 60)

    @display(description="name", ordering="name")
    def shown_title(self, title: Any) -> str:
        """As viewers read it."""
        return title.shown_name  # type: ignore[no-any-return]

    @display(description="rating", ordering="lead__rating")
    def rating(self, title: Any) -> str:
        """0 to 10."""
        return f"{title.lead.rating:.1f}" if title.lead and title.lead.rating else "–"

    @display(description="offered by")
    def offered_by(self, title: Any) -> str:
        """The portals whose items feed it."""
        return ", ".join(dict.fromkeys(offer.portal.name for offer in title.offers.all())) or "nobody"

    @admin.display(description="poster")
    def picture(self, title: Any) -> SafeString | str:
        """The poster, large."""
        return poster(title, listing.about(title).poster, 240) or "none"

    @admin.display(description="what portals tell")
    def told(self, title: Any) -> SafeString | str:
        """Everything known, a line each."""
        about = listing.about(title)
        minutes = f"{about.duration_s // 60} minutes" if about.duration_s else ""
        lines = (
            ("Original name", about.original_name), ("Year", about.year), ("Genres", about.genres),
            ("Duration", minutes), ("Rating", about.rating), ("Ages", about.age_rating), ("Country", about.country),
            ("Director", about.director), ("Cast", about.cast), ("TMDB", about.tmdb_id), ("IMDB", about.imdb_id),
            ("Plot", about.plot),
        )  # fmt: skip
        return format_html_join("", "<p><b>{}</b> {}</p>", (line for line in lines if line[1])) or "nothing yet"

    @action(description="Show to viewers", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Switch the chosen ones on."""
        self._switch(request, queryset, enabled=True)

    @action(description="Hide from viewers", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Switch the chosen ones off."""
        self._switch(request, queryset, enabled=False)

    @action(description="Fetch details now", permissions=["change"])
    def fetch_details(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Ask the portals about the chosen ones."""
        self._fetch(request, list(queryset[: _MOST_DETAILS + 1]))

    @action(description="Merge into one (the oldest stays)", permissions=["change"])
    def merge_them(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Make one of the chosen ones."""
        try:
            stays = merging.merge(list(queryset[:50]), request.user.get_username())
        except merging.NotMergeable as err:
            self.message_user(request, err.message, messages.ERROR)
        else:
            self.message_user(request, f"{stays} has {stays.offers.count()} offers now.", messages.SUCCESS)

    @action(description="Split (each further offer becomes its own)", permissions=["change"])
    def split_them(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Separate the offers of the chosen ones."""
        made = 0
        with transaction.atomic():
            for title in queryset:
                for offer in list(title.offers.in_order())[1:]:
                    merging.split(offer, request.user.get_username())
                    made += 1
        text = f"{made} offer(s) are titles of their own now." if made else "None of them has more than one offer."
        self.message_user(request, text, messages.SUCCESS if made else messages.WARNING)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Any], *, enabled: bool) -> None:
        changed = self.model._default_manager.filter(pk__in=queryset.order_by().values("pk")).switch(enabled=enabled)
        word = "shown to viewers" if enabled else "hidden from viewers"
        self.message_user(request, f"{changed} {self.opts.verbose_name_plural} are now {word}.", messages.SUCCESS)

    def _fetch(self, request: HttpRequest, titles: list[Any]) -> None:
        offers = [
            offer for title in titles[:_MOST_DETAILS] for offer in title.offers.offered().select_related("portal")
        ]
        answered = details.fetch_all(offers)
        level = messages.SUCCESS if answered == len(offers) else messages.WARNING
        self.message_user(request, f"{answered} of {len(offers)} offer(s) were answered.", level)
        if len(titles) > _MOST_DETAILS:
            self.message_user(
                request,
                f"Only the first {_MOST_DETAILS} were asked about; “Fetch all details” at a portal asks about all.",
                messages.WARNING,
            )
