"""Django's registration of the room."""

from django.apps import AppConfig


class ChannelsConfig(AppConfig):
    name = "channels"
