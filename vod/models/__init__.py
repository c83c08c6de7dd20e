"""Movies and series, the same two sides as live: what portals offer, what we show."""

from vod.models.category import Category, CategoryMap
from vod.models.episode import Episode, EpisodeOffer, Season
from vod.models.merge import Merge
from vod.models.movie import Movie, MovieOffer
from vod.models.rule import TitleRule
from vod.models.series import Series, SeriesOffer

__all__ = [
    "Category",
    "CategoryMap",
    "Episode",
    "EpisodeOffer",
    "Merge",
    "Movie",
    "MovieOffer",
    "Season",
    "Series",
    "SeriesOffer",
    "TitleRule",
]
