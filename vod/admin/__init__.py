"""The owner's pages of movies and series."""

from vod.admin import category, episode, merge, movie, rule, series

__all__ = ["category", "episode", "merge", "movie", "rule", "series"]
