"""The room's entry in Django."""

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    """Monitoring."""

    name = "monitoring"
    default_auto_field = "django.db.models.BigAutoField"
