"""Messages to people without Alertmanager: each change of verdict is told once, through the Apprise library."""
