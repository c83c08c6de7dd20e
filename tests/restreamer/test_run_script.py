"""`./run` on machines of all kinds, with a project of its own that needs nothing from the network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.slow

SYSTEM_PYTHON = Path(sys.base_prefix) / "bin" / "python3"


class Project:
    """A folder with our `run` and a manage.py that says what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = folder.parent / f"{folder.name} bin"
        folder.mkdir()
        self.programs.mkdir()
        shutil.copy(settings.BASE_DIR / "run", folder / "run")
        (folder / "requirements.txt").write_text("# nothing\n")
        (folder / "requirements-dev.txt").write_text("# nothing more\n")
        (folder / "manage.py").write_text("import os, sys\nprint('manage', sys.argv[1:], os.getcwd())\n")
        # All a minimal Debian has that we use: no make, curl, git or compiler.
        for name in ("sh", "cat", "dirname", "basename", "readlink", "rm", "mv", "sed", "id", "flock"):
            program = shutil.which(name)
            assert program
            (self.programs / name).symlink_to(program)
        self.python(f'exec "{SYSTEM_PYTHON}" "$@"')

    def python(self, script: str, name: str = "python3") -> None:
        """Put a Python on the PATH, or what passes for one."""
        program = self.programs / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def run(
        self, *words: str, script: Path | None = None, cwd: Path | None = None, system: str = ""
    ) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": f"{self.programs}{system}", "HOME": str(self.folder.parent), "PIP_NO_INDEX": "1"}
        return subprocess.run(
            [str(script or self.folder / "run"), *words],
            cwd=cwd or "/",
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A project after its first start."""
    project = Project(tmp_path_factory.mktemp("run") / "my project")
    first = project.run()
    assert first.returncode == 0, first.stderr
    assert "Installing what requirements.txt names" in first.stderr
    return project


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


def test_a_later_start_installs_nothing(installed):
    again = installed.run()
    assert (again.stdout, again.stderr) == ("manage ['up'] /\n", "")


def test_words_reach_the_command_as_they_are(installed):
    assert installed.run("manage", "portal", "add", "My TV", "").stdout == "manage ['portal', 'add', 'My TV', ''] /\n"


def test_it_works_through_a_link_from_anywhere(installed, tmp_path):
    (tmp_path / "link").symlink_to(installed.folder / "run")
    seen = installed.run("doctor", "--json", script=tmp_path / "link", cwd=tmp_path)
    assert seen.stdout == f"manage ['doctor', '--json'] {tmp_path}\n"


def test_a_word_it_does_not_know_is_answered_with_those_it_knows(installed):
    refused = installed.run("tset")
    assert refused.returncode == 1
    assert "There is no ./run tset." in refused.stderr
    assert "./run test [arguments]" in refused.stderr


def test_changed_requirements_are_installed_and_a_failure_is_tried_again(installed):
    needs = installed.folder / "requirements.txt"
    before = needs.read_text()
    needs.write_text("no-such-package-anywhere\n")
    for _ in range(2):
        failed = installed.run()
        assert failed.returncode == 1
        assert "Installing did not work" in failed.stderr
        assert failed.stdout == ""
    needs.write_text(before)
    assert "Installing" in installed.run().stderr
    assert installed.run().stderr == ""


def test_an_environment_that_was_made_half_is_made_again(project):
    (project.folder / ".venv" / "bin").mkdir(parents=True)
    (project.folder / ".venv" / "bin" / "python").symlink_to("/no/such/python")
    seen = project.run()
    assert seen.stdout == "manage ['up'] /\n", seen.stderr


def test_a_debian_without_its_venv_package_is_told_the_one_line(project):
    project.python(f'case "$2" in *ensurepip*) exit 1 ;; esac\nexec "{SYSTEM_PYTHON}" "$@"')
    refused = project.run()
    assert refused.returncode == 1
    assert refused.stderr.endswith("apt install python3-venv\n")
    assert not (project.folder / ".venv").exists()


def test_a_machine_without_python_is_told_the_one_line(project):
    (project.programs / "python3").unlink()
    refused = project.run()
    assert refused.returncode == 1
    assert refused.stderr.endswith("apt install python3 python3-venv\n")


def test_an_old_python_is_passed_over_for_a_younger_one(project):
    project.python('case "$2" in *version_info*) exit 1 ;; esac\nexit 99')
    project.python(f'exec "{SYSTEM_PYTHON}" "$@"', name="python3.11")
    assert project.run().stdout == "manage ['up'] /\n"


def young(python: str) -> bool:
    check = "import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([python, "-c", check], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(
    not Path("/usr/bin/python3").exists() or not young("/usr/bin/python3"), reason="the system's Python does not do"
)
def test_the_systems_own_python_is_taken_before_another_on_the_path(project):
    project.python("exit 99")
    assert project.run(system=":/usr/bin").stdout == "manage ['up'] /\n"
    home = (project.folder / ".venv" / "pyvenv.cfg").read_text()
    assert "home = /usr/bin\n" in home


def test_a_python_that_can_make_environments_is_looked_for_behind_one_that_cannot(project):
    project.python('case "$2" in *ensurepip*) exit 1 ;; esac\nexit 99')
    project.python(f'exec "{SYSTEM_PYTHON}" "$@"', name="python3.11")
    assert project.run().stdout == "manage ['up'] /\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else_is_said(project):
    project.folder.chmod(0o500)
    refused = project.run()
    assert "is not yours to write" in refused.stderr
