"""The texts in three languages."""
