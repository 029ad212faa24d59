"""What flows between the parts of Jun: the contracts of every arrow. Imports nothing of ours."""
