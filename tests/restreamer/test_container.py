"""What the image is made of agrees with the program; its health check tells ready from not ready."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.conf import settings

from restreamer.runner.supervisor import STOP_TIMEOUT_S

DOCKERFILE = (settings.BASE_DIR / "Dockerfile").read_text()
COMPOSE = (settings.BASE_DIR / "compose.yaml").read_text()
CHECK = settings.BASE_DIR / "container" / "ready.py"


class House(HTTPServer):
    """Answers with the status a test says, and remembers what was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.status = 200
        self.asked = []


class Answers(BaseHTTPRequestHandler):
    server: House

    def do_GET(self):
        self.server.asked.append((self.path, self.headers["Host"]))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def house():
    server = House()
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def checked(port, **environment):
    told = {"PATH": os.environ["PATH"], "RESTREAMER_BIND": f"0.0.0.0:{port}", **environment}
    return subprocess.run([sys.executable, str(CHECK)], env=told, timeout=60, check=False).returncode


def test_ready_is_zero(house):
    assert checked(house.server_port) == 0
    assert house.asked == [("/readyz", "localhost")]


def test_not_ready_and_no_answer_are_one(house):
    house.status = 503
    assert checked(house.server_port) == 1
    house.shutdown()
    house.socket.close()
    assert checked(house.server_port) == 1


def test_it_asks_for_a_host_that_is_let_in(house):
    assert checked(house.server_port, RESTREAMER_ALLOWED_HOSTS=".tv.example,other") == 0
    assert house.asked == [("/readyz", "tv.example")]


def test_what_the_image_copies_is_there():
    for words in re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.M):
        for name in words.split():
            assert (settings.BASE_DIR / name).exists(), name


def test_what_the_program_needs_is_not_left_out():
    left_out = (settings.BASE_DIR / ".dockerignore").read_text().split()
    needed = {app.partition(".")[0] for app in settings.INSTALLED_APPS if (settings.BASE_DIR / app).is_dir()}
    assert not {*needed, "static", "templates", "manage.py", "run", "container"} & set(left_out)


def test_it_is_nobody_in_particular_and_keeps_all_in_the_volume():
    assert re.search(r"^USER (?!root|0)", DOCKERFILE, re.M)
    assert "RESTREAMER_DATA=/data" in DOCKERFILE
    assert re.search(r"^VOLUME /data$", DOCKERFILE, re.M)
    assert ":/data\n" in COMPOSE


def test_it_is_given_the_time_it_needs_to_end():
    wanted = re.search(r"stop_grace_period: (\d+)s", COMPOSE)
    assert wanted
    assert int(wanted[1]) > STOP_TIMEOUT_S
