"""`manage.py up, doctor, worker, scheduler`."""
