"""The small model on this machine's processor: its weights, its server as a child process, its machine's limits."""
