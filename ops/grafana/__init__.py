"""Grafana: boards as code, the JSON that is made of them, and the files that put both in place."""
