"""The live table of the regions in the terminal of `jun up`."""
