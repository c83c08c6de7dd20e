"""`manage.py up`: all processes of one machine, started, watched and stopped as one."""
