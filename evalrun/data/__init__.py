"""Where samples come from: sources of rows, prompt templates, and the survey of what they make. Sends nothing."""
