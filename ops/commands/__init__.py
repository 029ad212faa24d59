"""The commands of `jun`: one module for each group, plain functions with type hints."""
