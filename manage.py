#!/usr/bin/env python3
"""Django's command line."""

import os
import sys

from django.core.management import execute_from_command_line

from restreamer.lib.errors import ConfigurationError

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "restreamer.settings")
    try:
        execute_from_command_line(sys.argv)
    except ConfigurationError as err:
        # A wrong setting is met while the settings are read, before any command could say so in its own way.
        sys.exit(f"Error: {err.message}")
