"""What the commands about silence read and draw."""
