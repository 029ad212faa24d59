"""Silence: alerts that are early, rare and right. Written below once it stands."""
