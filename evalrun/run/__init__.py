"""One run: asks every sample of every target and journals what came back. The only place that creates tasks."""
