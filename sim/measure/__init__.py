"""What runs show: numbers worked out from their tables alone."""
