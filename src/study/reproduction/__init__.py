"""What keeps the committed results believable: that they come out again, and that no file has rotted."""
