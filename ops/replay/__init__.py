"""What a replay is for: series as the exporter would have shown them, a comparison with what was live, a what-if."""
