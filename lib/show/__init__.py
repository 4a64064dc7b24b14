"""What the notebooks show: plots, players, claims and the answers of checkers."""
