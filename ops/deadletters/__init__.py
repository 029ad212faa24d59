"""What operators do with refused inputs: list them, look into them, send them again."""
