"""The same measures over a stretch of the log, without Faust."""
