"""Backups: everything that cannot be made anew, in one zip file that any database and any later version can take."""
