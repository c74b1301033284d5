"""From place and pose to difference, score, cue and ghost."""
