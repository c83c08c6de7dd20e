"""Django's registration of the room: keeps the roles' groups as their table says, and notices who logs in."""

from django.apps import AppConfig, apps
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        """Once per migration, when the permissions of all rooms are there: after the last of them."""
        # Models are ready only now.
        from axes.signals import user_locked_out

        from accounts import roles, throttle, web_sessions

        last = [config for config in apps.get_app_configs() if config.models_module is not None][-1]
        post_migrate.connect(roles.set_up_groups, sender=last, dispatch_uid="accounts.roles")
        user_logged_in.connect(web_sessions.began, dispatch_uid="accounts.began")
        user_logged_out.connect(web_sessions.ended, dispatch_uid="accounts.ended")
        user_locked_out.connect(throttle.note_lockout, dispatch_uid="accounts.lockouts")
