"""What kind of broadcast a genre is, in the English words some servers compare with to the letter."""

from __future__ import annotations

from collections.abc import Iterable

_ENGLISH = {
    "Movie": ("movie", "movies", "film", "films", "spielfilm", "spielfilme", "fernsehfilm", "pelicula", "película",
              "cine", "cinema", "cinéma", "filme", "téléfilm", "telefilm", "speelfilm", "sinema", "кино", "фильм"),
    "Sports": ("sport", "sports", "deporte", "deportes", "esporte", "desporto", "spor", "fußball", "football", "calcio",
               "fútbol", "urheilu", "спорт"),
    "News": ("news", "nachrichten", "noticias", "notícias", "journal", "informations", "notiziario", "telegiornale",
             "nieuws", "haber", "nyheter", "uutiset", "wiadomości", "новости"),
    "Kids": ("kids", "children", "kinder", "kinderprogramm", "jeunesse", "infantil", "bambini", "ragazzi", "dzieci",
             "çocuk", "barn", "lapset", "детям"),
    "Series": ("series", "serie", "serien", "fernsehserie", "série", "seriál", "serial", "dizi", "сериал"),
}  # fmt: skip
_BY_WORD = {word: english for english, words in _ENGLISH.items() for word in words}


def with_english_first(categories: Iterable[str]) -> tuple[str, ...]:
    """The genres, the English word for the first that has one in front; none twice."""
    given = tuple(categories)
    for category in given:
        english = _BY_WORD.get(category.casefold())
        if english is not None:
            return tuple(dict.fromkeys((english, *given)))
    return given
