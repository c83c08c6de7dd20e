"""Django's registration of the room."""

from django.apps import AppConfig


class StreamingConfig(AppConfig):
    name = "streaming"
