"""Prometheus: recording and alert rules from one place, with their thresholds."""
