"""From exact activity to what may be released of each region, and its verdict."""
