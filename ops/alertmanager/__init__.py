"""Alertmanager: who is told of what, what holds what back, and when nobody wants to hear of it."""
