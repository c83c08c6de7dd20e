"""How gunicorn serves the pages: threads, no streams of its own (the relay owns the viewers' sockets)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "restreamer.settings")

from django.conf import settings

from restreamer.parent_death import die_with

wsgi_app = "restreamer.wsgi:application"
bind = settings.RESTREAMER_BIND
worker_class = "restreamer.web_worker.WebWorker"
workers = settings.WEB_WORKERS
threads = settings.WEB_THREADS
# Loaded once and shared by the workers: less memory, and a worker that died is back in a moment.
preload_app = True
keepalive = 5
# Of one request, in bytes; what is larger is answered with 4xx before it is read.
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
timeout = 120
# Less than the runner's patience, so that gunicorn ends its workers itself.
graceful_timeout = 8
# One control socket per user is gunicorn's default: two installations of one user would fight over it.
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
# An access log per playlist poll is noise; sessions have their own journal.
accesslog = None
errorlog = "-"
loglevel = "warning"
forwarded_allow_ips = ",".join(settings.TRUSTED_PROXIES)


def post_fork(arbiter: Any, worker: Any) -> None:
    """A worker must not outlive a killed arbiter: it would hold on to the port."""
    die_with(arbiter.pid)
