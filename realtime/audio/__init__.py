"""The expert's sound at the performer's pace, and the voice."""
