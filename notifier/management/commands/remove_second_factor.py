"""manage.py remove_second_factor <username>: for when nobody is left who can do it in the admin."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from notifier.access.second_factor import remove


class Command(BaseCommand):
    help = "Removes a user's second factor: the next login needs the password alone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *_args: Any, **options: Any) -> None:
        user = get_user_model().objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['username']!r}.")
        if not remove(user):
            raise CommandError(f"{user.get_username()} has no second factor.")
        self.stdout.write(f"The second factor of {user.get_username()} is removed.")
