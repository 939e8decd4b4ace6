"""What is measured, as people read it: text and pictures."""
