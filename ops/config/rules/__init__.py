"""Rules across settings: each module looks at one subject and gives its problems as sentences."""
