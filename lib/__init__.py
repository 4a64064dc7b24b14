"""Hearsay: language-based audio retrieval, built step by step. The notebooks are the product; this backs them."""
