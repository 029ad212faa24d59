"""The exporter: what was released of the regions and how the line fares, for Prometheus to scrape."""
