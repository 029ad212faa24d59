"""From events to what may be released: measures, ingest agents, Faust agents, replay."""
