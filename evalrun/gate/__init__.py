"""Gates: rules about a run, alone or against a baseline, and the word they end in."""
