"""The Faust app: transport, tables, the two agents. Thin."""
