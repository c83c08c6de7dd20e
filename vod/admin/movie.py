"""Movies and their offers."""

from __future__ import annotations

from django.contrib import admin

from vod.admin.title import OffersInline, TitleAdmin
from vod.models import Movie, MovieOffer


class MovieOffersInline(OffersInline):
    """Offers of a movie."""

    model = MovieOffer


@admin.register(Movie)
class MovieAdmin(TitleAdmin):
    """Every movie once, whoever offers it."""

    inlines = (MovieOffersInline,)
    list_before_template = "vod/movie_list_hint.html"
