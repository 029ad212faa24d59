"""Agents that push: one module for each kind of source, behind one Source protocol."""
