"""python -m tests.benchmarks.import_job ID: works on an import as the background worker does, and
prints the most MiB that the process had, before it and after it."""

import os
import resource
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from notifier.recipients.imports import job


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    before = peak()
    job.run(int(sys.argv[1]))
    print(before, peak())
