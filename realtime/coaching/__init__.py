"""Place and pose → difference, score, cue, ghost."""
