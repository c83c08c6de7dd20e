"""The room's entry in Django."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """The API."""

    name = "api"
    verbose_name = "API"
    default_auto_field = "django.db.models.BigAutoField"
