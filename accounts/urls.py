"""Addresses of web users' pages."""

from django.urls import URLPattern, path

from accounts.views import account, login, me, sign_on

urlpatterns: list[URLPattern] = [
    path("login/", login.log_in, name="login"),
    path("login/code/", login.code, name="login-code"),
    path("logout/", login.log_out, name="logout"),
    path("me/", me.me, name="me"),
    path("me/viewer/<int:viewer_id>/token/", me.new_token, name="my-new-token"),
    path("me/viewer/<int:viewer_id>/password/", me.new_viewer_password, name="my-new-password"),
    path("me/account/", account.account, name="account"),
    path("me/account/password/", account.change_password, name="account-password"),
    path("me/account/sign-out/", account.sign_out, name="account-sign-out"),
    path("me/account/second-factor/", account.set_up_factor, name="account-factor"),
    path("me/account/second-factor/recovery/", account.recovery_codes, name="account-recovery"),
    path("me/account/second-factor/off/", account.take_factor_away, name="account-factor-off"),
    path("sign-on/", sign_on.start, name="sign-on"),
    path("sign-on/connect/", sign_on.link, name="sign-on-link"),
    path("sign-on/back/", sign_on.back, name="sign-on-back"),
]
