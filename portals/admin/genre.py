"""All genres of a portal on one page: how each stands, and many changed at once, shown before and taken back after."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.views import ChangeList
from unfold.widgets import SELECT_CLASSES

from portals import genre_choices
from portals.genre_choices import NUMBERING_WORDS, SHOW_WORDS, Facts, Wish
from portals.models import Genre, Portal
from portals.models.genre import GenreKind
from restreamer.lib.errors import RestreamerError
from restreamer.lib.redis_client import RedisUnavailable, connection

_PREVIEW = 200
_FIELD = "border border-base-200 dark:bg-base-900 dark:border-base-700 px-3 py-2 rounded-default w-full"
_AS_IT_IS = ("", "leave as it is")
_YES_NO = {"yes": True, "no": False}


class WishForm(forms.Form):
    """What is to become of the chosen genres."""

    taken = forms.ChoiceField(
        label="At the next refresh",
        required=False,
        choices=[_AS_IT_IS, ("yes", "take them"), ("no", "leave them out")],
    )
    entries = forms.ChoiceField(
        label="What is in them now",
        required=False,
        choices=[_AS_IT_IS, ("yes", "show all of it"), ("no", "hide all of it")],
    )
    show = forms.ChoiceField(
        label="What appears in them later", required=False, choices=[_AS_IT_IS, *SHOW_WORDS.items()]
    )
    group = forms.ChoiceField(
        label="Our group for what appears",
        required=False,
        choices=[_AS_IT_IS, ("like", "one named like the genre"), ("named", "the one named here")],
    )
    group_name = forms.CharField(label="Name of that group", required=False, max_length=200)
    numbering = forms.ChoiceField(
        label="Numbers of what appears (channels)", required=False, choices=[_AS_IT_IS, *NUMBERING_WORDS.items()]
    )

    def clean(self) -> dict[str, Any]:
        super().clean()
        said = self.cleaned_data
        if said.get("group") == "named" and not said.get("group_name", "").strip():
            self.add_error("group_name", "Say which group.")
        if not self.errors and self.wish().empty:
            self.add_error(None, "Choose what is to change.")
        return said

    def wish(self) -> Wish:
        """As the rooms understand it."""
        said = self.cleaned_data
        group = {"like": "", "named": said.get("group_name", "").strip()}.get(said["group"])
        return Wish(
            taken=_YES_NO.get(said["taken"]),
            show=said["show"] or None,
            group=group,
            numbering=said["numbering"] or None,
            entries=_YES_NO.get(said["entries"]),
        )


class PolicyForm(forms.ModelForm[Portal]):
    """What becomes of genres that appear later, by kind."""

    class Meta:
        model = Portal
        fields = ("new_live_genres", "new_movie_genres", "new_series_genres")
        widgets = {name: forms.Select(attrs={"class": " ".join(SELECT_CLASSES)}) for name in fields}


class TakenFilter(admin.SimpleListFilter):
    """Genres something or nothing is taken of."""

    title = "next refresh"
    parameter_name = "taken"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Genre]) -> list[tuple[str, str]]:
        return [("yes", "taken"), ("no", "left out")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Genre]) -> QuerySet[Genre]:
        if self.value() == "yes":
            return queryset.exclude(genre_choices.left_out())
        return queryset.filter(genre_choices.left_out()) if self.value() == "no" else queryset


class NamedFilter(admin.SimpleListFilter):
    """Genres a portal names now, or does no more."""

    title = "named by the portal"
    parameter_name = "named"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Genre]) -> list[tuple[str, str]]:
        return [("yes", "now"), ("no", "no more")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Genre]) -> QuerySet[Genre]:
        named = {"yes": True, "no": False}.get(self.value() or "")
        return queryset if named is None else queryset.filter(stale_since__isnull=named)


class GenreList(ChangeList):
    """Asks the rooms about the rows of the page alone."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        facts = genre_choices.facts_of(self.result_list)
        for genre in self.result_list:
            genre.facts = facts.get(genre.pk)


@admin.register(Genre)
class GenreAdmin(ModelAdmin):
    """Rows are written by refreshes alone; what is chosen about them is kept by the rooms above."""

    search_fields = ("name", "portal__name")
    list_display = ("name", "kind", "entries", "taken", "later", "group", "numbers", "portal")
    list_display_links = None
    list_filter = ("portal", "kind", TakenFilter, NamedFilter)
    list_select_related = ("portal",)
    list_per_page = 100
    list_before_template = "portals/genre_list_hint.html"
    actions = ("change_many",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Genre | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Genre | None = None) -> bool:
        return False

    def has_choose_permission(self, request: HttpRequest) -> bool:
        """May this person choose about any kind?"""
        return bool(genre_choices.allowed_kinds(request.user))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return GenreList

    def get_urls(self) -> list[URLPattern]:
        """Taking back, and what becomes of new genres; POST only, because they do something."""
        view = self.admin_site.admin_view
        return [
            path("undo/", view(require_POST(self.undo)), name="portals_genre_undo"),
            path("new/<int:pk>/", view(require_POST(self.policy)), name="portals_genre_policy"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Mapping[str, Any] | None = None) -> HttpResponse:
        chosen = request.GET.get("portal__id__exact", "")
        portal = Portal.objects.filter(pk=int(chosen)).first() if chosen.isdigit() and len(chosen) < 10 else None
        may_choose = self.has_choose_permission(request)
        context: dict[str, Any] = {
            "portal": portal,
            "policy": PolicyForm(instance=portal)
            if portal and request.user.has_perm("portals.change_portal")
            else None,
            "last": _last_change() if may_choose else None,
            "may_choose": may_choose,
        }
        if portal is not None:
            context["title"] = f"Genres of {portal}"
        return super().changelist_view(request, {**context, **(extra_context or {})})  # type: ignore[no-any-return]

    @display(description="entries")
    def entries(self, genre: Genre) -> SafeString | str:
        """What the portal lists in it, and how much of it viewers see."""
        facts = _facts(genre)
        if facts is None:
            return "–"
        told = f"{facts.entries:,} ({facts.shown:,} shown)"
        return format_html('<span class="whitespace-nowrap">{}</span>', told)

    @display(description="next refresh")
    def taken(self, genre: Genre) -> SafeString | str:
        """Taken or left out; gone ones say so."""
        facts = _facts(genre)
        if genre.stale_since is not None:
            return "gone"
        if facts is None or facts.taken:
            return "taken"
        return format_html('<span class="text-orange-700 dark:text-orange-400">{}</span>', "left out")

    @display(description="new entries")
    def later(self, genre: Genre) -> str:
        """What becomes of what appears in it."""
        facts = _facts(genre)
        return SHOW_WORDS[facts.show] if facts else "–"

    @display(description="our group")
    def group(self, genre: Genre) -> SafeString | str:
        """Where it goes, and the way to the rest: renaming and ranges of numbers."""
        facts = _facts(genre)
        if facts is None:
            return "–"
        words = facts.group or "like the genre"
        if not facts.page:
            return words
        return format_html('<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>', facts.page, words)

    @display(description="numbers")
    def numbers(self, genre: Genre) -> str:
        """Where the numbers of new channels come from."""
        facts = _facts(genre)
        return NUMBERING_WORDS.get(facts.numbering, "–") if facts else "–"

    @action(description="Change…", permissions=["choose"])
    def change_many(self, request: HttpRequest, queryset: QuerySet[Genre]) -> HttpResponse | None:
        """What is to become of the chosen genres: asked, shown, done."""
        may = genre_choices.allowed_kinds(request.user)
        chosen = list(queryset.filter(kind__in=may).select_related("portal"))
        form = WishForm(request.POST if "preview" in request.POST or "apply" in request.POST else None)
        changes: list[genre_choices.Change] = []
        if form.is_valid():
            try:
                if "apply" in request.POST:
                    count = genre_choices.choose(connection(), chosen, form.wish(), request.user.get_username())
                    self.message_user(request, f"{count} genre(s) changed.", messages.SUCCESS)
                    return None
                changes = genre_choices.changes(chosen, form.wish())
            except RestreamerError as err:
                form.add_error(None, err.message)
        for field in form.fields.values():
            field.widget.attrs["class"] = _FIELD
        context = {
            **self.admin_site.each_context(request),
            "title": "Change genres",
            "form": form,
            "chosen": chosen,
            "everything": request.POST.get("select_across") == "1",
            "previewed": form.is_bound and form.is_valid(),
            "changes": changes[:_PREVIEW],
            "count": len(changes),
            "more": max(0, len(changes) - _PREVIEW),
        }
        return render(request, "portals/genre_change.html", context)

    def undo(self, request: HttpRequest) -> HttpResponse:
        """Take the last change back; only by who could have made it."""
        try:
            last = genre_choices.last_change(connection())
            if last is not None and not genre_choices.allowed_kinds(request.user).issuperset(last.kinds):
                raise PermissionDenied
            count = genre_choices.take_back(connection())
        except RedisUnavailable as err:
            self.message_user(request, err.message, messages.ERROR)
        else:
            told = f"{count} genre(s) are as they were." if count else "There is nothing to take back any more."
            self.message_user(request, told, messages.SUCCESS if count else messages.WARNING)
        return redirect(_back(request))

    def policy(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What becomes of the portal's new genres."""
        if not request.user.has_perm("portals.change_portal"):
            raise PermissionDenied
        form = PolicyForm(request.POST, instance=get_object_or_404(Portal, pk=pk))
        if form.is_valid():
            Portal.objects.filter(pk=pk).update(**form.cleaned_data)
            self.message_user(request, "Kept: it counts from the next refresh on.", messages.SUCCESS)
        else:
            self.message_user(request, "That is none of the choices.", messages.ERROR)
        return redirect(f"{reverse('admin:portals_genre_changelist')}?portal__id__exact={pk}")


def _facts(genre: Genre) -> Facts | None:
    return getattr(genre, "facts", None)


def _last_change() -> dict[str, Any] | None:
    try:
        last = genre_choices.last_change(connection())
    except RedisUnavailable:
        return None
    if last is None:
        return None
    kinds = ", ".join(str(GenreKind(kind).label) for kind in last.kinds)
    return {"at": datetime.fromtimestamp(last.at, UTC), "by": last.by, "count": last.count, "kinds": kinds}


def _back(request: HttpRequest) -> str:
    """To the list, filtered as it was; the query is ours to read, never an address."""
    query = request.POST.get("query", "")
    return f"{reverse('admin:portals_genre_changelist')}?{query}"
