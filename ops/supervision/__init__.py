"""Keeps the processes of `jun up` running, and stops them in order."""
