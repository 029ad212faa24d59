"""What operators touch: command line, configuration, embedded broker, exporter."""
