"""What one would write first: a reader thread and a StreamingHttpResponse generator per viewer. For comparison."""

from __future__ import annotations

import os
import threading
import urllib.request
from collections import deque
from collections.abc import Iterator

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import path

settings.configure(
    DEBUG=False, SECRET_KEY="bench", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, LOGGING_CONFIG=None, MIDDLEWARE=[]
)


class Shared:
    """The newest blocks of one upstream."""

    def __init__(self) -> None:
        self.blocks: deque[tuple[int, bytes]] = deque(maxlen=256)
        self.count = 0
        self.more = threading.Condition()
        self.started = threading.Lock()

    def start(self) -> None:
        if self.started.acquire(blocking=False):
            threading.Thread(target=self.read, daemon=True).start()

    def read(self) -> None:
        with urllib.request.urlopen(os.environ["BENCH_ORIGIN"]) as upstream:
            while block := upstream.read(65424):
                with self.more:
                    self.blocks.append((self.count, block))
                    self.count += 1
                    self.more.notify_all()


SHARED = Shared()


def blocks() -> Iterator[bytes]:
    SHARED.start()
    position = SHARED.count
    while True:
        with SHARED.more:
            while SHARED.count <= position:
                SHARED.more.wait()
            fresh = [block for number, block in SHARED.blocks if number >= position]
            position = SHARED.count
        yield from fresh


def view(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(blocks(), content_type="video/mp2t")


urlpatterns = [path("", view)]
application = get_wsgi_application()
