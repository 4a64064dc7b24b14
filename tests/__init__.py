"""Everything that keeps Hearsay true: unit, parity, exercise, notebook and browser lanes."""
